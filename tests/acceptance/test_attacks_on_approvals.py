"""Attacks 15, 17, 18 and 32 of the threat model: stale approvals, self-approval, lost privilege, agents."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.acceptance.bank import Customer, customer
from tests.acceptance.support import Answer, Server, together, unique


def managers(server: Server, *users: str, group: str | None = None) -> str:
    """A group of *users*; with *group*, in place of it."""
    name = group or unique("grp_m")
    body = {"groupId": name, "name": name, "users": [{"userId": user} for user in users], "admins": []}
    method, path = ("PUT", f"/v1/groups/{name}") if group else ("POST", "/v1/groups")
    server.call(method, path, body, bearer=server.owner_bearer).expect(200, 201)
    return name


def asked(server: Server, group: str, count: int = 2) -> tuple[Customer, dict[str, Any]]:
    """A customer whose payments need so many of the group, and their challenge that asks them."""
    it = customer(server, mark={"level": None, "approvals": {"count": count, "groups": [group]}})
    return it, it.open(it.refused()).expect(201).json


def vote(server: Server, request: str, bearer: str, *, version: int = 1, approve: bool = True) -> Answer:
    body = {"vote": "approve" if approve else "decline"}
    return server.call(
        "POST", f"/v1/requests/{request}/votes", body, bearer=bearer, headers={"If-Match": f'"{version}"'}
    )


def test_attack_15_an_approver_agrees_to_what_they_saw_only(server: Server) -> None:
    """
    Attack: Mallory asks for little, waits for the first of two signatures, and then asks for more.

    Defence: the change makes a new version without votes; a vote on the old one is refused, and nothing is given.
    """
    mallory, boss, mia = unique("mallory"), unique("boss"), unique("mia")
    place, group = unique("vaults"), managers(server, boss, mia)
    everything = [{"roles": ["Authress:Owner"], "resources": [{"resourceUri": place}]}]
    record = {"name": "boss", "users": [{"userId": boss}], "statements": everything}
    server.call("POST", "/v1/records", record, bearer=server.owner_bearer).expect(201)
    mark = {"stepUp": [{"level": None, "approvals": {"count": 2, "groups": [group]}}], "permissions": []}
    server.call("PUT", f"/v1/resources/{place}", mark, bearer=server.owner_bearer).expect(200)
    little = [{"roles": ["Authress:ReadResource"], "resources": [{"resourceUri": f"{place}/1"}]}]
    token = server.log_in(mallory)
    body: dict[str, Any] = {"access": {"users": [{"userId": mallory}], "statements": little}}
    made = server.call("POST", "/v1/requests", body, bearer=token).expect(201).json
    vote(server, made["requestId"], server.log_in(mia)).expect(200)
    body["access"]["statements"] = everything
    path = f"/v1/requests/{made['requestId']}"
    changed = server.call("PUT", path, body, bearer=token, headers={"If-Match": '"1"'}).expect(200).json
    assert (changed["version"], changed["votes"]) == (2, [])
    assert vote(server, made["requestId"], server.log_in(boss)).expect(412).code == "PreconditionFailed"
    seen = vote(server, made["requestId"], server.log_in(boss), version=2).expect(200).json
    assert seen["status"] == "OPEN"


def test_attack_17_nobody_signs_for_themselves(server: Server) -> None:
    """
    Attack: Mallory, a manager, asks and signs herself: with the asking token, with another, and through a newcomer
    whom she puts into the group afterwards.

    Defence: the requester counts for nothing, and so does who came to the group after the request was made.
    """
    group, mia = managers(server), unique("mia")
    it = customer(server, mark={"level": None, "approvals": {"count": 1, "groups": [group]}})
    managers(server, it.user, mia, group=group)
    challenge = it.open(it.refused()).expect(201).json
    for bearer in (it.token, server.log_in(it.user)):
        vote(server, challenge["requestId"], bearer).expect(403)
    newcomer = unique("newcomer")
    managers(server, it.user, mia, newcomer, group=group)
    vote(server, challenge["requestId"], server.log_in(newcomer)).expect(403)
    it.refused()
    vote(server, challenge["requestId"], server.log_in(mia)).expect(200)
    it.check().expect(200)


def test_attack_18_who_is_no_approver_any_more_has_not_signed(server: Server) -> None:
    """
    Attack: the first of two signatures is from somebody who is dismissed before the second.

    Defence: who is in the group is read again when the quorum is counted.
    """
    mia, max_, moe = unique("mia"), unique("max"), unique("moe")
    group = managers(server, mia, max_, moe)
    it, challenge = asked(server, group)
    vote(server, challenge["requestId"], server.log_in(mia)).expect(200)
    managers(server, max_, moe, group=group)
    assert vote(server, challenge["requestId"], server.log_in(max_)).expect(200).json["status"] == "OPEN"
    it.refused()
    assert vote(server, challenge["requestId"], server.log_in(moe)).expect(200).json["status"] == "APPROVED"
    it.check().expect(200)


def test_attack_32_a_client_approves_nothing(server: Server) -> None:
    """
    Attack: an agent with a key of its own, even the owner's, drives the address where approvers vote.

    Defence: only users vote, with a token of their own.
    """
    it, challenge = asked(server, managers(server, unique("mia")), 1)
    assert vote(server, challenge["requestId"], server.owner_bearer).expect(403).code == "Forbidden"
    it.refused()


def test_of_32_signatures_at_once_the_quorum_fires_once(server: Server) -> None:
    """32 approvers at once, two needed: one elevation."""
    users = [unique("m") for _ in range(32)]
    it, challenge = asked(server, managers(server, *users))
    bearers = [server.log_in(user) for user in users]
    answers = together([partial(vote, server, challenge["requestId"], bearer) for bearer in bearers])
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [200] * 2 + [409] * 30
    assert len(it.elevations()) == 1
    it.check().expect(200)
