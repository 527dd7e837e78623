"""Attacks 1, 2, 4 and 11 of the threat model: other people's challenges, mixed-up sessions, replay, substitution."""

from __future__ import annotations

import functools
import time
from collections import Counter

import pytest
from tests.acceptance.bank import Customer, answer, attest, check_path, client, customer, delivered_code
from tests.acceptance.issuer import Issuer
from tests.acceptance.support import Answer, Server, eventually, segment, together

STRONG = {"level": "strong"}


# --- 1: fixation and swapping ---------------------------------------------------------------------


def test_attack_01_a_challenge_is_nobody_elses_to_complete(server: Server) -> None:
    """
    Attack: Mallory begins a step-up for her own token and gets Victor to complete it, or takes hold of Victor's.

    Defence: only the token that the challenge names (or a permitted client) is a party to it; to everybody else,
    a right code in hand, it does not exist. Nothing is elevated, and no attempt of the owner is spent.
    """
    mallory, victor = customer(server, mark=STRONG, totp=True), customer(server, mark=STRONG, totp=True)
    assert victor.totp is not None
    challenge_token = mallory.refused()
    # Victor, led to Mallory's challenge token, cannot open it; nor, led to her challenge, see, answer or end it.
    victor.open(challenge_token).expect(404)
    challenge = mallory.open(challenge_token).expect(201).json["challengeId"]
    path = f"/v1/challenges/{challenge}"
    server.call("GET", path, bearer=victor.token).expect(404)
    victor.answer(challenge, victor.totp.code()).expect(404)
    server.call("POST", f"{path}/decline", {"notMe": True}, bearer=victor.token).expect(404)
    server.call("DELETE", path, bearer=victor.token).expect(404)
    victor.report(challenge_token).expect(400, 403, 404)
    seen = server.call("GET", path, bearer=mallory.token).expect(200).json
    assert (seen["state"], seen["attemptsLeft"]) == ("open", 5)
    mallory.refused()
    victor.refused()
    assert mallory.elevations() == victor.elevations() == []


def test_attack_01_another_persons_factor_completes_nothing(server: Server) -> None:
    """
    Attack: Mallory, with Victor's stolen token, answers his challenge with the code of her own authenticator.

    Defence: evidence counts only from a factor of the user whom the challenge names; the code is a wrong answer.
    """
    mallory, victor = customer(server, mark=STRONG, totp=True), customer(server, mark=STRONG, totp=True)
    assert mallory.totp is not None
    challenge = victor.opened()
    wrong = victor.answer(challenge, mallory.totp.code()).expect(422)
    assert (wrong.code, wrong.json["attemptsLeft"]) == ("WrongAnswer", 4)
    victor.refused()


def test_attack_01_a_code_for_one_challenge_opens_no_other(server: Server) -> None:
    """
    Attack: the code that the victim was sent for a harmless access is given for another one (challenge ids swapped).

    Defence: a delivered code is hashed together with its challenge, and works for that one only.
    """
    victim = customer(server)
    harmless = victim.opened(resource=f"{victim.account}/small")
    costly = victim.opened(resource=f"{victim.account}/large")
    assert harmless != costly
    delivered_code(server, costly)
    code = delivered_code(server, harmless)
    swapped = answer(server, costly, code, bearer=server.owner_bearer, method="external").expect(422)
    assert swapped.code == "WrongAnswer"
    answer(server, harmless, code, bearer=server.owner_bearer, method="external").expect(200)
    victim.check(resource=f"{victim.account}/small").expect(200)


