"""See and end elevations (semantics §7, §8). Once an end has returned, no check on any node is allowed by it."""

from __future__ import annotations

from collections.abc import Sequence

from stairgate.model.actions import READ, Action, parse_action
from stairgate.model.challenges import ChallengeState
from stairgate.model.elevations import Elevation, EndReason
from stairgate.model.errors import InvalidInputError, NotFoundError
from stairgate.model.ids import ChallengeId, ElevationId, UserId
from stairgate.model.resources import Resource, management_resource
from stairgate.model.tokens import Caller, ClientCaller, TokenKey, UserCaller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit, endings
from stairgate.service.authentication import verify_user_token
from stairgate.service.context import Services
from stairgate.service.guard import Guard
from stairgate.service.management import reading, writing
from stairgate.service.whose_token import USER_TOKEN_HEADER

DELETE = parse_action("DELETE")


def elevations_resource(user: UserId) -> Resource:
    """Where the rights over a user's elevations are held."""
    return Resource((*management_resource("Users", user).segments, "elevations"))


async def list_elevations(services: Services, caller: Caller, user: UserId) -> Sequence[Elevation]:
    """
    The user's live elevations, oldest first.

    Raises:
        NotFoundError: The caller is not the user, and has no right there.
        ForbiddenError: The caller has some right there, but not `READ`.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> Sequence[Elevation]:
        _require(guard, READ, user)
        return transaction.elevations_of_user(user, now=guard.now)

    return await reading(services, caller, run)


async def end_elevation(
    services: Services,
    caller: Caller,
    user: UserId,
    id: ElevationId,  # noqa: A002
) -> None:
    """
    End one elevation; one that has ended stays so.

    Raises:
        ForbiddenError: The caller is not the user, and has some right there, but not `DELETE`.
        NotFoundError: The user has no such elevation, or the caller has no right there.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> None:
        _require(guard, DELETE, user)
        elevation = transaction.elevation(id)
        if elevation is None or elevation.user != user:
            raise NotFoundError
        by = audit.actor(caller)
        endings.end_elevations(transaction, [elevation], EndReason.REVOKED, by=by, at=guard.now)

    await writing(services, caller, run)


async def end_elevations(
    services: Services, caller: Caller, user: UserId, *, user_token: str | None, everything: bool | None
) -> int:
    """
    End the elevations and live challenges of one token of the user, or of every one.

    Args:
        services: The application's.
        caller: The user, or somebody with `DELETE` there.
        user: Whose.
        user_token: What a service client passes; a user's own token is the bearer.
        everything: Every token's; None: yes where no token of the user came with the call.

    Returns:
        How many elevations were ended.

    Raises:
        NotFoundError: The caller is not the user, and has no right there.
        ForbiddenError: The caller has some right there, but not `DELETE`.
        InvalidInputError: A user passed a user token; or one token's were asked for, and none came.
        UserTokenRefusedError: The passed token is not valid, or not the user's.
    """
    token = await _token(services, caller, user, user_token)
    if everything is None:
        everything = token is None
    if token is None and not everything:
        raise InvalidInputError("all", "must be true where no token of the user comes with the call")
    one = None if everything else token

    def run(transaction: WriteTransaction, guard: Guard) -> tuple[int, list[ChallengeId]]:
        _require(guard, DELETE, user)
        by, now = audit.actor(caller), guard.now
        if one is None:
            elevations = endings.revocable_elevations_of_user(transaction, user, now)
            challenges = endings.live_challenges_of_user(transaction, user, now)
        else:
            elevations = endings.revocable_elevations(transaction, user, one, now)
            challenges = endings.live_challenges(transaction, one, now)
        endings.drop_enrolments(transaction, user)
        count = endings.end_elevations(transaction, elevations, EndReason.REVOKED, by=by, at=now)
        return count, endings.end_challenges(transaction, challenges, ChallengeState.CANCELLED, by=by, at=now)

    count, touched = (await writing(services, caller, run)).value
    services.notices.tell(touched)
    return count


async def _token(services: Services, caller: Caller, user: UserId, passed: str | None) -> TokenKey | None:
    match caller:
        case UserCaller():
            if passed is not None:
                raise InvalidInputError(USER_TOKEN_HEADER, "is for service clients; a user's own token is the bearer")
            return caller.token.key if caller.token.user == user else None
        case ClientCaller():
            if passed is not None:
                return (await verify_user_token(services, passed, user=user)).key
            return caller.token.key if caller.principal == user else None


def _require(guard: Guard, action: Action, user: UserId) -> None:
    if guard.user != user:
        guard.require(action, elevations_resource(user))
