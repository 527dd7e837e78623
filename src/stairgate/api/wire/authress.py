"""
The Authress models (authress-contract §1.4), with what Stairgate adds: `stepUp`, and where issuers publish their keys.

NOTE: append-only: official clients read and write these. Unknown members are refused, so that a typo changes nothing.
Members marked *read-only* are what clients send back unread; they are taken, and have no effect.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

Name = Annotated[str, Meta(min_length=1, max_length=128)]
Description = Annotated[str, Meta(max_length=1024)]
Tag = Annotated[str, Meta(max_length=128)]
Tags = Annotated[dict[Tag, Tag], Meta(max_length=100)]
Uri = Annotated[str, Meta(min_length=1, max_length=512)]
ActionName = Annotated[str, Meta(min_length=1, max_length=64)]
RoleName = Annotated[str, Meta(min_length=1, max_length=64)]
_LEVEL = ["basic", "strong", "phishing-resistant", "hardware", None]
_QUORUM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "count": {"type": "integer", "minimum": 1, "maximum": 10},
        "groups": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 10},
        "selfApproval": {"type": "boolean", "default": False},
    },
    "required": ["count", "groups"],
    "additionalProperties": False,
}
_MEMBERS: dict[str, Any] = {
    "level": {"enum": _LEVEL, "default": "strong"},
    "methods": {"type": ["array", "null"], "items": {"type": "string"}, "default": None},
    "lifetime": {"type": "integer", "minimum": 15, "maximum": 86_400, "default": 300},
    "maxAge": {"type": ["integer", "null"], "minimum": 0, "maximum": 86_400, "default": None},
    "uses": {"type": ["integer", "null"], "minimum": 1, "maximum": 1_000, "default": None},
    "scope": {"enum": ["area", "exact", None], "default": None},
    "bind": {"type": "array", "items": {"type": "string"}, "maxItems": 16, "default": []},
    "device": {"enum": ["same", None], "default": None},
    "approvals": {
        "anyOf": [{"type": "null"}, _QUORUM, {"type": "array", "items": _QUORUM, "minItems": 1, "maxItems": 10}],
        "default": None,
    },
    "when": {"type": ["string", "null"], "maxLength": 1024, "default": None},
    "enforce": {"enum": ["on", "observe"], "default": "on"},
}
# Read by `model.documents.requirement_of`, the one reader of requirements, so it stays plain JSON here.
StepUp = Annotated[
    dict[str, Any],
    Meta(
        description="What an elevation must be. On PUT: absent keeps what stands, null removes it.",
        extra_json_schema={"properties": _MEMBERS, "additionalProperties": False},
    ),
]
ResourceStepUp = Annotated[
    dict[str, Any],
    Meta(
        description="A requirement for `actions` (absent: all) on this resource and everything below it.",
        extra_json_schema={
            "properties": {
                "actions": {"type": "array", "items": {"type": "string"}, "minItems": 1, "default": ["*"]},
                **_MEMBERS,
            },
            "additionalProperties": False,
        },
    ),
]


class Link(Struct, forbid_unknown_fields=True):
    """Where something is."""

    href: str
    rel: str | UnsetType | None = UNSET


class Links(Struct, forbid_unknown_fields=True):
    """Where the thing itself is."""

    itself: Link | UnsetType | None = field(name="self", default=UNSET)


class CollectionLinks(Struct):
    """Where this page is, and the next one if there is one."""

    itself: Link = field(name="self")
    next: Link | UnsetType = UNSET


class PaginationNext(Struct):
    """What continues the list."""

    cursor: str


class Pagination(Struct):
    """`next` is absent on the last page."""

    next: PaginationNext | UnsetType = UNSET


class Account(Struct, rename="camel", forbid_unknown_fields=True):
    """The account that a record is in."""

    account_id: str


class AccountDetails(Struct, rename="camel"):
    """The account. `domain` is where this service is reached; `company` is empty, since official models have one."""

    account_id: str
    name: str
    company: dict[str, Any]
    domain: str
    links: Links
    created_time: datetime | UnsetType = UNSET


class AccountCollection(Struct):
    """The accounts that the caller may read: the one that there is."""

    accounts: list[AccountDetails]


class ConnectionCollection(Struct):
    """No connections: users do not log in here."""

    pagination: Pagination
    links: CollectionLinks
    connections: list[dict[str, Any]] = field(default_factory=list)


class TenantCollection(Struct):
    """No tenants: users do not log in here."""

    pagination: Pagination
    links: CollectionLinks
    tenants: list[dict[str, Any]] = field(default_factory=list)


class ApplicationCollection(Struct):
    """No applications: users do not log in here."""

    pagination: Pagination
    links: CollectionLinks
    applications: list[dict[str, Any]] = field(default_factory=list)


class ExtensionCollection(Struct):
    """No extensions: users do not log in here."""

    pagination: Pagination
    links: CollectionLinks
    extensions: list[dict[str, Any]] = field(default_factory=list)


class User(Struct, rename="camel", forbid_unknown_fields=True):
    """A user, or a service client by its client id."""

    user_id: Annotated[str, Meta(min_length=1, max_length=128)]


class UserIdentity(Struct, rename="camel"):
    """A user that this service knows of. Name, picture and address are the identity provider's."""

    user_id: str


