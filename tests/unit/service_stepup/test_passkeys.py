"""Passkeys answer challenges, over both stores: bound to the access, once, at the level that they have."""

from __future__ import annotations

import json

import pytest
from tests.unit.service_stepup.passkeys import answer_with, assertion, with_passkey
from tests.unit.service_stepup.world import World, allowed, wants_step_up

from stairgate.model.canonical import digest_of
from stairgate.model.challenges import ChallengeState
from stairgate.model.errors import (
    ChallengeEndedError,
    InvalidInputError,
    NoEligibleFactorError,
    NotFoundError,
    WrongAnswerError,
)
from stairgate.model.ids import UserId
from stairgate.model.passkeys import signed_consent_document
from stairgate.model.protection import Level, Method, Requirement
from stairgate.model.tokens import UserCaller
from stairgate.service.answer_challenge import AnswerCall, answer_challenge
from stairgate.service.evidence import verify_evidence
from stairgate.service.passkey_options import passkey_options

pytestmark = pytest.mark.anyio

PAY = ("pay", "accounts/1")
PHISHING_RESISTANT = Requirement(level=Level.PHISHING_RESISTANT)


async def bank(world: World, requirement: Requirement = PHISHING_RESISTANT) -> UserCaller:
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", requirement))
    return await world.login("ann")


async def test_a_passkey_opens_what_asks_for_one(world: World) -> None:
    ann = await bank(world)
    device = await with_passkey(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    assert view.methods == (Method.PASSKEY,)
    done = await answer_with(world, ann, view, await assertion(world, ann, view, device))
    assert done.challenge.state is ChallengeState.SATISFIED
    assert allowed(await world.check(ann, "ann", *PAY))
    (factor,) = await world.services.store.read(lambda t: t.factors_of(UserId("ann")))
    assert (factor.counter, factor.last_used_at) == (1, world.clock.now())


async def test_what_was_signed_is_kept_and_verified_again(world: World) -> None:
    """WA-7: from public data, the consent to exactly this access; the audit chain has its digest."""
    ann = await bank(world, Requirement(level=Level.PHISHING_RESISTANT, bind=frozenset({"amount"})))
    device = await with_passkey(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY, context={"amount": 100}))
    done = await answer_with(world, ann, view, await assertion(world, ann, view, device))
    stored = await world.services.store.read(lambda t: t.challenge(view.challenge.id))
    assert stored == done.challenge
    assert stored is not None
    assert stored.signed is not None
    verified = verify_evidence(stored.signed)
    assert verified.document["details"] == {"amount": 100}
    assert verified.document["challenge"] == view.challenge.id
    issued = [e for e in await world.services.store.read(lambda t: t.audit_entries()) if e.event == "elevation.issued"]
    facts = json.loads(issued[0].facts)
    assert facts["signedConsent"] == digest_of(signed_consent_document(stored.signed))
    assert facts["amr"] == ["hwk", "user", "mfa"]
    assert stored.signed.signature.hex() not in issued[0].facts


async def test_a_nonce_is_spent_by_any_answer(world: World) -> None:
    """Attack 4, WA-2: a wrong answer spends it, too, and the very same assertion is refused after it."""
    ann = await bank(world, Requirement(level=Level.STRONG))
    await world.enrol("ann")
    device = await with_passkey(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    credential = await assertion(world, ann, view, device)
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, view, "0")
    with pytest.raises(WrongAnswerError):
        await answer_with(world, ann, view, credential)
    fresh = await assertion(world, ann, view, device)
    await answer_with(world, ann, view, fresh)
    with pytest.raises(ChallengeEndedError):
        await answer_with(world, ann, view, fresh)


