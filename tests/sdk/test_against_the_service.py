"""Both clients against the real service over real HTTP: the whole of what they can do."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from tests.sdk.conftest import Make, code

from stairgate import (
    AccessRecord,
    AccessRecordAlreadyExistsError,
    AccessRequest,
    AccessTemplate,
    Allowed,
    AlreadyClaimedError,
    ArgumentError,
    ChallengeEndedError,
    ChallengePendingError,
    ChangedMeanwhileError,
    ClientOptions,
    Denied,
    ForbiddenError,
    Group,
    IdempotencyKeyReusedError,
    Identity,
    InvalidChallengeTokenError,
    InvalidInputError,
    Invite,
    NoEligibleFactorError,
    NotFoundError,
    Permission,
    RequestEndedError,
    Requirement,
    Resource,
    ResourceAbility,
    ResourceMark,
    ResourceUser,
    Role,
    ServiceClient,
    Statement,
    StepUp,
    UnauthenticatedError,
    UserPermission,
    UserResource,
    UserRole,
    UserTokenRefusedError,
    WrongAnswerError,
)
from stairgate.testing.server import LocalServer

_numbers = count(1)
PAY = "payments:create"


class Customer:
    """A fresh user with an account whose payments are protected."""

    def __init__(self, server: LocalServer, client: Any, mark: Requirement | None = None) -> None:
        number = next(_numbers)
        self.user, self.account, self.role = f"user-{number}", f"accounts/{number}", f"ro_{number}"
        client.roles.create(Role(role_id=self.role, name="payer", permissions=[Permission(action=PAY)]))
        self.record = client.records.create(
            AccessRecord(
                name="account",
                users=[self.user],
                statements=[
                    Statement(roles=[self.role], resources=[self.account], step_up=mark or Requirement(level="strong"))
                ],
            )
        )
        self.secret = server.totp(self.user)
        self.token = server.token(self.user)


@pytest.fixture
def owner(make: Make, server: LocalServer) -> Any:
    return make(server.url, access_key=server.access_key)


def test_the_six_steps_of_the_article(server: LocalServer, owner: Any) -> None:
    customer = Customer(server, owner)
    question = (customer.user, customer.account, PAY)
    refusal = owner.authorize(*question, user_token=customer.token)
    assert isinstance(refusal, StepUp)
    assert refusal.reason == "elevation_required"
    assert refusal.step_up_challenge_token is not None
    challenge = owner.challenges.open(refusal.step_up_challenge_token, user_token=customer.token)
    with pytest.raises(ChallengePendingError):
        owner.step_up_authorization(refusal.step_up_challenge_token, user_token=customer.token)
    assert challenge.live
    assert "totp" in challenge.methods
    assert challenge.page_uri is not None
    assert challenge.match_code is not None
    assert challenge.page_uri not in repr(challenge)
    seen = owner.challenges.get(challenge.challenge_id)
    assert seen == replace(challenge, page_uri=None, match_code=None)
    with pytest.raises(WrongAnswerError) as wrong:
        owner.challenges.answer(challenge.challenge_id, method="totp", code="000000")
    assert wrong.value.attempts_left == 4
    done = owner.challenges.answer(challenge.challenge_id, method="totp", code=code(customer.secret))
    assert done.state == "satisfied"
    with pytest.raises(ChallengeEndedError) as ended:
        owner.challenges.answer(challenge.challenge_id, method="totp", code=code(customer.secret))
    assert ended.value.state == "satisfied"
    elevation = owner.step_up_authorization(refusal.step_up_challenge_token, user_token=customer.token)
    assert elevation.user_id == customer.user
    assert owner.authorize(*question, user_token=customer.token) == Allowed()
    assert isinstance(owner.authorize(*question, user_token=server.token(customer.user)), StepUp)
    assert [each.elevation_id for each in owner.elevations.list(customer.user)] == [elevation.elevation_id]
    owner.elevations.end(customer.user, elevation.elevation_id)
    assert owner.elevations.list(customer.user) == []
    assert isinstance(owner.authorize(*question, user_token=customer.token), StepUp)


def test_a_user_can_do_it_alone_with_their_own_token(make: Make, server: LocalServer, owner: Any) -> None:
    customer = Customer(server, owner)
    client = make(server.url, user_token=customer.token)
    question = (customer.user, customer.account, PAY)
    refusal = client.authorize(*question)
    assert isinstance(refusal, StepUp)
    assert refusal.step_up_challenge_token is not None
    challenge = client.challenges.open(refusal.step_up_challenge_token)
    done = client.challenges.answer(challenge.challenge_id, method="totp", code=code(customer.secret), once=True)
    assert client.challenges.wait(challenge.challenge_id).state == done.state == "satisfied"
    assert [each.state for each in client.challenges.watch(challenge.challenge_id)] == ["satisfied"]
    assert client.step_up_authorization(refusal.step_up_challenge_token).uses == 1
    assert client.authorize(*question) == Allowed()
    assert isinstance(client.authorize(*question), StepUp)
    client.elevations.end_all(customer.user)


def test_without_the_users_token_nothing_protected_is_allowed(server: LocalServer, owner: Any) -> None:
    customer = Customer(server, owner)
    decision = owner.authorize(customer.user, customer.account, PAY)
    assert isinstance(decision, StepUp)
    assert (decision.reason, decision.step_up_challenge_token) == ("token_required", None)
    with pytest.raises(UserTokenRefusedError):
        owner.authorize(customer.user, customer.account, PAY, user_token=server.token("somebody-else"))


def test_the_app_can_prove_it_with_a_code_of_its_own(server: LocalServer, owner: Any) -> None:
    customer = Customer(server, owner, Requirement(level="basic"))
    refusal = owner.authorize(customer.user, customer.account, PAY, user_token=customer.token)
    challenge = owner.challenges.open(refusal.step_up_challenge_token, user_token=customer.token)
    issued = owner.challenges.request_code(challenge.challenge_id, "external")
    assert issued is not None
    done = owner.challenges.answer(challenge.challenge_id, method="external", code=issued.code)
    assert done.state == "satisfied"


def test_challenges_are_declined_and_cancelled(server: LocalServer, owner: Any) -> None:
    customer = Customer(server, owner)
    refusal = owner.authorize(customer.user, customer.account, PAY, user_token=customer.token)
    challenge = owner.challenges.open(refusal.step_up_challenge_token, user_token=customer.token)
    assert owner.challenges.decline(challenge.challenge_id).state == "declined"
    refusal = owner.authorize(customer.user, customer.account, PAY, user_token=customer.token)
    challenge = owner.challenges.open(refusal.step_up_challenge_token, user_token=customer.token)
    owner.challenges.cancel(challenge.challenge_id)
    assert owner.challenges.get(challenge.challenge_id).state == "cancelled"
    with pytest.raises(InvalidChallengeTokenError):
        owner.challenges.open("eyJ.e30.x")
    with pytest.raises(NotFoundError):
        owner.challenges.get("nothing")


def test_waiting_gives_up_in_time_and_says_what_it_saw(server: LocalServer, owner: Any) -> None:
    customer = Customer(server, owner)
    refusal = owner.authorize(customer.user, customer.account, PAY, user_token=customer.token)
    challenge = owner.challenges.open(refusal.step_up_challenge_token, user_token=customer.token)
    assert owner.challenges.wait(challenge.challenge_id, timeout=0.01).state == "open"


def test_a_user_without_a_factor_is_told_so(server: LocalServer, owner: Any) -> None:
    customer = Customer(server, owner)
    role = customer.role
    user = f"{customer.user}-bare"
    owner.records.create(
        AccessRecord(
            name="bare", users=[user], statements=[Statement(roles=[role], resources=["bare"], step_up=Requirement())]
        )
    )
    token = server.token(user)
    refusal = owner.authorize(user, "bare", PAY, user_token=token)
    with pytest.raises(NoEligibleFactorError):
        owner.challenges.open(refusal.step_up_challenge_token, user_token=token)


def test_a_link_to_the_account_page_is_entered_as_the_login_that_asked(
    make: Make, server: LocalServer, owner: Any
) -> None:
    """§7.6: a link of the user's own enrols nothing; one of a client that may enrol adds the first factor, too."""
    customer = Customer(server, owner)
    entered = owner.account_link(customer.user, user_token=customer.token)
    assert entered.account_uri.endswith(entered.link)
    own = make(server.url, user_token=customer.token).account_link(customer.user)
    assert not own.enrols
    assert own.link != entered.link
    assert owner.account_link(customer.user).enrols
    with pytest.raises(UserTokenRefusedError):
        owner.account_link(customer.user, user_token=server.token("somebody-else"))


