"""Challenges over both stores: who may, what an answer does, and what each attack meets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.service_stepup.world import World, allowed, wants_step_up

from stairgate.factors.totp import code_at, step_at
from stairgate.model.audit import chain_faults
from stairgate.model.challenges import ChallengeState, TokenStanding
from stairgate.model.errors import (
    ChallengeBarredError,
    ChallengeEndedError,
    ChallengePendingError,
    DomainError,
    ForbiddenError,
    InvalidChallengeTokenError,
    InvalidInputError,
    NoEligibleFactorError,
    NotFoundError,
    TooManyAttemptsError,
    TooManyChallengesError,
    TooManyPromptsError,
    UserTokenRefusedError,
    WrongAnswerError,
)
from stairgate.model.evidence import AttemptCount
from stairgate.model.ids import ChallengeId, UserId
from stairgate.model.protection import Level, Method, Requirement
from stairgate.model.tokens import Caller, ClientCaller, UserCaller
from stairgate.ports.store import WriteTransaction
from stairgate.service.answer_challenge import AnswerCall, answer_challenge
from stairgate.service.authentication import authenticate
from stairgate.service.cancel_challenge import cancel_challenge
from stairgate.service.decline_challenge import decline_challenge
from stairgate.service.elevations import list_elevations
from stairgate.service.issue_code import issue_code
from stairgate.service.read_challenge import read_challenge, wait_for_challenge
from stairgate.service.report_step_up import report_step_up
from stairgate.stepup.limits import DISABLE_AT
from stairgate.testing.faults import FailingStore, Fault

pytestmark = pytest.mark.anyio

ANN = UserId("ann")
PAY = ("pay", "accounts/1")
BASIC = Requirement(level=Level.BASIC)


async def bank(world: World, requirement: Requirement | None = None, user: str = "ann") -> UserCaller:
    """A user who may pay from account 1, under a mark."""
    await world.grant(user, "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", requirement or Requirement()))
    await world.enrol(user)
    return await world.login(user)


async def app_of(world: World, name: str = "app", *, attest: bool = True, external: str | None = None) -> ClientCaller:
    """A service client that may open challenges and, where told, attest."""
    rights = [("Authress:StepUp/accounts", "StepUp:Challenge")]
    if attest:
        rights.append(("Authress:StepUp/accounts/1", "StepUp:Attest"))
    return await world.client(name, *rights, external=external)


async def passed(world: World, user: str = "ann") -> tuple[str, UserCaller]:
    """A user token as text, for a client to pass, and its bearer."""
    token = world.token(user)
    caller = await authenticate(world.services, token)
    assert isinstance(caller, UserCaller)
    return token, caller


def wrong_code(world: World, user: str = "ann") -> str:
    """Six digits that are no code of this moment."""
    seed, step = world.seeds[UserId(user)], step_at(world.clock.now())
    valid = {code_at(seed, step - 1), code_at(seed, step)}
    return next(code for code in ("000000", "111111", "222222") if code not in valid)


# --- opening --------------------------------------------------------------------------------------


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


# --- answering ------------------------------------------------------------------------------------


async def test_the_token_that_is_named_is_elevated_and_not_the_one_that_answers(world: World) -> None:
    """Attack 2: the client answers on another device; only the token of the challenge passes afterwards."""
    await bank(world)
    app = await app_of(world)
    first_text, _ = await passed(world)
    second_text, second = await passed(world)
    view = await world.open(app, await world.refused(app, "ann", *PAY, user_token=first_text))
    with pytest.raises(NotFoundError):
        await world.answer(second, view, world.code("ann"))
    await world.answer(app, view, world.code("ann"))
    assert allowed(await world.check(app, "ann", *PAY, user_token=first_text))
    assert wants_step_up(await world.check(app, "ann", *PAY, user_token=second_text))
    assert wants_step_up(await world.check(second, "ann", *PAY))


async def test_nobody_else_can_answer_or_even_see_a_challenge(world: World) -> None:
    """Attacks 1 and 27: a foreign id and one that never was look alike, to every verb."""
    ann = await bank(world)
    mallory = await bank(world, user="mallory")
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    services = world.services
    verbs: list[Callable[[Caller, ChallengeId], Awaitable[object]]] = [
        lambda caller, id_: read_challenge(services, caller, id_),
        lambda caller, id_: wait_for_challenge(services, caller, id_, 0),
        lambda caller, id_: issue_code(services, caller, id_, Method.EXTERNAL),
        lambda caller, id_: answer_challenge(services, caller, id_, AnswerCall(Method.TOTP, "123456")),
        lambda caller, id_: answer_challenge(services, caller, id_, AnswerCall(Method.EXTERNAL, "12345678")),
        lambda caller, id_: decline_challenge(services, caller, id_, not_me=True),
        lambda caller, id_: cancel_challenge(services, caller, id_),
    ]
    for caller in (mallory, await world.login("ann"), await world.client("stranger")):
        for verb in verbs:
            errors = []
            for id_ in (view.challenge.id, ChallengeId("never-was")):
                with pytest.raises(NotFoundError) as refusal:
                    await verb(caller, id_)
                errors.append((type(refusal.value), refusal.value.title, refusal.value.details))
            assert errors[0] == errors[1]
    assert (await read_challenge(services, ann, view.challenge.id)).challenge == view.challenge


async def test_a_code_works_once_even_in_parallel(world: World) -> None:
    """Attack 4 (TOTP-2): the same code for two challenges at the same time and later: one elevation."""
    ann = await bank(world)
    await world.grant("ann", "vault", "open")
    await world.protect("vault", ("open", Requirement()))
    views = [await world.open(ann, await world.refused(ann, "ann", *access)) for access in (PAY, ("open", "vault"))]
    code = world.code("ann")
    answers = await asyncio.gather(*(world.answer(ann, view, code) for view in views * 5), return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    assert all(isinstance(answer, DomainError) for answer in answers if isinstance(answer, BaseException))
    assert len(await list_elevations(world.services, ann, ANN)) == 1
    assert (await world.events()).count("elevation.issued") == 1


async def test_a_satisfied_challenge_takes_no_second_answer(world: World) -> None:
    """Attack 4: a challenge ends exactly once."""
    ann = await bank(world)
    view = await world.step_up(ann, *PAY)
    with pytest.raises(ChallengeEndedError) as refusal:
        await world.answer(ann, view, world.code("ann"))
    assert refusal.value.details == {"state": "satisfied"}


async def test_five_wrong_answers_lock_the_challenge_and_the_right_one_comes_too_late(world: World) -> None:
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    left = []
    for _ in range(5):
        with pytest.raises(WrongAnswerError) as refusal:
            await world.answer(ann, view, wrong_code(world))
        left.append(refusal.value.details["attemptsLeft"])
        world.clock.advance(60)
    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(ChallengeEndedError) as ended:
        await world.answer(ann, view, world.code("ann"))
    assert ended.value.details == {"state": "locked"}
    assert (await world.events()).count("challenge.wrong_answer") == 5


async def test_a_factor_backs_off_and_a_new_challenge_does_not_help(world: World) -> None:
    """Attack 8: the count is the factor's; re-issue and another token do not set it back."""
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    for _ in range(4):
        with pytest.raises(WrongAnswerError):
            await world.answer(ann, view, wrong_code(world))
    other = await world.login("ann")
    fresh = await world.open(other, await world.refused(other, "ann", *PAY))
    with pytest.raises(TooManyAttemptsError) as refusal:
        await world.answer(other, fresh, wrong_code(world))
    assert refusal.value.retry_after == 30
    world.clock.advance(30)
    assert (await world.answer(other, fresh, world.code("ann"))).challenge.state is ChallengeState.SATISFIED


