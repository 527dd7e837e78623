"""What callers read, from model records to the wire Structs."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, urlencode

from msgspec import UNSET, UnsetType

from stairgate.api.call import Call
from stairgate.api.wire import authress as wire
from stairgate.api.wire import invites as invites_wire
from stairgate.api.wire import requests as request_wire
from stairgate.model import access, clients
from stairgate.model.canonical import base64url, canonical_json
from stairgate.model.documents import requirement_document
from stairgate.model.protection import Requirement
from stairgate.model.requests import AccessTemplate
from stairgate.service.claims import Claimed
from stairgate.service.client_keys import MadeKey, public_key_text
from stairgate.service.invites import KnownInvite
from stairgate.service.management import MAX_DOCUMENT
from stairgate.service.policy_documents import record_document


def record_view(call: Call, record: access.AccessRecord) -> wire.AccessRecord:
    """*record* as the official clients know it; a mark is shown where there is one."""
    size = len(canonical_json(record_document(record)).encode())
    return wire.AccessRecord(
        name=record.name,
        statements=[_statement(statement) for statement in record.statements],
        record_id=record.id,
        description=record.description,
        users=_users(record.users),
        admins=_users(record.admins),
        groups=_groups(record.groups),
        tags=dict(record.tags),
        capacity=round(size / MAX_DOCUMENT, 4),
        last_updated=UNSET if record.last_updated is None else record.last_updated,
        status=record.status.value,
        account=wire.Account(call.services.account),
        links=itself(call, f"/v1/records/{quote(record.id, safe='')}"),
    )


def access_view(access_asked: AccessTemplate) -> request_wire.AccessTemplate:
    """The access that a request asks for."""
    return request_wire.AccessTemplate(
        _users(access_asked.users), [_statement(statement) for statement in access_asked.statements]
    )


def claim_view(call: Call, claimed: Claimed) -> wire.Claim:
    """What was claimed, with where its record is."""
    *collection, child = claimed.resource.segments
    record = claimed.record
    return wire.Claim(
        collection_resource="/".join(collection),
        resource_id=child,
        resource_uri=str(claimed.resource),
        record_id=record.id,
        links=itself(call, f"/v1/records/{quote(record.id, safe='')}"),
    )


def invite_view(call: Call, known: KnownInvite) -> invites_wire.Invite:
    """The invite, with its id: whoever sees it has that already, or has just made it."""
    invite = known.invite
    return invites_wire.Invite(
        statements=[_statement(statement) for statement in invite.statements],
        conflict_resolution_strategy=invite.conflict_resolution.value,
        expiry_time=invite.expires_at,
        linked_user_id=UNSET if invite.linked_user is None else invite.linked_user,
        default_login_tenant_id=UNSET if invite.tenant is None else invite.tenant,
        invite_id=known.id,
        links=itself(call, f"/v1/invites/{quote(known.id, safe='')}"),
    )


def role_view(role: access.Role) -> wire.Role:
    """*role* as the official clients know it."""
    return wire.Role(
        name=role.name,
        permissions=[
            wire.PermissionObject(
                action=str(permission.action),
                allow=permission.allow,
                grant=permission.grant,
                delegate=permission.delegate,
                step_up=_step_up(permission.step_up),
            )
            for permission in role.permissions
        ],
        role_id=role.id,
        description=role.description,
    )


def group_view(call: Call, group: access.Group) -> wire.Group:
    """*group* as the official clients know it."""
    return wire.Group(
        name=group.name,
        users=_users(group.users),
        admins=_users(group.admins),
        group_id=group.id,
        tags=dict(group.tags),
        last_updated=UNSET if group.last_updated is None else group.last_updated,
        links=itself(call, f"/v1/groups/{quote(group.id, safe='')}"),
    )


def resource_view(configuration: access.ResourceConfiguration) -> wire.PermissionedResource:
    """*configuration*, with its URI, which the official model lacks."""
    return wire.PermissionedResource(
        permissions=[
            wire.ResourcePermission(ability.value, allow=True)
            for ability in sorted(configuration.abilities, key=lambda ability: ability.value)
        ],
        step_up=[
            {"actions": [str(action) for action in mark.actions], **requirement_document(mark.requirement)}
            for mark in configuration.marks
        ],
        resource_uri=str(configuration.resource),
        last_updated=UNSET if configuration.last_updated is None else configuration.last_updated,
    )


def client_view(client: clients.ServiceClient) -> wire.Client:
    """*client* with the public halves of its keys."""
    return wire.Client(
        name=client.name,
        options=wire.ClientOptions(
            grant_user_permissions_access=client.may_check_any_user, grant_token_generation=client.may_mint_tokens
        ),
        tags=dict(client.tags),
        rate_limits=[],
        client_id=client.id,
        created_time=client.created_at,
        verification_keys=[
            wire.ClientAccessKey(
                public_key=public_key_text(key), key_id=key.id, client_id=client.id, generation_date=key.created_at
            )
            for key in client.keys
        ],
        return_uris=list(client.return_uris),
    )


def new_key_view(made: MadeKey) -> wire.NewAccessKey:
    """The new key; the private half, where it was made here, is in it and shown this once."""
    return wire.NewAccessKey(
        key_id=made.key.id,
        client_id=made.client,
        public_key=public_key_text(made.key),
        generation_date=made.key.created_at,
        access_key=UNSET if made.access_key is None else made.access_key,
        client_secret=UNSET if made.access_key is None else made.access_key.rsplit(".", 1)[1],
    )


def key_view(key: clients.AccessKey) -> dict[str, object]:
    """*key* in JWK form (RFC 8037)."""
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "use": "sig",
        "kid": key.id,
        "x": base64url(key.public_key),
    }


def issuer_view(issuer: clients.Issuer) -> wire.Identity:
    """*issuer* as the official clients know it, with what is pinned for it."""
    return wire.Identity(
        issuer=issuer.issuer,
        audience=issuer.audience,
        user_id_expression=issuer.user_id_expression,
        algorithms=sorted(issuer.algorithms),
        trust_acr=issuer.trust_acr,
        jwks_uri=UNSET if issuer.keys_uri is None else issuer.keys_uri,
        return_uris=list(issuer.return_uris),
    )


def pagination(cursor: str | None) -> wire.Pagination:
    """What continues a list; None: nothing does."""
    return wire.Pagination() if cursor is None else wire.Pagination(wire.PaginationNext(cursor))


def collection_links(call: Call, cursor: str | None) -> wire.CollectionLinks:
    """Where the page of *call* is, and the next one."""
    path = call.route.path.format_map({name: quote(each, safe="") for name, each in call.parameters.items()})
    address = f"{_origin(call)}{path}"
    query = dict(call.query)
    here = wire.Link(f"{address}?{urlencode(query)}" if query else address)
    if cursor is None:
        return wire.CollectionLinks(here)
    return wire.CollectionLinks(here, wire.Link(f"{address}?{urlencode({**query, 'cursor': cursor})}"))


def _statement(statement: access.Statement) -> wire.Statement:
    return wire.Statement(
        roles=list(statement.roles),
        resources=[wire.Resource(str(pattern)) for pattern in statement.resources],
        users=_users(statement.users),
        groups=_groups(statement.groups),
        step_up=_step_up(statement.step_up),
        when=UNSET if statement.when is None else statement.when,
    )


def _step_up(requirement: Requirement | None) -> dict[str, object] | UnsetType:
    return UNSET if requirement is None else dict(requirement_document(requirement))


def _users(users: Iterable[str]) -> list[wire.User]:
    return [wire.User(user) for user in users]


def _groups(groups: Iterable[str]) -> list[wire.LinkedGroup]:
    return [wire.LinkedGroup(group) for group in groups]


def itself(call: Call, path: str) -> wire.Links:
    """Where the thing at *path* is."""
    return wire.Links(wire.Link(f"{_origin(call)}{path}"))


def _origin(call: Call) -> str:
    return call.services.rules.public_origins[0]
