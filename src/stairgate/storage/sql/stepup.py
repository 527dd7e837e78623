"""Factors, challenges and elevations in SQL."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, or_, select, update

from stairgate.model.challenges import Challenge, ChallengeState, TokenStanding
from stairgate.model.elevations import Elevation, EndReason
from stairgate.model.errors import ConflictError
from stairgate.model.evidence import AttemptCount, Factor
from stairgate.model.ids import ChallengeId, ClientId, ElevationId, FactorId, UserId
from stairgate.model.protection import Method
from stairgate.model.tokens import TokenKey
from stairgate.ports.store import TakenUse
from stairgate.storage.sql import tables as t
from stairgate.storage.sql.dialects import add, number, put, text
from stairgate.storage.sql.documents import (
    maybe_micros,
    maybe_time_of,
    micros,
    reader,
    time_of,
    token_text,
)
from stairgate.storage.sql.journal import JournalReads, JournalWrites
from stairgate.storage.sql.session import Row
from stairgate.storage.sql.stepup_documents import (
    ChallengeRow,
    ElevationRow,
    challenge_of,
    challenge_text,
    elevation_of,
    elevation_text,
)

_ID = text("row_id")
_USER = text("of_user")
_TOKEN = text("of_token")
_SINCE = number("since")

_FACTORS_OF = select(t.factors).where(t.factors.c.user_id == _USER).order_by(t.factors.c.created_at, t.factors.c.id)
_ADD_FACTOR = add(t.factors)
# Only forwards here, too: a smaller counter comes from an older state.
_REPLACE_FACTOR = (
    update(t.factors)
    .where(
        t.factors.c.id == _ID,
        t.factors.c.user_id == _USER,
        t.factors.c.method == text("of_method"),
        t.factors.c.counter <= number("new_counter"),
    )
    .values(
        secret=bindparam("new_secret"),
        usable_from=number("new_usable_from"),
        name=text("new_name"),
        counter=number("new_counter"),
        last_used_at=number("used_at"),
        disabled=number("now_disabled"),
    )
)
_REMOVE_FACTOR = delete(t.factors).where(t.factors.c.id == _ID)
_SET_FACTOR_DISABLED = update(t.factors).where(t.factors.c.id == _ID).values(disabled=number("now_disabled"))
# Replay protection: only forwards (attack 4).
_ADVANCE_FACTOR = (
    update(t.factors)
    .where(t.factors.c.id == _ID, t.factors.c.counter < number("new_counter"))
    .values(counter=number("new_counter"), last_used_at=number("used_at"))
)
_ATTEMPTS = select(t.attempts.c.failures, t.attempts.c.last_failure_at).where(
    t.attempts.c.user_id == _USER, t.attempts.c.factor == text("of_factor")
)
_PUT_ATTEMPTS = put(t.attempts)
_STANDING = select(t.standings.c.wrong_answers, t.standings.c.barred_until, t.standings.c.not_me).where(
    t.standings.c.token == _TOKEN
)
_PUT_STANDING = put(t.standings)

_CHALLENGE = select(t.challenges).where(t.challenges.c.id == _ID)
_CHALLENGE_OF_TICKET = (
    select(t.challenges)
    .join_from(t.tickets, t.challenges, t.tickets.c.challenge_id == t.challenges.c.id)
    .where(t.tickets.c.id == _ID)
)
_LIVE = sorted(state.value for state in ChallengeState if state.live)
_CHALLENGES_OF_TOKEN = (
    select(t.challenges)
    .where(t.challenges.c.token == _TOKEN, or_(*(t.challenges.c.state == state for state in _LIVE)))
    .order_by(t.challenges.c.opened_at, t.challenges.c.id)
)
_CHALLENGES_OF_USER = (
    select(t.challenges)
    .where(t.challenges.c.user_id == _USER, t.challenges.c.opened_at >= _SINCE)
    .order_by(t.challenges.c.opened_at, t.challenges.c.id)
)
# The index gives them in this order, so that little more than the limit is read.
_NEWEST_CHALLENGES_OF = (
    select(t.challenges)
    .where(t.challenges.c.user_id == _USER)
    .order_by(t.challenges.c.opened_at.desc(), t.challenges.c.id.desc())
    .limit(number("most"))
)
_ADD_CHALLENGE = add(t.challenges)
# Compare and set: from exactly the version before.
_REPLACE_CHALLENGE = (
    update(t.challenges)
    .where(t.challenges.c.id == _ID, t.challenges.c.version == number("version_before"))
    .values(
        {name: bindparam(f"new_{name}") for name in ("user_id", "token", "state", "opened_at", "version", "document")}
    )
)
_TICKET = select(t.tickets.c.challenge_id).where(t.tickets.c.id == _ID)
_ADD_TICKET = add(t.tickets)

_ELEVATION = select(t.elevations).where(t.elevations.c.id == _ID)
# The one read of a check that needs an elevation.
_ELEVATIONS_OF_TOKEN = (
    select(t.elevations)
    .where(t.elevations.c.token == _TOKEN, t.elevations.c.user_id == _USER, t.elevations.c.expires_at > _SINCE)
    .order_by(t.elevations.c.issued_at, t.elevations.c.id)
)
_ELEVATIONS_OF_USER = (
    select(t.elevations)
    .where(
        t.elevations.c.user_id == _USER,
        t.elevations.c.expires_at > _SINCE,
        t.elevations.c.ended_at.is_(None),
        or_(t.elevations.c.uses_left.is_(None), t.elevations.c.uses_left > 0),
    )
    .order_by(t.elevations.c.issued_at, t.elevations.c.id)
)
_ADD_ELEVATION = add(t.elevations)
# Check and consume in one (attack 6).
_TAKE_USE = (
    update(t.elevations)
    .where(
        t.elevations.c.id == _ID,
        t.elevations.c.uses_left > 0,
        t.elevations.c.ended_at.is_(None),
        t.elevations.c.expires_at > _SINCE,
    )
    .values(uses_left=t.elevations.c.uses_left - 1)
    .returning(*t.elevations.c)
)
_END_ELEVATION = (
    update(t.elevations)
    .where(t.elevations.c.id == _ID, t.elevations.c.ended_at.is_(None))
    .values(ended_at=number("at"), end_reason=text("reason"))
)
_TAKEN_USE = select(t.taken_uses).where(
    t.taken_uses.c.client_id == text("of_client"), t.taken_uses.c.key == text("of_key")
)
_PUT_TAKEN_USE = put(t.taken_uses)


class StepUpReads(JournalReads):
    """The reading half."""

    def factors_of(self, user: UserId) -> Sequence[Factor]:
        return [_factor_of(row) for row in self._session.all(_FACTORS_OF, of_user=user)]

    def attempts(self, user: UserId, factor: str) -> AttemptCount:
        row = self._session.first(_ATTEMPTS, of_user=user, of_factor=factor)
        return AttemptCount() if row is None else AttemptCount(row[0], maybe_time_of(row[1]))

    def standing(self, token: TokenKey) -> TokenStanding:
        row = self._session.first(_STANDING, of_token=token_text(token))
        return TokenStanding() if row is None else TokenStanding(row[0], maybe_time_of(row[1]), bool(row[2]))

    def challenge(self, challenge: ChallengeId) -> Challenge | None:
        row = self._session.first(_CHALLENGE, row_id=challenge)
        return None if row is None else challenge_of(ChallengeRow(*row))

    def challenge_of_ticket(self, ticket: str) -> Challenge | None:
        row = self._session.first(_CHALLENGE_OF_TICKET, row_id=ticket)
        return None if row is None else challenge_of(ChallengeRow(*row))

    def challenges_of_token(self, token: TokenKey) -> Sequence[Challenge]:
        rows = self._session.all(_CHALLENGES_OF_TOKEN, of_token=token_text(token))
        return [challenge_of(ChallengeRow(*row)) for row in rows]

    def challenges_of_user(self, user: UserId, *, since: datetime) -> Sequence[Challenge]:
        rows = self._session.all(_CHALLENGES_OF_USER, of_user=user, since=micros(since))
        return [challenge_of(ChallengeRow(*row)) for row in rows]

    def newest_challenges_of(self, user: UserId, *, most: int) -> Sequence[Challenge]:
        rows = self._session.all(_NEWEST_CHALLENGES_OF, of_user=user, most=max(most, 0))
        return [challenge_of(ChallengeRow(*row)) for row in rows]

    def elevation(self, elevation: ElevationId) -> Elevation | None:
        row = self._session.first(_ELEVATION, row_id=elevation)
        return None if row is None else elevation_of(ElevationRow(*row))

    def elevations_of_token(self, user: UserId, token: TokenKey, *, since: datetime) -> Sequence[Elevation]:
        rows = self._session.all(_ELEVATIONS_OF_TOKEN, of_token=token_text(token), of_user=user, since=micros(since))
        return [elevation_of(ElevationRow(*row)) for row in rows]

    def elevations_of_user(self, user: UserId, *, now: datetime) -> Sequence[Elevation]:
        rows = self._session.all(_ELEVATIONS_OF_USER, of_user=user, since=micros(now))
        return [elevation_of(ElevationRow(*row)) for row in rows]

    def taken_use(self, client: ClientId, key: str) -> TakenUse | None:
        row = self._session.first(_TAKEN_USE, of_client=client, of_key=key)
        if row is None:
            return None
        of_client, of_key, fingerprint, elevation, taken_at = row
        return TakenUse(of_client, of_key, fingerprint, elevation, time_of(taken_at))


@reader
def _factor_of(row: Row) -> Factor:
    factor, user, method, secret, created_at, usable_from, name, counter, last_used_at, disabled = row
    return Factor(
        id=factor,
        user=user,
        method=Method(method),
        secret=secret,
        created_at=time_of(created_at),
        usable_from=time_of(usable_from),
        name=name,
        counter=counter,
        last_used_at=maybe_time_of(last_used_at),
        disabled=bool(disabled),
    )


class StepUpWrites(StepUpReads, JournalWrites):
    """The writing half."""

    def put_factor(self, factor: Factor) -> None:
        added = self._session.run(
            _ADD_FACTOR,
            id=factor.id,
            user_id=factor.user,
            method=factor.method.value,
            secret=factor.secret,
            created_at=micros(factor.created_at),
            usable_from=micros(factor.usable_from),
            name=factor.name,
            counter=factor.counter,
            last_used_at=maybe_micros(factor.last_used_at),
            disabled=int(factor.disabled),
        )
        if not added:
            raise ConflictError("the factor's id is taken")

    def replace_factor(self, factor: Factor) -> None:
        replaced = self._session.run(
            _REPLACE_FACTOR,
            row_id=factor.id,
            of_user=factor.user,
            of_method=factor.method.value,
            new_secret=factor.secret,
            new_usable_from=micros(factor.usable_from),
            new_name=factor.name,
            new_counter=factor.counter,
            used_at=maybe_micros(factor.last_used_at),
            now_disabled=int(factor.disabled),
        )
        if not replaced:
            raise ConflictError("the factor has changed meanwhile")

    def remove_factor(self, factor: FactorId) -> None:
        self._session.run(_REMOVE_FACTOR, row_id=factor)

    def set_factor_disabled(self, factor: FactorId, *, disabled: bool) -> None:
        self._session.run(_SET_FACTOR_DISABLED, row_id=factor, now_disabled=int(disabled))

    def advance_factor(self, factor: FactorId, *, counter: int, at: datetime) -> None:
        if not self._session.run(_ADVANCE_FACTOR, row_id=factor, new_counter=counter, used_at=micros(at)):
            raise ConflictError("this code, or a later one, was used already")

    def set_attempts(self, user: UserId, factor: str, count: AttemptCount) -> None:
        self._session.run(
            _PUT_ATTEMPTS,
            user_id=user,
            factor=factor,
            failures=count.failures,
            last_failure_at=maybe_micros(count.last_failure_at),
        )

    def set_standing(self, token: TokenKey, standing: TokenStanding) -> None:
        self._session.run(
            _PUT_STANDING,
            token=token_text(token),
            wrong_answers=standing.wrong_answers,
            barred_until=maybe_micros(standing.barred_until),
            not_me=int(standing.not_me),
        )

    def add_challenge(self, challenge: Challenge) -> None:
        if self._session.first(_TICKET, row_id=challenge.ticket.id) is not None:
            raise ConflictError("this challenge token has opened a challenge already")
        added = self._session.run(
            _ADD_CHALLENGE,
            id=challenge.id,
            user_id=challenge.ticket.user,
            token=token_text(challenge.ticket.token),
            state=challenge.state.value,
            opened_at=micros(challenge.opened_at),
            version=challenge.version,
            document=challenge_text(challenge),
        )
        if not added:
            raise ConflictError("the challenge's id is taken")
        self.join_challenge(challenge.ticket.id, challenge.id)

    def join_challenge(self, ticket: str, challenge: ChallengeId) -> None:
        stands_for = self._session.first(_TICKET, row_id=ticket)
        if stands_for == (challenge,):
            return
        known = self._session.first(_CHALLENGE, row_id=challenge) is not None
        if stands_for is not None or not known or not self._session.run(_ADD_TICKET, id=ticket, challenge_id=challenge):
            raise ConflictError("this challenge token stands for another challenge")

    def replace_challenge(self, challenge: Challenge) -> None:
        replaced = self._session.run(
            _REPLACE_CHALLENGE,
            row_id=challenge.id,
            version_before=challenge.version - 1,
            new_user_id=challenge.ticket.user,
            new_token=token_text(challenge.ticket.token),
            new_state=challenge.state.value,
            new_opened_at=micros(challenge.opened_at),
            new_version=challenge.version,
            new_document=challenge_text(challenge),
        )
        if not replaced:
            raise ConflictError("the challenge has changed meanwhile")

    def add_elevation(self, elevation: Elevation) -> None:
        added = self._session.run(
            _ADD_ELEVATION,
            id=elevation.id,
            user_id=elevation.user,
            token=token_text(elevation.token),
            challenge_id=elevation.challenge,
            issued_at=micros(elevation.issued_at),
            expires_at=micros(elevation.expires_at),
            uses_left=elevation.uses_left,
            ended_at=maybe_micros(elevation.ended_at),
            end_reason=None if elevation.end_reason is None else elevation.end_reason.value,
            document=elevation_text(elevation),
        )
        if not added:
            raise ConflictError("the challenge has its elevation already")

    def take_use(self, elevation: ElevationId, *, now: datetime) -> Elevation:
        row = self._session.first(_TAKE_USE, row_id=elevation, since=micros(now))
        if row is None:
            raise ConflictError("the elevation has no use left")
        return elevation_of(ElevationRow(*row))

    def end_elevation(self, elevation: ElevationId, *, at: datetime, reason: EndReason) -> bool:
        return bool(self._session.run(_END_ELEVATION, row_id=elevation, at=micros(at), reason=reason.value))

    def put_taken_use(self, use: TakenUse) -> None:
        self._session.run(
            _PUT_TAKEN_USE,
            client_id=use.client,
            key=use.key,
            fingerprint=use.fingerprint,
            elevation_id=use.elevation,
            taken_at=micros(use.taken_at),
        )
