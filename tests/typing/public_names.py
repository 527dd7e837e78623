"""
What a type checker makes of the public names: mypy reads this file with the rest of the tests; it is never run.

Each `assert_type` is a promise to whoever types against the SDK; each ignored error is one that must stay an error.
"""

from collections.abc import AsyncIterator, Iterator
from typing import assert_never, assert_type

import stairgate as sg


def blocking(client: sg.Stairgate) -> None:
    decision = client.authorize("u", "a", "READ", user_token="t", context={"amount": 1})
    assert_type(decision, sg.Allowed | sg.Denied | sg.StepUp)
    match decision:
        case sg.Allowed():
            assert_type(decision.stale_seconds, int | None)
        case sg.Denied():
            assert_type(decision.title, str)
        case sg.StepUp():
            assert_type(decision.requirement, sg.Requirement)
            assert_type(decision.step_up_challenge_token, str | None)
        case _:
            assert_never(decision)
    assert_type(client.challenges.open("t"), sg.Challenge)
    assert_type(client.challenges.watch("c"), Iterator[sg.Challenge])
    assert_type(client.challenges.request_code("c", "external"), sg.DeliveredCode | None)
    assert_type(client.step_up_authorization("t"), sg.Elevation)
    assert_type(client.elevations.list("u"), list[sg.Elevation])
    assert_type(client.account_link("u", user_token="t"), sg.AccountLink)
    assert_type(client.factors.begin("u", method="totp"), sg.BegunFactor)
    assert_type(client.factors.list("u"), list[sg.Factor])
    assert_type(client.records.get("r"), sg.AccessRecord)
    assert_type(client.roles.list(), Iterator[sg.Role])
    assert_type(client.groups.get("g"), sg.Group)
    assert_type(client.resources.get("a"), sg.Resource)
    assert_type(client.clients.create_key("c"), sg.NewAccessKey)
    assert_type(client.access.permissions("u", "a"), list[sg.UserPermission])
    assert_type(client.access.roles("u", "a"), list[sg.UserRole])
    assert_type(client.access.resources("u", permission="READ"), Iterator[sg.UserResource])
    assert_type(client.access.users("a"), Iterator[sg.ResourceUser])
    client.challenges.answer("c", method="sesame", code="1")  # type: ignore[arg-type]  # no such method
    client.roles.create(sg.Group(name="g"))  # type: ignore[arg-type]  # another kind
    sg.Requirement(level="strongest")  # type: ignore[arg-type]  # a typo must not weaken a mark
    sg.Requirement(levl="strong")  # type: ignore[call-arg]  # nor this
    client.resources.delete("a")  # type: ignore[attr-defined]  # a configuration is replaced


async def asynchronous(client: sg.AsyncStairgate) -> None:
    assert_type(await client.authorize("u", "a", "READ"), sg.Allowed | sg.Denied | sg.StepUp)
    assert_type(client.challenges.watch("c"), AsyncIterator[sg.Challenge])
    assert_type(await client.elevations.list("u"), list[sg.Elevation])
    assert_type(await client.records.create(sg.AccessRecord(name="n", statements=[])), sg.AccessRecord)
    assert_type(await client.access.permissions("u", "a"), list[sg.UserPermission])
    assert_type(client.access.resources("u"), AsyncIterator[sg.UserResource])
    async for record in client.records.list():
        assert_type(record, sg.AccessRecord)


def errors(error: sg.StairgateError) -> None:
    assert_type(error.status, int | None)
    assert_type(error.error_code, str | None)
    if isinstance(error, sg.StepUpAuthorizationRequired):
        assert_type(error.step_up_challenge_token, str | None)
        assert_type(error.requirement, sg.Requirement)
    if isinstance(error, sg.WrongAnswerError):
        assert_type(error.attempts_left, int | None)
