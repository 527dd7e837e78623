"""Factors are added, changed and removed as semantics §7.6 says, over both stores (attacks 19 and 20, WA-9, TA-2)."""

from __future__ import annotations

import asyncio
import json
from base64 import b32decode
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.service_stepup.passkeys import answer_with, assertion
from tests.unit.service_stepup.world import World, allowed

from stairgate.factors.totp import code_at, step_at
from stairgate.model.challenges import ChallengeState
from stairgate.model.decisions import StepUpRequired
from stairgate.model.errors import (
    AlreadyExistsError,
    ForbiddenError,
    InvalidInputError,
    LimitReachedError,
    NoEligibleFactorError,
    NotFoundError,
    StepUpRefusedError,
    TooManyAttemptsError,
    WrongAnswerError,
)
from stairgate.model.evidence import AttemptCount, Evidence, Factor
from stairgate.model.ids import EnrolmentId, FactorId, UserId
from stairgate.model.protection import Level, Method, Requirement
from stairgate.model.tokens import Caller, ClientCaller, UserCaller
from stairgate.service.account_factors import change_factor, delete_factor, list_factors
from stairgate.service.account_links import AccountSession, account_session, create_account_link, enter_account
from stairgate.service.answer_challenge import AnswerCall, answer_challenge
from stairgate.service.confirm_enrolment import ConfirmCall, confirm_enrolment
from stairgate.service.decline_challenge import decline_challenge
from stairgate.service.elevations import end_elevations
from stairgate.service.enrolment import BeginCall, Begun, begin_enrolment
from stairgate.service.factor_rights import Authority
from stairgate.service.factors import enrol_totp
from stairgate.service.open_challenge import OpenCall, open_challenge
from stairgate.testing.authenticator import SoftwareAuthenticator

pytestmark = pytest.mark.anyio

ANN = UserId("ann")
PAY = ("pay", "accounts/1")


async def helpdesk(world: World) -> ClientCaller:
    return await world.client("desk", ("Authress:Users", "StepUp:Enrol"))


async def enrolment_link(world: World, user: UserId = ANN) -> str:
    made = await create_account_link(world.services, await helpdesk(world), user)
    assert made.enrols
    return made.secret


async def begun(world: World, authority: Authority, method: Method = Method.TOTP, user: UserId = ANN) -> Begun:
    return await begin_enrolment(world.services, authority, user, BeginCall(method, "mine"))


def code_of(world: World, begun: Begun) -> str:
    assert begun.secret is not None
    seed = b32decode(begun.secret + "=" * (-len(begun.secret) % 8))
    return code_at(seed, step_at(world.clock.now()))


async def confirmed(world: World, authority: Authority, begun: Begun, **given: Any) -> Factor:
    assert begun.enrolment is not None
    return await confirm_enrolment(world.services, authority, ANN, begun.enrolment, ConfirmCall(**given))


async def with_totp(world: World, authority: Authority) -> Factor:
    started = await begun(world, authority)
    factor = await confirmed(world, authority, started, code=code_of(world, started))
    assert started.secret is not None
    world.seeds[ANN] = b32decode(started.secret + "=" * (-len(started.secret) % 8))
    return factor


async def with_new_passkey(world: World, authority: Authority, **members: Any) -> tuple[Factor, SoftwareAuthenticator]:
    device = SoftwareAuthenticator(random=world.services.entropy.bytes, **members)
    started = await begun(world, authority, Method.PASSKEY)
    assert started.public_key is not None
    factor = await confirmed(world, authority, started, credential=device.create(started.public_key))
    return factor, device


async def elevate(world: World, caller: UserCaller, refusal: StepUpRefusedError, *, code: str | None = None) -> None:
    """Answer what the refusal asks for, with totp."""
    assert refusal.challenge_token is not None
    view = await world.open(caller, refusal.challenge_token)
    done = await world.answer(caller, view, code or world.code("ann"))
    assert done.challenge.state is ChallengeState.SATISFIED


async def refusal_of(world: World, caller: Caller, method: Method) -> StepUpRefusedError:
    with pytest.raises(StepUpRefusedError) as refusal:
        await begun(world, Authority(caller), method)
    return refusal.value


