"""Codes by email and sms: bound, limited, never out unknown; and users told of every change (attacks 3, 8, 14, 19)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.service_stepup.world import World, allowed

from stairgate.model.challenges import ChallengeState
from stairgate.model.errors import (
    AlreadyExistsError,
    ChallengeEndedError,
    DeliveryFailedError,
    InvalidInputError,
    NoEligibleFactorError,
    NotFoundError,
    TooManyAttemptsError,
    TooManyPromptsError,
    WrongAnswerError,
)
from stairgate.model.evidence import Factor
from stairgate.model.ids import ChallengeId, FactorId, UserId
from stairgate.model.messages import Purpose
from stairgate.model.protection import AVAILABLE_METHODS, Level, Method, Requirement
from stairgate.model.tokens import UserCaller
from stairgate.service.account_factors import delete_factor, list_factors
from stairgate.service.account_links import create_account_link
from stairgate.service.cancel_challenge import cancel_challenge
from stairgate.service.confirm_enrolment import ConfirmCall, confirm_enrolment
from stairgate.service.enrolment import BeginCall, begin_enrolment
from stairgate.service.factor_rights import Authority
from stairgate.service.send_code import SentCode, send_code
from stairgate.service.stored_factors import seal_purpose
from stairgate.service.views import ChallengeView
from stairgate.stepup.limits import DISABLE_AT

pytestmark = pytest.mark.anyio

ANN = UserId("ann")
PAY = ("pay", "accounts/1")
BASIC = Requirement(level=Level.BASIC)
ADDRESSES = {Method.EMAIL: "ann@example.org", Method.SMS: "+4915123456712"}


async def with_address(world: World, method: Method = Method.EMAIL, address: str | None = None) -> FactorId:
    """An address of ann's, registered without the ceremony around it."""
    id_, now = FactorId(world.services.entropy.token()), world.clock.now()
    sealed = world.services.keys.seal((address or ADDRESSES[method]).encode(), purpose=seal_purpose(id_))
    factor = Factor(id_, ANN, method, sealed, now, now)
    await world.services.store.write(lambda transaction: transaction.put_factor(factor))
    return id_


async def bank(world: World, requirement: Requirement = BASIC) -> UserCaller:
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", requirement))
    return await world.login("ann")


async def opened(world: World, ann: UserCaller) -> ChallengeView:
    return await world.open(ann, await world.refused(ann, "ann", *PAY))


async def send(world: World, ann: UserCaller, view: ChallengeView, method: Method = Method.EMAIL) -> SentCode:
    return await send_code(world.services, ann, view.challenge.id, method)


@pytest.mark.parametrize(
    ("method", "shown"), [(Method.EMAIL, "a…@example.org"), (Method.SMS, "+49 … 12")], ids=["email", "sms"]
)
async def test_a_code_is_sent_names_the_access_and_opens_it(world: World, method: Method, shown: str) -> None:
    ann = await bank(world)
    factor = await with_address(world, method)
    view = await opened(world, ann)
    assert [(each.factor, each.address) for each in view.addresses] == [(factor, shown)]
    sent = await send(world, ann, view, method)
    assert sent.sent_to == shown
    (message,) = world.outbox.sent
    assert (message.channel, message.recipient, message.purpose) == (method, ADDRESSES[method], Purpose.CHALLENGE_CODE)
    assert "Action: pay" in message.text
    assert "On: accounts/1" in message.text
    code = world.outbox.code()
    assert code not in message.subject
    assert code not in repr(message)
    assert not message.text.startswith(code)
    done = await world.answer(ann, view, code, method=method)
    assert done.challenge.state is ChallengeState.SATISFIED
    assert done.challenge.evidence is not None
    assert done.challenge.evidence.factor == factor
    assert allowed(await world.check(ann, "ann", *PAY))
    stored = await world.services.store.read(lambda t: t.challenge(view.challenge.id))
    assert code not in repr(stored)
    entries = await world.services.store.read(lambda t: t.audit_entries(limit=1_000))
    assert not any(code in entry.facts or ADDRESSES[method] in entry.facts for entry in entries)


async def test_messages_speak_the_language_that_was_asked_for(world: World) -> None:
    ann = await bank(world)
    await with_address(world)
    view = await opened(world, ann)
    await send_code(world.services, ann, view.challenge.id, Method.EMAIL, locale="de-AT")
    assert "ist Ihr Code" in world.outbox.sent[-1].text


