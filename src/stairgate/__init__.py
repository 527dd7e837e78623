"""
Authorization with step-up: the names that applications import.

`Stairgate` and `AsyncStairgate` are the clients, `Allowed`, `Denied` and `StepUp` the three answers to a check, and
`StairgateError` the root of what is raised; `stairgate.client.errors` draws the tree.

The names are loaded when they are first used: the service shares this package and needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stairgate.client.asynchronous import AsyncStairgate
    from stairgate.client.blocking import Stairgate
    from stairgate.client.codec import KEEP
    from stairgate.client.decisions import Allowed, Decision, Denied, StepUp
    from stairgate.client.errors import (
        AccessRecordAlreadyExistsError,
        AlreadyClaimedError,
        AlreadyDoneError,
        AlreadyExistsError,
        ArgumentError,
        ChallengeBarredError,
        ChallengeEndedError,
        ChallengePendingError,
        ChangedMeanwhileError,
        ConflictError,
        DeliveryFailedError,
        ForbiddenError,
        IdempotencyKeyReusedError,
        InvalidChallengeTokenError,
        InvalidInputError,
        LimitReachedError,
        NoEligibleFactorError,
        NotFoundError,
        NotYetSupportedError,
        OutOfScopeError,
        PreconditionRequiredError,
        ProtectionWouldBeLostError,
        RefusedError,
        RequestEndedError,
        ServerError,
        StairgateError,
        StepUpAuthorizationRequired,
        TooLargeError,
        TooManyAttemptsError,
        TooManyChallengesError,
        TooManyError,
        TooManyPromptsError,
        UnauthenticatedError,
        Unauthorized,
        UnavailableError,
        UnexpectedAnswerError,
        UnreachableError,
        UserTokenRefusedError,
        WrongAnswerError,
    )
    from stairgate.client.factors import BegunFactor, Factor
    from stairgate.client.requests import AccessRequest, AccessTemplate, Quorum, RequestedStepUp, Vote
    from stairgate.client.requirement import Level, Method, Requirement
    from stairgate.client.shapes import (
        AccessRecord,
        AccountLink,
        Area,
        Challenge,
        Claim,
        ClientOptions,
        CodeAddress,
        DeliveredCode,
        Elevation,
        Group,
        Identity,
        Invite,
        NewAccessKey,
        Permission,
        Resource,
        ResourceAbility,
        ResourceMark,
        ResourceUser,
        Role,
        ServiceClient,
        Statement,
        UserPermission,
        UserResource,
        UserRole,
        VerificationKey,
    )

__all__ = [
    "KEEP",
    "AccessRecord",
    "AccessRecordAlreadyExistsError",
    "AccessRequest",
    "AccessTemplate",
    "AccountLink",
    "Allowed",
    "AlreadyClaimedError",
    "AlreadyDoneError",
    "AlreadyExistsError",
    "Area",
    "ArgumentError",
    "AsyncStairgate",
    "BegunFactor",
    "Challenge",
    "ChallengeBarredError",
    "ChallengeEndedError",
    "ChallengePendingError",
    "ChangedMeanwhileError",
    "Claim",
    "ClientOptions",
    "CodeAddress",
    "ConflictError",
    "Decision",
    "DeliveredCode",
    "DeliveryFailedError",
    "Denied",
    "Elevation",
    "Factor",
    "ForbiddenError",
    "Group",
    "IdempotencyKeyReusedError",
    "Identity",
    "InvalidChallengeTokenError",
    "InvalidInputError",
    "Invite",
    "Level",
    "LimitReachedError",
    "Method",
    "NewAccessKey",
    "NoEligibleFactorError",
    "NotFoundError",
    "NotYetSupportedError",
    "OutOfScopeError",
    "Permission",
    "PreconditionRequiredError",
    "ProtectionWouldBeLostError",
    "Quorum",
    "RefusedError",
    "RequestEndedError",
    "RequestedStepUp",
    "Requirement",
    "Resource",
    "ResourceAbility",
    "ResourceMark",
    "ResourceUser",
    "Role",
    "ServerError",
    "ServiceClient",
    "Stairgate",
    "StairgateError",
    "Statement",
    "StepUp",
    "StepUpAuthorizationRequired",
    "TooLargeError",
    "TooManyAttemptsError",
    "TooManyChallengesError",
    "TooManyError",
    "TooManyPromptsError",
    "UnauthenticatedError",
    "Unauthorized",
    "UnavailableError",
    "UnexpectedAnswerError",
    "UnreachableError",
    "UserPermission",
    "UserResource",
    "UserRole",
    "UserTokenRefusedError",
    "VerificationKey",
    "Vote",
    "WrongAnswerError",
]

# Where each name lives. A test holds this, `__all__` and the imports above to each other.
_MODULES = {
    "stairgate.client.asynchronous": "AsyncStairgate",
    "stairgate.client.blocking": "Stairgate",
    "stairgate.client.codec": "KEEP",
    "stairgate.client.decisions": "Allowed Decision Denied StepUp",
    "stairgate.client.errors": """
        AccessRecordAlreadyExistsError AlreadyClaimedError AlreadyDoneError AlreadyExistsError
        ArgumentError ChallengeBarredError
        ChallengeEndedError ChallengePendingError ChangedMeanwhileError ConflictError DeliveryFailedError ForbiddenError
        IdempotencyKeyReusedError InvalidChallengeTokenError InvalidInputError LimitReachedError
        PreconditionRequiredError RequestEndedError
        NoEligibleFactorError NotFoundError NotYetSupportedError OutOfScopeError ProtectionWouldBeLostError
        RefusedError ServerError StairgateError StepUpAuthorizationRequired TooLargeError TooManyAttemptsError
        TooManyChallengesError TooManyError TooManyPromptsError UnauthenticatedError Unauthorized
        UnavailableError UnexpectedAnswerError UnreachableError UserTokenRefusedError WrongAnswerError
    """,
    "stairgate.client.factors": "BegunFactor Factor",
    "stairgate.client.requests": "AccessRequest AccessTemplate Quorum RequestedStepUp Vote",
    "stairgate.client.requirement": "Level Method Requirement",
    "stairgate.client.shapes": """
        AccessRecord AccountLink Area Challenge Claim ClientOptions CodeAddress DeliveredCode Elevation Group Identity
        Invite NewAccessKey Permission Resource ResourceAbility ResourceMark ResourceUser Role ServiceClient Statement
        UserPermission UserResource UserRole VerificationKey
    """,
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """The public *name*, loaded now and kept."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
