"""Confirm a factor that was begun: prove once that it works, and it is the user's (semantics §7.6)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from stairgate.factors import delivered_code, passkey, totp
from stairgate.model.canonical import base64url
from stairgate.model.challenges import IssuedCode
from stairgate.model.enrolment import AccountLink, Enrolment
from stairgate.model.errors import (
    DomainError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    ProofRefusedError,
    WrongAnswerError,
)
from stairgate.model.evidence import Factor
from stairgate.model.ids import EnrolmentId, FactorId, LinkId, UserId
from stairgate.model.messages import News
from stairgate.model.protection import BEST_LEVELS, Method
from stairgate.ports.store import WriteTransaction
from stairgate.service.context import Services
from stairgate.service.enrolment import CODE_PURPOSE, bound_code, bytes_in, secret_of
from stairgate.service.factor_rights import Authority
from stairgate.service.stored_factors import seal_purpose
from stairgate.service.storing_factors import add_factor
from stairgate.service.tell_user import Notice, notice_of, tell_user

MAX_WRONG = 5
MAX_CODE_LENGTH = 64


@dataclass(frozen=True, slots=True)
class ConfirmCall:
    """A *code* of a new authenticator app, or what `navigator.credentials.create` returned."""

    code: str | None = None
    credential: Mapping[str, object] | None = None

    def __repr__(self) -> str:
        return "ConfirmCall()"  # SECURITY: never the code or credential


async def confirm_enrolment(
    services: Services, authority: Authority, user: UserId, enrolment: EnrolmentId, call: ConfirmCall
) -> Factor:
    """
    Confirm what was begun; the factor can be used once its hold is over.

    Raises:
        NotFoundError: The caller began no such factor for this user, or its time is over.
        InvalidInputError: The code or credential is missing.
        WrongAnswerError: It is wrong; a passkey has one attempt, a code five.
        ForbiddenError: The link that allowed it does so no more.
        AlreadyExistsError: This very passkey is registered already.
    """
    fresh = FactorId(services.entropy.token())

    def run(transaction: WriteTransaction) -> tuple[Factor, Notice] | DomainError:
        now = services.clock.now()
        found = next((each for each in transaction.enrolments_of(user) if each.id == enrolment), None)
        if found is None or found.started_by != authority.actor or now >= found.expires_at:
            return NotFoundError("there is no such enrolment, or its 15 minutes are over: begin again")
        secret = secret_of(services, found)
        passkeys = found.method is Method.PASSKEY
        _require_form(call, passkeys=passkeys)
        counted = replace(found, wrong_answers=found.wrong_answers + 1)
        left = 0 if passkeys else MAX_WRONG - counted.wrong_answers
        # Counted before it is looked at. Registration options are good for one attempt.
        if left > 0:
            transaction.put_enrolment(counted)
        else:
            transaction.remove_enrolment(found.id)
        try:
            factor = _verified(services, found, secret, call, fresh, now)
        except ProofRefusedError:
            return WrongAnswerError(left)
        transaction.remove_enrolment(found.id)
        link = _link(transaction, found, secret)
        stored = add_factor(services, transaction, factor, link, by=authority.actor, now=now)
        return stored, notice_of(services, transaction, stored, News.ADDED)

    outcome = await services.store.write(run)
    if isinstance(outcome, DomainError):
        raise outcome
    factor, notice = outcome
    await tell_user(services, notice)
    return factor


def _require_form(call: ConfirmCall, *, passkeys: bool) -> None:
    wanted, other = ("credential", "code") if passkeys else ("code", "credential")
    if (call.code if passkeys else call.credential) is not None:
        raise InvalidInputError(other, f"is not for this factor: send `{wanted}`")
    if (call.credential if passkeys else call.code) is None:
        raise InvalidInputError(wanted, "is required")
    if call.code is not None and len(call.code) > MAX_CODE_LENGTH:
        raise InvalidInputError("code", f"must have at most {MAX_CODE_LENGTH} characters")


def _link(transaction: WriteTransaction, enrolment: Enrolment, secret: Mapping[str, Any]) -> AccountLink | None:
    if not enrolment.first:
        return None
    link = transaction.account_link(LinkId(secret["link"]))
    if link is None:
        raise ForbiddenError("the link that allowed this is gone: get a new one")
    return link


def _verified(
    services: Services,
    enrolment: Enrolment,
    secret: Mapping[str, Any],
    call: ConfirmCall,
    fresh: FactorId,
    now: datetime,
) -> Factor:
    """
    The factor that was confirmed.

    Raises:
        ProofRefusedError: It was not.
    """
    if enrolment.method is Method.TOTP:
        seed = bytes_in(secret["seed"])
        evidence = totp.verify(seed, call.code or "", now=now, last_step=-1, factor=fresh, strict=False)
        counter = -1 if evidence.counter is None else evidence.counter
        return _factor(services, enrolment, fresh, seed, now, counter)
    if enrolment.method in {Method.EMAIL, Method.SMS}:
        return _confirmed_address(services, enrolment, secret, call.code or "", fresh, now)
    party = services.rules.party
    if enrolment.method is not Method.PASSKEY or party is None or call.credential is None:
        raise ProofRefusedError
    made = passkey.register(
        call.credential,
        challenge=bytes_in(secret["challenge"]),
        party=party,
        user_handle=bytes_in(secret["userHandle"]),
        most=enrolment.most,
    )
    # The id follows from the credential's, so that the store refuses to register one twice, whoever has it.
    id_ = FactorId(f"pk_{base64url(hashlib.sha256(made.passkey.credential_id).digest())}")
    return _factor(services, enrolment, id_, passkey.passkey_text(made.passkey).encode(), now, made.sign_count)


def _confirmed_address(
    services: Services, enrolment: Enrolment, secret: Mapping[str, Any], code: str, fresh: FactorId, now: datetime
) -> Factor:
    def matches(typed: str, digest: str) -> bool:
        return services.keys.matches(bound_code(enrolment.id, typed), digest, purpose=CODE_PURPOSE)

    issued = IssuedCode(secret["digest"], datetime.fromtimestamp(secret["codeEnds"], UTC), enrolment.method)
    delivered_code.verify(
        code, issued, now=now, matches=matches, method=enrolment.method, level=BEST_LEVELS[enrolment.method]
    )
    return _factor(services, enrolment, fresh, secret["address"].encode(), now, -1)


def _factor(
    services: Services, enrolment: Enrolment, id_: FactorId, secret: bytes, now: datetime, counter: int
) -> Factor:
    sealed = services.keys.seal(secret, purpose=seal_purpose(id_))
    return Factor(id_, enrolment.user, enrolment.method, sealed, now, now, enrolment.name, counter)
