"""What was written, as plain JSON values: for the digests of the audit trail and for measuring size."""

from __future__ import annotations

from stairgate.model.access import AccessRecord, Group, ResourceConfiguration, Role, Statement
from stairgate.model.canonical import JsonValue, base64url
from stairgate.model.clients import Issuer, ServiceClient
from stairgate.model.documents import Document, requirement_document
from stairgate.model.protection import Requirement


def _mark(requirement: Requirement | None) -> JsonValue:
    return None if requirement is None else requirement_document(requirement)


Changed = AccessRecord | Role | Group | ResourceConfiguration | ServiceClient | Issuer


def document_of(thing: Changed) -> Document:
    """Every member of *thing* but the times."""
    match thing:
        case AccessRecord():
            return record_document(thing)
        case Role():
            return role_document(thing)
        case Group():
            return group_document(thing)
        case ResourceConfiguration():
            return resource_document(thing)
        case ServiceClient():
            return client_document(thing)
        case Issuer():
            return issuer_document(thing)


def record_document(record: AccessRecord) -> Document:
    """Every member of *record* but the time."""
    return {
        "recordId": record.id,
        "name": record.name,
        "description": record.description,
        "status": record.status.value,
        "users": list(record.users),
        "groups": list(record.groups),
        "admins": list(record.admins),
        "tags": dict(record.tags),
        "statements": [_statement(statement) for statement in record.statements],
    }


def _statement(statement: Statement) -> Document:
    return {
        "roles": list(statement.roles),
        "resources": [str(pattern) for pattern in statement.resources],
        "users": list(statement.users),
        "groups": list(statement.groups),
        "stepUp": _mark(statement.step_up),
        "when": statement.when,
    }


def role_document(role: Role) -> Document:
    """Every member of *role* but the time."""
    return {
        "roleId": role.id,
        "name": role.name,
        "description": role.description,
        "permissions": [
            {
                "action": str(permission.action),
                "allow": permission.allow,
                "grant": permission.grant,
                "delegate": permission.delegate,
                "stepUp": _mark(permission.step_up),
            }
            for permission in role.permissions
        ],
    }


def group_document(group: Group) -> Document:
    """Every member of *group* but the time."""
    return {
        "groupId": group.id,
        "name": group.name,
        "users": list(group.users),
        "admins": list(group.admins),
        "tags": dict(group.tags),
    }


def resource_document(configuration: ResourceConfiguration) -> Document:
    """Every member of *configuration* but the time."""
    return {
        "resourceUri": str(configuration.resource),
        "permissions": sorted(ability.value for ability in configuration.abilities),
        "stepUp": [
            {"actions": [str(action) for action in mark.actions], **requirement_document(mark.requirement)}
            for mark in configuration.marks
        ],
    }


def client_document(client: ServiceClient) -> Document:
    """Every member of *client*; its keys by their public halves."""
    return {
        "clientId": client.id,
        "name": client.name,
        "mayCheckAnyUser": client.may_check_any_user,
        "mayMintTokens": client.may_mint_tokens,
        "externalLevel": client.external_level,
        "tags": dict(client.tags),
        "returnUris": list(client.return_uris),
        "keys": [{"keyId": key.id, "publicKey": base64url(key.public_key)} for key in client.keys],
    }


def issuer_document(issuer: Issuer) -> Document:
    """Every member of *issuer*."""
    return {
        "issuer": issuer.issuer,
        "audience": issuer.audience,
        "userIdExpression": issuer.user_id_expression,
        "algorithms": sorted(issuer.algorithms),
        "jwksUri": issuer.keys_uri,
        "trustAcr": issuer.trust_acr,
        "returnUris": list(issuer.return_uris),
    }
