"""
What decisions are made from, in memory: compiled grants, roles, marks, and who is trusted (design §3, §4).

INVARIANT: every entry is valid at `revision`. An entry is loaded together with the changes up to its snapshot, and is
not kept where a change that concerns it was applied while it was on its way. So an answer never mixes two states.

Before each answer the feed is asked whether anything was written since, by any process; if so, the changes are applied
first. So a change is in force everywhere at once.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from math import ceil
from typing import cast

from stairgate.engine.facts import Facts
from stairgate.engine.grants import GrantTable
from stairgate.engine.resources import ResourceTable
from stairgate.engine.roles import RoleTable
from stairgate.model.clients import Issuer, ServiceClient
from stairgate.model.errors import UnavailableError
from stairgate.model.ids import ClientId, GroupId, UserId
from stairgate.model.protection import AVAILABLE_METHODS, BEST_LEVELS, Level, Method
from stairgate.ports.clock import Clock
from stairgate.ports.store import Change, ChangeFeed, ChangeKind, ReadTransaction, Store
from stairgate.service import loading
from stairgate.service.loading import UserGrants

CAPACITY = 200_000  # principals and clients in memory; what was not asked for longest goes first
MOST_CHANGES = 1000  # more than these at once: forgetting everything is cheaper
ATTEMPTS = 16


class _Part(Enum):
    """What a cache entry holds; the last four are kept whole, under the key ``""``."""

    USER = "user"
    GROUP = "group"
    CLIENT = "client"
    ROLES = "roles"
    RESOURCES = "resources"
    ISSUERS = "issuers"
    LEVELS = "levels"


_Key = tuple[_Part, str]
_ROLES: _Key = (_Part.ROLES, "")
_RESOURCES: _Key = (_Part.RESOURCES, "")
_ISSUERS: _Key = (_Part.ISSUERS, "")
_LEVELS: _Key = (_Part.LEVELS, "")
_EVERYTHING: _Key = (_Part.USER, "")  # no user has this id: stands for a change that may concern any entry
_MISSING = object()


def _concerned(change: Change) -> tuple[_Key, ...]:
    match change.kind:
        case ChangeKind.USER_GRANTS | ChangeKind.MEMBERSHIP:
            return ((_Part.USER, change.key),)
        case ChangeKind.GROUP_GRANTS:
            return ((_Part.GROUP, change.key),)
        case ChangeKind.ROLE:
            return (_ROLES,)
        case ChangeKind.RESOURCE:
            return (_RESOURCES,)
        case ChangeKind.CLIENT:
            return ((_Part.CLIENT, change.key), _LEVELS)
        case ChangeKind.ISSUER:
            return (_ISSUERS,)


def _load(transaction: ReadTransaction, key: _Key) -> object:
    part, name = key
    match part:
        case _Part.USER:
            return loading.user_grants(transaction, UserId(name))
        case _Part.GROUP:
            return loading.group_table(transaction, GroupId(name))
        case _Part.CLIENT:
            return transaction.client(ClientId(name))
        case _Part.ROLES:
            return loading.role_table(transaction)
        case _Part.RESOURCES:
            return loading.resource_table(transaction)
        case _Part.ISSUERS:
            return tuple(transaction.issuers())
        case _Part.LEVELS:
            return loading.external_levels(transaction)


@dataclass(slots=True)
class _Loaded:
    """One snapshot: its revision, the changes since the cache's (None: forget everything), and what was loaded."""

    revision: int
    changes: tuple[Change, ...] | None
    entries: dict[_Key, object]


