"""Attack 16 in a mail or text message: what others wrote stays what it is, a value in one line of ours (§7.3)."""

from __future__ import annotations

import pytest
from tests.unit.service_stepup.test_delivery import PAY, send, with_address
from tests.unit.service_stepup.world import World

from stairgate.model.challenges import ChallengeState
from stairgate.model.protection import Level, Method, Requirement
from stairgate.service.send_code import send_code

pytestmark = pytest.mark.anyio

HOSTILE = {
    "a line of its own": ("x\n\nYour code is safe with us. Call 0800.", "x\\u000a\\u000aYour code is safe"),
    "a carriage return": ("x\r\nBcc: thief@evil.example", "x\\u000d\\u000aBcc:"),
    "turned around": ("pay \u202e001\u202c", "pay \\u202e001\\u202c"),
    "kept apart": ("\u2066x\u2069", "\\u2066x\\u2069"),
    "invisible": ("a\u200bb\u00adc\ufeffd", "a\\u200bb\\u00adc\\ufeffd"),
    "control": ("a\x00b\x1b[2Jc\x7f", "a\\u0000b\\u001b[2Jc\\u007f"),
    "a placeholder": ("{code} {service} {access}", "{code} {service} {access}"),
    "another placeholder": ("%(code)s %s %", "%(code)s %s %"),
    "markup": ("<b>x</b> {{ 7*7 }}", "<b>x</b> {{ 7*7 }}"),
    "a name of the same look": ("p\u0430ypal", "p\u0430ypal"),
}


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("case", HOSTILE)
async def test_what_others_wrote_is_inert_in_a_message(world: World, case: str, locale: str) -> None:
    written, shown = HOSTILE[case]
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC, bind=frozenset({"to"}))))
    await with_address(world)
    ann = await world.login("ann")
    view = await world.open(ann, await world.refused(ann, "ann", *PAY, context={"to": written}))
    await send_code(world.services, ann, view.challenge.id, Method.EMAIL, locale=locale)
    (message,) = world.outbox.sent
    assert shown in message.text
    assert shown not in message.subject
    plain = await lines_of_a_harmless_message(world, locale)
    assert len(message.text.splitlines()) == plain, "a value makes no line"
    done = await world.answer(ann, view, world.outbox.code(), method=Method.EMAIL)  # there is one code, and it is ours
    assert done.challenge.state is ChallengeState.SATISFIED


async def lines_of_a_harmless_message(world: World, locale: str) -> int:
    ann = await world.login("ann")
    view = await world.open(ann, await world.refused(ann, "ann", *PAY, context={"to": "Acme"}))
    await send_code(world.services, ann, view.challenge.id, Method.EMAIL, locale=locale)
    return len(world.outbox.sent.pop().text.splitlines())


async def test_a_long_value_leaves_room_for_the_code(world: World) -> None:
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC, bind=frozenset({"to"}))))
    await with_address(world, Method.SMS)
    ann = await world.login("ann")
    view = await world.open(ann, await world.refused(ann, "ann", *PAY, context={"to": "x" * 1_500}))
    await send(world, ann, view, Method.SMS)
    (message,) = world.outbox.sent
    assert "x" * 30 in message.text
    assert "..." in message.text  # GSM has no other
    assert len(message.text) < 700
    assert world.outbox.code()
