"""Passkeys, pure: each rule of WebAuthn Level 3 §7.1 and §7.2, by `webauthn`, with `fido2` as a second opinion."""

from __future__ import annotations

import copy
import hashlib
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fido2.server import Fido2Server
from fido2.webauthn import AttestedCredentialData, PublicKeyCredentialRpEntity, UserVerificationRequirement

from stairgate.factors.passkey import (
    Registered,
    creation_options,
    passkey_of,
    passkey_text,
    register,
    request_options,
    verify,
)
from stairgate.model.canonical import base64url
from stairgate.model.errors import ProofRefusedError, SignCounterError
from stairgate.model.ids import FactorId
from stairgate.model.passkeys import RelyingParty
from stairgate.model.protection import Level, Method
from stairgate.testing.authenticator import Algorithm, SoftwareAuthenticator, cose_key, new_key, sign

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORIGIN, RELATED = "https://login.bank.example", "https://bank.example.org"
PARTY = RelyingParty("bank.example", "Bank", (ORIGIN, RELATED))
HANDLE = bytes(range(32))
CHALLENGE = hashlib.sha256(b"registration").digest()
ASKED = hashlib.sha256(b"assertion").digest()
ALGORITHMS: tuple[Algorithm, ...] = ("ES256", "EdDSA", "RS256")
Json = dict[str, Any]


def authenticator(**members: Any) -> SoftwareAuthenticator:
    return SoftwareAuthenticator(**{"origin": ORIGIN, **members})


def created(device: SoftwareAuthenticator) -> Json:
    options = creation_options(PARTY, challenge=CHALLENGE, user_handle=HANDLE, user="ann", known=())
    return device.create(options)


def registered(credential: Json, *, most: Level = Level.HARDWARE, party: RelyingParty = PARTY) -> Registered:
    return register(credential, challenge=CHALLENGE, party=party, user_handle=HANDLE, most=most)


def asserted(device: SoftwareAuthenticator, known: Registered) -> Json:
    return device.get(request_options(PARTY, challenge=ASKED, allowed=(known.passkey,)))


def checked(credential: Json, known: Registered, *, party: RelyingParty = PARTY, challenge: bytes = ASKED) -> Any:
    return verify(
        credential,
        known.passkey,
        challenge=challenge,
        party=party,
        sign_count=known.sign_count,
        factor=FactorId("fa"),
        now=NOW,
    )


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def second_opinion() -> Fido2Server:
    entity = PublicKeyCredentialRpEntity(id=PARTY.id, name=PARTY.name)
    return Fido2Server(entity, verify_origin=lambda origin: origin in PARTY.origins)


def fido2_registers(credential: Json) -> AttestedCredentialData:
    state = {"challenge": base64url(CHALLENGE), "user_verification": UserVerificationRequirement.REQUIRED}
    data = second_opinion().register_complete(state, credential)
    assert data.credential_data is not None
    return data.credential_data


def fido2_accepts(credential: Json, known: AttestedCredentialData) -> None:
    state = {"challenge": base64url(ASKED), "user_verification": UserVerificationRequirement.REQUIRED}
    second_opinion().authenticate_complete(state, [known], credential)


# --- what holds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_both_libraries_accept_a_registration_and_an_assertion(algorithm: Algorithm) -> None:
    device = authenticator(algorithm=algorithm)
    made = created(device)
    known = registered(made)
    second = fido2_registers(made)
    assert second.credential_id == known.passkey.credential_id
    assert known.passkey.user_handle == HANDLE
    credential = asserted(device, known)
    proof = checked(credential, known)
    fido2_accepts(credential, second)
    evidence = proof.evidence
    assert (evidence.method, evidence.level, evidence.user_verified) == (Method.PASSKEY, Level.HARDWARE, True)
    assert (evidence.counter, evidence.factor, evidence.proven_at) == (1, FactorId("fa"), NOW)


def test_a_backup_eligible_passkey_is_phishing_resistant_and_never_hardware() -> None:
    """NIST-6, WA-5: BE=1 never satisfies `hardware`."""
    device = authenticator(backup_eligible=True, counts=False)
    known = registered(created(device))
    assert known.passkey.level is Level.PHISHING_RESISTANT
    assert checked(asserted(device, known), known).evidence.level is Level.PHISHING_RESISTANT


def test_a_device_bound_passkey_counts_as_no_more_than_what_allowed_it() -> None:
    known = registered(created(authenticator()), most=Level.PHISHING_RESISTANT)
    assert known.passkey.level is Level.PHISHING_RESISTANT


