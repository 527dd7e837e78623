"""The six steps of a step-up, in process, over both stores; and what follows them."""

from pathlib import Path

import pytest
from tests.unit.service_stepup.world import STORES, allowed, denied, new_world, wants_step_up

from stairgate.model.challenges import ChallengeState
from stairgate.model.decisions import Allow, Reason, StepUpRequired
from stairgate.model.ids import UserId
from stairgate.model.protection import Method, Requirement
from stairgate.service.elevations import end_elevation, list_elevations
from stairgate.service.report_step_up import report_step_up

ANN = UserId("ann")
TRANSFER = ("payments:transfer", "accounts/1")


@pytest.mark.anyio
@pytest.mark.parametrize("store", STORES)
async def test_a_protected_access_is_open_to_the_stepped_up_token_alone(store: str, tmp_path: Path) -> None:
    """Protect, log in, be refused, answer, record, succeed; a second token of the same user is still refused."""
    async with new_world(store, tmp_path) as world:
        # 1. Protect an access that Ann has.
        await world.grant("ann", "accounts/1", "payments", "READ")
        await world.protect("accounts/1", ("payments", Requirement()))
        await world.enrol("ann")
        # 2. Log in: what is not protected is open, what nobody gave is denied.
        first = await world.login("ann")
        assert allowed(await world.check(first, "ann", "READ", "accounts/1"))
        assert denied(await world.check(first, "ann", "payments:transfer", "accounts/2"))
        # 3. Be refused, with a challenge token.
        refusal = await world.check(first, "ann", *TRANSFER)
        assert isinstance(refusal.decision, StepUpRequired)
        assert refusal.decision.reason is Reason.ELEVATION_REQUIRED
        assert refusal.challenge_token is not None
        assert refusal.expires_at is not None
        # 4. Answer the challenge.
        view = await world.open(first, refusal.challenge_token)
        assert view.methods == (Method.TOTP,)
        answered = await world.answer(first, view, world.code("ann"))
        assert answered.challenge.state is ChallengeState.SATISFIED
        # 5. Record it; a repeat gives the same answer.
        elevation = await report_step_up(world.services, first, refusal.challenge_token, user_token=None, code=None)
        again = await report_step_up(world.services, first, refusal.challenge_token, user_token=None, code=None)
        assert elevation == again
        assert elevation.token == first.token.key
        # 6. Succeed.
        checked = await world.check(first, "ann", *TRANSFER)
        assert isinstance(checked.decision, Allow)
        assert checked.decision.elevation == elevation.id
        # A second token of the same user is still refused.
        second = await world.login("ann")
        assert wants_step_up(await world.check(second, "ann", *TRANSFER))
        # Revoked, the first is refused again.
        assert [each.id for each in await list_elevations(world.services, first, ANN)] == [elevation.id]
        await end_elevation(world.services, first, ANN, elevation.id)
        assert wants_step_up(await world.check(first, "ann", *TRANSFER))
        assert await list_elevations(world.services, first, ANN) == []


@pytest.mark.anyio
@pytest.mark.parametrize("store", STORES)
async def test_always_mode_asks_each_time(store: str, tmp_path: Path) -> None:
    """`uses: 1`: the check that a step-up opened is the only one it opens."""
    async with new_world(store, tmp_path) as world:
        await world.grant("ann", "accounts/1", "payments")
        await world.protect("accounts/1", ("payments", Requirement(uses=1)))
        await world.enrol("ann")
        ann = await world.login("ann")
        for _ in range(3):
            await world.step_up(ann, *TRANSFER)
            assert allowed(await world.check(ann, "ann", *TRANSFER))
            used_up = await world.check(ann, "ann", *TRANSFER)
            assert isinstance(used_up.decision, StepUpRequired)
            assert used_up.decision.reason is Reason.ELEVATION_EXPIRED
