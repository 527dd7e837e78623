"""Codes that were handed out and come back: `external` now, email and sms later (semantics §7.4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from stairgate.factors.codes import typed_digits
from stairgate.model.challenges import CODE_SECONDS as CODE_SECONDS  # noqa: PLC0414  # how long one lives, for issuers
from stairgate.model.challenges import IssuedCode
from stairgate.model.errors import ProofRefusedError
from stairgate.model.evidence import Evidence
from stairgate.model.protection import Level, Method

CODE_DIGITS = 8


def verify(
    code: str,
    issued: IssuedCode | None,
    *,
    now: datetime,
    matches: Callable[[str, str], bool],
    method: Method,
    level: Level,
) -> Evidence:
    """
    The evidence that *code* is, once the challenge that it was issued for is satisfied by it.

    Args:
        code: What came back; blanks in it do not count.
        issued: The one live code of the challenge, None where none was issued.
        now: The server's time.
        matches: Whether the first argument is what the second is the keyed hash of, in constant time.
        method: How it was delivered.
        level: What it proves.

    Raises:
        ProofRefusedError: It is malformed, wrong or too old, or there is none. Which of these is not said.
    """
    typed = typed_digits(code, CODE_DIGITS)
    if issued is None or not matches(typed, issued.digest) or now >= issued.expires_at:
        raise ProofRefusedError
    return Evidence(method, level, user_verified=False, proven_at=now)
