"""
Attacks 21 and 22 at the HTTP door: whatever bytes arrive, the answer is a 4xx in the one shape, never a 5xx.
"""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api.door import Door, base64url

from stairgate.api.call import Route, invalid_member
from stairgate.api.routes import ROUTES
from stairgate.model.documents import requirement_of
from stairgate.model.errors import InvalidInputError
from stairgate.model.ids import ClientId

pytestmark = pytest.mark.anyio

CORPUS = {
    "repeated member": b'{"stepUpChallengeToken":"a","stepUpChallengeToken":"b"}',
    "repeated member by escape": b'{"stepUpChallengeToken":"a","stepUpChallenge\\u0054oken":"b"}',
    "repeated member inside": b'{"stepUpChallengeToken":{"a":1,"a":2}}',
    "big integer": b'{"stepUpChallengeToken":9007199254740993}',
    "huge integer": b'{"stepUpChallengeToken":' + b"9" * 5000 + b"}",
    "long fraction": b'{"stepUpChallengeToken":0.1234567890123456789}',
    "infinite": b'{"stepUpChallengeToken":1e999}',
    "NaN": b'{"stepUpChallengeToken":NaN}',
    "Infinity": b'{"stepUpChallengeToken":-Infinity}',
    "deep list": b"[" * 100_000 + b"]" * 100_000,
    "deep object": b'{"a":' * 33 + b"1" + b"}" * 33,
    "cut off": b'{"stepUpChallengeToken":"a',
    "two documents": b'{"stepUpChallengeToken":"a"}{}',
    "invalid UTF-8": b'{"stepUpChallengeToken":"\xff"}',
    "overlong UTF-8": b'{"stepUpChallengeToken":"\xc0\xaf"}',
    "UTF-16": '{"stepUpChallengeToken":"a"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"stepUpChallengeToken":"a"}',
    "lone surrogate": b'{"stepUpChallengeToken":"\\ud800"}',
    "NUL": b'{"stepUpChallengeToken":"a\x00"}',
    "comment": b'{"stepUpChallengeToken":"a"/**/}',
    "trailing comma": b'{"stepUpChallengeToken":"a",}',
    "single quotes": b"{'stepUpChallengeToken':'a'}",
    "null": b"null",
    "a string": b'"stepUpChallengeToken"',
    "a number": b"0",
    "nothing but blanks": b"   ",
    "prototype": b'{"__proto__":{"stepUpChallengeToken":"a"}}',
    "only unknown": b'{"\\u0000":1}',
    "long member": b'{"' + b"a" * 200_000 + b'":1}',
    "long token": b'{"stepUpChallengeToken":"' + b"a" * 200_000 + b'"}',
}


WITH_BODY = [(route.method, re.sub(r"\{[^}]+\}", "x", route.path), route) for route in ROUTES if route.request]


async def owner(door: Door) -> str:
    return await door.service("owner", ("*", "*"))


@pytest.mark.parametrize("route", WITH_BODY, ids=lambda each: f"{each[0]} {each[2].path}")
async def test_a_body_that_parsers_read_differently_is_refused_by_every_route(
    door: Door, route: tuple[str, str, Route]
) -> None:
    method, target, _ = route
    bearer = await owner(door)
    for name, body in CORPUS.items():
        answered = await door.call(method, target, raw=body, bearer=bearer)
        assert answered.status in {400, 404, 413, 422}, name
        assert len(answered.body) < 2_000
        assert {"title", "errorCode", "errorId"} <= set(answered.json) or "error" in answered.json
    assert not door.instruments.failures


@pytest.mark.parametrize("name", CORPUS)
async def test_a_context_that_parsers_read_differently_is_refused(door: Door, name: str) -> None:
    await door.world.grant("ann", "a", "read")
    header = (b"stairgate-context", base64url(CORPUS[name])[:6_000])
    answered = await door.check(await door.service(), "ann", "read", "a", headers=[header])
    if name in {"prototype", "only unknown"}:  # objects like any other, to a context
        assert answered.status == 200
    else:
        assert (answered.status, answered.json["field"]) == (400, "Stairgate-Context")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b"e30",
        b"e30=",
        b"e31",
        b"eyJ9",
        b"e30==x",
        b"a" * 6_000,
        b"\xff",
        b"e+30",
        b"=",
        b"e3",
        b"e",
        b"e30\t=",
    ],
)
async def test_a_context_has_one_spelling(door: Door, value: bytes) -> None:
    await door.world.grant("ann", "a", "read")
    answered = await door.check(await door.service(), "ann", "read", "a", headers=[(b"stairgate-context", value)])
    assert answered.status == (200 if value in {b"e30", b"e30="} else 400)


