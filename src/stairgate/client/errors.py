"""
Every error that the SDK raises, as one tree.

```
StairgateError
├── Unauthorized                        the user does not have the access
├── StepUpAuthorizationRequired         the access is the user's: a step-up opens it
├── ArgumentError                       nothing was sent: an argument cannot be right (also a ValueError)
├── UnreachableError                    no answer: refused, reset, timed out
├── UnexpectedAnswerError               an answer that no Stairgate gives: HTML, a redirect, another 2xx
└── RefusedError                        an error that Stairgate answered
    ├── InvalidInputError               400  `field` says which part
    │   ├── InvalidChallengeTokenError
    │   └── NotYetSupportedError
    ├── UnauthenticatedError            401  the client's own access key or token is bad
    ├── ForbiddenError                  403  the client may not
    │   ├── UserTokenRefusedError
    │   ├── ChallengeBarredError
    │   └── ChallengePendingError
    ├── NotFoundError                   404
    ├── ConflictError                   409
    │   ├── AlreadyExistsError
    │   │   └── AccessRecordAlreadyExistsError
    │   ├── AlreadyClaimedError
    │   ├── AlreadyDoneError
    │   ├── ProtectionWouldBeLostError
    │   ├── NoEligibleFactorError
    │   ├── ChallengeEndedError         `state` says how
    │   ├── RequestEndedError           `state` is its status
    │   ├── IdempotencyKeyReusedError
    │   └── LimitReachedError
    ├── ChangedMeanwhileError           412
    ├── PreconditionRequiredError       428
    ├── TooLargeError                   413
    ├── WrongAnswerError                422  `attempts_left`
    ├── TooManyError                    429  `retry_after` seconds
    │   ├── TooManyChallengesError
    │   ├── TooManyPromptsError
    │   └── TooManyAttemptsError
    └── ServerError                     5xx
        ├── OutOfScopeError             501
        ├── DeliveryFailedError         503  the code could not be sent
        └── UnavailableError            503  it cannot be decided now: treat it as a refusal
```

Each has `status` (None where nothing was answered), `error_code`, `error_id` and `title`. Act on the class or the
`error_code`; the title is for people and may change.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar

from stairgate.client.requirement import Requirement

_NOTHING: Mapping[str, object] = MappingProxyType({})


class StairgateError(Exception):
    """
    The root of the tree.

    Attributes:
        title: What went wrong, for people.
        status: The HTTP status of the answer, None where there was none.
        error_code: The stable name of the error on the wire.
        error_id: The id of the answer in the service's logs.
        details: The other members of the error body.
    """

    def __init__(
        self,
        title: str,
        *,
        status: int | None = None,
        error_code: str | None = None,
        error_id: str | None = None,
        details: Mapping[str, object] = _NOTHING,
    ) -> None:
        super().__init__(title)
        self.title = title
        self.status = status
        self.error_code = error_code
        self.error_id = error_id
        self.details = details


class ArgumentError(StairgateError, ValueError):
    """Nothing was sent: an argument cannot be right."""


class UnreachableError(StairgateError):
    """There was no answer. Whether the request was carried out is not known."""


class UnexpectedAnswerError(StairgateError):
    """What answered is no Stairgate, or something in between changed the answer. It is never taken for an allow."""


class Unauthorized(StairgateError):
    """The user does not have the access."""


class StepUpAuthorizationRequired(StairgateError):
    """
    The access is the user's; the token that they came with must be elevated first.

    Attributes:
        step_up_challenge_token: Opens the challenge; None where no challenge can help (see *reason*).
        requirement: What the elevation must be.
        reason: `elevation_required`, `elevation_expired`, `details_changed`, `details_required`, `token_required` or
            `requirement_unsatisfiable`.
        expires_at: Until when the challenge token can be opened.
    """

    def __init__(
        self,
        title: str,
        *,
        step_up_challenge_token: str | None,
        requirement: Requirement,
        reason: str,
        expires_at: datetime | None,
        status: int | None = None,
        error_code: str | None = None,
        error_id: str | None = None,
        details: Mapping[str, object] = _NOTHING,
    ) -> None:
        super().__init__(title, status=status, error_code=error_code, error_id=error_id, details=details)
        self.step_up_challenge_token = step_up_challenge_token
        self.requirement = requirement
        self.reason = reason
        self.expires_at = expires_at


class RefusedError(StairgateError):
    """An error that Stairgate answered."""

    code: ClassVar[str] = ""


class InvalidInputError(RefusedError):
    """A part of the request is not valid; *field* says which."""

    code = "InvalidInputRequest"

    @property
    def field(self) -> str | None:
        """The part that is not valid, as the wire names it."""
        field = self.details.get("field")
        return field if isinstance(field, str) else None


class InvalidChallengeTokenError(InvalidInputError):
    """The challenge token is malformed, forged or too old: ask for the access again to get a new one."""

    code = "InvalidChallengeToken"


class NotYetSupportedError(InvalidInputError):
    """The service does not know this member yet, and ignores none."""

    code = "NotYetSupported"


class UnauthenticatedError(RefusedError):
    """The client's own access key or token is not accepted."""

    code = "Unauthorized"


