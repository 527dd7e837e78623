"""Roles, groups, resource configurations, clients and their keys, trusted issuers (authress-contract §1.3)."""

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from tests.unit.service_management.world import ONCE, OWNER_CLIENT, STRONG, World, permission, user

from stairgate.model.access import ResourceAbility, ResourceMark
from stairgate.model.actions import parse_action
from stairgate.model.errors import (
    AlreadyExistsError,
    ForbiddenError,
    InvalidInputError,
    LimitReachedError,
    NotFoundError,
    PreconditionFailedError,
    ProtectionWouldBeLostError,
)
from stairgate.model.ids import ClientId, GroupId, KeyId, RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_pattern
from stairgate.service.client_keys import create_key, delete_key, public_key_text, read_public_key
from stairgate.service.clients import create_client, delete_client, list_clients, read_client, replace_client
from stairgate.service.cursors import cursor_at, position_of
from stairgate.service.drafts import ClientDraft, GroupDraft, IssuerDraft, PermissionDraft, ResourceDraft, RoleDraft
from stairgate.service.groups import create_group, delete_group, list_groups, read_group, replace_group
from stairgate.service.identities import list_issuers, trust_issuer
from stairgate.service.preconditions import unmodified_since
from stairgate.service.resources import configure_resource, list_resources, read_resource
from stairgate.service.roles import create_role, delete_role, list_roles, read_role, replace_role

pytestmark = pytest.mark.anyio
ANN = user("ann")
ROLE = RoleId("ro_1")
GROUP = GroupId("grp_1")


# --- roles


async def test_a_role_is_made_once_and_not_under_a_reserved_id(world: World) -> None:
    made = await create_role(world.services, OWNER_CLIENT, RoleDraft("r", (permission("READ"),), ROLE))
    assert await read_role(world.services, OWNER_CLIENT, ROLE) == made.value
    with pytest.raises(AlreadyExistsError):
        await create_role(world.services, OWNER_CLIENT, RoleDraft("r", (), ROLE))
    for reserved in ("Authress:Owner", "authress:mine"):
        with pytest.raises(InvalidInputError):
            await create_role(world.services, OWNER_CLIENT, RoleDraft("r", (), RoleId(reserved)))


async def test_nobody_changes_a_built_in_role(world: World) -> None:
    with pytest.raises(ForbiddenError):
        await replace_role(world.services, OWNER_CLIENT, RoleId("Authress:Owner"), RoleDraft("r", ()))
    with pytest.raises(ForbiddenError):
        await delete_role(world.services, OWNER_CLIENT, RoleId("Authress:Owner"))


async def replaced(world: World, *permissions: PermissionDraft) -> list[Requirement | None]:
    written = await replace_role(world.services, OWNER_CLIENT, ROLE, RoleDraft("r", permissions))
    return [each.step_up for each in written.value.permissions]


async def test_a_permission_keeps_its_mark_by_its_action_however_it_is_spelled(world: World) -> None:
    first = (permission("docs:read"), permission("PAY", step_up=ONCE))
    await create_role(world.services, OWNER_CLIENT, RoleDraft("r", first, ROLE))
    assert await replaced(world, permission("pay:*"), permission("docs:read")) == [ONCE, None]
    assert await replaced(world, permission("PAY", step_up=None)) == [None]


async def test_a_marked_permission_without_a_counterpart_is_a_conflict(world: World) -> None:
    await create_role(world.services, OWNER_CLIENT, RoleDraft("r", (permission("PAY", step_up=ONCE),), ROLE))
    with pytest.raises(ProtectionWouldBeLostError):
        await replaced(world, permission("READ"))
    assert await replaced(world, permission("READ", step_up=STRONG)) == [STRONG]


async def test_a_role_is_listed_to_who_may_read_it_by_pages_and_by_text(world: World) -> None:
    names = [
        role.id for role in (await list_roles(world.services, OWNER_CLIENT, limit=100, after=None, text=None)).items
    ]
    assert names == ["Authress:Owner", "Authress:ReadResource", "ro_editor", "ro_lead", "ro_reader"]
    page = await list_roles(world.services, OWNER_CLIENT, limit=2, after="Authress:Owner", text=None)
    assert ([role.id for role in page.items], page.after) == (["Authress:ReadResource", "ro_editor"], "ro_editor")
    found = await list_roles(world.services, OWNER_CLIENT, limit=9, after=None, text="LEAD")
    assert [role.id for role in found.items] == ["ro_lead"]
    with pytest.raises(ForbiddenError):
        await list_roles(world.services, ANN, limit=9, after=None, text=None)


