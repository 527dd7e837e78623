"""Marks and what they ask: levels, methods, requirements (semantics §4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType

from stairgate.model.actions import Action
from stairgate.model.approvals import MAX_QUORUMS, NO_QUORUMS, Quorums
from stairgate.model.errors import InvalidInputError
from stairgate.model.resources import ResourcePattern

LIFETIME_SECONDS = (15, 86_400)
MAX_AGE_SECONDS = (1, 86_400)  # 0 could never be met: who wants a proof each time says `uses: 1`
MAX_USES = 1_000
MAX_BOUND_NAMES = 16
MAX_BOUND_NAME_LENGTH = 128


class Level(IntEnum):
    """How strong a proof is, weakest first. The wire names are lower case with `-`."""

    BASIC = 1
    STRONG = 2
    PHISHING_RESISTANT = 3
    HARDWARE = 4

    @property
    def wire(self) -> str:
        """The name on the wire."""
        return self.name.lower().replace("_", "-")

    @property
    def acr(self) -> str:
        """The value for RFC 9470 `acr_values` (semantics §6)."""
        return _ACR[self]


_ACR = {
    Level.BASIC: "urn:stairgate:acr:basic",
    Level.STRONG: "urn:stairgate:acr:strong",
    Level.PHISHING_RESISTANT: "phr",
    Level.HARDWARE: "phrh",
}
LEVELS = {level.wire: level for level in Level}


def reaches(level: Level | None, asked: Level | None) -> bool:
    """Whether *level* is at least *asked*. None is no factor at all: the lowest (semantics §4, `level`)."""
    return asked is None or (level is not None and level >= asked)


def level_name(level: Level | None) -> str | None:
    """*level* on the wire, null for no factor."""
    return None if level is None else level.wire


class Method(StrEnum):
    """A way to prove, as requirements and challenges name it."""

    PASSKEY = "passkey"
    TOTP = "totp"
    EMAIL = "email"
    SMS = "sms"
    RECOVERY = "recovery"
    EXTERNAL = "external"
    APPROVAL = "approval"


def _bounded(name: str, value: object, bounds: tuple[int, int]) -> None:
    low, high = bounds
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidInputError(name, f"must be a whole number from {low} to {high}")


# The best that a method can prove (semantics §4, `level`); `external` can be raised for one service client.
BEST_LEVELS: Mapping[Method, Level] = MappingProxyType(
    {
        Method.PASSKEY: Level.HARDWARE,
        Method.TOTP: Level.STRONG,
        Method.EMAIL: Level.BASIC,
        Method.SMS: Level.BASIC,
        Method.RECOVERY: Level.BASIC,
        Method.EXTERNAL: Level.BASIC,
    }
)


class Scope(StrEnum):
    """What an elevation opens: the mark's area, or exactly the question."""

    AREA = "area"
    EXACT = "exact"


class Enforcement(StrEnum):
    """Whether a mark refuses, or only records what it would have done."""

    ON = "on"
    OBSERVE = "observe"


class Device(StrEnum):
    """On which device a step-up is to be finished (semantics §4, §7.2)."""

    SAME = "same"


@dataclass(frozen=True, slots=True)
class Requirement:
    """
    What an elevation must be. Members as in semantics §4; a member of None has that document's meaning of `null`.

    Raises:
        InvalidInputError: A value is out of its bounds, `bind` stands with `area`, or nothing is asked at all: no level
            and no approvals.
    """

    level: Level | None = Level.STRONG  # None: no factor, only other people
    methods: frozenset[Method] | None = None
    lifetime: int = 300  # seconds
    max_age: int | None = None  # seconds since the proof; None: the lifetime
    uses: int | None = None  # None: any number within the lifetime
    scope: Scope | None = None  # None: exact where uses are counted or details bound, else area
    bind: frozenset[str] = field(default_factory=frozenset)
    enforce: Enforcement = Enforcement.ON
    device: Device | None = None  # None: any
    approvals: Quorums = NO_QUORUMS  # all must be met
    when: str | None = None  # a condition (CEL): the mark applies unless it is false

    def __post_init__(self) -> None:
        _bounded("lifetime", self.lifetime, LIFETIME_SECONDS)
        if self.max_age is not None:
            _bounded("maxAge", self.max_age, MAX_AGE_SECONDS)
        if self.uses is not None:
            _bounded("uses", self.uses, (1, MAX_USES))
        if self.methods is not None and not self.methods:
            raise InvalidInputError("methods", "must name at least one method, or be null for any")
        if self.level is None and not self.approvals:
            raise InvalidInputError("level", "may be null only beside `approvals`")
        if self.level is None and self.methods is not None:
            raise InvalidInputError("methods", "must be null where the level is null: no factor is asked")
        if self.level is None and self.device is not None:
            raise InvalidInputError("device", "must be null where the level is null: nothing is finished on a device")
        if len(self.approvals) > MAX_QUORUMS:
            raise InvalidInputError("approvals", f"must have at most {MAX_QUORUMS} quorums")
        if self.bind and self.scope is Scope.AREA:
            raise InvalidInputError("scope", "must not be `area` where details are bound")
        if len(self.bind) > MAX_BOUND_NAMES:
            raise InvalidInputError("bind", f"must have at most {MAX_BOUND_NAMES} names")
        if any(not 1 <= len(name) <= MAX_BOUND_NAME_LENGTH for name in self.bind):
            raise InvalidInputError("bind", f"a name must have 1 to {MAX_BOUND_NAME_LENGTH} characters")

    @property
    def exact(self) -> bool:
        """Whether an elevation for it opens the question alone (semantics §4, `scope`)."""
        if self.scope is None:
            return self.uses is not None or bool(self.bind)
        return self.scope is Scope.EXACT

    @property
    def proof_age(self) -> int:
        """`maxAge` in seconds, a null one replaced by the lifetime (semantics §5, Merging)."""
        return self.lifetime if self.max_age is None else self.max_age


DEFAULT_REQUIREMENT = Requirement()


@dataclass(frozen=True, slots=True)
class Mark:
    """A requirement where it stands: a node of the tree and an action (semantics §4, §5)."""

    requirement: Requirement
    resource: ResourcePattern
    action: Action
    source: str  # what determined it, for explain and audit: `record rec_1 statement 0`, `role ro_1`, `resource a/b`


# What a requirement may name. Whether a running service offers a method is for its settings to say (`email`, `sms`).
AVAILABLE_METHODS: frozenset[Method] = frozenset(set(Method) - {Method.APPROVAL})


def method_of(name: object, *, field: str = "method", available: Iterable[Method] = AVAILABLE_METHODS) -> Method:
    """
    The method *name* means.

    Raises:
        InvalidInputError: There is none of that name, or it is not available yet.
    """
    known = {method.value for method in Method}
    allowed = sorted(method.value for method in available)
    if not isinstance(name, str) or name not in known:
        raise InvalidInputError(field, f"must be one of {', '.join(allowed)}")
    if name not in allowed:
        raise InvalidInputError(field, f"`{name}` is not available yet: use one of {', '.join(allowed)}")
    return Method(name)