def test_attack_01_a_client_has_no_part_in_what_another_client_asked(server: Server) -> None:
    """
    Attack: a second service client, fully permitted, opens, codes or attests what the first one was refused.

    Defence: a challenge token minted to a client is that client's, or the named token's, alone.
    """
    victim = customer(server)
    other = client(server, "other back end", grants={"*": ["Authress:Owner"]})
    headers = {"Stairgate-User-Token": victim.token}
    path = check_path(victim.user, victim.account, "payments:create")
    challenge_token = server.call("GET", path, bearer=server.owner_bearer, headers=headers).refusal()
    victim.open(challenge_token, bearer=server.bearer_of(other)).expect(404)
    challenge = victim.open(challenge_token).expect(201).json["challengeId"]
    theirs = f"/v1/challenges/{challenge}"
    server.call("GET", theirs, bearer=server.bearer_of(other)).expect(404)
    server.call("POST", f"{theirs}/code", {"method": "external"}, bearer=server.bearer_of(other)).expect(404)
    code = delivered_code(server, challenge)
    answer(server, challenge, code, bearer=server.bearer_of(other), method="external").expect(404)
    victim.refused()


def test_attack_01_possession_of_both_tokens_is_no_proof(server: Server) -> None:
    """
    Attack: a thief of the user token reads the refusal and completes the step-up alone (authress-contract §3.4).

    Defence: user token plus challenge token complete nothing: `external` is the client's to attest, and the report
    only tells.
    """
    victim = customer(server)
    challenge_token = victim.refused()
    pending = victim.report(challenge_token).expect(403)
    assert pending.code == "StepUpChallengePending"
    challenge = victim.open(challenge_token).expect(201).json["challengeId"]
    path = f"/v1/challenges/{challenge}"
    server.call("POST", f"{path}/code", {"method": "external"}, bearer=victim.token).expect(403)
    code = delivered_code(server, challenge)
    answer(server, challenge, code, bearer=victim.token, method="external").expect(403)
    assert victim.report(challenge_token).expect(403).code == "StepUpChallengePending"
    victim.refused()


# --- 2: session mix-up ----------------------------------------------------------------------------


def test_attack_02_only_the_token_that_asked_is_elevated(server: Server) -> None:
    """
    Attack: the user is signed in twice; the completion of one login's challenge lands on the other.

    Defence: the elevation belongs to the token that the challenge names. Login 2 cannot complete it, and where the
    bank's own client completes it, with login 2's token beside, only login 1 passes.
    """
    first = customer(server, totp=True)
    assert first.totp is not None
    second = server.log_in(first.user)
    challenge_token = first.refused()
    challenge = first.open(challenge_token).expect(201).json["challengeId"]
    first.answer(challenge, first.totp.code(), bearer=second).expect(404)
    first.check(token=second).refusal()
    code = delivered_code(server, challenge)
    body = {"method": "external", "code": code}
    headers = {"Stairgate-User-Token": second}
    path = f"/v1/challenges/{challenge}/answer"
    server.call("POST", path, body, bearer=server.owner_bearer, headers=headers).expect(200)
    first.check().expect(200)
    first.check(token=second).refusal()
    first.report(challenge_token, bearer=second).expect(400, 403, 404)
    first.check(token=second).refusal()


def test_attack_02_two_open_challenges_of_two_logins_do_not_cross(server: Server) -> None:
    """
    Attack: both logins step up for the same access at once; finishing one finishes the other.

    Defence: refusals of two tokens are never identical: two challenges, two elevations.
    """
    first = customer(server)
    second = server.log_in(first.user)
    one, two = first.opened(), first.opened(token=second)
    assert one != two
    attest(server, one).expect(200)
    first.check().expect(200)
    first.check(token=second).refusal()
    attest(server, two).expect(200)
    first.check(token=second).expect(200)
    assert first.end_elevations().status in {200, 204}
    first.refused()
    first.check(token=second).expect(200)


# --- 4: replay ------------------------------------------------------------------------------------