class FactCache:
    """
    An instance lives as long as the application does, in one event loop.

    Args:
        store: Where facts are loaded from.
        feed: Tells whether anything was written; None: the store is asked each time.
        clock: For how old an answer from memory is.
        stale_limit: Seconds that what is in memory may be used while the store is away; 0: never.
        capacity: How many principals and clients are kept.
        methods: Those that the running service offers.
    """

    def __init__(
        self,
        store: Store,
        feed: ChangeFeed | None,
        clock: Clock,
        *,
        stale_limit: int = 10,
        capacity: int = CAPACITY,
        methods: frozenset[Method] = AVAILABLE_METHODS,
    ) -> None:
        self._store = store
        self._feed = feed
        self._clock = clock
        self._stale_limit = stale_limit
        self._capacity = capacity
        self._methods = methods
        self._entries: OrderedDict[_Key, object] = OrderedDict()
        self._facts: dict[UserId, Facts] = {}  # what was put together at `revision`
        self._revision = -1
        self._seen = 1  # how often something was or may have been written
        self._caught = 0  # … and up to which of these the changes are applied
        self._catching = asyncio.Lock()
        self._arrivals: list[dict[_Key, int]] = []  # for each load under way: what changed since, and when
        self._fresh_at: datetime | None = None

    @property
    def revision(self) -> int:
        """The revision that answers are made from, 0 before anything was written."""
        return max(self._revision, 0)

    @property
    def stale_seconds(self) -> int | None:
        """How many seconds ago the store last confirmed what is in memory; None: unknown, or in the future."""
        if self._fresh_at is None:
            return None
        seconds = (self._clock.now() - self._fresh_at).total_seconds()
        return None if seconds < 0 else ceil(seconds)

    async def facts_of(self, user: UserId, *, asker: ClientId | None = None) -> Facts:
        """
        The facts about *user*, in force at a moment within this call.

        Args:
            user: Whom the question is about.
            asker: The service client that asks; it decides what `external` can prove.

        Raises:
            UnavailableError: They cannot be loaded: the user must be refused.
        """
        for _ in range(ATTEMPTS):
            facts = self.peek(user, asker=asker)
            if facts is not None:
                return facts
            await self._catch_up_to(self._seen)
            if self._assembled(user) is None:
                await self._fetch(lambda transaction: self._missing_of(transaction, user))
            assembled = self._assembled(user)
            self._trim()
            if assembled is not None:
                return self._for_asker(assembled, asker)
        raise UnavailableError("facts change faster than they can be loaded: try again")

    def peek(self, user: UserId, *, asker: ClientId | None = None) -> Facts | None:
        """
        The facts about *user* if they are in memory and nothing was written since; else None. No I/O but the poll.

        Raises:
            UnavailableError: The store is away.
        """
        self._poll()
        if self._caught != self._seen:
            return None
        facts = self._assembled(user)
        return None if facts is None else self._for_asker(facts, asker)

    def remembered(self, user: UserId, *, asker: ClientId | None = None) -> tuple[Facts, int] | None:
        """
        For while the store is away: what is in memory about *user*, and how many seconds old it may be.

        None where it is not there, or older than the limit (semantics §10).
        """
        seconds = self._usable_seconds()
        facts = self._assembled(user)
        if seconds is None or facts is None:
            return None
        return self._for_asker(facts, asker), seconds

    async def client(self, client: ClientId, *, remembered: bool = False) -> ServiceClient | None:
        """
        The service client and its live keys.

        Args:
            client: Which one.
            remembered: While the store is away, what is in memory will do.

        Raises:
            UnavailableError: It cannot be known.
        """
        return cast("ServiceClient | None", await self._get((_Part.CLIENT, client), remembered=remembered))

    async def issuers(self, *, remembered: bool = False) -> tuple[Issuer, ...]:
        """Every trusted issuer; *remembered* and errors as for `client`."""
        return cast("tuple[Issuer, ...]", await self._get(_ISSUERS, remembered=remembered))

    async def client_at_revision(self, client: ClientId) -> ServiceClient | None:
        """The service client at the moment of facts that were just had: without asking the feed once more."""
        return cast("ServiceClient | None", await self._at_revision((_Part.CLIENT, client)))

    async def issuers_at_revision(self) -> tuple[Issuer, ...]:
        """Every trusted issuer, as for `client_at_revision`."""
        return cast("tuple[Issuer, ...]", await self._at_revision(_ISSUERS))

    async def external_levels(self) -> Mapping[ClientId, Level]:
        """Every service client, and what `external` proves where it attests."""
        return cast("Mapping[ClientId, Level]", await self._get(_LEVELS, remembered=False))

    async def catch_up(self) -> None:
        """
        Apply every change that was acknowledged before this call: to be called after each write of one's own.

        Raises:
            UnavailableError: The store is away.
        """
        self._seen += 1
        await self._catch_up_to(self._seen)

    # --- freshness

    def _poll(self) -> None:
        now = self._clock.now()
        try:
            written = self._feed is None or self._feed.poll()
        except UnavailableError:
            self._seen += 1  # what this poll would have told is not told again
            raise
        if written:
            self._seen += 1
        elif self._caught == self._seen:
            self._fresh_at = now

    async def _catch_up_to(self, wanted: int) -> None:
        if self._caught >= wanted:
            return
        async with self._catching:
            if self._caught < wanted:  # else the read that was waited for did it: many waiters, one read
                await self._fetch(lambda _: {})

    async def _fetch(self, load: Callable[[ReadTransaction], dict[_Key, object]]) -> None:
        """Run *load* against a snapshot, apply the changes up to it, and keep what it loaded where that still holds."""
        now, seen, known = self._clock.now(), self._seen, self._revision

        def snapshot(transaction: ReadTransaction) -> _Loaded:
            revision = transaction.revision()
            if revision < known:
                raise UnavailableError("the store answered from before what it had answered already")
            changes = tuple(transaction.changes_after(known, limit=MOST_CHANGES)) if known >= 0 else ()
            forget = known < 0 or len(changes) >= MOST_CHANGES
            return _Loaded(revision, None if forget else changes, load(transaction))

        arrivals: dict[_Key, int] = {}
        self._arrivals.append(arrivals)
        try:
            loaded = await self._store.read(snapshot)
        finally:
            # By identity: two loads under way may have met the same changes, and so be equal.
            self._arrivals = [other for other in self._arrivals if other is not arrivals]
        self._apply(loaded)
        if arrivals.get(_EVERYTHING, -1) <= loaded.revision:
            for key, value in loaded.entries.items():
                if arrivals.get(key, -1) <= loaded.revision:
                    self._entries[key] = value
        if seen > self._caught:
            self._caught, self._fresh_at = seen, now

    def _apply(self, loaded: _Loaded) -> None:
        if loaded.revision <= self._revision:
            return
        if loaded.changes is None:
            self._entries.clear()
            self._note_arrival(_EVERYTHING, loaded.revision)
        else:
            for change in loaded.changes:
                if change.revision > self._revision:
                    for key in _concerned(change):
                        self._entries.pop(key, None)
                        self._note_arrival(key, change.revision)
        self._revision = loaded.revision
        self._facts.clear()

    def _note_arrival(self, key: _Key, revision: int) -> None:
        for arrivals in self._arrivals:
            arrivals[key] = revision

    def _usable_seconds(self) -> int | None:
        seconds = self.stale_seconds
        return None if seconds is None or seconds > self._stale_limit or self._stale_limit == 0 else seconds

    # --- entries

    async def _get(self, key: _Key, *, remembered: bool) -> object:
        try:
            return await self._current(key)
        except UnavailableError:
            if remembered and key in self._entries and self._usable_seconds() is not None:
                return self._entries[key]
            raise

    async def _at_revision(self, key: _Key) -> object:
        # INVARIANT: what is held is valid at `revision`, and so are the facts that the caller decides with.
        value = self._touched(key)
        return await self._current(key) if value is _MISSING else value

    async def _current(self, key: _Key) -> object:
        for _ in range(ATTEMPTS):
            self._poll()
            await self._catch_up_to(self._seen)
            if key not in self._entries:
                await self._fetch(lambda transaction: {key: _load(transaction, key)})
            value = self._touched(key)
            if value is not _MISSING:
                self._trim()
                return value
        raise UnavailableError("facts change faster than they can be loaded: try again")

    def _missing_of(self, transaction: ReadTransaction, user: UserId) -> dict[_Key, object]:
        # May run on another thread, so it only looks: what is missed here is loaded at the next attempt.
        held = self._entries
        wanted: list[_Key] = [(_Part.USER, user), _ROLES, _RESOURCES, _LEVELS]
        entries = {key: _load(transaction, key) for key in wanted if key not in held}
        grants = entries.get((_Part.USER, user)) or held.get((_Part.USER, user))
        if isinstance(grants, UserGrants):
            for group in grants.groups:
                if (_Part.GROUP, group) not in held:
                    entries[_Part.GROUP, group] = _load(transaction, (_Part.GROUP, group))
        return entries

    def _assembled(self, user: UserId) -> Facts | None:
        facts = self._facts.get(user)
        if facts is not None:
            return facts
        grants = self._touched((_Part.USER, user))
        roles, resources, levels = self._touched(_ROLES), self._touched(_RESOURCES), self._touched(_LEVELS)
        if not isinstance(grants, UserGrants) or _MISSING in (roles, resources, levels):
            return None
        tables = [self._touched((_Part.GROUP, group)) for group in grants.groups]
        if _MISSING in tables:
            return None
        facts = Facts(
            tables=(grants.table, *cast("list[GrantTable]", tables)),
            roles=cast("RoleTable", roles),
            resources=cast("ResourceTable", resources),
            revision=self.revision,
            best_levels=loading.best_levels(cast("Mapping[ClientId, Level]", levels), None, self._methods),
        )
        if len(self._facts) >= self._capacity:
            self._facts.clear()
        self._facts[user] = facts
        return facts

    def _for_asker(self, facts: Facts, asker: ClientId | None) -> Facts:
        if asker is None or facts.best_levels[Method.EXTERNAL] is BEST_LEVELS[Method.EXTERNAL]:  # no client's is raised
            return facts
        levels = cast("Mapping[ClientId, Level]", self._entries.get(_LEVELS, {}))
        return replace(facts, best_levels=loading.best_levels(levels, asker, self._methods))

    def _touched(self, key: _Key) -> object:
        value = self._entries.get(key, _MISSING)
        if value is not _MISSING:
            self._entries.move_to_end(key)
        return value

    def _trim(self) -> None:
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
