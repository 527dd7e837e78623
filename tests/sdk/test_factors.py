"""Both clients: a user's factors are added, used, changed and removed, and a challenge is answered with a passkey."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest
from tests.sdk.conftest import Make, Wire, code, reply

from stairgate import (
    AccessRecord,
    Allowed,
    ArgumentError,
    CodeAddress,
    ForbiddenError,
    NotFoundError,
    Permission,
    Requirement,
    Role,
    Statement,
    StepUp,
    StepUpAuthorizationRequired,
    UnexpectedAnswerError,
    WrongAnswerError,
)
from stairgate.testing.authenticator import SoftwareAuthenticator
from stairgate.testing.server import LocalServer

_numbers = count(1)
PAY = "payments:create"


class Person:
    """A user without factors, the client that calls with their own token, and a passkey to come."""

    def __init__(self, make: Make, server: LocalServer) -> None:
        self.owner: Any = make(server.url, access_key=server.access_key)
        self.id = f"person-{next(_numbers)}"
        self.token = server.token(self.id)
        self.own: Any = make(server.url, user_token=self.token)
        self.device = SoftwareAuthenticator(origin=server.url.replace("127.0.0.1", "localhost"))

    def totp(self) -> str:
        """The first factor, by a link."""
        link = self.owner.account_link(self.id).link
        begun = self.own.factors.begin(self.id, method="totp", name="phone", link=link)
        assert begun.secret is not None
        assert begun.secret in begun.uri
        with pytest.raises(WrongAnswerError) as wrong:
            self.own.factors.confirm(self.id, begun.enrolment_id, code="000000", link=link)
        assert wrong.value.attempts_left == 4
        made = self.own.factors.confirm(self.id, begun.enrolment_id, code=code(begun.secret), link=link)
        assert (made.method, made.level, made.name, made.disabled) == ("totp", "strong", "phone", False)
        assert self.own.factors.list(self.id) == [made]
        return str(begun.secret)

    def passkey(self) -> Any:
        """The first of its level, by a link."""
        link = self.owner.account_link(self.id).link
        begun = self.own.factors.begin(self.id, method="passkey", link=link)
        credential = self.device.create(begun.public_key)
        return self.own.factors.confirm(self.id, begun.enrolment_id, credential=credential, link=link)

    def step_up(self, refused: StepUpAuthorizationRequired) -> None:
        """What a refusal asks for, with the passkey."""
        assert refused.step_up_challenge_token is not None
        challenge = self.own.challenges.open(refused.step_up_challenge_token)
        options = self.own.challenges.passkey_options(challenge.challenge_id)
        done = self.own.challenges.answer(challenge.challenge_id, method="passkey", credential=self.device.get(options))
        assert done.state == "satisfied"


@pytest.fixture
def person(make: Make, server: LocalServer) -> Person:
    return Person(make, server)


def test_a_challenge_is_answered_with_a_passkey(person: Person) -> None:
    """By a service client that passes on what the browser gave; `once` is chosen with the options."""
    owner, user = person.owner, person.id
    factor = person.passkey()
    assert (factor.method, factor.level, factor.synced) == ("passkey", "hardware", False)
    owner.roles.create(Role(role_id=f"ro_{user}", name="payer", permissions=[Permission(action=PAY)]))
    mark = Requirement(level="phishing-resistant")
    statement = Statement(roles=[f"ro_{user}"], resources=[f"vaults/{user}"], step_up=mark)
    owner.records.create(AccessRecord(name="vault", users=[user], statements=[statement]))
    question = (user, f"vaults/{user}", PAY)
    refusal = owner.authorize(*question, user_token=person.token)
    assert isinstance(refusal, StepUp)
    assert refusal.step_up_challenge_token is not None
    challenge = owner.challenges.open(refusal.step_up_challenge_token, user_token=person.token)
    assert list(challenge.methods) == ["passkey"]
    options = owner.challenges.passkey_options(challenge.challenge_id, once=True)
    credential = person.device.get(options)
    wrong = {**credential, "response": {**credential["response"], "signature": "AAAA"}}
    with pytest.raises(WrongAnswerError):
        owner.challenges.answer(challenge.challenge_id, method="passkey", credential=wrong)
    with pytest.raises(WrongAnswerError):  # the nonce is spent (WA-2)
        owner.challenges.answer(challenge.challenge_id, method="passkey", credential=credential)
    options = owner.challenges.passkey_options(challenge.challenge_id, once=True)
    done = owner.challenges.answer(challenge.challenge_id, method="passkey", credential=person.device.get(options))
    assert done.state == "satisfied"
    elevation = owner.step_up_authorization(refusal.step_up_challenge_token, user_token=person.token)
    assert (elevation.method, elevation.level, elevation.uses) == ("passkey", "hardware", 1)
    assert owner.authorize(*question, user_token=person.token) == Allowed()
    assert isinstance(owner.authorize(*question, user_token=person.token), StepUp)


def test_factors_come_and_go_with_a_step_up(person: Person) -> None:
    """Semantics §7.6."""
    own, user = person.own, person.id
    with pytest.raises(StepUpAuthorizationRequired):
        own.factors.begin(user, method="totp")
    person.totp()
    first = person.passkey()
    with pytest.raises(StepUpAuthorizationRequired) as refused:
        own.factors.begin(user, method="recovery")
    person.step_up(refused.value)
    codes = own.factors.begin(user, method="recovery", name="drawer")
    assert len(codes.codes) == 10
    assert codes.enrolment_id is None
    kept = own.factors.list(user)[-1]
    assert (kept.factor_id, kept.codes_left, kept.name, kept.restricted) == (codes.factor_id, 10, "drawer", False)
    assert own.factors.rename(user, first.factor_id, "laptop").name == "laptop"
    assert not own.factors.clear(user, first.factor_id).disabled
    own.factors.delete(user, kept.factor_id)
    assert {each.method for each in own.factors.list(user)} == {"passkey", "totp"}
    with pytest.raises(NotFoundError):
        own.factors.delete(user, kept.factor_id)


def test_a_user_asks_to_be_asked_every_time(person: Person) -> None:
    own, user = person.own, person.id
    person.passkey()
    assert own.factors.caution(user) is False
    assert own.factors.set_caution(user, always=True) is True
    assert own.factors.caution(user) is True
    with pytest.raises(StepUpAuthorizationRequired) as refused:
        own.factors.set_caution(user, always=False)
    person.step_up(refused.value)
    assert own.factors.set_caution(user, always=False) is False


def test_factors_of_others_are_not_seen(make: Make, server: LocalServer, person: Person) -> None:
    stranger = make(server.url, user_token=server.token("stranger"))
    person.totp()
    for call in (stranger.factors.list, stranger.factors.caution):
        with pytest.raises((NotFoundError, ForbiddenError)):
            call(person.id)


def test_a_code_goes_to_the_address_that_was_chosen(make: Make) -> None:
    address = {"factorId": "f1", "method": "email", "address": "a…@example.org"}
    challenge = {"challengeId": "c", "state": "open", "expiresAt": "2026-11-24T11:57:10Z", "addresses": [address]}
    wire = Wire([reply(200, challenge), reply(200, {"sentTo": "a…@example.org", "expiresAt": "2026-11-24T11:57:10Z"})])
    client = make(wire=wire, user_token="t")
    (found,) = client.challenges.get("c").addresses
    assert found == CodeAddress(factor_id="f1", method="email", address="a…@example.org")
    assert client.challenges.request_code("c", "email", factor_id=found.factor_id) is None
    assert json.loads(wire.asked[1].content) == {"method": "email", "factorId": "f1"}


@pytest.mark.parametrize("given", [{}, {"code": "1", "credential": {}}], ids=["neither", "both"])
def test_an_answer_is_a_code_or_a_credential(make: Make, given: dict[str, Any]) -> None:
    wire = Wire([reply(200)])
    with pytest.raises(ArgumentError):
        make(wire=wire, user_token="t").challenges.answer("c", method="passkey", **given)
    assert wire.asked == []


@pytest.mark.parametrize("said", [{}, {"always": "no"}, {"factors": {}}, {"publicKey": []}], ids=str)
def test_an_answer_that_no_stairgate_gives_is_an_error(make: Make, said: dict[str, Any]) -> None:
    client = make(wire=Wire([reply(200, said)]), user_token="t")
    with pytest.raises(UnexpectedAnswerError):
        client.factors.list("u")
    with pytest.raises(UnexpectedAnswerError):
        client.factors.caution("u")
    with pytest.raises(UnexpectedAnswerError):
        client.challenges.passkey_options("c")
