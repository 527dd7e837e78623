"""
Attestation statements with certificates, for the vectors that have them (WebAuthn Level 3 §8.2..8.8, §16).

Keys and serial numbers are the specification's. The certificates carry what each format demands of them, and are not
claimed to be equal to the byte; nothing that an assertion proves depends on them.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier
from tests.unit.factors.webauthn_vectors import SEED, Registration, Values, signed

ES256 = -7
AAGUID_IN = ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
APPLE_NONCE_IN = ObjectIdentifier("1.2.840.113635.100.8.2")
ANDROID_KEY_IN = ObjectIdentifier("1.3.6.1.4.1.11129.2.1.17")
ATTESTS_FOR_TPM = ObjectIdentifier("2.23.133.8.3")
TPM_MANUFACTURER, TPM_MODEL, TPM_VERSION = (ObjectIdentifier(f"2.23.133.2.{number}") for number in (1, 2, 3))
FROM, UNTIL = datetime(2024, 1, 1, tzinfo=UTC), datetime(3024, 1, 1, tzinfo=UTC)


@cache
def authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The one root of all attestations, and its key."""
    values = Values("Attestation CA")
    key = _p256(values)
    name = _name("Authenticator Attestation CA")
    builder = _begun(name, name, key.public_key(), values.next(16))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True), key


def root_der() -> bytes:
    return authority()[0].public_bytes(Encoding.DER)


def root_pem() -> bytes:
    return authority()[0].public_bytes(Encoding.PEM)


def packed(made: Registration, values: Values) -> dict[str, object]:
    """§8.2, attested by a key of the maker's, on P-256 whatever the credential's key is."""
    key = _p256(values)
    aaguid = x509.UnrecognizedExtension(AAGUID_IN, b"\x04\x10" + made.aaguid)
    certificate = _issued(_subject(), key.public_key(), values.next(16), aaguid)
    signature = signed(key, ES256, made.authenticator_data + made.client_data_hash)
    return {"alg": ES256, "sig": signature, "x5c": [certificate]}


def fido_u2f(made: Registration, values: Values) -> dict[str, object]:
    """§8.6."""
    key = _p256(values)
    certificate = _issued(_subject(), key.public_key(), values.next(16))
    told = b"\x00" + made.authenticator_data[:32] + made.client_data_hash + made.credential_id + _point(made)
    return {"sig": signed(key, ES256, told), "x5c": [certificate]}


def apple(made: Registration, values: Values) -> dict[str, object]:
    """§8.8: the certificate is the credential's own, and holds a hash in place of a signature."""
    nonce = hashlib.sha256(made.authenticator_data + made.client_data_hash).digest()
    extension = x509.UnrecognizedExtension(APPLE_NONCE_IN, b"\x30\x24\xa1\x22\x04\x20" + nonce)
    return {"x5c": [_issued(_subject(), _public(made), values.next(16), extension)]}


def android_key(made: Registration, values: Values) -> dict[str, object]:
    """§8.4: the certificate is the credential's own, and tells of the key: made in the device, to sign with."""
    in_hardware = _der(0xA1, _der(0x31, b"\x02\x01\x02")) + b"\xbf\x85\x3e\x03\x02\x01\x00"
    version, level = b"\x02\x02\x01\x2c", b"\x0a\x01\x01"
    challenge, unique = _der(0x04, made.client_data_hash), _der(0x04, b"")
    about = version + level + version + level + challenge + unique + _der(0x30, b"") + _der(0x30, in_hardware)
    extension = x509.UnrecognizedExtension(ANDROID_KEY_IN, _der(0x30, about))
    certificate = _issued(_subject(), _public(made), values.next(16), extension)
    signature = signed(made.key, ES256, made.authenticator_data + made.client_data_hash)
    return {"alg": ES256, "sig": signature, "x5c": [certificate]}


def tpm(made: Registration, values: Values) -> dict[str, object]:
    """§8.3: what is signed is a structure of the TPM's, which names the key and the ceremony by their hashes."""
    key = _p256(values)
    about = x509.Name(
        [
            x509.NameAttribute(TPM_VERSION, "id:00000000"),
            x509.NameAttribute(TPM_MODEL, "WebAuthn test vectors"),
            x509.NameAttribute(TPM_MANUFACTURER, "id:00000000"),
        ]
    )
    alternative = x509.SubjectAlternativeName([x509.DirectoryName(about)])
    usage = x509.ExtendedKeyUsage([ATTESTS_FOR_TPM])
    certificate = _issued(x509.Name([]), key.public_key(), values.next(16), usage, critical=alternative)
    point = _point(made)
    public = bytes.fromhex("0023000b00000000000000100010000300100020") + point[1:33] + b"\x00\x20" + point[33:]
    ceremony = hashlib.sha256(made.authenticator_data + made.client_data_hash).digest()
    named = b"\x00\x0b" + hashlib.sha256(public).digest()
    info = b"\xffTCG\x80\x17\x00\x00" + b"\x00\x20" + ceremony + bytes(25) + b"\x00\x22" + named + b"\x00\x00"
    return {
        "alg": ES256,
        "sig": signed(key, ES256, info),
        "ver": "2.0",
        "x5c": [certificate],
        "pubArea": public,
        "certInfo": info,
    }


def _p256(values: Values) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(values.next(32), "big"), ec.SECP256R1())


def _public(made: Registration) -> ec.EllipticCurvePublicKey:
    key = made.key.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def _point(made: Registration) -> bytes:
    numbers = _public(made).public_numbers()
    return b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def _name(unit: str) -> x509.Name:
    owner = SEED.decode()
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, owner),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "W3C"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "AA"),
        ]
    )


def _subject() -> x509.Name:
    return _name("Authenticator Attestation")


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, serial: bytes
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    number = int.from_bytes(serial, "big")
    return builder.serial_number(number).not_valid_before(FROM).not_valid_after(UNTIL)


def _issued(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    serial: bytes,
    *extensions: x509.ExtensionType,
    critical: x509.ExtensionType | None = None,
) -> bytes:
    root, root_key = authority()
    builder = _begun(subject, root.subject, key, serial)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    if critical is not None:
        builder = builder.add_extension(critical, critical=True)
    return builder.sign(root_key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


def _der(tag: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([tag, len(content)]) + content
