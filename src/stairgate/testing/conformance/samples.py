"""Things to store, each with every member set to something that is not its default."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from stairgate.model.access import (
    AccessRecord,
    Group,
    Permission,
    Principal,
    PrincipalKind,
    ResourceAbility,
    ResourceConfiguration,
    ResourceMark,
    Role,
    Statement,
)
from stairgate.model.actions import parse_action
from stairgate.model.approvals import NO_QUORUMS, Quorum
from stairgate.model.audit import AuditDraft, Event
from stairgate.model.challenges import Ceremony, Challenge, IssuedCode, IssuedReturn, Opening, Ticket
from stairgate.model.clients import AccessKey, Issuer, ServiceClient
from stairgate.model.elevations import Area, Elevation
from stairgate.model.enrolment import AccountLink, Enrolment
from stairgate.model.evidence import Evidence, Factor
from stairgate.model.ids import (
    AccountId,
    ChallengeId,
    ClientId,
    ElevationId,
    EnrolmentId,
    FactorId,
    GroupId,
    KeyId,
    LinkId,
    RecordId,
    RequestId,
    RoleId,
    UserId,
)
from stairgate.model.invites import ConflictResolution, Invite
from stairgate.model.passkeys import SignedConsent
from stairgate.model.protection import Device, Enforcement, Level, Method, Requirement, Scope
from stairgate.model.requests import AccessTemplate, Request, RequestEnd, RequestStatus, Vote
from stairgate.model.resources import parse_pattern, parse_resource
from stairgate.model.tokens import TokenKey
from stairgate.ports.store import SigningKey, TakenUse
from stairgate.ports.trust import RememberedAnswer

NOW = datetime(2026, 3, 1, 10, 30, 15, 123_456, tzinfo=UTC)
ALICE, BOB, CAROL = UserId("alice"), UserId("bob"), UserId("carol")
TOKEN = TokenKey("https://idp.example", "d1", "jkt-1")
OTHER_TOKEN = TokenKey("https://idp.example", "d2")
DETAILS = {"amount": "100", "to": '"DE89"'}

REQUIREMENT = Requirement(
    level=Level.BASIC,
    methods=frozenset({Method.TOTP, Method.EXTERNAL}),
    lifetime=120,
    max_age=60,
    uses=3,
    scope=Scope.EXACT,
    bind=frozenset({"amount", "to"}),
    enforce=Enforcement.OBSERVE,
    device=Device.SAME,
    approvals=frozenset({Quorum(2, frozenset({GroupId("managers"), GroupId("audit")}), self_approval=True)}),
    when="context.note == '\"when\":'",
)


def later(seconds: float) -> datetime:
    """*seconds* after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def user(name: str) -> Principal:
    """A user as grants name them."""
    return Principal(PrincipalKind.USER, name)


def group_principal(name: str) -> Principal:
    """A group as grants name it."""
    return Principal(PrincipalKind.GROUP, name)


def a_statement(**members: Any) -> Statement:  # noqa: ANN401  # any member
    """A marked statement."""
    whole = Statement(
        roles=(RoleId("payer"), RoleId("reader")),
        resources=(parse_pattern("accounts/*/keys"), parse_pattern("docs/*"), parse_pattern("*")),
        step_up=REQUIREMENT,
    )
    return replace(whole, **members)


def a_record(name: str = "rec_1", /, **members: Any) -> AccessRecord:  # noqa: ANN401  # any member
    """A record that names Alice and the group `staff`."""
    whole = AccessRecord(
        id=RecordId(name),
        name="Päyments of Straße",
        statements=(a_statement(), a_statement(resources=(parse_pattern("a/b"),), step_up=None)),
        users=(ALICE,),
        groups=(GroupId("staff"),),
        admins=(CAROL,),
        description="who pays",
        tags={"team": "blue"},
        last_updated=NOW,
    )
    return replace(whole, **members)


def a_role(name: str = "ro_1", /, **members: Any) -> Role:  # noqa: ANN401  # any member
    """A role with a plain and a marked permission."""
    whole = Role(
        id=RoleId(name),
        name="Payer",
        permissions=(
            Permission(parse_action("Payments:*"), allow=True, grant=False, delegate=True, step_up=REQUIREMENT),
            Permission(parse_action("READ"), allow=False, grant=True, delegate=False),
        ),
        description="pays",
        last_updated=NOW,
    )
    return replace(whole, **members)


def a_group(group: str = "staff", *users: UserId, **members: Any) -> Group:  # noqa: ANN401  # any member
    """A group of *users*."""
    whole = Group(id=GroupId(group), name="Everyone", users=users, admins=(CAROL,), tags={"a": "b"}, last_updated=NOW)
    return replace(whole, **members)


