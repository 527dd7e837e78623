"""
Add a factor: begin it, then confirm that it works (semantics §7.6).

A factor that was begun is nothing yet: it is kept sealed for 15 minutes, and only whoever began it can confirm it.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b32encode, urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import segno

from stairgate.factors import passkey, recovery_code, totp
from stairgate.factors.addresses import address_of, masked
from stairgate.factors.delivered_code import CODE_DIGITS
from stairgate.model.canonical import JsonValue, base64url, canonical_json
from stairgate.model.challenges import CODE_SECONDS
from stairgate.model.enrolment import ENROLMENT_SECONDS, Enrolment
from stairgate.model.errors import (
    AlreadyExistsError,
    DeliveryFailedError,
    InvalidInputError,
    LimitReachedError,
    TooManyPromptsError,
)
from stairgate.model.evidence import AttemptCount, Factor
from stairgate.model.ids import EnrolmentId, FactorId, UserId
from stairgate.model.messages import News
from stairgate.model.protection import BEST_LEVELS, Level, Method
from stairgate.ports.store import WriteTransaction
from stairgate.service import messages
from stairgate.service.context import Services
from stairgate.service.factor_rights import Allowed, Authority, require_may_add
from stairgate.service.rehearsal import rehearse
from stairgate.service.stored_factors import passkey_in, recovery_purpose, seal_purpose, unsealed
from stairgate.service.storing_factors import MAX_FACTORS, MAX_NAME_LENGTH, add_factor
from stairgate.service.tell_user import Notice, notice_of, tell_user
from stairgate.service.user_tokens import require_user_id
from stairgate.stepup.limits import MAX_PROMPTS, PROMPT_WINDOW

NONCE_BYTES = 32
CODE_PURPOSE = "enrolment code"
_ENROLLED_HERE = frozenset({Method.TOTP, Method.PASSKEY, Method.RECOVERY, Method.EMAIL, Method.SMS})
_MESSAGES = "enrolment messages"  # under which the messages of a user's enrolments are counted
# What a factor of each method may turn out to prove, strongest first.
_LEVELS: Mapping[Method, tuple[Level, ...]] = {Method.PASSKEY: (Level.HARDWARE, Level.PHISHING_RESISTANT)}


@dataclass(frozen=True, slots=True)
class BeginCall:
    """*name* is what the user calls it, *address* where codes go to; *locale* is what the person reads."""

    method: Method
    name: str = ""
    address: str | None = None
    locale: str | None = None

    def __repr__(self) -> str:
        return f"BeginCall(method={self.method!r})"  # SECURITY: never the address


@dataclass(frozen=True, slots=True)
class Begun:
    """
    What the person needs to go on. SECURITY: seed, QR code and recovery codes are shown once, to nobody else.

    *qr_svg* is an inline SVG of *uri*. *public_key* is what goes to `navigator.credentials.create`. Recovery codes need
    no confirmation: then *factor* is there, and *enrolment* is not.
    """

    method: Method
    expires_at: datetime
    enrolment: EnrolmentId | None = None
    secret: str | None = None
    uri: str | None = None
    qr_svg: str | None = None
    public_key: Mapping[str, JsonValue] | None = None
    sent_to: str | None = None
    codes: tuple[str, ...] = ()
    factor: Factor | None = None

    def __repr__(self) -> str:
        return f"Begun(method={self.method!r}, enrolment={self.enrolment!r})"


async def begin_enrolment(services: Services, authority: Authority, user: UserId, call: BeginCall) -> Begun:
    """
    Begin to add a factor; what was begun before for this method is dropped.

    Raises:
        InvalidInputError: The user is a service client, the name is too long, or the method is not enrolled here.
        NotFoundError: The caller has no right on the user's factors, or the link is not live.
        ForbiddenError: The caller has some right there, but not this one; or the link adds no such factor.
        StepUpRefusedError: It takes an elevation of at least the factor's level first.
        LimitReachedError: The user has too many factors.
        AlreadyExistsError: The user has this address already.
        TooManyPromptsError: Three codes were sent for enrolments within 15 minutes.
        DeliveryFailedError: The code could not be sent; nothing is begun.
    """
    require_user_id(user)
    require_name(call.name)
    if call.method not in enrolled_here(services):
        offered = ", ".join(sorted(enrolled_here(services)))
        raise InvalidInputError("method", f"`{call.method}` cannot be added here: use one of {offered}")
    if call.method is Method.RECOVERY:
        return await _new_recovery_codes(services, authority, user, call)
    address = _address(call)
    id_ = EnrolmentId(services.entropy.token())
    code = services.entropy.digits(CODE_DIGITS)
    random = services.entropy.bytes(2 * NONCE_BYTES)

    def run(transaction: WriteTransaction) -> Begun:
        now = services.clock.now()
        allowed = require_may_begin(services, transaction, authority, user, call.method, now)
        secret: dict[str, JsonValue] = {"link": None if allowed.link is None else allowed.link.id}
        if call.method is Method.TOTP:
            begun = _begin_totp(services, user, random, secret)
        elif address is not None:
            _require_new(services, transaction, user, address, now)
            digest = services.keys.digest(bound_code(id_, code), purpose=CODE_PURPOSE)
            secret.update(address=address, digest=digest, codeEnds=int(now.timestamp()) + CODE_SECONDS)
            begun = Begun(call.method, now, sent_to=masked(address))
        else:
            begun = _begin_passkey(services, transaction, user, random, secret)
        ends = now + timedelta(seconds=ENROLMENT_SECONDS)
        if allowed.link is not None:
            ends = min(ends, allowed.link.expires_at)
        _drop(transaction, user, call.method, now)
        transaction.put_enrolment(
            Enrolment(
                id=id_,
                user=user,
                method=call.method,
                started_by=authority.actor,
                secret=services.keys.seal(canonical_json(secret).encode(), purpose=enrolment_purpose(id_)),
                name=call.name,
                most=allowed.most,
                first=allowed.link is not None,
                created_at=now,
                expires_at=ends,
            )
        )
        return replace(begun, enrolment=id_, expires_at=ends)

    begun = await services.store.write(run)
    if address is not None:
        await _send(services, call, id_, code, address)
    return begun


def enrolled_here(services: Services) -> frozenset[Method]:
    """The methods that a user can add as this service is configured."""
    passkeys = frozenset() if services.rules.party is not None else {Method.PASSKEY}
    return (services.rules.methods & _ENROLLED_HERE) - passkeys


def bound_code(enrolment: str, code: str) -> str:
    """What is hashed: the code together with its enrolment, so that it is good for that one only."""
    return f"{enrolment} {code}"


def _address(call: BeginCall) -> str | None:
    if call.method not in {Method.EMAIL, Method.SMS}:
        if call.address is not None:
            raise InvalidInputError("address", f"is not for `{call.method}`")
        return None
    if call.address is None:
        raise InvalidInputError("address", f"is required for `{call.method}`")
    return address_of(call.address, call.method)


def _require_new(services: Services, transaction: WriteTransaction, user: UserId, address: str, now: datetime) -> None:
    """
    Refuse an address that the user has, and a fourth message within 15 minutes; counts this one.

    Raises:
        AlreadyExistsError: The user has it.
        TooManyPromptsError: Enough was sent.
    """
    addresses = [each for each in transaction.factors_of(user) if each.method in {Method.EMAIL, Method.SMS}]
    if any(unsealed(services, factor).decode() == address for factor in addresses):
        raise AlreadyExistsError("this address is one of the user's factors already")
    before = transaction.attempts(user, _MESSAGES)
    left = 0.0 if before.last_failure_at is None else PROMPT_WINDOW - (now - before.last_failure_at).total_seconds()
    count = before.failures if left > 0 else 0
    if count >= MAX_PROMPTS:
        raise TooManyPromptsError(min(max(1, ceil(left)), PROMPT_WINDOW))
    transaction.set_attempts(user, _MESSAGES, AttemptCount(count + 1, now))


async def _send(services: Services, call: BeginCall, enrolment: EnrolmentId, code: str, address: str) -> None:
    message = messages.enrolment_code(services, code, channel=call.method, recipient=address, locale=call.locale)
    try:
        await services.senders[call.method].send(message)
    except DeliveryFailedError as error:
        await services.store.write(lambda transaction: transaction.remove_enrolment(enrolment))
        if error.address_refused:
            raise InvalidInputError("address", "is not taken by the mail server: check it") from None
        raise


def require_name(name: str) -> None:
    """
    Refuse a name that cannot be shown in a line.

    Raises:
        InvalidInputError: It is too long, or has characters that hide or reorder text.
    """
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidInputError("name", f"must have at most {MAX_NAME_LENGTH} characters, all of them visible")


def enrolment_purpose(enrolment: str) -> str:
    """What an enrolment's secret is sealed for."""
    return f"enrolment {enrolment}"


