"""The reference as one page of HTML: made from the OpenAPI document, without a script and without anything to load."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from html import escape
from typing import Any

Document = dict[str, Any]

STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8882;--mark:#0b6bcb}
@media(prefers-color-scheme:dark){:root{--mark:#7cc0ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{margin:.2em 0}h2{margin:2em 0 .5em;border-bottom:1px solid var(--line)}
a{color:var(--mark)}
details{border:1px solid var(--line);border-radius:.4rem;margin:.4rem 0;padding:.4rem .7rem}
summary{cursor:pointer}
code,pre{font:.9em/1.45 ui-monospace,monospace}
pre{white-space:pre-wrap;background:var(--soft);padding:.6rem;border-radius:.3rem}
b{display:inline-block;min-width:4.2rem}
dt{font-weight:600}dd{margin:0 0 .5rem 1rem}
:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
"""
_CODE = re.compile(r"`([^`]+)`")
_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def _prose(text: str) -> str:
    """*text*, escaped; what stands between backticks is set as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def reference_page(document: Document) -> str:
    """The page for *document*. Every text of it is escaped."""
    info = document["info"]
    groups = "".join(_group(tag, document) for tag in document["tags"])
    schemas = "".join(_schema(name, schema) for name, schema in document["components"]["schemas"].items())
    links = " · ".join(f'<a href="#tag-{escape(tag["name"])}">{escape(tag["name"])}</a>' for tag in document["tags"])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{STYLE}</style></head><body>"
        f"<header><h1>{escape(info['title'])} API</h1><p>{_prose(info['summary'])} {_prose(info['description'])} "
        f'The same as <a href="/openapi.json">OpenAPI 3.1</a>.</p>'
        f'<nav aria-label="Sections">{links} · <a href="#shapes">shapes</a></nav></header>'
        f'<main>{groups}<section><h2 id="shapes">Shapes</h2>{schemas}</section></main></body></html>'
    )


def _group(tag: Document, document: Document) -> str:
    operations = "".join(
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if tag["name"] in operation["tags"]
    )
    name = escape(tag["name"])
    return f'<section><h2 id="tag-{name}">{name}</h2><p>{_prose(tag["description"])}</p>{operations}</section>'


def _operation(method: str, path: str, operation: Document) -> str:
    parts = [f"<p>{_prose(operation['description'])}</p>"] if "description" in operation else []
    if "parameters" in operation:
        parts.append(f"<h3>Parameters</h3><dl>{''.join(map(_parameter, operation['parameters']))}</dl>")
    if "requestBody" in operation:
        body = _shape(operation["requestBody"]["content"]["application/json"]["schema"])
        parts.append(f"<h3>Body</h3><p>{body}</p>")
    answers = "".join(
        f"<dt>{escape(status)}</dt><dd>{_prose(answer['description'])}{_content(answer)}</dd>"
        for status, answer in operation["responses"].items()
    )
    parts.append(f"<h3>Answers</h3><dl>{answers}</dl>")
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><b>{escape(method.upper())}</b> '
        f"<code>{escape(path)}</code><br>{_prose(operation['summary'])}</summary>{''.join(parts)}</details>"
    )


def _parameter(parameter: Document) -> str:
    schema = ", ".join(f"{name} {value}" for name, value in parameter["schema"].items())
    words = _prose(parameter.get("description", ""))
    return (
        f"<dt><code>{escape(parameter['name'])}</code> in {escape(parameter['in'])}</dt>"
        f"<dd>{words} <code>{escape(schema)}</code></dd>"
    )


def _content(answer: Document) -> str:
    shapes = [
        f"<code>{escape(media)}</code> {_shape(each['schema'])}" for media, each in answer.get("content", {}).items()
    ]
    return f": {'; '.join(shapes)}" if shapes else ""


def _shape(schema: Document) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#shape-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_shape(each) for each in schema["anyOf"])
    return escape(str(schema.get("type", "anything")))


def _schema(name: str, schema: Document) -> str:
    words = _prose(schema.get("description", ""))
    rest = {key: value for key, value in schema.items() if key not in {"description", "title"}}
    shown = escape(json.dumps(rest, indent=1, ensure_ascii=False))
    return (
        f'<details id="shape-{escape(name)}"><summary><code>{escape(name)}</code></summary><p>{words}</p>'
        f"<pre>{shown}</pre></details>"
    )
