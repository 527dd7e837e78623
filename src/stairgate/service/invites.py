"""
Invites: made by somebody who may hand out what they give, accepted by a user (authress-contract §1.3, §2.6).

Whether the inviter may hand it out is asked twice: when the invite is made, and again when it is accepted, from the
facts of that moment. The step-up that a mark asks of the inviter was done when it was made; marks on what is handed out
guard it from whoever accepts.

**Where the access goes.** Equal statements have one home: the record whose id is made from them. It is made by the
first who accepts. Whoever accepts later joins it where that is safe: where it has exactly these statements for all
whom it names, so that nobody gains anything else. Where it has not, the invite's `conflictResolutionStrategy` decides:

- `GENERATE_NEW_RECORD`: a record of its own, with an unpredictable id.
- `UNSAFE_FORCE_MERGE`: the user and the statements are added to the record. All whom it names gain the statements, and
  the user all that it gives, so the inviter must be allowed to hand that out, too, and to change the record.
- `REPLACE_RECORD_DATA`: its users, groups and statements give way to the user and the invite's, which the inviter must
  be allowed to do. It fails where that would remove a protection.
- `SKIP_CHANGES`: nothing is done, and the invite is accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from stairgate.engine.weakening import weakened_in_record
from stairgate.model.access import AccessRecord, RecordStatus, Statement
from stairgate.model.actions import parse_action
from stairgate.model.audit import AuditDraft, Event
from stairgate.model.canonical import digest_of
from stairgate.model.documents import Document, requirement_document
from stairgate.model.errors import (
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    ProtectionWouldBeLostError,
    StepUpRefusedError,
    TooLargeError,
)
from stairgate.model.ids import CLIENT_PREFIX, ClientId, KeyId, RecordId, UserId
from stairgate.model.invites import ConflictResolution, Invite, invite_digest
from stairgate.model.resources import management_resource
from stairgate.model.tokens import Caller, ClientCaller, UserCaller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit
from stairgate.service.context import Services
from stairgate.service.drafts import StatementDraft
from stairgate.service.elevations import DELETE
from stairgate.service.guard import UPDATE, Guard
from stairgate.service.handing_out import require_for_record
from stairgate.service.kept_protection import statements_of
from stairgate.service.loading import facts_in
from stairgate.service.management import Written, reading, require_small, updated_at, writing
from stairgate.service.policy_documents import record_document
from stairgate.service.records import guarding as guarding_record
from stairgate.service.records import store_record
from stairgate.service.weakening import any_mark_stands, arms

INVITES = management_resource("Invites")
CREATE_INVITE = parse_action("Invites:Create")
DEFAULT_LIFE = timedelta(days=7)
SHORTEST_LIFE, LONGEST_LIFE = timedelta(minutes=5), timedelta(days=30)
ID_BITS = 160
MAX_ID = 256
MOST_USERS = 1000  # of a record (authress-contract §1.4)
_FORGOTTEN_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class InviteDraft:
    """An invite as it was written."""

    statements: tuple[StatementDraft, ...]
    conflict_resolution: ConflictResolution = ConflictResolution.GENERATE_NEW_RECORD
    expires_at: datetime | None = None  # None: after 7 days
    linked_user: UserId | None = None
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class KnownInvite:
    """An invite and its id, which only those have who were given it. SECURITY: the id is in no `repr`."""

    id: str = field(repr=False)
    invite: Invite


async def create_invite(services: Services, caller: Caller, draft: InviteDraft) -> Written[KnownInvite]:
    """
    Make an invite.

    Raises:
        ForbiddenError: The caller may not hand out what it gives, or not choose when it expires.
        StepUpRefusedError: The caller may, after a step-up.
        InvalidInputError: It would expire too soon or too late, or is for a service client.
        TooLargeError: It is larger than the record that it becomes may be.
    """
    key = f"inv_{services.entropy.token(bits=ID_BITS)}"
    if draft.linked_user is not None and draft.linked_user.startswith(CLIENT_PREFIX):
        raise InvalidInputError("linkedUserId", "must be a user: service clients accept no invites")

    def run(transaction: WriteTransaction, guard: Guard) -> KnownInvite:
        invite = Invite(
            digest=invite_digest(key),
            statements=statements_of(draft.statements, ()),
            conflict_resolution=draft.conflict_resolution,
            inviter=guard.user,
            created_at=guard.now,
            expires_at=_end(guard, draft.expires_at),
            linked_user=draft.linked_user,
            tenant=draft.tenant,
        )
        becomes = _fresh(invite, _home(invite.statements), UserId("nobody"), guard.now)
        require_small(record_document(becomes))
        require_for_record(transaction, guard, becomes, None)
        transaction.forget_invites(before=guard.now, most=_FORGOTTEN_AT_ONCE)
        transaction.put_invite(invite)
        _record(transaction, guard, invite, "created")
        return KnownInvite(key, invite)

    return await writing(services, caller, run)


async def read_invite(services: Services, caller: Caller, key: str) -> KnownInvite:
    """
    The invite. Whoever has its id may read it.

    Raises:
        NotFoundError: There is none that could still be accepted.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> KnownInvite:
        invite = _known(transaction, key, guard.now)
        if invite.accepted_by is not None:
            raise NotFoundError
        return KnownInvite(key, invite)

    return await reading(services, caller, run)


