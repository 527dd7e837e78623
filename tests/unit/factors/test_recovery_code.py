"""Recovery codes: shown once, good once, cheap to refuse."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from stairgate.factors import recovery_code
from stairgate.factors.recovery_code import RANDOM_BYTES, StoredCode, codes_of, codes_text, new_codes, stored_code
from stairgate.model.errors import ProofRefusedError
from stairgate.model.ids import FactorId
from stairgate.model.protection import Level, Method
from stairgate.testing.entropy import PredictableEntropyForTesting

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENTROPY = PredictableEntropyForTesting("recovery")
CODES = new_codes(ENTROPY.bytes(RANDOM_BYTES))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def verify(code: str, stored: list[StoredCode]) -> list[StoredCode]:
    evidence, left = recovery_code.verify(
        code, stored, now=NOW, matches=lambda text, hashed: digest(text) == hashed, factor=FactorId("fa")
    )
    assert (evidence.method, evidence.level, evidence.factor) == (Method.RECOVERY, Level.BASIC, FactorId("fa"))
    return left


@pytest.fixture(scope="module")
def stored() -> list[StoredCode]:
    return [stored_code(code, ENTROPY.bytes(16), digest=digest) for code in CODES]


def test_ten_codes_of_sixty_bits_with_ten_first_parts() -> None:
    assert len(CODES) == len({code[:4] for code in CODES}) == 10
    assert all(len(code.replace("-", "")) == 12 for code in CODES)
    assert new_codes(ENTROPY.bytes(RANDOM_BYTES)) != CODES
    with pytest.raises(ValueError, match="random bytes"):
        new_codes(bytes(RANDOM_BYTES))


def test_each_code_works_once(stored: list[StoredCode]) -> None:
    """Attack 4."""
    left = stored
    for code in CODES:
        left = verify(code, left)
        with pytest.raises(ProofRefusedError):
            verify(code, left)
    assert left == []


@pytest.mark.parametrize(
    "typed", [CODES[3].lower(), CODES[3].replace("-", " "), CODES[3].replace("-", "")], ids=["lower", "blanks", "bare"]
)
def test_people_type_codes_as_they_read_them(stored: list[StoredCode], typed: str) -> None:
    assert len(verify(typed, stored)) == 9


def test_letters_that_look_like_digits_are_meant_as_them(stored: list[StoredCode]) -> None:
    code = next(code for code in CODES if "0" in code or "1" in code)
    assert len(verify(code.replace("0", "O").replace("1", "l"), stored)) == 9


@pytest.mark.parametrize("code", ["", "AAAA-AAAA", "!" * 12, "A" * 13, "A" * 40, "ÄÄÄÄ-ÄÄÄÄ-ÄÄÄÄ"])
def test_what_is_no_code_is_refused(stored: list[StoredCode], code: str) -> None:
    with pytest.raises(ProofRefusedError):
        verify(code, stored)


def test_a_wrong_guess_costs_no_hashing_and_a_right_first_part_one(
    stored: list[StoredCode], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood of guesses must not burn the processor."""
    hashed: list[str] = []
    real = recovery_code._hash

    def counting(typed: str, salt: bytes) -> bytes:
        hashed.append(typed)
        return real(typed, salt)

    monkeypatch.setattr(recovery_code, "_hash", counting)
    first_parts = {code[:4] for code in CODES}
    other = next(part for part in ("0000", "1111", "2222") if part not in first_parts)
    with pytest.raises(ProofRefusedError):
        verify(f"{other}-0000-0000", stored)
    assert hashed == []
    with pytest.raises(ProofRefusedError):
        verify(f"{CODES[0][:4]}-0000-0000", stored)
    assert len(hashed) == 1


def test_codes_are_kept_as_text_that_tells_none(stored: list[StoredCode]) -> None:
    text = codes_text(stored)
    assert codes_of(text) == stored
    assert not any(code in text or code.replace("-", "") in text for code in CODES)