async def test_a_thousand_guesses_over_two_hundred_challenges_disable_the_factor(world: World) -> None:
    """Attack 8: of all these guesses 50 are looked at; then the factor is off, and the right code is refused, too."""
    await bank(world)
    looked_at = 0
    for _ in range(200):
        ann = await world.login("ann", ttl=86_400)
        try:
            view = await world.open(ann, await world.refused(ann, "ann", *PAY))
        except NoEligibleFactorError:
            continue
        for _ in range(5):
            try:
                await world.answer(ann, view, wrong_code(world))
            except WrongAnswerError:
                looked_at += 1
            except (TooManyAttemptsError, NoEligibleFactorError) as refusal:
                world.clock.advance(getattr(refusal, "retry_after", 0))
                break
    assert looked_at == DISABLE_AT
    assert (await world.events()).count("factor.disabled") == 1
    ann = await world.login("ann")
    with pytest.raises(NoEligibleFactorError):
        await world.open(ann, await world.refused(ann, "ann", *PAY))


async def test_parallel_guesses_are_counted_each(world: World) -> None:
    """Attack 8: a hundred guesses at once are no more than five."""
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    answers = await asyncio.gather(
        *(world.answer(ann, view, wrong_code(world)) for _ in range(100)), return_exceptions=True
    )
    assert sum(isinstance(answer, WrongAnswerError) for answer in answers) <= 5
    assert all(isinstance(answer, DomainError) for answer in answers)


