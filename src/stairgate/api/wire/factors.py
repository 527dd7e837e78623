"""Factors and links to the account page (semantics §7.6)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from stairgate.api.wire.stepup import Code, Language, MethodName

Name = Annotated[str, Meta(max_length=64)]
Link = Annotated[str, Meta(min_length=1, max_length=256)]


class BeginFactor(Struct, rename="camel", forbid_unknown_fields=True):
    """
    What to add. `address`: of `email` and `sms`, which send a code there.

    `link`: the secret of an enrolment link, in place of an elevation, for the first factor of a level.
    """

    method: MethodName
    name: Name = ""
    address: Annotated[str, Meta(min_length=1, max_length=254)] | None = None
    locale: Language | None = None
    link: Link | None = None


class BegunFactor(Struct, rename="camel"):
    """
    What the person needs to go on; shown once.

    `totp`: `secret`, `uri` and `qrSvg`. `passkey`: `publicKey` for `navigator.credentials.create`. `email`, `sms`:
    `sentTo`. `recovery`: `codes`, in force at once, with their `factorId`; the others are confirmed at
    `…/factors/{enrolmentId}/confirm`.
    """

    method: str
    expires_at: datetime
    enrolment_id: str | None = None
    secret: str | None = None
    uri: str | None = None
    qr_svg: str | None = None
    public_key: dict[str, Any] | None = None
    sent_to: str | None = None
    codes: list[str] = []
    factor_id: str | None = None


class ConfirmFactor(Struct, rename="camel", forbid_unknown_fields=True):
    """A `code` of the new app or the message, or the new passkey's `credential` (RegistrationResponseJSON)."""

    code: Code | None = None
    credential: dict[str, Any] | None = None
    link: Link | None = None


class ChangeFactor(Struct, rename="camel", forbid_unknown_fields=True):
    """`disabled: false` clears a factor that wrong answers have disabled."""

    name: Name | None = None
    disabled: bool | None = None


class Factor(Struct, rename="camel"):
    """
    A factor. `usableFrom`: until then it is on hold. `address`: of email and sms, masked.

    `synced`: of a passkey, whether it may leave its device. `restricted`: it proves little (email, sms).
    """

    factor_id: str
    method: str
    level: str
    name: str
    created_at: datetime
    usable_from: datetime
    last_used_at: datetime | None
    disabled: bool
    codes_left: int | None
    synced: bool | None
    address: str | None
    restricted: bool


class Factors(Struct, rename="camel"):
    """A user's factors, oldest first."""

    factors: list[Factor]


class Caution(Struct, rename="camel", forbid_unknown_fields=True):
    """`always`: each step-up opens one access, once."""

    always: bool


class AccountLink(Struct, rename="camel"):
    """A link to the account page, good once. `link` is its secret alone, for adding a factor over the API."""

    account_uri: str
    link: str
    expires_at: datetime
    enrols: bool
