"""A bank: a user who may pay under a mark, an app that opens challenges, and a code that is wrong."""

from __future__ import annotations

from tests.unit.service_stepup.world import World

from stairgate.factors.totp import code_at, step_at
from stairgate.model.ids import UserId
from stairgate.model.protection import Level, Requirement
from stairgate.model.tokens import ClientCaller, UserCaller
from stairgate.service.authentication import authenticate

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