def test_attack_04_a_challenge_token_opens_one_challenge_however_often(server: Server) -> None:
    """
    Attack: the challenge token is sent again, before and after the step-up, alone and in parallel.

    Defence: opening is once per token: every repeat is the same challenge, and a satisfied one gives nothing more.
    """
    victim = customer(server)
    challenge_token = victim.refused()
    opened = together([functools.partial(victim.open, challenge_token)] * 8)
    assert {each.expect(200, 201).json["challengeId"] for each in opened} == {opened[0].json["challengeId"]}
    challenge = opened[0].json["challengeId"]
    attest(server, challenge).expect(200)
    again = victim.open(challenge_token).expect(200, 201, 409)
    if again.status != 409:
        assert (again.json["challengeId"], again.json["state"]) == (challenge, "satisfied")
    elevations = {victim.report(challenge_token).expect(200).json["elevationId"] for _ in range(3)}
    assert elevations == {each["elevationId"] for each in victim.elevations()}


def test_attack_04_a_totp_code_works_once_across_tokens_and_challenges(server: Server) -> None:
    """
    Attack: a code that was seen over the shoulder is used again within its thirty seconds, for another login.

    Defence: the last accepted step is stored with the answer (TOTP-2): the second use is wrong, whatever it is for.
    """
    victim = customer(server, mark=STRONG, totp=True)
    assert victim.totp is not None
    code = victim.totp.code()
    victim.answer(victim.opened(), code).expect(200)
    other = server.log_in(victim.user)
    challenge = victim.opened(token=other)
    assert victim.answer(challenge, code, bearer=other).expect(422).code == "WrongAnswer"
    victim.check(token=other).refusal()


def test_attack_04_one_totp_code_in_parallel_has_one_winner(two_workers: Server) -> None:
    """
    Attack: the same code answers challenges of eight logins at the same moment, on two server processes.

    Defence: verify and remember are one transaction: one elevation, and seven wrong answers or lost races.
    """
    victim = customer(two_workers, mark=STRONG, totp=True)
    assert victim.totp is not None
    logins = [victim.token, *(two_workers.log_in(victim.user) for _ in range(7))]
    challenges = [victim.opened(token=login) for login in logins]
    code = victim.totp.code()
    answered = together(
        functools.partial(victim.answer, challenge, code, bearer=login)
        for challenge, login in zip(challenges, logins, strict=True)
    )
    assert Counter(each.status for each in answered)[200] == 1, [each.body for each in answered]
    assert {each.status for each in answered} <= {200, 409, 422, 429}
    assert [victim.check(token=login).status for login in logins].count(200) == 1
    assert len(victim.elevations()) == 1


def test_attack_04_a_delivered_code_works_once_and_dies_with_its_successor(server: Server) -> None:
    """
    Attack: a delivered code is sent twice, or the one before the newest is tried.

    Defence: a new code kills the old one; the first right answer ends the challenge.
    """
    victim = customer(server)
    challenge = victim.opened()
    old = delivered_code(server, challenge)
    new = delivered_code(server, challenge)
    stale = answer(server, challenge, old, bearer=server.owner_bearer, method="external")
    assert stale.expect(422).code == "WrongAnswer"
    answer(server, challenge, new, bearer=server.owner_bearer, method="external").expect(200)
    again = answer(server, challenge, new, bearer=server.owner_bearer, method="external").expect(409)
    assert (again.code, again.json["state"]) == ("ChallengeEnded", "satisfied")
    assert len(victim.elevations()) == 1


def test_attack_04_a_delivered_code_in_parallel_issues_one_elevation(two_workers: Server) -> None:
    """
    Attack: the right answer is sent sixteen times at once.

    Defence: a challenge ends exactly once: one 200, one elevation.
    """
    victim = customer(two_workers, mark={"level": "basic", "uses": 1})
    challenge = victim.opened()
    code = delivered_code(two_workers, challenge)
    send = functools.partial(answer, two_workers, challenge, code, bearer=two_workers.owner_bearer, method="external")
    statuses = Counter(each.status for each in together([send] * 16))
    assert statuses == {200: 1, 409: 15}
    assert len(victim.elevations()) == 1
    victim.check().expect(200)
    victim.refused()


