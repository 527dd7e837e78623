"""What callers write, from the wire Structs to drafts; what is not valid is named by its place in the body."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import UnsetType

from stairgate.api.wire import authress as wire
from stairgate.api.wire import invites as invites_wire
from stairgate.api.wire import requests as request_wire
from stairgate.model.access import NO_TAGS, ResourceAbility, ResourceMark
from stairgate.model.actions import ANY_ACTION, Action, parse_action
from stairgate.model.documents import requirement_of
from stairgate.model.errors import InvalidInputError, NotYetSupportedError
from stairgate.model.ids import GroupId, UserId, group_id, record_id, role_id, user_id
from stairgate.model.invites import ConflictResolution
from stairgate.model.jwt import read_jwt
from stairgate.model.protection import Requirement
from stairgate.model.resources import ResourcePattern, parse_pattern
from stairgate.service.conditions import condition_of
from stairgate.service.drafts import (
    ABSENT,
    Absent,
    AccessRequestDraft,
    ClientDraft,
    GroupDraft,
    IssuerDraft,
    PermissionDraft,
    RecordDraft,
    ResourceDraft,
    RoleDraft,
    StatementDraft,
    StepUpDraft,
)
from stairgate.service.invites import InviteDraft

T = TypeVar("T")

MOST_ACTIONS = 100
_BLANKS = {"\n", "\r", "\t"}


def record_draft(body: wire.AccessRecord) -> RecordDraft:
    """The record that *body* writes. Raises `InvalidInputError` naming the member."""
    admins = _said(body.admins)
    key = _said(body.record_id)
    return RecordDraft(
        name=_text(body.name, "name"),
        statements=tuple(_statement(each, f"statements[{place}]") for place, each in enumerate(body.statements)),
        id=None if key is None else record_id(key),
        users=_users(body.users, "users"),
        groups=_groups(body.groups, "groups"),
        admins=None if admins is None else _users(admins, "admins"),
        description=_optional_text(body.description, "description"),
        tags=_tags(body.tags),
    )


def invite_draft(body: invites_wire.Invite) -> InviteDraft:
    """The invite that *body* writes. Raises `InvalidInputError` naming the member."""
    statements = []
    for place, each in enumerate(body.statements):
        at = f"statements[{place}]"
        if _said(each.users) or _said(each.groups):
            raise InvalidInputError(at, "names nobody in an invite: it is for whoever accepts")
        statements.append(_statement(each, at))
    strategy, end, linked = (
        _said(body.conflict_resolution_strategy),
        _said(body.expiry_time),
        _said(body.linked_user_id),
    )
    if end is not None and end.tzinfo is None:
        raise InvalidInputError("expiryTime", "must have a time zone, such as 2030-01-31T12:00:00Z")
    tenant = _optional_text(body.default_login_tenant_id, "defaultLoginTenantId")
    return InviteDraft(
        statements=tuple(statements),
        conflict_resolution=ConflictResolution(strategy or ConflictResolution.GENERATE_NEW_RECORD.value),
        expires_at=end,
        linked_user=None if linked is None else user_id(linked, field="linkedUserId"),
        tenant=tenant if tenant is not None else _optional_text(body.tenant_id, "tenantId"),
    )


def access_request_draft(body: request_wire.AccessRequest) -> AccessRequestDraft:
    """The access request that *body* writes. Raises `InvalidInputError` naming the member."""
    statements = body.access.statements
    return AccessRequestDraft(
        users=_users(body.access.users, "access.users"),
        statements=tuple(_statement(each, f"access.statements[{place}]") for place, each in enumerate(statements)),
        expiry=_said(body.expiry),
        tags=_tags(body.tags),
    )


def role_draft(body: wire.Role) -> RoleDraft:
    """The role that *body* writes. Raises `InvalidInputError` naming the member."""
    key = _said(body.role_id)
    return RoleDraft(
        name=_text(body.name, "name"),
        permissions=tuple(_permission(each, f"permissions[{place}]") for place, each in enumerate(body.permissions)),
        id=None if key is None else role_id(key),
        description=_optional_text(body.description, "description"),
    )


def group_draft(body: wire.Group) -> GroupDraft:
    """The group that *body* writes. Raises `InvalidInputError` naming the member."""
    admins = _said(body.admins)
    key = _said(body.group_id)
    return GroupDraft(
        name=_text(body.name, "name"),
        users=_users(body.users, "users"),
        id=None if key is None else group_id(key),
        admins=None if admins is None else _users(admins, "admins"),
        tags=_tags(body.tags),
    )


def resource_draft(body: wire.PermissionedResource, pattern: ResourcePattern) -> ResourceDraft:
    """The configuration at *pattern* that *body* writes. Raises `InvalidInputError` naming the member."""
    named = _said(body.resource_uri)
    if named is not None and parse_pattern(named) != pattern:
        raise InvalidInputError("resourceUri", "must be the one in the address, or left out")
    abilities: frozenset[ResourceAbility] | Absent = ABSENT
    if not isinstance(body.permissions, UnsetType):
        abilities = frozenset(ResourceAbility(each.action) for each in body.permissions if each.allow)
    marks: tuple[ResourceMark, ...] | Absent = ABSENT
    if not isinstance(body.step_up, UnsetType):
        marks = tuple(_mark(each, f"stepUp[{place}]") for place, each in enumerate(body.step_up or ()))
    return ResourceDraft(abilities, marks)


def client_draft(body: wire.Client) -> ClientDraft:
    """The service client that *body* writes. Raises `InvalidInputError` naming the member."""
    if _said(body.rate_limits):
        raise NotYetSupportedError("rateLimits", "are not kept: limit clients in front of this service")
    options = _said(body.options) or wire.ClientOptions()
    return ClientDraft(
        name=_optional_text(body.name, "name") or "",
        may_check_any_user=_said(options.grant_user_permissions_access),
        may_mint_tokens=_said(options.grant_token_generation),
        return_uris=None if (uris := _said(body.return_uris)) is None else tuple(uris),
        tags=_tags(body.tags),
    )


def issuer_draft(body: wire.IdentityRequest) -> IssuerDraft:
    """The issuer that *body* writes. Raises `InvalidInputError` naming the member."""
    issuer = _said(body.issuer)
    audience = _optional_text(body.preferred_audience, "preferredAudience")
    token = _said(body.jwt)
    if token is not None:
        issuer, audience = _named_in(token, issuer, audience)
    if issuer is None:
        raise InvalidInputError("issuer", "is required, or a `jwt` of it")
    algorithms = _said(body.algorithms)
    expression = _said(body.user_id_expression)
    return IssuerDraft(
        issuer=issuer,
        audience=audience or "*",
        user_id_expression="{sub}" if expression is None else expression,
        algorithms=None if algorithms is None else frozenset(algorithms),
        keys_uri=_said(body.jwks_uri),
        trust_acr=_said(body.trust_acr) or False,
        return_uris=tuple(_said(body.return_uris) or ()),
    )


def _named_in(token: str, issuer: str | None, audience: str | None) -> tuple[str, str]:
    """
    The issuer and audience that *token* names, for an administrator who has one at hand and not the two texts.

    SECURITY: nothing is believed of it. Its signature would prove nothing, since whoever it is from is not trusted yet;
    it is as if the two texts had been typed. It is neither kept nor accepted as anybody's token.

    Raises:
        InvalidInputError: It is no JWT, names another issuer than *issuer*, or not one audience where none is said.
    """
    claims = read_jwt(token, field="jwt").unverified_claims
    named = claims.get("iss")
    if not isinstance(named, str):
        raise InvalidInputError("jwt", "names no issuer: send `issuer` and `preferredAudience`")
    if issuer not in {None, named}:
        raise InvalidInputError("issuer", "must be the one that `jwt` names, or left out")
    if audience is None:
        aud = claims.get("aud")
        several = aud if isinstance(aud, list) else [aud]
        if len(several) != 1 or not isinstance(several[0], str) or not several[0]:
            raise InvalidInputError("preferredAudience", "is required: `jwt` does not name exactly one audience")
        audience = several[0]
    return named, audience


def _statement(body: wire.Statement, at: str) -> StatementDraft:
    return StatementDraft(
        roles=_once(role_id(name, field=f"{at}.roles[{place}]") for place, name in enumerate(body.roles)),
        resources=_once(
            parse_pattern(each.resource_uri, field=f"{at}.resources[{place}].resourceUri")
            for place, each in enumerate(body.resources)
        ),
        users=_users(body.users, f"{at}.users"),
        groups=_groups(body.groups, f"{at}.groups"),
        step_up=_step_up(body.step_up, f"{at}.stepUp"),
        when=ABSENT if isinstance(body.when, UnsetType) else condition_of(body.when, field=f"{at}.when"),
    )


def _permission(body: wire.PermissionObject, at: str) -> PermissionDraft:
    return PermissionDraft(
        action=parse_action(body.action, field=f"{at}.action"),
        allow=body.allow,
        grant=body.grant,
        delegate=body.delegate,
        step_up=_step_up(body.step_up, f"{at}.stepUp"),
    )


def _step_up(value: dict[str, Any] | UnsetType | None, field: str) -> StepUpDraft:
    if isinstance(value, UnsetType):
        return ABSENT
    return None if value is None else _requirement(value, field)


def _requirement(value: Mapping[str, Any], field: str) -> Requirement:
    requirement = requirement_of(value, field=field)
    condition_of(requirement.when, field=f"{field}.when")
    return requirement


def _mark(value: Mapping[str, Any], at: str) -> ResourceMark:
    requirement = _requirement({name: each for name, each in value.items() if name != "actions"}, at)
    if "actions" not in value:
        return ResourceMark((ANY_ACTION,), requirement)
    return ResourceMark(_actions(value["actions"], f"{at}.actions"), requirement)


def _actions(value: object, field: str) -> tuple[Action, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= MOST_ACTIONS:
        raise InvalidInputError(field, f"must be a list of 1 to {MOST_ACTIONS} actions; leave it out for all")
    actions: dict[str, Action] = {}
    for place, name in enumerate(value):
        if not isinstance(name, str):
            raise InvalidInputError(f"{field}[{place}]", "must be an action")
        action = parse_action(name, field=f"{field}[{place}]")
        actions.setdefault(action.key, action)
    return tuple(actions.values())


def _users(value: list[wire.User] | UnsetType | None, at: str) -> tuple[UserId, ...]:
    return _once(user_id(each.user_id, field=f"{at}[{n}].userId") for n, each in enumerate(_said(value) or ()))


def _groups(value: list[wire.LinkedGroup] | UnsetType | None, at: str) -> tuple[GroupId, ...]:
    return _once(group_id(each.group_id, field=f"{at}[{n}].groupId") for n, each in enumerate(_said(value) or ()))


def _tags(value: dict[str, str] | UnsetType | None) -> Mapping[str, str]:
    tags = _said(value)
    if not tags:
        return NO_TAGS
    return {_text(name, "tags"): _text(text, "tags") for name, text in tags.items()}


def _said(value: T | UnsetType | None) -> T | None:
    """*value*, None where it is null or absent: for members in which the two are the same."""
    return None if isinstance(value, UnsetType) else value


def _optional_text(value: str | UnsetType | None, field: str) -> str | None:
    text = _said(value)
    return None if text is None else _text(text, field)


def _text(value: str, field: str) -> str:
    """*value* without control characters, which no store and no screen carries alike."""
    if any(character < " " and character not in _BLANKS for character in value) or "\x7f" in value:
        raise InvalidInputError(field, "must not have control characters")
    return value


def _once(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))
