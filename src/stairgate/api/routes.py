"""The whole surface on one page: step-up here, the management API beside its handlers."""

from __future__ import annotations

from typing import Any

from stairgate.api.call import MAX_IDEMPOTENCY_KEY, Parameter, Route
from stairgate.api.handlers.authress.login import ROUTES as LOGIN
from stairgate.api.handlers.authress.routes import ROUTES as AUTHRESS
from stairgate.api.handlers.oauth import tokens
from stairgate.api.handlers.stepup import challenges, check, elevations, factors
from stairgate.api.handlers.wellknown import document, health, keys
from stairgate.api.once import IDEMPOTENCY_KEY
from stairgate.api.wire import factors as factor_wire
from stairgate.api.wire import oauth
from stairgate.api.wire import stepup as wire
from stairgate.api.wire.problem import StepUpAuthorizationRequired
from stairgate.api.wire.wellknown import Discovery, Health, KeySet, RelatedOrigins

JsonObject = dict[str, Any]

_USER_TOKEN = Parameter(
    check.USER_TOKEN,
    "From a service client: the user's own access token, without `Bearer`.",
    minimum=1,
    maximum=check.MAX_USER_TOKEN,
)
_CHECK_HEADERS = (
    _USER_TOKEN,
    Parameter(
        check.CONTEXT,
        "base64url of a JSON object of at most 4 KiB: the details that a mark may bind.",
        minimum=1,
        maximum=check.MAX_CONTEXT * 4 // 3 + 4,
    ),
    Parameter(
        IDEMPOTENCY_KEY,
        "From a service client: a repeat within 60 s takes no second use.",
        minimum=1,
        maximum=MAX_IDEMPOTENCY_KEY,
    ),
    Parameter(
        check.AT_LEAST,
        "A `Stairgate-Revision` that the facts must have reached.",
        "integer",
        minimum=0,
        maximum=2**53 - 1,
    ),
)

