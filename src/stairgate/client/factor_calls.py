"""`client.factors`, of both clients: each method is one line over an operation of `client.factors`."""

from __future__ import annotations

from collections.abc import Mapping

from stairgate.client import factors
from stairgate.client.driver import AsyncDriver, Driver
from stairgate.client.factors import BegunFactor, Factor
from stairgate.client.requirement import Method


class Factors:
    """
    `client.factors`: a user's means of proof.

    A change takes an elevation of at least the factor's level: without it `StepUpAuthorizationRequired` is raised, and
    after its challenge the same call succeeds.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self, user_id: str) -> list[Factor]:
        """All of them, oldest first."""
        return self._driver.run(factors.list_factors(user_id))

    def begin(
        self,
        user_id: str,
        *,
        method: Method,
        name: str | None = None,
        address: str | None = None,
        locale: str | None = None,
        link: str | None = None,
    ) -> BegunFactor:
        """
        Begin to add a factor, which `confirm` completes. Recovery codes are in force at once.

        Args:
            user_id: Whose.
            method: Which kind.
            name: What the user calls it.
            address: Of email and sms: where the code is sent.
            locale: The language of that message.
            link: The secret of an enrolment link, in place of an elevation, for the first factor of a level.

        Raises:
            StepUpAuthorizationRequired: A step-up allows it.
        """
        what = {"method": method, "name": name, "address": address, "locale": locale, "link": link}
        return self._driver.run(factors.begin_factor(user_id, what))

    def confirm(
        self,
        user_id: str,
        enrolment_id: str,
        *,
        code: str | None = None,
        credential: Mapping[str, object] | None = None,
        link: str | None = None,
    ) -> Factor:
        """
        Prove once that a begun factor works, by which it is added; only whoever began it can.

        Args:
            user_id: Whose.
            enrolment_id: From `begin`.
            code: Of the new authenticator app, or from the message.
            credential: The new passkey, as `navigator.credentials.create` returned it (`RegistrationResponseJSON`).
            link: The same as to `begin`.

        Raises:
            WrongAnswerError: It is wrong; `attempts_left` are left.
        """
        return self._driver.run(
            factors.confirm_factor(user_id, enrolment_id, code=code, credential=credential, link=link)
        )

    def rename(self, user_id: str, factor_id: str, name: str) -> Factor:
        """Call it *name*."""
        return self._driver.run(factors.change_factor(user_id, factor_id, {"name": name}))

    def clear(self, user_id: str, factor_id: str) -> Factor:
        """Let a factor that wrong answers have disabled be used again."""
        return self._driver.run(factors.change_factor(user_id, factor_id, {"disabled": False}))

    def delete(self, user_id: str, factor_id: str) -> None:
        """Remove it, and with it every elevation that rests on it."""
        self._driver.run(factors.delete_factor(user_id, factor_id))

    def caution(self, user_id: str) -> bool:
        """Whether the user is asked every time."""
        return self._driver.run(factors.read_caution(user_id))

    def set_caution(self, user_id: str, *, always: bool) -> bool:
        """Ask the user every time, with their own token; or no more, which takes an elevation."""
        return self._driver.run(factors.set_caution(user_id, always=always))


class AsyncFactors:
    """
    `client.factors`: a user's means of proof.

    A change takes an elevation of at least the factor's level: without it `StepUpAuthorizationRequired` is raised, and
    after its challenge the same call succeeds.
    """

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def list(self, user_id: str) -> list[Factor]:
        """All of them, oldest first."""
        return await self._driver.run(factors.list_factors(user_id))

    async def begin(
        self,
        user_id: str,
        *,
        method: Method,
        name: str | None = None,
        address: str | None = None,
        locale: str | None = None,
        link: str | None = None,
    ) -> BegunFactor:
        """
        Begin to add a factor, which `confirm` completes. Recovery codes are in force at once.

        Args:
            user_id: Whose.
            method: Which kind.
            name: What the user calls it.
            address: Of email and sms: where the code is sent.
            locale: The language of that message.
            link: The secret of an enrolment link, in place of an elevation, for the first factor of a level.

        Raises:
            StepUpAuthorizationRequired: A step-up allows it.
        """
        what = {"method": method, "name": name, "address": address, "locale": locale, "link": link}
        return await self._driver.run(factors.begin_factor(user_id, what))

    async def confirm(
        self,
        user_id: str,
        enrolment_id: str,
        *,
        code: str | None = None,
        credential: Mapping[str, object] | None = None,
        link: str | None = None,
    ) -> Factor:
        """
        Prove once that a begun factor works, by which it is added; only whoever began it can.

        Args:
            user_id: Whose.
            enrolment_id: From `begin`.
            code: Of the new authenticator app, or from the message.
            credential: The new passkey, as `navigator.credentials.create` returned it (`RegistrationResponseJSON`).
            link: The same as to `begin`.

        Raises:
            WrongAnswerError: It is wrong; `attempts_left` are left.
        """
        return await self._driver.run(
            factors.confirm_factor(user_id, enrolment_id, code=code, credential=credential, link=link)
        )

    async def rename(self, user_id: str, factor_id: str, name: str) -> Factor:
        """Call it *name*."""
        return await self._driver.run(factors.change_factor(user_id, factor_id, {"name": name}))

    async def clear(self, user_id: str, factor_id: str) -> Factor:
        """Let a factor that wrong answers have disabled be used again."""
        return await self._driver.run(factors.change_factor(user_id, factor_id, {"disabled": False}))

    async def delete(self, user_id: str, factor_id: str) -> None:
        """Remove it, and with it every elevation that rests on it."""
        await self._driver.run(factors.delete_factor(user_id, factor_id))

    async def caution(self, user_id: str) -> bool:
        """Whether the user is asked every time."""
        return await self._driver.run(factors.read_caution(user_id))

    async def set_caution(self, user_id: str, *, always: bool) -> bool:
        """Ask the user every time, with their own token; or no more, which takes an elevation."""
        return await self._driver.run(factors.set_caution(user_id, always=always))