# --- the first factor: a link ---------------------------------------------------------------------------------


async def test_the_first_factor_is_added_by_a_link_and_can_be_used_at_once(world: World) -> None:
    ann = await world.login("ann")
    authority = Authority(ann, await enrolment_link(world))
    world.services = replace(world.services, rules=replace(world.services.rules, factor_hold=3_600))
    factor = await with_totp(world, authority)
    assert (factor.method, factor.name, factor.usable_from) == (Method.TOTP, "mine", world.clock.now())
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    await world.step_up(ann, *PAY)
    assert allowed(await world.check(ann, "ann", *PAY))
    assert "factor.added" in await world.events()


async def test_the_code_that_confirmed_a_factor_is_not_good_for_an_answer(world: World) -> None:
    """Attack 4, TOTP-2."""
    ann = await world.login("ann")
    authority = Authority(ann, await enrolment_link(world))
    started = await begun(world, authority)
    code = code_of(world, started)
    await confirmed(world, authority, started, code=code)
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, view, code)


async def test_a_link_adds_one_factor_and_only_the_first_of_a_level(world: World) -> None:
    ann = await world.login("ann")
    link = Authority(ann, await enrolment_link(world))
    await with_totp(world, link)
    with pytest.raises(ForbiddenError, match="already"):
        await begun(world, link, Method.PASSKEY)
    other = Authority(ann, await enrolment_link(world))
    with pytest.raises(ForbiddenError, match="first factor of a level"):
        await begun(world, other)
    with pytest.raises(ForbiddenError, match="first factor of a level"):
        await begun(world, other, Method.RECOVERY)  # basic: the totp that is there can allow it
    factor, _ = await with_new_passkey(world, other)
    assert factor.method is Method.PASSKEY


async def test_of_two_enrolments_by_one_link_one_is_confirmed(world: World) -> None:
    ann = await world.login("ann")
    link = Authority(ann, await enrolment_link(world))
    totp = await begun(world, link)
    key = await begun(world, link, Method.PASSKEY)
    await confirmed(world, link, totp, code=code_of(world, totp))
    device = SoftwareAuthenticator(random=world.services.entropy.bytes)
    assert key.public_key is not None
    with pytest.raises(ForbiddenError, match="already"):
        await confirmed(world, link, key, credential=device.create(key.public_key))
    assert [factor.method for factor in await list_factors(world.services, ann, ANN)] == [Method.TOTP]


async def test_a_link_ends_after_fifteen_minutes_and_is_good_for_its_user(world: World) -> None:
    ann, bob = await world.login("ann"), await world.login("bob")
    secret = await enrolment_link(world)
    for authority, user in (
        (Authority(ann, secret + "x"), ANN),
        (Authority(ann, "no.link"), ANN),
        (Authority(bob, secret), UserId("bob")),
        (Authority(bob, secret), ANN),
    ):
        with pytest.raises(NotFoundError):
            await begun(world, authority, user=user)
    world.clock.advance(900)
    with pytest.raises(NotFoundError):
        await begun(world, Authority(ann, secret))


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


# --- further factors: an elevation of at least their level ----------------------------------------------------


async def test_a_stolen_token_alone_adds_no_factor(world: World) -> None:
    """Attack 19: nothing but an elevation of at least the new factor's level does."""
    await enrol_totp(world.services, ANN)
    thief = await world.login("ann")
    for method, level in (
        (Method.TOTP, Level.STRONG),
        (Method.PASSKEY, Level.PHISHING_RESISTANT),
        (Method.RECOVERY, Level.BASIC),
    ):
        refused = await refusal_of(world, thief, method)
        assert isinstance(refused.decision, StepUpRequired)
        assert refused.decision.requirement.level is level
    assert len(await list_factors(world.services, thief, ANN)) == 1