async def test_a_new_code_ends_the_old_and_wrong_answers_stay_counted(world: World) -> None:
    """NIST-2, attack 8."""
    ann = await bank(world)
    await with_address(world)
    view = await opened(world, ann)
    await send(world, ann, view)
    old = world.outbox.code()
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, view, "00000000", method=Method.EMAIL)
    world.clock.advance(30)
    await send(world, ann, view)
    with pytest.raises(WrongAnswerError) as wrong:
        await world.answer(ann, view, old, method=Method.EMAIL)
    assert wrong.value.details == {"attemptsLeft": 3}
    await world.answer(ann, view, world.outbox.code(), method=Method.EMAIL)


async def test_a_code_is_for_its_challenge_and_its_method_only(world: World) -> None:
    """Attacks 4 and 14."""
    ann = await bank(world)
    await with_address(world)
    await with_address(world, Method.SMS)
    view = await opened(world, ann)
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, view, "00000000", method=Method.EMAIL)  # none was sent: there is nothing to guess
    await send(world, ann, view)
    code = world.outbox.code()
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, view, code, method=Method.SMS)
    other = await world.login("ann")
    theirs = await opened(world, other)
    with pytest.raises(WrongAnswerError):
        await world.answer(other, theirs, code, method=Method.EMAIL)
    world.clock.advance(600)
    late = await world.login("ann")
    with pytest.raises(ChallengeEndedError):
        await world.answer(ann, view, code, method=Method.EMAIL)
    assert (await opened(world, late)).challenge.state is ChallengeState.OPEN


async def test_email_and_sms_never_meet_strong(world: World) -> None:
    """NIST-5, attack 14."""
    ann = await bank(world, Requirement())
    await with_address(world)
    await world.enrol("ann")
    view = await opened(world, ann)
    assert (view.methods, view.addresses) == ((Method.TOTP,), ())
    with pytest.raises(InvalidInputError, match="does not meet"):
        await send(world, ann, view)
    (email, _) = await list_factors(world.services, ann, ANN)
    assert email.restricted


async def test_what_is_not_configured_is_not_offered(world: World) -> None:
    """A mark that needs it is accepted, and cannot be met."""
    ann = await bank(world, Requirement(level=Level.BASIC, methods=frozenset({Method.SMS})))
    await with_address(world, Method.SMS)
    view = await opened(world, ann)
    rules = replace(world.services.rules, methods=AVAILABLE_METHODS - {Method.SMS})
    world.services = replace(world.services, rules=rules, senders={})
    with pytest.raises(InvalidInputError, match="does not meet"):
        await send(world, ann, view, Method.SMS)
    with pytest.raises(InvalidInputError, match="does not meet"):
        await world.answer(ann, view, "00000000", method=Method.SMS)


# --- limits ---------------------------------------------------------------------------------------------------


async def test_three_unanswered_prompts_in_fifteen_minutes_then_silence(world: World) -> None:
    """Attack 3, NIST-8: ten challenges in five minutes are three messages, and an event."""
    ann = await bank(world)
    await with_address(world)
    waits: list[int] = []
    for _ in range(10):
        token = await world.login("ann")
        view = await opened(world, token)
        try:
            await send(world, token, view)
        except TooManyPromptsError as error:
            waits.append(error.retry_after)
        await cancel_challenge(world.services, token, view.challenge.id)
        world.clock.advance(30)
    assert (len(world.outbox.sent), len(waits)) == (3, 7)
    assert all(0 < wait <= 900 for wait in waits)
    assert (await world.events()).count("prompts.stopped") == 1
    world.clock.advance(900)
    later = await world.login("ann")
    await send(world, later, await opened(world, later))
    assert len(world.outbox.sent) == 4
    assert ann.token.user == "ann"


async def test_a_code_is_not_sent_again_at_once(world: World) -> None:
    ann = await bank(world)
    await with_address(world)
    view = await opened(world, ann)
    await send(world, ann, view)
    with pytest.raises(TooManyPromptsError) as early:
        await send(world, ann, view)
    assert early.value.retry_after == 30
    world.clock.advance(30)
    await send(world, ann, view)
    with pytest.raises(TooManyPromptsError) as again:
        await send(world, ann, view)
    assert again.value.retry_after == 60


