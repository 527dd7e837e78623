"""The linter names each mark that guards nothing, and says which grant is the reason (semantics §4)."""

import time

import pytest

from stairgate.engine.lint import Finding, Policy, Severity, lint
from stairgate.model.access import (
    OWNER,
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
from stairgate.model.actions import ANY_ACTION, parse_action
from stairgate.model.approvals import Quorum
from stairgate.model.ids import GroupId, RecordId, RoleId, UserId
from stairgate.model.protection import BEST_LEVELS, Enforcement, Level, Method, Requirement
from stairgate.model.resources import parse_pattern

STRONG = Requirement()


def role(name: str, *actions: str, mark: Requirement | None = None) -> Role:
    made = (Permission(parse_action(each), allow=True, grant=False, delegate=False, step_up=mark) for each in actions)
    return Role(RoleId(name), name, tuple(made))


def statement(roles: str, resources: str, mark: Requirement | None = None, when: str | None = None) -> Statement:
    return Statement(
        tuple(map(RoleId, roles.split())), tuple(map(parse_pattern, resources.split())), step_up=mark, when=when
    )


def record(name: str, users: str, *statements: Statement, groups: str = "") -> AccessRecord:
    return AccessRecord(
        RecordId(name),
        name,
        statements,
        users=tuple(map(UserId, users.split())),
        groups=tuple(map(GroupId, groups.split())),
    )


def group(name: str, users: str) -> Group:
    return Group(GroupId(name), name, tuple(map(UserId, users.split())))


ROLES = (role("pay", "payments:create", "READ"), role("view", "READ"), role("all", "payments:*"))
MARKED = record("marked", "ann bob", statement("pay", "accounts/1", STRONG))


def codes(policy: Policy) -> list[tuple[str, str, str]]:
    return [(finding.severity.value, finding.code, finding.place) for finding in lint(policy)]


def void(*others: AccessRecord, roles: tuple[Role, ...] = ROLES, **more: object) -> list[Finding]:
    policy = Policy((MARKED, *others), roles, **more)  # type: ignore[arg-type]  # what a test names
    return [finding for finding in lint(policy) if finding.code.startswith("mark-")]


def test_a_policy_without_fault_has_no_findings() -> None:
    assert lint(Policy((MARKED,), ROLES)) == []
    assert lint(Policy(())) == []


@pytest.mark.parametrize(
    "other",
    [
        record("other", "ann bob", statement("pay", "accounts/1")),
        record("other", "ann bob", statement("pay", "accounts")),
        record("other", "ann bob", statement("pay", "accounts/*")),
        record("other", "ann bob", statement("pay", "*/1")),
        record("other", "ann bob", statement("all", "accounts/1")),
        record("other", "ann bob", statement("Authress:Owner", "*")),
        record("other", "", statement("pay", "accounts"), groups="staff"),
        record("other", "ann", statement("view", "accounts"), groups="bobs"),
    ],
)
def test_an_unmarked_grant_of_the_same_access_makes_a_mark_void(other: AccessRecord) -> None:
    found = void(other, groups=(group("staff", "ann bob"), group("bobs", "bob")))
    assert [(each.severity, each.code, each.place) for each in found] == [
        (Severity.ERROR, "mark-void", "record `marked` statement 0")
    ]
    assert "everybody whom it names" in found[0].message
    assert "record `other` statement 0" in found[0].message


def test_the_message_says_what_is_open_to_whom_and_by_which_grant() -> None:
    (found,) = void(record("boss", "bob", statement(OWNER.id, "*")))
    assert found.severity is Severity.WARNING
    assert found.message == (
        "`payments:create` on `accounts/1` is open to `bob` without it: "
        "by record `boss` statement 0, role `Authress:Owner` on `*`"
    )


def test_what_gives_only_a_part_of_it_is_told_apart() -> None:
    (found,) = void(record("other", "ann bob", statement("pay", "accounts/1/notes")))
    assert (found.severity, found.code) == (Severity.WARNING, "mark-partly-void")
    assert "on `accounts/1/notes`" in found.message


@pytest.mark.parametrize(
    "other",
    [
        record("other", "ann bob", statement("view", "accounts/2")),
        record("other", "ann bob", statement("pay", "accounts/1", STRONG)),
        record("other", "cyd", statement("pay", "accounts/1")),
        record("other", "ann bob", statement("nothing", "accounts/1")),
        record("other", "ann bob", statement("pay", "accounts/1", when="context.amount < 100")),
        record("other", "ann bob", statement("pay", "accounts/1", Requirement(when="context.amount > 100"))),
    ],
)
def test_what_is_something_else_or_guarded_itself_makes_no_mark_void(other: AccessRecord) -> None:
    assert void(other) == []


def test_what_a_resource_s_mark_guards_is_open_to_nobody() -> None:
    other = record("boss", "ann bob", statement(OWNER.id, "*"))
    guarded = ResourceConfiguration(parse_pattern("accounts"), marks=(ResourceMark((ANY_ACTION,), STRONG),))
    assert void(other, resources=(guarded,)) == []
    observed = Requirement(enforce=Enforcement.OBSERVE)
    watched = ResourceConfiguration(parse_pattern("accounts"), marks=(ResourceMark((ANY_ACTION,), observed),))
    assert len(void(other, resources=(watched,))) == 1


def test_a_public_resource_makes_a_mark_on_reading_void() -> None:
    public = ResourceConfiguration(parse_pattern("accounts/1"), frozenset({ResourceAbility.PUBLIC}))
    (found,) = void(resources=(public,))
    assert "the PUBLIC resource `accounts/1`" in found.message
    assert "`READ`" in found.message


def test_a_deleted_record_makes_nothing_void() -> None:
    gone = record("other", "ann bob", statement("pay", "accounts"))
    deleted = AccessRecord(gone.id, gone.name, gone.statements, users=gone.users, status=RecordStatus.DELETED)
    assert void(deleted) == []


def test_a_role_s_mark_is_void_where_another_role_gives_its_action() -> None:
    marked = role("careful", "payments:create", mark=STRONG)
    through = record("through", "ann", statement("careful", "accounts/1"))
    around = record("around", "ann", statement("all", "accounts"))
    found = lint(Policy((through, around), (marked, *ROLES)))
    assert [(each.code, each.place) for each in found] == [
        ("mark-void", "record `through` statement 0, role `careful`, `payments:create`")
    ]
    wide = Role(
        RoleId("careful"), "careful", (*marked.permissions, *role("x", "payments").permissions, *ROLES[1].permissions)
    )
    assert lint(Policy((through,), (wide,))) == []  # a role's other permissions do not give it


def test_marks_that_cannot_be_met_refuse_nothing_or_take_a_code_alone_are_named() -> None:
    asked = {
        "hard": Requirement(level=Level.HARDWARE, methods=frozenset({Method.TOTP})),
        "watching": Requirement(enforce=Enforcement.OBSERVE),
        "coded": Requirement(methods=frozenset({Method.TOTP})),
        "agreed": Requirement(approvals=frozenset({Quorum(2, frozenset({GroupId("staff"), GroupId("none")}))})),
        "always": Requirement(when="1 < 2"),
        "fine": Requirement(when="context.amount > 100"),
        "dodged": Requirement(when="has(context.amount) && context.amount > subject.properties.limit"),
        "seen": Requirement(when="!has(context.amount) || context.amount > 100"),
    }
    policy = Policy(
        (),
        groups=(group("staff", "ann"),),
        resources=tuple(
            ResourceConfiguration(parse_pattern(name), marks=(ResourceMark((ANY_ACTION,), mark),))
            for name, mark in asked.items()
        ),
    )
    assert codes(policy) == [
        ("error", "no-quorum", "resource `agreed` mark 0"),
        ("error", "out-of-reach", "resource `hard` mark 0"),
        ("warning", "constant-condition", "resource `always` mark 0"),
        ("warning", "codes-only", "resource `coded` mark 0"),
        ("warning", "dodged-by-silence", "resource `dodged` mark 0"),
        ("warning", "observes-only", "resource `watching` mark 0"),
    ]


def test_what_the_service_does_not_offer_cannot_meet_a_mark() -> None:
    marked = ResourceConfiguration(
        parse_pattern("x"), marks=(ResourceMark((ANY_ACTION,), Requirement(level=Level.HARDWARE)),)
    )
    without: dict[Method, Level] = {
        method: level for method, level in BEST_LEVELS.items() if method is not Method.PASSKEY
    }
    assert lint(Policy((), resources=(marked,))) == []
    assert codes(Policy((), resources=(marked,), best_levels=without)) == [
        ("error", "out-of-reach", "resource `x` mark 0")
    ]


def test_names_of_nothing_are_named() -> None:
    dangling = record("r", "ann", statement("gone view", "docs"), groups="nobody")
    assert codes(Policy((dangling,), ROLES)) == [
        ("warning", "unknown-group", "record `r`"),
        ("warning", "unknown-role", "record `r` statement 0"),
    ]


def test_time_grows_with_the_grants_and_not_with_their_square() -> None:
    """3000 users with five grants each, every second record marked, and a group of them all."""
    users = [f"u{number}" for number in range(3_000)]
    records = [
        record(
            f"r{number}",
            user,
            *(statement("pay", f"accounts/{number}/{place}", STRONG if number % 2 else None) for place in range(5)),
        )
        for number, user in enumerate(users)
    ]
    records.append(record("everybody", "", statement("pay", "shared", STRONG), groups="all"))
    records.append(record("one", "u7", statement("pay", "accounts/7/3")))
    policy = Policy(tuple(records), ROLES, (group("all", " ".join(users)),))
    began = time.perf_counter()
    found = lint(policy)
    assert [(each.code, each.place) for each in found] == [("mark-void", "record `r7` statement 3")]
    assert time.perf_counter() - began < 30  # a second where nothing else runs