def test_related_origins_are_those_that_are_listed() -> None:
    device = authenticator(origin=RELATED)
    known = registered(created(device))
    assert checked(asserted(device, known), known).evidence.level is Level.HARDWARE


def test_a_backup_state_may_change_and_is_reported() -> None:
    device = authenticator(backup_eligible=True)
    known = registered(created(device))
    device.backed_up = True
    assert checked(asserted(device, known), known).passkey == replace(known.passkey, backed_up=True)


def test_a_frame_is_accepted_only_where_its_top_origin_is_configured() -> None:
    device = authenticator(client_data={"crossOrigin": True, "topOrigin": "https://shop.example"})
    made = created(device)
    with pytest.raises(ProofRefusedError):
        registered(made)
    framed = replace(PARTY, top_origins=("https://shop.example",))
    known = registered(made, party=framed)
    credential = asserted(device, known)
    with pytest.raises(ProofRefusedError):
        checked(credential, known)
    assert checked(credential, known, party=framed).evidence.level is Level.HARDWARE


def test_a_passkey_is_kept_as_text_without_loss() -> None:
    made = created(authenticator())
    made["response"]["transports"] = ["internal", "hybrid", "made-up", 7]
    passkey = registered(made).passkey
    assert passkey.transports == ("hybrid", "internal")
    assert passkey_of(passkey_text(passkey)) == passkey


def test_options_ask_for_user_verification_and_no_attestation() -> None:
    known = registered(created(authenticator()))
    create = creation_options(PARTY, challenge=CHALLENGE, user_handle=HANDLE, user="ann", known=(known.passkey,))
    assert create["attestation"] == "none"
    assert create["authenticatorSelection"]["userVerification"] == "required"  # type: ignore[index,call-overload]
    assert create["excludeCredentials"][0]["id"] == base64url(known.passkey.credential_id)  # type: ignore[index,call-overload]
    asked = request_options(PARTY, challenge=ASKED, allowed=(known.passkey,))
    assert (asked["userVerification"], asked["rpId"]) == ("required", "bank.example")


# --- sign counter ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "said", "holds"), [(0, 0, True), (0, 1, True), (5, 6, True), (5, 5, False), (5, 4, False), (5, 0, False)]
)
def test_a_counter_that_is_used_only_goes_up(stored: int, said: int, holds: bool) -> None:
    """WA-6: a regression is told from a forgery, because it means a clone."""
    device = authenticator(counts=False)
    known = replace(registered(created(device)), sign_count=stored)
    device.credentials[0].sign_count = said
    credential = asserted(device, known)
    if holds:
        assert checked(credential, known).evidence.counter == said
    else:
        with pytest.raises(SignCounterError):
            checked(credential, known)


# --- tampering: any one field of a valid registration or assertion ----------------------------------------------------


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def with_bytes(name: str, change: Callable[[bytes], bytes]) -> Callable[[Json], None]:
    def tamper(credential: Json) -> None:
        credential["response"][name] = base64url(change(raw(credential["response"][name])))

    return tamper


def with_client_data(**members: object) -> Callable[[Json], None]:
    def change(data: bytes) -> bytes:
        return json.dumps({**json.loads(data), **members}).encode()

    return with_bytes("clientDataJSON", change)


def other_id(credential: Json) -> None:
    credential["id"] = credential["rawId"] = base64url(flipped(raw(credential["rawId"]), 0))


TAMPERED_ASSERTIONS: dict[str, Callable[[Json], None]] = {
    "credential id": other_id,
    "type": with_client_data(type="webauthn.create"),
    "challenge": with_client_data(challenge=base64url(bytes(32))),
    "origin": with_client_data(origin="https://bank.example.evil.example"),
    "client data, one more member": with_client_data(extra=1),
    "rp id hash": with_bytes("authenticatorData", lambda data: flipped(data, 0)),
    "user present": with_bytes("authenticatorData", lambda data: data[:32] + bytes([data[32] & ~0x01]) + data[33:]),
    "user verified": with_bytes("authenticatorData", lambda data: data[:32] + bytes([data[32] & ~0x04]) + data[33:]),
    "backup state": with_bytes("authenticatorData", lambda data: data[:32] + bytes([data[32] ^ 0x18]) + data[33:]),
    "sign counter": with_bytes("authenticatorData", lambda data: flipped(data, 36)),
    "authenticator data, longer": with_bytes("authenticatorData", lambda data: data + b"\0"),
    "authenticator data, shorter": with_bytes("authenticatorData", lambda data: data[:36]),
    "signature": with_bytes("signature", lambda data: flipped(data, len(data) - 1)),
    "signature, cut off": with_bytes("signature", lambda data: data[:-1]),
}


