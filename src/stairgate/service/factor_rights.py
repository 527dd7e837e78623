"""
Who may change a user's factors (semantics §7.6).

An elevation of at least the factor's level, on `Authress:Users/{userId}/factors`, action `UPDATE`: the user has that
access to their own, others by a grant. Or, for the first factor of a level, a link.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from stairgate.engine.grants import compile_grants
from stairgate.engine.resources import compile_resources
from stairgate.model.access import OWNER, Grant, ResourceConfiguration, ResourceMark
from stairgate.model.enrolment import AccountLink
from stairgate.model.errors import ForbiddenError, NotFoundError, StepUpRefusedError
from stairgate.model.ids import LinkId, RecordId, UserId
from stairgate.model.protection import AVAILABLE_METHODS, Device, Level, Method, Requirement
from stairgate.model.resources import ResourcePattern
from stairgate.model.tokens import Caller, ClientCaller, UserCaller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit
from stairgate.service.context import Services
from stairgate.service.eligible import factors_resource
from stairgate.service.guard import PAGE, UPDATE, Guard
from stairgate.service.loading import facts_in
from stairgate.service.stored_factors import level_of

LINK_PURPOSE = "account link"
_OWN = RecordId("own factors")  # the source of the grant that being the user amounts to
# Recovery codes never enrol (semantics §7.6).
_ENROLLING = frozenset(AVAILABLE_METHODS - {Method.RECOVERY})


@dataclass(frozen=True, slots=True)
class Authority:
    """
    By what right a factor is changed.

    *caller* is None on an account page that was entered without a user token: then *link* is all there is. *link* is
    the secret of a link, or of the session that it was exchanged for.
    """

    caller: Caller | None
    link: str | None = None

    def __repr__(self) -> str:
        return f"Authority(caller={self.caller!r})"  # SECURITY: never the link

    @property
    def actor(self) -> str:
        """Who acts, as entries and enrolments name them."""
        if self.caller is not None:
            return audit.actor(self.caller)
        return f"link {link_id(self.link or '')}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """*most* is the level that the right may give; *link* is the one that it came from, None for an elevation."""

    most: Level
    link: AccountLink | None = None


def link_id(secret: str) -> LinkId:
    """Which link *secret* belongs to."""
    return LinkId(secret.partition(".")[0])


def live_link(services: Services, transaction: ReadTransaction, secret: str, now: datetime) -> AccountLink | None:
    """The link, or session, whose secret this is; None where it is wrong, or its time or its token is over."""
    link = known_link(services, transaction, secret, now)
    return None if link is None or is_stopped(transaction, link) else link


def known_link(services: Services, transaction: ReadTransaction, secret: str, now: datetime) -> AccountLink | None:
    """The same, whatever became of its token."""
    link = transaction.account_link(link_id(secret))
    if link is None or not services.keys.matches(secret, link.digest, purpose=LINK_PURPOSE):
        return None
    return None if now >= link.expires_at else link


def is_stopped(transaction: ReadTransaction, link: AccountLink) -> bool:
    """Whether "this was not me" was said of the token that *link* was made with (semantics §7.7)."""
    return link.token is not None and transaction.standing(link.token).not_me


def require_may_add(
    services: Services,
    transaction: WriteTransaction,
    authority: Authority,
    user: UserId,
    levels: tuple[Level, ...],
    now: datetime,
) -> Allowed:
    """
    By what right a factor of one of *levels* may be added.

    Args:
        services: The application's.
        transaction: Where it will be added.
        authority: What the caller brings.
        user: Whose factor.
        levels: What it may turn out to prove, strongest first. The strongest that is allowed counts.
        now: The time.

    Raises:
        NotFoundError: The caller has no right on the user's factors.
        ForbiddenError: The caller has some right there, but not this one; or the link adds no factor of this level.
        StepUpRefusedError: It takes an elevation of the weakest of *levels*.
    """
    if authority.link is not None:
        return _by_link(services, transaction, authority, user, levels, now)
    for level in levels[:-1]:
        try:
            require_may_change(services, transaction, authority, user, level, now)
        except StepUpRefusedError:
            continue
        return Allowed(level)
    require_may_change(services, transaction, authority, user, levels[-1], now)
    return Allowed(levels[-1])


def require_may_change(
    services: Services,
    transaction: WriteTransaction,
    authority: Authority,
    user: UserId,
    level: Level,
    now: datetime,
) -> None:
    """
    Refuse whoever has no elevation of at least *level* on the factors of *user*, or no access to them.

    Raises:
        NotFoundError: The caller has no right there.
        ForbiddenError: The caller has some right there, but not `UPDATE`.
        StepUpRefusedError: It takes an elevation first.
    """
    caller = authority.caller
    if caller is None:
        raise ForbiddenError("this takes a step-up, which needs a user token: open the account page with one")
    resource = factors_resource(user)
    pattern = ResourcePattern(resource.segments)
    facts = facts_in(
        transaction,
        caller.principal,
        asker=caller.client if isinstance(caller, ClientCaller) else None,
        methods=services.rules.methods,
    )
    # What §7.6 asks stands beside the operator's own marks, and guards every grant, so that none goes around it.
    asked = ResourceConfiguration(pattern, marks=(ResourceMark((UPDATE,), _asked(caller, level)),))
    facts = replace(facts, resources=compile_resources([*transaction.resources(), asked]))
    if caller.principal == user:
        own = compile_grants([Grant(_OWN, 0, (pattern,), (OWNER.id,))])
        facts = replace(facts, tables=(*facts.tables, own))
    guard = Guard(services, caller, facts, transaction, now, writing=transaction)
    guard.require(UPDATE, resource)


def _asked(caller: Caller, level: Level) -> Requirement:
    """
    What it takes to change a factor of *level*.

    SECURITY: on the account page it is bound to that very session. The session acts for a token that whoever made the
    link has, too: a thief who mails the link must not have the elevation of the victim who goes on from there (attack
    9). So it is finished in the browser that asked, and helps nobody who comes with the token alone.
    """
    if isinstance(caller, UserCaller) and caller.page is not None:
        return Requirement(level, _ENROLLING, bind=frozenset({PAGE}), device=Device.SAME)
    return Requirement(level, _ENROLLING)


def require_first(
    services: Services, transaction: WriteTransaction, user: UserId, level: Level, link: AccountLink
) -> None:
    """
    Refuse to add by *link* what is not the first factor of its level, or what the link was used for already.

    Raises:
        ForbiddenError: It is so.
    """
    if link.spent:
        raise ForbiddenError("this link has added its factor already")
    if any(level_of(services, factor) >= level for factor in transaction.factors_of(user)):
        raise ForbiddenError("a link adds the first factor of a level: step up with the one there is to add another")


def _by_link(
    services: Services,
    transaction: WriteTransaction,
    authority: Authority,
    user: UserId,
    levels: tuple[Level, ...],
    now: datetime,
) -> Allowed:
    link = live_link(services, transaction, authority.link or "", now)
    if link is None or link.user != user:
        raise NotFoundError("there is no such link, or its time is over: get a new one")
    if isinstance(authority.caller, UserCaller) and authority.caller.principal != user:
        raise NotFoundError
    if not link.enrols:
        raise ForbiddenError("this link opens the account page only: a factor takes a step-up or an enrolment link")
    for level in levels:
        try:
            require_first(services, transaction, user, level, link)
        except ForbiddenError:
            if level is levels[-1]:
                raise
            continue
        return Allowed(level, link)
    raise ForbiddenError