@pytest.mark.parametrize("revoke", ["of the token", "of every token", "by id", "not me"])
def test_attack_04_an_idempotency_key_is_no_second_use(server: Server, revoke: str) -> None:
    """
    Attack: the key under which a use was taken is sent again: for more uses, for something else, after the revocation.

    Defence: a repeat is decided anew as if its own use were still there; another question is 409; revoked is refused,
    though the elevation was used up.
    """
    victim = customer(server, mark={"level": "basic", "uses": 1})
    path = check_path(victim.user, victim.account, "payments:create")

    def ask(key: str, where: str = path) -> Answer:
        headers = {"Stairgate-User-Token": victim.token, "Idempotency-Key": f"{victim.user} {key}"}
        return server.call("GET", where, bearer=server.owner_bearer, headers=headers)

    challenge_token = ask("before").refusal()
    challenge = victim.open(challenge_token).expect(201).json["challengeId"]
    elevation = attest(server, challenge).expect(200).json["elevationId"]
    ask("one").expect(200)
    ask("one").expect(200)
    ask("two").refusal()
    elsewhere = ask("one", check_path(victim.user, f"{victim.account}/x", "payments:create")).expect(409)
    assert elsewhere.code == "IdempotencyKeyReused"
    theirs = f"/v1/users/{segment(victim.user)}/elevations"
    if revoke == "of the token":
        server.call("DELETE", theirs, bearer=victim.token).expect(200)
    elif revoke == "of every token":
        server.call("DELETE", f"{theirs}?all=true", bearer=server.owner_bearer).expect(200)
    elif revoke == "by id":
        server.call("DELETE", f"{theirs}/{elevation}", bearer=server.owner_bearer).expect(204)
    else:
        path_of_challenge = f"/v1/challenges/{challenge}/decline"
        server.call("POST", path_of_challenge, {"notMe": True}, bearer=victim.token).expect(200)
    ask("one").refusal()


# --- 11: substitution -----------------------------------------------------------------------------


def test_attack_11_no_other_token_completes_or_uses_a_step_up(server: Server, issuer: Issuer) -> None:
    """
    Attack: the step-up of one token is completed, reported or used with a token that only looks like it.

    Defence: the challenge names one token by its exact bytes. Another login, a refreshed token, an ID token, the same
    claims signed again, a challenge token, a service client's assertion and a non-canonical spelling are all refused.
    """
    victim = customer(server, mark=STRONG, totp=True)
    assert victim.totp is not None
    claims = issuer.claims(victim.user)
    token = issuer.token(claims)
    holder = Customer(server, victim.user, victim.account, token, victim.totp)
    challenge_token = holder.refused()
    challenge = holder.open(challenge_token).expect(201).json["challengeId"]
    signature = token.rpartition(".")[2]
    substitutes = {
        "another login": issuer.token(issuer.claims(victim.user)),
        "a refreshed token": issuer.token({**claims, "exp": claims["exp"] + 300}),
        "the same claims, spelled anew": issuer.token(dict(reversed(claims.items()))),
        "an ID token by its nonce": issuer.token({**claims, "nonce": "n"}),
        "an ID token by its type": issuer.token(claims, typ="id+jwt"),
        "the challenge token": challenge_token,
        "a service client's assertion": server.owner_bearer,
        "the test issuer's token": server.token(victim.user),
        "padding": f"{token}=",
        "spare bits of the last character": f"{token[:-1]}{_twin(signature[-1])}",
    }
    code = victim.totp.code()
    for name, substitute in substitutes.items():
        if name == "a service client's assertion":  # it may answer for its user, but is no user token
            headers = {"Stairgate-User-Token": substitute}
            path = check_path(victim.user, victim.account, "payments:create")
            passed = server.call("GET", path, bearer=server.owner_bearer, headers=headers).expect(403)
            assert passed.code == "UserTokenRefused", name
            continue
        holder.answer(challenge, code, bearer=substitute).expect(401, 404)
        assert holder.report(challenge_token, bearer=substitute).status in {400, 401, 403, 404}, name
    assert server.call("GET", f"/v1/challenges/{challenge}", bearer=token).json["attemptsLeft"] == 5
    holder.answer(challenge, code).expect(200)
    holder.check().expect(200)
    for name, substitute in substitutes.items():
        if name != "a service client's assertion":
            used = holder.check(token=substitute)
            assert used.status in {401, 403}, f"{name}: {used}"
        headers = {"Stairgate-User-Token": substitute}
        path = check_path(victim.user, victim.account, "payments:create")
        passed = server.call("GET", path, bearer=server.owner_bearer, headers=headers)
        assert passed.status == 403, f"{name}: {passed}"


