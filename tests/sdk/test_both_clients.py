"""Written once, driven twice: the two clients ask the same, answer the same, and have the same face."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.sdk.conftest import KEY, URL, AsyncWire, BlockingWire, Face, Wire, reply

import stairgate
from stairgate import AccessRecord, AsyncStairgate, Requirement, Stairgate, Statement

CHALLENGE = {"challengeId": "c", "state": "open", "expiresAt": "2026-11-24T11:57:10Z"}
ENDED = {**CHALLENGE, "state": "satisfied"}
ELEVATION = {"elevationId": "e", "expiresAt": "2026-11-24T11:57:10Z", "userId": "u"}
FACTOR = {"factorId": "f", "method": "totp", "level": "strong"}
RECORD = {"recordId": "r", "name": "n", "statements": [{"roles": ["x"], "resources": [{"resourceUri": "a"}]}]}
PAGES = [
    reply(200, {"records": [RECORD], "pagination": {"next": {"cursor": "c/1+="}}}),
    reply(200, {"records": [RECORD]}),
]
PLACES = [
    reply(200, {"resources": [], "pagination": {"next": {"cursor": "c/1+="}}}),
    reply(200, {"resources": [{"resourceUri": "a/1", "stepUp": {"level": "basic"}}]}),
]
NEW = AccessRecord(name="n", statements=[Statement(roles=["x"], resources=["a"], step_up=Requirement(uses=1))])

OPERATIONS: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
    "authorize": (lambda c: c.authorize("u", "a/b", "p", user_token="t", context={"a": 1}), [reply(200)]),
    "explain": (lambda c: c.explain("u", "a", "p", user_token="t", context={"a": 1}), [reply(200, {"x": 1})]),
    "step up": (lambda c: c.step_up_authorization("tok", user_token="t", code="1"), [reply(200, ELEVATION)]),
    "open": (lambda c: c.challenges.open("tok", locale="de"), [reply(201, CHALLENGE)]),
    "get": (lambda c: c.challenges.get("c"), [reply(200, CHALLENGE)]),
    "wait": (lambda c: c.challenges.wait("c"), [reply(200, CHALLENGE), reply(200, ENDED)]),
    "watch": (lambda c: list(c.challenges.watch("c")), [reply(200, CHALLENGE), reply(200, ENDED)]),
    "code": (
        lambda c: c.challenges.request_code("c", "external"),
        [reply(200, {"code": "1", "expiresAt": ENDED["expiresAt"]})],
    ),
    "code to an address": (
        lambda c: c.challenges.request_code("c", "email", factor_id="f"),
        [reply(200, {"sentTo": "a…@example.org", "expiresAt": ENDED["expiresAt"]})],
    ),
    "answer": (lambda c: c.challenges.answer("c", method="totp", code="1", once=True), [reply(200, ENDED)]),
    "passkey options": (
        lambda c: c.challenges.passkey_options("c", once=True, user_token="t"),
        [reply(200, {"publicKey": {"challenge": "x"}})],
    ),
    "answer with a passkey": (
        lambda c: c.challenges.answer("c", method="passkey", credential={"id": "x"}),
        [reply(200, ENDED)],
    ),
    "decline": (lambda c: c.challenges.decline("c", not_me=True), [reply(200, ENDED)]),
    "cancel": (lambda c: c.challenges.cancel("c"), [reply(204)]),
    "elevations": (lambda c: c.elevations.list("u"), [reply(200, {"elevations": [ELEVATION]})]),
    "end": (lambda c: c.elevations.end("u", "e"), [reply(204)]),
    "end all": (lambda c: c.elevations.end_all("u", every_token=True), [reply(200, {"ended": 2})]),
    "permissions": (
        lambda c: c.access.permissions("u", "a/b", user_token="t", context={"a": 1}, include_protected=True),
        [reply(200, {"permissions": [{"action": "p", "allow": True, "stepUp": {"level": "basic"}}]})],
    ),
    "user roles": (lambda c: c.access.roles("u", "a"), [reply(200, {"roles": [{"roleId": "r"}]})]),
    "user resources": (lambda c: list(c.access.resources("u", collection="a", permission="p", nested=True)), PLACES),
    "resource users": (
        lambda c: list(c.access.users("a", page_size=5)),
        [reply(200, {"users": [{"userId": "u", "roles": [{"roleId": "r"}]}]})],
    ),
    "records": (lambda c: list(c.records.list(filter="a b", page_size=1)), PAGES),
    "create": (lambda c: c.records.create(NEW), [reply(201, RECORD)]),
    "read": (lambda c: c.records.get("r"), [reply(200, RECORD)]),
    "replace": (lambda c: c.records.replace("r", NEW), [reply(202)]),
    "delete": (lambda c: c.records.delete("r"), [reply(204)]),
    "key": (lambda c: c.clients.create_key("s"), [reply(201, {"keyId": "k", "accessKey": "s.k.a.p"})]),
    "no key": (lambda c: c.clients.delete_key("s", "k"), [reply(204)]),
    "trust": (
        lambda c: c.identities.create(stairgate.Identity(issuer="https://i")),
        [reply(201, {"issuer": "https://i"})],
    ),
    "once": (lambda c: c.records.create(NEW, idempotency_key="k"), [reply(503), reply(201, RECORD)]),
    "claim": (
        lambda c: c.claim("tenants", "t1", idempotency_key="k"),
        [reply(201, {"resourceUri": "tenants/t1", "recordId": "r"})],
    ),
    "invite": (
        lambda c: c.invites.create(stairgate.Invite(statements=[Statement(roles=["x"], resources=["a"])])),
        [reply(201, {"inviteId": "i", "statements": RECORD["statements"]})],
    ),
    "read invite": (lambda c: c.invites.get("i"), [reply(200, {"inviteId": "i", "statements": []})]),
    "accept": (lambda c: c.invites.accept("i"), [reply(200)]),
    "take back": (lambda c: c.invites.delete("i"), [reply(204)]),
    "account link": (
        lambda c: c.account_link("u", user_token="t"),
        [reply(201, {"accountUri": "https://s/account?link=1", "link": "1", "expiresAt": ENDED["expiresAt"]})],
    ),
    "account link once": (
        lambda c: c.account_link("u", user_token="t", idempotency_key="k"),
        [
            reply(503),
            reply(201, {"accountUri": "https://s/account?link=1", "link": "1", "expiresAt": ENDED["expiresAt"]}),
        ],
    ),
    "factors": (lambda c: c.factors.list("u"), [reply(200, {"factors": [FACTOR]})]),
    "begin": (
        lambda c: c.factors.begin("u", method="email", name="n", address="a@b.example", locale="de", link="l"),
        [reply(201, {"method": "email", "enrolmentId": "e", "expiresAt": ENDED["expiresAt"]})],
    ),
    "confirm": (lambda c: c.factors.confirm("u", "e", code="1", link="l"), [reply(201, FACTOR)]),
    "rename": (lambda c: c.factors.rename("u", "f", "n"), [reply(200, FACTOR)]),
    "clear": (lambda c: c.factors.clear("u", "f"), [reply(200, FACTOR)]),
    "no factor": (lambda c: c.factors.delete("u", "f"), [reply(204)]),
    "caution": (lambda c: c.factors.caution("u"), [reply(503), reply(200, {"always": False})]),
    "ask always": (lambda c: c.factors.set_caution("u", always=True), [reply(200, {"always": True})]),
    "user": (lambda c: c.delete_user("u"), [reply(202)]),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_traces_and_the_results_are_identical(name: str) -> None:
    operate, answers = OPERATIONS[name]
    blocking, asynchronous = Wire(list(answers)), Wire(list(answers))
    with Stairgate(URL, access_key=KEY, transport=BlockingWire(blocking)) as client:
        expected = operate(client)
    loop = asyncio.new_event_loop()
    face = Face(AsyncStairgate(URL, access_key=KEY, transport=AsyncWire(asynchronous)), loop)
    result = operate(face)
    face.close()
    loop.close()
    assert result == expected
    assert blocking.trace == asynchronous.trace
    assert blocking.trace


def methods(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(value)
        for name, value in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize(
    "part",
    [
        None,
        "challenges",
        "elevations",
        "factors",
        "access",
        "records",
        "roles",
        "groups",
        "resources",
        "clients",
        "identities",
        "invites",
        "requests",
    ],
)
def test_the_two_faces_have_the_same_methods_with_the_same_parameters(part: str | None) -> None:
    blocking: Any = Stairgate(URL, access_key=KEY)
    asynchronous: Any = AsyncStairgate(URL, access_key=KEY)
    if part is not None:
        blocking, asynchronous = getattr(blocking, part), getattr(asynchronous, part)
    one, other = methods(type(blocking)), methods(type(asynchronous))
    assert one.keys() == other.keys()
    for name in one:
        assert list(one[name].parameters.values()) == list(other[name].parameters.values()), name


def test_the_public_names_are_all_there_and_no_others() -> None:
    for name in stairgate.__all__:
        assert getattr(stairgate, name) is not None
    assert set(stairgate._HOMES) == set(stairgate.__all__)
    assert sorted(set(stairgate.__all__)) == sorted(stairgate.__all__)
    with pytest.raises(AttributeError):
        stairgate.nothing_of_the_kind  # noqa: B018  # the access is the test


def test_every_error_is_in_the_tree_of_the_docstring_and_is_public() -> None:
    from stairgate.client import errors

    def below(kind: type[Exception]) -> set[str]:
        return {kind.__name__}.union(*(below(child) for child in kind.__subclasses__()))

    names = below(stairgate.StairgateError)
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in names)
    assert names <= set(stairgate.__all__)


def test_a_page_that_leads_back_is_not_followed_for_ever() -> None:
    again = reply(200, {"records": [], "pagination": {"next": {"cursor": "x"}}})
    with (
        Stairgate(URL, access_key=KEY, transport=BlockingWire(Wire([again]))) as client,
        pytest.raises(stairgate.UnexpectedAnswerError),
    ):
        list(client.records.list())


def test_secrets_are_in_no_repr() -> None:
    secret = KEY.rsplit(".", 1)[1]
    with Stairgate(URL, access_key=KEY) as client:
        shown = repr(client) + repr(client._driver.conversation)
    assert secret not in shown
    with Stairgate(URL, user_token="a-user-token") as client:
        assert "a-user-token" not in repr(client) + repr(client._driver.conversation)
    assert "s3cret" not in repr(stairgate.NewAccessKey(key_id="k", access_key="s3cret", client_secret="s3cret"))
    assert "s3cret" not in repr(stairgate.Invite(statements=[], invite_id="s3cret"))
    link = stairgate.AccountLink(account_uri="s3cret", link="s3cret", expires_at=None)  # type: ignore[arg-type]
    assert "s3cret" not in repr(link)
    begun = stairgate.BegunFactor(
        method="totp",
        secret="s3cret",
        uri="s3cret",
        qr_svg="s3cret",
        public_key={"challenge": "s3cret"},
        codes=["s3cret"],
    )
    assert "s3cret" not in repr(begun)
    assert "12345678" not in repr(stairgate.DeliveredCode(code="12345678", expires_at=None))  # type: ignore[arg-type]


def test_every_error_code_of_the_service_has_its_class() -> None:
    from stairgate.api.problems import status_of
    from stairgate.client.exchange import Reply
    from stairgate.client.refusals import refusal
    from stairgate.model import errors as model

    def below(kind: type[model.DomainError]) -> set[type[model.DomainError]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    unknown = []
    for kind in below(model.DomainError):
        error = kind.__new__(kind)
        body = {"title": "t", "errorCode": kind.code, "errorId": "e", "requirement": {}}
        made = refusal(Reply(status_of(error), {"content-type": "application/json"}, json.dumps(body).encode()))
        if kind.code not in {getattr(made, "code", None), type(made).__name__}:
            unknown.append((kind.code, status_of(error)))
    # What no request of the SDK can be told.
    assert {status for _, status in unknown} <= {405, 415, 431}, unknown
