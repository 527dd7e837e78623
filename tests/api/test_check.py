"""The check over HTTP: three outcomes, exactly as semantics §6 writes them, and who may ask."""

from __future__ import annotations

import re

import pytest
from tests.api.door import Door, base64url

from stairgate.api.app import Application
from stairgate.api.refusal import authentication_challenge, quoted
from stairgate.model.protection import Level, Method, Requirement
from stairgate.testing.faults import FailingStore

pytestmark = pytest.mark.anyio

ONCE = Requirement(uses=1)


def parameters_of(header: str) -> tuple[str, dict[str, str]]:
    """A reader of RFC 9110 §11.2: scheme, then `name=token` or `name="quoted \\" string"`, with commas."""
    scheme, _, rest = header.partition(" ")
    found: dict[str, str] = {}
    pattern = re.compile(r'\s*([!#$%&\'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([!#$%&\'*+.^_`|~\w-]+))\s*(?:,|$)')
    place = 0
    while place < len(rest):
        match = pattern.match(rest, place)
        assert match is not None, rest[place:]
        assert match[1] not in found
        found[match[1]] = match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
        place = match.end()
    return scheme, found


async def test_allowed_is_200_and_empty(door: Door) -> None:
    await door.world.grant("ann", "accounts/1", "payout")
    answered = await door.check(await door.service(), "ann", "payout", "accounts/1/x")
    assert (answered.status, answered.body) == (200, b"")
    assert answered.header("cache-control") == "no-store"
    assert answered.header("content-length") == "0"
    assert int(answered.header("stairgate-revision") or "") > 0
    assert answered.header("stairgate-stale") is None


async def test_denied_is_404_whether_or_not_the_access_is_protected(door: Door) -> None:
    await door.world.protect("vault", ("payout", Requirement()))
    bearer = await door.service()
    documents = []
    for resource in ("vault/1", "plain/1"):
        answered = await door.check(bearer, "ann", "payout", resource)
        assert answered.status == 404
        assert answered.header("cache-control") == "no-store"
        assert answered.header("www-authenticate") is None
        documents.append({**answered.json, "errorId": ""})
    assert (
        documents[0]
        == documents[1]
        == {
            "title": "the user does not have this permission",
            "errorCode": "NotFound",
            "errorId": "",
        }
    )


async def test_a_step_up_is_403_with_the_body_of_semantics_6(door: Door) -> None:
    await door.world.grant("ann", "accounts", "payout")
    await door.world.protect("accounts", ("payout", ONCE))
    answered = await door.check(await door.service(), "ann", "payout", "accounts/1", token=door.world.token("ann"))
    assert answered.status == 403
    document = answered.json
    assert list(document) == [
        "title",
        "errorCode",
        "errorId",
        "stepUpChallengeToken",
        "expiresAt",
        "requirement",
        "reason",
    ]
    assert document["errorCode"] == "StepUpAuthorizationRequired"
    assert document["reason"] == "elevation_required"
    assert document["requirement"] == {
        "level": "strong",
        "methods": None,
        "lifetime": 300,
        "maxAge": 300,
        "uses": 1,
        "scope": "exact",
        "bind": [],
        "device": None,
        "approvals": None,
        "when": None,
        "enforce": "on",
    }
    assert document["stepUpChallengeToken"].count(".") == 2
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["expiresAt"])
    assert answered.header("cache-control") == "no-store"
    assert answered.header("retry-after") is None
    assert int(answered.header("stairgate-revision") or "") > 0


async def test_the_header_of_rfc_9470_can_be_read_by_its_grammar(door: Door) -> None:
    """OA-1."""
    await door.world.grant("ann", "accounts", "payout", mark=Requirement(max_age=60))
    answered = await door.check(await door.service(), "ann", "payout", "accounts/1", token=door.world.token("ann"))
    scheme, found = parameters_of(answered.header("www-authenticate") or "")
    assert scheme == "Bearer"
    assert found.pop("error_description")
    assert found == {
        "error": "insufficient_user_authentication",
        "acr_values": "urn:stairgate:acr:strong phr phrh",
        "max_age": "60",
    }


@pytest.mark.parametrize("text", ['a "quoted" word', "back\\slash", "line\r\nbreak", "é", "\x7f", ""])
def test_a_quoted_string_stays_one(text: str) -> None:
    """OA-1: quotes and backslashes are escaped, and nothing can end the header."""
    _, found = parameters_of(f"Bearer a={quoted(text)}, b=c")
    assert found["b"] == "c"
    assert found["a"] == "".join(c if " " <= c <= "~" else "?" for c in text)


