"""Access keys of service clients: make, bring your own, delete (authress-contract §1.3, §5.2)."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from stairgate.model.audit import Event
from stairgate.model.clients import MAX_KEYS, AccessKey, ServiceClient
from stairgate.model.errors import InvalidInputError, LimitReachedError, NotFoundError
from stairgate.model.ids import ClientId, KeyId
from stairgate.model.tokens import Caller
from stairgate.ports.store import WriteTransaction
from stairgate.service.access_keys import KEY_ID_BITS, new_access_key
from stairgate.service.clients import changeable, guarding
from stairgate.service.context import Services
from stairgate.service.guard import Guard
from stairgate.service.management import Written, record_change, writing

RAW_BYTES = 32
MAX_TEXT = 256


@dataclass(frozen=True, slots=True)
class MadeKey:
    """
    A new key of a client. *access_key* is there unless its owner keeps the private half; it is shown once.

    SECURITY: it holds the private key; it is in no `repr`.
    """

    client: ClientId
    key: AccessKey
    access_key: str | None = field(default=None, repr=False)


async def create_key(
    services: Services, caller: Caller, client: ClientId, public_key: bytes | None
) -> Written[MadeKey]:
    """
    Make an access key for *client*, or take in the public half of one that its owner made.

    Raises:
        NotFoundError: There is no such client, or the caller has no right on its keys.
        ForbiddenError: The caller may not change them.
        LimitReachedError: The client has 5 keys already.
        InvalidInputError: The client has this public key already.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> MadeKey:
        stored = changeable(transaction, guard, client, guarding(client, "access-keys"))
        if len(stored.keys) >= MAX_KEYS:
            raise LimitReachedError(f"a client may have at most {MAX_KEYS} keys: delete one first")
        if public_key is None:
            key, text = new_access_key(services.entropy, account=services.account, client=client, now=guard.now)
            made = MadeKey(client, key, text)
        else:
            if any(known.public_key == public_key for known in stored.keys):
                raise InvalidInputError("publicKey", "is one of this client's keys already")
            identity = KeyId(f"key_{services.entropy.token(bits=KEY_ID_BITS)}")
            made = MadeKey(client, AccessKey(identity, public_key, guard.now))
        _put(transaction, guard, replace(stored, keys=(*stored.keys, made.key)), stored, made.key.id)
        return made

    return await writing(services, caller, run)


async def delete_key(services: Services, caller: Caller, client: ClientId, key: KeyId) -> Written[None]:
    """
    Delete an access key: no token that it signed is accepted any more.

    Raises:
        NotFoundError: There is no such key, or the caller has no right on it.
        ForbiddenError: The caller may not change it.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> None:
        stored = changeable(transaction, guard, client, guarding(client, "access-keys", key))
        left = tuple(known for known in stored.keys if known.id != key)
        if len(left) == len(stored.keys):
            raise NotFoundError
        _put(transaction, guard, replace(stored, keys=left), stored, key)

    return await writing(services, caller, run)


def read_public_key(text: str) -> bytes:
    """
    The 32 bytes of the Ed25519 public key that *text* is: base64 of its DER (SubjectPublicKeyInfo) or of the bytes.

    Raises:
        InvalidInputError: It is not one.
    """
    try:
        data = b64decode(text, validate=True) if len(text) <= MAX_TEXT else b""
        if len(data) == RAW_BYTES:
            return Ed25519PublicKey.from_public_bytes(data).public_bytes_raw()
        key = load_der_public_key(data)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidInputError("publicKey", "must be an Ed25519 public key: base64 of its DER, or of its 32 bytes")
    return key.public_bytes_raw()


def public_key_text(key: AccessKey) -> str:
    """The public half of *key* as base64 of its DER."""
    public = Ed25519PublicKey.from_public_bytes(key.public_key)
    return b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def _put(transaction: WriteTransaction, guard: Guard, client: ServiceClient, before: ServiceClient, key: KeyId) -> None:
    transaction.put_client(client)
    record_change(
        transaction,
        guard,
        Event.KEY_CHANGED,
        key=f"{client.id}/{key}",
        before=before,
        after=client,
    )