async def test_fresh_options_end_those_before_and_old_ones_expire(world: World) -> None:
    ann = await bank(world)
    device = await with_passkey(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    old = await assertion(world, ann, view, device)
    late = await assertion(world, ann, view, device)
    with pytest.raises(WrongAnswerError):
        await answer_with(world, ann, view, old)
    late = await assertion(world, ann, view, device)
    world.clock.advance(300)
    with pytest.raises(WrongAnswerError):
        await answer_with(world, ann, view, late)
    assert not allowed(await world.check(ann, "ann", *PAY))


async def test_an_assertion_for_another_access_or_token_completes_nothing(world: World) -> None:
    """Attack 1, WA-4: the attacker relays the victim's assertion to a challenge of their own."""
    ann = await bank(world)
    await world.grant("ann", "accounts/2", "pay")
    await world.protect("accounts/2", ("pay", PHISHING_RESISTANT))
    device = await with_passkey(world)
    thief = await world.login("ann")
    victim = await world.open(ann, await world.refused(ann, "ann", "pay", "accounts/2"))
    attack = await world.open(thief, await world.refused(thief, "ann", *PAY))
    await passkey_options(world.services, thief, attack.challenge.id, once=False)
    relayed = await assertion(world, ann, victim, device)
    with pytest.raises(WrongAnswerError):
        await answer_with(world, thief, attack, relayed)
    with pytest.raises(NotFoundError):
        await passkey_options(world.services, thief, victim.challenge.id, once=False)
    assert wants_step_up(await world.check(thief, "ann", *PAY))


async def test_only_this_once_is_signed(world: World) -> None:
    """Semantics §7.3: chosen before the nonce is made; it enters uses and area."""
    ann = await bank(world)
    device = await with_passkey(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    plain = await assertion(world, ann, view, device)
    with pytest.raises(InvalidInputError, match="once"):
        await answer_with(world, ann, view, plain, once=True)
    done = await answer_with(world, ann, view, await assertion(world, ann, view, device, once=True))
    assert done.challenge.signed is not None
    assert verify_evidence(done.challenge.signed).document["uses"] == 1
    assert allowed(await world.check(ann, "ann", *PAY))
    assert not allowed(await world.check(ann, "ann", *PAY))


async def test_a_synced_passkey_is_no_hardware(world: World) -> None:
    """WA-5, NIST-6."""
    ann = await bank(world, Requirement(level=Level.HARDWARE))
    await with_passkey(world, backup_eligible=True, backed_up=True)
    refused = await world.refused(ann, "ann", *PAY)
    with pytest.raises(NoEligibleFactorError):
        await world.open(ann, refused)
    bound = await with_passkey(world)
    view = await world.open(ann, refused)
    await answer_with(world, ann, view, await assertion(world, ann, view, bound))
    assert allowed(await world.check(ann, "ann", *PAY))


async def test_a_counter_that_goes_back_is_refused_and_recorded(world: World) -> None:
    """WA-6: a clone is a wrong answer, and an entry of its own."""
    ann = await bank(world)
    device = await with_passkey(world)
    device.credentials[0].sign_count = 7
    first = await world.open(ann, await world.refused(ann, "ann", *PAY))
    await answer_with(world, ann, first, await assertion(world, ann, first, device))
    device.credentials[0].sign_count = 3
    other = await world.login("ann")
    view = await world.open(other, await world.refused(other, "ann", *PAY))
    with pytest.raises(WrongAnswerError):
        await answer_with(world, other, view, await assertion(world, other, view, device))
    assert "factor.suspect" in await world.events()


async def test_a_passkey_cannot_be_locked_for_its_owner(world: World) -> None:
    """Attack 26: wrong assertions end challenges, never the passkey; not even a wait."""
    ann = await bank(world)
    device = await with_passkey(world)
    for _ in range(12):
        thief = await world.login("ann")
        view = await world.open(thief, await world.refused(thief, "ann", *PAY))
        for _ in range(5):
            with pytest.raises(WrongAnswerError):
                await answer_with(world, thief, view, {"type": "public-key", "id": "AA", "rawId": "AA"})
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    await answer_with(world, ann, view, await assertion(world, ann, view, device))
    assert allowed(await world.check(ann, "ann", *PAY))


async def test_phishing_resistant_refuses_every_other_method(world: World) -> None:
    """Attacks 10 and 14: a relayed code is no way in, whatever the caller names."""
    ann = await bank(world)
    await world.enrol("ann")
    await with_passkey(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    for method in (Method.TOTP, Method.EMAIL, Method.SMS, Method.RECOVERY):
        with pytest.raises(InvalidInputError, match="does not meet"):
            await world.answer(ann, view, world.code("ann"), method=method)
    assert not allowed(await world.check(ann, "ann", *PAY))


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (AnswerCall(Method.PASSKEY), "credential"),
        (AnswerCall(Method.PASSKEY, code="123456"), "code"),
        (AnswerCall(Method.TOTP, credential={}), "credential"),
        (AnswerCall(Method.TOTP), "code"),
    ],
    ids=str,
)
async def test_an_answer_of_another_methods_form_is_refused_by_name(world: World, call: AnswerCall, field: str) -> None:
    ann = await bank(world, Requirement())
    await world.enrol("ann")
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(InvalidInputError) as refusal:
        await answer_challenge(world.services, ann, view.challenge.id, call)
    assert refusal.value.field == field