class UserIdentityCollection(Struct):
    """Users that records, groups or factors name, ascending by id. A page may be short, and still have a next one."""

    users: list[UserIdentity]
    pagination: Pagination
    links: CollectionLinks


class LinkedGroup(Struct, rename="camel", forbid_unknown_fields=True):
    """A group, by its id."""

    group_id: Annotated[str, Meta(min_length=1, max_length=64)]


class Resource(Struct, rename="camel", forbid_unknown_fields=True):
    """A resource: a tree of whole segments, with `*` for one of them or, at the end, for all below."""

    resource_uri: Uri


class Statement(Struct, rename="camel", forbid_unknown_fields=True):
    """
    Roles on resources. `stepUp` guards this grant alone; other grants of the same access are as they are.

    `when` is a condition (CEL) over `subject`, `resource`, `action` and `context`: the grant counts only where it is
    true.
    """

    roles: Annotated[list[RoleName], Meta(min_length=1, max_length=100)]
    resources: Annotated[list[Resource], Meta(min_length=1, max_length=100)]
    users: Annotated[list[User], Meta(max_length=100)] | UnsetType | None = UNSET
    groups: Annotated[list[LinkedGroup], Meta(max_length=10)] | UnsetType | None = UNSET
    step_up: StepUp | UnsetType | None = UNSET
    when: Annotated[str, Meta(max_length=1024)] | UnsetType | None = UNSET


class AccessRecord(Struct, rename="camel", forbid_unknown_fields=True):
    """
    Gives roles on resources to users and groups, who stand on the record or on its statements, not on both.

    Read-only: account, capacity, lastUpdated, status, links.
    """

    name: Name
    statements: Annotated[list[Statement], Meta(min_length=1, max_length=100)]
    record_id: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    users: Annotated[list[User], Meta(max_length=1000)] | UnsetType | None = UNSET
    admins: Annotated[list[User], Meta(max_length=100)] | UnsetType | None = UNSET
    groups: Annotated[list[LinkedGroup], Meta(max_length=100)] | UnsetType | None = UNSET
    tags: Tags | UnsetType | None = UNSET
    capacity: float | UnsetType | None = UNSET
    last_updated: datetime | UnsetType | None = UNSET
    status: Literal["ACTIVE", "DELETED"] | UnsetType | None = UNSET
    account: Account | UnsetType | None = UNSET
    links: Links | UnsetType | None = UNSET


class AccessRecordCollection(Struct):
    """Records that the caller may read, ascending by id. A page may have fewer than `limit`, and still a next one."""

    records: list[AccessRecord]
    pagination: Pagination
    links: CollectionLinks


class PermissionObject(Struct, rename="camel", forbid_unknown_fields=True):
    """May do it, may give it to others, may give all three on. `stepUp` guards the action, through this role."""

    action: ActionName
    allow: bool
    grant: bool
    delegate: bool
    step_up: StepUp | UnsetType | None = UNSET


class Role(Struct, rename="camel", forbid_unknown_fields=True):
    """A bag of permissions."""

    name: Name
    permissions: Annotated[list[PermissionObject], Meta(max_length=100)]
    role_id: RoleName | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET


class RoleCollection(Struct):
    """Roles that the caller may read, ascending by id, built-in ones too."""

    roles: list[Role]
    pagination: Pagination
    links: CollectionLinks


class Group(Struct, rename="camel", forbid_unknown_fields=True):
    """Users who are given access together. Read-only: lastUpdated, links."""

    name: Name
    users: Annotated[list[User], Meta(max_length=100)]
    admins: Annotated[list[User], Meta(max_length=100)] | UnsetType | None = UNSET
    group_id: Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType | None = UNSET
    tags: Tags | UnsetType | None = UNSET
    last_updated: datetime | UnsetType | None = UNSET
    links: Links | UnsetType | None = UNSET


class GroupCollection(Struct):
    """Groups that the caller may read, ascending by id. A page may have fewer than `limit`, and still a next one."""

    groups: list[Group]
    pagination: Pagination
    links: CollectionLinks


class ResourcePermission(Struct, forbid_unknown_fields=True):
    """`CLAIM`: users may claim what is below. `PUBLIC`: everybody may read."""

    action: Literal["CLAIM", "PUBLIC"]
    allow: bool


class PermissionedResource(Struct, rename="camel", forbid_unknown_fields=True):
    """
    What holds for a resource, whoever has access. An empty one registers the resource.

    On PUT: an absent member keeps what stands, an empty list removes it. Read-only: resourceUri, lastUpdated.
    """

    permissions: Annotated[list[ResourcePermission], Meta(max_length=100)] | UnsetType = UNSET
    step_up: Annotated[list[ResourceStepUp], Meta(max_length=100)] | UnsetType | None = UNSET
    resource_uri: Uri | UnsetType | None = UNSET
    last_updated: datetime | UnsetType | None = UNSET


