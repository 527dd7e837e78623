"""
Every error that the service raises on purpose, as one tree.

```
DomainError
├── InvalidInputError                400  names the field
│   ├── InvalidChallengeTokenError
│   └── NotYetSupportedError         a member that a later version will understand
├── UnauthenticatedError             401  the caller's own token is bad
├── ForbiddenError                   403  the caller may not
│   ├── UserTokenRefusedError
│   ├── ChallengeBarredError
│   ├── ChallengePendingError
│   └── StepUpRefusedError           the caller may, after a step-up: answered in the form of a refused check
├── NotFoundError                    404  absent, foreign, or not the caller's to know
├── MethodNotAllowedError            405
├── ConflictError                    409  lost a compare-and-set
│   ├── AlreadyExistsError
│   ├── AlreadyClaimedError
│   ├── ProtectionWouldBeLostError
│   ├── NoEligibleFactorError
│   ├── ChallengeEndedError
│   ├── RequestEndedError
│   ├── IdempotencyKeyReusedError
│   ├── AlreadyDoneError
│   └── LimitReachedError
├── PreconditionFailedError          412
├── PreconditionRequiredError        428
├── TooLargeError                    413
│   └── HeadersTooLargeError         431
├── UnsupportedMediaTypeError        415
├── ProofRefusedError                422  a factor's verification: the service counts it and raises WrongAnswerError
│   └── SignCounterError             422  a passkey's counter did not go up
├── WrongAnswerError                 422
├── TooManyError                     429
│   ├── TooManyChallengesError
│   ├── TooManyPromptsError
│   └── TooManyAttemptsError
├── OutOfScopeError                  501  login and identity
└── UnavailableError                 503  store, key, clock or audit is away
    └── DeliveryFailedError          503  a message could not be handed over
```

The class docstring is the default title. `code` is the stable `errorCode` of the wire. `details` are safe to show; the
inner cause, where there is one, is the `__cause__` and never shown. Statuses live in `stairgate.api.problems`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from stairgate.model.decisions import StepUpRequired


class DomainError(Exception):
    """the request could not be carried out"""

    code: ClassVar[str] = "UnexpectedError"

    def __init__(self, title: str | None = None, **details: object) -> None:
        self.title = title or " ".join((type(self).__doc__ or "").split())
        self.details: dict[str, object] = details
        super().__init__(self.title)


class InvalidInputError(DomainError):
    """a part of the request is not valid"""

    code = "InvalidInputRequest"

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}", field=field)

    def within(self, prefix: str) -> InvalidInputError:
        """The same problem, its field named from further out: `level` within `stepUp` is `stepUp.level`."""
        joint = "" if self.field.startswith("[") else "."
        return type(self)(f"{prefix}{joint}{self.field}" if self.field else prefix, self.problem)


class InvalidChallengeTokenError(InvalidInputError):
    """the challenge token is malformed, forged or too old"""

    code = "InvalidChallengeToken"

    def __init__(self, field: str = "stepUpChallengeToken", problem: str = "malformed, forged or too old") -> None:
        super().__init__(field, problem)


class NotYetSupportedError(InvalidInputError):
    """a member that this version cannot honour is refused, never ignored"""

    code = "NotYetSupported"


class UnauthenticatedError(DomainError):
    """the bearer token is missing, malformed, expired or not verifiable"""

    code = "Unauthorized"


class ForbiddenError(DomainError):
    """the caller may not do this"""

    code = "Forbidden"


class UserTokenRefusedError(ForbiddenError):
    """the user token is not valid, or is not a token of this user"""

    code = "UserTokenRefused"


class ChallengeBarredError(ForbiddenError):
    """this token may not open or answer challenges"""

    code = "ChallengeBarred"


class ChallengePendingError(ForbiddenError):
    """the challenge is not satisfied yet"""

    code = "StepUpChallengePending"


class StepUpRefusedError(ForbiddenError):
    """this needs a step-up first"""

    code = "StepUpAuthorizationRequired"

    def __init__(self, decision: StepUpRequired, challenge_token: str | None, expires_at: datetime | None) -> None:
        self.decision = decision
        self.challenge_token = challenge_token
        self.expires_at = expires_at
        super().__init__()


class NotFoundError(DomainError):
    """not found"""

    code = "NotFound"


class MethodNotAllowedError(DomainError):
    """this address does not take this method"""

    code = "MethodNotAllowed"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        super().__init__(f"use one of {', '.join(allowed)} here")


class ConflictError(DomainError):
    """somebody else was first"""

    code = "Conflict"


class AlreadyExistsError(ConflictError):
    """the id is taken"""

    code = "AlreadyExists"


class AccessRecordAlreadyExistsError(AlreadyExistsError):
    """an active access record has this id"""

    code = "AccessRecordAlreadyExists"


class AlreadyClaimedError(ConflictError):
    """it is claimed already, or others have access to it"""

    code = "AlreadyClaimed"


class ProtectionWouldBeLostError(ConflictError):
    """a protection would be lost: send `stepUp` and `when` with their values to keep them, or as null to remove them"""

    code = "ProtectionWouldBeLost"


class NoEligibleFactorError(ConflictError):
    """the user has no factor that meets the requirement: enrol one first"""

    code = "NoEligibleFactor"


class ChallengeEndedError(ConflictError):
    """the challenge has ended"""

    code = "ChallengeEnded"

    def __init__(self, state: str) -> None:
        super().__init__(None, state=state)


class RequestEndedError(ConflictError):
    """the request is decided, or can be decided no more"""

    code = "RequestEnded"

    def __init__(self, state: str) -> None:
        super().__init__(None, state=state)


class IdempotencyKeyReusedError(ConflictError):
    """this Idempotency-Key was used for another request"""

    code = "IdempotencyKeyReused"


class AlreadyDoneError(ConflictError):
    """this was done when it was first sent; what it was answered with is shown once, and no more"""

    code = "AlreadyDone"


class LimitReachedError(ConflictError):
    """a limit on how many of these may exist is reached"""

    code = "LimitReached"


class PreconditionFailedError(DomainError):
    """it has changed since you read it"""

    code = "PreconditionFailed"

    def __init__(self, last_modified: datetime) -> None:
        self.last_modified = last_modified
        super().__init__()


class PreconditionRequiredError(DomainError):
    """say in `If-Match` which version you saw: the `ETag` of the request"""

    code = "PreconditionRequired"


class TooLargeError(DomainError):
    """the request is too large"""

    code = "TooLarge"


class HeadersTooLargeError(TooLargeError):
    """the address and header fields of the request are too large"""

    code = "HeadersTooLarge"


class UnsupportedMediaTypeError(DomainError):
    """a body must be JSON, sent as `Content-Type: application/json` without a content encoding"""

    code = "UnsupportedMediaType"


class ProofRefusedError(DomainError):
    """the proof does not hold"""

    code = "WrongAnswer"


class SignCounterError(ProofRefusedError):
    """the proof does not hold"""


class WrongAnswerError(DomainError):
    """the answer is wrong"""

    code = "WrongAnswer"

    def __init__(self, attempts_left: int) -> None:
        super().__init__(None, attemptsLeft=attempts_left)


class TooManyError(DomainError):
    """too many requests"""

    code = "TooManyRequests"

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after  # seconds
        super().__init__()


class TooManyChallengesError(TooManyError):
    """this token has too many live challenges: finish or cancel one"""

    code = "TooManyChallenges"


class TooManyPromptsError(TooManyError):
    """the user was asked too often without an answer"""

    code = "TooManyPrompts"


class TooManyAttemptsError(TooManyError):
    """too many wrong answers: wait before the next one"""

    code = "TooManyAttempts"


class OutOfScopeError(DomainError):
    """login and identity are not part of this service: authentication stops at login, with your identity provider"""

    code = "NotImplemented"


class UnavailableError(DomainError):
    """the service cannot decide this now; nothing was done"""

    code = "Unavailable"


class DeliveryFailedError(UnavailableError):
    """the message could not be sent: try again later, or use another method"""

    code = "DeliveryFailed"

    def __init__(self, *, uncertain: bool = False, address_refused: bool = False) -> None:
        self.uncertain = uncertain  # it may have gone out all the same
        self.address_refused = address_refused
        super().__init__()
