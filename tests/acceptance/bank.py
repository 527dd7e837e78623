"""What the attacks are made against: a bank on Stairgate, over plain HTTP (semantics §6..§8)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.acceptance.support import Answer, Key, Server, Totp, base64url, segment, unique

PAY = "payments:create"
READ = "documents:read"


def context_header(context: object) -> str:
    return base64url(context if isinstance(context, bytes) else json.dumps(context).encode())


@dataclass
class Customer:
    """Somebody with an account of their own: `PAY` is protected by the mark of the test, `READ` is not."""

    server: Server
    user: str
    account: str
    token: str
    totp: Totp | None = None

    def check(
        self,
        action: str = PAY,
        resource: str | None = None,
        *,
        token: str | None = None,
        context: object = None,
        user: str | None = None,
    ) -> Answer:
        """A check with the user's own token."""
        headers = {} if context is None else {"Stairgate-Context": context_header(context)}
        return self.server.call(
            "GET",
            check_path(user or self.user, resource or self.account, action),
            bearer=token or self.token,
            headers=headers,
        )

    def open(self, challenge_token: str, *, bearer: str | None = None) -> Answer:
        body = {"stepUpChallengeToken": challenge_token}
        return self.server.call("POST", "/v1/challenges", body, bearer=bearer or self.token)

    def answer(self, challenge: str, code: str, *, bearer: str | None = None, method: str = "totp") -> Answer:
        return answer(self.server, challenge, code, bearer=bearer or self.token, method=method)

    def report(self, challenge_token: str, *, bearer: str | None = None) -> Answer:
        body = {"stepUpChallengeToken": challenge_token}
        return self.server.call("POST", "/v1/step-up", body, bearer=bearer or self.token)

    def elevations(self) -> list[dict[str, Any]]:
        answered = self.server.call(
            "GET", f"/v1/users/{segment(self.user)}/elevations", bearer=self.server.owner_bearer
        )
        found: list[dict[str, Any]] = answered.expect(200).json["elevations"]
        return found

    def end_elevations(self, *, token: str | None = None) -> Answer:
        return self.server.call("DELETE", f"/v1/users/{segment(self.user)}/elevations", bearer=token or self.token)

    def refused(self, action: str = PAY, resource: str | None = None, **how: Any) -> str:
        """The challenge token of a check that is refused for want of an elevation."""
        return self.check(action, resource, **how).refusal()

    def opened(self, action: str = PAY, resource: str | None = None, **how: Any) -> str:
        """The id of an open challenge for this check."""
        return str(
            self.open(self.refused(action, resource, **how), bearer=how.get("token")).expect(201).json["challengeId"]
        )

    def elevate(self, action: str = PAY, resource: str | None = None, **how: Any) -> dict[str, Any]:
        """Go through the whole step-up, proved by the bank itself (`external`), and return the elevation."""
        challenge_token = self.refused(action, resource, **how)
        challenge = self.open(challenge_token, bearer=how.get("token")).expect(201).json["challengeId"]
        attest(self.server, challenge).expect(200)
        found: dict[str, Any] = self.report(challenge_token, bearer=how.get("token")).expect(200).json
        return found


def check_path(user: str, resource: str, action: str) -> str:
    return f"/v1/users/{segment(user)}/resources/{segment(resource)}/permissions/{segment(action)}"


def answer(server: Server, challenge: str, code: str, *, bearer: str, method: str = "totp") -> Answer:
    body = {"method": method, "code": code}
    return server.call("POST", f"/v1/challenges/{challenge}/answer", body, bearer=bearer)


def delivered_code(server: Server, challenge: str, *, key: Key | None = None) -> str:
    """A code for the bank to deliver in its own way."""
    bearer = server.bearer_of(key or server.owner)
    answered = server.call("POST", f"/v1/challenges/{challenge}/code", {"method": "external"}, bearer=bearer)
    return str(answered.expect(200, 201).json["code"])


def attest(server: Server, challenge: str) -> Answer:
    """The bank's own proof: the code went to the customer and came back."""
    code = delivered_code(server, challenge)
    return answer(server, challenge, code, bearer=server.owner_bearer, method="external")


def ensure_roles(server: Server) -> None:
    """One role an action, made once."""
    for role, action in (("ro_payer", PAY), ("ro_reader", READ), ("ro_payments", "payments")):
        permissions = [{"action": action, "allow": True, "grant": False, "delegate": False}]
        body = {"roleId": role, "name": role, "permissions": permissions}
        server.call("POST", "/v1/roles", body, bearer=server.owner_bearer).expect(201, 409)


def customer(
    server: Server,
    *,
    mark: Mapping[str, Any] | None = None,
    account: str | None = None,
    totp: bool = False,
    role: str = "ro_payer",
) -> Customer:
    """A new user with a record on an account: reading is free, paying is protected by *mark* (default: `basic`)."""
    ensure_roles(server)
    user, account = unique("user|"), account or f"accounts/{unique('a')}"
    statements: list[dict[str, Any]] = [
        {"roles": [role], "resources": [{"resourceUri": account}], "stepUp": dict(mark or {"level": "basic"})},
        {"roles": ["ro_reader"], "resources": [{"resourceUri": account}]},
    ]
    record = {"name": f"customer {user}", "users": [{"userId": user}], "statements": statements}
    server.call("POST", "/v1/records", record, bearer=server.owner_bearer).expect(201)
    return Customer(server, user, account, server.log_in(user), server.totp(user) if totp else None)


def client(server: Server, name: str, *, grants: Mapping[str, list[str]] | None = None) -> Key:
    """A new service client with an access key; *grants* says which roles it has on which resources."""
    made = server.call("POST", "/v1/clients", {"name": name}, bearer=server.owner_bearer).expect(201).json
    path = f"/v1/clients/{made['clientId']}/access-keys"
    key = Key(server.call("POST", path, bearer=server.owner_bearer).expect(201).json["accessKey"])
    if grants:
        statements = [{"roles": roles, "resources": [{"resourceUri": resource}]} for resource, roles in grants.items()]
        record = {"name": name, "users": [{"userId": key.client}], "statements": statements}
        server.call("POST", "/v1/records", record, bearer=server.owner_bearer).expect(201)
    return key