def test_any_stronger_level_will_do() -> None:
    for level, values in ((Level.BASIC, 4), (Level.HARDWARE, 1)):
        _, found = parameters_of(authentication_challenge("x", level, 1).decode())
        assert len(found["acr_values"].split()) == values


async def test_nothing_of_a_requirement_is_told_to_a_caller_whose_token_is_bad(door: Door) -> None:
    """OA-2."""
    await door.world.grant("ann", "accounts", "payout", mark=Requirement())
    answered = await door.check("not.a.token", "ann", "payout", "accounts/1")
    assert answered.status == 401
    assert "acr" not in (answered.header("www-authenticate") or "")
    refused = await door.check(await door.service(), "ann", "payout", "accounts/1", token="not.a.token")
    assert (refused.status, refused.code) == (403, "UserTokenRefused")
    assert refused.header("www-authenticate") is None
    assert set(refused.json) == {"title", "errorCode", "errorId"}


@pytest.mark.parametrize(
    ("requirement", "with_token", "reason"),
    [
        (Requirement(), False, "token_required"),
        (Requirement(bind=frozenset({"amount"})), True, "details_required"),
        (Requirement(level=Level.HARDWARE, methods=frozenset({Method.TOTP})), True, "requirement_unsatisfiable"),
    ],
)
async def test_where_no_challenge_leads_anywhere_there_is_no_challenge_token(
    door: Door, requirement: Requirement, with_token: bool, reason: str
) -> None:
    await door.world.grant("ann", "accounts", "payout", mark=requirement)
    token = door.world.token("ann") if with_token else None
    answered = await door.check(await door.service(), "ann", "payout", "accounts/1", token=token)
    assert (answered.status, answered.code, answered.json["reason"]) == (403, "StepUpAuthorizationRequired", reason)
    assert "stepUpChallengeToken" not in answered.json
    assert "expiresAt" not in answered.json


# --- who may ask (semantics §6, "Whose token?")


async def test_a_user_asks_about_themselves_with_their_own_token(door: Door) -> None:
    await door.world.grant("ann", "accounts", "payout", "read")
    await door.world.protect("accounts", ("payout", Requirement()))
    token = door.world.token("ann")
    assert (await door.check(token, "ann", "read", "accounts/1")).status == 200
    refused = await door.check(token, "ann", "payout", "accounts/1")
    assert refused.json["stepUpChallengeToken"]


async def test_a_user_may_not_pass_a_user_token(door: Door) -> None:
    token = door.world.token("ann")
    for target in ("/v1/users/ann/resources/a/permissions/read", "/v1/challenges/x"):
        answered = await door.call("GET", target, bearer=token, headers=[(b"stairgate-user-token", token.encode())])
        assert (answered.status, answered.json["field"]) == (400, "Stairgate-User-Token")


async def test_a_caller_without_the_right_is_403_for_every_access(door: Door) -> None:
    await door.world.grant("ann", "accounts", "payout", mark=Requirement())
    for resource in ("accounts/1", "elsewhere"):
        answered = await door.check(door.world.token("bob"), "ann", "payout", resource)
        assert (answered.status, answered.code) == (403, "Forbidden")
        assert answered.header("www-authenticate") is None


async def test_another_users_token_is_refused_for_every_access(door: Door) -> None:
    """Attack 11."""
    await door.world.grant("ann", "accounts", "read")
    bearer = await door.service()
    for resource in ("accounts/1", "elsewhere"):
        answered = await door.check(bearer, "ann", "read", resource, token=door.world.token("bob"))
        assert (answered.status, answered.code) == (403, "UserTokenRefused")


async def test_a_used_up_token_of_a_user_is_401_as_bearer_and_refused_as_user_token(door: Door) -> None:
    token = door.world.token("ann", ttl=60)
    door.world.clock.advance(3_600)
    assert (await door.check(token, "ann", "read", "a")).status == 401
    answered = await door.check(await door.service(), "ann", "read", "a", token=token)
    assert (answered.status, answered.code) == (403, "UserTokenRefused")


# --- its headers


async def test_bound_details_travel_in_the_context(door: Door) -> None:
    await door.world.grant("ann", "accounts", "payout", mark=Requirement(bind=frozenset({"amount"})))
    header = (b"stairgate-context", base64url({"amount": 100}))
    token = door.world.token("ann")
    answered = await door.check(token, "ann", "payout", "accounts/1", headers=[header])
    assert answered.json["reason"] == "elevation_required"


