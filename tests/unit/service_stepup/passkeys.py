"""A passkey of a user, registered without the ceremony around it, and the device that holds it."""

from __future__ import annotations

from typing import Any

from tests.unit.service_stepup.world import World

from stairgate.factors.passkey import creation_options, passkey_text, register
from stairgate.model.evidence import Factor
from stairgate.model.ids import FactorId, UserId
from stairgate.model.protection import Level, Method
from stairgate.service.answer_challenge import AnswerCall, answer_challenge
from stairgate.service.passkey_options import passkey_options
from stairgate.service.stored_factors import seal_purpose
from stairgate.service.views import ChallengeView
from stairgate.testing.authenticator import SoftwareAuthenticator

ORIGIN = "http://localhost:8080"


async def with_passkey(world: World, user: str = "ann", **members: Any) -> SoftwareAuthenticator:
    """A device whose passkey is a factor of *user*."""
    party = world.services.rules.party
    assert party is not None
    random = world.services.entropy.bytes
    device = SoftwareAuthenticator(**{"origin": ORIGIN, "random": random, **members})
    challenge, handle = random(32), random(32)
    made = device.create(creation_options(party, challenge=challenge, user_handle=handle, user=user, known=()))
    known = register(made, challenge=challenge, party=party, user_handle=handle, most=Level.HARDWARE)
    now = world.clock.now()
    id_ = FactorId(world.services.entropy.token())
    sealed = world.services.keys.seal(passkey_text(known.passkey).encode(), purpose=seal_purpose(id_))
    factor = Factor(id_, UserId(user), Method.PASSKEY, sealed, now, now, "key", counter=known.sign_count)
    await world.services.store.write(lambda transaction: transaction.put_factor(factor))
    return device


async def assertion(
    world: World, caller: Any, view: ChallengeView, device: SoftwareAuthenticator, *, once: bool = False
) -> dict[str, Any]:
    """What the device gives for fresh options."""
    options = await passkey_options(world.services, caller, view.challenge.id, once=once)
    return device.get(options)


async def answer_with(
    world: World, caller: Any, view: ChallengeView, credential: dict[str, Any], **more: Any
) -> ChallengeView:
    call = AnswerCall(Method.PASSKEY, credential=credential, **more)
    return await answer_challenge(world.services, caller, view.challenge.id, call)
