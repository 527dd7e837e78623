"""Challenges, step-up, elevations, explanations (semantics §7, §8)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from stairgate.api.wire.problem import Requirement

Token = Annotated[str, Meta(min_length=1, max_length=16_384)]
Code = Annotated[str, Meta(min_length=1, max_length=64)]
Language = Annotated[str, Meta(pattern="^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$", max_length=35)]
MethodName = Literal["passkey", "totp", "email", "sms", "recovery", "external", "approval"]


class OpenChallenge(Struct, rename="camel", forbid_unknown_fields=True):
    """
    What opens a challenge.

    `device` is what the page shows as the asking device, in words; it is reported, not believed. `returnUri` is one of
    the registered addresses, where the browser that answered is sent, with `state` as it came. `expiry` is how many
    seconds other people have, where they are asked; a week if it is not said.
    """

    step_up_challenge_token: Token
    locale: Language | None = None
    device: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    return_uri: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    state: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    expiry: Annotated[int, Meta(ge=60, le=2_592_000)] | None = None


class IssueCode(Struct, rename="camel", forbid_unknown_fields=True):
    """Which kind of code to issue: `external` to the caller; `email`, `sms` to the user, at `factorId` where given."""

    method: MethodName
    factor_id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class AnswerChallenge(Struct, rename="camel", forbid_unknown_fields=True):
    """
    An answer: a `code`, or a passkey's `credential` (AuthenticationResponseJSON).

    `once`: the elevation opens this access alone, one time; for a passkey it is chosen with the options. `matchCode`:
    the number that the app shows; with it an answer by page secret counts at once.
    """

    method: MethodName
    code: Code | None = None
    once: bool = False
    credential: dict[str, Any] | None = None
    match_code: Annotated[str, Meta(min_length=1, max_length=16)] | None = None


class BeginPasskey(Struct, rename="camel", forbid_unknown_fields=True):
    """`once`: what is signed is this access alone, one time."""

    once: bool = False


class PasskeyOptions(Struct, rename="camel"):
    """What goes to `navigator.credentials.get`: PublicKeyCredentialRequestOptionsJSON. Good for one attempt."""

    public_key: dict[str, Any]


class DeclineChallenge(Struct, rename="camel", forbid_unknown_fields=True):
    """`notMe`: it was not the user who asked. Bars the token, too."""

    not_me: bool = False


class ReportStepUp(Struct, rename="camel", forbid_unknown_fields=True):
    """What the application reports. `code` is the return code that a browser brought back from the page."""

    step_up_challenge_token: Token
    code: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ExplainCheck(Struct, rename="camel", forbid_unknown_fields=True):
    """The question to explain. The user's token travels in `Stairgate-User-Token`, as with the check."""

    user_id: Annotated[str, Meta(min_length=1, max_length=128)]
    resource_uri: Annotated[str, Meta(min_length=1, max_length=512)]
    permission: Annotated[str, Meta(min_length=1, max_length=64)]
    context: dict[str, Any] | None = None


class Area(Struct, rename="camel"):
    """The part of the tree and the actions that an elevation opens; `exact`: this question alone."""

    resource_uri: str
    action: str
    exact: bool


class CodeAddress(Struct, rename="camel"):
    """Where a code can be sent to, masked."""

    factor_id: str
    method: str
    address: str


class Challenge(Struct, rename="camel"):
    """
    A challenge as a party to it sees it.

    `methods` are those that the user can use now; none once it has ended. `asked` says in words what is agreed to.
    `pageUri` and `matchCode` are given to whoever opened it, when it is opened. Show the number beside the link: it is
    typed on the page. Where other people are asked, `requestId` says by which request, and `approved` whether they have
    agreed. `returnTo` is where the browser goes that has just answered on the page.
    """

    challenge_id: str
    state: str
    opened_at: datetime
    expires_at: datetime
    user_id: str
    resource_uri: str
    action: str
    area: Area
    requirement: Requirement
    asked: str
    methods: list[str]
    attempts_left: int
    elevation_id: str | None
    ended_at: datetime | None
    addresses: list[CodeAddress]
    page_uri: str | UnsetType = UNSET
    match_code: str | UnsetType = UNSET
    return_to: str | UnsetType = UNSET
    request_id: str | UnsetType = UNSET
    approved: bool | UnsetType = UNSET


class IssuedCode(Struct, rename="camel", kw_only=True):
    """A fresh code: `code`, to be delivered by the application and shown once; or `sentTo`, masked."""

    code: str | UnsetType = UNSET
    sent_to: str | UnsetType = UNSET
    expires_at: datetime


class Elevation(Struct, rename="camel"):
    """
    The result of a step-up: one token, one area, a level, until then, so many uses (null: uncounted).

    `level` is null where no factor was asked, only other people.
    """

    elevation_id: str
    user_id: str
    area: Area
    level: str | None
    method: str
    proven_at: datetime
    issued_at: datetime
    expires_at: datetime
    uses: int | None
    uses_left: int | None
    challenge_id: str


class Elevations(Struct, rename="camel"):
    """The live elevations of a user, oldest first."""

    elevations: list[Elevation]


class EndedElevations(Struct, rename="camel"):
    """How many elevations were ended."""

    ended: int
