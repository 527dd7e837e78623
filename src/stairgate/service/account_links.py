"""Short-lived links to a user's account page, and the sessions that they are exchanged for (semantics §7.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stairgate.model.actions import parse_action
from stairgate.model.audit import Event
from stairgate.model.enrolment import LINK_SECONDS, AccountLink
from stairgate.model.errors import LimitReachedError, NotFoundError
from stairgate.model.ids import LinkId, UserId
from stairgate.model.resources import management_resource
from stairgate.model.tokens import Caller, ClientCaller, UserCaller, UserToken
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit
from stairgate.service.authentication import verify_user_token
from stairgate.service.context import Services
from stairgate.service.factor_rights import LINK_PURPOSE, Authority, is_stopped, known_link, link_id, live_link
from stairgate.service.guard import Guard
from stairgate.service.management import Written, writing
from stairgate.service.pages import MAX_SECRET_LENGTH, page_origin
from stairgate.service.user_tokens import require_user_id

ENROL = parse_action("StepUp:Enrol")
LINK_ID_BITS = 128
SECRET_BITS = 256
SESSION_SECONDS = 900
MAX_LINKS = 5  # live ones per user
ACCOUNT_PATH = "/account"
BACK = "back"  # what follows it where the browser comes back from a step-up
_FORM = "account form"


@dataclass(frozen=True, slots=True)
class CreatedLink:
    """A new link. SECURITY: *secret* and *uri* are shown once, to who asked."""

    secret: str
    uri: str
    expires_at: datetime
    enrols: bool

    def __repr__(self) -> str:
        return f"CreatedLink(expires_at={self.expires_at!r}, enrols={self.enrols})"


@dataclass(frozen=True, slots=True)
class AccountSession:
    """
    Who is on the account page, until when.

    *caller* is the user with the token that the link was made with; None where none was: then the page shows factors,
    and where *enrols* adds the first of a level. *secret* goes into a cookie.
    """

    user: UserId
    caller: UserCaller | None
    enrols: bool
    expires_at: datetime
    secret: str

    def __repr__(self) -> str:
        return f"AccountSession(user={self.user!r}, enrols={self.enrols})"  # SECURITY: never the secret

    @property
    def authority(self) -> Authority:
        """By what right this session changes factors: its link, where that adds one, else its token's elevations."""
        return Authority(self.caller, self.secret if self.enrols else None)


async def create_account_link(
    services: Services, caller: Caller, user: UserId, *, user_token: str | None = None
) -> CreatedLink:
    """
    A link to the account page of *user*, good once, for 15 minutes.

    The user's own token, or a service client that passes it, gets one that enters the page as that token, and enrols
    nothing by itself. An admin or client with `StepUp:Enrol` on `Authress:Users/{userId}` gets one that adds the first
    factor of a level, too.

    Raises:
        InvalidInputError: The user is a service client.
        UserTokenRefusedError: The passed token is not valid, or not the user's.
        NotFoundError: The caller has no right on the user.
        ForbiddenError: The caller has some right there, but not `StepUp:Enrol`.
        StepUpRefusedError: That right wants a step-up first.
        LimitReachedError: The user has five live links.
    """
    return (await make_account_link(services, caller, user, user_token=user_token)).value


async def make_account_link(
    services: Services, caller: Caller, user: UserId, *, user_token: str | None = None
) -> Written[CreatedLink]:
    """`create_account_link`, for a call that may be repeated: with all that its one transaction returns."""
    require_user_id(user)
    token = await _token(services, caller, user, user_token)
    id_ = LinkId(services.entropy.token(bits=LINK_ID_BITS))
    secret = f"{id_}.{services.entropy.token(bits=SECRET_BITS)}"
    digest = services.keys.digest(secret, purpose=LINK_PURPOSE)

    def run(transaction: WriteTransaction, guard: Guard) -> CreatedLink:
        now = guard.now
        resource = management_resource("Users", user)
        own = caller.principal == user
        enrols = not own and guard.has(ENROL, resource)
        if enrols or (not own and token is None):
            guard.require(ENROL, resource)
        _make_room(transaction, user, now)
        link = AccountLink(
            id=id_,
            user=user,
            digest=digest,
            made_by=audit.actor(caller),
            created_at=now,
            expires_at=_end(now, LINK_SECONDS, None if token is None else token.expires_at),
            token=None if token is None else token.key,
            token_expires_at=None if token is None else token.expires_at,
            enrols=enrols,
        )
        transaction.put_account_link(link)
        transaction.append_audit(audit.link_entry(Event.LINK_CREATED, link, by=link.made_by, at=now))
        uri = f"{page_origin(services)}{ACCOUNT_PATH}?link={secret}"
        return CreatedLink(secret, uri, link.expires_at, enrols)

    return await writing(services, caller, run)


