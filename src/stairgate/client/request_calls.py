"""`client.requests`, of both clients: each method is one line over an operation of `client.requests`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from stairgate.client import requests
from stairgate.client.driver import AsyncDriver, Driver
from stairgate.client.requests import AccessRequest, AccessTemplate


class Requests:
    """`client.requests`: ask other people, see what waits for one, vote."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def create(self, request: AccessRequest, *, idempotency_key: str | None = None) -> AccessRequest:
        """Ask for access; under an idempotency key once, however often it is sent."""
        return self._driver.run(requests.create_request(request, key=idempotency_key))

    def get(self, request_id: str) -> AccessRequest:
        """Read one request."""
        return self._driver.run(requests.get_request(request_id))

    def list(self, *, status: str | None = None) -> Iterator[AccessRequest]:
        """One's own requests and those that wait for one; *status*: `OPEN`, `APPROVED`, `DENIED` or `DELETED`."""
        return self._driver.stream(requests.each_request(status))

    def change(self, seen: AccessRequest, access: AccessTemplate) -> AccessRequest:
        """
        Ask for *access* in place of what *seen* asks; what was said of it is void.

        Raises:
            ChangedMeanwhileError: It is not as it was seen.
            RequestEndedError: It is decided.
        """
        return self._driver.run(requests.change_request(seen, access))

    def approve(self, seen: AccessRequest, *, comment: str | None = None) -> AccessRequest:
        """
        Agree to the request as it was seen. Only users vote.

        Raises:
            ForbiddenError: The caller is no approver of it.
            StepUpAuthorizationRequired: Approvers step up first: open its challenge, then vote again.
            ChangedMeanwhileError: It asks for something else by now: look again.
            RequestEndedError: It is decided.
        """
        return self._driver.run(requests.vote(seen, approve=True, comment=comment))

    def decline(self, seen: AccessRequest, *, comment: str | None = None) -> AccessRequest:
        """Decline the request, which ends it. Raises as `approve`."""
        return self._driver.run(requests.vote(seen, approve=False, comment=comment))

    def withdraw(self, request_id: str) -> None:
        """Take back what one asked for."""
        self._driver.run(requests.withdraw_request(request_id))

    def wait(self, request_id: str, *, timeout: float = 600.0) -> AccessRequest:
        """Wait until the request is decided, at most *timeout* seconds, and return it as it then is."""
        return self._driver.run(requests.wait_for_request(self._driver.conversation, request_id, timeout=timeout))


class AsyncRequests:
    """`client.requests`: ask other people, see what waits for one, vote."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def create(self, request: AccessRequest, *, idempotency_key: str | None = None) -> AccessRequest:
        """Ask for access; under an idempotency key once, however often it is sent."""
        return await self._driver.run(requests.create_request(request, key=idempotency_key))

    async def get(self, request_id: str) -> AccessRequest:
        """Read one request."""
        return await self._driver.run(requests.get_request(request_id))

    def list(self, *, status: str | None = None) -> AsyncIterator[AccessRequest]:
        """One's own requests and those that wait for one; *status*: `OPEN`, `APPROVED`, `DENIED` or `DELETED`."""
        return self._driver.stream(requests.each_request(status))

    async def change(self, seen: AccessRequest, access: AccessTemplate) -> AccessRequest:
        """
        Ask for *access* in place of what *seen* asks; what was said of it is void.

        Raises:
            ChangedMeanwhileError: It is not as it was seen.
            RequestEndedError: It is decided.
        """
        return await self._driver.run(requests.change_request(seen, access))

    async def approve(self, seen: AccessRequest, *, comment: str | None = None) -> AccessRequest:
        """
        Agree to the request as it was seen. Only users vote.

        Raises:
            ForbiddenError: The caller is no approver of it.
            StepUpAuthorizationRequired: Approvers step up first: open its challenge, then vote again.
            ChangedMeanwhileError: It asks for something else by now: look again.
            RequestEndedError: It is decided.
        """
        return await self._driver.run(requests.vote(seen, approve=True, comment=comment))

    async def decline(self, seen: AccessRequest, *, comment: str | None = None) -> AccessRequest:
        """Decline the request, which ends it. Raises as `approve`."""
        return await self._driver.run(requests.vote(seen, approve=False, comment=comment))

    async def withdraw(self, request_id: str) -> None:
        """Take back what one asked for."""
        await self._driver.run(requests.withdraw_request(request_id))

    async def wait(self, request_id: str, *, timeout: float = 600.0) -> AccessRequest:  # noqa: ASYNC109  # the last state is returned, nothing is cancelled
        """Wait until the request is decided, at most *timeout* seconds, and return it as it then is."""
        return await self._driver.run(requests.wait_for_request(self._driver.conversation, request_id, timeout=timeout))
