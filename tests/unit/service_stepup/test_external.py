"""`external`, over both stores: the app hands out the code, and attests."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.service_stepup.bank import BASIC, PAY, app_of, bank, passed
from tests.unit.service_stepup.world import World, allowed

from stairgate.model.challenges import ChallengeState
from stairgate.model.errors import (
    ForbiddenError,
    TooManyPromptsError,
    WrongAnswerError,
)
from stairgate.model.protection import Method
from stairgate.ports.store import WriteTransaction
from stairgate.service.issue_code import issue_code

pytestmark = pytest.mark.anyio


async def test_an_app_that_delivers_the_code_itself_proves_basic(world: World) -> None:
    await bank(world, BASIC)
    app = await app_of(world)
    text, _ = await passed(world)
    view = await world.open(app, await world.refused(app, "ann", *PAY, user_token=text))
    assert view.methods == (Method.TOTP, Method.EXTERNAL)
    issued = await issue_code(world.services, app, view.challenge.id, Method.EXTERNAL)
    assert len(issued.code) == 8
    assert issued.code not in repr(issued)
    done = await world.answer(app, view, issued.code, method=Method.EXTERNAL)
    assert done.challenge.state is ChallengeState.SATISFIED
    assert allowed(await world.check(app, "ann", *PAY, user_token=text))


async def test_only_a_client_with_the_right_attests(world: World) -> None:
    """The user token with the challenge token never completes it; nor does a client that may only open."""
    await bank(world, BASIC)
    app = await app_of(world, attest=False)
    text, ann = await passed(world)
    view = await world.open(app, await world.refused(app, "ann", *PAY, user_token=text))
    assert view.methods == (Method.TOTP,)
    for caller in (app, ann):
        with pytest.raises(ForbiddenError):
            await issue_code(world.services, caller, view.challenge.id, Method.EXTERNAL)
        with pytest.raises(ForbiddenError):
            await world.answer(caller, view, "12345678", method=Method.EXTERNAL)


async def test_a_new_code_kills_the_old_one_and_a_code_is_for_its_challenge_only(world: World) -> None:
    await bank(world, BASIC)
    app = await app_of(world)
    texts = [(await passed(world))[0] for _ in range(2)]
    one, two = [await world.open(app, await world.refused(app, "ann", *PAY, user_token=text)) for text in texts]
    old = await issue_code(world.services, app, one.challenge.id, Method.EXTERNAL)
    new = await issue_code(world.services, app, one.challenge.id, Method.EXTERNAL)
    other = await issue_code(world.services, app, two.challenge.id, Method.EXTERNAL)
    for code in (old.code, other.code):
        with pytest.raises(WrongAnswerError):
            await world.answer(app, one, code, method=Method.EXTERNAL)
    assert (await world.answer(app, one, new.code, method=Method.EXTERNAL)).challenge.state is ChallengeState.SATISFIED
    stored = await world.services.store.read(lambda t: t.challenge(two.challenge.id))
    assert other.code not in repr(stored)


async def test_a_user_is_asked_three_times_in_a_quarter_of_an_hour(world: World) -> None:
    """Attack 3: the fourth unanswered code is refused, from whatever challenge; totp, which sends nothing, works."""
    await bank(world, BASIC)
    app = await app_of(world)
    text, _ = await passed(world)
    view = await world.open(app, await world.refused(app, "ann", *PAY, user_token=text))
    for _ in range(3):
        await issue_code(world.services, app, view.challenge.id, Method.EXTERNAL)
    with pytest.raises(TooManyPromptsError) as refusal:
        await issue_code(world.services, app, view.challenge.id, Method.EXTERNAL)
    assert 0 < refusal.value.retry_after <= 900
    other_text, _ = await passed(world)
    other = await world.open(app, await world.refused(app, "ann", *PAY, user_token=other_text))
    with pytest.raises(TooManyPromptsError):
        await issue_code(world.services, app, other.challenge.id, Method.EXTERNAL)
    assert (await world.answer(app, other, world.code("ann"))).challenge.state is ChallengeState.SATISFIED


async def test_a_raised_client_attests_strong_and_another_does_not(world: World) -> None:
    await bank(world)
    raised, usual = await app_of(world, "raised", external="strong"), await app_of(world, "usual")
    text, ann = await passed(world)
    view = await world.open(raised, await world.refused(raised, "ann", *PAY, user_token=text))
    assert Method.EXTERNAL in view.methods
    issued = await issue_code(world.services, raised, view.challenge.id, Method.EXTERNAL)
    await world.answer(raised, view, issued.code, method=Method.EXTERNAL)
    assert allowed(await world.check(raised, "ann", *PAY, user_token=text))
    second_text, _ = await passed(world)
    weak = await world.open(usual, await world.refused(usual, "ann", *PAY, user_token=second_text))
    assert weak.methods == (Method.TOTP,)
    own = await world.login("ann")
    assert Method.EXTERNAL in (await world.open(own, await world.refused(own, "ann", *PAY))).methods
    assert ann.token.user == "ann"


async def test_no_client_attests_a_challenge_about_itself(world: World) -> None:
    """§7.1: it opens its own, as the named token; only another client with the right may code and attest it."""
    await world.protect("accounts/1", ("pay", BASIC))
    app, other = await app_of(world), await app_of(world, "other")
    await world.grant(app.client, "accounts/1", "pay", record="payer")
    view = await world.open(app, await world.refused(app, app.client, *PAY))
    assert view.methods == (Method.EXTERNAL,)
    with pytest.raises(ForbiddenError):
        await issue_code(world.services, app, view.challenge.id, Method.EXTERNAL)
    issued = await issue_code(world.services, other, view.challenge.id, Method.EXTERNAL)
    with pytest.raises(ForbiddenError):
        await world.answer(app, view, issued.code, method=Method.EXTERNAL)
    await world.answer(other, view, issued.code, method=Method.EXTERNAL)
    assert allowed(await world.check(app, app.client, *PAY))


async def test_the_hash_of_a_code_is_of_its_challenge_too(world: World) -> None:
    """Moved to another challenge in the database, it matches nothing there."""
    await bank(world, BASIC)
    app = await app_of(world)
    texts = [(await passed(world))[0] for _ in range(2)]
    one, two = [await world.open(app, await world.refused(app, "ann", *PAY, user_token=text)) for text in texts]
    issued = await issue_code(world.services, app, one.challenge.id, Method.EXTERNAL)

    def move(transaction: WriteTransaction) -> None:
        source, target = transaction.challenge(one.challenge.id), transaction.challenge(two.challenge.id)
        assert source is not None
        assert target is not None
        transaction.replace_challenge(replace(target, code=source.code, version=target.version + 1))

    await world.services.store.write(move)
    with pytest.raises(WrongAnswerError):
        await world.answer(app, two, issued.code, method=Method.EXTERNAL)
