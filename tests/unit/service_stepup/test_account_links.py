"""Links to the account page, and the session that one is exchanged for (semantics §7.6; attack 19)."""

from __future__ import annotations

import pytest
from tests.unit.service_stepup.enrolling import (
    ANN,
    begun,
    enrolment_link,
    refusal_of,
    with_totp,
)
from tests.unit.service_stepup.world import World

from stairgate.model.errors import (
    ForbiddenError,
    InvalidInputError,
    LimitReachedError,
    NoEligibleFactorError,
    NotFoundError,
)
from stairgate.model.ids import UserId
from stairgate.model.protection import Method
from stairgate.service.account_factors import delete_factor
from stairgate.service.account_links import AccountSession, account_session, create_account_link, enter_account
from stairgate.service.factor_rights import Authority
from stairgate.service.open_challenge import OpenCall, open_challenge

pytestmark = pytest.mark.anyio


async def test_a_link_from_ones_own_token_enrols_nothing(world: World) -> None:
    """Semantics §7.6; attack 19: a stolen token gets a link, and nothing by it."""
    ann = await world.login("ann")
    made = await create_account_link(world.services, ann, ANN)
    assert not made.enrols
    with pytest.raises(ForbiddenError, match="account page only"):
        await begun(world, Authority(ann, made.secret))
    session = await enter_account(world.services, made.secret)
    refused = await refusal_of(world, session.caller or ann, Method.TOTP)
    with pytest.raises(NoEligibleFactorError):
        await open_challenge(world.services, ann, OpenCall(refused.challenge_token or ""))


async def test_who_has_no_right_gets_no_link(world: World) -> None:
    with pytest.raises(NotFoundError):
        await create_account_link(world.services, await world.login("bob"), ANN)
    with pytest.raises(NotFoundError):
        await create_account_link(world.services, await world.client("shop"), ANN)
    some = await world.client("some", ("Authress:Users/ann", "READ"))
    with pytest.raises(ForbiddenError):
        await create_account_link(world.services, some, ANN)
    with pytest.raises(InvalidInputError):
        await create_account_link(world.services, some, UserId("sc_desk"))


async def test_a_user_has_at_most_five_links_that_were_not_used(world: World) -> None:
    ann = await world.login("ann")
    for _ in range(5):
        await create_account_link(world.services, ann, ANN)
    with pytest.raises(LimitReachedError):
        await create_account_link(world.services, ann, ANN)
    world.clock.advance(900)
    await create_account_link(world.services, await world.login("ann"), ANN)


# --- the account page's session -----------------------------------------------------------------------------------


async def test_a_link_is_exchanged_once_for_a_session_of_its_token(world: World) -> None:
    ann = await world.login("ann")
    made = await create_account_link(world.services, ann, ANN)
    assert made.uri == f"http://localhost:8080/account?link={made.secret}"  # where passkeys work
    assert made.secret not in repr(made)
    session = await enter_account(world.services, made.secret)
    assert session.caller is not None
    assert session.caller.token.key == ann.token.key
    with pytest.raises(NotFoundError):
        await enter_account(world.services, made.secret)
    with pytest.raises(NotFoundError):
        await account_session(world.services, made.secret)
    assert await account_session(world.services, session.secret) == session
    assert session.secret not in repr(session)
    with pytest.raises(NotFoundError):
        await enter_account(world.services, session.secret)
    world.clock.advance(900)
    with pytest.raises(NotFoundError):
        await account_session(world.services, session.secret)


async def test_a_session_ends_with_its_token(world: World) -> None:
    short = await world.login("ann", 60)
    made = await create_account_link(world.services, short, ANN)
    session = await enter_account(world.services, made.secret)
    world.clock.advance(60)
    with pytest.raises(NotFoundError):
        await account_session(world.services, session.secret)


async def test_a_session_without_a_token_adds_the_first_factor_and_changes_nothing_else(world: World) -> None:
    session: AccountSession = await enter_account(world.services, await enrolment_link(world))
    assert (session.caller, session.enrols) == (None, True)
    factor = await with_totp(world, session.authority)
    session = await account_session(world.services, session.secret)
    assert not session.enrols
    with pytest.raises(ForbiddenError):
        await delete_factor(world.services, session.authority, ANN, factor.id)
    with pytest.raises(ForbiddenError):
        await begun(world, session.authority, Method.RECOVERY)
