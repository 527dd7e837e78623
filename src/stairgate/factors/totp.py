"""Time-based one-time passwords (RFC 6238), each accepted once (TOTP-1..4, semantics §7.4)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pyotp

from stairgate.factors.catalogue import level_reached
from stairgate.factors.codes import typed_digits
from stairgate.model.errors import ProofRefusedError
from stairgate.model.evidence import Evidence
from stairgate.model.ids import FactorId
from stairgate.model.protection import Method

SECRET_BYTES = 20  # 160 bits (RFC 4226 §4 R6)
DIGITS = 6
STEP_SECONDS = 30


def step_at(now: datetime) -> int:
    """The time step of *now* (RFC 6238 §4.2)."""
    return int(now.timestamp()) // STEP_SECONDS


def code_at(secret: bytes, step: int, *, digits: int = DIGITS, digest: Callable[..., Any] = hashlib.sha1) -> str:
    """The one code for *step*: HOTP with the step as its counter (RFC 4226 §5.3, RFC 6238 §4.2)."""
    generator = pyotp.HOTP(b32encode(secret).decode().rstrip("="), digits=digits, digest=digest)
    return generator.generate_otp(step)


def verify(secret: bytes, code: str, *, now: datetime, last_step: int, factor: FactorId, strict: bool) -> Evidence:
    """
    The evidence that *code* is, once its step is stored as the factor's new counter.

    Args:
        secret: The seed, unsealed.
        code: What was typed; blanks in it do not count.
        now: The server's time.
        last_step: The step of the last code that was accepted for this factor; it and older ones are refused.
        factor: Which factor this is.
        strict: Accept the current step only; else the one before it, too (RFC 6238 §5.2: one step of delay).

    Raises:
        ProofRefusedError: It is malformed, wrong, too old, or was used before. Which of these is not said.
    """
    typed = typed_digits(code, DIGITS)
    current = step_at(now)
    accepted = -1
    # SECURITY: every candidate is computed and compared, so the time taken does not tell which one matched (TOTP-3).
    for step in (current,) if strict else (current - 1, current):
        if hmac.compare_digest(code_at(secret, step), typed):
            accepted = step
    if accepted <= last_step or accepted < 0:
        raise ProofRefusedError
    return Evidence(
        Method.TOTP, level_reached(Method.TOTP), user_verified=False, proven_at=now, factor=factor, counter=accepted
    )


def provisioning_uri(secret: bytes, *, user: str, issuer: str) -> str:
    """The `otpauth` URI for an authenticator app. SECURITY: it holds the seed; show it once (TOTP-4)."""
    return pyotp.TOTP(b32encode(secret).decode().rstrip("=")).provisioning_uri(name=user, issuer_name=issuer)