async def test_with_an_elevation_a_factor_of_its_level_is_added_and_held(world: World) -> None:
    """WA-9; `factor_hold` is for all but the very first."""
    await world.enrol("ann")
    ann = await world.login("ann")
    world.services = replace(world.services, rules=replace(world.services.rules, factor_hold=3_600))
    await elevate(world, ann, await refusal_of(world, ann, Method.TOTP))
    second = await begun(world, Authority(ann))
    factor = await confirmed(world, Authority(ann), second, code=code_of(world, second))
    assert (factor.usable_from - world.clock.now()).total_seconds() == 3_600
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    assert second.secret is not None
    seed = b32decode(second.secret)
    world.clock.advance(30)
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, view, code_at(seed, step_at(world.clock.now())))
    world.clock.advance(3_600)
    late = await world.login("ann")
    view = await world.open(late, await world.refused(late, "ann", *PAY))
    await world.answer(late, view, code_at(seed, step_at(world.clock.now())))


async def test_an_elevation_of_a_lower_level_or_another_token_adds_nothing(world: World) -> None:
    await world.enrol("ann")
    ann, other = await world.login("ann"), await world.login("ann")
    await elevate(world, ann, await refusal_of(world, ann, Method.TOTP))
    await begun(world, Authority(ann))
    await refusal_of(world, other, Method.TOTP)
    refused = await refusal_of(world, ann, Method.PASSKEY)
    with pytest.raises(NoEligibleFactorError):
        await world.open(ann, refused.challenge_token or "")


async def test_recovery_codes_never_enrol(world: World) -> None:
    """Semantics §7.6, attack 20: an elevation by a recovery code does not count, not even for a basic factor."""
    await world.enrol("ann")
    ann = await world.login("ann")
    await elevate(world, ann, await refusal_of(world, ann, Method.RECOVERY))
    codes = await begun(world, Authority(ann), Method.RECOVERY)
    fresh = await world.login("ann")
    refused = await refusal_of(world, fresh, Method.RECOVERY)
    view = await world.open(fresh, refused.challenge_token or "")
    assert Method.RECOVERY not in view.methods
    with pytest.raises(InvalidInputError):
        await world.answer(fresh, view, codes.codes[0], method=Method.RECOVERY)
    await refusal_of(world, fresh, Method.RECOVERY)


async def test_an_operator_with_every_right_still_needs_the_elevation(world: World) -> None:
    await world.enrol("ann")
    await world.grant("root", "Authress:Users", "*")
    root = await world.login("root")
    refused = await refusal_of(world, root, Method.TOTP)
    assert refused.decision.requirement.level is Level.STRONG
    with pytest.raises(NotFoundError):
        await begun(world, Authority(await world.login("bob")))


# --- passkeys -------------------------------------------------------------------------------------------------


async def test_a_passkey_is_added_used_and_registered_once(world: World) -> None:
    ann = await world.login("ann")
    first, device = await with_new_passkey(world, Authority(ann, await enrolment_link(world)))
    (view,) = await list_factors(world.services, ann, ANN)
    assert (view.level, view.synced, view.name) == (Level.HARDWARE, False, "mine")
    refused = await refusal_of(world, ann, Method.PASSKEY)
    assert refused.decision.requirement.level is Level.PHISHING_RESISTANT
    challenge = await world.open(ann, refused.challenge_token or "")
    await answer_with(world, ann, challenge, await assertion(world, ann, challenge, device))
    again = await begun(world, Authority(ann), Method.PASSKEY)
    assert again.public_key is not None
    assert len(again.public_key["excludeCredentials"]) == 1  # type: ignore[arg-type]
    second, _ = await with_new_passkey(world, Authority(ann))
    assert second.id != first.id
    clone = SoftwareAuthenticator(random=lambda count: device.credentials[0].id)
    started = await begun(world, Authority(ann), Method.PASSKEY)
    assert started.public_key is not None
    with pytest.raises(AlreadyExistsError):
        await confirmed(world, Authority(ann), started, credential=clone.create(started.public_key))