async def test_ten_wrong_answers_bar_the_token_for_an_hour(world: World) -> None:
    """§7.4: over several challenges; the bar is the token's alone, and ends."""
    await bank(world)
    ann = await world.login("ann", ttl=86_400)
    wrong, view = 0, None
    while wrong < 10:
        if view is None:
            view = await world.open(ann, await world.refused(ann, "ann", *PAY))
        try:
            await world.answer(ann, view, wrong_code(world))
            pytest.fail("a wrong code was taken")
        except WrongAnswerError as refusal:
            wrong += 1
            view = view if refusal.details["attemptsLeft"] else None
        except TooManyAttemptsError as refusal:
            world.clock.advance(refusal.retry_after)
        except ChallengeEndedError:
            view = None
    with pytest.raises(ChallengeBarredError):
        await world.open(ann, await world.refused(ann, "ann", *PAY))
    other = await world.login("ann")
    assert (await world.open(other, await world.refused(other, "ann", *PAY))).methods
    world.clock.advance(hours=1)
    assert (await world.open(ann, await world.refused(ann, "ann", *PAY))).methods
    assert (await world.events()).count("token.barred") == 1


async def test_a_success_sets_the_counts_back(world: World) -> None:
    ann = await bank(world)
    for _ in range(6):
        view = await world.open(ann, await world.refused(ann, "ann", *PAY))
        for _ in range(3):
            with pytest.raises(WrongAnswerError):
                await world.answer(ann, view, wrong_code(world))
        await world.answer(ann, view, world.code("ann"))
        world.clock.advance(301)


async def test_a_challenge_expires_and_the_expiry_is_stored_when_it_is_met(world: World) -> None:
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    world.clock.advance(570)
    code = world.code("ann")
    seen = await read_challenge(world.services, ann, view.challenge.id)
    assert (seen.challenge.state, seen.methods) == (ChallengeState.EXPIRED, ())
    with pytest.raises(ChallengeEndedError):
        await world.answer(ann, view, code)
    stored = await world.services.store.read(lambda t: t.challenge(view.challenge.id))
    assert stored is not None
    assert stored.state is ChallengeState.EXPIRED


async def test_a_challenge_ends_with_the_token_that_it_names(world: World) -> None:
    await bank(world)
    ann = await world.login("ann", ttl=60)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    world.clock.advance(30)
    with pytest.raises(ChallengeEndedError):
        await world.answer(ann, view, world.code("ann"))


async def test_only_this_once_opens_this_access_once(world: World) -> None:
    ann = await bank(world)
    await world.grant("ann", "accounts/1", "pay", record="wider")
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    await world.answer(ann, view, world.code("ann"), once=True)
    assert wants_step_up(await world.check(ann, "ann", "pay:big", "accounts/1"))
    assert allowed(await world.check(ann, "ann", *PAY))
    assert wants_step_up(await world.check(ann, "ann", *PAY))


