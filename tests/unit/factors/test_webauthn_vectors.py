"""
WA-1: every test vector of WebAuthn Level 3 §16 × (user verification required, preferred) × (frame allowed, not).

The vectors leave UV unset as often as not. Stairgate always requires it, and trusts no attestation: it asks for none,
and where one comes nevertheless, it must hold. `webauthn` and `fido2` are asked in both modes; neither looks at frames,
which is why `factors/ceremony.py` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import pytest
from cryptography import x509
from fido2.attestation.apple import AppleAttestation
from fido2.attestation.base import AttestationResult, AttestationVerifier, NoneAttestation
from fido2.attestation.packed import PackedAttestation
from fido2.attestation.tpm import TpmAttestation
from fido2.attestation.u2f import FidoU2FAttestation
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticatorData,
    PublicKeyCredentialRpEntity,
    UserVerificationRequirement,
)
from tests.unit.factors.attested_vectors import android_key, apple, authority, fido_u2f, packed, root_der, root_pem, tpm
from tests.unit.factors.webauthn_vectors import (
    AT,
    BE,
    BS,
    ED448,
    ED25519,
    ORIGIN,
    RP_ID,
    RS256,
    TOP_ORIGIN,
    UP,
    UV,
    Recipe,
    Vector,
    self_attested,
)
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import parse_attestation_object
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import AttestationFormat

from stairgate.factors.passkey import level_of, register, verify
from stairgate.model.canonical import base64url
from stairgate.model.errors import ProofRefusedError
from stairgate.model.ids import FactorId
from stairgate.model.passkeys import Passkey, RelyingParty
from stairgate.model.protection import Level

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HANDLE = b"handle"
ES384, ES512 = -35, -36
FRAMES = {"no frame": (), "its frame": (TOP_ORIGIN,), "another frame": ("https://example.net",)}
Verdict = Literal["never", "framed", "always"]


@dataclass(frozen=True)
class Row:
    """
    A vector, and what is said of it.

    Args:
        recipe: How it is made.
        registers: When Stairgate registers it.
        asserts: When Stairgate accepts its assertion.
        created: Its flags at registration.
        asserted: Its flags at the assertion.
        unknown: By which library the key is of an unknown kind.
        unattested: By which library the attestation is refused, whatever root is trusted.
    """

    recipe: Recipe
    registers: Verdict
    asserts: Verdict
    created: int
    asserted: int
    unknown: frozenset[str] = frozenset()
    unattested: frozenset[str] = frozenset()

    @property
    def framed(self) -> bool:
        return bool(self.recipe.frame["crossOrigin"])


WEBAUTHN, BOTH = frozenset({"webauthn"}), frozenset({"webauthn", "fido2"})
PLAIN = UP | AT
FRAMED = {"crossOrigin": True, "topOrigin": TOP_ORIGIN}

ROWS = (
    Row(Recipe("none.ES256"), "never", "never", PLAIN | BE | BS, UP | BE | BS),
    Row(
        Recipe("packed-self.ES256", "packed", statement=self_attested), "always", "never", PLAIN | UV | BE | BS, UP | BE
    ),
    # A frame that nobody names is refused even where frames are allowed.
    Row(Recipe("none.ES256.crossOrigin", frame={"crossOrigin": True}), "never", "never", PLAIN | UV, UP | UV),
    Row(Recipe("none.ES256.topOrigin", frame=FRAMED), "never", "framed", PLAIN, UP | UV),
    Row(Recipe("none.ES256.long-credential-id", id_length=1023), "never", "always", PLAIN | BE, UP | UV | BE),
    Row(Recipe("packed.ES256", "packed", statement=packed), "always", "always", PLAIN | UV | BE, UP | UV | BE),
    Row(Recipe("packed.ES384", "packed", ES384, packed), "never", "never", PLAIN | BE | BS, UP | UV | BE, WEBAUTHN),
    Row(Recipe("packed.ES512", "packed", ES512, packed), "never", "never", PLAIN | UV | BE, UP | BE | BS),
    Row(Recipe("packed.RS256", "packed", RS256, packed), "always", "never", PLAIN | UV | BE | BS, UP | BE | BS),
    Row(Recipe("packed.EdDSA", "packed", ED25519, packed), "never", "never", PLAIN, UP),
    Row(
        Recipe("packed.Ed448", "packed", ED448, packed),
        "never",
        "never",
        PLAIN | BE | BS,
        UP | UV | BE | BS,
        unknown=WEBAUTHN,
    ),
    # `webauthn` knows the makers of TPMs, and this is none of them.
    Row(
        Recipe("tpm.ES256", "tpm", statement=tpm),
        "never",
        "always",
        PLAIN | UV | BE,
        UP | UV | BE,
        unattested=WEBAUTHN,
    ),
    # `webauthn` wants the root, one of Google's, in the statement, too; `fido2` does not know the format.
    Row(
        Recipe("android-key.ES256", "android-key", statement=android_key),
        "never",
        "never",
        PLAIN | UV | BE | BS,
        UP | BE,
        unattested=BOTH,
    ),
    Row(Recipe("apple.ES256", "apple", statement=apple), "never", "never", PLAIN | BE, UP | BE),
    # `webauthn` wants an AAGUID of zeros here, as CTAP does; the vector has another.
    Row(
        Recipe("fido-u2f.ES256", "fido-u2f", statement=fido_u2f, flagged=False),
        "never",
        "never",
        PLAIN,
        UP,
        unattested=WEBAUTHN,
    ),
)
VECTORS = {row.recipe.name: (row, row.recipe.make()) for row in ROWS}
each_vector = pytest.mark.parametrize("name", VECTORS)
each_frame = pytest.mark.parametrize("frame", FRAMES)
each_mode = pytest.mark.parametrize("required", [True, False], ids=["required", "preferred"])


# --- that these are the vectors of the specification -----------------------------------------------------------------


def test_the_derivation_gives_what_the_specification_prints() -> None:
    """Every value of the first vector, up to the signature."""
    vector = VECTORS["none.ES256"][1]
    made = vector.registration
    assert made.challenge.hex() == "00c30fb78531c464d2b6771dab8d7b603c01162f2fa486bea70f283ae556e130"
    assert made.aaguid.hex() == "8446ccb9ab1db374750b2367ff6f3a1f"
    assert made.credential_id.hex() == "f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4"
    assert base64url(bytes.fromhex("06441e0e375c4c1ad70620302532c4e5")).encode() in made.client_data
    assert vector.challenge.hex() == "39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408"
    assert vector.authenticator_data.hex() == (
        "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000"
    )
    assert vector.signature.hex() == (
        "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd38"
        "0221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87"
    )


# What is known of others: a value, and where it stands.
PRINTED = {
    ("packed-self.ES256", "challenge"): "7869c2b772d4b58eba9378cf8f29e26cf935aa77df0da89fa99c0bdc0a76f7e5",
    ("packed-self.ES256", "aaguid"): "df850e09db6afbdfab51697791506cfc",
    ("packed-self.ES256", "credential_id"): "455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58c",
    ("packed.ES256", "challenge"): "c1184a5fddf8045e13dc47f54b61f5a656b666b59018f16d870e9256e9952012",
    ("packed.ES256", "aaguid"): "876ca4f52071c3e9b25509ef2cdf7ed6",
    ("packed.ES256", "credential_id"): "c9a6f5b3462d02873fea0c56862234f99f081728084e511bb7760201a89054a5",
    ("packed.ES256", "serial"): "88c220f83c8ef1feafe94deae45faad0",
    ("packed.ES256", "asserted"): "b1106fa46a57bef1781511c0557dc898a03413d5f0f17d244630c194c7e1adb5",
    ("apple.ES256", "serial"): "394275613d5310b81a29ce90f48b61c1",
    ("fido-u2f.ES256", "aaguid"): "afb3c2efc054df425013d5c88e79c3c1",
    ("fido-u2f.ES256", "credential_id"): "a4ba6e2d2cfec43648d7d25c5ed5659bc18f2b781538527ebd492de03256bdf4",
    ("fido-u2f.ES256", "serial"): "04f66dc6542ea7719dea416d325a2401",
}


@pytest.mark.parametrize(("name", "value"), PRINTED)
def test_values_are_taken_in_the_order_of_the_specification(name: str, value: str) -> None:
    """With and without extra data, flags and the key of an attestation before them."""
    vector = VECTORS[name][1]
    if value == "serial":
        found = serial_of(vector)
    else:
        found = vector.challenge if value == "asserted" else getattr(vector.registration, value)
    assert found.hex() == PRINTED[name, value]


def serial_of(vector: Vector) -> bytes:
    statement = parse_attestation_object(vector.attestation_object).att_stmt
    assert statement.x5c
    return x509.load_der_x509_certificate(statement.x5c[0]).serial_number.to_bytes(16, "big")


def test_the_attestations_have_one_root() -> None:
    certificate, key = authority()
    assert f"{key.private_numbers().private_value:064x}".startswith("7809337f05740a96")
    assert f"{certificate.serial_number:032x}" == "ed7f905d8bd0b414d1784913170a90b6"


@each_vector
def test_the_flags_are_what_the_table_says(name: str) -> None:
    row, vector = VECTORS[name]
    assert (vector.created_with, vector.asserted_with) == (row.created, row.asserted)


# --- Stairgate -------------------------------------------------------------------------------------------------------


def passes(verdict: Verdict, frame: str) -> bool:
    return verdict == "always" or (verdict == "framed" and frame == "its frame")


@each_vector
@each_frame
def test_a_registration_has_its_verdict(name: str, frame: str) -> None:
    row, vector = VECTORS[name]
    party = RelyingParty(RP_ID, "Example", (ORIGIN,), FRAMES[frame])
    challenge = vector.registration.challenge

    def registered() -> Passkey:
        made = vector.created
        return register(made, challenge=challenge, party=party, user_handle=HANDLE, most=Level.HARDWARE).passkey

    if not passes(row.registers, frame):
        with pytest.raises(ProofRefusedError):
            registered()
        return
    passkey = registered()
    assert passkey.credential_id == vector.registration.credential_id
    assert passkey.public_key == vector.registration.public_key
    assert (passkey.backup_eligible, passkey.backed_up) == (bool(row.created & BE), bool(row.created & BS))
    assert passkey.level is level_of(backup_eligible=bool(row.created & BE))


@each_vector
@each_frame
def test_an_assertion_has_its_verdict(name: str, frame: str) -> None:
    row, vector = VECTORS[name]
    party = RelyingParty(RP_ID, "Example", (ORIGIN,), FRAMES[frame])
    known = passkey_of(vector)

    def asserted() -> Level | None:
        proof = verify(
            vector.asserted,
            known,
            challenge=vector.challenge,
            party=party,
            sign_count=0,
            factor=FactorId("fa"),
            now=NOW,
        )
        assert proof.passkey.backed_up is bool(row.asserted & BS)
        return proof.evidence.level

    if passes(row.asserts, frame):
        assert asserted() is known.level
    else:
        with pytest.raises(ProofRefusedError):
            asserted()


def passkey_of(vector: Vector) -> Passkey:
    """The credential as it would be kept, whether or not Stairgate had registered it."""
    made, flags = vector.registration, vector.created_with
    eligible = bool(flags & BE)
    level = level_of(backup_eligible=eligible)
    return Passkey(made.credential_id, made.public_key, HANDLE, eligible, bool(flags & BS), level)


def test_no_vector_passes_without_a_verified_user() -> None:
    """WA-5: a verdict in the table that says otherwise is wrong, whatever the code does."""
    for row in ROWS:
        assert row.registers == "never" or row.created & UV, row.recipe.name
        assert row.asserts == "never" or row.asserted & UV, row.recipe.name
    assert {row.recipe.name for row in ROWS if row.registers == "always"} == {
        "packed-self.ES256",
        "packed.ES256",
        "packed.RS256",
    }


@pytest.mark.parametrize("name", [row.recipe.name for row in ROWS if row.framed])
def test_only_the_frame_stands_against_a_framed_assertion(name: str) -> None:
    """So that its refusal above is for the frame: both libraries accept it, with the user verified."""
    vector = VECTORS[name][1]
    webauthn_asserts(vector, required=True)
    fido2_asserts(vector, required=True)


# --- both libraries --------------------------------------------------------------------------------------------------


@each_vector
@each_mode
def test_both_libraries_say_the_same_of_a_registration(name: str, required: bool) -> None:
    """The attestation included: the vectors' own root is trusted here."""
    row, vector = VECTORS[name]
    for library, registers in (("webauthn", webauthn_registers), ("fido2", fido2_registers)):
        good = library not in row.unknown | row.unattested and (not required or bool(row.created & UV))
        says(lambda act=registers: act(vector, required=required), good=good)  # type: ignore[misc]


