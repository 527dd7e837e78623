"""The bank of the demo: an application that asks Stairgate before it acts. It knows the SDK and nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass

from stairgate import (
    AccessRecord,
    AsyncStairgate,
    Challenge,
    Permission,
    Requirement,
    Role,
    ServiceClient,
    Statement,
    StepUpAuthorizationRequired,
)

NAME = "Bank of Examples"
VIEW = "accounts:view"
PAY_OUT = "payments:create"
VIEWER = Role(role_id="ro_account_viewer", name="Account viewer", permissions=[Permission(action=VIEW)])
PAYER = Role(role_id="ro_payer", name="Payer", permissions=[Permission(action=PAY_OUT)])
TEN_MINUTES = Requirement(level="strong", lifetime=600)
EACH_TIME = Requirement(level="strong", uses=1, bind=["amount", "to"])

# What the bank itself may ask of Stairgate: check for its customers, open their challenges, end what a login had.
CHECKER = Role(role_id="ro_bank_checker", name="Checks", permissions=[Permission(action="READ")])
ASKER = Role(role_id="ro_bank_asker", name="Opens challenges", permissions=[Permission(action="StepUp:Challenge")])
ENDER = Role(role_id="ro_bank_ender", name="Ends elevations", permissions=[Permission(action="DELETE")])


class TooLittleMoneyError(Exception):
    """There is less on the account than is to be paid."""


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment. *details* is what the customer is shown and agrees to: the step-up is bound to exactly that."""

    payment_id: str
    customer: str
    amount: int
    to: str

    @property
    def details(self) -> dict[str, str]:
        """The context of the check, for marks that bind to it."""
        return {"amount": f"{self.amount} EUR", "to": self.to}


@dataclass(frozen=True, slots=True)
class Asked:
    """A challenge that the bank opened: its token, and what the customer is shown."""

    challenge_token: str
    challenge: Challenge


class Bank:
    """
    Accounts, and payments out of them.

    Args:
        stairgate: The client of the bank, which is a service client of its own.
    """

    def __init__(self, stairgate: AsyncStairgate) -> None:
        self.stairgate = stairgate
        self._balances: dict[str, int] = {}
        self._paid: dict[str, Payment] = {}

    def open_account(self, customer: str, balance: int) -> None:
        """An account for *customer*."""
        self._balances[customer] = balance

    def paid(self, customer: str) -> list[Payment]:
        """What *customer* has paid, newest first."""
        return [payment for payment in reversed(self._paid.values()) if payment.customer == customer]

    async def balance(self, customer: str, token: str) -> int:
        """What is on the account, for whoever comes with *token*."""
        await self.stairgate.authorize_user(customer, account(customer), VIEW, user_token=token)
        return self._balances[customer]

    async def pay_out(self, payment: Payment, token: str) -> int:
        """
        Make the payment, once however often it is asked for; the check stands right before the effect.

        Returns:
            What is left.

        Raises:
            TooLittleMoneyError: There is not as much on the account.
            StepUpAuthorizationRequired: The customer has to agree first; the same call succeeds afterwards.
            Unauthorized: It is not their account.
        """
        customer = payment.customer
        if payment.payment_id not in self._paid:
            if self._balances.get(customer, 0) < payment.amount:
                raise TooLittleMoneyError
            await self.stairgate.require(
                customer,
                account(customer),
                PAY_OUT,
                user_token=token,
                context=payment.details,
                idempotency_key=payment.payment_id,  # a repeat of the question takes no second use
            )
        # Nothing is awaited from here on, so nobody else comes between the look and the payment.
        if payment.payment_id not in self._paid:
            if self._balances[customer] < payment.amount:
                raise TooLittleMoneyError
            self._balances[customer] -= payment.amount
            self._paid[payment.payment_id] = payment
        return self._balances[customer]

    async def ask(
        self,
        refusal: StepUpAuthorizationRequired,
        token: str,
        *,
        device: str | None = None,
        return_uri: str | None = None,
        state: str | None = None,
    ) -> Asked | None:
        """Open the challenge of *refusal*; None where no step-up opens this access."""
        challenge_token = refusal.step_up_challenge_token
        if challenge_token is None:
            return None
        challenge = await self.stairgate.challenges.open(
            challenge_token, user_token=token, device=device, return_uri=return_uri, state=state
        )
        return Asked(challenge_token, challenge)


def account(customer: str) -> str:
    """The resource that the account of *customer* is."""
    return f"accounts/{customer}"


def access(customer: str, requirement: Requirement) -> AccessRecord:
    """Who may do what with the account: its customer may look at it, and pay out once *requirement* is met."""
    resources = [account(customer)]
    return AccessRecord(
        name=f"Account of {customer}",
        users=[customer],
        statements=[
            Statement(roles=[VIEWER.role_id or ""], resources=resources),
            Statement(roles=[PAYER.role_id or ""], resources=resources, step_up=requirement),
        ],
    )


async def register(owner: AsyncStairgate, back: str) -> str:
    """
    Make the bank's service client, with the least that it needs. The roles are there already.

    Args:
        owner: Whoever manages this Stairgate.
        back: Where a browser that answered on the page of a challenge may be sent.

    Returns:
        Its access key.
    """
    client = await owner.clients.create(ServiceClient(name=NAME, return_uris=[back]))
    client_id = client.client_id or ""
    held = {
        "Authress:UserPermissions": CHECKER,
        "Authress:StepUp/accounts": ASKER,
        "Authress:Users/*/elevations": ENDER,
    }
    statements = [Statement(roles=[role.role_id or ""], resources=[place]) for place, role in held.items()]
    await owner.records.create(AccessRecord(name=NAME, users=[client_id], statements=statements))
    return (await owner.clients.create_key(client_id)).access_key
