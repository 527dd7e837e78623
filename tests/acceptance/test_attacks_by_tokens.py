"""Attack 21 of the threat model: JWTs that are not what they say, as user token, assertion and challenge token."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.acceptance.bank import Customer, check_path, client, customer
from tests.acceptance.issuer import Issuer
from tests.acceptance.support import Key, Server, base64url, compact, part, segment

Forge = Callable[["Forger"], str]


class Forger:
    """A good token's header, claims and signer, and ways to spoil each."""

    def __init__(self, header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> None:
        self.header, self.claims, self.sign = dict(header), dict(claims), sign
        self.public = b""  # the verifying key as a thief of the JWKS sees it
        self.stranger: Callable[[bytes], bytes] = sign

    def good(self) -> str:
        return compact(self.header, self.claims, self.sign)

    def with_header(self, **changes: Any) -> str:
        return compact(_changed(self.header, changes), self.claims, self.sign)

    def with_claims(self, **changes: Any) -> str:
        return compact(self.header, _changed(self.claims, changes), self.sign)

    def hashed_with_the_public_key(self) -> str:
        header = {**self.header, "alg": "HS256"}
        return compact(header, self.claims, lambda data: hmac.new(self.public, data, hashlib.sha256).digest())


def _changed(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**document, **changes}
    return {name: value for name, value in merged.items() if value is not ...}  # `...` takes a member away


def _twice(text: str, name: str, value: object) -> str:
    """The JSON object *text* with the member *name* a second time, at its end."""
    return f"{text[:-1]},{json.dumps(name)}:{json.dumps(value)}}}"


def _resigned(forger: Forger, header: str, claims: str) -> str:
    unsigned = f"{base64url(header.encode())}.{base64url(claims.encode())}"
    return f"{unsigned}.{base64url(forger.sign(unsigned.encode()))}"


def _inner(forger: Forger) -> dict[str, str]:
    """JOSE members that say where the key is: each names a key that the forger holds."""
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(forger.public)}


