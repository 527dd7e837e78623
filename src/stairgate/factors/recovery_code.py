"""
Recovery codes: ten, shown once, each good once (semantics §4 `level`; NIST SP 800-63B §3.1.2 look-up secrets).

A code has a first part, by which it is found through a keyed hash, and a rest that only argon2id (RFC 9106) guards. So
a guess costs no hashing unless its first part is right, which is one in a hundred thousand, and then one argon2id.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from argon2.low_level import Type, hash_secret_raw

from stairgate.factors.codes import MAX_TYPED
from stairgate.model.canonical import base64url, canonical_json
from stairgate.model.errors import ProofRefusedError
from stairgate.model.evidence import Evidence
from stairgate.model.ids import FactorId
from stairgate.model.protection import BEST_LEVELS, Method

CODES = 10
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no letter is taken for a digit
CODE_LENGTH, LOOKUP_LENGTH, GROUP = 12, 4, 4  # characters: 60 bits, of which 20 find the code
RANDOM_BYTES = 8 * 4 * CODES  # for four times as many, so that ten of them have ten different first parts
SALT_BYTES = 16
_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1", " ": "", "-": ""})
# OWASP's least for argon2id: 19 MiB, two passes; about 20 ms, and only for a first part that is right.
_TIME_COST, _MEMORY_KIB, _LANES, _HASH_BYTES = 2, 19_456, 1, 32


@dataclass(frozen=True, slots=True)
class StoredCode:
    """One code that was not used yet: the keyed hash of its first part, and the argon2id hash of all of it."""

    lookup: str
    salt: bytes
    hash: bytes


def new_codes(randomness: bytes) -> list[str]:
    """Ten codes as they are shown, `XXXX-XXXX-XXXX`, from `RANDOM_BYTES` of *randomness*."""
    found: dict[str, str] = {}
    for start in range(0, len(randomness), 8):
        number = int.from_bytes(randomness[start : start + 8], "big")
        text = "".join(ALPHABET[number >> shift & 31] for shift in range(0, 5 * CODE_LENGTH, 5))
        found.setdefault(text[:LOOKUP_LENGTH], text)
    codes = list(found.values())[:CODES]
    if len(codes) < CODES:
        raise ValueError(f"{RANDOM_BYTES} random bytes are needed")
    return ["-".join(code[at : at + GROUP] for at in range(0, CODE_LENGTH, GROUP)) for code in codes]


def stored_code(code: str, salt: bytes, *, digest: Callable[[str], str]) -> StoredCode:
    """*code* as it is kept; *digest* is the keyed hash. Takes about 20 ms."""
    typed = _typed(code)
    return StoredCode(digest(typed[:LOOKUP_LENGTH]), salt, _hash(typed, salt))


def verify(
    code: str, stored: Sequence[StoredCode], *, now: datetime, matches: Callable[[str, str], bool], factor: FactorId
) -> tuple[Evidence, list[StoredCode]]:
    """
    The evidence that *code* is, and the codes that are left after it.

    Args:
        code: What was typed; case, blanks and dashes do not count.
        stored: The codes that were not used yet.
        now: The server's time.
        matches: Whether the first argument is what the second is the keyed hash of, in constant time.
        factor: Which factor this is.

    Raises:
        ProofRefusedError: It is malformed, wrong, or was used before. Which of these is not said.
    """
    typed = _typed(code)
    # SECURITY: every first part is compared, so the time taken does not tell which one matched.
    found = [each for each in stored if matches(typed[:LOOKUP_LENGTH], each.lookup)]
    if not found or not hmac.compare_digest(_hash(typed, found[0].salt), found[0].hash):
        raise ProofRefusedError
    evidence = Evidence(
        Method.RECOVERY, BEST_LEVELS[Method.RECOVERY], user_verified=False, proven_at=now, factor=factor
    )
    return evidence, [each for each in stored if each is not found[0]]


def codes_text(codes: Sequence[StoredCode]) -> str:
    """*codes* as the text that a factor keeps."""
    return canonical_json(
        [{"lookup": code.lookup, "salt": base64url(code.salt), "hash": base64url(code.hash)} for code in codes]
    )


def codes_of(text: str) -> list[StoredCode]:
    """What `codes_text` wrote."""
    return [StoredCode(each["lookup"], _bytes(each["salt"]), _bytes(each["hash"])) for each in json.loads(text)]


def _typed(code: str) -> str:
    typed = code.upper().translate(_MEANT) if len(code) <= MAX_TYPED else ""
    if len(typed) != CODE_LENGTH or not set(typed) <= set(ALPHABET):
        raise ProofRefusedError
    return typed


def _hash(typed: str, salt: bytes) -> bytes:
    return hash_secret_raw(
        typed.encode(),
        salt,
        time_cost=_TIME_COST,
        memory_cost=_MEMORY_KIB,
        parallelism=_LANES,
        hash_len=_HASH_BYTES,
        type=Type.ID,
    )


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