async def enter_account(services: Services, secret: str) -> AccountSession:
    """
    Exchange a link for a session; the link is used up by it.

    Raises:
        NotFoundError: There is no such link, it was used, or its time is over. Which of these is not said.
    """
    fresh = f"{link_id(secret)}.{services.entropy.token(bits=SECRET_BITS)}"
    digest = services.keys.digest(fresh, purpose=LINK_PURPOSE)

    def run(transaction: WriteTransaction) -> AccountSession:
        now = services.clock.now()
        link = live_link(services, transaction, secret, now)
        if link is None or link.entered:
            raise NotFoundError("there is no such link, it was used, or its time is over: get a new one")
        ends = _end(now, SESSION_SECONDS, link.token_expires_at)
        entered = replace(link, entered=True, digest=digest, expires_at=ends)
        transaction.put_account_link(entered)
        transaction.append_audit(
            audit.link_entry(Event.LINK_ENTERED, entered, by=f"link {link.id}", at=now),
        )
        return _session(entered, fresh)

    return await services.store.write(run)


async def account_session(services: Services, secret: str) -> AccountSession:
    """
    The session that *secret* belongs to.

    Raises:
        NotFoundError: There is none, or its time is over.
    """

    def run(transaction: ReadTransaction) -> AccountSession:
        link = live_link(services, transaction, secret, services.clock.now())
        if link is None or not link.entered:
            raise NotFoundError("this page is closed: open it again from the application")
        return _session(link, secret)

    return await services.store.read(run)


async def was_stopped(services: Services, secret: str) -> bool:
    """Whether *secret* was that of a session until "this was not me" was said of its own token (semantics §7.7)."""

    def run(transaction: ReadTransaction) -> bool:
        link = known_link(services, transaction, secret, services.clock.now())
        return link is not None and is_stopped(transaction, link)

    return await services.store.read(run)


async def leave_account(services: Services, session: AccountSession) -> None:
    """End *session*: its secret opens nothing any more."""

    def run(transaction: WriteTransaction) -> None:
        now = services.clock.now()
        link = live_link(services, transaction, session.secret, now)
        if link is None:  # it is over already
            return
        transaction.remove_account_link(link.id)
        transaction.append_audit(audit.link_entry(Event.LINK_LEFT, link, by=f"link {link.id}", at=now))

    await services.store.write(run)


def account_return(services: Services) -> str:
    """Where the browser comes back to the account page from a step-up."""
    return f"{page_origin(services)}{ACCOUNT_PATH}/{BACK}"


def account_form_token(services: Services, session: AccountSession) -> str:
    """What a form of the page carries beside the cookie: another site knows neither (attack 24)."""
    return services.keys.digest(session.secret, purpose=_FORM)


def is_account_form_token(services: Services, session: AccountSession, token: str) -> bool:
    """Whether *token* is that of the forms of *session*, in constant time."""
    return len(token) <= MAX_SECRET_LENGTH and services.keys.matches(session.secret, token, purpose=_FORM)


def _session(link: AccountLink, secret: str) -> AccountSession:
    token = None if link.token is None else UserToken(link.user, link.token, link.token_expires_at)
    caller = None if token is None else UserCaller(token, page=link.id)
    return AccountSession(link.user, caller, link.enrols and not link.spent, link.expires_at, secret)


async def _token(services: Services, caller: Caller, user: UserId, passed: str | None) -> UserToken | None:
    match caller:
        case UserCaller():
            return caller.token if caller.token.user == user else None
        case ClientCaller():
            return None if passed is None else await verify_user_token(services, passed, user=user)


def _make_room(transaction: WriteTransaction, user: UserId, now: datetime) -> None:
    live = 0
    for link in transaction.account_links_of(user):
        if now >= link.expires_at:
            transaction.remove_account_link(link.id)
        else:
            live += not link.entered
    if live >= MAX_LINKS:
        raise LimitReachedError(f"the user has {MAX_LINKS} links that were not used: wait until one is over")


def _end(now: datetime, seconds: int, token_end: datetime | None) -> datetime:
    end = now + timedelta(seconds=seconds)
    return end if token_end is None else min(end, token_end)
