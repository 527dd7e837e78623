"""The doors of a whole account: the use cases, and the HTTP API without a network."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from tests.api.door import Answered, base64url, encoded
from tests.api.door import Door as Api
from tests.cases import facts
from tests.cases.doors import Entry, Shown, Shows, Told
from tests.cases.reading import ASKER, Check, Document, End, Listing, StepUp, Token, Vote
from tests.unit.service_stepup.world import World

from stairgate.api.app import Application
from stairgate.api.problems import status_of
from stairgate.model.actions import parse_action
from stairgate.model.decisions import Allow, Deny, StepUpRequired
from stairgate.model.documents import area_document, requirement_document
from stairgate.model.errors import ChallengeEndedError, DomainError
from stairgate.model.ids import ChallengeId, ClientId, RequestId, UserId, user_id
from stairgate.model.protection import LEVELS, Method
from stairgate.model.resources import parse_resource
from stairgate.model.tokens import Caller
from stairgate.service.answer_challenge import AnswerCall, answer_challenge
from stairgate.service.authentication import authenticate
from stairgate.service.check import CheckCall, check
from stairgate.service.decline_challenge import decline_challenge
from stairgate.service.elevations import end_elevations
from stairgate.service.issue_code import issue_code
from stairgate.service.user_resources import ResourceSearch, resources_of
from stairgate.service.viewing import ViewCall
from stairgate.service.vote import VoteCall, vote

Refusal = tuple[Check, str]  # what was asked, and the challenge token


class UseCaseDoor:
    """The use cases, over a store."""

    shows = Shows.CHAIN

    def __init__(self, world: World) -> None:
        self.world = world
        self.begun = world.clock.now()
        self.texts: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.refusals: dict[str, Refusal] = {}
        self.challenges: dict[str, tuple[Check, str]] = {}

    async def declare(self, tokens: Sequence[Token], clients: Document, enrolled: Collection[str]) -> None:
        if any(token.acr is not None for token in tokens):
            await self.world.trust(trust_acr=True)
        for token in tokens:
            self.owners[token.name] = token.user
            if token.name not in self.texts:
                self.texts[token.name] = self._issued(token)
        for user in enrolled:
            await self.world.enrol(user)
        for name in {ASKER, *clients}:
            said = clients.get(name, {})
            await self.world.client(name.removeprefix("sc_"), external=said.get("external"))
            if said.get("attests"):
                await self.world.grant(name, "Authress:StepUp", "StepUp:Challenge", "StepUp:Attest")

    def _issued(self, token: Token) -> str:
        if token.acr is None:
            return self.world.token(token.user, token.lasts)
        said = None if token.auth_time is None else self.begun + timedelta(seconds=token.auth_time)
        return self.world.issued(
            token.user,
            acr=LEVELS[token.acr].acr,
            auth_time=None if said is None else int(said.timestamp()),
            exp=int(self.begun.timestamp()) + token.lasts,
        )

    async def put(self, document: Document) -> None:
        await self.world.services.store.write(lambda transaction: facts.put(transaction, document))

    async def delete(self, named: Document) -> None:
        await self.world.services.store.write(lambda transaction: facts.delete(transaction, named))

    async def advance(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    async def written(self) -> Sequence[Entry]:
        entries = await self.world.services.store.read(lambda transaction: transaction.audit_entries(limit=10_000))
        return [Entry(entry.event, json.loads(entry.facts)) for entry in entries]

    def bearer(self, by: str | Token) -> str:
        """What who asks signs or was issued."""
        return self.texts[by.name] if isinstance(by, Token) else self.world.assertion(ClientId(by))

    async def caller(self, by: str | Token) -> Caller:
        return await authenticate(self.world.services, self.bearer(by))

    # --- checks

    async def check(self, asked: Check) -> Told:
        told, challenge_token = await self.ask(asked, None if asked.token is None else self.texts[asked.token.name])
        if challenge_token is not None and asked.elevated is not None:
            self.refusals[asked.elevated] = (asked, challenge_token)
        return told

    async def ask(self, asked: Check, token: str | None) -> tuple[Told, str | None]:
        """The answer, and the challenge token that came with it."""
        try:
            call = CheckCall(
                user_id(asked.user),
                parse_resource(asked.resource),
                parse_action(asked.action),
                token,
                asked.context,
                asked.key,
            )
            checked = await check(self.world.services, await self.caller(asked.by), call)
        except DomainError as error:
            return Told("error", error=error.code, status=status_of(error)), None
        match checked.decision:
            case Allow():
                return Told("allow"), None
            case Deny():
                return Told("deny"), None
            case StepUpRequired() as refusal:
                told = Told(
                    "step_up",
                    refusal.reason.value,
                    requirement_document(refusal.requirement),
                    area_document(refusal.area),
                    challengeable=checked.challenge_token is not None,
                )
                return told, checked.challenge_token

    async def list(self, asked: Listing) -> Sequence[Shown]:
        token = None if asked.token is None else self.texts[asked.token.name]
        call = ViewCall(UserId(asked.user), token, asked.context, asked.protected)
        search = ResourceSearch(nested=True, action=parse_action(asked.action))
        shown: list[Shown] = []
        after: str | None = None
        while True:
            page = await resources_of(self.world.services, await self.caller(ASKER), call, search, limit=2, after=after)
            for each in page.items:
                step_up = None if each.step_up is None else requirement_document(each.step_up)
                shown.append(Shown(str(each.resource), each.step_up is not None, step_up))
            after = page.after
            if after is None:
                return shown

    # --- step-ups

    async def step_up(self, step: StepUp) -> str:
        state = "open"
        if step.token in self.refusals:
            asked, challenge_token = self.refusals.pop(step.token)
            state, challenge = await self.open(self._opener(step, asked), challenge_token)
            if challenge is None:
                return state
            self.challenges[step.token] = (asked, challenge)
        if step.only_open:
            return state
        asked, challenge = self.challenges[step.token]
        return await self.answer(step, asked, challenge)

    def _opener(self, step: StepUp, asked: Check) -> str | Token:
        if step.by is not None:
            return step.by
        if step.method == "external" and isinstance(asked.by, str):
            return asked.by
        return Token(asked.user, step.token)

    async def open(self, by: str | Token, challenge_token: str) -> tuple[str, str | None]:
        """The state of the challenge and its id; or the code of the error."""
        try:
            view = await self.world.open(await self.caller(by), challenge_token)
        except DomainError as error:
            return error.code, None
        return view.challenge.state.value, view.challenge.id

    async def answer(self, step: StepUp, asked: Check, challenge: str) -> str:
        """Answer rightly: the state of the challenge then, or the code of the error."""
        caller, id_, method = await self.caller(self._opener(step, asked)), ChallengeId(challenge), Method(step.method)
        services = self.world.services
        try:
            if method is Method.TOTP:
                code = self.world.code(asked.user)
            else:
                await self.advance(30)
                code = (await issue_code(services, caller, id_, method)).code
            view = await answer_challenge(services, caller, id_, AnswerCall(method, code, once=step.once))
        except ChallengeEndedError as error:
            return str(error.details["state"])
        except DomainError as error:
            return error.code
        return view.challenge.state.value

    async def vote(self, step: Vote) -> str:
        _, challenge = self.challenges[step.token]
        stored = await self.world.services.store.read(lambda transaction: transaction.challenge(ChallengeId(challenge)))
        assert stored is not None
        assert stored.request is not None
        return await self.say(step, stored.request, self.world.token(step.by))

    async def say(self, step: Vote, request: RequestId, token: str) -> str:
        """The status of the request after the vote of whoever *token* is, or the code of the error."""
        caller = await authenticate(self.world.services, token)
        try:
            written = await vote(self.world.services, caller, request, VoteCall(step.approve, "", 1))
        except DomainError as error:
            return error.code
        return written.value.status.value

    async def end(self, step: End) -> None:
        by = Token(self.owner(step), step.token) if step.token is not None else ASKER
        if step.token is None:
            # A user ends them all with any token of theirs: a fresh one, which is not what is ended.
            assert step.user is not None
            self.texts["another"] = self.world.token(step.user)
            by = Token(step.user, "another")
        await self.ended(step, by)

    def owner(self, step: End) -> str:
        assert step.token is not None
        return self.owners[step.token]

    async def ended(self, step: End, by: str | Token) -> None:
        caller = await self.caller(by)
        if step.not_me:
            assert step.token is not None
            _, challenge = self.challenges[step.token]
            await decline_challenge(self.world.services, caller, ChallengeId(challenge), not_me=True)
            return
        assert isinstance(by, Token)
        everything = step.user is not None
        await end_elevations(self.world.services, caller, UserId(by.user), user_token=None, everything=everything)


def area_in(challenge_token: str | None) -> Document | None:
    """The area that a challenge token carries; a refusal itself does not show it."""
    if challenge_token is None:
        return None
    payload = challenge_token.split(".")[1]
    area: Document = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["area"]
    return area


class HttpDoor(UseCaseDoor):
    """The HTTP API, byte for byte, without a network."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.api = Api(world, Application(world.services))

    async def ask(self, asked: Check, token: str | None) -> tuple[Told, str | None]:
        headers = []
        if asked.context is not None:
            headers.append((b"stairgate-context", base64url(asked.context)))
        if asked.key is not None:
            headers.append((b"idempotency-key", asked.key.encode()))
        answer = await self.api.check(
            self.bearer(asked.by), asked.user, asked.action, asked.resource, headers=headers, token=token
        )
        if answer.status == 200:
            assert answer.body == b""
            return Told("allow", status=200), None
        if answer.status == 404:
            return Told("deny", status=404), None
        body = answer.json
        if answer.code != "StepUpAuthorizationRequired":
            return Told("error", error=answer.code, status=answer.status), None
        challenge_token = body.get("stepUpChallengeToken")
        told = Told(
            "step_up",
            body["reason"],
            body["requirement"],
            area_in(challenge_token),
            challengeable=challenge_token is not None,
            status=answer.status,
        )
        return told, challenge_token

    async def list(self, asked: Listing) -> Sequence[Shown]:
        path = f"/v1/users/{encoded(asked.user)}/resources?permissions={encoded(asked.action)}&limit=2"
        path += f"&collectionConfiguration=INCLUDE_NESTED&includeProtected={str(asked.protected).lower()}"
        headers = [] if asked.context is None else [(b"stairgate-context", base64url(asked.context))]
        if asked.token is not None:
            headers.append((b"stairgate-user-token", self.texts[asked.token.name].encode()))
        shown: list[Shown] = []
        further = ""
        while True:
            answer = await self.api.call("GET", path + further, bearer=self.bearer(ASKER), headers=headers)
            assert answer.status == 200, answer.body
            shown += [
                Shown(each["resourceUri"], "stepUp" in each, each.get("stepUp")) for each in answer.json["resources"]
            ]
            following = answer.json["pagination"].get("next")
            if following is None:
                return shown
            further = f"&cursor={encoded(following['cursor'])}"

    async def open(self, by: str | Token, challenge_token: str) -> tuple[str, str | None]:
        answer = await self._post(by, "/v1/challenges", {"stepUpChallengeToken": challenge_token})
        return _state(answer), answer.json.get("challengeId")

    async def answer(self, step: StepUp, asked: Check, challenge: str) -> str:
        by, path = self._opener(step, asked), f"/v1/challenges/{challenge}"
        if step.method == "totp":
            code = self.world.code(asked.user)
        else:
            await self.advance(30)
            handed = await self._post(by, f"{path}/code", {"method": step.method})
            if handed.status != 200:
                return _state(handed)
            code = handed.json["code"]
        said = {"method": step.method, "code": code, "once": step.once}
        return _state(await self._post(by, f"{path}/answer", said))

    async def say(self, step: Vote, request: RequestId, token: str) -> str:
        answer = await self.api.call(
            "POST",
            f"/v1/requests/{request}/votes",
            {"vote": "approve" if step.approve else "decline"},
            bearer=token,
            headers=[(b"if-match", b'"1"')],
        )
        return str(answer.json["status"]) if answer.status == 200 else answer.code

    async def ended(self, step: End, by: str | Token) -> None:
        assert isinstance(by, Token)
        if step.not_me:
            assert step.token is not None
            _, challenge = self.challenges[step.token]
            done = await self._post(by, f"/v1/challenges/{challenge}/decline", {"notMe": True})
        else:
            every = "?all=true" if step.user is not None else ""
            path = f"/v1/users/{by.user}/elevations{every}"
            done = await self.api.call("DELETE", path, bearer=self.bearer(by))
        assert done.status == 200, done.body

    async def _post(self, by: str | Token, path: str, body: Any) -> Answered:
        return await self.api.call("POST", path, body, bearer=self.bearer(by))


def _state(answer: Answered) -> str:
    """The state that an answer shows, or else the code of its error."""
    body = answer.json
    return str(body.get("state") or body["errorCode"])