def a_resource(pattern: str = "accounts/*", **members: Any) -> ResourceConfiguration:  # noqa: ANN401  # any member
    """A marked resource configuration."""
    whole = ResourceConfiguration(
        resource=parse_pattern(pattern),
        abilities=frozenset({ResourceAbility.PUBLIC, ResourceAbility.CLAIM}),
        marks=(ResourceMark((parse_action("*"), parse_action("Pay:now")), REQUIREMENT),),
        last_updated=NOW,
    )
    return replace(whole, **members)


def a_client(name: str = "sc_1", /, **members: Any) -> ServiceClient:  # noqa: ANN401  # any member
    """A client with two keys."""
    whole = ServiceClient(
        id=ClientId(name),
        name="Shop",
        created_at=NOW,
        keys=(AccessKey(KeyId("k1"), bytes(range(32)), NOW), AccessKey(KeyId("k2"), bytes(32), later(1))),
        may_check_any_user=True,
        may_mint_tokens=True,
        external_level="strong",
        tags={"a": "b"},
        return_uris=("https://shop.example/back",),
    )
    return replace(whole, **members)


def an_issuer(name: str = "https://idp.example", /, **members: Any) -> Issuer:  # noqa: ANN401  # any member
    """An issuer with nothing left at its default."""
    whole = Issuer(
        issuer=name,
        audience="https://api.example",
        user_id_expression="idp|{sub}",
        algorithms=frozenset({"ES256", "RS256"}),
        keys_uri="https://idp.example/keys",
        trust_acr=True,
        return_uris=("https://app.example/back", "com.example.app:/back"),
    )
    return replace(whole, **members)


def a_signing_key(name: str = "k1", /, **members: Any) -> SigningKey:  # noqa: ANN401  # any member
    """A sealed key."""
    return replace(SigningKey(name, "challenge", b"\x01\x00sealed\xff", NOW, retired=True), **members)


def a_factor(name: str = "fa_1", /, **members: Any) -> Factor:  # noqa: ANN401  # any member
    """A totp factor of Alice."""
    whole = Factor(
        id=FactorId(name),
        user=ALICE,
        method=Method.TOTP,
        secret=b"\x01\x00sealed\xff",
        created_at=NOW,
        usable_from=later(5),
        name="phone",
        counter=41,
        last_used_at=later(1),
    )
    return replace(whole, **members)


def an_enrolment(name: str = "en_1", /, **members: Any) -> Enrolment:  # noqa: ANN401  # any member
    """A factor that Alice has begun to add."""
    whole = Enrolment(
        id=EnrolmentId(name),
        user=ALICE,
        method=Method.SMS,
        started_by="alice",
        secret=b"\x01\x00sealed\xff",
        name="phone",
        most=Level.PHISHING_RESISTANT,
        first=True,
        created_at=NOW,
        expires_at=later(900),
        wrong_answers=2,
    )
    return replace(whole, **members)


def a_link(name: str = "li_1", /, **members: Any) -> AccountLink:  # noqa: ANN401  # any member
    """A link to Alice's account page."""
    whole = AccountLink(
        id=LinkId(name),
        user=ALICE,
        digest="v1:digest",
        made_by="sc_1",
        created_at=NOW,
        expires_at=later(900),
        token=TOKEN,
        token_expires_at=later(3_600),
        enrols=True,
    )
    return replace(whole, **members)


def a_ticket(name: str = "jti_1", /, **members: Any) -> Ticket:  # noqa: ANN401  # any member
    """A ticket of Alice's token."""
    whole = Ticket(
        id=name,
        account=AccountId("acc_1"),
        user=ALICE,
        token=TOKEN,
        client=ClientId("sc_1"),
        resource=parse_resource("accounts/1/*"),
        action=parse_action("Payments:Send"),
        area=Area(parse_resource("accounts/1"), parse_action("Payments"), exact=True),
        requirement=REQUIREMENT,
        revision=7,
        issued_at=NOW,
        expires_at=later(600),
        details=DETAILS,
        token_expires_at=later(3_600),
    )
    return replace(whole, **members)