@each_vector
@each_mode
def test_both_libraries_say_the_same_of_an_assertion(name: str, required: bool) -> None:
    row, vector = VECTORS[name]
    for library, asserts in (("webauthn", webauthn_asserts), ("fido2", fido2_asserts)):
        good = library not in row.unknown and (not required or bool(row.asserted & UV))
        says(lambda act=asserts: act(vector, required=required), good=good)  # type: ignore[misc]


@each_vector
def test_both_libraries_refuse_a_signature_with_one_bit_changed(name: str) -> None:
    """That a vector is accepted says something: its signature is looked at."""
    row, vector = VECTORS[name]
    signature = bytearray(vector.signature)
    signature[-1] ^= 1
    changed = vector.asserted
    changed["response"]["signature"] = base64url(bytes(signature))
    known = AttestedCredentialData(vector.registration.authenticator_data[37:])
    with pytest.raises(ValueError, match="signature"):
        server().authenticate_complete(state(vector.challenge, required=False), [known], changed)
    if "webauthn" not in row.unknown:
        with pytest.raises(Exception, match="signature"):
            webauthn_asserts(vector, required=False, credential=changed)


def says(act: Callable[[], object], *, good: bool) -> None:
    if good:
        act()
    else:
        with pytest.raises(Exception):  # noqa: B017, PT011  # each library has its own
            act()


