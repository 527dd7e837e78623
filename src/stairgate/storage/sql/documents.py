"""The members of the model that are kept as JSON text, and back."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import wraps
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

import msgspec

from stairgate.model.access import (
    AccessRecord,
    Group,
    Permission,
    RecordStatus,
    ResourceAbility,
    ResourceConfiguration,
    ResourceMark,
    Role,
    Statement,
)
from stairgate.model.actions import parse_action
from stairgate.model.canonical import JsonValue
from stairgate.model.clients import AccessKey, Issuer, ServiceClient
from stairgate.model.documents import requirement_document, requirement_of
from stairgate.model.errors import InvalidInputError, UnavailableError
from stairgate.model.ids import ClientId, GroupId, KeyId, RecordId, RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_pattern
from stairgate.model.tokens import TokenKey

P = ParamSpec("P")
T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

read = msgspec.json.Decoder().decode


def text_of(value: object) -> str:
    """*value* as JSON text."""
    return msgspec.json.encode(value).decode()


def micros(time: datetime) -> int:
    """*time* as it is stored. Raises `TypeError` for one without a zone."""
    return (time - _EPOCH) // _MICROSECOND


def maybe_micros(time: datetime | None) -> int | None:
    """*time* as it is stored, where there is one."""
    return None if time is None else micros(time)


def time_of(stored: int) -> datetime:
    """The time that `micros` stored."""
    return _EPOCH + timedelta(microseconds=stored)


def maybe_time_of(stored: int | None) -> datetime | None:
    """The time that `maybe_micros` stored."""
    return None if stored is None else time_of(stored)


def reader(function: Callable[P, T]) -> Callable[P, T]:
    """Make *function* fail as the store fails where a document is not one that this program wrote (fail closed)."""

    @wraps(function)
    def reading(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except (InvalidInputError, LookupError, TypeError, ValueError, msgspec.MsgspecError) as error:
            raise UnavailableError("the database holds something that this program cannot read") from error

    return reading


def members(value: Mapping[str, str]) -> Mapping[str, str]:
    """Text members that nobody can change."""
    return MappingProxyType(dict(value))


def maybe_requirement(requirement: Requirement | None) -> dict[str, JsonValue] | None:
    """The document of *requirement*, where there is one."""
    return None if requirement is None else requirement_document(requirement)


def maybe_requirement_of(value: object) -> Requirement | None:
    """The requirement that `maybe_requirement` wrote."""
    return None if value is None else requirement_of(value)


def requirement_text(requirement: Requirement) -> str:
    """*requirement* as one text, the same for equal ones."""
    return text_of(requirement_document(requirement))


@reader
def requirement_of_text(text: str) -> Requirement:
    """The requirement that `requirement_text` wrote."""
    return requirement_of(read(text))


def token_text(token: TokenKey) -> str:
    """*token* as one text, so that no two keys meet."""
    return text_of([token.issuer, token.digest, token.confirmation])


@reader
def token_of(text: str) -> TokenKey:
    """The key that `token_text` wrote."""
    issuer, digest, confirmation = read(text)
    return TokenKey(issuer, digest, confirmation)


# --- access ------------------------------------------------------------------------------------------------------


def _statement(statement: Statement) -> dict[str, Any]:
    return {
        "roles": statement.roles,
        "resources": [str(resource) for resource in statement.resources],
        "stepUp": maybe_requirement(statement.step_up),
        "when": statement.when,
    }


def statement_text(statement: Statement) -> str:
    """What a statement gives, without whom it names."""
    return text_of(_statement(statement))


@reader
def statement_of(document: str) -> Statement:
    """The statement that `statement_text` wrote."""
    return _statement_of(read(document))


def _statement_of(value: dict[str, Any]) -> Statement:
    return Statement(
        roles=tuple(value["roles"]),
        resources=tuple([parse_pattern(resource) for resource in value["resources"]]),
        users=tuple(value.get("users", ())),
        groups=tuple(value.get("groups", ())),
        step_up=maybe_requirement_of(value["stepUp"]),
        when=value.get("when"),  # what was written before there were conditions has none
    )


def statements_document(statements: Iterable[Statement]) -> list[dict[str, Any]]:
    """*statements*, each with whom it names."""
    return [_statement(statement) | {"users": statement.users, "groups": statement.groups} for statement in statements]


def statements_in(value: Iterable[dict[str, Any]]) -> tuple[Statement, ...]:
    """The statements that `statements_document` wrote."""
    return tuple(_statement_of(statement) for statement in value)


def record_text(record: AccessRecord) -> str:
    """A whole record."""
    return text_of(
        {
            "name": record.name,
            "description": record.description,
            "users": record.users,
            "groups": record.groups,
            "admins": record.admins,
            "tags": dict(record.tags),
            "lastUpdated": maybe_micros(record.last_updated),
            "statements": statements_document(record.statements),
        }
    )


@reader
def record_of(record: str, status: str, document: str) -> AccessRecord:
    """The record that `record_text` wrote."""
    value = read(document)
    return AccessRecord(
        id=RecordId(record),
        name=value["name"],
        statements=statements_in(value["statements"]),
        users=tuple(value["users"]),
        groups=tuple(value["groups"]),
        admins=tuple(value["admins"]),
        description=value["description"],
        tags=members(value["tags"]),
        status=RecordStatus(status),
        last_updated=maybe_time_of(value["lastUpdated"]),
    )


def role_text(role: Role) -> str:
    """A whole role."""
    return text_of(
        {
            "name": role.name,
            "description": role.description,
            "lastUpdated": maybe_micros(role.last_updated),
            "permissions": [
                {
                    "action": str(permission.action),
                    "allow": permission.allow,
                    "grant": permission.grant,
                    "delegate": permission.delegate,
                    "stepUp": maybe_requirement(permission.step_up),
                }
                for permission in role.permissions
            ],
        }
    )


@reader
def role_of(role: str, document: str) -> Role:
    """The role that `role_text` wrote."""
    value = read(document)
    permissions = tuple(
        Permission(
            action=parse_action(permission["action"]),
            allow=permission["allow"],
            grant=permission["grant"],
            delegate=permission["delegate"],
            step_up=maybe_requirement_of(permission["stepUp"]),
        )
        for permission in value["permissions"]
    )
    return Role(RoleId(role), value["name"], permissions, value["description"], maybe_time_of(value["lastUpdated"]))


def group_text(group: Group) -> str:
    """A whole group."""
    return text_of(
        {
            "name": group.name,
            "users": group.users,
            "admins": group.admins,
            "tags": dict(group.tags),
            "lastUpdated": maybe_micros(group.last_updated),
        }
    )


@reader
def group_of(group: str, document: str) -> Group:
    """The group that `group_text` wrote."""
    value = read(document)
    return Group(
        id=GroupId(group),
        name=value["name"],
        users=tuple(UserId(user) for user in value["users"]),
        admins=tuple(UserId(user) for user in value["admins"]),
        tags=members(value["tags"]),
        last_updated=maybe_time_of(value["lastUpdated"]),
    )


def resource_text(configuration: ResourceConfiguration) -> str:
    """A whole resource configuration."""
    return text_of(
        {
            "abilities": sorted(configuration.abilities),
            "lastUpdated": maybe_micros(configuration.last_updated),
            "marks": [
                {
                    "actions": [str(action) for action in mark.actions],
                    "requirement": requirement_document(mark.requirement),
                }
                for mark in configuration.marks
            ],
        }
    )


@reader
def resource_of(pattern: str, document: str) -> ResourceConfiguration:
    """The configuration that `resource_text` wrote."""
    value = read(document)
    marks = tuple(
        ResourceMark(tuple(parse_action(action) for action in mark["actions"]), requirement_of(mark["requirement"]))
        for mark in value["marks"]
    )
    abilities = frozenset(ResourceAbility(ability) for ability in value["abilities"])
    return ResourceConfiguration(parse_pattern(pattern), abilities, marks, maybe_time_of(value["lastUpdated"]))


# --- trust -------------------------------------------------------------------------------------------------------


def client_text(client: ServiceClient) -> str:
    """A whole service client with its keys."""
    return text_of(
        {
            "name": client.name,
            "createdAt": micros(client.created_at),
            "keys": [
                {
                    "id": key.id,
                    "publicKey": b64encode(key.public_key).decode(),
                    "createdAt": micros(key.created_at),
                }
                for key in client.keys
            ],
            "mayCheckAnyUser": client.may_check_any_user,
            "mayMintTokens": client.may_mint_tokens,
            "externalLevel": client.external_level,
            "tags": dict(client.tags),
            "returnUris": client.return_uris,
        }
    )


@reader
def client_of(client: str, document: str) -> ServiceClient:
    """The client that `client_text` wrote."""
    value = read(document)
    keys = tuple(
        AccessKey(KeyId(key["id"]), b64decode(key["publicKey"], validate=True), time_of(key["createdAt"]))
        for key in value["keys"]
    )
    return ServiceClient(
        id=ClientId(client),
        name=value["name"],
        created_at=time_of(value["createdAt"]),
        keys=keys,
        may_check_any_user=value["mayCheckAnyUser"],
        may_mint_tokens=value["mayMintTokens"],
        external_level=value["externalLevel"],
        tags=members(value["tags"]),
        return_uris=tuple(value.get("returnUris", ())),
    )


def issuer_text(issuer: Issuer) -> str:
    """A whole issuer."""
    return text_of(
        {
            "audience": issuer.audience,
            "userIdExpression": issuer.user_id_expression,
            "algorithms": sorted(issuer.algorithms),
            "keysUri": issuer.keys_uri,
            "trustAcr": issuer.trust_acr,
            "returnUris": issuer.return_uris,
        }
    )


@reader
def issuer_of(issuer: str, document: str) -> Issuer:
    """The issuer that `issuer_text` wrote."""
    value = read(document)
    return Issuer(
        issuer=issuer,
        audience=value["audience"],
        user_id_expression=value["userIdExpression"],
        algorithms=frozenset(value["algorithms"]),
        keys_uri=value["keysUri"],
        trust_acr=value["trustAcr"],
        return_uris=tuple(value.get("returnUris", ())),
    )
