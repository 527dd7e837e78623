"""The story in the terminal: from protecting a payment to paying, and what an elevation is not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from stairgate import AsyncStairgate, Elevation, StepUpAuthorizationRequired
from stairgate.cli.demo.authenticator import Authenticator
from stairgate.cli.demo.bank import EACH_TIME, PAYER, TEN_MINUTES, VIEWER, Bank, Payment, access
from stairgate.cli.demo.narrator import Narrator
from stairgate.cli.dev import make_token, make_totp
from stairgate.settings import Settings

CUSTOMER = "alice"
OPENING_BALANCE = 1_000
RENT = 100
_numbers = count(1)


@dataclass
class Story:
    """
    Those who are in it.

    Args:
        owner: Whoever manages this Stairgate.
        bank: The bank.
        settings: How the service was started.
        narrator: Who tells.
    """

    owner: AsyncStairgate
    bank: Bank
    settings: Settings
    narrator: Narrator

    async def tell(self) -> str:
        """Everything in its order. Returns the customer's token."""
        narrator, bank = self.narrator, self.bank
        narrator.step("Protect: paying out of an account wants a step-up, looking at it does not")
        await self.owner.roles.create(VIEWER)
        await self.owner.roles.create(PAYER)
        record = await self.owner.records.create(access(CUSTOMER, TEN_MINUTES))
        bank.open_account(CUSTOMER, OPENING_BALANCE)
        narrator.expect("the access record says so by `stepUp`", holds=record.record_id is not None)

        narrator.step("Log in: the test identity provider gives a token, and the authenticator is enrolled")
        token = await make_token(self.settings, CUSTOMER)
        authenticator = Authenticator((await make_totp(self.settings, CUSTOMER)).secret, narrator)
        narrator.note(f"token {token}")
        held = await bank.balance(CUSTOMER, token)
        narrator.expect("the account can be looked at", holds=held == OPENING_BALANCE)

        narrator.step("Be refused: the payment wants a step-up first, and the refusal carries a challenge token")
        payment = rent()
        refusal = await self.refused(payment, token)
        narrator.expect("refused with a challenge token", holds=refusal is not None)
        if refusal is None:
            return token

        narrator.step("Answer the challenge with a totp code")
        challenge_token = await self.answered(refusal, token, authenticator)

        narrator.step("Record it: the bank reports the step-up, and the token is elevated")
        elevation = await bank.stairgate.step_up_authorization(challenge_token, user_token=token)
        narrator.expect(f"elevated until {elevation.expires_at:%H:%M:%S} UTC", holds=elevation.user_id == CUSTOMER)

        narrator.step("Succeed: the same payment with the same token")
        left = await bank.pay_out(payment, token)
        narrator.expect(f"paid; {left} left", holds=left == OPENING_BALANCE - RENT)

        await self.after(token, elevation)
        narrator.step("Always: from now on the bank asks for each single payment, and for exactly its details")
        await self.owner.records.replace(record.record_id or "", access(CUSTOMER, EACH_TIME))
        await self.each_time(token, authenticator)
        return token

    async def after(self, token: str, elevation: Elevation) -> None:
        """What an elevation is not: the user's, or for ever."""
        narrator = self.narrator
        narrator.step("Another login of the same user is still refused: one token was elevated, not the user")
        other = await make_token(self.settings, CUSTOMER)
        narrator.note(f"second token {other}")
        narrator.expect("the second token is refused", holds=await self.refused(rent(), other) is not None)

        narrator.step("Revoke the elevation: the first token is refused again, at once")
        await self.owner.elevations.end(CUSTOMER, elevation.elevation_id)
        narrator.expect("the first token is refused again", holds=await self.refused(rent(), token) is not None)

    async def each_time(self, token: str, authenticator: Authenticator) -> None:
        """`uses: 1` and `bind`: one step-up, one payment, and no other one."""
        narrator, payment = self.narrator, rent()
        refusal = await self.refused(payment, token)
        narrator.expect("refused, with `uses: 1`", holds=refusal is not None and refusal.requirement.uses == 1)
        if refusal is None:
            return
        challenge_token = await self.answered(refusal, token, authenticator)
        await self.bank.stairgate.step_up_authorization(challenge_token, user_token=token)
        other = await self.refused(Payment("another", CUSTOMER, RENT, "Mallory"), token)
        narrator.expect("a payment to somebody else is refused", holds=other is not None)
        left = await self.bank.pay_out(payment, token)
        narrator.expect(f"paid; {left} left", holds=left == OPENING_BALANCE - 2 * RENT)
        narrator.expect("the next payment is refused again", holds=await self.refused(rent(), token) is not None)

    async def refused(self, payment: Payment, token: str) -> StepUpAuthorizationRequired | None:
        """Try to pay; the refusal, or None where the payment went through."""
        try:
            await self.bank.pay_out(payment, token)
        except StepUpAuthorizationRequired as refusal:
            return refusal
        return None

    async def answered(self, refusal: StepUpAuthorizationRequired, token: str, authenticator: Authenticator) -> str:
        """Open the challenge of *refusal* and answer it; gives its token."""
        asked = await self.bank.ask(refusal, token)
        if asked is None:
            self.narrator.expect("the refusal can be answered", holds=False)
            return ""
        done = await self.bank.stairgate.challenges.answer(
            asked.challenge.challenge_id, method="totp", code=await authenticator.code()
        )
        self.narrator.expect("the challenge is satisfied", holds=done.state == "satisfied")
        return asked.challenge_token


def rent() -> Payment:
    """A payment of the rent, another one each time."""
    return Payment(f"rent-{next(_numbers)}", CUSTOMER, RENT, "Housing Co.")