def webauthn_registers(vector: Vector, *, required: bool) -> None:
    verify_registration_response(
        credential=vector.created,
        expected_challenge=vector.registration.challenge,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        require_user_verification=required,
        supported_pub_key_algs=list(COSEAlgorithmIdentifier),
        pem_root_certs_bytes_by_fmt={form: [root_pem()] for form in AttestationFormat},
    )


def webauthn_asserts(vector: Vector, *, required: bool, credential: dict[str, object] | None = None) -> None:
    verify_authentication_response(
        credential=credential or vector.asserted,
        expected_challenge=vector.challenge,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        credential_public_key=vector.registration.public_key,
        credential_current_sign_count=0,
        require_user_verification=required,
    )


class OneRoot(AttestationVerifier):
    """Every attestation must hold, and lead to the vectors' root."""

    def __init__(self) -> None:
        super().__init__(
            [NoneAttestation(), PackedAttestation(), TpmAttestation(), AppleAttestation(), FidoU2FAttestation()]
        )

    def ca_lookup(self, attestation_result: AttestationResult, auth_data: AuthenticatorData) -> bytes:
        del attestation_result, auth_data
        return root_der()


def server() -> Fido2Server:
    return Fido2Server(
        PublicKeyCredentialRpEntity(id=RP_ID, name="Example"),
        attestation=AttestationConveyancePreference.DIRECT,
        verify_attestation=OneRoot(),
    )


def state(challenge: bytes, *, required: bool) -> dict[str, object]:
    mode = UserVerificationRequirement.REQUIRED if required else UserVerificationRequirement.PREFERRED
    return {"challenge": base64url(challenge), "user_verification": mode}


def fido2_registers(vector: Vector, *, required: bool) -> None:
    server().register_complete(state(vector.registration.challenge, required=required), vector.created)


def fido2_asserts(vector: Vector, *, required: bool) -> None:
    known = AttestedCredentialData(vector.registration.authenticator_data[37:])
    server().authenticate_complete(state(vector.challenge, required=required), [known], vector.asserted)
