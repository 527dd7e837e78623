"""A decision case as `spec/cases/README.md` describes it, read strictly: an unknown member is an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import yaml

FOLDER = Path(__file__).resolve().parents[2] / "spec" / "cases"
ASKER = "sc_asker"  # the service client that asks, opens and attests where a step names nobody
OUTCOMES = {"allow", "step_up", "deny", "error"}
NOTHING: Mapping[str, Any] = MappingProxyType({})

Document: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Token:
    """An access token: whose, what it is called here, and what it says."""

    user: str
    name: str
    lasts: int = 3_600
    acr: str | None = None
    auth_time: int | None = None  # seconds from the start of the case


@dataclass(frozen=True)
class Check:
    """One question. *by* is a service client, or the token of the user who asks."""

    user: str
    resource: str
    action: str
    token: Token | None = None
    context: Document | None = None
    by: str | Token = ASKER
    key: str | None = None  # the Idempotency-Key

    @property
    def tokens(self) -> list[Token]:
        """The tokens that it names."""
        return [token for token in (self.token, self.by) if isinstance(token, Token)]

    @property
    def elevated(self) -> str | None:
        """The name of the token that a step-up for this question elevates."""
        if self.token is not None:
            return self.token.name
        if isinstance(self.by, Token):
            return self.by.name if self.by.user == self.user else None
        return self.by if self.by == self.user else None


@dataclass(frozen=True)
class Listing:
    """Which known resources are open for an action, at any depth; *protected* ones are carried where that is asked."""

    user: str
    action: str
    token: Token | None = None
    context: Document | None = None
    protected: bool = False


@dataclass(frozen=True)
class Expected:
    """What a check must be answered; a member that is not said is not looked at, but for the reason."""

    outcome: str
    reason: str | None
    requirement: Document
    area: Document | None
    error: str | None
    status: int | None


@dataclass(frozen=True)
class StepUp:
    """Open the challenge of the token's last refusal and, unless *only_open*, answer it rightly."""

    token: str
    method: str
    once: bool
    by: str | None  # the service client that opens and answers; None: who may by the method
    only_open: bool
    expected: str  # the state that the challenge is in then, or an errorCode


@dataclass(frozen=True)
class Vote:
    """What somebody says to the request of the token's last challenge."""

    token: str
    by: str
    approve: bool
    expected: str  # the status of the request then, or an errorCode


@dataclass(frozen=True)
class End:
    """End the elevations of a token, or of a user; or say "this was not me" to the token's last challenge."""

    token: str | None = None
    user: str | None = None
    not_me: bool = False


@dataclass(frozen=True)
class Step:
    """One step; exactly one of the members before *audit* is there."""

    check: tuple[Check, Expected] | None = None
    listing: tuple[Listing, Sequence[Document]] | None = None
    step_up: StepUp | None = None
    vote: Vote | None = None
    advance: int | None = None
    end: End | None = None
    put: Document | None = None
    delete: Document | None = None
    audit: Sequence[Document] | None = None  # the entries that this step writes, in their order

    @property
    def tokens(self) -> list[Token]:
        """The tokens that it names by their users."""
        if self.check is not None:
            return self.check[0].tokens
        if self.listing is not None and self.listing[0].token is not None:
            return [self.listing[0].token]
        return []


@dataclass(frozen=True)
class Case:
    """A claim, the facts that it starts from, and its steps."""

    name: str
    claim: str
    source: str
    facts: Document
    steps: Sequence[Step]
    not_through: Mapping[str, str] = field(default_factory=dict)


def every_case() -> list[Path]:
    """The files, in an order of their own."""
    return sorted(FOLDER.glob("*/*.yaml"))


def read_case(path: Path) -> Case:
    """The case in the file at *path*. Raises `ValueError` naming what is not as the README says."""
    name = f"{path.parent.name}/{path.stem}"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    _only(document, {"claim", "source", "facts", "steps", "not_through"}, name)
    facts = document.get("facts", NOTHING)
    _only(facts, {"roles", "groups", "records", "resources", "tokens", "clients"}, f"{name}: facts")
    tokens = {each: _token(each, said, name) for each, said in facts.get("tokens", NOTHING).items()}
    steps = [_step(step, tokens, f"{name}: step {number}") for number, step in enumerate(document["steps"], 1)]
    owners = {(each.name, each.user) for step in steps for each in step.tokens}
    if len(owners) != len({token for token, _ in owners}):
        raise ValueError(f"{name}: one token has two owners")
    return Case(name, document["claim"], document["source"], facts, steps, document.get("not_through", {}))


