"""A browser without scripts, as small as can be: cookies, forms and where an answer leads."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

PATIENCE = 30


@dataclass
class Seen:
    """One answer."""

    url: str
    status: int
    headers: list[tuple[str, str]]
    text: str

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name]
        assert len(found) <= 1, f"{name} stands {len(found)} times"
        return found[0] if found else None

    @property
    def words(self) -> str:
        """What is read: no tags, single blanks."""
        return words(self.text)

    def form(self, verb: str, number: int = 0) -> dict[str, str]:
        """What the form for *verb* has in it before anybody typed."""
        return forms(self.text)[verb][number]


@dataclass
class Visitor:
    """Somebody with a browser that keeps its cookies and runs no scripts."""

    language: str = "en"
    cookies: dict[str, str] = field(default_factory=dict)

    def send(
        self, method: str, url: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> Seen:
        """One request, and no following."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=PATIENCE)
        fields = {"Host": parts.netloc, "Accept-Language": self.language, **(headers or {})}
        if self.cookies:
            fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = None
        if form is not None:
            body = urlencode(form)
            fields.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, fields)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return Seen(url, answer.status, answer.getheaders(), text)

    def go(self, url: str) -> Seen:
        """See *url*, wherever it leads on the same host."""
        return self.follow(self.send("GET", url))

    def submit(self, seen: Seen, verb: str, which: int = 0, /, **typed: str) -> Seen:
        """Fill in the form for *verb* and send it."""
        target = urljoin(seen.url, f"{urlsplit(seen.url).path}/{verb}")
        return self.follow(self.send("POST", target, {**seen.form(verb, which), **typed}))

    def follow(self, seen: Seen) -> Seen:
        """See where *seen* leads, on the same host."""
        while seen.status == 303:
            location = urljoin(seen.url, seen.header("location") or "")
            if urlsplit(location).netloc != urlsplit(seen.url).netloc:
                return seen
            seen = self.send("GET", location)
        return seen


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"title", "template", "style", "script"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"title", "template", "style", "script"}

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def words(text: str) -> str:
    parser = _Words()
    parser.feed(text)
    return re.sub(r"\s+", " ", "".join(parser.parts)).strip()


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[dict[str, str]]] = {}
        self._open: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = {}
            self.found.setdefault(values["action"].rpartition("/")[2], []).append(self._open)
        elif tag == "input" and self._open is not None and values.get("type") != "checkbox":
            self._open[values["name"]] = values.get("value", "")


def forms(text: str) -> dict[str, list[dict[str, str]]]:
    parser = _Forms()
    parser.feed(text)
    return parser.found