async def delete_invite(services: Services, caller: Caller, key: str) -> Written[None]:
    """
    Take an invite back. That is for who made it, and for those with `DELETE` on `Authress:Invites`.

    Raises:
        NotFoundError: There is none that could still be accepted.
        ForbiddenError: The caller may not.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> None:
        invite = _known(transaction, key, guard.now)
        if invite.accepted_by is not None:
            raise NotFoundError
        if guard.user != invite.inviter:
            guard.require(DELETE, INVITES, hide=False)
        transaction.remove_invite(invite.digest)
        _record(transaction, guard, invite, "deleted")

    return await writing(services, caller, run)


async def accept_invite(services: Services, caller: Caller, key: str) -> Written[None]:
    """
    Give the calling user what the invite gives. It can be done once; a repeat by the same user does nothing.

    Raises:
        NotFoundError: There is no such invite, it has expired, or somebody else has accepted it.
        ForbiddenError: The caller is no user, or not the one whom it is for; or whoever made it may not hand out what
            it gives any more.
        ProtectionWouldBeLostError: It is to replace a record, and a protection in that record would go.
    """
    if not isinstance(caller, UserCaller):
        raise ForbiddenError("an invite is accepted by a user, with the user's own access token")
    fresh = RecordId(f"rec_{services.entropy.token(bits=ID_BITS)}")

    def run(transaction: WriteTransaction, guard: Guard) -> None:
        invite = _known(transaction, key, guard.now)
        if invite.accepted_by is not None:
            if invite.accepted_by != guard.user:
                raise NotFoundError
            return
        if invite.linked_user not in {None, guard.user}:
            raise ForbiddenError("this invite is for another user: log in as the one who was invited")
        record = _settle(transaction, guard, invite, fresh) if invite.statements else None
        transaction.put_invite(replace(invite, accepted_by=guard.user))
        _record(transaction, guard, invite, "accepted", record)

    return await writing(services, caller, run)


def _settle(transaction: WriteTransaction, guard: Guard, invite: Invite, fresh: RecordId) -> RecordId | None:
    """Give the user what *invite* gives; returns the record that does, None for none."""
    inviter = _guard_of_inviter(transaction, guard, invite)
    home = _home(invite.statements)
    stands = transaction.record(home)
    if stands is None or stands.status is RecordStatus.DELETED:
        made = _fresh(invite, home, guard.user, guard.now, before=stands)
        return _hand_out(transaction, inviter, made, None, replacing=stands)
    if _is_safe(stands, invite, guard.user):
        return _hand_out(transaction, inviter, _joined(stands, guard, ()), stands)
    match invite.conflict_resolution:
        case ConflictResolution.GENERATE_NEW_RECORD:
            return _hand_out(transaction, inviter, _fresh(invite, fresh, guard.user, guard.now), None)
        case ConflictResolution.UNSAFE_FORCE_MERGE:
            _require_changeable(inviter, stands)
            return _hand_out(transaction, inviter, _joined(stands, guard, invite.statements), stands)
        case ConflictResolution.REPLACE_RECORD_DATA:
            _require_changeable(inviter, stands)
            made = _fresh(invite, home, guard.user, guard.now, before=stands)
            kept = replace(stands, users=made.users, groups=(), statements=made.statements)
            _require_protected(stands.statements, made.statements)
            return _hand_out(transaction, inviter, replace(kept, last_updated=made.last_updated), stands)
        case ConflictResolution.SKIP_CHANGES:
            return None


def _guard_of_inviter(transaction: WriteTransaction, guard: Guard, invite: Invite) -> Guard:
    """What the inviter may hand out now. The inviter is not here, so the guard cannot ask for a step-up."""
    if invite.inviter.startswith(CLIENT_PREFIX) and transaction.client(ClientId(invite.inviter)) is None:
        raise _lost()
    facts = facts_in(transaction, invite.inviter, methods=guard.services.rules.methods)
    # A service client hands out without a step-up (semantics §3), as somebody does who did theirs when inviting. What
    # is changed is recorded as the inviter's doing, by this invite; that it was accepted, as the user's.
    stand_in = ClientCaller(ClientId(invite.inviter), KeyId(f"invite:{invite.digest}"))
    return Guard(guard.services, stand_in, facts, transaction, guard.now, writing=transaction)


def _hand_out(
    transaction: WriteTransaction,
    inviter: Guard,
    record: AccessRecord,
    before: AccessRecord | None,
    *,
    replacing: AccessRecord | None = None,
) -> RecordId:
    try:
        require_for_record(transaction, inviter, record, before)
    except (ForbiddenError, NotFoundError):
        raise _lost() from None
    if weakened_in_record(before, record):
        raise ProtectionWouldBeLostError("a protection that the record has by now would be lost: ask for a new invite")
    if (
        not inviter.user.startswith(CLIENT_PREFIX)
        and arms(transaction, before, record)
        and any_mark_stands(transaction)
    ):
        raise ForbiddenError("this invite would arm a service client, which takes a step-up of whoever does it")
    store_record(transaction, inviter, record, before or replacing)
    return record.id


def _require_changeable(inviter: Guard, record: AccessRecord) -> None:
    try:
        inviter.require(UPDATE, guarding_record(record.id), admins=record.admins)
    except (StepUpRefusedError, ForbiddenError, NotFoundError):
        raise _lost() from None


def _lost() -> ForbiddenError:
    return ForbiddenError("whoever made this invite may not hand out what it gives: ask for another one")


def _require_protected(stood: Sequence[Statement], left: Sequence[Statement]) -> None:
    """Nobody is here who could be asked to step up, so what is replaced keeps every mark and condition that it had."""
    guarded = [_key(statement) for statement in stood if statement.step_up is not None or statement.when is not None]
    if not set(guarded) <= {_key(statement) for statement in left}:
        raise ProtectionWouldBeLostError("a protection in the record that this invite replaces would be lost")


def _is_safe(record: AccessRecord, invite: Invite, user: UserId) -> bool:
    """Whether *user* can join the record so that nobody gains anything but what the invite gives the user."""
    same = {_key(statement) for statement in record.statements} == {_key(each) for each in invite.statements}
    own = any(statement.users or statement.groups for statement in record.statements)
    return same and not own and (user in record.users or len(record.users) < MOST_USERS) and _is_small(record, user)


def _is_small(record: AccessRecord, user: UserId) -> bool:
    try:
        require_small(record_document(replace(record, users=(*record.users, user))))
    except TooLargeError:
        return False
    return True


def _joined(record: AccessRecord, guard: Guard, statements: Sequence[Statement]) -> AccessRecord:
    """*record* with the user and *statements*; of own users and groups of its statements, each is given all."""
    known = {_key(statement) for statement in record.statements}
    added = tuple(statement for statement in statements if _key(statement) not in known)
    own = [each for part in record.statements for each in part.users]
    groups = [each for part in record.statements for each in part.groups]
    return replace(
        record,
        users=tuple(dict.fromkeys((*record.users, *own, guard.user))),
        groups=tuple(dict.fromkeys((*record.groups, *groups))),
        statements=(*(replace(part, users=(), groups=()) for part in record.statements), *added),
        last_updated=updated_at(guard.now, record.last_updated),
    )


def _fresh(
    invite: Invite, key: RecordId, user: UserId, now: datetime, *, before: AccessRecord | None = None
) -> AccessRecord:
    return AccessRecord(
        id=key,
        name="Invited users",
        statements=invite.statements,
        users=(user,),
        admins=(invite.inviter,),
        last_updated=updated_at(now, None if before is None else before.last_updated),
    )


def _home(statements: Sequence[Statement]) -> RecordId:
    """The id of the record for exactly these statements, in whatever order."""
    return RecordId(f"inv:{digest_of(sorted(_key(statement) for statement in statements))}")


def _key(statement: Statement) -> str:
    mark = None if statement.step_up is None else requirement_document(statement.step_up)
    resources = sorted(str(pattern) for pattern in statement.resources)
    return digest_of([sorted(statement.roles), resources, mark, statement.when])


def _known(transaction: ReadTransaction, key: str, now: datetime) -> Invite:
    invite = transaction.invite(invite_digest(key)) if len(key) <= MAX_ID else None
    if invite is None or now >= invite.expires_at:
        raise NotFoundError
    return invite


def _end(guard: Guard, chosen: datetime | None) -> datetime:
    if chosen is None:
        return guard.now + DEFAULT_LIFE
    guard.require(CREATE_INVITE, INVITES, hide=False)
    if not SHORTEST_LIFE <= chosen - guard.now <= LONGEST_LIFE:
        raise InvalidInputError("expiryTime", "must be 5 minutes to 30 days from now")
    return chosen


def _record(
    transaction: WriteTransaction, guard: Guard, invite: Invite, change: str, record: RecordId | None = None
) -> None:
    facts: Document = {
        "change": change,
        "invite": invite.digest,
        "inviter": invite.inviter,
        "gives": _home(invite.statements),
        "record": record,
        "conflictResolution": invite.conflict_resolution.value,
        "expiresAt": invite.expires_at.isoformat(),
        "token": str(guard.caller.token.key),
        "elevations": list(guard.taken),
    }
    transaction.append_audit(AuditDraft(Event.INVITE_CHANGED, guard.now, audit.actor(guard.caller), facts))