@pytest.mark.parametrize("field", TAMPERED_ASSERTIONS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_assertion_with_one_field_changed_is_refused_by_both(algorithm: Algorithm, field: str) -> None:
    device = authenticator(algorithm=algorithm)
    made = created(device)
    known, second = registered(made), fido2_registers(made)
    credential = asserted(device, known)
    fido2_accepts(credential, second)
    tampered = copy.deepcopy(credential)
    TAMPERED_ASSERTIONS[field](tampered)
    assert tampered != credential
    with pytest.raises(ProofRefusedError):
        checked(tampered, known)
    with pytest.raises(Exception):  # noqa: B017, PT011  # fido2 raises whatever its parser meets
        fido2_accepts(tampered, second)
    assert checked(credential, known).evidence.level is Level.HARDWARE  # the untouched one still holds


# Truly signed by the authenticator, and still wrong.
SIGNED_WRONGLY: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://evil.example"},
    "the origin with a port": {"origin": f"{ORIGIN}:8443"},
    "no user present": {"user_present": False},
    "no user verified": {"user_verified": False},
}


@pytest.mark.parametrize("case", SIGNED_WRONGLY)
def test_a_signed_assertion_of_another_ceremony_is_refused_by_both(case: str) -> None:
    """WA-3, WA-5: the signature is good, what it says is not."""
    device = authenticator()
    made = created(device)
    known, second = registered(made), fido2_registers(made)
    for name, value in SIGNED_WRONGLY[case].items():
        setattr(device, name, value)
    credential = asserted(device, known)
    with pytest.raises(ProofRefusedError):
        checked(credential, known)
    with pytest.raises(ValueError, match=r"."):
        fido2_accepts(credential, second)


@pytest.mark.parametrize(
    "members",
    [
        {"type": "webauthn.create"},
        {"type": "payment.get"},
        {"crossOrigin": True},
        {"crossOrigin": "no"},
        {"topOrigin": ORIGIN},
        {"crossOrigin": True, "topOrigin": "https://evil.example"},
        {"origin": None},
        {"challenge": base64url(CHALLENGE)},
    ],
    ids=str,
)
def test_signed_client_data_of_another_kind_are_refused(members: dict[str, Any]) -> None:
    device = authenticator()
    known = registered(created(device))
    device.client_data = members
    with pytest.raises(ProofRefusedError):
        checked(asserted(device, known), known)


def test_be_that_differs_from_the_registration_is_refused() -> None:
    """WebAuthn Level 3 §7.2: BE is fixed; BS without BE is impossible."""
    device = authenticator()
    known = registered(created(device))
    device.backup_eligible = True
    with pytest.raises(ProofRefusedError):
        checked(asserted(device, known), known)
    device.backup_eligible, device.backed_up = False, True
    with pytest.raises(ProofRefusedError):
        checked(asserted(device, known), known)


def test_another_users_handle_and_another_credential_are_refused() -> None:
    """WA-3."""
    device = authenticator()
    known = registered(created(device))
    credential = asserted(device, known)
    foreign = copy.deepcopy(credential)
    foreign["response"]["userHandle"] = base64url(b"somebody else")
    with pytest.raises(ProofRefusedError):
        checked(foreign, known)
    without = copy.deepcopy(credential)
    del without["response"]["userHandle"]
    assert checked(without, known).evidence.counter == 1
    other = registered(created(authenticator()))
    with pytest.raises(ProofRefusedError):
        checked(credential, other)


def test_client_data_that_two_readers_would_read_differently_are_refused() -> None:
    """Attack 22: a repeated member, though it is signed."""
    device = authenticator()
    known = registered(created(device))
    credential = asserted(device, known)
    data = raw(credential["response"]["clientDataJSON"])
    doubled = data.replace(b"{", b'{"origin": "https://evil.example", ', 1)
    credential["response"]["clientDataJSON"] = base64url(doubled)
    signed = raw(credential["response"]["authenticatorData"]) + hashlib.sha256(doubled).digest()
    credential["response"]["signature"] = base64url(sign(device.credentials[0].key, signed))
    with pytest.raises(ProofRefusedError):
        checked(credential, known)


