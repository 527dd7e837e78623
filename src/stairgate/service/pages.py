"""
What lets a browser see a challenge, and what ties it to the app that asked (semantics §7.2, §7.8).

The page secret and the match code are keyed hashes of the challenge's own unpredictable id. So nothing in the store can
be turned into a page's address, and a repeat of the opening gives both again.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit, urlunsplit

from stairgate.model.challenges import RETURN_SECONDS, Challenge, IssuedReturn
from stairgate.model.errors import InvalidInputError
from stairgate.model.ids import ChallengeId
from stairgate.service.context import Services

PAGES_PATH = "/step-up"
PAGE_SECRET_PARAMETER = "key"  # of the page's address; the page takes it out at once  # noqa: S105
MATCH_DIGITS = 4
RETURN_CODE_BITS = 256
MAX_SECRET_LENGTH = 128

_PAGE, _FORM, _MATCH, _RETURN = "page secret", "page form", "match code", "return code"


def page_secret(services: Services, challenge: ChallengeId) -> str:
    """What whoever has the page of *challenge* holds. It shows the challenge and proves nothing."""
    return services.keys.digest(challenge, purpose=_PAGE)


def is_page_secret(services: Services, challenge: ChallengeId, secret: str) -> bool:
    """Whether *secret* is that of the page of *challenge*, in constant time."""
    return len(secret) <= MAX_SECRET_LENGTH and services.keys.matches(challenge, secret, purpose=_PAGE)


def page_uri(services: Services, challenge: Challenge) -> str | None:
    """The address of the page, with its secret; None where it has none."""
    if not challenge.has_page:
        return None
    query = urlencode({PAGE_SECRET_PARAMETER: page_secret(services, challenge.id)})
    return f"{page_origin(services)}{PAGES_PATH}/{challenge.id}?{query}"


def page_origin(services: Services) -> str:
    """Where pages are: the first public origin on which passkeys work, or else the first."""
    origins, party = services.rules.public_origins, services.rules.party
    hosts = [urlsplit(origin).hostname or "" for origin in origins]
    for origin, host in zip(origins, hosts, strict=True):
        if party is not None and (host == party.id or host.endswith(f".{party.id}")):
            return origin
    return origins[0]


def form_token(services: Services, challenge: ChallengeId) -> str:
    """What a form of the page carries beside the cookie: another site knows neither (attack 24)."""
    return services.keys.digest(challenge, purpose=_FORM)


def is_form_token(services: Services, challenge: ChallengeId, token: str) -> bool:
    """Whether *token* is that of the forms of *challenge*, in constant time."""
    return len(token) <= MAX_SECRET_LENGTH and services.keys.matches(challenge, token, purpose=_FORM)


def match_code(services: Services, challenge: ChallengeId) -> str:
    """The number that the app shows and the person types on the page."""
    hashed = hashlib.sha256(services.keys.digest(challenge, purpose=_MATCH).encode()).digest()
    return f"{int.from_bytes(hashed[:8], 'big') % 10**MATCH_DIGITS:0{MATCH_DIGITS}}"


def stored_match(services: Services, challenge: ChallengeId) -> str:
    """What is stored in place of the match code."""
    return services.keys.digest(_bound(challenge, match_code(services, challenge)), purpose=_MATCH)


def shown_match(services: Services, challenge: Challenge) -> str | None:
    """The match code for the opener; None where there is none, or the key that it came from has been rotated away."""
    code = match_code(services, challenge.id)
    return code if is_match(services, challenge, code) else None


def is_match(services: Services, challenge: Challenge, typed: str) -> bool:
    """Whether *typed* is the challenge's match code; blanks between digits do not count."""
    if challenge.match is None:
        return False
    return services.keys.matches(_bound(challenge.id, typed.replace(" ", "")), challenge.match, purpose=_MATCH)


def return_pass(
    services: Services, challenge: ChallengeId, code: str, now: datetime, *, once: bool, amr: tuple[str, ...]
) -> IssuedReturn:
    """What is stored in place of the return code *code*."""
    digest = services.keys.digest(_bound(challenge, code), purpose=_RETURN)
    return IssuedReturn(digest, now + timedelta(seconds=RETURN_SECONDS), once, amr)


def is_return_code(services: Services, challenge: Challenge, code: str) -> bool:
    """Whether *code* is the challenge's return code, in constant time."""
    issued = challenge.returning
    return issued is not None and services.keys.matches(_bound(challenge.id, code), issued.digest, purpose=_RETURN)


def return_address(challenge: Challenge, code: str | None) -> str | None:
    """
    Where the answering browser goes: the registered address with the code, the challenge and the caller's state.

    Without a *code* it says what the challenge is about and nothing more: the way back from a decline.
    """
    opening = challenge.opening
    if opening.return_uri is None:
        return None
    added = {"code": code, "challengeId": challenge.id, "state": opening.state}
    parts = urlsplit(opening.return_uri)
    query = urlencode({name: value for name, value in added.items() if value is not None})
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))


def require_no_match(challenge: Challenge) -> None:
    """Raises `InvalidInputError` where a match code cannot count."""
    if challenge.ticket.requirement.device is not None:
        raise InvalidInputError("matchCode", "does not count here: it is to be finished on the device that asked")


def _bound(challenge: ChallengeId, code: str) -> str:
    return f"{challenge} {code}"