async def test_a_device_bound_key_counts_as_no_more_than_what_allowed_it(world: World) -> None:
    """Allowed by a synced passkey, it does not become `hardware`: that level's first takes a link."""
    ann = await world.login("ann")
    _, synced = await with_new_passkey(
        world, Authority(ann, await enrolment_link(world)), backup_eligible=True, counts=False
    )
    refused = await refusal_of(world, ann, Method.PASSKEY)
    challenge = await world.open(ann, refused.challenge_token or "")
    await answer_with(world, ann, challenge, await assertion(world, ann, challenge, synced))
    await with_new_passkey(world, Authority(ann))
    await with_new_passkey(world, Authority(ann, await enrolment_link(world)))
    levels = [view.level for view in await list_factors(world.services, ann, ANN)]
    assert sorted(levels) == [Level.PHISHING_RESISTANT, Level.PHISHING_RESISTANT, Level.HARDWARE]


async def test_registration_options_are_good_for_one_attempt(world: World) -> None:
    ann = await world.login("ann")
    authority = Authority(ann, await enrolment_link(world))
    started = await begun(world, authority, Method.PASSKEY)
    assert started.public_key is not None
    evil = SoftwareAuthenticator(origin="https://evil.example")
    with pytest.raises(WrongAnswerError) as wrong:
        await confirmed(world, authority, started, credential=evil.create(started.public_key))
    assert wrong.value.details == {"attemptsLeft": 0}
    good = SoftwareAuthenticator()
    with pytest.raises(NotFoundError):
        await confirmed(world, authority, started, credential=good.create(started.public_key))


# --- confirming -----------------------------------------------------------------------------------------------


async def test_five_wrong_codes_end_an_enrolment(world: World) -> None:
    ann = await world.login("ann")
    authority = Authority(ann, await enrolment_link(world))
    started = await begun(world, authority)
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(WrongAnswerError) as wrong:
            await confirmed(world, authority, started, code="nothing")
        assert wrong.value.details == {"attemptsLeft": left}
    with pytest.raises(NotFoundError):
        await confirmed(world, authority, started, code=code_of(world, started))


async def test_only_who_began_confirms_within_fifteen_minutes_and_the_newest_counts(world: World) -> None:
    ann = await world.login("ann")
    secret = await enrolment_link(world)
    authority = Authority(ann, secret)
    old = await begun(world, authority)
    new = await begun(world, authority)
    with pytest.raises(NotFoundError):
        await confirmed(world, authority, old, code=code_of(world, old))
    desk = await world.client("other", ("Authress:Users", "StepUp:Enrol"))
    with pytest.raises(NotFoundError):
        await confirmed(world, Authority(desk, secret), new, code=code_of(world, new))
    with pytest.raises(InvalidInputError, match="code"):
        await confirmed(world, authority, new)
    with pytest.raises(InvalidInputError, match="credential"):
        await confirmed(world, authority, new, credential={})
    with pytest.raises(NotFoundError):
        await confirm_enrolment(world.services, authority, ANN, EnrolmentId("unknown"), ConfirmCall(code="1"))
    world.clock.advance(900)
    with pytest.raises(NotFoundError):
        await confirmed(world, authority, new, code=code_of(world, new))


async def test_what_is_begun_is_kept_sealed(world: World) -> None:
    ann = await world.login("ann")
    started = await begun(world, Authority(ann, await enrolment_link(world)))
    (stored,) = await world.services.store.read(lambda t: t.enrolments_of(ANN))
    assert started.secret is not None
    assert b32decode(started.secret) not in stored.secret
    assert started.secret not in repr(started)
    assert started.qr_svg is not None
    assert started.qr_svg.startswith("<svg")


@pytest.mark.parametrize("method", [Method.EXTERNAL, Method.APPROVAL])
async def test_what_is_no_factor_cannot_be_added(world: World, method: Method) -> None:
    with pytest.raises(InvalidInputError, match="cannot be added"):
        await begun(world, Authority(await world.login("ann")), method)


@pytest.mark.parametrize("name", ["x" * 65, "a\nb", "\u202egnp.exe"])
async def test_a_name_that_hides_something_is_refused(world: World, name: str) -> None:
    """Attack 16."""
    ann = await world.login("ann")
    with pytest.raises(InvalidInputError) as refusal:
        await begin_enrolment(world.services, Authority(ann), ANN, BeginCall(Method.TOTP, name))
    assert refusal.value.field == "name"