TAMPERED_REGISTRATIONS: dict[str, Callable[[Json], None]] = {
    "credential id": other_id,
    "type": with_client_data(type="webauthn.get"),
    "challenge": with_client_data(challenge=base64url(bytes(32))),
    "origin": with_client_data(origin="https://evil.example"),
    "attestation object, cut off": with_bytes("attestationObject", lambda data: data[:40]),
    "attestation object, empty": with_bytes("attestationObject", lambda data: b"\xa0"),
    "rp id hash": with_bytes(
        "attestationObject", lambda data: data.replace(hashlib.sha256(b"bank.example").digest(), bytes(32))
    ),
}


@pytest.mark.parametrize("field", TAMPERED_REGISTRATIONS)
def test_a_registration_with_one_field_changed_is_refused_by_both(field: str) -> None:
    credential = created(authenticator())
    TAMPERED_REGISTRATIONS[field](credential)
    with pytest.raises(ProofRefusedError):
        registered(credential)
    if field != "credential id":  # not signed, and fido2 takes the id from the authenticator data alone
        with pytest.raises(Exception):  # noqa: B017, PT011  # fido2 raises whatever its parser meets
            fido2_registers(credential)


@pytest.mark.parametrize("flag", ["user_present", "user_verified"])
def test_a_registration_without_a_verified_user_is_refused_by_both(flag: str) -> None:
    credential = created(authenticator(**{flag: False}))
    with pytest.raises(ProofRefusedError):
        registered(credential)
    with pytest.raises(ValueError, match=r"."):
        fido2_registers(credential)


NO_CREDENTIALS: tuple[Callable[[Json], None], ...] = (
    lambda credential: credential.clear(),
    lambda credential: credential.update(response=None),
    lambda credential: credential.update(rawId=7),
    lambda credential: credential.update(type="password"),
    lambda credential: credential.update(id="AAAA"),
    lambda credential: credential["response"].update(signature="not base64url!"),
    lambda credential: credential["response"].update(signature="QQ=="),
    lambda credential: credential["response"].update(signature="QR"),
    lambda credential: credential["response"].update(signature="A" * 40_000),
    lambda credential: credential["response"].update(authenticatorData=[]),
    lambda credential: credential["response"].update(clientDataJSON=base64url(b"[]")),
    lambda credential: credential["response"].update(clientDataJSON=base64url(b"\xff")),
    lambda credential: credential["response"].update(userHandle={}),
)


@pytest.mark.parametrize("number", range(len(NO_CREDENTIALS)))
def test_what_is_no_credential_at_all_is_refused_and_nothing_else(number: int) -> None:
    device = authenticator()
    known = registered(created(device))
    credential = asserted(device, known)
    NO_CREDENTIALS[number](credential)
    with pytest.raises(ProofRefusedError):
        checked(credential, known)


def test_a_key_that_is_too_weak_or_of_an_unknown_kind_is_refused() -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    good = created(authenticator(algorithm="RS256"))
    assert registered(good).passkey.level is Level.HARDWARE
    weak = authenticator(algorithm="RS256")
    key = cose_key(rsa.generate_private_key(public_exponent=65_537, key_size=1_024))  # noqa: S505  # the point
    made = created(weak)
    data = raw(made["response"]["attestationObject"])
    old = cose_key(weak.credentials[0].key)
    assert old in data
    # The length of authData in CBOR changes with the key: 2 bytes behind its name.
    place = data.index(b"authData") + len(b"authData")
    size = int.from_bytes(data[place + 1 : place + 3], "big") + len(key) - len(old)
    swapped = data[: place + 1] + size.to_bytes(2, "big") + data[place + 3 :].replace(old, key)
    made["response"]["attestationObject"] = base64url(swapped)
    with pytest.raises(ProofRefusedError):
        registered(made)


@pytest.mark.parametrize(("length", "holds"), [(1023, True), (1024, False)])
def test_a_credential_id_has_at_most_1023_bytes(length: int, holds: bool) -> None:
    """WebAuthn Level 3 §7.1."""
    made = created(authenticator(random=lambda _: bytes(length)))
    if holds:
        assert registered(made).passkey.credential_id == bytes(length)
    else:
        with pytest.raises(ProofRefusedError):
            registered(made)


def test_the_software_authenticator_signs_with_every_algorithm() -> None:
    for algorithm in ALGORITHMS:
        key = new_key(algorithm)
        assert sign(key, b"data") != sign(key, b"other")