def test_attack_11_an_elevation_ends_with_its_token(server: Server, issuer: Issuer) -> None:
    """
    Attack: an elevated token is used on after its end.

    Defence: an elevation never outlives its token's `exp`, and an expired token is refused whatever it had.
    """
    victim = customer(server)
    claims = issuer.claims(victim.user)
    claims["exp"] = int(time.time()) + 4
    holder = Customer(server, victim.user, victim.account, issuer.token(claims))
    holder.elevate()
    (elevation,) = holder.elevations()
    assert holder.check().status == 200
    # A request that the very end overtakes may still be told to step up; the next one has no valid token.
    refused = eventually("the end of the token", lambda: seen if (seen := holder.check()).status == 401 else None)
    assert refused.code == "Unauthorized"
    assert time.time() >= claims["exp"]
    assert elevation["expiresAt"][:19] <= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(claims["exp"]))
    headers = {"Stairgate-User-Token": holder.token}
    path = check_path(victim.user, victim.account, "payments:create")
    assert server.call("GET", path, bearer=server.owner_bearer, headers=headers).code == "UserTokenRefused"


def test_attack_11_one_user_about_another_has_passed_no_token(server: Server) -> None:
    """
    Attack: an elevated user asks about another user, so that the elevation counts for them.

    Defence: who asks about somebody else has passed no user token; without the right to ask it is 403.
    """
    elevated, victim = customer(server), customer(server)
    elevated.elevate()
    elevated.check(user=victim.user, resource=victim.account).expect(403)
    headers = {"Stairgate-User-Token": elevated.token}
    path = check_path(victim.user, victim.account, "payments:create")
    passed = server.call("GET", path, bearer=server.owner_bearer, headers=headers).expect(403)
    assert passed.code == "UserTokenRefused"
    bare = server.call("GET", path, bearer=server.owner_bearer).expect(403)
    assert (bare.json["reason"], bare.json.get("stepUpChallengeToken")) == ("token_required", None)


@pytest.mark.parametrize("what", ["elevation of another user", "own"])
def test_attack_11_elevations_are_ended_by_their_own(server: Server, what: str) -> None:
    """
    Attack: somebody ends another user's elevation under their own name, or sees it.

    Defence: it is under its own user only; a foreign id is 404, a foreign user 403 or 404.
    """
    owner, other = customer(server), customer(server)
    elevation = owner.elevate()["elevationId"]
    if what == "own":
        server.call("DELETE", f"/v1/users/{segment(owner.user)}/elevations/{elevation}", bearer=owner.token).expect(204)
        owner.refused()
        return
    mine = f"/v1/users/{segment(other.user)}/elevations/{elevation}"
    theirs = f"/v1/users/{segment(owner.user)}/elevations"
    server.call("DELETE", mine, bearer=other.token).expect(404)
    server.call("DELETE", f"{theirs}/{elevation}", bearer=other.token).expect(403, 404)
    server.call("DELETE", theirs, bearer=other.token).expect(403, 404)
    server.call("GET", theirs, bearer=other.token).expect(403, 404)
    owner.check().expect(200)


def _twin(character: str) -> str:
    """Another last character of base64url whose unused bits alone differ: 64 bytes leave four of them."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(character) ^ 1]