async def test_guesses_at_an_address_back_off_and_disable_it_alone(world: World) -> None:
    """NIST-3, attack 8: the counter survives new codes and challenges; other factors are not touched (attack 26)."""
    await bank(world)
    factor = await with_address(world)
    await with_address(world, Method.SMS)
    wrong = 0
    while wrong < DISABLE_AT:
        thief = await world.login("ann")
        view = await opened(world, thief)
        world.clock.advance(3_600)
        thief = await world.login("ann")
        view = await opened(world, thief)
        await send(world, thief, view)
        for _ in range(5):
            try:
                await world.answer(thief, view, "00000000", method=Method.EMAIL)
            except WrongAnswerError:
                wrong += 1
            except (TooManyAttemptsError, NoEligibleFactorError, ChallengeEndedError):
                break
    views = {view.id: view for view in await list_factors(world.services, await world.login("ann"), ANN)}
    assert views[factor].disabled
    assert [view.disabled for id_, view in views.items() if id_ != factor] == [False]
    assert (await world.events()).count("factor.disabled") == 1
    told = [message for message in world.outbox.sent if message.purpose is Purpose.FACTOR_CHANGED]
    assert {message.recipient for message in told} == set(ADDRESSES.values())
    assert all("switched off after too many wrong answers" in message.text for message in told)
    assert len(told) == 2


async def test_what_could_not_be_sent_leaves_no_code_and_no_prompt(world: World) -> None:
    ann = await bank(world)
    await with_address(world)
    view = await opened(world, ann)
    world.outbox.failure = DeliveryFailedError()
    for _ in range(5):
        with pytest.raises(DeliveryFailedError):
            await send(world, ann, view)
    stored = await world.services.store.read(lambda t: t.challenge(view.challenge.id))
    assert stored is not None
    assert (stored.code, stored.prompts, stored.wrong_answers) == (None, 0, 0)
    world.outbox.failure = None
    await send(world, ann, view)
    await world.answer(ann, view, world.outbox.code(), method=Method.EMAIL)


async def test_what_may_have_gone_out_all_the_same_counts_as_a_prompt(world: World) -> None:
    """Or a gateway that answers late would let the user be asked without end."""
    ann = await bank(world)
    await with_address(world)
    view = await opened(world, ann)
    world.outbox.failure = DeliveryFailedError(uncertain=True)
    for _ in range(3):
        with pytest.raises(DeliveryFailedError):
            await send(world, ann, view)
        world.clock.advance(60)
    with pytest.raises(TooManyPromptsError):
        await send(world, ann, view)


async def test_who_has_no_part_in_a_challenge_sends_nothing(world: World) -> None:
    ann = await bank(world)
    await with_address(world)
    view = await opened(world, ann)
    with pytest.raises(NotFoundError):
        await send(world, await world.login("ann"), view)
    with pytest.raises(NotFoundError):
        await send_code(world.services, ann, ChallengeId("unknown"), Method.EMAIL)
    with pytest.raises(NoEligibleFactorError):
        await send_code(world.services, ann, view.challenge.id, Method.EMAIL, factor=FactorId("another user's"))
    assert world.outbox.sent == []


# --- enrolling an address ---------------------------------------------------------------------------------------


async def linked(world: World) -> Authority:
    desk = await world.client("desk", ("Authress:Users", "StepUp:Enrol"))
    made = await create_account_link(world.services, desk, ANN)
    return Authority(await world.login("ann"), made.secret)


async def test_an_address_is_confirmed_by_the_code_that_was_sent_to_it(world: World) -> None:
    authority = await linked(world)
    call = BeginCall(Method.EMAIL, "work", "ann@Example.org")
    begun = await begin_enrolment(world.services, authority, ANN, call)
    assert begun.sent_to == "a…@example.org"
    assert world.outbox.sent[-1].purpose is Purpose.ENROLMENT_CODE
    assert begun.enrolment is not None
    with pytest.raises(WrongAnswerError):
        await confirm_enrolment(world.services, authority, ANN, begun.enrolment, ConfirmCall("00000000"))
    await confirm_enrolment(world.services, authority, ANN, begun.enrolment, ConfirmCall(world.outbox.code()))
    assert authority.caller is not None
    (view,) = await list_factors(world.services, authority.caller, ANN)
    assert (view.address, view.level, view.restricted) == ("a…@example.org", Level.BASIC, True)