async def test_a_deleted_role_gives_nothing_and_is_gone(world: World) -> None:
    await delete_role(world.services, OWNER_CLIENT, RoleId("ro_reader"))
    with pytest.raises(NotFoundError):
        await read_role(world.services, OWNER_CLIENT, RoleId("ro_reader"))


# --- groups


async def test_group_admins_edit_their_group(world: World) -> None:
    draft = GroupDraft("g", (UserId("bob"),), GROUP, admins=(UserId("ann"),))
    await create_group(world.services, OWNER_CLIENT, draft)
    written = await replace_group(world.services, ANN, GROUP, GroupDraft("h", (UserId("cy"),)), None)
    assert (written.value.name, written.value.users, written.value.admins) == ("h", ("cy",), ("ann",))
    assert [each.id for each in (await list_groups(world.services, ANN, limit=9, after=None, text=None)).items] == [
        GROUP
    ]
    with pytest.raises(NotFoundError):
        await read_group(world.services, user("bob"), GROUP)
    await delete_group(world.services, ANN, GROUP)
    with pytest.raises(NotFoundError):
        await read_group(world.services, OWNER_CLIENT, GROUP)


async def test_a_group_that_changed_since_it_was_read_is_not_replaced(world: World) -> None:
    await create_group(world.services, OWNER_CLIENT, GroupDraft("g", (), GROUP))
    stale = unmodified_since("1970-01-01T00:00:00.000Z")
    with pytest.raises(PreconditionFailedError):
        await replace_group(world.services, OWNER_CLIENT, GROUP, GroupDraft("h", ()), stale)


# --- resource configurations

PATTERN = parse_pattern("accounts/*/keys")
PAY = ResourceMark((parse_action("PAY"),), STRONG)


async def test_an_absent_step_up_keeps_and_an_empty_one_removes(world: World) -> None:
    configure = configure_resource
    public = frozenset({ResourceAbility.PUBLIC})
    await configure(world.services, OWNER_CLIENT, PATTERN, ResourceDraft(frozenset(), (PAY,)))
    kept = (await configure(world.services, OWNER_CLIENT, PATTERN, ResourceDraft(public))).value
    assert (kept.abilities, kept.marks) == (public, (PAY,))
    again = (await configure(world.services, OWNER_CLIENT, PATTERN, ResourceDraft())).value
    assert (again.abilities, again.marks) == (public, (PAY,))
    bare = (await configure(world.services, OWNER_CLIENT, PATTERN, ResourceDraft(marks=()))).value
    assert (bare.abilities, bare.marks) == (public, ())
    assert await read_resource(world.services, OWNER_CLIENT, PATTERN) == bare


async def test_an_empty_configuration_registers_the_resource(world: World) -> None:
    await configure_resource(world.services, OWNER_CLIENT, parse_pattern("b"), ResourceDraft())
    await configure_resource(world.services, OWNER_CLIENT, parse_pattern("a/*"), ResourceDraft())
    listed = await list_resources(world.services, OWNER_CLIENT, limit=1, after=None)
    assert ([str(each.resource) for each in listed.items], listed.after) == (["a/*"], "a/*")
    rest = await list_resources(world.services, OWNER_CLIENT, limit=9, after=listed.after)
    assert [str(each.resource) for each in rest.items] == ["b"]


async def test_configuring_needs_grant_on_everything_there_and_not_beside(world: World) -> None:
    await world.role("ro_config", permission("*", "g"))
    await world.give(ANN, "ro_config", "Authress:ResourcePermissions/accounts/1")
    await configure_resource(world.services, ANN, parse_pattern("accounts/1/keys"), ResourceDraft())
    for other in ("accounts/*", "accounts/*/keys", "*", "accounts"):
        with pytest.raises(NotFoundError):
            await configure_resource(world.services, ANN, parse_pattern(other), ResourceDraft())


