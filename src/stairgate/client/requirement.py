"""What a step-up must be, as a requirement on the wire writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Level = Literal["basic", "strong", "phishing-resistant", "hardware"]
Method = Literal["passkey", "totp", "email", "sms", "recovery", "external", "approval"]

NO_EXTRA: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """
    What an elevation must be. The defaults are the service's.

    Attributes:
        level: How strong the proof must be: `basic` any factor, `strong` a passkey or totp, `phishing-resistant` a
            passkey with user verification, `hardware` the same, bound to one device.
        methods: Narrows to these methods; None: any that reach the level.
        lifetime: Seconds that the elevation lasts, 15 to 86400.
        max_age: Seconds since the proof; None: the lifetime.
        uses: None: any number within the lifetime; 1: step up every time; n: n times.
        scope: `area` or `exact` (this resource and action only); None: `exact` where uses or details are set.
        bind: Names of context members; the elevation holds for exactly these values.
        device: `same`: to be finished on the device that asked.
        approvals: Other people who must agree.
        when: A condition on the context; where it is false the mark does not apply.
        enforce: `observe` refuses nothing, but records what it would have done.
        extra: Members that a newer service sent and this SDK does not know; they go back as they came, so that a
            requirement that is read and put back never gets weaker.
    """

    level: Level | None = "strong"
    methods: Sequence[Method] | None = None
    lifetime: int = 300
    max_age: int | None = None
    uses: int | None = None
    scope: Literal["area", "exact"] | None = None
    bind: Sequence[str] = ()
    device: Literal["same"] | None = None
    approvals: Mapping[str, object] | Sequence[Mapping[str, object]] | None = None
    when: str | None = None
    enforce: Literal["on", "observe"] = "on"
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)