async def test_an_answer_that_would_not_meet_todays_marks_ends_superseded(world: World) -> None:
    """The mark became stricter while the challenge was open: no elevation, and the code is spent."""
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    await world.protect("accounts/1", ("pay", Requirement(uses=1)))
    code = world.code("ann")
    with pytest.raises(ChallengeEndedError) as refusal:
        await world.answer(ann, view, code)
    assert refusal.value.details == {"state": "superseded"}
    assert await list_elevations(world.services, ann, ANN) == []
    fresh = await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, fresh, code)


async def test_a_weaker_method_is_no_way_in(world: World) -> None:
    """Attack 14: totp for a hardware mark, external for a strong one, and a method that is not among the mark's."""
    ann, app = await bank(world), await app_of(world)
    text, _ = await passed(world)
    strong = await world.open(app, await world.refused(app, "ann", *PAY, user_token=text))
    assert strong.methods == (Method.TOTP,)
    with pytest.raises(InvalidInputError, match="method"):
        await issue_code(world.services, app, strong.challenge.id, Method.EXTERNAL)
    with pytest.raises(InvalidInputError, match="method"):
        await world.answer(app, strong, "12345678", method=Method.EXTERNAL)
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC, methods=frozenset({Method.EXTERNAL}))))
    basic = await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(InvalidInputError, match="method"):
        await world.answer(ann, basic, world.code("ann"))


async def test_an_answer_that_fails_at_the_store_leaves_nothing(world: World) -> None:
    """Factor, challenge, elevation and entry stand or fall together; a lost commit gives no second elevation."""
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    code = world.code("ann")
    for fault, satisfied in ((Fault.BEFORE, False), (Fault.AFTER, True)):
        store = FailingStore(world.services.store)
        node = await world.over(store)
        store.every, store.reads, store.fault = 1, False, fault
        with pytest.raises(DomainError):
            await node.answer(ann, view, code)
        elevations = await list_elevations(world.services, ann, ANN)
        assert len(elevations) == int(satisfied)
        assert (await world.events()).count("elevation.issued") == int(satisfied)
    with pytest.raises(ChallengeEndedError):
        await world.answer(ann, view, code)


# --- external -------------------------------------------------------------------------------------


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


# --- declining, cancelling, reporting, waiting ----------------------------------------------------


async def test_a_declined_challenge_is_over(world: World) -> None:
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    declined = await decline_challenge(world.services, ann, view.challenge.id, not_me=False)
    assert declined.challenge.state is ChallengeState.DECLINED
    for attempt in (
        lambda: world.answer(ann, view, world.code("ann")),
        lambda: decline_challenge(world.services, ann, view.challenge.id, not_me=False),
        lambda: cancel_challenge(world.services, ann, view.challenge.id),
    ):
        with pytest.raises(ChallengeEndedError):
            await attempt()


@pytest.mark.parametrize("state", ["open", "satisfied", "cancelled"])
async def test_this_was_not_me_works_in_every_state_and_ends_everything_of_the_token(world: World, state: str) -> None:
    """§7.7: live challenges and elevations end; nothing opens, nothing is redeemed; other tokens are untouched."""
    ann = await bank(world)
    await world.grant("ann", "vault", "open")
    await world.protect("vault", ("open", Requirement()))
    other = await world.login("ann")
    await world.step_up(other, *PAY)
    token = await world.refused(ann, "ann", *PAY)
    view = await world.open(ann, token)
    beside = await world.open(ann, await world.refused(ann, "ann", "open", "vault"))
    if state == "satisfied":
        await world.answer(ann, view, world.code("ann"))
    if state == "cancelled":
        await cancel_challenge(world.services, ann, view.challenge.id)
    await decline_challenge(world.services, ann, view.challenge.id, not_me=True)
    assert wants_step_up(await world.check(ann, "ann", *PAY))
    assert (await read_challenge(world.services, ann, beside.challenge.id)).challenge.state is ChallengeState.DECLINED
    with pytest.raises(ChallengeBarredError):
        await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(ChallengeBarredError):
        await report_step_up(world.services, ann, token, user_token=None, code=None)
    assert allowed(await world.check(other, "ann", *PAY))
    assert "token.barred" in await world.events()