# --- recovery codes -------------------------------------------------------------------------------------------


async def with_codes(world: World, ann: UserCaller) -> tuple[str, ...]:
    await world.enrol("ann")
    await elevate(world, ann, await refusal_of(world, ann, Method.RECOVERY))
    return (await begun(world, Authority(ann), Method.RECOVERY)).codes


async def test_each_recovery_code_answers_once_and_gives_basic(world: World) -> None:
    ann = await world.login("ann")
    codes = await with_codes(world, ann)
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC)))
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    assert Method.RECOVERY in view.methods
    done = await world.answer(ann, view, codes[0].lower(), method=Method.RECOVERY)
    assert done.challenge.evidence is not None
    assert done.challenge.evidence.level is Level.BASIC
    other = await world.login("ann")
    again = await world.open(other, await world.refused(other, "ann", *PAY))
    with pytest.raises(WrongAnswerError):
        await world.answer(other, again, codes[0], method=Method.RECOVERY)
    await world.answer(other, again, codes[1], method=Method.RECOVERY)
    views = {view.method: view for view in await list_factors(world.services, ann, ANN)}
    assert views[Method.RECOVERY].codes_left == 8


async def test_a_new_set_ends_the_one_before_it(world: World) -> None:
    ann = await world.login("ann")
    old = await with_codes(world, ann)
    new = (await begun(world, Authority(ann), Method.RECOVERY)).codes
    assert set(old).isdisjoint(new)
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC)))
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, view, old[0], method=Method.RECOVERY)
    await world.answer(ann, view, new[0], method=Method.RECOVERY)
    assert [view.method for view in await list_factors(world.services, ann, ANN)] == [Method.TOTP, Method.RECOVERY]


async def test_no_recovery_code_meets_strong(world: World) -> None:
    """Attacks 14 and 20."""
    ann = await world.login("ann")
    codes = await with_codes(world, ann)
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    assert view.methods == (Method.TOTP,)
    with pytest.raises(InvalidInputError, match="does not meet"):
        await world.answer(ann, view, codes[0], method=Method.RECOVERY)


# --- changing and removing ------------------------------------------------------------------------------------


async def test_removing_a_factor_takes_an_elevation_and_ends_what_rests_on_it(world: World) -> None:
    """Semantics §8."""
    await world.enrol("ann")
    ann = await world.login("ann")
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    await world.step_up(ann, *PAY)
    (factor,) = await list_factors(world.services, ann, ANN)
    with pytest.raises(StepUpRefusedError) as refusal:
        await delete_factor(world.services, Authority(ann), ANN, factor.id)
    await elevate(world, ann, refusal.value)
    await delete_factor(world.services, Authority(ann), ANN, factor.id)
    assert await list_factors(world.services, ann, ANN) == []
    assert not allowed(await world.check(ann, "ann", *PAY))
    entries = await world.services.store.read(lambda t: t.audit_entries(limit=1_000))
    ended = [json.loads(entry.facts)["reason"] for entry in entries if entry.event == "elevation.ended"]
    assert ended == ["factor_removed", "factor_removed"]
    with pytest.raises(NotFoundError):
        await delete_factor(world.services, Authority(ann), ANN, factor.id)


async def test_renaming_takes_an_elevation_too(world: World) -> None:
    await world.enrol("ann")
    ann = await world.login("ann")
    (factor,) = await list_factors(world.services, ann, ANN)
    with pytest.raises(StepUpRefusedError) as refusal:
        await change_factor(world.services, Authority(ann), ANN, factor.id, name="new phone")
    await elevate(world, ann, refusal.value)
    view = await change_factor(world.services, Authority(ann), ANN, factor.id, name="new phone")
    assert view.name == "new phone"
    assert "factor.changed" in await world.events()
    with pytest.raises(InvalidInputError):
        await change_factor(world.services, Authority(ann), ANN, factor.id)
    with pytest.raises(NotFoundError):
        await change_factor(world.services, Authority(ann), ANN, FactorId("other"), name="x")
    with pytest.raises(NotFoundError):
        await change_factor(world.services, Authority(await world.login("bob")), ANN, factor.id, name="x")