async def test_a_right_on_the_literal_that_a_wildcard_is_written_as_is_no_right_on_the_wildcard(world: World) -> None:
    await world.role("ro_config", permission("*", "g"))
    await world.give(ANN, "ro_config", "Authress:ResourcePermissions/accounts/~2A")
    await configure_resource(world.services, ANN, parse_pattern("accounts/*/keys"), ResourceDraft())
    with pytest.raises(NotFoundError):
        await configure_resource(world.services, ANN, parse_pattern("accounts/~2A/keys"), ResourceDraft())


async def test_the_owner_client_is_not_locked_out_by_a_mark_on_everything(world: World) -> None:
    everything = parse_pattern("*")
    await configure_resource(world.services, OWNER_CLIENT, everything, ResourceDraft(marks=(PAY,)))
    marked = ResourceDraft(marks=(ResourceMark((parse_action("*"),), STRONG),))
    await configure_resource(world.services, OWNER_CLIENT, everything, marked)
    await configure_resource(world.services, OWNER_CLIENT, everything, ResourceDraft(marks=()))


# --- service clients and their keys


async def client(world: World) -> ClientId:
    return (await create_client(world.services, OWNER_CLIENT, ClientDraft("c"))).value.id


async def test_a_client_is_made_read_changed_listed_and_deleted(world: World) -> None:
    key = await client(world)
    assert key.startswith("sc_")
    await create_key(world.services, OWNER_CLIENT, key, None)
    changed = await replace_client(world.services, OWNER_CLIENT, key, ClientDraft("d", may_check_any_user=True))
    assert (changed.value.name, changed.value.may_check_any_user, len(changed.value.keys)) == ("d", True, 1)
    silent = await replace_client(world.services, OWNER_CLIENT, key, ClientDraft("e"))
    assert silent.value.may_check_any_user is True
    listed = await list_clients(world.services, OWNER_CLIENT, limit=9, after=None)
    assert [each.id for each in listed.items] == [key]
    assert not (await list_clients(world.services, ANN, limit=9, after=None)).items
    await delete_client(world.services, OWNER_CLIENT, key)
    with pytest.raises(NotFoundError):
        await read_client(world.services, OWNER_CLIENT, key)


async def test_an_access_key_has_the_official_format_and_its_private_half_is_not_kept(world: World) -> None:
    key = await client(world)
    made = (await create_key(world.services, OWNER_CLIENT, key, None)).value
    assert made.access_key is not None
    assert made.access_key not in repr(made)
    names = made.access_key.split(".")
    assert names[:3] == [key, made.key.id, "acc_1"]
    assert len(names[3]) == 64
    private = load_der_private_key(b64decode(names[3]), password=None)
    assert isinstance(private, Ed25519PrivateKey)
    assert private.public_key().public_bytes_raw() == made.key.public_key
    assert names[3] not in str(await world.audit())


async def test_a_client_has_at_most_five_keys(world: World) -> None:
    key = await client(world)
    keys = [(await create_key(world.services, OWNER_CLIENT, key, None)).value.key.id for _ in range(5)]
    with pytest.raises(LimitReachedError):
        await create_key(world.services, OWNER_CLIENT, key, None)
    await delete_key(world.services, OWNER_CLIENT, key, keys[0])
    with pytest.raises(NotFoundError):
        await delete_key(world.services, OWNER_CLIENT, key, keys[0])
    await create_key(world.services, OWNER_CLIENT, key, None)


async def test_keys_need_their_own_right(world: World) -> None:
    key = await client(world)
    await world.role("ro_keys", permission("UPDATE"))
    await world.give(ANN, "ro_keys", f"Authress:ServiceClients/{key}/access-keys")
    made = (await create_key(world.services, ANN, key, None)).value.key.id
    await delete_key(world.services, ANN, key, made)
    with pytest.raises(NotFoundError):
        await replace_client(world.services, ANN, key, ClientDraft("x"))
    with pytest.raises(NotFoundError):
        await create_key(world.services, user("bob"), key, None)


async def test_a_public_key_of_ones_own_is_taken_in(world: World) -> None:
    key = await client(world)
    raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    made = (await create_key(world.services, OWNER_CLIENT, key, read_public_key(b64encode(raw).decode()))).value
    assert (made.access_key, made.key.public_key) == (None, raw)
    assert read_public_key(public_key_text(made.key)) == raw
    with pytest.raises(InvalidInputError):
        await create_key(world.services, OWNER_CLIENT, key, raw)