async def test_only_who_opened_it_cancels_a_challenge(world: World) -> None:
    await bank(world)
    app = await app_of(world)
    text, ann = await passed(world)
    view = await world.open(app, await world.refused(app, "ann", *PAY, user_token=text))
    with pytest.raises(ForbiddenError):
        await cancel_challenge(world.services, ann, view.challenge.id)
    await cancel_challenge(world.services, app, view.challenge.id)
    await cancel_challenge(world.services, app, view.challenge.id)
    assert (await read_challenge(world.services, ann, view.challenge.id)).challenge.state is ChallengeState.CANCELLED


async def test_reporting_is_never_a_proof(world: World) -> None:
    """Attack 1: user token and challenge token together report what happened, and make nothing happen."""
    ann = await bank(world)
    token = await world.refused(ann, "ann", *PAY)
    with pytest.raises(ChallengePendingError):
        await report_step_up(world.services, ann, token, user_token=None, code=None)
    view = await world.open(ann, token)
    with pytest.raises(ChallengePendingError):
        await report_step_up(world.services, ann, token, user_token=None, code=None)
    assert wants_step_up(await world.check(ann, "ann", *PAY))
    await world.answer(ann, view, world.code("ann"))
    world.clock.advance(700)
    elevation = await report_step_up(world.services, ann, token, user_token=None, code=None)
    assert elevation.challenge == view.challenge.id


async def test_a_report_needs_the_very_token_that_the_challenge_names(world: World) -> None:
    """Attack 11: another token of the user, another user's and a refreshed one are refused."""
    await bank(world)
    app, other = await app_of(world), await app_of(world, "other")
    text, ann = await passed(world)
    sibling_text, sibling = await passed(world)
    mallory = await world.login("mallory")
    token = await world.refused(app, "ann", *PAY, user_token=text)
    await world.answer(app, await world.open(app, token), world.code("ann"))

    def report(caller: Caller, user_token: str | None) -> Awaitable[object]:
        return report_step_up(world.services, caller, token, user_token=user_token, code=None)

    for caller, passed_token, error in (
        (sibling, None, NotFoundError),
        (mallory, None, NotFoundError),
        (app, sibling_text, NotFoundError),
        (app, world.token("mallory"), UserTokenRefusedError),
        (app, None, InvalidInputError),
        (ann, text, InvalidInputError),
        (other, text, NotFoundError),
    ):
        with pytest.raises(error):
            await report(caller, passed_token)
    assert await report(app, text) == await report(ann, None)


async def test_who_waits_is_told_at_once(world: World) -> None:
    """The wait ends with the answer, long before its time."""
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    waiting = asyncio.create_task(wait_for_challenge(world.services, ann, view.challenge.id, 60))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    await world.answer(ann, view, world.code("ann"))
    async with asyncio.timeout(0.9):
        seen = await waiting
    assert seen.challenge.state is ChallengeState.SATISFIED
    assert not world.services.notices._waiting


async def test_who_waits_learns_what_another_node_did(world: World) -> None:
    ann = await bank(world)
    other = await world.over(world.services.store)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    waiting = asyncio.create_task(wait_for_challenge(world.services, ann, view.challenge.id, 60))
    await asyncio.sleep(0)
    await other.answer(ann, view, world.code("ann"))
    async with asyncio.timeout(10):
        assert (await waiting).challenge.state is ChallengeState.SATISFIED


async def test_a_wait_is_bounded(world: World) -> None:
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    for seconds in (-1, 61):
        with pytest.raises(InvalidInputError):
            await wait_for_challenge(world.services, ann, view.challenge.id, seconds)
    assert (await wait_for_challenge(world.services, ann, view.challenge.id, 0)).challenge == view.challenge


