"""A step-up on the account page is for the session that asked, and for nobody else (semantics §7.2, §7.6; attack 9)."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from tests.unit.service_stepup.enrolling import ANN, elevate, enrolment_link, refusal_of
from tests.unit.service_stepup.world import World

from stairgate.model.challenges import ChallengeState, Opening
from stairgate.model.errors import (
    ForbiddenError,
    InvalidInputError,
    NoEligibleFactorError,
    NotFoundError,
    StepUpRefusedError,
    WrongAnswerError,
)
from stairgate.model.ids import ChallengeId, FactorId
from stairgate.model.protection import Method
from stairgate.model.tokens import PageHolder, UserCaller
from stairgate.service.account_factors import change_factor, delete_factor, list_factors
from stairgate.service.account_links import (
    AccountSession,
    account_return,
    account_session,
    create_account_link,
    enter_account,
)
from stairgate.service.account_step_up import begin_step_up, finish_step_up
from stairgate.service.answer_challenge import AnswerCall, answer_challenge
from stairgate.service.caution import set_caution
from stairgate.service.confirm_enrolment import ConfirmCall, confirm_enrolment
from stairgate.service.decline_challenge import decline_challenge
from stairgate.service.enrolment import BeginCall
from stairgate.service.factor_rights import Authority
from stairgate.service.open_challenge import OpenCall, open_challenge
from stairgate.service.session_factors import (
    begin_session_enrolment,
    pending_enrolment,
    rehearse_adding,
    rehearse_change,
)
from stairgate.service.views import ChallengeView

pytestmark = pytest.mark.anyio


async def on_the_page(world: World, caller: UserCaller) -> AccountSession:
    made = await create_account_link(world.services, caller, ANN)
    return await enter_account(world.services, made.secret)


async def asked(world: World, session: AccountSession) -> tuple[ChallengeId, str]:
    """The challenge that adding an app on the page asks for, and its page secret."""
    with pytest.raises(StepUpRefusedError) as refusal:
        await rehearse_adding(world.services, session, Method.TOTP)
    address = await begin_step_up(world.services, session, refusal.value, state="add", locale="en")
    parts = urlsplit(address)
    return ChallengeId(parts.path.rpartition("/")[2]), parse_qs(parts.query)["key"][0]


async def answered(world: World, challenge: ChallengeId, secret: str) -> ChallengeView:
    call = AnswerCall(Method.TOTP, world.code("ann"))
    return await answer_challenge(world.services, PageHolder(secret), challenge, call)


def returned(view: ChallengeView) -> str:
    assert view.return_to is not None
    return parse_qs(urlsplit(view.return_to).query)["code"][0]


async def stepped_up(world: World, session: AccountSession) -> None:
    challenge, secret = await asked(world, session)
    await finish_step_up(world.services, session, challenge, returned(await answered(world, challenge, secret)))


async def state_of(world: World, challenge: ChallengeId) -> ChallengeState:
    found = await world.services.store.read(lambda transaction: transaction.challenge(challenge))
    assert found is not None
    return found.state


async def test_the_browser_that_asked_goes_on(world: World) -> None:
    await world.enrol("ann")
    session = await on_the_page(world, await world.login("ann"))
    challenge, secret = await asked(world, session)
    view = await answered(world, challenge, secret)
    assert view.challenge.state is ChallengeState.PROVEN
    assert view.challenge.match is None  # nothing but the way back finishes it
    assert (view.return_to or "").startswith(f"{account_return(world.services)}?")
    await rejected(world, session)  # a proof alone is not enough
    await finish_step_up(world.services, session, challenge, returned(view))
    begun = await begin_session_enrolment(world.services, session, BeginCall(Method.TOTP))
    assert begun.enrolment is not None
    await finish_step_up(world.services, session, challenge, returned(view))  # a reload is no error
    with pytest.raises(StepUpRefusedError):  # a passkey proves more than what was answered with
        await rehearse_adding(world.services, session, Method.PASSKEY)


async def rejected(world: World, session: AccountSession) -> None:
    with pytest.raises(StepUpRefusedError):
        await rehearse_adding(world.services, session, Method.TOTP)


async def test_a_mailed_account_link_that_the_victim_goes_on_from_elevates_no_thief(world: World) -> None:
    """Attack 9: the thief has the token and made the link; the victim steps up on the page that it opened."""
    await world.enrol("ann")
    thief = await world.login("ann")
    victim = await on_the_page(world, thief)
    await stepped_up(world, victim)
    await rehearse_adding(world.services, victim, Method.TOTP)
    with pytest.raises(StepUpRefusedError):
        await refused_with_it(world, Authority(thief))
    with pytest.raises(StepUpRefusedError):
        await set_always_twice(world, thief)
    await rejected(world, await on_the_page(world, thief))


async def refused_with_it(world: World, authority: Authority) -> None:
    (factor,) = await list_factors(world.services, await world.login("ann"), ANN)
    await delete_factor(world.services, authority, ANN, factor.id)


async def set_always_twice(world: World, caller: UserCaller) -> None:
    await set_caution(world.services, Authority(caller), ANN, always=True)
    await set_caution(world.services, Authority(caller), ANN, always=False)


async def test_a_mailed_challenge_of_the_thiefs_page_finishes_in_the_thiefs_browser_only(world: World) -> None:
    """Attack 9: the victim's browser brings the code back, and is on no such page, or on one of its own."""
    await world.enrol("ann")
    token = await world.login("ann")
    thief, victim = await on_the_page(world, token), await on_the_page(world, token)
    challenge, secret = await asked(world, thief)
    code = returned(await answered(world, challenge, secret))
    for session in (victim, await on_the_page(world, await world.login("ann"))):
        with pytest.raises(NotFoundError):
            await finish_step_up(world.services, session, challenge, code)
    assert await state_of(world, challenge) is ChallengeState.PROVEN  # and nothing was counted
    await rejected(world, thief)