@pytest.mark.parametrize("text", ["", "x", "AAAA", "A" * 300, b64encode(b"0" * 44).decode(), "é"])
def test_what_is_no_ed25519_public_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_public_key(text)
    assert caught.value.field == "publicKey"


async def test_an_unknown_key_of_an_unknown_client_looks_like_any_other(world: World) -> None:
    with pytest.raises(NotFoundError):
        await delete_key(world.services, OWNER_CLIENT, ClientId("sc_none"), KeyId("key_none"))


# --- trusted issuers


async def trust(world: World, issuer: str, expression: str = "{sub}", **members: object) -> None:
    await trust_issuer(
        world.services,
        OWNER_CLIENT,
        IssuerDraft(issuer, user_id_expression=expression, **members),  # type: ignore[arg-type]
    )


async def test_one_issuer_has_bare_subjects_and_every_other_a_prefix_of_its_own(world: World) -> None:
    await trust(world, "https://a.example")
    with pytest.raises(InvalidInputError) as caught:
        await trust(world, "https://b.example")
    assert caught.value.field == "userIdExpression"
    await trust(world, "https://b.example", "b|{sub}")
    for taken in ("b|{sub}", "b|c|{sub}", "b{sub}"):
        with pytest.raises(InvalidInputError):
            await trust(world, "https://c.example", taken)
    await trust(world, "https://a.example", audience="app")  # the same issuer again: it is replaced
    issuers = await list_issuers(world.services, OWNER_CLIENT)
    assert [(each.issuer, each.audience) for each in issuers] == [
        ("https://a.example", "app"),
        ("https://b.example", "*"),
    ]


@pytest.mark.parametrize(
    "expression", ["sc_{sub}", "sc_x|{sub}", "s{sub}", "", "x", "{sub}|x", "{tid}|{sub}", "é{sub}"]
)
async def test_an_expression_that_could_yield_anothers_id_is_refused(world: World, expression: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await trust(world, "https://a.example", expression)
    assert caught.value.field == "userIdExpression"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a.example",
        "http://a.example",
        "ftp://a.example",
        "https://",
        "https://u:p@a.example",
        "https://a.example?x=1",
        "https://a.example#x",
        "https://a.example:99999",
        "https://[::1",
        "https://a example",
        "http://127.0.0.1.example",
        "https://stairgate.example",
        "https://stairgate.example/v1/clients/sc_1",
        "file:///etc/passwd",
    ],
)
async def test_an_address_that_will_not_do_is_refused(world: World, address: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await trust(world, address)
    assert caught.value.field == "issuer"
    if "stairgate" not in address:
        with pytest.raises(InvalidInputError) as other:
            await trust(world, "https://a.example", keys_uri=address)
        assert other.value.field == "jwksUri"


async def test_only_known_algorithms_can_be_pinned(world: World) -> None:
    for wrong in (frozenset({"none"}), frozenset({"HS256"}), frozenset[str]()):
        with pytest.raises(InvalidInputError):
            await trust(world, "https://a.example", algorithms=wrong)
    await trust(world, "http://127.0.0.1:9000/realm/", algorithms=frozenset({"RS256"}), trust_acr=True)


async def test_issuers_need_their_right(world: World) -> None:
    with pytest.raises(ForbiddenError):
        await list_issuers(world.services, ANN)
    with pytest.raises(ForbiddenError):
        await trust_issuer(world.services, ANN, IssuerDraft("https://a.example"))


# --- cursors


async def test_a_cursor_is_opaque_and_good_for_its_list_its_filters_and_its_caller(world: World) -> None:
    cursor = cursor_at(world.services, ANN, ["records", "x"], "rec_secret")
    assert cursor is not None
    assert "secret" not in cursor
    assert position_of(world.services, ANN, ["records", "x"], cursor) == "rec_secret"
    foreign = [(ANN, ["records", "y"]), (ANN, ["groups", "x"]), (user("bob"), ["records", "x"])]
    for who, scope in foreign:
        with pytest.raises(InvalidInputError):
            position_of(world.services, who, scope, cursor)


@pytest.mark.parametrize("forged", ["", ".", "x", "x.y", "é", "a" * 5000, "AAAA.AAAA", "\x00.\x00", "=.="])
async def test_a_forged_cursor_is_refused(world: World, forged: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        position_of(world.services, ANN, "records", forged)
    assert caught.value.field == "cursor"