@pytest.mark.parametrize("value", ["-1", "1.5", "x", "", "0x1", "1e3", "١", "9" * 17])
async def test_a_revision_is_a_whole_number(door: Door, value: str) -> None:
    header = (b"stairgate-at-least", value.encode())
    answered = await door.check(await door.service(), "ann", "read", "a", headers=[header])
    assert (answered.status, answered.json["field"]) == (400, "Stairgate-At-Least")


async def test_a_check_is_not_answered_from_older_facts_than_asked_for(door: Door) -> None:
    await door.world.grant("ann", "a", "read")
    bearer = await door.service()
    revision = int((await door.check(bearer, "ann", "read", "a")).header("stairgate-revision") or "")
    for asked, status in ((0, 200), (revision, 200), (revision + 1, 400), (2**53 - 1, 400)):
        header = (b"stairgate-at-least", str(asked).encode())
        assert (await door.check(bearer, "ann", "read", "a", headers=[header])).status == status, asked


async def test_a_repeat_with_the_same_idempotency_key_takes_no_second_use(door: Door) -> None:
    """Semantics §8; the same key for anything else is 409."""
    world = door.world
    await world.grant("ann", "accounts", "payout", "read", mark=ONCE)
    await world.enrol("ann")
    bearer, token = await door.service("shop", ("Authress:StepUp", "StepUp:Challenge")), world.token("ann")
    challenge = await door.opened(bearer, "ann", "payout", "accounts/1", token=token)
    target = f"/v1/challenges/{challenge['challengeId']}/answer"
    answered = await door.call("POST", target, {"method": "totp", "code": world.code("ann")}, bearer=bearer)
    assert answered.status == 200
    key = [(b"idempotency-key", b"payment-1")]
    for _ in range(2):
        assert (await door.check(bearer, "ann", "payout", "accounts/1", token=token, headers=key)).status == 200
    other = await door.check(bearer, "ann", "read", "accounts/1", token=token, headers=key)
    assert (other.status, other.code) == (409, "IdempotencyKeyReused")
    assert (await door.check(bearer, "ann", "payout", "accounts/1", token=token)).status == 403


@pytest.mark.parametrize("value", [b"", b"a" * 256, b"\xe9", b"a\x00"])
async def test_an_idempotency_key_has_bounds(door: Door, value: bytes) -> None:
    answered = await door.check(await door.service(), "ann", "read", "a", headers=[(b"idempotency-key", value)])
    assert (answered.status, answered.json["field"]) == (400, "Idempotency-Key")


async def test_while_the_store_is_away_only_unprotected_access_is_answered_and_says_so(door: Door) -> None:
    """Semantics §10: `Stairgate-Stale` on what comes from memory, and 503 without Retry-After for the rest."""
    world = door.world
    await world.grant("ann", "accounts", "payout", "read")
    await world.protect("accounts", ("payout", Requirement()))
    bearer, token = await door.service(), world.token("ann")
    store = FailingStore(world.services.store)
    node = await world.over(store)
    door.application = Application(node.services, instruments=door.instruments)
    for action, status in (("payout", 403), ("read", 200)):
        assert (await door.check(bearer, "ann", action, "accounts/1", token=token)).status == status
    store.every = 1
    world.clock.advance(3)
    open_ = await door.check(bearer, "ann", "read", "accounts/1", token=token)
    assert open_.status == 200
    assert 0 <= int(open_.header("stairgate-stale") or "-1") <= 10
    assert int(open_.header("stairgate-revision") or "") > 0
    protected = await door.check(bearer, "ann", "payout", "accounts/1", token=token)
    assert (protected.status, protected.code) == (503, "Unavailable")
    assert protected.header("retry-after") is None
    world.clock.advance(60)
    assert (await door.check(bearer, "ann", "read", "accounts/1", token=token)).status == 503


async def test_an_explanation_is_the_decision_and_takes_no_use(door: Door) -> None:
    await door.world.grant("ann", "accounts", "payout", mark=Requirement())
    question = {"userId": "ann", "resourceUri": "accounts/1", "permission": "payout"}
    answered = await door.call("POST", "/v1/explanations", question, bearer=await door.service())
    assert answered.status == 200
    assert answered.json["outcome"] == "step_up_required"
    stranger = await door.call("POST", "/v1/explanations", question, bearer=door.world.token("bob"))
    assert (stranger.status, stranger.code) == (403, "Forbidden")
    wrong = await door.call("POST", "/v1/explanations", {**question, "permission": "a b"}, bearer=await door.service())
    assert (wrong.status, wrong.json["field"]) == (400, "permission")
