"""What the SDK sends and is told: access, challenges, elevations, clients, issuers."""

# ruff: noqa: RUF009  # `read_only()` and `listed()` stand where `dataclasses.field()` stands

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from stairgate.client.codec import KEEP, Keep, listed, read_only
from stairgate.client.requirement import NO_EXTRA, Requirement

NO_TAGS = NO_EXTRA
LIVE_STATES = frozenset({"open", "proven"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """
    One action of a role.

    Args:
        action: What is done; `a` covers `a:b`, `*` covers all.
        allow: Whether the holder may do it.
        grant: Whether the holder may give it on.
        delegate: Whether the holder may give all three on.
        step_up: What guards it through this role. `KEEP` (when a role is replaced): as it was; None: nothing.
        extra: Members that this SDK does not know.
    """

    action: str
    allow: bool = True
    grant: bool = False
    delegate: bool = False
    step_up: Requirement | Keep | None = KEEP
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A bag of permissions that knows nothing of resources."""

    name: str
    permissions: Sequence[Permission]
    role_id: str | None = None
    description: str | None = None
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """
    Roles on resources, for the users and groups of the record or for its own.

    Args:
        roles: Role ids.
        resources: Resource URIs; a final `/*` is everything below.
        users: User ids, where the record itself names nobody.
        groups: Group ids, likewise.
        step_up: What guards this grant. `KEEP` (when a record is replaced): as it was; None: nothing.
        extra: Members that this SDK does not know.
    """

    roles: Sequence[str]
    resources: Sequence[str] = listed("resourceUri")
    users: Sequence[str] = listed("userId")
    groups: Sequence[str] = listed("groupId")
    step_up: Requirement | Keep | None = KEEP
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRecord:
    """
    Gives roles on resources to users and groups.

    Users and groups stand on the record or on its statements, not on both. *last_updated* of a record that was read
    makes `records.replace` refuse where somebody else changed it meanwhile.
    """

    name: str
    statements: Sequence[Statement]
    record_id: str | None = None
    users: Sequence[str] = listed("userId")
    groups: Sequence[str] = listed("groupId")
    admins: Sequence[str] | None = listed("userId", None)  # None, where it is created: the creator
    description: str | None = None
    tags: Mapping[str, str] | None = None
    status: str | None = read_only()
    capacity: float | None = read_only()
    last_updated: datetime | None = read_only()
    account: Mapping[str, object] | None = read_only()
    links: Mapping[str, object] | None = read_only()
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Users who are given access together; its admins may edit it."""

    name: str
    users: Sequence[str] = listed("userId")
    group_id: str | None = None
    admins: Sequence[str] | None = listed("userId", None)  # None, where it is created: the creator
    tags: Mapping[str, str] | None = None
    last_updated: datetime | None = read_only()
    links: Mapping[str, object] | None = read_only()
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPermission:
    """
    An action with the rights that are open to the user.

    With *step_up*, which comes only where it is asked for: the rights that an elevation like that would open.
    """

    action: str
    allow: bool
    grant: bool = False
    delegate: bool = False
    step_up: Requirement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRole:
    """A role that the user is given. With *step_up*: nothing of it is open before such a step-up."""

    role_id: str
    step_up: Requirement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserResource:
    """A resource where something is open to the user. With *step_up*: nothing is before such a step-up."""

    resource_uri: str
    step_up: Requirement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUser:
    """A user whom statements name on a resource, directly or through a group, and the roles that these give."""

    user_id: str
    roles: Sequence[str] = listed("roleId")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceMark(Requirement):
    """A requirement for *actions* on a resource and all below it, whoever has access."""

    actions: Sequence[str] = ("*",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceAbility:
    """`PUBLIC` gives every user READ, `CLAIM` lets users claim children."""

    action: str
    allow: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """
    What holds for a resource, whoever has access to it.

    Args:
        permissions: Abilities. `KEEP`: as they were.
        step_up: Marks. `KEEP`: as they were; an empty list: none.
        resource_uri: Which one, where the service says it.
        extra: Members that this SDK does not know.
    """

    permissions: Sequence[ResourceAbility] | Keep = KEEP
    step_up: Sequence[ResourceMark] | Keep = KEEP
    resource_uri: str | None = read_only()
    last_updated: datetime | None = read_only()
    links: Mapping[str, object] | None = read_only()
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    """The public half of an access key."""

    key_id: str
    client_id: str | None = None
    public_key: str | None = None
    generation_date: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccessKey:
    """An access key, shown this once."""

    key_id: str
    client_id: str | None = None
    public_key: str | None = None
    generation_date: datetime | None = None
    access_key: str = field(repr=False, default="")
    client_secret: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """What a service client may do beyond its access records."""

    grant_user_permissions_access: bool = False
    grant_token_generation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceClient:
    """A back end that asks. *return_uris*: where a browser that finished a challenge may be sent."""

    name: str | None = None
    options: ClientOptions | None = None
    tags: Mapping[str, str] | None = None
    return_uris: Sequence[str] | None = None
    client_id: str | None = read_only()
    created_time: datetime | None = read_only()
    verification_keys: Sequence[VerificationKey] = read_only(())
    links: Mapping[str, object] | None = read_only()
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """
    An issuer whose user tokens are trusted.

    Args:
        issuer: The `iss` of its tokens.
        audience: The `aud` that they must have; `*`: any.
        user_id_expression: The user's id, such as `google|{sub}`.
        algorithms: How its tokens may be signed; None: EdDSA, ES256 or RS256.
        jwks_uri: Where its keys are; None: by discovery under the issuer.
        trust_acr: Whether its `acr` and `auth_time` count as evidence.
        return_uris: Where a browser that finished a challenge may be sent.
        extra: Members that this SDK does not know.
    """

    issuer: str
    audience: str = "*"
    user_id_expression: str = "{sub}"
    algorithms: Sequence[str] | None = None
    jwks_uri: str | None = None
    trust_acr: bool | None = None
    return_uris: Sequence[str] | None = None
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is the caller's now, and the access record that says so."""

    resource_uri: str
    record_id: str
    collection_resource: str = ""
    resource_id: str = ""
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """
    Access for whoever accepts it.

    Args:
        statements: What is given; they name nobody.
        conflict_resolution_strategy: What is done where the record for exactly these statements was changed since.
        expiry_time: When it ends; None: after 7 days.
        linked_user_id: The only user who may accept it; None: whoever has the id.
        invite_id: All that is needed to accept it, so it goes to the invited person alone.
        extra: Members that this SDK does not know.
    """

    statements: Sequence[Statement]
    conflict_resolution_strategy: str | None = None
    expiry_time: datetime | None = None
    linked_user_id: str | None = None
    invite_id: str | None = field(default=None, repr=False, metadata={"read_only": True})
    links: Mapping[str, object] | None = read_only()
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLink:
    """
    A link to a user's account page, good once.

    Args:
        account_uri: Where the user's browser is sent, and nobody else's: whoever opens it is that user there.
        expires_at: Until when it can be opened.
        enrols: Whether a first factor can be added by it.
        link: Its secret alone, for adding a factor over the API.
    """

    account_uri: str = field(repr=False)
    expires_at: datetime
    enrols: bool = False
    link: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """The part of the tree and the actions that an elevation opens; *exact*: this question alone."""

    resource_uri: str
    action: str
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Elevation:
    """The result of a step-up: one token, one area, a level, until then, so many uses."""

    elevation_id: str
    expires_at: datetime
    user_id: str = ""
    area: Area | None = None
    level: str | None = None
    method: str | None = None
    proven_at: datetime | None = None
    issued_at: datetime | None = None
    uses: int | None = None
    uses_left: int | None = None
    challenge_id: str | None = None
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeAddress:
    """Where a code can be sent to, masked: one factor of `email` or `sms`."""

    factor_id: str
    method: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """
    One attempt to meet one requirement. *asked* says in words for what.

    *page_uri* and *match_code* are there right after it was opened: show the number beside the link or its QR code; it
    is typed on the page. *addresses* are where a code can be sent to. Where other people are asked, by the request
    *request_id*, *approved* says whether they have agreed; else it is None.
    """

    challenge_id: str
    state: str
    expires_at: datetime
    user_id: str | None = None
    resource_uri: str | None = None
    action: str | None = None
    area: Area | None = None
    requirement: Requirement | None = None
    asked: str = ""
    methods: Sequence[str] = ()
    addresses: Sequence[CodeAddress] = ()
    attempts_left: int | None = None
    elevation_id: str | None = None
    page_uri: str | None = field(default=None, repr=False)
    match_code: str | None = field(default=None, repr=False)
    request_id: str | None = None
    approved: bool | None = None
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)

    @property
    def live(self) -> bool:
        """Whether it can still be answered or redeemed."""
        return self.state in LIVE_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredCode:
    """A code that the application brings to the user in its own way."""

    code: str = field(repr=False)
    expires_at: datetime