async def test_an_address_that_cannot_be_reached_is_not_begun(world: World) -> None:
    authority = await linked(world)
    call = BeginCall(Method.EMAIL, address="nobody@example.org")
    world.outbox.failure = DeliveryFailedError(address_refused=True)
    with pytest.raises(InvalidInputError) as refused:
        await begin_enrolment(world.services, authority, ANN, call)
    assert refused.value.field == "address"
    world.outbox.failure = DeliveryFailedError()
    with pytest.raises(DeliveryFailedError):
        await begin_enrolment(world.services, authority, ANN, call)
    assert await world.services.store.read(lambda t: t.enrolments_of(ANN)) == []


async def test_enrolments_send_three_messages_in_fifteen_minutes(world: World) -> None:
    """Nobody is flooded by way of an enrolment."""
    authority = await linked(world)
    for number in range(3):
        await begin_enrolment(world.services, authority, ANN, BeginCall(Method.SMS, address=f"+4915123456{number}12"))
    with pytest.raises(TooManyPromptsError):
        await begin_enrolment(world.services, authority, ANN, BeginCall(Method.EMAIL, address="ann@example.org"))
    assert len(world.outbox.sent) == 3


@pytest.mark.parametrize(
    "call",
    [
        BeginCall(Method.EMAIL),
        BeginCall(Method.EMAIL, address="no address"),
        BeginCall(Method.SMS, address="0151"),
        BeginCall(Method.TOTP, address="ann@example.org"),
    ],
    ids=["none", "email", "sms", "totp"],
)
async def test_an_address_that_is_missing_or_out_of_place_is_refused_by_name(world: World, call: BeginCall) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await begin_enrolment(world.services, await linked(world), ANN, call)
    assert refused.value.field == "address"


# --- the user is told -------------------------------------------------------------------------------------------


async def elevated(world: World) -> UserCaller:
    """ann, whose token may change factors up to strong."""
    await world.enrol("ann")
    ann = await world.login("ann")
    with pytest.raises(Exception, match="step-up") as refused:
        await begin_enrolment(world.services, Authority(ann), ANN, BeginCall(Method.TOTP))
    view = await world.open(ann, refused.value.challenge_token)  # type: ignore[attr-defined]
    await world.answer(ann, view, world.code("ann"))
    return ann


async def test_the_user_is_told_of_every_change_on_every_other_channel(world: World) -> None:
    """Semantics §7.6, WA-9, attack 19: no code, no address, no name in it."""
    ann = await elevated(world)
    await with_address(world)
    await with_address(world, Method.SMS)
    await begin_enrolment(world.services, Authority(ann), ANN, BeginCall(Method.RECOVERY))
    assert sorted((message.channel, message.recipient) for message in world.outbox.sent) == sorted(ADDRESSES.items())
    assert all(message.purpose is Purpose.FACTOR_CHANGED for message in world.outbox.sent)
    assert "added (Recovery code)" in world.outbox.sent[0].text
    world.outbox.sent.clear()
    call = BeginCall(Method.EMAIL, address="thief@evil.example")
    begun = await begin_enrolment(world.services, Authority(ann), ANN, call)
    code = world.outbox.code()
    world.outbox.sent.clear()
    assert begun.enrolment is not None
    added = await confirm_enrolment(world.services, Authority(ann), ANN, begun.enrolment, ConfirmCall(code))
    assert sorted(message.recipient for message in world.outbox.sent) == sorted(ADDRESSES.values())
    assert not any("evil" in message.text for message in world.outbox.sent)
    with pytest.raises(AlreadyExistsError):
        await begin_enrolment(world.services, Authority(ann), ANN, call)
    world.outbox.sent.clear()
    await delete_factor(world.services, Authority(ann), ANN, added.id)
    told = sorted(message.recipient for message in world.outbox.sent)
    assert told == sorted([*ADDRESSES.values(), "thief@evil.example"])


async def test_a_change_stays_where_the_user_cannot_be_told_and_that_is_recorded(world: World) -> None:
    ann = await elevated(world)
    await with_address(world)
    world.outbox.failure = DeliveryFailedError()
    await begin_enrolment(world.services, Authority(ann), ANN, BeginCall(Method.RECOVERY))
    assert len(await list_factors(world.services, ann, ANN)) == 3
    assert "notice.failed" in await world.events()