async def test_what_the_app_was_allowed_the_page_is_not(world: World) -> None:
    """The other way round: a page that is left open has nothing of what its token is allowed elsewhere."""
    await world.enrol("ann")
    ann = await world.login("ann")
    session = await on_the_page(world, ann)
    await elevate(world, ann, await refusal_of(world, ann, Method.TOTP))
    await rejected(world, session)


async def test_nobody_else_comes_back_to_the_page(world: World) -> None:
    """§7.2: an app has return addresses of its own, and registers them."""
    await world.enrol("ann")
    ann = await world.login("ann")
    refusal = await refusal_of(world, ann, Method.TOTP)
    opening = Opening(return_uri=account_return(world.services))
    with pytest.raises(InvalidInputError, match="returnUri"):
        await open_challenge(world.services, ann, OpenCall(refusal.challenge_token or "", opening))


async def test_a_wrong_code_counts_and_an_unknown_challenge_is_none(world: World) -> None:
    await world.enrol("ann")
    session = await on_the_page(world, await world.login("ann"))
    challenge, secret = await asked(world, session)
    await answered(world, challenge, secret)
    with pytest.raises(WrongAnswerError):
        await finish_step_up(world.services, session, challenge, "guess")
    with pytest.raises(NotFoundError):
        await finish_step_up(world.services, session, ChallengeId("unknown"), "guess")


async def test_a_page_without_a_login_steps_up_for_nothing(world: World) -> None:
    await world.enrol("ann")
    session = await enter_account(world.services, await enrolment_link(world))
    with pytest.raises(ForbiddenError) as refusal:
        await rehearse_adding(world.services, session, Method.TOTP)
    assert not isinstance(refusal.value, StepUpRefusedError)
    with_token = await on_the_page(world, await world.login("ann"))
    challenge, secret = await asked(world, with_token)
    code = returned(await answered(world, challenge, secret))
    with pytest.raises(NotFoundError):
        await finish_step_up(world.services, session, challenge, code)
    with pytest.raises(StepUpRefusedError) as wanted:
        await rehearse_adding(world.services, with_token, Method.TOTP)
    with pytest.raises(NotFoundError):
        await begin_step_up(world.services, session, wanted.value, state="add", locale="en")


