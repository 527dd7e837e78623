"""The first moment of an account: its id, its signing keys, and an owner who can do everything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.audit import AuditDraft, Event
from stairgate.model.clients import ServiceClient
from stairgate.model.errors import UnavailableError
from stairgate.model.ids import CLIENT_PREFIX, AccountId, ClientId, RecordId, UserId
from stairgate.model.resources import parse_pattern
from stairgate.ports.clock import Clock
from stairgate.ports.entropy import Entropy
from stairgate.ports.store import ReadTransaction, SigningKey, Store, WriteTransaction
from stairgate.service.access_keys import new_access_key
from stairgate.service.audit import SYSTEM

ACCOUNT_FACT = "account"
CHALLENGE_KEYS = "challenge"  # what `SigningKey.use` says of the keys of challenge tokens
TEST_ISSUER_KEYS = "test_issuer"
ID_BITS = 80

NewSigningKey = Callable[[str, datetime], SigningKey]  # for a use, at a time; sealed by the key ring


@dataclass(frozen=True, slots=True)
class Initialised:
    """
    The account. *access_key* is its first owner's, there only where this call made the account; it is shown once.

    SECURITY: it is the key to everything; it is in no `repr`.
    """

    account: AccountId
    owner: ClientId | None = None
    access_key: str | None = field(default=None, repr=False)


def account_of(transaction: ReadTransaction) -> AccountId:
    """
    The account of this database.

    Raises:
        UnavailableError: It has none yet.
    """
    account = transaction.fact(ACCOUNT_FACT)
    if account is None:
        raise UnavailableError("the database has no account yet: run `stairgate init`")
    return AccountId(account)


async def initialise(
    store: Store, clock: Clock, entropy: Entropy, new_signing_key: NewSigningKey, *, dev: bool = False
) -> Initialised:
    """
    Make the account, if there is none: signing keys, a service client `owner`, and a record that gives it everything.

    Repeating it makes nothing new, but for what *dev* adds.

    Args:
        store: A migrated store.
        clock: The time.
        entropy: Chance.
        new_signing_key: Makes and seals a signing key.
        dev: Make the key of the built-in test identity provider, too.
    """
    account = AccountId(f"acc_{entropy.token(bits=ID_BITS)}")
    client = ClientId(f"{CLIENT_PREFIX}{entropy.token(bits=ID_BITS)}")
    now = clock.now()
    key, access_key = new_access_key(entropy, account=account, client=client, now=now)
    record = RecordId(f"rec_{entropy.token(bits=ID_BITS)}")

    def run(transaction: WriteTransaction) -> Initialised:
        known = transaction.fact(ACCOUNT_FACT)
        if known is None:
            transaction.put_fact(ACCOUNT_FACT, account)
            transaction.append_audit(AuditDraft(Event.ACCOUNT_CREATED, now, SYSTEM, {"account": account}))
            _put_owner(transaction, ServiceClient(client, "owner", now, (key,)), record, now)
        for use in (CHALLENGE_KEYS, TEST_ISSUER_KEYS) if dev else (CHALLENGE_KEYS,):
            if not transaction.signing_keys(use):
                made = new_signing_key(use, now)
                transaction.put_signing_key(made)
                transaction.append_audit(AuditDraft(Event.KEY_CHANGED, now, SYSTEM, {"key": made.id, "use": use}))
        return Initialised(account, client, access_key) if known is None else Initialised(AccountId(known))

    return await store.write(run)


def _put_owner(transaction: WriteTransaction, owner: ServiceClient, record: RecordId, now: datetime) -> None:
    transaction.put_client(owner)
    keys = [key.id for key in owner.keys]
    transaction.append_audit(AuditDraft(Event.CLIENT_CHANGED, now, SYSTEM, {"client": owner.id, "keys": keys}))
    everything = Statement((OWNER.id,), (parse_pattern("*"),))
    transaction.put_record(AccessRecord(record, "Owner", (everything,), users=(UserId(owner.id),), last_updated=now))
    transaction.append_audit(AuditDraft(Event.RECORD_CHANGED, now, SYSTEM, {"record": record, "change": "created"}))
