"""The OpenAPI 3.1 document, made from the route table and the Structs. The committed copy is checked for drift."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

import msgspec

from stairgate.api.call import MAX_IDEMPOTENCY_KEY, Parameter, Route
from stairgate.api.once import IDEMPOTENCY_KEY
from stairgate.api.wire.problem import Problem

Document = dict[str, Any]

VERSION = "1"  # of this surface: the `v1` of its paths
_REF = "#/components/schemas/{name}"
_BEARER = "bearer"
_PAGE = "page"
_FORM = "application/x-www-form-urlencoded"
_ALWAYS = (400, 413, 415, 431)  # what any call can be answered with
_REPEAT = Parameter(
    IDEMPOTENCY_KEY,
    "Sent again under the same key, by the same token and with the same content, it does nothing new and is answered "
    "the same, for a day (for 10 minutes where the answer holds a secret, then 409 `AlreadyDone`). Anything else under "
    "the key is 409 `IdempotencyKeyReused`.",
    minimum=1,
    maximum=MAX_IDEMPOTENCY_KEY,
)
_TAGS = {
    "check": "May they?",
    "access": "What a user may do, where, and through which roles.",
    "step-up": "Challenges: open, answer, follow, report.",
    "elevations": "What step-ups have opened.",
    "records": "Access records: who has which roles where.",
    "requests": "Requests to other people, and their votes.",
    "roles": "Bags of permissions.",
    "groups": "Users who are given access together.",
    "resources": "What holds for a resource, whoever has access.",
    "clients": "Service clients and their access keys.",
    "identities": "The issuers whose user tokens are trusted.",
    "invites": "Access that waits for whoever accepts it.",
    "users": "Users, as records, groups and factors name them.",
    "account": "The account itself.",
    "login": "What this service has no part in, and says so: authentication stops at login.",
    "keys": "What is signed can be verified with these.",
    "operation": "For those who run it.",
}

# What path parameters look like, as the parsers in stairgate.model read them; those say more, such as 15 segments.
PATH_PARAMETERS: dict[str, Document] = {
    "userId": {"maxLength": 128, "pattern": "^[a-zA-Z0-9+._|/~:@ -]{1,128}$"},
    "resourceUri": {"maxLength": 512, "pattern": "^[a-zA-Z0-9._+=~|@:*/-]{1,512}$"},
    "permission": {"maxLength": 64, "pattern": "^[a-zA-Z0-9_:*-]{1,64}$"},
    "recordId": {"maxLength": 100, "pattern": "^[a-zA-Z0-9_:|~-]{1,100}$"},
    "requestId": {"maxLength": 100, "pattern": "^[a-zA-Z0-9_:|~-]{1,100}$"},
    "roleId": {"maxLength": 64, "pattern": "^[a-zA-Z0-9._:@-]{1,64}$"},
    "groupId": {"maxLength": 64, "pattern": "^[a-zA-Z0-9_-]{1,64}$"},
    "clientId": {"maxLength": 64, "pattern": "^[a-zA-Z0-9_-]{1,64}$"},
}
_ANY_ID: Document = {"maxLength": 128, "pattern": "^[a-zA-Z0-9_-]{1,128}$"}


def openapi_document(routes: Iterable[Route]) -> Document:
    """The document of *routes*."""
    routes = tuple(routes)
    shapes = _shapes_of(routes)
    schemas, components = msgspec.json.schema_components(shapes, schema_hook=_schema_of_any, ref_template=_REF)
    schema_of = dict(zip(shapes, schemas, strict=True))
    paths: dict[str, Document] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of)
    used = dict.fromkeys(route.tag for route in routes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stairgate",
            "version": VERSION,
            "summary": "Allowed, denied, or prove it first.",
            "description": "Errors have one shape, `Problem`; act on `errorCode`. Unknown members are refused.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": tag, "description": _TAGS.get(tag, tag)} for tag in used],
        "security": [{_BEARER: []}],
        "paths": paths,
        "components": {
            "schemas": {name: _tidied(schema) for name, schema in sorted(components.items())},
            "securitySchemes": {
                _BEARER: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A user's access token, or what a service client signs with its access key.",
                },
                _PAGE: {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Stairgate-Page-Secret",
                    "description": "In place of a token: the secret in a challenge's page address. It proves nothing.",
                },
            },
        },
    }


def document_bytes(document: Document) -> bytes:
    """*document* as it is served and committed."""
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _schema_of_any(kind: type) -> Document:
    # A Struct may take any value where a reader of its own looks at it; then the Struct's docstring says what it is.
    if kind is object:
        return {}
    message = f"{kind} has no JSON schema"
    raise NotImplementedError(message)


def _shapes_of(routes: Iterable[Route]) -> list[type]:
    shapes: dict[type, None] = {Problem: None}
    for route in routes:
        for shape in (route.request, *route.responses.values()):
            if shape is not None:
                shapes[shape] = None
    return list(shapes)


def _operation(route: Route, schema_of: dict[type, Document]) -> Document:
    operation: Document = {
        "operationId": _operation_id(route),
        "tags": [route.tag],
        "summary": route.summary,
    }
    if route.description:
        operation["description"] = route.description
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, **PATH_PARAMETERS.get(name, _ANY_ID)},
        }
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    parameters += [_parameter(each, "query") for each in route.query]
    headers = (*route.headers, _REPEAT) if route.idempotent else route.headers
    parameters += [_parameter(each, "header") for each in headers]
    if parameters:
        operation["parameters"] = parameters
    if route.request is not None:
        media_types = (_FORM, "application/json") if route.form else ("application/json",)
        operation["requestBody"] = {
            "required": not route.optional_body,
            "content": {media_type: {"schema": schema_of[route.request]} for media_type in media_types},
        }
    operation["responses"] = _responses(route, schema_of)
    if route.public:
        operation["security"] = []
    elif route.by_page:
        operation["security"] = [{_BEARER: []}, {_PAGE: []}]
    return operation


def _operation_id(route: Route) -> str:
    words = [word for word in re.split(r"[^A-Za-z0-9]+", route.path) if word and word != "v1"]
    return route.method.lower() + "".join(word[:1].upper() + word[1:] for word in words)


def _parameter(parameter: Parameter, place: str) -> Document:
    schema: Document = {"type": parameter.kind}
    low, high = ("minimum", "maximum") if parameter.kind == "integer" else ("minLength", "maxLength")
    if parameter.minimum is not None:
        schema[low] = parameter.minimum
    if parameter.maximum is not None:
        schema[high] = parameter.maximum
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    return {
        "name": parameter.name,
        "in": place,
        "required": False,
        "description": parameter.description,
        "schema": schema,
    }


def _responses(route: Route, schema_of: dict[type, Document]) -> Document:
    problem = {"application/json": {"schema": schema_of[Problem]}}
    statuses: Document = {}
    for status, shape in route.responses.items():
        statuses[str(status)] = _success(route, status, None if shape is None else schema_of[shape])
    errors = (
        {*_ALWAYS, *route.errors}
        | ({409} if route.idempotent else set())
        | (set() if route.public else {401, 403, 503})
    )
    for status in sorted(errors):
        known = statuses.get(str(status))
        if known is None:
            statuses[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
        else:  # a refusal with a shape of its own shares its status with the plain ones
            content = known["content"]["application/json"]
            content["schema"] = {"anyOf": [content["schema"], schema_of[Problem]]}
    return dict(sorted(statuses.items()))


def _success(route: Route, status: int, schema: Document | None) -> Document:
    answer: Document = {"description": HTTPStatus(status).phrase}
    if schema is None and route.media_type == "application/json":
        return answer
    if status >= 400:  # noqa: PLR2004
        answer["content"] = {"application/json": {"schema": schema}}
    elif route.media_type != "application/json":
        answer["content"] = {route.media_type: {"schema": {"type": "string"}}}
    else:
        answer["content"] = {"application/json": {"schema": schema}}
    return answer


def _tidied(schema: Document) -> Document:
    if "description" in schema:
        schema["description"] = " ".join(cleandoc(schema["description"]).split())
    return schema
