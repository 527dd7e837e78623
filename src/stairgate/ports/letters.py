"""What messages say: texts in the reader's language, from the catalogues that the pages speak from."""

from __future__ import annotations

from typing import Protocol

from stairgate.model.challenges import Challenge
from stairgate.model.messages import News, Text
from stairgate.model.protection import Method


class Letters(Protocol):
    """
    Writes the messages of this service.

    Whatever others wrote must be harmless in it, and a code must not stand at the beginning, so that a locked screen
    rarely shows it (NIST SP 800-63B §3.1.3.2). The text for `sms` must be short. An unknown *locale* is English.
    """

    def challenge_code(
        self, challenge: Challenge, code: str, *, channel: Method, asked_by: str | None, locale: str | None
    ) -> Text:
        """Must name the access in the words of its page (semantics §7.3); *asked_by* is the client's name."""
        ...

    def enrolment_code(self, code: str, *, channel: Method, locale: str | None) -> Text:
        """Must say that this address is being added, and what to do where that is somebody else's doing."""
        ...

    def news(self, news: News, method: Method | None, *, channel: Method, locale: str | None) -> Text:
        """Must say what changed (of the factor of *method*) and whom to tell where it was not the user. No secret."""
        ...
