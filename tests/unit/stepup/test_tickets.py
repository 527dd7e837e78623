"""Challenge tokens, through the real signer: what is not exactly ours is refused (semantics §6, attack 21)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from stairgate.host.keyring import SealingKeyRing
from stairgate.host.signer import StoredSigner, generate_signing_key
from stairgate.model.actions import parse_action
from stairgate.model.challenges import Ticket
from stairgate.model.decisions import Question, Reason, Source, StepUpRequired
from stairgate.model.elevations import Area
from stairgate.model.errors import InvalidChallengeTokenError, InvalidInputError
from stairgate.model.ids import AccountId, ClientId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_pattern, parse_resource
from stairgate.model.tokens import TokenKey
from stairgate.stepup.tickets import (
    CLOCK_SKEW,
    MAX_DETAILS_BYTES,
    TICKET_SECONDS,
    TICKET_TYP,
    claims_of,
    ticket_for,
    ticket_of,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
RING = SealingKeyRing([b"k" * 32])
SIGNER = StoredSigner([generate_signing_key(RING, use="challenge", now=NOW)], RING)
ISSUER, AUDIENCE = "https://stairgate.example", "acc_1"

QUESTION = Question(
    UserId("user-1"),
    parse_resource("accounts/1/payments"),
    parse_action("Pay:Out"),
    TokenKey("https://idp.example", "d"),
)
REFUSAL = StepUpRequired(
    Reason.ELEVATION_REQUIRED,
    Requirement(bind=frozenset({"amount"}), uses=2),
    Area(QUESTION.resource, QUESTION.action, exact=True),
    Source(None, 0, None, parse_pattern("accounts")),
    (),
    {"amount": '"100.00"'},
)


def ticket(refusal: StepUpRequired = REFUSAL, question: Question = QUESTION, client: str | None = "sc_1") -> Ticket:
    return ticket_for(
        refusal,
        question,
        id="jti-1",
        account=AccountId("acc_1"),
        client=None if client is None else ClientId(client),
        revision=7,
        now=NOW,
        token_expires_at=NOW + timedelta(hours=1),
    )


def minted(change: Callable[[dict[str, Any]], object] = lambda claims: None, typ: str = TICKET_TYP) -> str:
    claims: dict[str, Any] = claims_of(ticket(), issuer=ISSUER, audience=AUDIENCE)
    change(claims)
    return SIGNER.sign(claims, typ=typ)


def read(token: str, *, now: datetime = NOW, allow_expired: bool = False) -> Ticket:
    return ticket_of(
        SIGNER.verify(token, typ=TICKET_TYP),
        expected_issuers={ISSUER, "https://other.example"},
        expected_audience=AUDIENCE,
        now=now,
        allow_expired=allow_expired,
    )


@pytest.mark.parametrize("client", ["sc_1", None])
def test_what_is_written_is_read_back(client: str | None) -> None:
    written = ticket(client=client)
    token = SIGNER.sign(claims_of(written, issuer=ISSUER, audience=AUDIENCE), typ=TICKET_TYP)
    assert read(token) == written
    assert len(token) < 2_500


def test_an_area_without_details_and_an_unknown_token_end_are_read_back() -> None:
    refusal = replace(
        REFUSAL,
        requirement=Requirement(),
        details={},
        area=Area(parse_resource("accounts/*"), parse_action("pay")),
    )
    written = replace(ticket(refusal), token_expires_at=None, token=TokenKey("i", "d", "thumb"))
    assert read(SIGNER.sign(claims_of(written, issuer=ISSUER, audience=AUDIENCE), typ=TICKET_TYP)) == written


def test_a_ticket_lasts_ten_minutes_and_can_be_reported_later() -> None:
    token = minted()
    end = NOW.replace(microsecond=0) + timedelta(seconds=TICKET_SECONDS)
    assert read(token, now=end - timedelta(microseconds=1)) == ticket()
    with pytest.raises(InvalidChallengeTokenError):
        read(token, now=end)
    assert read(token, now=end, allow_expired=True) == ticket()


def test_one_from_the_future_is_refused_beyond_the_skew_between_nodes() -> None:
    """Attack 28."""
    issued = NOW.replace(microsecond=0)
    assert read(minted(), now=issued - CLOCK_SKEW) == ticket()
    with pytest.raises(InvalidChallengeTokenError):
        read(minted(), now=issued - CLOCK_SKEW - timedelta(seconds=1), allow_expired=True)


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "TXN-AUTHZ-CHALLENGE+JWT", "txn-authz-challenge"])
def test_another_kind_of_jwt_of_ours_is_no_ticket(typ: str) -> None:
    """Attack 21: typ confusion."""
    with pytest.raises(InvalidChallengeTokenError):
        read(minted(typ=typ))


@pytest.mark.parametrize("name", sorted(claims_of(ticket(), issuer=ISSUER, audience=AUDIENCE)))
@pytest.mark.parametrize("value", ["absent", "", "x/../y", -1, 1.5, True, [], {}, "*", None], ids=str)
def test_every_claim_is_needed_and_none_can_be_anything(name: str, value: Any) -> None:
    """Attack 21: signed by our key, and still refused. Null stands only where it has a meaning."""

    def change(claims: dict[str, Any]) -> None:
        if value == "absent":
            del claims[name]
        else:
            claims[name] = value

    if value is None and name in {"client_id", "token_exp"}:
        assert isinstance(read(minted(change)), Ticket)
        return
    if value in ("*", "x/../y") and name in {"account", "jti"}:  # not all values have a hash
        return  # any text can be one; the caller compares it
    if value == "x/../y" and name == "sub":
        return  # a user id may look so
    with pytest.raises(InvalidChallengeTokenError):
        read(minted(change))


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(admin=True),
        lambda c: c.update(iss="https://stairgate.example/"),
        lambda c: c.update(aud="acc_2"),
        lambda c: c.update(aud=[AUDIENCE]),
        lambda c: c.update(uses=3),
        lambda c: c.update(lifetime=301),
        lambda c: c.update(exp=c["exp"] + 1),
        lambda c: c.update(exp=10**15, iat=10**15 - 600),
        lambda c: c.update(action="other"),
        lambda c: c.update(resource="accounts/2/payments"),
        lambda c: c.update(details={}),
        lambda c: c.update(details={"amount": '"100.00"', "more": "1"}),
        lambda c: c.update(details={"amount": 100}),
        lambda c: c.update(details={"amount": '"' + "9" * MAX_DETAILS_BYTES + '"'}),
        lambda c: c.update(details={"amount": "1.0"}),
        lambda c: c.update(details={"amount": "{"}),
        lambda c: c["area"].update(exact=False),
        lambda c: c["area"].update(exact=1),
        lambda c: c["area"].update(resourceUri="accounts"),
        lambda c: c["area"].update(more=1),
        lambda c: c["area"].pop("exact"),
        lambda c: c["token_key"].pop("cnf"),
        lambda c: c["token_key"].update(cnf=""),
        lambda c: c["token_key"].update(more=1),
        lambda c: c["requirement"].pop("level"),
        lambda c: c["requirement"].update(level="none"),
        lambda c: c["requirement"].update(levle="strong"),
        lambda c: c["requirement"].update(lifetime="300"),
        lambda c: c["requirement"].update(bind=[]),
    ],
    ids=map(str, count()),
)
def test_a_claim_that_contradicts_another_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(InvalidChallengeTokenError):
        read(minted(change))


def test_details_over_two_kibibytes_are_the_callers_fault() -> None:
    with pytest.raises(InvalidInputError, match="context"):
        ticket(replace(REFUSAL, details={"amount": '"' + "9" * MAX_DETAILS_BYTES + '"'}))
    fits = {"amount": '"' + "9" * (MAX_DETAILS_BYTES - 20) + '"'}
    assert ticket(replace(REFUSAL, details=fits)).details == fits


@pytest.mark.parametrize("reason", list(Reason))
def test_no_ticket_is_made_that_leads_nowhere(reason: Reason) -> None:
    refusal = replace(REFUSAL, reason=reason)
    if refusal.challengeable:
        assert ticket(refusal).requirement == refusal.requirement
        return
    with pytest.raises(ValueError, match="no challenge token"):
        ticket(refusal)


def test_no_ticket_is_made_without_a_token_to_elevate() -> None:
    with pytest.raises(ValueError, match="no challenge token"):
        ticket(question=replace(QUESTION, token=None))
