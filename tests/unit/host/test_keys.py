"""The key ring, its file, the signer, clock and entropy (design §4, attack 21)."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from stairgate.host.clock import SystemClock
from stairgate.host.entropy import SystemEntropy
from stairgate.host.keyfile import add_key, create_key_file, keys_from_environment, load_key_file, new_key
from stairgate.host.keyring import SealingKeyRing
from stairgate.host.signer import StoredSigner, generate_signing_key
from stairgate.model.canonical import base64url
from stairgate.model.errors import InvalidChallengeTokenError, UnavailableError
from stairgate.model.jwk import verifying_key
from stairgate.model.jwt import read_jwt, sign_jwt, verified_claims
from stairgate.ports.clock import Clock
from stairgate.ports.entropy import Entropy
from stairgate.ports.keys import KeyRing, Signer

OLD, NEW, OTHER = (bytes([n]) * 32 for n in (1, 2, 3))
NOW = datetime(2026, 1, 2, tzinfo=UTC)
CLOCK: Clock = SystemClock()
ENTROPY: Entropy = SystemEntropy()
RING: KeyRing = SealingKeyRing([OLD])


# --- clock and entropy -----------------------------------------------------------------------------


def test_the_clock_is_aware_and_utc() -> None:
    assert CLOCK.now().utcoffset() == timedelta()


@pytest.mark.parametrize(("bits", "least"), [(1, 22), (128, 22), (160, 27), (256, 43)])
def test_tokens_are_long_and_never_the_same(bits: int, least: int) -> None:
    """ASVS 11.5.1: 128 bits or more, whatever was asked."""
    made = {ENTROPY.token(bits=bits) for _ in range(100)}
    assert len(made) == 100
    assert all(len(token) == least for token in made)


def test_digits_keep_their_leading_zeros() -> None:
    made = [ENTROPY.digits(2) for _ in range(2_000)]
    assert {len(code) for code in made} == {2}
    assert len(set(made)) == 100, "each of 100 codes comes up in 2000 draws, but once in 10^7 runs"
    assert len(ENTROPY.bytes(20)) == 20


# --- sealing ---------------------------------------------------------------------------------------


@given(st.binary(max_size=100), st.text(max_size=20))
def test_what_is_sealed_is_opened_with_the_same_purpose(secret: bytes, purpose: str) -> None:
    assert RING.unseal(RING.seal(secret, purpose=purpose), purpose=purpose) == secret


def test_the_first_key_seals_and_all_open() -> None:
    sealed = SealingKeyRing([OLD]).seal(b"seed", purpose="p")
    rotated = SealingKeyRing([NEW, OLD])
    assert rotated.unseal(sealed, purpose="p") == b"seed"
    assert not rotated.sealed_by_first(sealed)
    again = rotated.seal(b"seed", purpose="p")
    assert rotated.sealed_by_first(again)
    with pytest.raises(UnavailableError, match="key that is not here"):
        SealingKeyRing([OLD]).unseal(again, purpose="p")


def test_another_purpose_opens_nothing() -> None:
    sealed = RING.seal(b"seed", purpose="factor a")
    with pytest.raises(UnavailableError, match="damaged"):
        RING.unseal(sealed, purpose="factor b")


@pytest.mark.parametrize("place", range(3 + 6 + 12 + 4 + 16))
def test_any_changed_byte_is_noticed(place: int) -> None:
    sealed = bytearray(RING.seal(b"seed", purpose="p"))
    sealed[place] ^= 1
    with pytest.raises(UnavailableError):
        RING.unseal(bytes(sealed), purpose="p")


@pytest.mark.parametrize("length", [0, 3, 9, 21, 22, 36])
def test_a_cut_off_value_is_noticed(length: int) -> None:
    with pytest.raises(UnavailableError):
        RING.unseal(RING.seal(b"seed", purpose="p")[:length], purpose="p")


def test_a_value_is_never_sealed_alike_and_begins_with_the_marker() -> None:
    made = {RING.seal(b"seed", purpose="p") for _ in range(10)}
    assert len(made) == 10
    assert all(sealed.startswith(b"SG1") and b"seed" not in sealed for sealed in made)


def test_a_digest_matches_its_data_and_purpose_only_under_any_key_of_the_ring() -> None:
    digest = SealingKeyRing([OLD]).digest("12345678", purpose="code ch_1")
    assert digest == SealingKeyRing([OLD]).digest("12345678", purpose="code ch_1")
    assert digest.startswith("d1.")
    for ring, data, purpose, expected in (
        (SealingKeyRing([NEW, OLD]), "12345678", "code ch_1", True),
        (SealingKeyRing([NEW]), "12345678", "code ch_1", False),
        (SealingKeyRing([OLD]), "12345679", "code ch_1", False),
        (SealingKeyRing([OLD]), "12345678", "code ch_2", False),
    ):
        assert ring.matches(data, digest, purpose=purpose) is expected


@pytest.mark.parametrize("digest", ["", "d1", "d1..", "d1.!.x", "d1.é.x", "..", "d1.AAAA.", "d2.a.b.c"])
def test_what_is_no_digest_matches_nothing(digest: str) -> None:
    assert not RING.matches("x", digest, purpose="p")


def test_a_ring_needs_whole_keys_and_does_not_show_them() -> None:
    for keys in ([], [b"short"]):
        with pytest.raises(UnavailableError):
            SealingKeyRing(keys)
    assert repr(SealingKeyRing([OLD])) == "SealingKeyRing(1 keys)"


# --- where keys come from --------------------------------------------------------------------------


def test_a_key_file_is_made_with_mode_0600_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "stairgate.keys"
    before = os.umask(0)
    try:
        keys = create_key_file(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key_file(path) == keys
    assert [entry.name for entry in tmp_path.iterdir()] == ["stairgate.keys"], "no draft is left"


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    keys = create_key_file(path)
    with pytest.raises(UnavailableError, match="not overwritten"):
        create_key_file(path)
    assert load_key_file(path) == keys
    assert len(list(tmp_path.iterdir())) == 1


def test_rotation_puts_the_new_key_first_and_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    old = create_key_file(path)
    rotated = add_key(path)
    assert rotated[1:] == old
    assert load_key_file(path) == rotated
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o777])
def test_a_key_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys"
    create_key_file(path)
    path.chmod(mode)
    with pytest.raises(UnavailableError, match="chmod 600"):
        load_key_file(path)


def test_a_key_file_that_is_none_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="missing: put it back, or run `stairgate init`"):
        load_key_file(tmp_path / "none")
    with pytest.raises(UnavailableError, match="not a regular file"):
        load_key_file(tmp_path)
    with pytest.raises(UnavailableError, match="cannot be written"):
        create_key_file(tmp_path / "no" / "folder")
    key = base64url(OLD)
    for text, problem in (
        (b"", "holds no key"),
        (b"\n \n", "holds no key"),
        (b"secret-but-short\n", "key 1 is not 32 bytes"),
        (f"{key}\n{key}x\n".encode(), "key 2 is not 32 bytes"),
        (f"{key}\n{key}\n".encode(), "key 2 is there twice"),
        (b"\xff" * 43, "key 1 is not 32 bytes"),
        (b"A" * 70_000, "too long"),
    ):
        path = tmp_path / "keys"
        path.write_bytes(text)
        path.chmod(0o600)
        with pytest.raises(UnavailableError, match=problem) as raised:
            load_key_file(path)
        assert "secret-but-short" not in str(raised.value)


def test_a_fifo_does_not_hang_the_start(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    os.mkfifo(path, 0o600)
    with pytest.raises(UnavailableError, match="not a regular file"):
        load_key_file(path)


def test_keys_come_from_the_environment_the_first_one_sealing() -> None:
    assert keys_from_environment({}) is None
    text = f"{base64url(NEW)}, {base64url(OLD)}="
    assert keys_from_environment({"STAIRGATE_SECRET_KEYS": text}) == (NEW, OLD)
    for bad in ("", ",", "x"):
        with pytest.raises(UnavailableError, match="STAIRGATE_SECRET_KEYS"):
            keys_from_environment({"STAIRGATE_SECRET_KEYS": bad})
    assert len(new_key()) == 32


# --- the signer ------------------------------------------------------------------------------------

FIRST = generate_signing_key(RING, use="challenge", now=NOW)
SECOND = generate_signing_key(RING, use="challenge", now=NOW + timedelta(days=1))
SIGNER: Signer = StoredSigner([FIRST, SECOND], RING)
TYP = "a+jwt"


def test_the_newest_key_signs_and_its_public_half_is_published_under_its_kid() -> None:
    token = SIGNER.sign({"n": 1}, typ=TYP)
    assert SIGNER.verify(token, typ=TYP) == {"n": 1}
    jwt = read_jwt(token)
    assert (jwt.header, jwt.kid) == ({"alg": "EdDSA", "kid": SECOND.id, "typ": TYP}, SECOND.id)
    keys = {key["kid"]: key for key in SIGNER.public_keys()}
    assert list(keys) == [SECOND.id, FIRST.id]
    assert verified_claims(jwt, verifying_key(keys[SECOND.id]), expected_algorithms={"EdDSA"}) == {"n": 1}
    assert all("d" not in key for key in keys.values())


def test_what_was_signed_before_a_rotation_stays_good_and_a_key_left_out_does_not() -> None:
    old = StoredSigner([FIRST], RING).sign({"n": 1}, typ=TYP)
    assert SIGNER.verify(old, typ=TYP) == {"n": 1}
    with pytest.raises(InvalidChallengeTokenError):
        StoredSigner([SECOND], RING).verify(old, typ=TYP)


def test_a_retired_key_verifies_and_does_not_sign() -> None:
    retired = type(SECOND)(SECOND.id, SECOND.use, SECOND.sealed, SECOND.created_at, retired=True)
    signer = StoredSigner([FIRST, retired], RING)
    assert read_jwt(signer.sign({}, typ=TYP)).kid == FIRST.id
    assert signer.verify(SIGNER.sign({"n": 1}, typ=TYP), typ=TYP) == {"n": 1}
    for none in ([], [retired]):
        with pytest.raises(UnavailableError, match="stairgate init"):
            StoredSigner(none, RING)


def test_a_stored_key_opens_only_for_its_own_use_and_id() -> None:
    for swapped in (
        type(FIRST)(FIRST.id, "test issuer", FIRST.sealed, NOW),
        type(FIRST)(SECOND.id, FIRST.use, FIRST.sealed, NOW),
    ):
        with pytest.raises(UnavailableError):
            StoredSigner([swapped], RING)


def resigned(header: Callable[[dict[str, Any]], object]) -> str:
    """A token of the real key with another header."""
    key = Ed25519PrivateKey.from_private_bytes(
        RING.unseal(SECOND.sealed, purpose=f"signing key {SECOND.use} {SECOND.id}")
    )
    members: dict[str, Any] = {"alg": "EdDSA", "kid": SECOND.id, "typ": TYP}
    header(members)
    token = sign_jwt({"n": 1}, typ=TYP, kid=SECOND.id, key=key)
    import json

    text = f"{base64url(json.dumps(members).encode())}.{token.split('.')[1]}"
    return f"{text}.{base64url(key.sign(text.encode()))}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alg", "none"),
        ("alg", "HS256"),
        ("alg", "Ed25519"),
        ("alg", None),
        ("kid", None),
        pytest.param("kid", FIRST.id, id="kid-of another key"),  # its id is made anew in each process
        ("kid", "other"),
        ("kid", "../../etc/passwd"),
        ("kid", ["x"]),
        ("typ", None),
        ("typ", "JWT"),
        ("typ", "A+JWT"),
        ("crit", []),
        ("crit", ["exp"]),
        ("jku", "https://evil.example/jwks"),
        ("jwk", {"kty": "OKP"}),
        ("x5u", "https://evil.example"),
        ("cty", "JWT"),
        ("extra", 1),
    ],
    ids=str,
)
def test_a_header_that_is_not_exactly_ours_is_refused(name: str, value: Any) -> None:
    """Attack 21: each of these tokens is honestly signed by our own key."""
    assert SIGNER.verify(resigned(lambda members: None), typ=TYP) == {"n": 1}
    with pytest.raises(InvalidChallengeTokenError):
        SIGNER.verify(resigned(lambda members: members.update({name: value})), typ=TYP)


@pytest.mark.parametrize("name", ["alg", "kid", "typ"])
def test_a_header_without_a_member_is_refused(name: str) -> None:
    with pytest.raises(InvalidChallengeTokenError):
        SIGNER.verify(resigned(lambda members: members.pop(name)), typ=TYP)


@pytest.mark.parametrize(
    "token", ["", "a", "a.b", "a.b.c", "....", "é.é.é", "{}.{}.{}", "e30.e30.", "A" * 9_000, "e30.e30.AA=="]
)
def test_what_is_no_token_of_ours_is_refused(token: str) -> None:
    with pytest.raises(InvalidChallengeTokenError):
        SIGNER.verify(token, typ=TYP)


def test_a_token_over_8_kib_is_refused_though_we_signed_it() -> None:
    with pytest.raises(InvalidChallengeTokenError):
        SIGNER.verify(SIGNER.sign({"n": "x" * 8_192}, typ=TYP), typ=TYP)


def test_a_foreign_key_under_our_kid_is_refused() -> None:
    token = sign_jwt({"n": 1}, typ=TYP, kid=SECOND.id, key=Ed25519PrivateKey.generate())
    with pytest.raises(InvalidChallengeTokenError):
        SIGNER.verify(token, typ=TYP)
