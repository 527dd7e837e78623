"""
Attacks 12, 21 and 22, at random: no spelling of a check and no header beside it makes a 5xx or another decision.

Each request is written as an attacker might: escapes where none are needed, slashes of every kind, NUL, broken UTF-8,
too long, with headers that some servers believe. What it must be answered is worked out apart: a strict reading of the
grammar (authress-contract §1.2) and the reference oracle, both written from the text alone.
"""

from __future__ import annotations

import re
import string
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from tests.api.door import Door, base64url, encoded, open_door
from tests.reference.oracle import World, judge
from tests.reference.worlds import ASKED, GROUPS, NOW, RESOURCES, TOKENS, USERS, world

from stairgate.model.access import Group
from stairgate.model.actions import parse_action
from stairgate.model.decisions import Question, Reason
from stairgate.model.ids import UserId
from stairgate.model.resources import Resource

pytestmark = pytest.mark.anyio

WORLDS = 40
QUESTIONS = 60  # of each world
STATUS = {"allow": 200, "deny": 404, "step_up": 403}
PART = set(string.ascii_letters + string.digits + "-_.+=~|@")
PLAIN = string.ascii_letters + string.digits + "-._~"
MALFORMED = 400

# What may be done to the text of a segment before it is encoded ...
TEXTS = [
    "/", "//", "/.", "/..", "/../", "*", "/*", "/*/", "\x00", "\n", "\r\nX: y", " ", ":", ":x", "?", "#", ";", "%",
    "%2F", "%252F", "\\", "é", "\u202e", "ａ", "x" * 600, "/x" * 16, "'", '"', "<", "`", "~2F", "~",
]  # fmt: skip
# ... and to its bytes afterwards.
BYTES = [
    b"%FF",
    b"%C0%AF",
    b"%E0%80%AF",
    b"%ED%A0%80",
    b"%",
    b"%2",
    b"%GG",
    b"%u002F",
    b"%00",
    b"%0d%0a",
    b"%F5%80%80%80",
]

HEADERS = [
    (b"x-original-url", b"/health/live"),
    (b"x-rewrite-url", b"/health/live"),
    (b"x-http-method-override", b"DELETE"),
    (b"x-forwarded-host", b"evil.example"),
    (b"x-forwarded-prefix", b"/v1"),
    (b"x-forwarded-for", b"127.0.0.1"),
    (b"x-forwarded-user", b"sc_owner"),
    (b"forwarded", b"for=127.0.0.1;host=evil.example"),
    (b"accept", b"\xff\xfe"),
    (b"accept-language", b"," * 400),
    (b"cookie", b"a=" + b"b" * 4_000),
    (b"range", b"bytes=0-"),
    (b"if-none-match", b"*"),
    (b"expect", b"200-maybe"),
    (b"stairgate-admin", b"true"),
    (b"x-request-id", b"\x00\xff"),
]
REFUSED_HEADERS = [
    [(b"stairgate-context", base64url({})), (b"stairgate-context", base64url({}))],
    [(b"stairgate-context", base64url(b"[]"))],
    [(b"stairgate-context", base64url(b'{"a":1,"a":2}'))],
    [(b"stairgate-context", base64url(b"[" * 3_000))],
    [(b"stairgate-at-least", b"-1")],
    [(b"stairgate-at-least", b"9" * 4_000)],
    [(b"content-type", b"a"), (b"content-type", b"b")],
    [(b"host", b"a"), (b"host", b"b")],
]


def spelled(random: Random, text: str) -> bytes:
    """*text* as one path segment, in one of its many spellings."""
    eager = random.random() < 0.3
    out = bytearray()
    for byte in text.encode():
        if chr(byte) in PLAIN and not (eager and random.random() < 0.3):
            out.append(byte)
        else:
            out += (b"%%%02X" if random.random() < 0.7 else b"%%%02x") % byte
    return bytes(out)


def hostile(random: Random, text: str, chance: float) -> bytes:
    if random.random() < chance:
        at = random.choice([0, len(text), random.randint(0, len(text))])
        text = text[:at] + random.choice(TEXTS) + text[at:]
    raw = spelled(random, text)
    if random.random() < chance / 4:
        at = random.choice([0, len(raw)])
        raw = raw[:at] + random.choice(BYTES) + raw[at:]
    return raw


def read(raw: bytes) -> str | None:
    """One segment, decoded once and strictly; None if it is none."""
    if re.fullmatch(rb"(?:[^%\x00-\x20\x7f-\xff/?#]|%[0-9A-Fa-f]{2})+", raw) is None:
        return None
    data = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), raw)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if any(character < " " or character == "\x7f" for character in text) else text