@pytest.mark.parametrize("size", [4_096, 4_097])
async def test_a_context_has_at_most_4_kib_of_json(door: Door, size: int) -> None:
    await door.world.grant("ann", "a", "read")
    context = b'{"a":"' + b"x" * (size - 8) + b'"}'
    header = (b"stairgate-context", base64url(context))
    answered = await door.check(await door.service(), "ann", "read", "a", headers=[header])
    assert answered.status == (200 if size == 4_096 else 400)


TOKENS = [
    b"",
    b".",
    b"..",
    b"a.b.c",
    b"eyJhbGciOiJub25lIn0.e30.",  # alg none
    b"eyJhbGciOiJIUzI1NiJ9.e30.AA",
    base64url({"alg": "EdDSA", "kid": "../../etc/passwd"}) + b".e30.AA",
    base64url({"alg": "EdDSA", "jku": "https://evil.example/keys"}) + b".e30.AA",
    base64url({"alg": "EdDSA", "crit": ["x"]}) + b".e30.AA",
    b"a" * 20_000,
    b"\x00",
    "é".encode(),
    b"a.b.c.d.e",
    b"....................",
    b"Bearer a.b.c",
]


@pytest.mark.parametrize("token", TOKENS)
async def test_a_hostile_token_is_refused_in_every_place(door: Door, token: bytes) -> None:
    """Attack 21: as bearer 401, as user token 400 or 403, as challenge token 400."""
    bearer = await door.service()
    answered = await door.call("GET", "/v1/challenges/x", headers=[(b"authorization", b"Bearer " + token)])
    assert answered.status == 401
    answered = await door.check(bearer, "ann", "read", "a", headers=[(b"stairgate-user-token", token)])
    assert answered.status in {400, 403}
    if answered.status == 403:
        assert answered.code == "UserTokenRefused"
    text = token.decode("latin-1")
    answered = await door.call("POST", "/v1/challenges", {"stepUpChallengeToken": text}, bearer=bearer)
    assert answered.status == 400


async def test_an_assertion_is_no_user_token_and_a_user_token_no_challenge_token(door: Door) -> None:
    """Attack 21: one kind of token does not pass for another."""
    bearer = await door.service()
    refused = await door.check(bearer, "ann", "read", "a", token=bearer)
    assert (refused.status, refused.code) == (403, "UserTokenRefused")
    user = door.world.token("ann")
    answered = await door.call("POST", "/v1/challenges", {"stepUpChallengeToken": user}, bearer=user)
    assert (answered.status, answered.code) == (400, "InvalidChallengeToken")
    await door.world.grant("ann", "a", "read")
    assert (await door.check(door.world.assertion(ClientId("sc_shop"), typ="x"), "ann", "read", "a")).status == 401


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = sorted(
    {name for _, _, route in WITH_BODY if route.request for name in route.request.__struct_encode_fields__}
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(WITH_BODY),
    body=st.binary(max_size=60)
    | st.dictionaries(st.sampled_from(MEMBERS) | st.text(max_size=5), JSON, max_size=5).map(
        lambda value: json.dumps(value).encode()
    ),
)
async def test_no_body_makes_a_5xx(door: Door, route: tuple[str, str, Route], body: bytes) -> None:
    method, target, _ = route
    if "sc_owner" not in door.world.access_keys:
        await owner(door)
    answered = await door.call(method, target, raw=body, bearer=door.world.assertion(ClientId("sc_owner")))
    assert 200 <= answered.status < 500 or answered.status == 501
    assert not door.instruments.failures


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(
        ["authorization", "stairgate-user-token", "stairgate-context", "stairgate-at-least", "idempotency-key", "host"]
    ),
    value=st.binary(max_size=80) | st.binary(max_size=60).map(base64url),
)
async def test_no_header_makes_a_5xx(door: Door, name: str, value: bytes) -> None:
    if "sc_shop" not in door.world.access_keys:
        await door.service()
    bearer = None if name == "authorization" else door.world.assertion(ClientId("sc_shop"))
    answered = await door.call(
        "GET", "/v1/users/u/resources/a/permissions/read", bearer=bearer, headers=[(name.encode(), value)]
    )
    assert 200 <= answered.status < 500
    assert not door.instruments.failures


@pytest.mark.parametrize("name", ["level", "methods", "lifetime", "maxAge", "uses", "scope", "bind", "enforce"])
@pytest.mark.parametrize("value", [{}, [], [{}], [[]], {"a": 1}, True, 1.5, "x", -1], ids=repr)
def test_a_requirement_of_odd_types_is_refused_by_the_name_of_its_member(name: str, value: object) -> None:
    if (name, value) == ("bind", []):
        return  # binds nothing
    with pytest.raises(InvalidInputError, match=rf"^stepUp\.{name}"):
        requirement_of({name: value})


@given(st.text(max_size=200))
def test_whatever_msgspec_says_is_an_error_that_names_a_field(message: str) -> None:
    error = invalid_member(message)
    assert error.field
    assert error.title
