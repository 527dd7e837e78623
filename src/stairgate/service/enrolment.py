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
from typing import Any

import segno

from stairgate.factors import passkey, recovery_code, totp
from stairgate.model.canonical import JsonValue, base64url, canonical_json
from stairgate.model.enrolment import ENROLMENT_SECONDS, Enrolment
from stairgate.model.errors import InvalidInputError, LimitReachedError
from stairgate.model.evidence import Factor
from stairgate.model.ids import EnrolmentId, FactorId, UserId
from stairgate.model.protection import BEST_LEVELS, Level, Method
from stairgate.ports.store import WriteTransaction
from stairgate.service.context import Services
from stairgate.service.factor_rights import Allowed, Authority, require_may_add
from stairgate.service.stored_factors import passkey_in, recovery_purpose, seal_purpose
from stairgate.service.storing_factors import MAX_FACTORS, MAX_NAME_LENGTH, add_factor
from stairgate.service.user_tokens import require_user_id

NONCE_BYTES = 32
_ENROLLED_HERE = frozenset({Method.TOTP, Method.PASSKEY, Method.RECOVERY})
# What a factor of each method may turn out to prove, strongest first.
_LEVELS: Mapping[Method, tuple[Level, ...]] = {Method.PASSKEY: (Level.HARDWARE, Level.PHISHING_RESISTANT)}


@dataclass(frozen=True, slots=True)
class BeginCall:
    """*name* is what the user calls it."""

    method: Method
    name: str = ""


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
    """
    require_user_id(user)
    require_name(call.name)
    if call.method not in services.rules.methods & _ENROLLED_HERE:
        offered = ", ".join(sorted(services.rules.methods & _ENROLLED_HERE))
        raise InvalidInputError("method", f"`{call.method}` cannot be added here: use one of {offered}")
    if call.method is Method.RECOVERY:
        return await _new_recovery_codes(services, authority, user, call)
    id_ = EnrolmentId(services.entropy.token())
    random = services.entropy.bytes(2 * NONCE_BYTES)

    def run(transaction: WriteTransaction) -> Begun:
        now = services.clock.now()
        allowed = _require(services, transaction, authority, user, call.method, now)
        secret: dict[str, JsonValue] = {"link": None if allowed.link is None else allowed.link.id}
        if call.method is Method.TOTP:
            begun = _begin_totp(services, user, random, secret)
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

    return await services.store.write(run)


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


def _require(
    services: Services, transaction: WriteTransaction, authority: Authority, user: UserId, method: Method, now: datetime
) -> Allowed:
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
        return _require(services, transaction, authority, user, Method.RECOVERY, services.clock.now())

    await services.store.write(may)  # before the work of hashing, and again in the transaction that it is for

    def digest(text: str) -> str:
        return services.keys.digest(text, purpose=recovery_purpose(id_))

    def hash_all() -> str:
        pairs = zip(codes, salts, strict=True)
        return recovery_code.codes_text([recovery_code.stored_code(code, salt, digest=digest) for code, salt in pairs])

    text = await asyncio.to_thread(hash_all)
    sealed = services.keys.seal(text.encode(), purpose=seal_purpose(id_))

    def run(transaction: WriteTransaction) -> Begun:
        now = services.clock.now()
        allowed = _require(services, transaction, authority, user, Method.RECOVERY, now)
        factor = Factor(id_, user, Method.RECOVERY, sealed, now, now, call.name, counter=0)
        stored = add_factor(services, transaction, factor, allowed.link, by=authority.actor, now=now)
        return Begun(Method.RECOVERY, now, codes=tuple(codes), factor=stored)

    return await services.store.write(run)