STEP_UP: tuple[Route, ...] = (
    Route(
        "GET",
        "/v1/users/{userId}/resources/{resourceUri}/permissions/{permission}",
        check.check,
        "May this user do this to that?",
        "check",
        {200: None, 403: StepUpAuthorizationRequired},
        description=(
            "200, empty: allowed. 404: denied. 403 `StepUpAuthorizationRequired`: the access is the user's, after a "
            "step-up. `{resourceUri}` is one segment: encode its slashes."
        ),
        headers=_CHECK_HEADERS,
        errors=(404, 409, 503),
        remembered=True,
    ),
    Route(
        "POST",
        "/v1/explanations",
        check.explanation,
        "Why is a check answered as it is?",
        "check",
        {200: JsonObject},
        description="The same question, decided by the same code; takes no use and mints no challenge token.",
        request=wire.ExplainCheck,
        headers=(_USER_TOKEN,),
        errors=(503,),
    ),
    Route(
        "POST",
        "/v1/challenges",
        challenges.open_,
        "Open the challenge of a refusal",
        "step-up",
        {201: wire.Challenge},
        description="Once for each challenge token: a repeat gives the same challenge.",
        request=wire.OpenChallenge,
        errors=(404, 409, 429, 503),
    ),
    Route(
        "GET",
        "/v1/challenges/{challengeId}",
        challenges.read,
        "See a challenge, or wait for it to change",
        "step-up",
        {200: wire.Challenge},
        query=(
            Parameter("wait", "Seconds to wait for a change.", "integer", minimum=0, maximum=challenges.LONGEST_WAIT),
        ),
        errors=(404, 503),
        by_page=True,
    ),
    Route(
        "GET",
        "/v1/challenges/{challengeId}/events",
        challenges.events,
        "Follow a challenge",
        "step-up",
        {200: wire.Challenge},
        description="Server-sent events, one for each state, until the challenge ends; the data is a Challenge.",
        errors=(404, 503),
        media_type="text/event-stream",
        by_page=True,
    ),
    Route(
        "POST",
        "/v1/challenges/{challengeId}/code",
        challenges.code,
        "Send a code, or get one to deliver in the application's own way",
        "step-up",
        {200: wire.IssuedCode},
        description=(
            "`email` and `sms` send it. `external`, for service clients with `StepUp:Attest`, returns it. "
            "A new code ends the one before it."
        ),
        request=wire.IssueCode,
        errors=(404, 409, 429, 503),
        by_page=True,
    ),
    Route(
        "POST",
        "/v1/challenges/{challengeId}/options",
        challenges.options,
        "Begin a passkey's ceremony",
        "step-up",
        {200: wire.PasskeyOptions},
        description="What the passkey signs is bound to exactly this access. Good for one attempt.",
        request=wire.BeginPasskey,
        optional_body=True,
        errors=(404, 409, 503),
        by_page=True,
    ),
    Route(
        "POST",
        "/v1/challenges/{challengeId}/answer",
        challenges.answer,
        "Answer a challenge",
        "step-up",
        {200: wire.Challenge},
        description=(
            "A wrong answer is 422 `WrongAnswer` with `attemptsLeft`; the fifth locks the challenge. By page secret it "
            "counts with the match code; without, it makes the challenge `proven`, and `returnTo` is where the browser "
            "takes the return code."
        ),
        request=wire.AnswerChallenge,
        errors=(404, 409, 422, 429, 503),
        by_page=True,
    ),
    Route(
        "POST",
        "/v1/challenges/{challengeId}/decline",
        challenges.decline,
        "Decline a challenge",
        "step-up",
        {200: wire.Challenge},
        description="With `notMe` it bars the token, too, whatever state the challenge is in.",
        request=wire.DeclineChallenge,
        optional_body=True,
        errors=(404, 409, 503),
        by_page=True,
    ),
    Route(
        "DELETE",
        "/v1/challenges/{challengeId}",
        challenges.cancel,
        "Take a challenge back",
        "step-up",
        {204: None},
        errors=(404, 409, 503),
    ),
    Route(
        "POST",
        "/v1/step-up",
        challenges.report,
        "Report the result of a step-up",
        "step-up",
        {200: wire.Elevation},
        description=(
            "Never by itself a proof. Repeatable, with the same answer; 403 `StepUpChallengePending` before. `code` is "
            "the return code that a browser brought back."
        ),
        request=wire.ReportStepUp,
        headers=(_USER_TOKEN,),
        errors=(404, 409, 422, 503),
    ),
    Route(
        "GET",
        "/v1/users/{userId}/elevations",
        elevations.list_,
        "See a user's live elevations",
        "elevations",
        {200: wire.Elevations},
        errors=(404, 503),
    ),
    Route(
        "DELETE",
        "/v1/users/{userId}/elevations",
        elevations.end_all,
        "End elevations",
        "elevations",
        {200: wire.EndedElevations},
        description="Those of the user token that comes with the call, or with `all=true` those of every token.",
        query=(Parameter("all", "Of every token of the user.", "boolean"),),
        headers=(_USER_TOKEN,),
        errors=(404, 503),
    ),
    Route(
        "DELETE",
        "/v1/users/{userId}/elevations/{elevationId}",
        elevations.end,
        "End one elevation",
        "elevations",
        {204: None},
        description="Once this has answered, no check on any node is allowed by it.",
        errors=(404, 503),
    ),
)

