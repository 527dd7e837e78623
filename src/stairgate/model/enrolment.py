"""What is under way before a factor exists, and the short-lived links that let it begin (semantics §7.6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stairgate.model.ids import EnrolmentId, LinkId, UserId
from stairgate.model.protection import Level, Method
from stairgate.model.tokens import TokenKey

ENROLMENT_SECONDS = 900
LINK_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Enrolment:
    """
    A factor that was begun and not confirmed. *secret* is sealed by the key ring; what it holds depends on the method.

    *started_by* alone may confirm it. *most* is the level that whoever allowed it may give. *first* says that it was
    allowed by a link, which gives the first factor of a level only.
    """

    id: EnrolmentId
    user: UserId
    method: Method
    started_by: str
    secret: bytes
    name: str
    most: Level
    first: bool
    created_at: datetime
    expires_at: datetime
    wrong_answers: int = 0

    def __repr__(self) -> str:
        return f"Enrolment(id={self.id!r}, user={self.user!r}, method={self.method!r})"  # SECURITY: never the secret


@dataclass(frozen=True, slots=True)
class AccountLink:
    """
    A link to a user's account page, and then the session that it was exchanged for.

    *digest* is the keyed hash of its one secret, which is another one once it was *entered*. *token* is the user token
    that it was made with, None where none was. *enrols*: it may add the first factor of a level, once: *spent* then.
    """

    id: LinkId
    user: UserId
    digest: str
    made_by: str
    created_at: datetime
    expires_at: datetime
    token: TokenKey | None = None
    token_expires_at: datetime | None = None
    enrols: bool = False
    entered: bool = False
    spent: bool = False

    def __repr__(self) -> str:
        return f"AccountLink(id={self.id!r}, user={self.user!r})"