async def disabled(world: World, factor: FactorId) -> None:
    def run(transaction: Any) -> None:
        transaction.set_factor_disabled(factor, disabled=True)
        transaction.set_attempts(ANN, factor, AttemptCount(50, world.clock.now()))

    await world.services.store.write(run)


async def test_a_disabled_factor_is_cleared_by_a_stronger_one(world: World) -> None:
    """Semantics §7.4: not by one of its own level."""
    ann = await world.login("ann")
    totp = await with_totp(world, Authority(ann, await enrolment_link(world)))
    _, device = await with_new_passkey(world, Authority(ann, await enrolment_link(world)))
    await elevate(world, ann, await refusal_of(world, ann, Method.TOTP))
    await disabled(world, totp.id)
    with pytest.raises(StepUpRefusedError) as refusal:
        await change_factor(world.services, Authority(ann), ANN, totp.id, clear=True)
    assert refusal.value.decision.requirement.level is Level.PHISHING_RESISTANT
    view = await world.open(ann, refusal.value.challenge_token or "")
    await answer_with(world, ann, view, await assertion(world, ann, view, device))
    cleared = await change_factor(world.services, Authority(ann), ANN, totp.id, clear=True)
    assert not cleared.disabled
    assert await world.services.store.read(lambda t: t.attempts(ANN, totp.id)) == AttemptCount()


async def test_a_disabled_factor_is_cleared_by_an_admin_who_steps_up(world: World) -> None:
    await enrol_totp(world.services, ANN)
    (factor,) = await list_factors(world.services, await world.login("ann"), ANN)
    await disabled(world, factor.id)
    await world.grant("root", "Authress:Users", "UPDATE", "READ")
    await world.enrol("root")
    root = await world.login("root")
    with pytest.raises(StepUpRefusedError) as refusal:
        await change_factor(world.services, Authority(root), ANN, factor.id, clear=True)
    view = await world.open(root, refusal.value.challenge_token or "")
    await world.answer(root, view, world.code("root"))
    assert not (await change_factor(world.services, Authority(root), ANN, factor.id, clear=True)).disabled
    assert len(await list_factors(world.services, root, ANN)) == 1


async def test_who_may_see_the_factors(world: World) -> None:
    await enrol_totp(world.services, ANN)
    for caller, kind in (
        (await world.login("bob"), NotFoundError),
        (await world.client("shop"), NotFoundError),
        (await world.client("some", ("Authress:Users/ann/factors", "DELETE")), ForbiddenError),
    ):
        with pytest.raises(kind):
            await list_factors(world.services, caller, ANN)
    reader = await world.client("reader", ("Authress:Users", "READ"))
    (view,) = await list_factors(world.services, reader, ANN)
    assert view.method is Method.TOTP


async def test_locking_one_factor_leaves_the_owners_others(world: World) -> None:
    """Attack 26: guesses at totp make totp wait, and nothing else."""
    ann = await world.login("ann")
    codes = await with_codes(world, ann)
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC)))
    thief = await world.login("ann")
    view = await world.open(thief, await world.refused(thief, "ann", *PAY))
    for _ in range(5):
        with pytest.raises((WrongAnswerError, TooManyAttemptsError)):
            await answer_challenge(world.services, thief, view.challenge.id, AnswerCall(Method.TOTP, "nothing"))
    own = await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(TooManyAttemptsError):
        await world.answer(ann, own, "000000")
    await world.answer(ann, own, codes[0], method=Method.RECOVERY)
    assert allowed(await world.check(ann, "ann", *PAY))


# --- at the same time -----------------------------------------------------------------------------------------


async def test_of_many_who_use_one_recovery_code_at_once_one_passes(world: World) -> None:
    """Attack 4, on two challenges of two tokens in parallel."""
    ann = await world.login("ann")
    codes = await with_codes(world, ann)
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC)))
    tokens = [await world.login("ann") for _ in range(4)]
    views = [await world.open(token, await world.refused(token, "ann", *PAY)) for token in tokens]
    outcomes = await asyncio.gather(
        *(
            world.answer(token, view, codes[0], method=Method.RECOVERY)
            for token, view in zip(tokens, views, strict=True)
        ),
        return_exceptions=True,
    )
    passed = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(passed) == 1
    failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert all(isinstance(outcome, (WrongAnswerError, TooManyAttemptsError)) for outcome in failed)


