"""Opening challenges, over both stores: who may, what is shown, how many."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.service_stepup.bank import PAY, app_of, bank, passed
from tests.unit.service_stepup.world import World

from stairgate.model.challenges import ChallengeState
from stairgate.model.errors import (
    ChallengeEndedError,
    ForbiddenError,
    InvalidChallengeTokenError,
    NoEligibleFactorError,
    NotFoundError,
    TooManyChallengesError,
)
from stairgate.model.protection import Method, Requirement
from stairgate.service.cancel_challenge import cancel_challenge
from stairgate.service.read_challenge import read_challenge

pytestmark = pytest.mark.anyio


async def test_a_challenge_says_what_is_asked_and_how_it_can_be_answered(world: World) -> None:
    ann = await bank(world, Requirement(lifetime=120, bind=frozenset({"amount"})))
    view = await world.open(ann, await world.refused(ann, "ann", *PAY, context={"amount": "100 EUR"}))
    assert view.challenge.state is ChallengeState.OPEN
    assert view.methods == (Method.TOTP,)
    assert view.attempts_left == 5
    assert view.asked == "`pay` on `accounts/1`, this access alone, for 2 minutes, with amount: 100 EUR"
    assert await read_challenge(world.services, ann, view.challenge.id) == replace(view, page_uri=None, match_code=None)


async def test_the_same_token_and_identical_refusals_share_one_challenge(world: World) -> None:
    ann = await bank(world)
    first = await world.refused(ann, "ann", *PAY)
    view = await world.open(ann, first)
    again = await world.open(ann, first)
    other = await world.open(ann, await world.refused(ann, "ann", *PAY))
    assert view.challenge.id == again.challenge.id == other.challenge.id
    assert (await world.events()).count("challenge.opened") == 1


async def test_other_details_for_the_same_access_supersede(world: World) -> None:
    ann = await bank(world, Requirement(bind=frozenset({"amount"})))
    old = await world.open(ann, await world.refused(ann, "ann", *PAY, context={"amount": 1}))
    new = await world.open(ann, await world.refused(ann, "ann", *PAY, context={"amount": 2}))
    assert old.challenge.id != new.challenge.id
    with pytest.raises(ChallengeEndedError) as refusal:
        await world.answer(ann, old, world.code("ann"))
    assert refusal.value.details == {"state": "superseded"}


async def test_a_challenge_token_is_no_credential(world: World) -> None:
    """Attacks 1 and 11: another token of the same user, another user and a client without the right open nothing."""
    ann, mallory = await bank(world), await world.login("mallory")
    sibling, stranger = await world.login("ann"), await world.client("stranger")
    token = await world.refused(ann, "ann", *PAY)
    for caller in (mallory, sibling):
        with pytest.raises(NotFoundError):
            await world.open(caller, token)
    with pytest.raises(ForbiddenError):
        await world.open(stranger, token)
    assert "challenge.opened" not in await world.events()


async def test_a_challenge_token_minted_to_one_client_is_not_another_clients(world: World) -> None:
    """Attack 7: the other client finds nothing, whatever it may do elsewhere; the named token may open it."""
    await bank(world)
    app, other = await app_of(world), await app_of(world, "other")
    text, ann = await passed(world)
    token = await world.refused(app, "ann", *PAY, user_token=text)
    with pytest.raises(NotFoundError):
        await world.open(other, token)
    view = await world.open(ann, token)
    assert view.challenge.opener is None
    with pytest.raises(NotFoundError):
        await read_challenge(world.services, other, view.challenge.id)
    assert (await world.open(app, token)).challenge.id == view.challenge.id


@pytest.mark.parametrize("how", ["cut", "changed", "other typ", "rubbish", "old"])
async def test_only_our_own_fresh_challenge_tokens_open(world: World, how: str) -> None:
    ann = await bank(world)
    token = await world.refused(ann, "ann", *PAY)
    match how:
        case "cut":
            token = token[:-4]
        case "changed":
            head, body, signature = token.split(".")
            token = f"{head}.{body[:-2]}AA.{signature}"
        case "other typ":
            claims = world.services.signer.verify(token, typ="txn-authz-challenge+jwt")
            token = world.services.signer.sign(claims, typ="at+jwt")
        case "rubbish":
            token = "a.b.c"
        case _:
            world.clock.advance(601)
    with pytest.raises(InvalidChallengeTokenError):
        await world.open(ann, token)


async def test_without_a_factor_nothing_opens_and_it_is_said_where_to_enrol(world: World) -> None:
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    ann = await world.login("ann")
    token = await world.refused(ann, "ann", *PAY)
    with pytest.raises(NoEligibleFactorError) as refusal:
        await world.open(ann, token)
    assert refusal.value.details == {"enrolment": {"userId": "ann", "resourceUri": "Authress:Users/ann/factors"}}
    await world.enrol("ann")
    assert (await world.open(ann, token)).methods == (Method.TOTP,)


async def test_a_token_has_five_live_challenges(world: World) -> None:
    ann = await bank(world)
    await world.grant("ann", "vault/*", "open")
    await world.protect("vault", ("open", Requirement()))
    views = [await world.open(ann, await world.refused(ann, "ann", "open", f"vault/{n}")) for n in range(5)]
    sixth = await world.refused(ann, "ann", "open", "vault/6")
    with pytest.raises(TooManyChallengesError) as refusal:
        await world.open(ann, sixth)
    assert 0 < refusal.value.retry_after <= 600
    await cancel_challenge(world.services, ann, views[0].challenge.id)
    assert (await world.open(ann, sixth)).challenge.state is ChallengeState.OPEN