def test_explain_says_why(server: LocalServer, owner: Any) -> None:
    customer = Customer(server, owner)
    document = owner.explain(customer.user, customer.account, PAY, user_token=customer.token)
    assert document["outcome"]
    assert document["grants"]


def test_records_are_kept_listed_replaced_and_deleted(server: LocalServer, owner: Any) -> None:
    customer = Customer(server, owner)
    key = customer.record.record_id
    read = owner.records.get(key)
    assert read.statements[0].step_up.level == "strong"
    assert key in [each.record_id for each in owner.records.list(page_size=1)]
    owner.records.replace(key, replace(read, name="renamed"))
    again = owner.records.get(key)
    assert again.name == "renamed"
    assert again.statements[0].step_up == read.statements[0].step_up, "a record put back keeps its protection"
    with pytest.raises(ChangedMeanwhileError):
        owner.records.replace(key, replace(read, name="lost update"))
    bare = replace(
        again, statements=[Statement(roles=read.statements[0].roles, resources=read.statements[0].resources)]
    )
    owner.records.replace(key, bare)
    assert owner.records.get(key).statements[0].step_up == read.statements[0].step_up, "KEEP keeps"
    with pytest.raises(AccessRecordAlreadyExistsError):
        owner.records.create(replace(read, name="same id"))
    owner.records.delete(key)
    assert isinstance(owner.authorize(customer.user, customer.account, PAY), Denied)


