"""What the tests of factors share: links, enrolments begun and confirmed, and the step-up that allows one."""

from __future__ import annotations

from base64 import b32decode
from typing import Any

import pytest
from tests.unit.service_stepup.world import World

from stairgate.factors.totp import code_at, step_at
from stairgate.model.challenges import ChallengeState
from stairgate.model.errors import (
    StepUpRefusedError,
)
from stairgate.model.evidence import Factor
from stairgate.model.ids import UserId
from stairgate.model.protection import Method
from stairgate.model.tokens import Caller, ClientCaller, UserCaller
from stairgate.service.account_links import create_account_link
from stairgate.service.confirm_enrolment import ConfirmCall, confirm_enrolment
from stairgate.service.enrolment import BeginCall, Begun, begin_enrolment
from stairgate.service.factor_rights import Authority
from stairgate.testing.authenticator import SoftwareAuthenticator

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


async def with_codes(world: World, ann: UserCaller) -> tuple[str, ...]:
    await world.enrol("ann")
    await elevate(world, ann, await refusal_of(world, ann, Method.RECOVERY))
    return (await begun(world, Authority(ann), Method.RECOVERY)).codes