class PermissionedResourceCollection(Struct):
    """Every configuration, ascending by its URI."""

    resources: list[PermissionedResource]
    pagination: Pagination
    links: CollectionLinks


class ClaimRequest(Struct, rename="camel", forbid_unknown_fields=True):
    """What is claimed: the resource `collectionResource/resourceId`. The id is one segment."""

    collection_resource: Annotated[str, Meta(min_length=1, max_length=128)]
    resource_id: Annotated[str, Meta(min_length=1, max_length=128)]


class Claim(Struct, rename="camel"):
    """What is the caller's now, and the access record that says so, whose admin the caller is."""

    collection_resource: str
    resource_id: str
    resource_uri: Uri
    record_id: str
    links: Links


ReturnUris = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=512)]],
    Meta(max_length=20, description="Where a browser that finished a challenge may be sent: exactly one of these."),
]


class ClientOptions(Struct, rename="camel", forbid_unknown_fields=True):
    """`grantUserPermissionsAccess`: the client may check any user. `grantTokenGeneration` gives nothing here."""

    grant_user_permissions_access: bool | UnsetType | None = UNSET
    grant_token_generation: bool | UnsetType | None = UNSET


class ClientAccessKey(Struct, rename="camel", forbid_unknown_fields=True):
    """The public half of an access key."""

    public_key: Annotated[str, Meta(max_length=256)] | UnsetType | None = UNSET
    key_id: str | UnsetType | None = UNSET
    client_id: str | UnsetType | None = UNSET
    generation_date: datetime | UnsetType | None = UNSET


class NewAccessKey(Struct, rename="camel"):
    """
    A new access key. `accessKey` is the key itself: it is shown once, and not at all if you brought your own.

    `clientSecret` is the private half of the same key, for the token endpoint.
    """

    key_id: str
    client_id: str
    public_key: str
    generation_date: datetime
    access_key: str | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET


class AccessKeyRequest(Struct, rename="camel", forbid_unknown_fields=True):
    """Nothing: a key is made. `publicKey`: your own, as base64 of its DER or of its 32 bytes."""

    public_key: Annotated[str, Meta(max_length=256)] | UnsetType | None = UNSET


class Client(Struct, rename="camel", forbid_unknown_fields=True):
    """
    A back end that asks. Read-only: clientId, createdTime, verificationKeys.

    `returnUris` that a request leaves out stay as they are.
    """

    name: Annotated[str, Meta(max_length=128)] | UnsetType | None = UNSET
    options: ClientOptions | UnsetType | None = UNSET
    tags: Tags | UnsetType | None = UNSET
    rate_limits: list[dict[str, Any]] | UnsetType | None = UNSET
    client_id: str | UnsetType | None = UNSET
    created_time: datetime | UnsetType | None = UNSET
    verification_keys: list[ClientAccessKey] | UnsetType | None = UNSET
    return_uris: ReturnUris | UnsetType | None = UNSET


class ClientCollection(Struct):
    """Service clients that the caller may read, ascending by id."""

    clients: list[Client]
    pagination: Pagination
    links: CollectionLinks


class IdentityRequest(Struct, rename="camel", forbid_unknown_fields=True):
    """
    An issuer whose access tokens are to be accepted, exactly as their `iss` says it.

    `algorithms` are those that it may sign with, `jwksUri` where its keys are if discovery does not tell, `trustAcr`
    whether its `acr` and `auth_time` count as proof. `jwt`, one of its tokens, says issuer and audience in their place:
    they are read from it, nothing of it is believed, and it is not kept.
    """

    issuer: Annotated[str, Meta(max_length=512)] | UnsetType | None = UNSET
    preferred_audience: Annotated[str, Meta(min_length=1, max_length=512)] | UnsetType | None = UNSET
    user_id_expression: Annotated[str, Meta(max_length=128)] | UnsetType | None = UNSET
    algorithms: Annotated[list[str], Meta(min_length=1, max_length=16)] | UnsetType | None = UNSET
    jwks_uri: Annotated[str, Meta(max_length=512)] | UnsetType | None = UNSET
    trust_acr: bool | UnsetType | None = UNSET
    return_uris: ReturnUris | UnsetType | None = UNSET
    jwt: str | UnsetType | None = UNSET


class Identity(Struct, rename="camel"):
    """A trusted issuer."""

    issuer: str
    audience: str
    user_id_expression: str
    algorithms: list[str]
    trust_acr: bool
    jwks_uri: str | UnsetType = UNSET
    return_uris: list[str] | UnsetType = UNSET


class IdentityCollection(Struct):
    """Every trusted issuer."""

    identities: list[Identity]
