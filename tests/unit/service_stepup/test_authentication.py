"""Which tokens are accepted, whose they are, and that trust that ended counts no more."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt as jose
from joserfc.jwk import ECKey, OctKey, RSAKey
from tests.unit.service_stepup.world import AUDIENCE, ISSUER, World, denied

from stairgate.model.canonical import base64url
from stairgate.model.errors import InvalidInputError, OutOfScopeError, UnauthenticatedError, UserTokenRefusedError
from stairgate.model.ids import ClientId, UserId
from stairgate.model.jwt import sign_jwt
from stairgate.model.tokens import Caller, ClientCaller, UserCaller
from stairgate.service.authentication import authenticate, require_known, verify_user_token
from stairgate.service.test_identity import issue_test_token

pytestmark = pytest.mark.anyio


async def accept(world: World, token: str) -> Caller:
    return await authenticate(world.services, token)


async def refuse(world: World, token: str) -> None:
    """As bearer and as passed user token alike, and nothing of it is remembered."""
    with pytest.raises(UnauthenticatedError):
        await authenticate(world.services, token)
    with pytest.raises(UserTokenRefusedError):
        await verify_user_token(world.services, token)
    assert token not in world.services.token_cache


def tampered(token: str, part: int, **changes: Any) -> str:
    """*token* with members of a part changed, and its signature as it was."""
    parts = token.split(".")
    members = json.loads(base64.urlsafe_b64decode(parts[part] + "=="))
    parts[part] = base64url(json.dumps({**members, **changes}).encode())
    return ".".join(parts)


# --- user tokens ----------------------------------------------------------------------------------


@pytest.mark.parametrize("typ", ["at+jwt", "JWT", "application/at+jwt"])
async def test_an_access_token_of_a_trusted_issuer_is_its_user(world: World, typ: str) -> None:
    await world.trust()
    token = world.issued("ann", typ=typ, aud=["other", AUDIENCE])
    caller = await authenticate(world.services, token)
    assert isinstance(caller, UserCaller)
    assert (caller.token.user, caller.token.key.issuer) == ("ann", ISSUER)
    assert await authenticate(world.services, token) is caller
    assert await verify_user_token(world.services, token, user=UserId("ann")) == caller.token
    with pytest.raises(UserTokenRefusedError):
        await verify_user_token(world.services, token, user=UserId("bob"))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"iss": ISSUER + "/"},
        {"aud": "another"},
        {"aud": None},
        {"aud": [AUDIENCE, 7]},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": 1},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "sc_app"},
        {"sub": "x" * 129},
        {"sub": "no\u0000good"},
        {"token_use": "id"},
        {"token_use": "refresh"},
        {"typ": "ID"},
        {"typ": "Refresh"},
        {"cnf": {"jkt": "x"}},
    ],
    ids=lambda claims: "-".join(f"{name}-{str(value)[:20]}" for name, value in claims.items()),
)
async def test_a_token_with_a_wrong_claim_is_refused(world: World, claims: dict[str, Any]) -> None:
    """Attacks 11 and 21: issuer, audience, end, user and kind of token must be right."""
    await world.trust()
    await refuse(world, world.issued(**{"user": "ann", **claims}))


@pytest.mark.parametrize("claims", [{"nonce": "n"}, {"at_hash": "h"}, {"c_hash": "h"}, {"events": {}}], ids=str)
async def test_an_id_token_is_refused_where_it_can_be_told_apart(world: World, claims: dict[str, Any]) -> None:
    """Attack 11, TK-8. One whose `typ` says that it is an access token may have a nonce."""
    await world.trust()
    await refuse(world, world.issued("ann", typ="JWT", **claims))
    await accept(world, world.issued("ann", typ="at+jwt", **claims))


@pytest.mark.parametrize("typ", ["dpop+jwt", "logout+jwt", "txn-authz-challenge+jwt", "secevent+jwt", "JWE"])
async def test_a_jwt_of_another_kind_is_refused(world: World, typ: str) -> None:
    await world.trust()
    await refuse(world, world.issued("ann", typ=typ))


async def test_nbf_and_iat_may_be_a_minute_ahead_and_exp_not_a_second_over(world: World) -> None:
    await world.trust()
    now = int(world.clock.now().timestamp())
    for name in ("nbf", "iat"):
        await accept(world, world.issued("ann", claims={name: now + 60}))
        await refuse(world, world.issued("ann", claims={name: now + 61}))
    token = world.issued("ann", exp=now + 10)
    await accept(world, token)
    world.clock.advance(10)
    await refuse(world, token)


async def test_the_corpus_of_forged_tokens_is_refused(world: World) -> None:
    """Attack 21: no algorithm, confused algorithms, other keys, injected keys, changed parts, non-canonical forms."""
    await world.trust()
    good = world.issued("ann")
    await accept(world, good)
    head, body, signature = good.split(".")
    raw = world.issuer_key.public_key().public_bytes_raw()
    stranger = Ed25519PrivateKey.generate()
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    unsigned = base64url(b'{"alg":"none","typ":"at+jwt"}')
    hs256 = jose.encode(
        {"alg": "HS256", "kid": "k1", "typ": "at+jwt"}, claims, OctKey.import_key(raw), algorithms=["HS256"]
    )
    own = ECKey.import_key(ec.generate_private_key(ec.SECP256R1()))
    es256 = jose.encode({"alg": "ES256", "kid": "k1", "typ": "at+jwt"}, claims, own, algorithms=["ES256"])
    rs256 = jose.encode(
        {"alg": "RS256", "kid": "k1", "typ": "at+jwt"},
        claims,
        RSAKey.import_key(rsa.generate_private_key(public_exponent=65_537, key_size=2_048)),
        algorithms=["RS256"],
    )
    corpus = [
        "",
        ".",
        "..",
        "a.b.c",
        f"{unsigned}.{body}.",
        f"{head}.{body}.",
        f"{head}.{body}",
        f"{good}.{signature}",
        hs256,
        es256,
        rs256,
        sign_jwt(claims, typ="at+jwt", kid="k1", key=stranger),
        sign_jwt(claims, typ="at+jwt", kid="other", key=world.issuer_key),
        sign_jwt(claims, typ="at+jwt", kid="../../k1", key=world.issuer_key),
        tampered(good, 1, sub="bob"),
        tampered(good, 0, alg="none"),
        tampered(good, 0, alg="RS256"),
        tampered(good, 0, jwk={"kty": "OKP", "crv": "Ed25519", "x": base64url(raw)}),
        tampered(good, 0, jku="https://evil.example/keys"),
        tampered(good, 0, crit=["exp"]),
        f"{head}.{body}.{signature}=",
        f"{head}.{body}.{signature[:-1]}{chr(ord(signature[-1]) + 1)}",
        f" {good}",
        f"{good}\n",
        "A" * 9_000,
        f"{head}.{body}.{'A' * 9_000}",
        "é.é.é",
    ]
    for token in corpus:
        await refuse(world, token)
    with pytest.raises(UnauthenticatedError):
        await authenticate(world.services, None)


async def test_an_algorithm_that_the_issuer_is_not_pinned_to_is_refused(world: World) -> None:
    await world.trust(algorithms=frozenset({"ES256"}))
    await refuse(world, world.issued("ann"))


async def test_an_issuer_that_is_no_longer_trusted_or_changed_ends_what_was_remembered(world: World) -> None:
    await world.trust()
    token = world.issued("ann")
    await accept(world, token)
    await world.trust(audience="another")
    with pytest.raises(UnauthenticatedError):
        await authenticate(world.services, token)


async def test_a_key_that_its_issuer_withdrew_ends_within_minutes(world: World) -> None:
    await world.trust()
    token = world.issued("ann")
    await accept(world, token)
    world.issuer_keys.keys.clear()
    world.clock.advance(minutes=5)
    with pytest.raises(UnauthenticatedError):
        await authenticate(world.services, token)


async def test_users_of_two_issuers_never_meet(world: World) -> None:
    """§1: a prefixed issuer yields its prefix; a bare subject that begins with it is refused."""
    await world.trust()
    await world.trust("https://other.example", user_id_expression="corp|{sub}")
    mapped = await authenticate(world.services, world.issued("ann", iss="https://other.example"))
    assert mapped.principal == "corp|ann"
    await refuse(world, world.issued("corp|ann"))
    await world.trust("https://third.example", user_id_expression="corp|x|{sub}")
    await refuse(world, world.issued("x|ann", iss="https://other.example"))
    nested = await authenticate(world.services, world.issued("ann", iss="https://third.example"))
    assert nested.principal == "corp|x|ann"


async def test_a_claim_cannot_smuggle_a_placeholder_and_a_missing_one_refuses(world: World) -> None:
    await world.trust(user_id_expression="m|{email}")
    caller = await authenticate(world.services, world.issued("ann", email="ann@bank.example"))
    assert caller.principal == "m|ann@bank.example"
    await refuse(world, world.issued("ann"))
    await refuse(world, world.issued("ann", email="{sub}"))
    await world.trust(user_id_expression="{prefix}{sub}")
    await refuse(world, world.issued("app", prefix="sc_"))


async def test_the_key_of_a_token_is_of_its_one_form(world: World) -> None:
    """An ECDSA signature has a second valid form; both have one token key, so a bar on the token holds (§1)."""
    private = ec.generate_private_key(ec.SECP256R1())
    key = ECKey.import_key(private)
    await world.trust()
    world.issuer_keys.keys["ec"] = {**key.as_dict(private=False), "kid": "ec"}
    claims = json.loads(base64.urlsafe_b64decode(world.issued("ann").split(".")[1] + "=="))
    token = jose.encode({"alg": "ES256", "kid": "ec", "typ": "at+jwt"}, claims, key, algorithms=["ES256"])
    head, body, signature = token.split(".")
    data = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    flipped = data[:32] + (order - int.from_bytes(data[32:], "big")).to_bytes(32, "big")
    twin = f"{head}.{body}.{base64url(flipped)}"
    first, second = [await verify_user_token(world.services, each) for each in (token, twin)]
    assert first.key == second.key


# --- service clients ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typ", "claims"),
    [("at+jwt", {}), ("JWT", {"scope": None, "scopes": "openId"}), ("at+jwt", {"client_id": "sc_app"})],
    ids=["js", "py", "client_id"],
)
async def test_an_assertion_as_official_clients_sign_it_is_the_client(
    world: World, typ: str, claims: dict[str, Any]
) -> None:
    app = await world.client("app")
    caller = await authenticate(world.services, world.assertion(app.client, typ=typ, **claims))
    assert caller == app


async def test_every_public_origin_counts_in_an_assertion(world: World) -> None:
    app = await world.client("app")
    for origin in world.services.rules.public_origins:
        token = world.assertion(app.client, iss=f"{origin}/v1/clients/{app.client}")
        assert await authenticate(world.services, token) == app


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example/v1/clients/sc_app"},
        {"iss": "http://127.0.0.1:8080/v1/clients/sc_app/"},
        {"iss": "http://127.0.0.1:8080/v1/clients/sc_other"},
        {"iss": "http://127.0.0.1:8080/v1/clients/"},
        {"iss": "http://127.0.0.1:80801/v1/clients/sc_app"},
        {"iss": "http://127.0.0.1:8080"},
        {"sub": "sc_other"},
        {"sub": None},
        {"client_id": "sc_other"},
        {"aud": "acc_other.accounts.authress.io"},
        {"aud": None},
        {"exp": None},
        {"iat": None},
        {"iat": 0},
        {"exp": 1},
    ],
    ids=lambda claims: "-".join(f"{name}-{str(value)[-30:]}" for name, value in claims.items()),
)
async def test_an_assertion_with_a_wrong_claim_is_refused(world: World, claims: dict[str, Any]) -> None:
    """Attacks 7 and 21: another origin, client, account or a validity of more than a day."""
    app = await world.client("app")
    await world.client("other")
    await refuse(world, world.assertion(app.client, **claims))


async def test_a_clients_own_claims_never_make_it_a_user(world: World) -> None:
    """A client's key under a user's name, a user's key under a client's name, and a challenge token are refused."""
    app = await world.client("app")
    await world.trust()
    await refuse(world, world.assertion(app.client, iss=ISSUER, aud=AUDIENCE, sub="ann"))
    now = int(world.clock.now().timestamp())
    iss = f"http://127.0.0.1:8080/v1/clients/{app.client}"
    aud = f"{world.services.account}.accounts.authress.io"
    await refuse(world, world.issued(app.client, iss=iss, aud=aud, iat=now))
    claims: dict[str, Any] = {
        "iss": "http://127.0.0.1:8080",
        "sub": "ann",
        "aud": world.services.account,
        "exp": now + 60,
        "iat": now,
    }
    await refuse(world, world.services.signer.sign(claims, typ="at+jwt"))


async def test_a_deleted_key_is_refused_at_once_although_it_was_verified_before(world: World) -> None:
    """Also by whoever was authenticated just before, at the check itself; on each node."""
    app = await world.client("app")
    other = await world.over(world.services.store)
    token = world.assertion(app.client)
    for node in (world, other):
        assert await authenticate(node.services, token) == app

    def delete_keys(transaction: Any) -> None:
        client = transaction.client(app.client)
        transaction.put_client(replace(client, keys=()))

    await world.services.store.write(delete_keys)
    for node in (world, other):
        with pytest.raises(UnauthenticatedError):
            await authenticate(node.services, token)
        with pytest.raises(UnauthenticatedError):
            await require_known(node.services, app)
        with pytest.raises(UnauthenticatedError):
            await node.check(app, "ann", "READ", "docs")


async def test_an_issuer_that_is_gone_is_refused_at_the_check_itself(world: World) -> None:
    """Whoever was authenticated just before, as bearer or as passed token, has nobody who vouches for them."""
    await world.trust()
    serious = replace(world, services=replace(world.services, rules=replace(world.services.rules, dev=False)))
    token = world.issued("ann")
    ann = await authenticate(serious.services, token)
    app = await world.client("app")
    assert denied(await serious.check(ann, "ann", "READ", "docs"))
    assert denied(await serious.check(app, "ann", "READ", "docs", user_token=token))
    passed = await verify_user_token(serious.services, token)
    gone = replace(passed, key=replace(passed.key, issuer="https://gone.example"))
    with pytest.raises(UnauthenticatedError):
        await require_known(serious.services, UserCaller(gone))
    with pytest.raises(UserTokenRefusedError):
        await require_known(serious.services, app, gone)


async def test_a_clients_options_hold_as_they_are_now(world: World) -> None:
    app = await world.client("app", any_user=True)
    token = world.assertion(app.client)

    def narrow(transaction: Any) -> None:
        transaction.put_client(replace(transaction.client(app.client), may_check_any_user=False))

    await world.services.store.write(narrow)
    caller = await authenticate(world.services, token)
    assert isinstance(caller, ClientCaller)
    assert not caller.may_check_any_user


async def test_a_client_that_is_gone_is_refused(world: World) -> None:
    app = await world.client("app")
    token = world.assertion(app.client)
    await world.services.store.write(lambda transaction: transaction.delete_client(ClientId(app.client)))
    await refuse(world, token)


# --- the test identity provider -------------------------------------------------------------------


async def test_test_tokens_are_accepted_in_development_only(world: World) -> None:
    """Each call gives another token, as each login does; outside development none is made or taken."""
    tokens = {world.token("ann") for _ in range(3)}
    assert len(tokens) == 3
    keys = {(await verify_user_token(world.services, token)).key for token in tokens}
    assert len(keys) == 3
    serious = replace(
        world, services=replace(world.services, rules=replace(world.services.rules, dev=False), token_cache={})
    )
    for token in tokens:
        await refuse(serious, token)
    with pytest.raises(OutOfScopeError):
        issue_test_token(serious.services, UserId("ann"))


async def test_test_tokens_are_exempt_from_the_rule_of_one_bare_issuer_but_name_no_client(world: World) -> None:
    await world.trust()
    assert (await world.login("ann")).token.user == "ann"
    with pytest.raises(InvalidInputError, match="service client"):
        world.token("sc_app")