FACTORS: tuple[Route, ...] = (
    Route(
        "GET",
        "/v1/users/{userId}/factors",
        factors.list_,
        "See a user's factors",
        "factors",
        {200: factor_wire.Factors},
        errors=(404, 503),
    ),
    Route(
        "POST",
        "/v1/users/{userId}/factors",
        factors.begin,
        "Begin to add a factor",
        "factors",
        {201: factor_wire.BegunFactor, 403: StepUpAuthorizationRequired},
        description="Takes an elevation of at least the factor's level, or an enrolment link for the first of a level.",
        request=factor_wire.BeginFactor,
        errors=(404, 409, 503),
    ),
    Route(
        "POST",
        "/v1/users/{userId}/factors/{factorId}/confirm",
        factors.confirm,
        "Confirm a factor that was begun",
        "factors",
        {201: factor_wire.Factor},
        description="`{factorId}` is the `enrolmentId`. Only whoever began it can confirm it, within 15 minutes.",
        request=factor_wire.ConfirmFactor,
        errors=(404, 409, 422, 503),
    ),
    Route(
        "PATCH",
        "/v1/users/{userId}/factors/{factorId}",
        factors.change,
        "Rename a factor, or clear it",
        "factors",
        {200: factor_wire.Factor, 403: StepUpAuthorizationRequired},
        request=factor_wire.ChangeFactor,
        errors=(404, 409, 503),
    ),
    Route(
        "DELETE",
        "/v1/users/{userId}/factors/{factorId}",
        factors.remove,
        "Remove a factor",
        "factors",
        {204: None, 403: StepUpAuthorizationRequired},
        description="It ends every elevation that rests on it.",
        errors=(404, 409, 503),
    ),
    Route(
        "GET",
        "/v1/users/{userId}/caution",
        factors.caution,
        "Is the user asked every time?",
        "factors",
        {200: factor_wire.Caution},
        errors=(404, 503),
    ),
    Route(
        "PUT",
        "/v1/users/{userId}/caution",
        factors.set_always,
        "Ask the user every time, or no more",
        "factors",
        {200: factor_wire.Caution, 403: StepUpAuthorizationRequired},
        description="The user asks for it with their own token; lifting it takes an elevation as for factors.",
        request=factor_wire.Caution,
        errors=(404, 409, 503),
    ),
    Route(
        "POST",
        "/v1/users/{userId}/account-links",
        factors.link,
        "Make a link to a user's account page",
        "factors",
        {201: factor_wire.AccountLink, 403: StepUpAuthorizationRequired},
        description=(
            "Good once, for 15 minutes. From the user's own token it enters the page and adds nothing by itself. From "
            "a caller with `StepUp:Enrol` on `Authress:Users/{userId}` it adds the first factor of a level."
        ),
        headers=(_USER_TOKEN,),
        errors=(404, 409, 503),
        idempotent=True,
        shown_once=True,
    ),
)

WELL_KNOWN: tuple[Route, ...] = (
    Route(
        "GET",
        keys.JWKS_PATH,
        keys.keys,
        "The public keys of what this service signs",
        "keys",
        {200: KeySet},
        description="`kid` and `iss` are accepted because official clients send them; the set is always whole.",
        query=(Parameter("kid", "Has no effect.", maximum=4096), Parameter("iss", "Has no effect.", maximum=4096)),
        public=True,
    ),
    Route(
        "GET",
        "/.well-known/openid-configuration",
        keys.discovery,
        "Where the keys are",
        "keys",
        {200: Discovery},
        public=True,
    ),
    Route(
        "POST",
        tokens.PATH,
        tokens.issue,
        "Get a token for a service client",
        "keys",
        {200: oauth.TokenResponse, 400: oauth.OAuthError, 401: oauth.OAuthError},
        description=(
            "`client_credentials` only. The token is what the client could have signed with its access key, for an "
            "hour; deleting the key ends it. The secret is the last part of the access key."
        ),
        request=oauth.TokenRequest,
        errors=(503,),
        public=True,
        raw=True,
        form=True,
    ),
    Route(
        "GET",
        "/.well-known/webauthn",
        keys.related_origins,
        "Where passkeys may be used",
        "keys",
        {200: RelatedOrigins},
        description="The related origins of WebAuthn Level 3, for browsers.",
        errors=(404,),
        public=True,
    ),
    Route("GET", "/health/live", health.live, "The process answers", "operation", {200: Health}, public=True),
    Route(
        "GET",
        "/health/ready",
        health.ready,
        "The store can be reached",
        "operation",
        {200: Health},
        errors=(503,),
        public=True,
    ),
    Route(
        "GET",
        "/metrics",
        health.metrics,
        "Numbers for Prometheus",
        "operation",
        {200: None},
        public=True,
        media_type="text/plain",
    ),
    Route("GET", "/openapi.json", document.openapi, "This document", "operation", {200: JsonObject}, public=True),
    Route(
        "GET",
        "/docs",
        document.page,
        "This document, to read",
        "operation",
        {200: None},
        public=True,
        media_type="text/html",
    ),
)

ROUTES: tuple[Route, ...] = (*STEP_UP, *FACTORS, *AUTHRESS, *LOGIN, *WELL_KNOWN)