def a_challenge(name: str = "ch_1", ticket: str | None = None, /, **members: Any) -> Challenge:  # noqa: ANN401
    """An open challenge with everything that it can have gathered."""
    whole = Challenge(
        id=ChallengeId(name),
        ticket=a_ticket(f"jti of {name}" if ticket is None else ticket),
        opener=ClientId("sc_2"),
        opened_at=NOW,
        expires_at=later(600),
        wrong_answers=2,
        code=IssuedCode("v1:digest", later(300), Method.EMAIL, FactorId("fa_mail")),
        prompts=1,
        ceremony=Ceremony(bytes(range(32)), once=True, expires_at=later(200)),
        signed=SignedConsent("{}", bytes(32), "bank.example", b"id", b"key", b"\x00\xff", b"data", b"signature"),
        evidence=Evidence(
            Method.TOTP, Level.STRONG, user_verified=True, proven_at=NOW, factor=FactorId("f"), counter=9
        ),
        elevation=ElevationId("el_0"),
        ended_at=later(9),
        not_me=True,
        approvals=REQUIREMENT.approvals,
        opening=Opening("Firefox on Linux", "de-CH", "https://shop.example/back", "s-1"),
        match="v1:match",
        returning=IssuedReturn("v1:return", later(60), once=True, amr=("otp",)),
        request=RequestId("req_0"),
    )
    return replace(whole, **members)


def a_request(name: str = "req_1", /, **members: Any) -> Request:  # noqa: ANN401  # any member
    """A request of Alice's for a step-up, with everything that it can have gathered and no end."""
    whole = Request(
        id=RequestId(name),
        requester=ALICE,
        asked=a_ticket(f"jti of {name}"),
        quorums=REQUIREMENT.approvals,
        opened_at=NOW,
        expires_at=later(600),
        last_updated=later(5),
        votes=(Vote(BOB, True, later(5), "grünes Licht", hands_out=True), Vote(CAROL, False, later(6))),
        version=3,
        opener=ClientId("sc_2"),
        challenges=(ChallengeId("ch_1"), ChallengeId("ch_2")),
        tags={"team": "payments"},
        token=TOKEN,
        members={GroupId("managers"): frozenset({BOB, CAROL}), GroupId("audit"): frozenset()},
    )
    return replace(whole, **members)


def an_access_request(name: str = "req_2", /, **members: Any) -> Request:  # noqa: ANN401  # any member
    """A request of Alice's for access that was given, with everything that it can have gathered."""
    statement = Statement((RoleId("ro_1"),), (parse_pattern("accounts/*/x"),), step_up=REQUIREMENT)
    whole = Request(
        id=RequestId(name),
        requester=ALICE,
        asked=AccessTemplate((ALICE, BOB), (statement,)),
        quorums=NO_QUORUMS,
        opened_at=NOW,
        expires_at=later(600),
        last_updated=later(7),
        status=RequestStatus.APPROVED,
        end=RequestEnd.USED,
        ended_at=later(7),
        record=RecordId("rec_req_2"),
    )
    return replace(whole, **members)


def an_elevation(name: str = "el_1", /, **members: Any) -> Elevation:  # noqa: ANN401  # any member
    """A live, counted elevation of Alice's token, good for 300 seconds."""
    whole = Elevation(
        id=ElevationId(name),
        user=ALICE,
        token=TOKEN,
        area=Area(parse_resource("accounts/1/*"), parse_action("Payments:Send"), exact=True),
        level=Level.STRONG,
        method=Method.TOTP,
        proven_at=later(-1),
        issued_at=NOW,
        expires_at=later(300),
        challenge=ChallengeId(f"challenge of {name}"),
        factor=FactorId("fa_1"),
        uses=3,
        uses_left=2,
        details=DETAILS,
        same_device=True,
        approvals=REQUIREMENT.approvals,
    )
    return replace(whole, **members)


def a_taken_use(key: str = "idem-1", **members: Any) -> TakenUse:  # noqa: ANN401  # any member
    """A use taken by the client `sc_1`."""
    return replace(TakenUse(ClientId("sc_1"), key, "fp", ElevationId("el_1"), NOW), **members)


def an_invite(digest: str = "d1", /, **members: Any) -> Invite:  # noqa: ANN401  # any member
    """An invite that Alice made for Bob, and that Bob has accepted."""
    whole = Invite(
        digest=digest,
        statements=(a_statement(), a_statement(step_up=None)),
        conflict_resolution=ConflictResolution.SKIP_CHANGES,
        inviter=ALICE,
        created_at=NOW,
        expires_at=later(600),
        linked_user=BOB,
        tenant="tenant",
        accepted_by=BOB,
    )
    return replace(whole, **members)


def an_answer(key: str = "k", /, **members: Any) -> RememberedAnswer:  # noqa: ANN401  # any member
    """What Alice's request was answered with, remembered for a day."""
    whole = RememberedAnswer(ALICE, key, "fp", b"\x01\x00sealed\xff", shown_until=later(600), expires_at=later(86_400))
    return replace(whole, **members)


def a_draft(number: int = 1) -> AuditDraft:
    """Something to record."""
    return AuditDraft(
        Event.ELEVATION_USED, later(number), "alice", {"n": number, "resource": "a/ü", "deep": {"list": [1, None]}}
    )