class ForbiddenError(RefusedError):
    """The client may not do this."""

    code = "Forbidden"


class UserTokenRefusedError(ForbiddenError):
    """The user token is not valid, or is not a token of this user."""

    code = "UserTokenRefused"


class ChallengeBarredError(ForbiddenError):
    """This token may not open or answer challenges."""

    code = "ChallengeBarred"


class ChallengePendingError(ForbiddenError):
    """The challenge is not satisfied yet."""

    code = "StepUpChallengePending"


class NotFoundError(RefusedError):
    """It does not exist, or is not this client's to know."""

    code = "NotFound"


class ConflictError(RefusedError):
    """It conflicts with what is there."""

    code = "Conflict"


class AlreadyExistsError(ConflictError):
    """The id is taken."""

    code = "AlreadyExists"


class AccessRecordAlreadyExistsError(AlreadyExistsError):
    """An active access record has this id."""

    code = "AccessRecordAlreadyExists"


class ProtectionWouldBeLostError(ConflictError):
    """A mark would be lost: say what is to become of it."""

    code = "ProtectionWouldBeLost"


class NoEligibleFactorError(ConflictError):
    """The user has no factor that meets the requirement and must enrol one first."""

    code = "NoEligibleFactor"


class ChallengeEndedError(ConflictError):
    """The challenge has ended; *state* says how."""

    code = "ChallengeEnded"

    @property
    def state(self) -> str | None:
        """How it ended: `satisfied`, `declined`, `expired`, `cancelled`, `superseded` or `locked`."""
        state = self.details.get("state")
        return state if isinstance(state, str) else None


class AlreadyClaimedError(ConflictError):
    """The resource is claimed already, or others have access to it."""

    code = "AlreadyClaimed"


class AlreadyDoneError(ConflictError):
    """This was done under its idempotency key, and its answer, which held a secret, is not shown any more."""

    code = "AlreadyDone"


class RequestEndedError(ConflictError):
    """The request to other people is decided; *state* is its status."""

    code = "RequestEnded"

    @property
    def state(self) -> str | None:
        """`APPROVED`, `DENIED` or `DELETED`."""
        state = self.details.get("state")
        return state if isinstance(state, str) else None


class IdempotencyKeyReusedError(ConflictError):
    """This idempotency key was used for another request."""

    code = "IdempotencyKeyReused"


class LimitReachedError(ConflictError):
    """A limit on how many of these may exist is reached."""

    code = "LimitReached"


class ChangedMeanwhileError(RefusedError):
    """It has changed since it was read: read it again."""

    code = "PreconditionFailed"


class PreconditionRequiredError(RefusedError):
    """It must be said which version was seen."""

    code = "PreconditionRequired"


class TooLargeError(RefusedError):
    """The request is too large."""

    code = "TooLarge"


class WrongAnswerError(RefusedError):
    """The answer is wrong; *attempts_left* are left."""

    code = "WrongAnswer"

    @property
    def attempts_left(self) -> int | None:
        """How many more answers this challenge takes."""
        left = self.details.get("attemptsLeft")
        return left if isinstance(left, int) else None


class TooManyError(RefusedError):
    """Too many requests; *retry_after* seconds from now may be the time for the next."""

    code = "TooManyRequests"

    @property
    def retry_after(self) -> int | None:
        """Seconds to wait, where the service said so."""
        seconds = self.details.get("retryAfter")
        return seconds if isinstance(seconds, int) else None


class TooManyChallengesError(TooManyError):
    """This token has too many live challenges: finish or cancel one."""

    code = "TooManyChallenges"


class TooManyPromptsError(TooManyError):
    """The user was asked too often without an answer."""

    code = "TooManyPrompts"


class TooManyAttemptsError(TooManyError):
    """Too many wrong answers: wait before the next one."""

    code = "TooManyAttempts"


class ServerError(RefusedError):
    """The service failed."""

    code = "UnexpectedError"


class OutOfScopeError(ServerError):
    """The service does not do this."""

    code = "NotImplemented"


class DeliveryFailedError(ServerError):
    """The code could not be sent: try again, or use another way."""

    code = "DeliveryFailed"


class UnavailableError(ServerError):
    """The service cannot decide this now. Nothing was done: treat it as a refusal."""

    code = "Unavailable"
