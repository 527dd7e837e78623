"""One-time passwords: the vectors of both RFCs, and that a code works once (TOTP-1..3, attack 4)."""

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stairgate.factors.totp import SECRET_BYTES, STEP_SECONDS, code_at, provisioning_uri, step_at, verify
from stairgate.model.errors import ProofRefusedError
from stairgate.model.evidence import Evidence
from stairgate.model.ids import FactorId
from stairgate.model.protection import Level, Method

SECRET = b"12345678901234567890"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FACTOR = FactorId("f_1")
NEVER = -1


def attempt(code: str, *, now: datetime = NOW, last_step: int = NEVER, strict: bool = False) -> Evidence:
    return verify(SECRET, code, now=now, last_step=last_step, factor=FACTOR, strict=strict)


def code(steps_ago: int = 0) -> str:
    return code_at(SECRET, step_at(NOW) - steps_ago)


RFC_4226 = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
RFC_6238 = {
    59: "94287082 46119246 90693936",
    1111111109: "07081804 68084774 25091201",
    1111111111: "14050471 67062674 99943326",
    1234567890: "89005924 91819424 93441116",
    2000000000: "69279037 90698825 38618901",
    20000000000: "65353130 77737706 47863826",
}
HASHES = ((hashlib.sha1, 20), (hashlib.sha256, 32), (hashlib.sha512, 64))


@pytest.mark.parametrize("counter", range(10))
def test_the_vectors_of_rfc_4226(counter: int) -> None:
    assert code_at(SECRET, counter) == RFC_4226[counter]


@pytest.mark.parametrize(
    ("seconds", "place", "expected"),
    [(at, place, text) for at, row in RFC_6238.items() for place, text in enumerate(row.split())],
)
def test_the_vectors_of_rfc_6238(seconds: int, place: int, expected: str) -> None:
    digest, length = HASHES[place]
    key = (b"1234567890" * 7)[:length]
    step = step_at(datetime.fromtimestamp(seconds, UTC))
    assert code_at(key, step, digits=8, digest=digest) == expected


def test_the_code_of_now_is_evidence_with_its_step_as_counter() -> None:
    assert attempt(code()) == Evidence(
        Method.TOTP, Level.STRONG, user_verified=False, proven_at=NOW, factor=FACTOR, counter=step_at(NOW)
    )


def test_the_code_before_counts_with_its_own_step_and_not_where_strict() -> None:
    assert attempt(code(1)).counter == step_at(NOW) - 1
    with pytest.raises(ProofRefusedError):
        attempt(code(1), strict=True)
    assert attempt(code(), strict=True).counter == step_at(NOW)


@pytest.mark.parametrize("steps_ago", [2, 3, -1, -2])
def test_older_codes_and_those_of_the_future_are_refused(steps_ago: int) -> None:
    with pytest.raises(ProofRefusedError):
        attempt(code(steps_ago))


def test_a_code_and_every_older_one_is_refused_once_it_was_accepted() -> None:
    """Attack 4, TOTP-2."""
    accepted = attempt(code()).counter
    assert accepted is not None
    for steps_ago in (0, 1):
        with pytest.raises(ProofRefusedError):
            attempt(code(steps_ago), last_step=accepted)
    later = NOW + timedelta(seconds=STEP_SECONDS)
    with pytest.raises(ProofRefusedError):
        attempt(code(), now=later, last_step=accepted)
    assert attempt(code(-1), now=later, last_step=accepted).counter == accepted + 1


def test_blanks_in_a_code_do_not_count() -> None:
    digits = code()
    for typed in (f"{digits[:3]} {digits[3:]}", f" {digits} ", " ".join(digits)):
        assert attempt(typed).counter == step_at(NOW)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: "",
        lambda c: c[:-1],
        lambda c: c + "0",
        lambda c: "0" + c,
        lambda c: "-" + c[1:],
        lambda c: c + "\n",
        lambda c: c[:3] + "\t" + c[3:],
        lambda c: c[:3] + "\u00a0" + c[3:],
        lambda c: c.translate({48 + d: 0x0660 + d for d in range(10)}),
        lambda c: c.translate({48 + d: 0xFF10 + d for d in range(10)}),
        lambda c: c + " " * 100,
        lambda c: c + "\0",
    ],
    ids=map(str, count()),
)
def test_a_malformed_code_is_refused(spoil: Any) -> None:
    with pytest.raises(ProofRefusedError):
        attempt(spoil(code()))


@given(st.text(max_size=12))
def test_no_other_text_is_accepted(text: str) -> None:
    if text.replace(" ", "") not in {code(), code(1)}:
        with pytest.raises(ProofRefusedError):
            attempt(text)


def test_every_candidate_is_computed_whichever_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """TOTP-3: the work done does not depend on the answer."""
    compared: list[tuple[str, str]] = []

    def recording(a: str, b: str) -> bool:
        compared.append((a, b))
        return a == b

    monkeypatch.setattr("stairgate.factors.totp.hmac.compare_digest", recording)
    for typed in (code(), code(1)):
        compared.clear()
        attempt(typed)
        assert compared == [(code(1), typed), (code(), typed)]


def test_the_uri_for_an_app_names_user_and_issuer() -> None:
    uri = urlsplit(provisioning_uri(b"\0" * SECRET_BYTES, user="a@b.example", issuer="Bank & Co"))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert parse_qs(uri.query) == {"secret": ["A" * 32], "issuer": ["Bank & Co"]}