# What is wrong with a token of every kind. Each signs as well as it can.
CORPUS: dict[str, Forge] = {
    "unsigned": lambda f: f"{part({**f.header, 'alg': 'none'})}.{part(f.claims)}.",
    "unsigned, in another case": lambda f: f"{part({**f.header, 'alg': 'nOnE'})}.{part(f.claims)}.",
    "`none`, with the signature left in": lambda f: f.with_header(alg="none"),
    "no `alg`": lambda f: f.with_header(alg=...),
    "`alg` is a list": lambda f: f.with_header(alg=["EdDSA"]),
    "`alg` in another case": lambda f: f.with_header(alg="EDDSA"),
    "HMAC with the public key": lambda f: f.hashed_with_the_public_key(),
    "HMAC with an empty key": lambda f: compact(
        {**f.header, "alg": "HS256"}, f.claims, lambda data: hmac.new(b"", data, hashlib.sha256).digest()
    ),
    "the algorithm of another key type": lambda f: f.with_header(alg="ES256"),
    "signed by a stranger": lambda f: compact(f.header, f.claims, f.stranger),
    "signed by a stranger, key in `jwk`": lambda f: compact({**f.header, "jwk": _inner(f)}, f.claims, f.stranger),
    "signed by a stranger, key at `jku`": lambda f: compact(
        {**f.header, "jku": "http://127.0.0.1:9/jwks"}, f.claims, f.stranger
    ),
    "signed by a stranger, key in `x5c`": lambda f: compact({**f.header, "x5c": ["MIIB"]}, f.claims, f.stranger),
    "signed by a stranger, `kid` a path": lambda f: compact(
        {**f.header, "kid": "../../../../dev/null"}, f.claims, f.stranger
    ),
    "signed by a stranger, `kid` an injection": lambda f: compact(
        {**f.header, "kid": "x' UNION SELECT 'AAAA'--"}, f.claims, f.stranger
    ),
    "`kid` of no key": lambda f: f.with_header(kid="nobody"),
    "`kid` is a number": lambda f: f.with_header(kid=7),
    "`kid` of 100 000 characters": lambda f: f.with_header(kid="k" * 100_000),
    "an unknown `crit`": lambda f: f.with_header(crit=["exp"], exp=1),
    "an empty `crit`": lambda f: f.with_header(crit=[]),
    "`b64` is false": lambda f: f.with_header(b64=False, crit=["b64"]),
    "compressed": lambda f: f.with_header(zip="DEF"),
    "a nested token": lambda f: compact({**f.header, "cty": "JWT"}, {"jwt": f.good()}, f.sign),
    "claims changed after signing": lambda f: f"{part(f.header)}.{part({**f.claims, 'x': 1})}.{f.good().split('.')[2]}",
    "header changed after signing": lambda f: f"{part({**f.header, 'x': 1})}.{f.good().split('.', 1)[1]}",
    "no signature": lambda f: f.good().rpartition(".")[0] + ".",
    "two parts": lambda f: f.good().rpartition(".")[0],
    "five parts, like a JWE": lambda f: f"{f.good()}.AAAA.AAAA",
    "a signature of zeros": lambda f: f"{f.good().rpartition('.')[0]}.{base64url(bytes(64))}",
    "half a signature": lambda f: f.good()[:-43],
    "padding at the end": lambda f: f.good() + "=",
    "base64 in place of base64url": lambda f: (
        compact({**f.header, "typ": f.header.get("typ")}, {**f.claims, "z": "~~~???"}, f.sign)
        .replace("-", "+")
        .replace("_", "/")
        + "+"
    ),
    "a stray character": lambda f: f.good().replace(".", ".~", 1),
    "claims are a list": lambda f: compact(f.header, [f.claims], f.sign),
    "claims are text": lambda f: _resigned(f, json.dumps(f.header), "not json"),
    "header repeats `alg`": lambda f: _resigned(f, _twice(json.dumps(f.header), "alg", "none"), json.dumps(f.claims)),
    "claims repeat `sub`": lambda f: _resigned(f, json.dumps(f.header), _twice(json.dumps(f.claims), "sub", "root")),
    "claims nest deeper than 32": lambda f: f.with_claims(deep=json.loads("[" * 40 + "]" * 40)),
    "has ended": lambda f: f.with_claims(exp=int(time.time()) - 1, iat=int(time.time()) - 600),
    "no `exp`": lambda f: f.with_claims(exp=...),
    "`exp` is text": lambda f: f.with_claims(exp=str(int(time.time()) + 600)),
    "`exp` is true": lambda f: f.with_claims(exp=True),
    "`exp` is infinite": lambda f: _resigned(f, json.dumps(f.header), json.dumps({**f.claims, "exp": float("inf")})),
    "`exp` is beyond any clock": lambda f: f.with_claims(exp=10**300),
    "begins tomorrow": lambda f: f.with_claims(nbf=int(time.time()) + 86_400),
    "was issued tomorrow": lambda f: f.with_claims(iat=int(time.time()) + 86_400, exp=int(time.time()) + 90_000),
    "another issuer": lambda f: f.with_claims(iss="https://issuer.example"),
    "no issuer": lambda f: f.with_claims(iss=...),
    "the issuer is a list": lambda f: f.with_claims(iss=[f.claims["iss"]]),
    "the issuer with a slash": lambda f: f.with_claims(iss=f.claims["iss"] + "/"),
    "another audience": lambda f: f.with_claims(aud="somebody else"),
    "no audience": lambda f: f.with_claims(aud=...),
    "the audience as part of a text": lambda f: f.with_claims(aud=f"{f.claims['aud']} and more"),
    "no `sub`": lambda f: f.with_claims(sub=...),
    "`sub` is a number": lambda f: f.with_claims(sub=7),
    "a type for something else": lambda f: f.with_header(typ="secevent+jwt"),
    "the type of a DPoP proof": lambda f: f.with_header(typ="dpop+jwt"),
    "40 KiB of claims": lambda f: f.with_claims(filler="x" * 40_000),
}
CASES = [pytest.param(forge, id=name) for name, forge in CORPUS.items()]
# Only our own signer could make these, or they say nothing about a challenge token.
NOT_FOR_CHALLENGES = {"no `kid`"}


@pytest.fixture(scope="module")
def holder(server: Server) -> Customer:
    return customer(server)


@pytest.fixture
def user_forger(issuer: Issuer, holder: Customer) -> Forger:
    forger = Forger({"alg": "EdDSA", "kid": "ed", "typ": "at+jwt"}, issuer.claims(holder.user), issuer.key.sign)
    forger.public = issuer.key.public_key().public_bytes_raw()
    forger.stranger = issuer.stranger.sign
    return forger


