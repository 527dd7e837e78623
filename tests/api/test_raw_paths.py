"""
Attack 12 at the HTTP door: one path has one meaning, and no spelling of a path reaches another's access.

Routing is on the raw path; each segment is decoded exactly once (semantics §2.5).
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.api.door import Door, encoded

from stairgate.api.answers import Answer, empty_answer
from stairgate.api.call import Call, Route
from stairgate.api.routing import RouteTable, decode_once
from stairgate.model.errors import DomainError, InvalidInputError
from stairgate.model.protection import Requirement

pytestmark = pytest.mark.anyio

READ_A_B = "/v1/users/ann/resources/{}/permissions/read"


async def nothing(_call: Call) -> Answer:
    return empty_answer(204)


def route(path: str) -> Route:
    return Route("GET", path, nothing, path, "x", {204: None})


@pytest.mark.parametrize(
    ("resource", "status"),
    [
        ("a%2Fb", 200),
        ("%61%2fb", 200),  # an escape of a letter, and lower-case hexadecimal
        ("%2Fa%2Fb", 200),  # a leading and a trailing slash are insignificant (semantics §2.1)
        ("a%2Fb%2F", 200),
        ("a%2Fb%2Fc%2Fd", 200),
        ("a%2Fb%2F*", 200),
        ("a%2Fb%2F%2A", 200),
        ("a", 404),  # nothing flows upward
        ("a%2Fbc", 404),  # whole segments
        ("a%2FB", 404),  # case-sensitive
        ("A%2Fb", 404),
        ("a%2F*", 404),
        ("*", 404),
        ("a/b", 404),  # two segments: no route
        ("a%252Fb", 400),  # decoded once, this is `a%2Fb`, which is no URI
        ("a%2F..%2Fa%2Fb", 400),
        ("a%2F.%2Fb", 400),
        ("a%2F%2E%2E%2Fb", 400),
        ("a%2F%2Fb", 400),
        ("%2F%2Fa%2Fb", 400),
        ("a%2Fb%2F%2F", 400),
        ("..", 400),
        (".", 400),
        ("%2e%2e", 400),
        ("a%5Cb", 400),
        ("a%2Fb%00", 400),
        ("a%2Fb%0A", 400),
        ("a%2Fb%20", 400),
        ("a%2Fb%3F", 400),
        ("a%2Fb%23", 400),
        ("a%2Fb;x=1", 400),
        ("a%2F%EF%BD%82", 400),  # fullwidth b
        ("a%2F%D0%B1", 400),  # a Cyrillic letter
        ("a%2Fb%CC%81", 400),  # a combining accent
        ("a%2F%C3%28", 400),  # invalid UTF-8
        ("a%C0%AFb", 400),  # an overlong slash
        ("a%E0%80%AFb", 400),
        ("a%2Fb%ED%A0%80", 400),  # a surrogate
        ("a%2F%", 400),
        ("a%2F%2", 400),
        ("a%2F%G0", 400),
        ("a%2F%u0062", 400),
        ("%2F", 400),
        ("a%2F*%2Fb", 400),
        ("a%2Fb*", 400),
        ("a" * 513, 400),
        ("%2F".join("abcdefghijklmnop"), 400),  # sixteen segments
    ],
)
async def test_only_spellings_of_the_granted_resource_reach_it(door: Door, resource: str, status: int) -> None:
    await door.world.grant("ann", "a/b", "read")
    answered = await door.call("GET", READ_A_B.format(resource), bearer=await door.service())
    assert answered.status == status


@pytest.mark.parametrize("suffix", ["/", "?"])
async def test_a_trailing_slash_of_the_path_and_an_empty_query_change_nothing(door: Door, suffix: str) -> None:
    await door.world.grant("ann", "a/b", "read")
    answered = await door.call("GET", READ_A_B.format("a%2Fb") + suffix, bearer=await door.service())
    assert answered.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "//v1/users/ann/resources/a/permissions/read",
        "/v1//users/ann/resources/a/permissions/read",
        "/v1/users//resources/a/permissions/read",
        "/v1/users/ann/resources//permissions/read",
        "/v1/users/ann/resources/a/permissions/read//",
        "/V1/users/ann/resources/a/permissions/read",
        "/v1/Users/ann/resources/a/permissions/read",
        "/v1/%75sers/ann/resources/a/permissions/read",
        "/v1/users/ann/resources/a/b/permissions/read",
        "/x/../v1/users/ann/resources/a/permissions/read",
        "v1/users/ann/resources/a/permissions/read",
        "*",
        "",
    ],
)
async def test_other_paths_are_nothing(door: Door, path: str) -> None:
    await door.world.grant("ann", "a", "read")
    assert (await door.call("GET", path, bearer=await door.service())).status == 404


@pytest.mark.parametrize(
    ("user", "status"),
    [
        ("ann", 200),
        ("%61nn", 200),
        ("Ann", 404),
        ("ann%20", 404),
        ("ann%2F", 404),
        ("%C3%A4nn", 400),
        ("ann%0a", 400),
        ("..", 400),
        ("%2E.", 400),
        (".", 400),
    ],
)
async def test_a_user_is_who_is_meant_exactly(door: Door, user: str, status: int) -> None:
    await door.world.grant("ann", "a", "read")
    target = f"/v1/users/{user}/resources/a/permissions/read"
    assert (await door.call("GET", target, bearer=await door.service())).status == status


async def test_a_user_id_with_a_slash_is_one_segment(door: Door) -> None:
    await door.world.grant("org/ann", "a", "read")
    bearer = await door.service()
    assert (await door.check(bearer, "org/ann", "read", "a")).status == 200
    assert (await door.call("GET", "/v1/users/org/ann/resources/a/permissions/read", bearer=bearer)).status == 404


async def test_no_spelling_walks_around_a_mark(door: Door) -> None:
    """Attack 12: whatever is not refused as malformed is protected like the plain spelling."""
    await door.world.grant("ann", "a", "read")
    await door.world.protect("a/b", ("read", Requirement()))
    bearer = await door.service()
    for resource in ("a%2Fb", "%61%2Fb", "%2Fa%2Fb%2F", "a%2Fb%2Fc", "a%2F*", "a%2Fb%2F*"):
        assert (await door.call("GET", READ_A_B.format(resource), bearer=bearer)).status == 403, resource
    for action in ("read", "READ", "read%3Ax", "read%3A*", "%72ead"):
        target = f"/v1/users/ann/resources/a%2Fb/permissions/{action}"
        assert (await door.call("GET", target, bearer=bearer)).status == 403, action


@pytest.mark.parametrize(
    "raw",
    [b"%C0%AF", b"\xc0\xaf", b"%E0%80%AF", b"%ED%A0%80", b"%FF", b"a%C3", b"%F8%88%80%80%80", b"%00", b"%7F", b"\n"],
)
def test_what_is_not_utf_8_or_has_a_control_character_is_refused_not_repaired(raw: bytes) -> None:
    with pytest.raises(InvalidInputError):
        decode_once(raw, field="x")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_what_was_encoded_once_is_what_is_decoded(text: str) -> None:
    assert decode_once(encoded(text).encode(), field="x") == text


@given(st.binary())
def test_a_segment_is_decoded_or_refused_never_guessed(raw: bytes) -> None:
    try:
        text = decode_once(raw, field="x")
    except InvalidInputError:
        return
    assert decode_once(encoded(text).encode(), field="x") == text


@given(st.binary(max_size=200))
def test_any_path_is_a_route_or_a_plain_refusal(raw: bytes) -> None:
    table = RouteTable([route("/a/{b}/c"), route("/a")])
    try:
        found = table.find("GET", b"/a/" + raw)
    except DomainError:
        return
    assert set(found.parameters) <= {"b"}


@pytest.mark.parametrize(
    "paths",
    [
        ("/a/{x}", "/a/b"),
        ("/a/b", "/a/{x}"),
        ("/a/{x}", "/a/{y}"),
        ("/a", "/a"),
    ],
)
def test_a_table_in_which_a_path_could_mean_two_things_is_not_made(paths: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"stands where|twice"):
        RouteTable(map(route, paths))
