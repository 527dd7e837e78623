"""`AsyncStairgate`: the client for asyncio. Each method is one line over an operation; the twin is `blocking`."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from stairgate.client import administration, checks, stepup
from stairgate.client.access_calls import AsyncAccess
from stairgate.client.asynchronous_items import (
    AsyncCollection,
    AsyncIdentities,
    AsyncInvites,
    AsyncItems,
    AsyncServiceClients,
)
from stairgate.client.decisions import Decision
from stairgate.client.driver import AsyncDriver
from stairgate.client.factor_calls import AsyncFactors
from stairgate.client.request_calls import AsyncRequests
from stairgate.client.requirement import Method
from stairgate.client.shapes import (
    AccountLink,
    Challenge,
    Claim,
    DeliveredCode,
    Elevation,
)
from stairgate.client.transport import DEFAULT_TIMEOUT

T = TypeVar("T")


class AsyncStairgate:
    """
    The client of a Stairgate service for asyncio. Keep one for the life of the event loop.

    Args:
        url: Where the service is, such as `https://stairgate.example`.
        access_key: A service client's access key; each call can then pass the token of the user it is about; or
        user_token: A user's own access token.
        timeout: Seconds for one exchange; none waits for ever.
        tls: How the service's certificate is verified; None: by the usual authorities.
        transport: Another httpx2 transport, for tests.

    Raises:
        ArgumentError: Neither or both of the credentials are given, or one of the arguments cannot be right.
    """

    def __init__(
        self,
        url: str,
        *,
        access_key: str | None = None,
        user_token: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        tls: ssl.SSLContext | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._driver = AsyncDriver(
            url, access_key=access_key, user_token=user_token, timeout=timeout, tls=tls, transport=transport
        )
        self.challenges = AsyncChallenges(self._driver)
        self.elevations = AsyncElevations(self._driver)
        self.factors = AsyncFactors(self._driver)
        self.access = AsyncAccess(self._driver)
        self.records = AsyncCollection(self._driver, administration.RECORDS)
        self.roles = AsyncCollection(self._driver, administration.ROLES)
        self.groups = AsyncCollection(self._driver, administration.GROUPS)
        self.resources = AsyncItems(self._driver, administration.RESOURCES)
        self.clients = AsyncServiceClients(self._driver, administration.CLIENTS)
        self.requests = AsyncRequests(self._driver)
        self.identities = AsyncIdentities(self._driver)
        self.invites = AsyncInvites(self._driver)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._driver.url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of every connection."""
        await self._driver.transport.close()

    async def authorize(
        self,
        user_id: str,
        resource_uri: str,
        permission: str,
        *,
        user_token: str | None = None,
        context: Mapping[str, object] | None = None,
        idempotency_key: str | None = None,
        at_least: int | None = None,
    ) -> Decision:
        """
        May the user do this to that? A counted use is taken by an allow.

        Args:
            user_id: Whom it is about.
            resource_uri: What it is done to.
            permission: What is done.
            user_token: The access token that the user came with; without it nothing protected is allowed.
            context: The details of the request, for marks that bind to them.
            idempotency_key: A repeat with the same key within a minute takes no second use (service clients only).
            at_least: Do not answer from facts older than this revision.

        Returns:
            `Allowed`, `Denied` or `StepUp`; none of them has a truth value.
        """
        return await self._driver.run(
            checks.authorize(
                self._driver.conversation,
                user_id,
                resource_uri,
                permission,
                user_token=user_token,
                context=context,
                idempotency_key=idempotency_key,
                at_least=at_least,
            )
        )

    async def require(
        self,
        user_id: str,
        resource_uri: str,
        permission: str,
        *,
        user_token: str | None = None,
        context: Mapping[str, object] | None = None,
        idempotency_key: str | None = None,
        at_least: int | None = None,
    ) -> None:
        """
        Return if the user may; the arguments are `authorize`'s.

        Raises:
            Unauthorized: The user does not have the access.
            StepUpAuthorizationRequired: A step-up opens it.
        """
        decision = await self.authorize(
            user_id,
            resource_uri,
            permission,
            user_token=user_token,
            context=context,
            idempotency_key=idempotency_key,
            at_least=at_least,
        )
        checks.require(decision, user_id, resource_uri, permission)

    async def authorize_user(
        self,
        user_id: str,
        resource_uri: str,
        permission: str,
        *,
        user_token: str | None = None,
        context: Mapping[str, object] | None = None,
    ) -> None:
        """
        Return if the user may: `require` under the name that Authress users know.

        Raises:
            Unauthorized: The user does not have the access.
            StepUpAuthorizationRequired: A step-up opens it.
        """
        await self.require(user_id, resource_uri, permission, user_token=user_token, context=context)

    async def explain(
        self,
        user_id: str,
        resource_uri: str,
        permission: str,
        *,
        user_token: str | None = None,
        context: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """Why a check is answered as it is: every grant, its marks, what each of them lacks. Takes no use."""
        return await self._driver.run(
            checks.explain(
                self._driver.conversation, user_id, resource_uri, permission, user_token=user_token, context=context
            )
        )

    async def step_up_authorization(
        self, step_up_challenge_token: str, *, user_token: str | None = None, code: str | None = None
    ) -> Elevation:
        """
        Report that the challenge was met, and get the elevation. Not a proof by itself; repeatable.

        Args:
            step_up_challenge_token: From the refusal.
            user_token: The token that was refused, where a service client reports.
            code: The return code of the page, where there was one.

        Raises:
            ChallengePendingError: It is not met yet.
        """
        return await self._driver.run(
            stepup.step_up_authorization(
                self._driver.conversation, step_up_challenge_token, user_token=user_token, code=code
            )
        )

    async def claim(self, collection: str, resource_id: str, *, idempotency_key: str | None = None) -> Claim:
        """
        Make the caller the owner of `collection/resource_id`, which nobody has yet.

        Raises:
            AlreadyClaimedError: It is the caller's already, or others have access to it.
            ForbiddenError: The collection is not open to claims.
        """
        return await self._driver.run(administration.claim(collection, resource_id, key=idempotency_key))

    async def account_link(
        self, user_id: str, *, user_token: str | None = None, idempotency_key: str | None = None
    ) -> AccountLink:
        """
        A link to the user's account page, good once, for 15 minutes.

        Args:
            user_id: Whose page.
            user_token: From a service client: the user's own access token. The page is entered as that login.
            idempotency_key: With one of your own it is made once, and repeated where the connection breaks.

        Raises:
            UserTokenRefusedError: The token is not valid, or not the user's.
            ForbiddenError: Without a token: the client may not enrol factors.
        """
        return await self._driver.run(
            administration.create_account_link(
                self._driver.conversation, user_id, user_token=user_token, key=idempotency_key
            )
        )

    async def delete_user(self, user_id: str) -> None:
        """Remove all access of the user."""
        await self._driver.run(administration.delete_user(user_id))


class AsyncChallenges:
    """`client.challenges`: open them, answer them, follow them, end them."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def open(
        self,
        step_up_challenge_token: str,
        *,
        user_token: str | None = None,
        locale: str | None = None,
        device: str | None = None,
        return_uri: str | None = None,
        state: str | None = None,
        expiry: int | None = None,
    ) -> Challenge:
        """
        Open the challenge that a refusal's token stands for; a repeat gives the same one.

        Args:
            step_up_challenge_token: From the refusal.
            user_token: From a service client: the user's own access token.
            locale: What the person reads.
            device: What the page shows as the device that asks, in words.
            return_uri: A registered address, where the browser that answered on the page is sent.
            state: Goes back with that browser.
            expiry: Seconds that other people have to agree, where they are asked; None: a week.
        """
        return await self._driver.run(
            stepup.open_challenge(
                self._driver.conversation,
                step_up_challenge_token,
                user_token=user_token,
                opening={
                    "locale": locale,
                    "device": device,
                    "returnUri": return_uri,
                    "state": state,
                    "expiry": expiry,
                },
            )
        )

    async def get(self, challenge_id: str, *, user_token: str | None = None) -> Challenge:
        """Read the challenge as it is now."""
        return await self._driver.run(
            stepup.get_challenge(self._driver.conversation, challenge_id, user_token=user_token)
        )

    async def wait(self, challenge_id: str, *, user_token: str | None = None, timeout: float = 600.0) -> Challenge:  # noqa: ASYNC109  # the last state is returned, nothing is cancelled
        """Wait until the challenge has ended, at most *timeout* seconds, and return it as it then is."""
        return await self._driver.run(
            stepup.wait_for_challenge(self._driver.conversation, challenge_id, user_token=user_token, timeout=timeout)
        )

    async def wait_for_approval(
        self,
        challenge_id: str,
        *,
        user_token: str | None = None,
        timeout: float = 600.0,  # noqa: ASYNC109  # the last state is returned, nothing is cancelled
    ) -> Challenge:
        """
        Wait until other people have agreed, or the challenge has ended, at most *timeout* seconds.

        Then it has ended, or its factor is asked: `challenge.approved` tells.
        """
        return await self._driver.run(
            stepup.wait_for_challenge(
                self._driver.conversation, challenge_id, user_token=user_token, timeout=timeout, until_approved=True
            )
        )

    def watch(self, challenge_id: str, *, user_token: str | None = None) -> AsyncIterator[Challenge]:
        """Every state of the challenge, from the present one to its end."""
        return self._driver.stream(
            stepup.watch_challenge(self._driver.conversation, challenge_id, user_token=user_token)
        )

    async def request_code(
        self, challenge_id: str, method: Method, *, factor_id: str | None = None, user_token: str | None = None
    ) -> DeliveredCode | None:
        """
        Have a code sent to the user; with `external`, get it and deliver it yourself.

        Args:
            challenge_id: Which challenge.
            method: `email`, `sms` or `external`.
            factor_id: Of `email` and `sms`: to which of the challenge's `addresses`; None: the last used.
            user_token: From a service client: the token that was refused.
        """
        return await self._driver.run(
            stepup.request_code(
                self._driver.conversation, challenge_id, method, factor_id=factor_id, user_token=user_token
            )
        )

    async def passkey_options(
        self, challenge_id: str, *, once: bool = False, user_token: str | None = None
    ) -> dict[str, Any]:
        """
        Begin a passkey's ceremony, good for one answer.

        Args:
            challenge_id: Which challenge.
            once: The elevation opens this access alone, one time; it is signed with the rest.
            user_token: From a service client: the token that was refused.

        Returns:
            `PublicKeyCredentialRequestOptionsJSON`, for `navigator.credentials.get`.
        """
        return await self._driver.run(
            stepup.passkey_options(self._driver.conversation, challenge_id, once=once, user_token=user_token)
        )

    async def answer(
        self,
        challenge_id: str,
        *,
        method: Method,
        code: str | None = None,
        credential: Mapping[str, object] | None = None,
        once: bool = False,
        user_token: str | None = None,
    ) -> Challenge:
        """
        Answer with a code, or with a passkey.

        Args:
            challenge_id: Which challenge.
            method: What it is answered with.
            code: Of every method but a passkey.
            credential: What `navigator.credentials.get` returned for `passkey_options` (`AuthenticationResponseJSON`).
            once: The elevation opens this access alone, one time. For a passkey it is chosen with the options.
            user_token: From a service client: the token that was refused.

        Raises:
            WrongAnswerError: It is wrong; `attempts_left` are left.
            ChallengeEndedError: It has ended.
        """
        return await self._driver.run(
            stepup.answer_challenge(
                self._driver.conversation,
                challenge_id,
                method=method,
                code=code,
                credential=credential,
                once=once,
                user_token=user_token,
            )
        )

    async def decline(self, challenge_id: str, *, not_me: bool = False, user_token: str | None = None) -> Challenge:
        """Decline. *not_me*: it was not the user who asked; the token is barred, too."""
        return await self._driver.run(
            stepup.decline_challenge(self._driver.conversation, challenge_id, not_me=not_me, user_token=user_token)
        )

    async def cancel(self, challenge_id: str, *, user_token: str | None = None) -> None:
        """Take back a challenge that this caller opened."""
        await self._driver.run(stepup.cancel_challenge(self._driver.conversation, challenge_id, user_token=user_token))


class AsyncElevations:
    """`client.elevations`: see and end them."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def list(self, user_id: str) -> list[Elevation]:
        """The live elevations of the user, oldest first."""
        return await self._driver.run(stepup.list_elevations(self._driver.conversation, user_id))

    async def end(self, user_id: str, elevation_id: str) -> None:
        """End one. Once this returns, no check is allowed by it."""
        await self._driver.run(stepup.end_elevation(self._driver.conversation, user_id, elevation_id))

    async def end_all(self, user_id: str, *, user_token: str | None = None, every_token: bool | None = None) -> None:
        """End those of one token; with *every_token* (an administrator's default), those of all of them."""
        await self._driver.run(
            stepup.end_elevations(self._driver.conversation, user_id, user_token=user_token, everything=every_token)
        )