async def test_no_secret_is_in_the_chain(world: World) -> None:
    """§12: neither user token, challenge token nor code is in any entry; and the chain holds."""
    await bank(world, BASIC)
    app = await app_of(world)
    text, _ = await passed(world)
    token = await world.refused(app, "ann", *PAY, user_token=text)
    view = await world.open(app, token)
    issued = await issue_code(world.services, app, view.challenge.id, Method.EXTERNAL)
    with pytest.raises(WrongAnswerError):
        await world.answer(app, view, "87654321", method=Method.EXTERNAL)
    await world.answer(app, view, issued.code, method=Method.EXTERNAL)
    entries = await world.services.store.read(lambda t: t.audit_entries(limit=10_000))
    for secret in (text, token, issued.code, "87654321", *text.split("."), world.access_keys[app.client]):
        assert not any(secret in entry.facts for entry in entries)
    assert [entry.event for entry in entries][-5:] == [
        "challenge.opened",
        "challenge.code",
        "challenge.wrong_answer",
        "challenge.ended",
        "elevation.issued",
    ]
    head = await world.services.store.read(lambda t: t.audit_head())
    assert not list(chain_faults(entries, head))


async def test_a_barred_token_answers_nothing_that_it_opened_before(world: World) -> None:
    """Ten wrong answers on two challenges: the third, opened before, takes not even the right code."""
    await world.grant("ann", "vault/*", "open")
    await world.protect("vault", ("open", Requirement()))
    await world.enrol("ann")
    ann = await world.login("ann", ttl=86_400)
    one, two, three = [await world.open(ann, await world.refused(ann, "ann", "open", f"vault/{n}")) for n in range(3)]
    standing = TokenStanding(wrong_answers=9)
    await world.services.store.write(lambda t: t.set_standing(ann.token.key, standing))
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, one, wrong_code(world))
    for view in (two, three):
        with pytest.raises(ChallengeBarredError):
            await world.answer(ann, view, world.code("ann"))


async def test_external_is_off_after_fifty_wrong_codes(world: World) -> None:
    """Attack 8, where nothing is enrolled: the count is the user's; the challenge and its code were there before."""
    await bank(world, BASIC)
    app = await app_of(world)
    text, _ = await passed(world)
    view = await world.open(app, await world.refused(app, "ann", *PAY, user_token=text))
    issued = await issue_code(world.services, app, view.challenge.id, Method.EXTERNAL)
    long_ago = world.clock.now() - timedelta(days=1)
    await world.services.store.write(lambda t: t.set_attempts(ANN, "external", AttemptCount(DISABLE_AT, long_ago)))
    with pytest.raises(NoEligibleFactorError):
        await world.answer(app, view, issued.code, method=Method.EXTERNAL)
    assert (await read_challenge(world.services, app, view.challenge.id)).methods == (Method.TOTP,)


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


async def test_a_factor_on_hold_proves_nothing(world: World) -> None:
    """Attack 19: the code of a second factor counts after the hold only."""
    ann = await bank(world)
    object.__setattr__(world.services.rules, "factor_hold", 3_600)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    await world.enrol("ann")  # `world.code` is this factor's from here on
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, view, world.code("ann"))
    world.clock.advance(hours=1)
    later = await world.login("ann")
    await world.step_up(later, *PAY)


async def test_a_code_of_one_of_two_factors_is_no_wrong_answer_for_the_other(world: World) -> None:
    """Attack 26: whoever has two authenticators does not lock either by using the other."""
    ann = await bank(world)
    await world.enrol("ann")
    for _ in range(8):
        await world.step_up(ann, *PAY)
        world.clock.advance(301)
    factors = await world.services.store.read(lambda t: t.factors_of(ANN))
    counts = await world.services.store.read(lambda t: [t.attempts(ANN, factor.id).failures for factor in factors])
    assert counts == [0, 0]
