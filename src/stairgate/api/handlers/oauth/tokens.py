"""
`POST /api/authentication/oauth/tokens`: the one grant that is no login, `client_credentials` (RFC 6749 §4.4).

Refusals have the form of RFC 6749 §5.2, since those who call are OAuth libraries.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from stairgate.api.answers import Answer, json_answer
from stairgate.api.call import Call
from stairgate.api.wire.oauth import TokenResponse
from stairgate.model.canonical import read_json
from stairgate.model.errors import InvalidInputError, UnauthenticatedError
from stairgate.service.client_tokens import SCOPE, issue_client_token

PATH = "/api/authentication/oauth/tokens"
GRANT = "client_credentials"
_FORM = b"application/x-www-form-urlencoded"
_JSON = b"application/json"
_MOST_PARAMETERS = 32
_INVALID_REQUEST = "invalid_request"
_PRAGMA = (b"pragma", b"no-cache")  # RFC 6749 §5.1
_BASIC = (b"www-authenticate", b'Basic realm="stairgate"')


@dataclass(frozen=True, slots=True)
class _Credentials:
    client: str
    secret: str = field(repr=False)
    basic: bool  # sent by HTTP Basic


class _RefusedError(Exception):
    """An OAuth error: its code, and what to do in plain words."""

    def __init__(self, code: str, description: str) -> None:
        self.code = code
        self.description = description
        super().__init__(code)


async def issue(call: Call) -> Answer:
    """Answer the token endpoint."""
    try:
        credentials = _request(call)
    except _RefusedError as refused:
        return _refusal(400, refused.code, refused.description)
    try:
        token = await issue_client_token(call.services, credentials.client, credentials.secret)
    except UnauthenticatedError as error:
        return _refusal(401, "invalid_client", error.title, *((_BASIC,) if credentials.basic else ()))
    return json_answer(200, TokenResponse(token.token, "Bearer", token.expires_in, SCOPE), _PRAGMA)


def _refusal(status: int, code: str, description: str, *headers: tuple[bytes, bytes]) -> Answer:
    # SECURITY: nothing that was sent is in a description.
    return json_answer(status, {"error": code, "error_description": description}, *headers)


def _request(call: Call) -> _Credentials:
    parameters = _parameters(call)
    grant = parameters.get("grant_type")
    if grant is None:
        raise _RefusedError(_INVALID_REQUEST, f"grant_type is required: {GRANT}")
    if grant != GRANT:
        raise _RefusedError("unsupported_grant_type", f"only {GRANT}: users log in with your identity provider")
    return _credentials(call, parameters)


def _parameters(call: Call) -> Mapping[str, str]:
    """The text parameters of a form or of a JSON object; those that nobody knows are left out (RFC 6749 §3.2)."""
    media_type = call.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type == _FORM:
        pairs = _form(call.raw)
    elif media_type == _JSON:
        pairs = _members(call.raw)
    else:
        raise _RefusedError(_INVALID_REQUEST, f"send {_FORM.decode()} or {_JSON.decode()}")
    found: dict[str, str] = {}
    for name, value in pairs:
        known = _NAMES.get(name)
        if known is None:
            continue
        if known in found:
            raise _RefusedError(_INVALID_REQUEST, f"{known} must be sent once")
        found[known] = value
    return found


_NAMES = {
    "grant_type": "grant_type",
    "grantType": "grant_type",
    "client_id": "client_id",
    "clientId": "client_id",
    "client_secret": "client_secret",
    "clientSecret": "client_secret",
}


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError:
        raise _RefusedError(_INVALID_REQUEST, "the body is not a form") from None
    # A secret is base64, where `+` is a character; a client that does not escape it means it all the same.
    return [(name, value.replace(" ", "+") if _NAMES.get(name) == "client_secret" else value) for name, value in pairs]


def _members(body: bytes) -> list[tuple[str, str]]:
    try:
        document = read_json(body)
    except InvalidInputError:
        document = None
    if not isinstance(document, Mapping):
        raise _RefusedError(_INVALID_REQUEST, "the body is not a JSON object")
    members: list[tuple[str, str]] = []
    for name, value in document.items():
        if name in _NAMES:
            if not isinstance(value, str):
                raise _RefusedError(_INVALID_REQUEST, f"{_NAMES[name]} must be a string")
            members.append((name, value))
    return members


def _credentials(call: Call, parameters: Mapping[str, str]) -> _Credentials:
    authorization = call.headers.get(b"authorization", b"")
    scheme, _, value = authorization.partition(b" ")
    if scheme.lower() == b"basic":
        if "client_secret" in parameters:
            raise _RefusedError(_INVALID_REQUEST, "send the secret once: by HTTP Basic or in the body")
        client, secret = _basic(value.strip())
        if parameters.get("client_id", client) != client:
            raise _RefusedError(_INVALID_REQUEST, "the body names another client than HTTP Basic")
        return _Credentials(client, secret, basic=True)
    client, secret = parameters.get("client_id", ""), parameters.get("client_secret", "")
    if not client or not secret:
        raise _RefusedError(_INVALID_REQUEST, "client_id and client_secret are required")
    return _Credentials(client, secret, basic=False)


def _basic(value: bytes) -> tuple[str, str]:
    """Id and secret, each percent-encoded or as it is: RFC 6749 §2.3.1 wants the first, many clients send the other."""
    try:
        client, colon, secret = b64decode(value, validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        client, colon, secret = "", "", ""
    if not colon:
        raise _RefusedError(_INVALID_REQUEST, "the Authorization field is not HTTP Basic")
    return unquote(client), unquote(secret).replace(" ", "+")