def resource_of(text: str) -> Resource | None:
    """The checked URI, character by character."""
    if len(text) > 512:
        return None
    text = text.removeprefix("/").removesuffix("/")
    segments = text.split("/")
    children = segments[-1] == "*"
    if children:
        segments.pop()
    if not text or len(segments) > 15:
        return None
    for segment in segments:
        parts = segment.split(":")
        if segment in {"", ".", ".."} or not parts[0] or any(len(part) > 128 or set(part) - PART for part in parts):
            return None
    return Resource(tuple(segments), children)


def action_is_one(text: str) -> bool:
    parts = text.split(":")
    if parts[-1] == "*":
        parts.pop()
    return 0 < len(text) <= 64 and all(re.fullmatch(r"[a-zA-Z0-9_-]+", part) for part in parts)


def user_is_one(text: str) -> bool:
    return re.fullmatch(r"[a-zA-Z0-9+._|/~:@\s-]{1,128}", text) is not None and not re.search(r"[^\S ]", text)


def expected(facts: World, raw: Sequence[bytes], token: bool) -> tuple[int, Reason | None]:
    """The status and reason for these three segments."""
    user, resource, action = (read(segment) for segment in raw)
    if user is None or resource is None or action is None:
        return MALFORMED, None
    node = resource_of(resource)
    if node is None or not action_is_one(action) or not user_is_one(user):
        return MALFORMED, None
    question = Question(UserId(user), node, parse_action(action), TOKENS[0] if token else None, {})
    verdict = judge(facts, question, [], NOW)
    return STATUS[verdict.outcome], verdict.reason


async def put(door: Door, facts: World) -> None:
    groups = [Group(each, each, tuple(user for user in USERS if each in facts.groups_of[user])) for each in GROUPS]

    def run(transaction: object) -> None:
        for role in facts.roles:
            transaction.put_role(role)  # type: ignore[attr-defined]
        for record in facts.records:
            transaction.put_record(record)  # type: ignore[attr-defined]
        for group in groups:
            transaction.put_group(group)  # type: ignore[attr-defined]
        for configuration in facts.configurations:
            transaction.put_resource(configuration)  # type: ignore[attr-defined]

    await door.world.services.store.write(run)


@pytest.mark.parametrize("seed", range(WORLDS))
async def test_no_spelling_makes_another_decision(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    facts = world(random)
    async for door in open_door("memory", tmp_path):
        await put(door, facts)
        bearer = await door.service()
        tokens = {user: door.world.token(user).encode() for user in USERS}
        seen: set[int] = set()
        for _ in range(QUESTIONS):
            user, token = random.choice(USERS), random.random() < 0.6
            raw = [hostile(random, user, 0.1), hostile(random, random.choice(RESOURCES), 0.5)]
            raw.append(hostile(random, random.choice(ASKED), 0.2))
            headers = random.sample(HEADERS, random.randint(0, 4))
            status, reason = expected(facts, raw, token)
            if token:
                headers.append((b"stairgate-user-token", tokens[user]))
                decoded = read(raw[0])
                if status != MALFORMED and decoded != user:
                    status, reason = 403, None  # somebody else's token is refused for every access
            if random.random() < 0.1:
                headers += random.choice(REFUSED_HEADERS)
                status, reason = MALFORMED, None
            target = b"/v1/users/%b/resources/%b/permissions/%b" % tuple(raw)
            answered = await door.call("GET", target, bearer=bearer, headers=headers)
            seen.add(answered.status)
            assert answered.status == status, (target, headers, answered)
            if reason is not None:
                assert answered.json["reason"] == reason.value, (target, answered)
        assert not door.instruments.failures
        assert {200, 403, 404, 400} >= seen >= {400}


# The official expression for a URI tries every way to cut a run of letters before it says no: each four letters more
# cost Python ten times as much. 25 of them are 1.75 s there (authress-contract §1.2).
EXPONENTIAL = [
    *("a" * length + "!" for length in (25, 60, 128, 500)),
    *("a" * length + "*!" for length in (25, 100)),
    *("a:" * length + "!" for length in (12, 60, 250)),
    *("a/" * length + "!" for length in (14, 200)),
    ":" * 511 + "!",
    "a" + ":" * 500 + "!",
    "*" * 511 + "!",
    "/".join(["a" * 30] * 15) + "!",
    "a" * 100_000 + "!",
]


@pytest.mark.parametrize("text", EXPONENTIAL, ids=range(len(EXPONENTIAL)))
async def test_what_takes_the_official_expression_seconds_is_answered_in_less_than_a_millisecond(
    text: str, door: Door
) -> None:
    """The quickest of a few tries: a busy machine can only make one slower."""
    bearer = await door.service()
    target = b"/v1/users/ann/resources/%b/permissions/read" % encoded(text).encode()
    quickest = 1.0
    for _ in range(20):
        begun = time.perf_counter()
        answered = await door.call("GET", target, bearer=bearer)
        quickest = min(quickest, time.perf_counter() - begun)
        assert answered.status == MALFORMED
    assert quickest < 0.001