@pytest.fixture(scope="module")
def asker(server: Server) -> Key:
    """A client that may check any user."""
    return client(server, "asker", grants={"Authress:UserPermissions/*": ["Authress:ReadResource"]})


@pytest.fixture
def client_forger(server: Server, issuer: Issuer, asker: Key) -> Forger:
    header = {"alg": "EdDSA", "kid": asker.id, "typ": "at+jwt"}
    forger = Forger(header, asker.claims(server.url), asker.private.sign)
    forger.public = asker.private.public_key().public_bytes_raw()
    forger.stranger = issuer.stranger.sign
    return forger


def test_attack_21_the_unspoiled_tokens_are_accepted(
    server: Server, holder: Customer, user_forger: Forger, client_forger: Forger
) -> None:
    """Else the corpus below would be refused for nothing."""
    assert holder.check("documents:read", token=user_forger.good()).status == 200
    path = check_path(holder.user, holder.account, "documents:read")
    assert server.call("GET", path, bearer=client_forger.good()).status == 200
    headers = {"Stairgate-User-Token": user_forger.good()}
    assert server.call("GET", path, bearer=client_forger.good(), headers=headers).status == 200


@pytest.mark.parametrize("forge", CASES)
def test_attack_21_no_forged_user_token_is_accepted(
    server: Server, holder: Customer, user_forger: Forger, forge: Forge
) -> None:
    """
    Attack: algorithm confusion, injected keys, wrong type, audience or time, two readings of one text, huge tokens.

    Defence: RFC 8725: algorithm and key are pinned by the issuer, one strict reading, one byte form, bounded size. As
    bearer it is 401 (431 where it is too large), passed on by a client 403 `UserTokenRefused`, even for a free access.
    """
    token = forge(user_forger)
    path = check_path(holder.user, holder.account, "documents:read")
    assert server.call("GET", path, bearer=token).status in {401, 431}
    passed = server.call("GET", path, bearer=server.owner_bearer, headers={"Stairgate-User-Token": token})
    assert passed.status in {403, 431} or (passed.status == 400 and len(token) > 4096), passed
    assert passed.status != 403 or passed.code == "UserTokenRefused"


@pytest.mark.parametrize("forge", CASES)
def test_attack_21_no_forged_assertion_is_accepted(
    server: Server, holder: Customer, client_forger: Forger, forge: Forge
) -> None:
    """
    Attack: the same corpus as a service client's assertion.

    Defence: the same reader; the key is found under the client that `iss` names, and must be EdDSA.
    """
    path = check_path(holder.user, holder.account, "documents:read")
    assert server.call("GET", path, bearer=forge(client_forger)).status in {401, 431}


def test_attack_21_an_assertion_is_of_its_own_client(
    server: Server, holder: Customer, client_forger: Forger, asker: Key
) -> None:
    """
    Attack: a client with few rights signs in the name of the owner, or for longer than a day.

    Defence: `kid` is looked up under the client of `iss`, `sub` must be that client, lifetimes are bounded.
    """
    path = check_path(holder.user, holder.account, "documents:read")
    owner = server.owner.client
    forged = {
        "sub of another": client_forger.with_claims(sub=owner),
        "client_id of another": client_forger.with_claims(client_id=owner),
        "iss of another": client_forger.with_claims(iss=f"{server.url}/v1/clients/{owner}", sub=owner, client_id=owner),
        "iss beside": client_forger.with_claims(iss=f"{server.url}/v1/clients/{asker.client}/../{owner}"),
        "another host": client_forger.with_claims(iss=f"https://elsewhere.example/v1/clients/{asker.client}"),
        "a year long": client_forger.with_claims(exp=int(time.time()) + 31_536_000),
        "no iat": client_forger.with_claims(iat=...),
        "another account": client_forger.with_claims(aud="acc_other.accounts.authress.io"),
    }
    assert {name: server.call("GET", path, bearer=token).status for name, token in forged.items()} == dict.fromkeys(
        forged, 401
    )