async def test_parallel_guesses_are_counted_exactly(world: World) -> None:
    """Attack 8: no guess is free because another is under way."""
    await with_codes(world, await world.login("ann"))
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC)))
    tokens = [await world.login("ann") for _ in range(10)]
    views = [await world.open(token, await world.refused(token, "ann", *PAY)) for token in tokens]
    outcomes = await asyncio.gather(
        *(
            world.answer(token, view, "0000-0000-0000", method=Method.RECOVERY)
            for token, view in zip(tokens, views, strict=True)
        ),
        return_exceptions=True,
    )
    looked_at = [outcome for outcome in outcomes if isinstance(outcome, WrongAnswerError)]
    (recovery,) = [
        view for view in await list_factors(world.services, tokens[0], ANN) if view.method is Method.RECOVERY
    ]
    count = await world.services.store.read(lambda t: t.attempts(ANN, recovery.id))
    assert count.failures == len(looked_at) == 4  # the fourth failure makes the fifth wait
    assert all(isinstance(outcome, (WrongAnswerError, TooManyAttemptsError)) for outcome in outcomes)


async def test_removing_a_factor_ends_the_challenges_that_it_proved(world: World) -> None:
    """Semantics §8: what was proven with it is not redeemed any more."""
    await world.enrol("ann")
    ann, other = await world.login("ann"), await world.login("ann")
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    view = await world.open(other, await world.refused(other, "ann", *PAY))
    (factor,) = await list_factors(world.services, ann, ANN)
    evidence = Evidence(Method.TOTP, Level.STRONG, user_verified=False, proven_at=world.clock.now(), factor=factor.id)
    proven = replace(view.challenge, state=ChallengeState.PROVEN, evidence=evidence, version=view.challenge.version + 1)
    await world.services.store.write(lambda transaction: transaction.replace_challenge(proven))
    with pytest.raises(StepUpRefusedError) as refusal:
        await delete_factor(world.services, Authority(ann), ANN, factor.id)
    await elevate(world, ann, refusal.value)
    await delete_factor(world.services, Authority(ann), ANN, factor.id)
    stored = await world.services.store.read(lambda t: t.challenge(view.challenge.id))
    assert stored is not None
    assert stored.state is ChallengeState.CANCELLED


# --- taken back -------------------------------------------------------------------------------------------------


async def test_not_me_takes_back_what_was_begun(world: World) -> None:
    """Attack 19, semantics §7.7: a thief who began in time does not confirm after "this was not me"."""
    await world.enrol("ann")
    thief, ann = await world.login("ann"), await world.login("ann")
    refused = await refusal_of(world, thief, Method.TOTP)
    view = await world.open(thief, refused.challenge_token or "")
    await world.answer(thief, view, world.code("ann"))
    started = await begun(world, Authority(thief))
    desk = await world.client("app", ("Authress:StepUp/*", "StepUp:Challenge"))
    await decline_challenge(world.services, desk, view.challenge.id, not_me=True)
    with pytest.raises(NotFoundError):
        await confirmed(world, Authority(thief), started, code=code_of(world, started))
    assert len(await list_factors(world.services, ann, ANN)) == 1


async def test_ending_the_elevations_takes_back_what_was_begun(world: World) -> None:
    await world.enrol("ann")
    thief, ann = await world.login("ann"), await world.login("ann")
    await elevate(world, thief, await refusal_of(world, thief, Method.TOTP))
    started = await begun(world, Authority(thief))
    world.clock.advance(400)  # the elevation is over by itself, what was begun is not
    await end_elevations(world.services, ann, ANN, user_token=None, everything=True)
    with pytest.raises(NotFoundError):
        await confirmed(world, Authority(thief), started, code=code_of(world, started))
