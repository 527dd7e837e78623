"""Trusted issuers of user tokens: register and list (semantics §1; authress-contract §1.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from stairgate.model.actions import READ
from stairgate.model.audit import Event
from stairgate.model.clients import Issuer
from stairgate.model.errors import InvalidInputError
from stairgate.model.ids import CLIENT_PREFIX
from stairgate.model.jwk import ALGORITHMS
from stairgate.model.resources import management_resource
from stairgate.model.returns import return_uris
from stairgate.model.tokens import Caller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service.context import Services
from stairgate.service.drafts import IssuerDraft
from stairgate.service.guard import UPDATE, Guard
from stairgate.service.management import Written, reading, record_change, writing
from stairgate.service.user_tokens import prefix_of

CONFIGURATION = management_resource("Configuration")

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_ADDRESS = 512

# A prefix of characters that a user id can have, then one claim. What follows a claim could be part of its value.
_EXPRESSION = re.compile(r"[a-zA-Z0-9+._|/~:@-]{0,64}\{[A-Za-z0-9_:./-]{1,64}\}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9a-fA-F:.]{2,45}")


async def list_issuers(services: Services, caller: Caller) -> tuple[Issuer, ...]:
    """
    Every trusted issuer.

    Raises:
        ForbiddenError: The caller may not read them.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> tuple[Issuer, ...]:
        guard.require(READ, CONFIGURATION, hide=False)
        return tuple(transaction.issuers())

    return await reading(services, caller, run)


async def trust_issuer(services: Services, caller: Caller, draft: IssuerDraft) -> Written[Issuer]:
    """
    Accept the access tokens of an issuer from now on; one that is trusted already is replaced.

    Raises:
        ForbiddenError: The caller may not.
        InvalidInputError: An address or expression will not do, or users of two issuers could have one id.
    """
    issuer = _drafted(services, draft)

    def run(transaction: WriteTransaction, guard: Guard) -> Issuer:
        guard.require(UPDATE, CONFIGURATION, hide=False)
        known = transaction.issuers()
        _require_own_users(issuer, known)
        stored = next((other for other in known if other.issuer == issuer.issuer), None)
        transaction.put_issuer(issuer)
        record_change(transaction, guard, Event.ISSUER_CHANGED, key=issuer.issuer, before=stored, after=issuer)
        return issuer

    return await writing(services, caller, run)


def _drafted(services: Services, draft: IssuerDraft) -> Issuer:
    _require_address(draft.issuer, "issuer")
    if any(draft.issuer == origin or draft.issuer.startswith(f"{origin}/") for origin in services.rules.public_origins):
        raise InvalidInputError("issuer", "is this service itself, whose own tokens need no registration")
    if draft.keys_uri is not None:
        _require_address(draft.keys_uri, "jwksUri")
    if _EXPRESSION.fullmatch(draft.user_id_expression) is None:
        raise InvalidInputError("userIdExpression", "must be one claim in braces, or a prefix and one: `google|{sub}`")
    if draft.algorithms is not None and (not draft.algorithms or not draft.algorithms <= ALGORITHMS):
        raise InvalidInputError("algorithms", f"must be some of {', '.join(sorted(ALGORITHMS))}")
    issuer = Issuer(
        draft.issuer,
        draft.audience,
        draft.user_id_expression,
        keys_uri=draft.keys_uri,
        trust_acr=draft.trust_acr,
        return_uris=return_uris(draft.return_uris),
    )
    return issuer if draft.algorithms is None else replace(issuer, algorithms=draft.algorithms)


def _require_own_users(issuer: Issuer, known: Iterable[Issuer]) -> None:
    """No user of *issuer* may have the id of another issuer's user, or of a service client (semantics §1)."""
    own = prefix_of(issuer)
    if own and (own.startswith(CLIENT_PREFIX) or CLIENT_PREFIX.startswith(own)):
        raise InvalidInputError(
            "userIdExpression", f"its users could be taken for service clients (`{CLIENT_PREFIX}…`)"
        )
    for other in known:
        if other.issuer == issuer.issuer:
            continue
        theirs = prefix_of(other)
        if not own and not theirs:
            raise InvalidInputError(
                "userIdExpression",
                f"needs a prefix of its own, such as `name|{{sub}}`: bare ids are those of `{other.issuer}`",
            )
        if own and theirs and (own.startswith(theirs) or theirs.startswith(own)):
            raise InvalidInputError(
                "userIdExpression", f"its prefix and that of `{other.issuer}` must not begin with one another"
            )


def _require_address(text: str, field: str) -> None:
    """Refuse what is no plain `https` address; `http` is for this machine alone."""
    problem = "must be an `https` address without credentials, query or fragment (`http` only on this machine)"
    if not 1 <= len(text) <= MAX_ADDRESS or not text.isascii() or not text.isprintable() or set(text) & set(" \\?#@"):
        raise InvalidInputError(field, problem)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidInputError(field, problem) from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    if not secure or not host or _HOST.fullmatch(host) is None or port == 0:
        raise InvalidInputError(field, problem)
