"""Facts out of one transaction: what `service.facts` caches, and what writes decide from (design §3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from stairgate.engine.facts import Facts
from stairgate.engine.grants import GrantTable, compile_grants
from stairgate.engine.resources import ResourceTable, compile_resources
from stairgate.engine.roles import RoleTable, compile_roles
from stairgate.model.access import Principal, PrincipalKind
from stairgate.model.clients import ServiceClient
from stairgate.model.ids import ClientId, GroupId, UserId
from stairgate.model.protection import AVAILABLE_METHODS, BEST_LEVELS, LEVELS, Level, Method
from stairgate.ports.store import Page, ReadTransaction

CLIENTS_A_PAGE = 500


@dataclass(frozen=True, slots=True)
class UserGrants:
    """What one user's own grants compile to, and which groups' tables count with them."""

    table: GrantTable
    groups: tuple[GroupId, ...]


def user_grants(transaction: ReadTransaction, user: UserId) -> UserGrants:
    """The user's own grants and groups, in this snapshot."""
    own = transaction.grants_of(Principal(PrincipalKind.USER, user))
    return UserGrants(compile_grants(own), tuple(transaction.groups_of(user)))


def group_table(transaction: ReadTransaction, group: GroupId) -> GrantTable:
    """The group's grants, in this snapshot."""
    return compile_grants(transaction.grants_of(Principal(PrincipalKind.GROUP, group)))


def role_table(transaction: ReadTransaction) -> RoleTable:
    """Every role, in this snapshot."""
    return compile_roles(transaction.roles())


def resource_table(transaction: ReadTransaction) -> ResourceTable:
    """Every resource configuration, in this snapshot."""
    return compile_resources(transaction.resources())


def every_client(transaction: ReadTransaction) -> Iterator[ServiceClient]:
    """All service clients, page by page."""
    after: str | None = None
    while True:
        page = transaction.clients(Page(CLIENTS_A_PAGE, after))
        yield from page
        if len(page) < CLIENTS_A_PAGE:
            return
        after = page[-1].id


def external_levels(transaction: ReadTransaction) -> Mapping[ClientId, Level]:
    """What `external` proves for each service client (semantics §4, `level`): basic, unless the operator raised it."""
    return MappingProxyType({client.id: external_level(client) for client in every_client(transaction)})


def external_level(client: ServiceClient) -> Level:
    """What `external` proves where *client* attests. An unknown name of a level counts as the weakest."""
    return LEVELS.get(client.external_level or "", BEST_LEVELS[Method.EXTERNAL])


def best_levels(
    levels: Mapping[ClientId, Level], asker: ClientId | None, methods: frozenset[Method] = AVAILABLE_METHODS
) -> Mapping[Method, Level]:
    """
    The best that each method can prove for a question.

    Args:
        levels: What `external` proves for each service client.
        asker: The service client that asks and so attests; None: the user's own token, then any client may attest.
        methods: Those that the running service offers.
    """
    usual = BEST_LEVELS[Method.EXTERNAL]
    level = max(levels.values(), default=usual) if asker is None else levels.get(asker, usual)
    return _offered(level, methods)


@lru_cache(maxsize=64)
def _offered(external: Level, methods: frozenset[Method]) -> Mapping[Method, Level]:
    levels = {**BEST_LEVELS, Method.EXTERNAL: external}
    return MappingProxyType({method: level for method, level in levels.items() if method in methods})


def facts_in(
    transaction: ReadTransaction,
    user: UserId,
    *,
    asker: ClientId | None = None,
    methods: frozenset[Method] = AVAILABLE_METHODS,
) -> Facts:
    """The facts about *user* straight from the transaction's own state: exact where a write decides by them."""
    grants = user_grants(transaction, user)
    return Facts(
        tables=(grants.table, *(group_table(transaction, group) for group in grants.groups)),
        roles=role_table(transaction),
        resources=resource_table(transaction),
        revision=transaction.revision(),
        best_levels=best_levels(external_levels(transaction), asker, methods),
    )
