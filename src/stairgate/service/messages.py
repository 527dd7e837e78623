"""Messages to people: whom each goes to and why; what it says is written by the catalogues (`ports.letters`)."""

from __future__ import annotations

from stairgate.model.challenges import Challenge
from stairgate.model.messages import Message, News, Purpose, Text
from stairgate.model.protection import Method
from stairgate.service.context import Services

MESSAGE_ID_BITS = 128


async def challenge_code(
    services: Services, challenge: Challenge, code: str, *, channel: Method, recipient: str, locale: str | None
) -> Message:
    """The message that carries the code of *challenge*, and says which access it is for."""
    asker = challenge.ticket.client
    known = None if asker is None else await services.facts.client(asker)
    name = known.name if known is not None and known.name else asker
    text = services.letters.challenge_code(challenge, code, channel=channel, asked_by=name, locale=locale)
    return _message(services, text, Purpose.CHALLENGE_CODE, channel=channel, recipient=recipient)


def enrolment_code(services: Services, code: str, *, channel: Method, recipient: str, locale: str | None) -> Message:
    """The message that proves that an address is the user's."""
    text = services.letters.enrolment_code(code, channel=channel, locale=locale)
    return _message(services, text, Purpose.ENROLMENT_CODE, channel=channel, recipient=recipient)


def notice(services: Services, news: News, method: Method | None, *, channel: Method, recipient: str) -> Message:
    """
    What the user is told of without having asked; of a factor its *method* alone. It holds no secret.

    SECURITY: never in a language that whoever made the change asked for: it could be one that the user cannot read.
    """
    text = services.letters.news(news, method, channel=channel, locale=None)
    purpose = Purpose.CAUTION_LIFTED if news is News.CAUTION_LIFTED else Purpose.FACTOR_CHANGED
    return _message(services, text, purpose, channel=channel, recipient=recipient)


def _message(services: Services, text: Text, purpose: Purpose, *, channel: Method, recipient: str) -> Message:
    return Message(
        id=services.entropy.token(bits=MESSAGE_ID_BITS),
        channel=channel,
        recipient=recipient,
        subject=text.subject,
        text=text.body,
        locale=text.locale,
        purpose=purpose,
    )