def test_roles_groups_and_resources(server: LocalServer, owner: Any) -> None:
    number = next(_numbers)
    role = owner.roles.create(Role(name="r", permissions=[Permission(action="read", step_up=Requirement(uses=1))]))
    assert owner.roles.get(role.role_id).permissions[0].step_up.uses == 1
    owner.roles.replace(role.role_id, Role(name="new", permissions=[Permission(action="read")]))
    assert owner.roles.get(role.role_id).permissions[0].step_up.uses == 1
    assert role.role_id in [each.role_id for each in owner.roles.list()]

    group = owner.groups.create(Group(group_id=f"grp_{number}", name="g", users=["u1"]))
    owner.groups.replace(group.group_id, replace(group, users=["u1", "u2"], last_updated=None))
    assert list(owner.groups.get(group.group_id).users) == ["u1", "u2"]
    assert group.group_id in [each.group_id for each in owner.groups.list()]
    owner.groups.delete(group.group_id)
    with pytest.raises(NotFoundError):
        owner.groups.get(group.group_id)

    uri = f"vault/{number}"
    owner.resources.replace(uri, Resource(step_up=[ResourceMark(actions=["open"], level="hardware")]))
    assert owner.resources.get(uri).step_up[0].level == "hardware"
    assert list(owner.resources.list())
    owner.roles.delete(role.role_id)


def test_clients_keys_and_identities(make: Make, server: LocalServer, owner: Any) -> None:
    made = owner.clients.create(ServiceClient(name="shop", options=ClientOptions(grant_user_permissions_access=True)))
    key = owner.clients.create_key(made.client_id)
    shop = make(server.url, access_key=key.access_key)
    assert isinstance(shop.authorize("nobody", "nothing", "READ"), Denied)
    with pytest.raises(ForbiddenError):
        shop.roles.create(Role(name="r", permissions=[Permission(action="read")]))
    assert made.client_id in [each.client_id for each in owner.clients.list()]
    owner.clients.replace(made.client_id, replace(made, name="renamed"))
    assert owner.clients.get(made.client_id).name == "renamed"
    owner.clients.delete_key(made.client_id, key.key_id)
    with pytest.raises(UnauthenticatedError):
        shop.authorize("nobody", "nothing", "READ")
    owner.clients.delete(made.client_id)

    issuer = f"https://login{next(_numbers)}.example"
    trusted = owner.identities.create(
        Identity(issuer=issuer, audience="app", user_id_expression=f"p{next(_numbers)}|{{sub}}")
    )
    assert (trusted.issuer, trusted.audience) == (issuer, "app")
    assert issuer in [each.issuer for each in owner.identities.list()]