async def test_who_has_nothing_strong_enough_is_told(world: World) -> None:
    await world.enrol("ann")
    session = await on_the_page(world, await world.login("ann"))
    with pytest.raises(StepUpRefusedError) as refusal:
        await rehearse_adding(world.services, session, Method.PASSKEY)
    with pytest.raises(NoEligibleFactorError):
        await begin_step_up(world.services, session, refusal.value, state="add", locale="en")


async def test_trying_takes_no_use(world: World) -> None:
    """§8: with "ask me every time" the one use is for the change itself."""
    await world.enrol("ann")
    ann = await world.login("ann")
    await set_caution(world.services, Authority(ann), ANN, always=True)
    session = await on_the_page(world, ann)
    await stepped_up(world, session)
    (factor,) = await list_factors(world.services, ann, ANN)
    for _ in range(2):
        await rehearse_adding(world.services, session, Method.TOTP)
        await rehearse_change(world.services, session, factor.id, clear=False)
    await change_factor(world.services, session.authority, ANN, factor.id, name="Phone")
    await rejected(world, session)
    with pytest.raises(NotFoundError):
        await rehearse_change(world.services, session, FactorId("of somebody else"), clear=False)


async def test_this_was_not_me_on_the_challenge_closes_the_page(world: World) -> None:
    """§7.7: whoever asked had the token, on whatever page."""
    await world.enrol("ann")
    token = await world.login("ann")
    session = await on_the_page(world, token)
    challenge, secret = await asked(world, session)
    await decline_challenge(world.services, PageHolder(secret), challenge, not_me=True)
    with pytest.raises(NotFoundError):
        await account_session(world.services, session.secret)


async def test_what_the_link_does_not_add_a_step_up_may(world: World) -> None:
    """A link of a client that passes the token: it adds the first of a level, and the session is the token's, too."""
    ann = await world.login("ann")
    desk = await world.client("desk", ("Authress:Users", "StepUp:Enrol"))
    made = await create_account_link(world.services, desk, ANN, user_token=world.token("ann"))
    session = await enter_account(world.services, made.secret)
    assert session.enrols
    assert session.caller is not None
    await rehearse_adding(world.services, session, Method.TOTP)
    await world.enrol("ann")
    await rejected(world, session)
    await stepped_up(world, session)
    begun = await begin_session_enrolment(world.services, session, BeginCall(Method.TOTP))
    assert begun.enrolment is not None
    assert ann.page is None


async def test_what_was_begun_is_shown_to_who_began_it_until_its_time_is_over(world: World) -> None:
    """§7.6: neither another link's page nor the user's own login sees what a link began, and no secret is in it."""
    session = await enter_account(world.services, await enrolment_link(world))
    other = await enter_account(world.services, await enrolment_link(world))
    own = await on_the_page(world, await world.login("ann"))
    begun = await begin_session_enrolment(world.services, session, BeginCall(Method.EMAIL, address="ann@example.org"))
    assert begun.enrolment is not None
    pending = await pending_enrolment(world.services, session, begun.enrolment)
    assert (pending.method, pending.attempts_left, pending.sent_to) == (Method.EMAIL, 5, "a…@example.org")
    call = ConfirmCall("00000000")
    with pytest.raises(WrongAnswerError):
        await confirm_enrolment(world.services, session.authority, ANN, begun.enrolment, call)
    assert (await pending_enrolment(world.services, session, begun.enrolment)).attempts_left == 4
    for stranger in (other, own):
        with pytest.raises(NotFoundError):
            await pending_enrolment(world.services, stranger, begun.enrolment)
    world.clock.advance(900)
    with pytest.raises(NotFoundError):
        await pending_enrolment(world.services, session, begun.enrolment)
