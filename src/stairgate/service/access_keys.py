"""Access keys of service clients in the Authress format (authress-contract §5.2). The private half is shown once."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stairgate.model.clients import AccessKey
from stairgate.model.ids import AccountId, ClientId, KeyId
from stairgate.ports.entropy import Entropy

SEED_BYTES = 32
KEY_ID_BITS = 80


def new_access_key(entropy: Entropy, *, account: AccountId, client: ClientId, now: datetime) -> tuple[AccessKey, str]:
    """
    A fresh key for *client*: what is stored, and the text that its owner gets.

    SECURITY: the text holds the private key. It is returned once, and neither stored nor logged.
    """
    private = Ed25519PrivateKey.from_private_bytes(entropy.bytes(SEED_BYTES))
    key = KeyId(f"key_{entropy.token(bits=KEY_ID_BITS)}")
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    stored = AccessKey(key, private.public_key().public_bytes_raw(), now)
    return stored, f"{client}.{key}.{account}.{b64encode(der).decode()}"