def test_errors_name_the_field(owner: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        owner.roles.create(Role(name="r", permissions=[Permission(action="a*")]))
    assert caught.value.field is not None
    assert "action" in caught.value.field
    assert caught.value.error_id


def test_access_is_read_for_the_token_that_is_passed(server: LocalServer, owner: Any) -> None:
    customer = Customer(server, owner)
    where = (customer.user, customer.account)
    assert owner.access.permissions(*where) == []
    assert owner.access.roles(*where) == []
    assert list(owner.access.resources(customer.user)) == []
    (permission,) = owner.access.permissions(*where, include_protected=True)
    assert (permission.action, permission.step_up.level) == (PAY, "strong")
    (role,) = owner.access.roles(*where, include_protected=True)
    assert (role.role_id, role.step_up.level) == (customer.role, "strong")
    (resource,) = owner.access.resources(customer.user, permission=PAY, include_protected=True)
    assert (resource.resource_uri, resource.step_up.level) == (customer.account, "strong")

    refusal = owner.authorize(*where, PAY, user_token=customer.token)
    challenge = owner.challenges.open(refusal.step_up_challenge_token, user_token=customer.token)
    owner.challenges.answer(challenge.challenge_id, method="totp", code=code(customer.secret))
    assert owner.access.permissions(*where, user_token=customer.token) == [UserPermission(action=PAY, allow=True)]
    assert owner.access.roles(*where, user_token=customer.token) == [UserRole(role_id=customer.role)]
    found = owner.access.resources(customer.user, collection="accounts", permission=PAY, user_token=customer.token)
    assert list(found) == [UserResource(resource_uri=customer.account)]
    assert owner.access.permissions(*where, user_token=server.token(customer.user)) == []
    with pytest.raises(UserTokenRefusedError):
        owner.access.permissions(*where, user_token=server.token("somebody else"))


def test_a_user_reads_their_own_access_and_nobody_elses(make: Make, server: LocalServer, owner: Any) -> None:
    customer, other = Customer(server, owner), Customer(server, owner)
    client = make(server.url, user_token=customer.token)
    (permission,) = client.access.permissions(customer.user, customer.account, include_protected=True)
    assert permission.action == PAY
    for ask in (
        lambda: client.access.permissions(other.user, other.account),
        lambda: client.access.roles(other.user, other.account),
        lambda: list(client.access.resources(other.user)),
    ):
        with pytest.raises(ForbiddenError):
            ask()


def test_the_users_of_a_resource_come_page_by_page(server: LocalServer, owner: Any) -> None:
    customer = Customer(server, owner)
    names = sorted(f"{customer.user}-{number}" for number in range(5))
    statement = Statement(roles=[customer.role], resources=[f"{customer.account}/shared"])
    owner.records.create(AccessRecord(name="shared", users=names, statements=[statement]))
    found = list(owner.access.users(f"{customer.account}/shared", page_size=2))
    assert found == [ResourceUser(user_id=name, roles=(customer.role,)) for name in names]


def test_claims_and_invites(make: Make, server: LocalServer, owner: Any) -> None:
    number = next(_numbers)
    collection, ann, bob = f"tenants{number}", f"ann{number}", f"bob{number}"
    owner.resources.replace(collection, Resource(permissions=[ResourceAbility(action="CLAIM")]))
    as_ann = make(server.url, user_token=server.token(ann))
    claimed = as_ann.claim(collection, "t1", idempotency_key="k")
    assert claimed.resource_uri == f"{collection}/t1"
    assert as_ann.claim(collection, "t1", idempotency_key="k") == claimed
    assert as_ann.records.get(claimed.record_id).admins == (ann,)
    with pytest.raises(AlreadyClaimedError):
        as_ann.claim(collection, "t1")

    given = Statement(roles=["Authress:ReadResource"], resources=[claimed.resource_uri])
    invite = as_ann.invites.create(Invite(statements=[given]))
    as_bob = make(server.url, user_token=server.token(bob))
    assert as_bob.invites.get(invite.invite_id).statements == invite.statements
    assert isinstance(as_bob.authorize(bob, claimed.resource_uri, "READ"), Denied)
    as_bob.invites.accept(invite.invite_id)
    as_bob.invites.accept(invite.invite_id)
    assert as_bob.authorize(bob, claimed.resource_uri, "READ") == Allowed()
    other = as_ann.invites.create(Invite(statements=[given], linked_user_id=bob))
    as_ann.invites.delete(other.invite_id)
    with pytest.raises(NotFoundError):
        as_bob.invites.accept(other.invite_id)


def test_what_is_made_under_a_key_is_made_once(owner: Any) -> None:
    name = f"g{next(_numbers)}"
    made = owner.groups.create(Group(name=name, users=[]), idempotency_key=name)
    assert owner.groups.create(Group(name=name, users=[]), idempotency_key=name) == made
    with pytest.raises(IdempotencyKeyReusedError):
        owner.groups.create(Group(name="other", users=[]), idempotency_key=name)
    assert [each.name for each in owner.groups.list(filter=name)].count(name) == 1
    with pytest.raises(ArgumentError):
        owner.groups.create(Group(name=name, users=[]), idempotency_key="ü")


def test_other_people_agree_to_a_step_up(server: LocalServer, owner: Any, make: Make) -> None:
    """Asked, seen, agreed to as it was seen, waited for, proven; then the access is open."""
    boss = f"boss-{next(_numbers)}"
    group = owner.groups.create(Group(group_id=f"grp_{boss}", name="managers", users=[boss]))
    mark = Requirement(level="strong", approvals={"count": 1, "groups": [group.group_id]})
    customer = Customer(server, owner, mark)
    refusal = owner.authorize(customer.user, customer.account, PAY, user_token=customer.token)
    challenge = owner.challenges.open(refusal.step_up_challenge_token, expiry=3600)
    assert (challenge.live, challenge.approved, challenge.methods) == (True, False, ("approval",))
    assert owner.challenges.wait_for_approval(challenge.challenge_id, timeout=0).approved is False
    manager = make(server.url, user_token=server.token(boss))
    [request] = list(manager.requests.list(status="OPEN"))
    assert (request.requester_id, request.step_up.resource_uri, request.waiting) == (
        customer.user,
        customer.account,
        True,
    )
    done = manager.requests.approve(request, comment="fine")
    assert (done.approved, done.votes[0].comment) == (True, "fine")
    with pytest.raises(RequestEndedError) as ended:
        manager.requests.decline(request)
    assert ended.value.state == "APPROVED"
    assert owner.challenges.wait_for_approval(challenge.challenge_id, timeout=5).approved is True
    owner.challenges.answer(challenge.challenge_id, method="totp", code=code(customer.secret))
    assert isinstance(owner.authorize(customer.user, customer.account, PAY, user_token=customer.token), Allowed)


def test_access_is_asked_for_changed_and_given(server: LocalServer, owner: Any, make: Make) -> None:
    number = next(_numbers)
    asker, boss = f"asker-{number}", f"boss-{number}"
    give = Statement(roles=["Authress:Owner"], resources=[f"projects/{number}"])
    owner.records.create(AccessRecord(name="boss", users=[boss], statements=[give]))
    user, manager = (make(server.url, user_token=server.token(each)) for each in (asker, boss))
    access = AccessTemplate(users=[asker], statements=[give])
    first = user.requests.create(AccessRequest(access=access, expiry=3600, tags={"a": "b"}))
    narrower = replace(give, roles=["Authress:ReadResource"])
    changed = user.requests.change(first, replace(access, statements=[narrower]))
    assert (first.version, changed.version, changed.tags) == (1, 2, {"a": "b"})
    with pytest.raises(ChangedMeanwhileError):
        manager.requests.approve(first)
    manager.requests.approve(changed)
    given = user.requests.wait(changed.request_id, timeout=5)
    assert (given.approved, given.ended) == (True, "used")
    assert isinstance(user.authorize(asker, f"projects/{number}", "READ"), Allowed)
    second = user.requests.create(AccessRequest(access=access))
    user.requests.withdraw(second.request_id)
    assert user.requests.get(second.request_id).ended == "withdrawn"
