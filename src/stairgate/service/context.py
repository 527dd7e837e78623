"""What every use case is handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from stairgate.model.ids import AccountId
from stairgate.model.passkeys import RelyingParty
from stairgate.model.protection import AVAILABLE_METHODS, Method
from stairgate.ports.clock import Clock
from stairgate.ports.delivery import Sender
from stairgate.ports.entropy import Entropy
from stairgate.ports.keys import IssuerKeys, KeyRing, Signer
from stairgate.ports.letters import Letters
from stairgate.ports.store import Store
from stairgate.service.facts import FactCache
from stairgate.service.notices import Notices


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings that use cases obey."""

    public_origins: tuple[str, ...]  # scheme://host[:port]; the first is the service's own name in what it signs
    stale_limit: int = 10  # seconds that an unprotected check may be answered while the store is away; 0: never
    factor_hold: int = 0  # seconds before a factor that is not the user's first can be used
    totp_strict: bool = False  # accept the current time step only (ASVS 6.5.5), not the one before it
    methods: frozenset[Method] = AVAILABLE_METHODS  # those that are configured
    name: str = "Stairgate"  # what people know the service as
    party: RelyingParty | None = None  # whose passkeys; None: this service has no name that passkeys could be bound to
    dev: bool = False  # the built-in test identity provider is trusted


@dataclass(frozen=True, slots=True)
class Services:
    """An instance lives as long as the application does."""

    account: AccountId
    store: Store
    clock: Clock
    entropy: Entropy
    keys: KeyRing
    signer: Signer
    test_issuer: Signer | None  # only with `dev`
    issuer_keys: IssuerKeys
    facts: FactCache
    rules: Rules
    letters: Letters
    senders: Mapping[Method, Sender] = field(default_factory=lambda: MappingProxyType({}))  # `email`, `sms`
    token_cache: dict[str, object] = field(default_factory=dict)
    notices: Notices = field(default_factory=Notices)  # who waits for a change of which challenge
