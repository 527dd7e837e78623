"""A user's factors: see, add, rename, clear and remove them; and whether the user is asked every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stairgate.client.codec import from_wire
from stairgate.client.errors import UnexpectedAnswerError
from stairgate.client.exchange import Operation, Request, document_in, encoded, exchange, path
from stairgate.client.refusals import refusal
from stairgate.client.requirement import NO_EXTRA

_DONE = frozenset({200, 201, 204})


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """
    A registered means of proof.

    Args:
        factor_id: Its id.
        method: `passkey`, `totp`, `email`, `sms` or `recovery`.
        level: What it proves.
        name: What the user calls it.
        created_at: When it was added.
        usable_from: Until then it is on hold.
        last_used_at: When it last proved something.
        disabled: Whether wrong answers have disabled it.
        codes_left: Of recovery codes, how many are unused.
        synced: Of a passkey, whether it may leave its device.
        address: Of email and sms, masked.
        restricted: Whether it proves little.
        extra: Members that this SDK does not know.
    """

    factor_id: str
    method: str
    level: str
    name: str = ""
    created_at: datetime | None = None
    usable_from: datetime | None = None
    last_used_at: datetime | None = None
    disabled: bool = False
    codes_left: int | None = None
    synced: bool | None = None
    address: str | None = None
    restricted: bool = False
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunFactor:
    """
    A factor that is to be confirmed, with what the person needs for it; shown this once.

    Args:
        method: Which kind.
        expires_at: Until when it can be confirmed.
        enrolment_id: What `confirm` takes; None of recovery codes, which are in force at once.
        secret: Of totp, for typing it into an authenticator app.
        uri: Of totp, for a link to the app.
        qr_svg: Of totp, the same as a picture.
        public_key: Of a passkey: what goes to `navigator.credentials.create`.
        sent_to: Of email and sms, where the code went, masked.
        codes: Recovery codes.
        factor_id: Of recovery codes.
        extra: Members that this SDK does not know.
    """

    method: str
    expires_at: datetime | None = None
    enrolment_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    uri: str | None = field(default=None, repr=False)
    qr_svg: str | None = field(default=None, repr=False)
    public_key: Mapping[str, object] | None = field(default=None, repr=False)
    sent_to: str | None = None
    codes: Sequence[str] = field(default=(), repr=False)
    factor_id: str | None = None
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA, repr=False)


def list_factors(user_id: str) -> Operation[list[Factor]]:
    """The user's factors, oldest first."""
    document = yield from _call(Request("GET", path("v1", "users", user_id, "factors"), repeatable=True))
    items = document.get("factors")
    if not isinstance(items, list):
        raise UnexpectedAnswerError("unexpected answer: no list of `factors`")
    return [from_wire(Factor, item) for item in items]


def begin_factor(user_id: str, what: Mapping[str, str | None]) -> Operation[BegunFactor]:
    """Begin to add a factor: *what* are the members of the request that are not None."""
    body = encoded({name: value for name, value in what.items() if value is not None})
    document = yield from _call(Request("POST", path("v1", "users", user_id, "factors"), body=body))
    return from_wire(BegunFactor, document)


def confirm_factor(
    user_id: str, enrolment_id: str, *, code: str | None, credential: Mapping[str, object] | None, link: str | None
) -> Operation[Factor]:
    """Prove once that the factor works, by which it is added."""
    given = {"code": code, "credential": credential, "link": link}
    body = encoded({name: value for name, value in given.items() if value is not None})
    target = path("v1", "users", user_id, "factors", enrolment_id, "confirm")
    return from_wire(Factor, (yield from _call(Request("POST", target, body=body))))


def change_factor(user_id: str, factor_id: str, change: Mapping[str, str | bool]) -> Operation[Factor]:
    """Rename a factor, or clear it."""
    target = path("v1", "users", user_id, "factors", factor_id)
    return from_wire(Factor, (yield from _call(Request("PATCH", target, body=encoded(change)))))


def delete_factor(user_id: str, factor_id: str) -> Operation[None]:
    """Remove a factor, and with it every elevation that rests on it."""
    yield from _call(Request("DELETE", path("v1", "users", user_id, "factors", factor_id)))


def read_caution(user_id: str) -> Operation[bool]:
    """Whether the user is asked every time."""
    return _always((yield from _call(Request("GET", path("v1", "users", user_id, "caution"), repeatable=True))))


def set_caution(user_id: str, *, always: bool) -> Operation[bool]:
    """Ask the user every time, or no more; a repeat does nothing."""
    target = path("v1", "users", user_id, "caution")
    request = Request("PUT", target, body=encoded({"always": always}), repeatable=True)
    return _always((yield from _call(request)))


def _always(document: Mapping[str, Any]) -> bool:
    always = document.get("always")
    if not isinstance(always, bool):
        raise UnexpectedAnswerError("unexpected answer: no `always`")
    return always


def _call(request: Request) -> Operation[dict[str, Any]]:
    reply = yield from exchange(request)
    if reply.status not in _DONE:
        raise refusal(reply)
    return document_in(reply) if reply.body else {}
