"""A service client made by the operator, who has the database itself and so needs no right in it."""

from __future__ import annotations

from collections.abc import Sequence

from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.audit import AuditDraft, Event
from stairgate.model.clients import ServiceClient
from stairgate.model.errors import InvalidInputError
from stairgate.model.ids import CLIENT_PREFIX, ClientId, RecordId, UserId
from stairgate.model.resources import parse_pattern
from stairgate.model.returns import return_uris
from stairgate.ports.store import WriteTransaction
from stairgate.service.access_keys import new_access_key
from stairgate.service.audit import SYSTEM
from stairgate.service.context import Services

ID_BITS = 80
MAX_NAME_LENGTH = 128


async def add_client(
    services: Services, name: str, *, owner: bool, returns: Sequence[str] = ()
) -> tuple[ServiceClient, str]:
    """
    A new service client and its access key, which is shown this once.

    Args:
        services: The application's.
        name: What people call it.
        owner: Give it everything, by an access record of its own; otherwise it may do nothing yet.
        returns: Where a browser that finished a challenge may be sent (semantics §7.2).

    Raises:
        InvalidInputError: The name is empty or too long, or a return address will not do.
    """
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidInputError("name", f"must have 1 to {MAX_NAME_LENGTH} printable characters")
    now = services.clock.now()
    client_id = ClientId(f"{CLIENT_PREFIX}{services.entropy.token(bits=ID_BITS)}")
    record_id = RecordId(f"rec_{services.entropy.token(bits=ID_BITS)}")
    key, access_key = new_access_key(services.entropy, account=services.account, client=client_id, now=now)
    client = ServiceClient(client_id, name, now, (key,), return_uris=return_uris(returns))

    def run(transaction: WriteTransaction) -> ServiceClient:
        transaction.put_client(client)
        transaction.append_audit(
            AuditDraft(Event.CLIENT_CHANGED, now, SYSTEM, {"client": client_id, "keys": [key.id], "change": "created"})
        )
        if owner:
            everything = Statement((OWNER.id,), (parse_pattern("*"),))
            transaction.put_record(
                AccessRecord(record_id, f"Owner {name}", (everything,), users=(UserId(client_id),), last_updated=now)
            )
            transaction.append_audit(
                AuditDraft(Event.RECORD_CHANGED, now, SYSTEM, {"record": record_id, "change": "created"})
            )
        return client

    return await services.store.write(run), access_key
