"""`If-Unmodified-Since`, in the forms that clients send (authress-contract §4.5; RFC 9110 §13.1.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from stairgate.model.errors import InvalidInputError, PreconditionFailedError

FIELD = "If-Unmodified-Since"
MAX_LENGTH = 40

_IMF_FIXDATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.(\d{1,9}))?(?:[Zz]|[+-]\d{2}:?\d{2})")
_MILLI = 3  # digits of a fraction


@dataclass(frozen=True, slots=True)
class UnmodifiedSince:
    """The state that the caller saw: not changed after *moment*, which is known to *precision*."""

    moment: datetime
    precision: timedelta

    def require(self, last_updated: datetime | None) -> None:
        """
        Let pass only what was not changed since.

        Raises:
            PreconditionFailedError: It was.
        """
        if last_updated is None:
            return
        micros = self.precision // timedelta(microseconds=1)
        seen = last_updated.replace(microsecond=last_updated.microsecond // micros * micros if micros < 10**6 else 0)
        if seen > self.moment:
            raise PreconditionFailedError(last_updated)


def unmodified_since(text: str | None) -> UnmodifiedSince | None:
    """
    The condition that the header field *text* states: an HTTP date, or ISO 8601 with `Z` or an offset.

    Raises:
        InvalidInputError: It is neither. To ignore it, as RFC 9110 would, could overwrite what another wrote.
    """
    if text is None:
        return None
    try:
        if len(text) <= MAX_LENGTH and _IMF_FIXDATE.fullmatch(text) is not None:
            return UnmodifiedSince(parsedate_to_datetime(text).astimezone(UTC), timedelta(seconds=1))
        iso = _ISO.fullmatch(text) if len(text) <= MAX_LENGTH else None
        if iso is not None:
            moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
            return UnmodifiedSince(moment, _precision(iso[1]))
    except (ValueError, OverflowError):
        pass
    raise InvalidInputError(FIELD, "must be a time such as 2030-01-31T12:00:00.000Z, or an HTTP date")


def _precision(fraction: str | None) -> timedelta:
    if not fraction:
        return timedelta(seconds=1)
    return timedelta(milliseconds=1) if len(fraction) <= _MILLI else timedelta(microseconds=1)