def _token(name: str, said: Document, where: str) -> Token:
    _only(said, {"user", "lasts", "acr", "authTime"}, f"{where}: token {name}")
    return Token(said["user"], name, said.get("lasts", 3_600), said.get("acr"), said.get("authTime"))


def _step(step: Document, tokens: Mapping[str, Token], where: str) -> Step:
    kinds = {
        "check": _check,
        "list": _list,
        "step_up": _step_up,
        "open": _step_up,
        "vote": _vote,
        "advance": _advance,
        "revoke": _end,
        "not_me": _end,
        "put": _changed,
        "delete": _changed,
    }
    kind = next((name for name in step if name in kinds), None)
    if kind is None:
        raise ValueError(f"{where} has none of {', '.join(kinds)}")
    audit = step.get("audit")
    entries = None if audit is None else [{"event": each} if isinstance(each, str) else each for each in audit]
    read: Step = kinds[kind](kind, step, tokens, where)
    return replace(read, audit=entries)


def _check(kind: str, step: Document, tokens: Mapping[str, Token], where: str) -> Step:
    _only(step, {kind, "expect", "reason", "requirement", "area", "error", "status", "audit"}, where)
    said = step[kind]
    _only(said, {"user", "resource", "action", "token", "context", "by", "key"}, where)
    user, name, by = said["user"], said.get("token"), said.get("by", ASKER)
    if isinstance(by, Mapping):
        _only(by, {"user", "token"}, where)
        by = tokens.get(by["token"], Token(by["user"], by["token"]))
    token = None if name is None else tokens.get(name, Token(user, name))
    asked = Check(user, said["resource"], said["action"], token, said.get("context"), by, said.get("key"))
    outcome = step["expect"]
    if outcome not in OUTCOMES:
        raise ValueError(f"{where} expects `{outcome}`")
    reason = step.get("reason", "elevation_required") if outcome == "step_up" else step.get("reason")
    expected = Expected(
        outcome, reason, step.get("requirement", NOTHING), step.get("area"), step.get("error"), step.get("status")
    )
    if (expected.error is not None) != (outcome == "error"):
        raise ValueError(f"{where}: an error and only an error has an `error`")
    return Step(check=(asked, expected))


def _list(kind: str, step: Document, tokens: Mapping[str, Token], where: str) -> Step:
    _only(step, {kind, "expect", "audit"}, where)
    said = step[kind]
    _only(said, {"user", "action", "token", "context", "protected"}, where)
    name = said.get("token")
    token = None if name is None else tokens.get(name, Token(said["user"], name))
    asked = Listing(said["user"], said["action"], token, said.get("context"), said.get("protected", False))
    expected = [{"resource": each} if isinstance(each, str) else each for each in step["expect"]]
    for each in expected:
        _only(each, {"resource", "stepUp"}, where)
    return Step(listing=(asked, expected))


def _step_up(kind: str, step: Document, _: Mapping[str, Token], where: str) -> Step:
    _only(step, {kind, "expect", "audit"}, where)
    said = step[kind]
    _only(said, {"token", "method", "once", "by"}, where)
    usual = "open" if kind == "open" else "satisfied"
    return Step(
        step_up=StepUp(
            said["token"],
            said.get("method", "totp"),
            said.get("once", False),
            said.get("by"),
            kind == "open",
            step.get("expect", usual),
        )
    )


def _vote(kind: str, step: Document, _: Mapping[str, Token], where: str) -> Step:
    _only(step, {kind, "expect", "audit"}, where)
    said = step[kind]
    _only(said, {"by", "token", "approve"}, where)
    return Step(vote=Vote(said["token"], said["by"], said.get("approve", True), step["expect"]))


def _advance(kind: str, step: Document, _: Mapping[str, Token], where: str) -> Step:
    _only(step, {kind}, where)
    return Step(advance=step[kind])


def _end(kind: str, step: Document, _: Mapping[str, Token], where: str) -> Step:
    _only(step, {kind, "audit"}, where)
    _only(step[kind], {"token"} if kind == "not_me" else {"token", "user"}, where)
    return Step(end=End(**step[kind], not_me=kind == "not_me"))


def _changed(kind: str, step: Document, _: Mapping[str, Token], where: str) -> Step:
    _only(step, {kind}, where)
    kinds = {"roles", "groups", "records", "resources"} if kind == "put" else {"role", "group", "record", "resource"}
    _only(step[kind], kinds, where)
    return Step(put=step[kind]) if kind == "put" else Step(delete=step[kind])


def _only(document: Document, allowed: set[str], where: str) -> None:
    if unknown := set(document) - allowed:
        raise ValueError(f"{where} has {', '.join(sorted(unknown))}")