def test_attack_21_keys_and_types_do_not_cross(
    server: Server, issuer: Issuer, holder: Customer, user_forger: Forger
) -> None:
    """
    Attack: a token that is good somewhere is presented where another kind is expected.

    Defence: type, issuer and audience tell challenge tokens, user tokens and assertions apart.
    """
    challenge_token = holder.refused()
    path = check_path(holder.user, holder.account, "documents:read")
    assert server.call("GET", path, bearer=challenge_token).status == 401
    headers = {"Stairgate-User-Token": challenge_token}
    assert server.call("GET", path, bearer=server.owner_bearer, headers=headers).status == 403
    for token in (holder.token, server.owner_bearer, user_forger.good()):
        assert holder.open(token).expect(400).code == "InvalidChallengeToken"
        assert holder.report(token).expect(400).code == "InvalidChallengeToken"
    rsa = compact({"alg": "RS256", "kid": "rsa", "typ": "at+jwt"}, user_forger.claims, issuer.rsa_signer())
    assert server.call("GET", path, bearer=rsa).status == 200
    pem = issuer.rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    confused = [
        compact({"alg": "RS256", "kid": "ed", "typ": "at+jwt"}, user_forger.claims, issuer.rsa_signer()),
        compact({"alg": "EdDSA", "kid": "rsa", "typ": "at+jwt"}, user_forger.claims, issuer.key.sign),
        compact(
            {"alg": "HS256", "kid": "rsa", "typ": "at+jwt"},
            user_forger.claims,
            lambda data: hmac.new(pem, data, hashlib.sha256).digest(),
        ),
    ]
    assert [server.call("GET", path, bearer=token).status for token in confused] == [401] * 3


@pytest.mark.parametrize("forge", CASES)
def test_attack_21_no_forged_challenge_token_opens_anything(
    server: Server, issuer: Issuer, holder: Customer, forge: Forge
) -> None:
    """
    Attack: a challenge token with a weaker requirement, signed by whoever the forger can be.

    Defence: only this account's challenge keys count, with their one type; it is 400 `InvalidChallengeToken`.
    """
    header, claims, _ = challenge_parts(holder.refused())
    forger = Forger(header, claims, issuer.stranger.sign)
    body = {"stepUpChallengeToken": forge(forger)}
    for path in ("/v1/challenges", "/v1/step-up"):
        refused = server.call("POST", path, body, bearer=holder.token)
        assert refused.status == 400, refused
        assert refused.code in {"InvalidChallengeToken", "InvalidInputRequest"}


def test_attack_21_a_changed_challenge_token_is_refused(holder: Customer) -> None:
    """
    Attack: single characters of a real challenge token are changed, spare bits of its signature included.

    Defence: one byte form, one signature.
    """
    good = holder.refused()
    header, claims, signature = good.split(".")
    changed = [
        f"{header}.{claims}.{signature[:-1]}{_other(signature[-1], 1)}",
        f"{header}.{claims}.{_other(signature[0], 9)}{signature[1:]}",
        f"{header}.{claims[:-1]}{_other(claims[-1], 5)}.{signature}",
        f"{header[:-1]}{_other(header[-1], 5)}.{claims}.{signature}",
        f" {good}",
        f"{good}\n",
        good.replace(".", "..", 1),
        good.swapcase(),
        "",
        ".",
        "..",
        "a" * 9000,
    ]
    assert [holder.open(token).status for token in changed] == [400] * len(changed)
    holder.open(good).expect(201)


def challenge_parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, claims, signature = token.split(".")

    def read(text: str) -> dict[str, Any]:
        import base64

        found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return found

    return read(header), read(claims), signature


def _other(character: str, step: int) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(character) ^ step]


def test_attack_21_a_deleted_key_signs_nothing_more(server: Server, holder: Customer) -> None:
    """
    Attack: an assertion that was verified, and is remembered, is used after its key was deleted.

    Defence: what is remembered counts only while the key is the client's.
    """
    key = client(server, "leaver", grants={"Authress:UserPermissions/*": ["Authress:ReadResource"]})
    path = check_path(holder.user, holder.account, "documents:read")
    assert server.call("GET", path, bearer=server.bearer_of(key)).status == 200
    key_path = f"/v1/clients/{segment(key.client)}/access-keys/{segment(key.id)}"
    server.call("DELETE", key_path, bearer=server.owner_bearer).expect(204)
    assert server.call("GET", path, bearer=server.bearer_of(key)).status == 401