def secret_of(services: Services, enrolment: Enrolment) -> dict[str, Any]:
    """What *enrolment* keeps sealed."""
    unsealed = services.keys.unseal(enrolment.secret, purpose=enrolment_purpose(enrolment.id))
    value: dict[str, Any] = json.loads(unsealed)
    return value


def bytes_in(text: str) -> bytes:
    """The bytes that a sealed secret carries in base64url."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def require_may_begin(
    services: Services, transaction: WriteTransaction, authority: Authority, user: UserId, method: Method, now: datetime
) -> Allowed:
    """
    By what right *authority* may begin to add a factor of *method*.

    Raises:
        NotFoundError: The caller has no right on the user's factors, or the link is not live.
        ForbiddenError: The caller has some right there, but not this one; or the link adds no such factor.
        StepUpRefusedError: It takes an elevation first.
        LimitReachedError: The user has too many factors.
    """
    levels = _LEVELS.get(method) or (BEST_LEVELS[method],)
    allowed = require_may_add(services, transaction, authority, user, levels, now)
    if len(transaction.factors_of(user)) >= MAX_FACTORS:
        raise LimitReachedError(f"a user may have at most {MAX_FACTORS} factors: remove one first")
    return allowed


def _drop(transaction: WriteTransaction, user: UserId, method: Method, now: datetime) -> None:
    """Drop what was begun before: one enrolment of a method is enough, and expired ones are of no use."""
    for enrolment in transaction.enrolments_of(user):
        if enrolment.method is method or now >= enrolment.expires_at:
            transaction.remove_enrolment(enrolment.id)


def _begin_totp(services: Services, user: UserId, random: bytes, secret: dict[str, JsonValue]) -> Begun:
    seed = random[: totp.SECRET_BYTES]
    secret["seed"] = base64url(seed)
    uri = totp.provisioning_uri(seed, user=user, issuer=services.rules.name)
    qr_svg = segno.make(uri, error="m", micro=False).svg_inline(scale=4, border=4, light="#fff", omitsize=True)
    text = b32encode(seed).decode().rstrip("=")
    return Begun(Method.TOTP, services.clock.now(), secret=text, uri=uri, qr_svg=qr_svg)


def _begin_passkey(
    services: Services, transaction: WriteTransaction, user: UserId, random: bytes, secret: dict[str, JsonValue]
) -> Begun:
    party = services.rules.party
    if party is None:
        raise InvalidInputError("method", "`passkey` is not offered by this service")
    factors = [factor for factor in transaction.factors_of(user) if factor.method is Method.PASSKEY]
    known = tuple(passkey_in(services, factor) for factor in factors)
    challenge = random[:NONCE_BYTES]
    handle = known[0].user_handle if known else random[NONCE_BYTES:]
    secret["challenge"], secret["userHandle"] = base64url(challenge), base64url(handle)
    options = passkey.creation_options(party, challenge=challenge, user_handle=handle, user=user, known=known)
    return Begun(Method.PASSKEY, services.clock.now(), public_key=options)


async def _new_recovery_codes(services: Services, authority: Authority, user: UserId, call: BeginCall) -> Begun:
    """A new set in place of the old one, in force at once: there is nothing to confirm."""
    id_ = FactorId(services.entropy.token())
    codes = recovery_code.new_codes(services.entropy.bytes(recovery_code.RANDOM_BYTES))
    salts = [services.entropy.bytes(recovery_code.SALT_BYTES) for _ in codes]

    def may(transaction: WriteTransaction) -> Allowed:
        return require_may_begin(services, transaction, authority, user, Method.RECOVERY, services.clock.now())

    await rehearse(services, may)  # before the work of hashing, so that nobody has it done who may not

    def digest(text: str) -> str:
        return services.keys.digest(text, purpose=recovery_purpose(id_))

    def hash_all() -> str:
        pairs = zip(codes, salts, strict=True)
        return recovery_code.codes_text([recovery_code.stored_code(code, salt, digest=digest) for code, salt in pairs])

    text = await asyncio.to_thread(hash_all)
    sealed = services.keys.seal(text.encode(), purpose=seal_purpose(id_))

    def record(transaction: WriteTransaction) -> tuple[Begun, Notice]:
        now = services.clock.now()
        allowed = require_may_begin(services, transaction, authority, user, Method.RECOVERY, now)
        factor = Factor(id_, user, Method.RECOVERY, sealed, now, now, call.name, counter=0)
        stored = add_factor(services, transaction, factor, allowed.link, by=authority.actor, now=now)
        begun = Begun(Method.RECOVERY, now, codes=tuple(codes), factor=stored)
        return begun, notice_of(services, transaction, stored, News.ADDED)

    begun, notice = await services.store.write(record)
    await tell_user(services, notice)
    return begun
