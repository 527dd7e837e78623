"""The bytes of the wire, pinned: the Structs are append-only, so a line here may grow at its end, and never change."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from stairgate.api.wire import problem, stepup, wellknown

AT = datetime(2030, 1, 31, 12, 0, 0, tzinfo=UTC)
AREA = stepup.Area(resource_uri="a/b", action="read", exact=True)
REQUIREMENT = problem.Requirement(
    level="strong",
    methods=["totp"],
    lifetime=300,
    max_age=None,
    uses=1,
    scope=None,
    bind=["amount"],
    device=None,
    approvals=None,
    when=None,
    enforce="on",
)
REQUIREMENT_BYTES = (
    b'{"level":"strong","methods":["totp"],"lifetime":300,"maxAge":null,"uses":1,"scope":null,"bind":["amount"],'
    b'"device":null,"approvals":null,"when":null,"enforce":"on"}'
)
AREA_BYTES = b'{"resourceUri":"a/b","action":"read","exact":true}'
TIME = b'"2030-01-31T12:00:00Z"'
ELEVATION = stepup.Elevation(
    elevation_id="e1",
    user_id="ann",
    area=AREA,
    level="strong",
    method="totp",
    proven_at=AT,
    issued_at=AT,
    expires_at=AT,
    uses=1,
    uses_left=0,
    challenge_id="c1",
)
ELEVATION_BYTES = (
    b'{"elevationId":"e1","userId":"ann","area":'
    + AREA_BYTES
    + b',"level":"strong","method":"totp","provenAt":'
    + TIME
    + b',"issuedAt":'
    + TIME
    + b',"expiresAt":'
    + TIME
    + b',"uses":1,"usesLeft":0,"challengeId":"c1"}'
)

SERVED: list[tuple[msgspec.Struct, bytes]] = [
    (problem.Problem("t", "C", "i"), b'{"title":"t","errorCode":"C","errorId":"i"}'),
    (
        problem.Problem("t", "C", "i", field="f", state="expired", attempts_left=2),
        b'{"title":"t","errorCode":"C","errorId":"i","field":"f","state":"expired","attemptsLeft":2}',
    ),
    (REQUIREMENT, REQUIREMENT_BYTES),
    (
        problem.StepUpAuthorizationRequired(
            title="t",
            error_code="StepUpAuthorizationRequired",
            error_id="i",
            step_up_challenge_token="j.w.t",
            expires_at=AT,
            requirement=REQUIREMENT,
            reason="elevation_required",
        ),
        b'{"title":"t","errorCode":"StepUpAuthorizationRequired","errorId":"i","stepUpChallengeToken":"j.w.t",'
        b'"expiresAt":' + TIME + b',"requirement":' + REQUIREMENT_BYTES + b',"reason":"elevation_required"}',
    ),
    (
        problem.StepUpAuthorizationRequired(
            title="t", error_code="C", error_id="i", requirement=REQUIREMENT, reason="token_required"
        ),
        b'{"title":"t","errorCode":"C","errorId":"i","requirement":'
        + REQUIREMENT_BYTES
        + b',"reason":"token_required"}',
    ),
    (
        stepup.Challenge(
            challenge_id="c1",
            state="open",
            opened_at=AT,
            expires_at=AT,
            user_id="ann",
            resource_uri="a/b",
            action="read",
            area=AREA,
            requirement=REQUIREMENT,
            asked="words",
            methods=["totp"],
            attempts_left=5,
            elevation_id=None,
            ended_at=None,
            addresses=[],
        ),
        b'{"challengeId":"c1","state":"open","openedAt":'
        + TIME
        + b',"expiresAt":'
        + TIME
        + b',"userId":"ann","resourceUri":"a/b","action":"read","area":'
        + AREA_BYTES
        + b',"requirement":'
        + REQUIREMENT_BYTES
        + b',"asked":"words","methods":["totp"],"attemptsLeft":5,"elevationId":null,"endedAt":null,"addresses":[]}',
    ),
    (stepup.IssuedCode(code="12345678", expires_at=AT), b'{"code":"12345678","expiresAt":' + TIME + b"}"),
    (ELEVATION, ELEVATION_BYTES),
    (stepup.Elevations([ELEVATION]), b'{"elevations":[' + ELEVATION_BYTES + b"]}"),
    (stepup.PasskeyOptions(public_key={"rpId": "x"}), b'{"publicKey":{"rpId":"x"}}'),
    (stepup.CodeAddress("f", "email", "a"), b'{"factorId":"f","method":"email","address":"a"}'),
    (stepup.EndedElevations(2), b'{"ended":2}'),
    (wellknown.RelatedOrigins(["https://a"]), b'{"origins":["https://a"]}'),
    (wellknown.KeySet([{"kid": "k"}]), b'{"keys":[{"kid":"k"}]}'),
    (
        wellknown.Discovery("http://h", "http://h/k", "http://h/t", ["a"], ["b"]),
        (
            b'{"issuer":"http://h","jwks_uri":"http://h/k","token_endpoint":"http://h/t",'
            b'"grant_types_supported":["a"],"token_endpoint_auth_methods_supported":["b"]}'
        ),
    ),
    (wellknown.Health("ok"), b'{"status":"ok"}'),
]

READ: list[tuple[bytes, msgspec.Struct]] = [
    (
        b'{"stepUpChallengeToken":"j.w.t","locale":"de-CH","device":null}',
        stepup.OpenChallenge(step_up_challenge_token="j.w.t", locale="de-CH"),
    ),
    (b'{"once":true}', stepup.BeginPasskey(once=True)),
    (b'{"method":"external"}', stepup.IssueCode(method="external")),
    (b'{"method":"totp","code":"123456","once":true}', stepup.AnswerChallenge(method="totp", code="123456", once=True)),
    (b"{}", stepup.DeclineChallenge()),
    (b'{"notMe":true}', stepup.DeclineChallenge(not_me=True)),
    (
        b'{"stepUpChallengeToken":"j.w.t","code":"x"}',
        stepup.ReportStepUp(step_up_challenge_token="j.w.t", code="x"),
    ),
    (
        b'{"userId":"ann","resourceUri":"a/b","permission":"read","context":{"amount":1}}',
        stepup.ExplainCheck(user_id="ann", resource_uri="a/b", permission="read", context={"amount": 1}),
    ),
]


def names(pairs: list[tuple[msgspec.Struct, bytes]] | list[tuple[bytes, msgspec.Struct]]) -> list[str]:
    return [f"{type(a if isinstance(a, msgspec.Struct) else b).__name__}-{place}" for place, (a, b) in enumerate(pairs)]


@pytest.mark.parametrize(("shape", "served"), SERVED, ids=names(SERVED))
def test_what_is_served_keeps_its_bytes(shape: msgspec.Struct, served: bytes) -> None:
    assert msgspec.json.encode(shape) == served


@pytest.mark.parametrize(("sent", "shape"), READ, ids=names(READ))
def test_what_is_read_keeps_its_meaning(sent: bytes, shape: msgspec.Struct) -> None:
    assert msgspec.json.decode(sent, type=type(shape)) == shape


def test_every_shape_of_these_modules_is_pinned() -> None:
    pinned = {type(shape) for shape, _ in SERVED} | {type(shape) for _, shape in READ} | {stepup.Area}
    defined = {
        value
        for module in (problem, stepup, wellknown)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value is not msgspec.Struct
    }
    assert defined == pinned
