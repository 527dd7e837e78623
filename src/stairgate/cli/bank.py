"""The bank of the demo: an application that asks Stairgate before it acts. It knows the SDK and nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from stairgate import AccessRecord, Permission, Requirement, Role, Stairgate, Statement

VIEW = "accounts:view"
PAY_OUT = "payments:create"
VIEWER = Role(role_id="ro_account_viewer", name="Account viewer", permissions=[Permission(action=VIEW)])
PAYER = Role(role_id="ro_payer", name="Payer", permissions=[Permission(action=PAY_OUT)])
TEN_MINUTES = Requirement(level="strong", lifetime=600)
EACH_TIME = Requirement(level="strong", uses=1)


@dataclass
class Bank:
    """
    Accounts, and who may do what with them.

    Args:
        stairgate: The bank's client: a service client of the bank.
    """

    stairgate: Stairgate
    _balances: dict[str, int] = field(default_factory=dict)

    def open_account(self, customer: str, balance: int) -> AccessRecord:
        """An account for *customer*, who may look at it, and pay out after a step-up."""
        self._balances[customer] = balance
        return self.stairgate.records.create(self._access(customer, TEN_MINUTES))

    def ask_each_time(self, customer: str, record: AccessRecord) -> None:
        """From now on every single payment of *customer* wants its own step-up."""
        if record.record_id is None:
            raise ValueError(record)
        self.stairgate.records.replace(record.record_id, self._access(customer, EACH_TIME))

    def balance(self, customer: str, token: str) -> int:
        """What is on the account, for whoever comes with *token*."""
        self.stairgate.authorize_user(customer, account(customer), VIEW, user_token=token)
        return self._balances[customer]

    def pay_out(self, customer: str, token: str, amount: int) -> int:
        """Pay *amount* out; the check stands right before the effect. Returns what is left."""
        self.stairgate.authorize_user(customer, account(customer), PAY_OUT, user_token=token)
        self._balances[customer] -= amount
        return self._balances[customer]

    @staticmethod
    def _access(customer: str, requirement: Requirement) -> AccessRecord:
        resources = [account(customer)]
        return AccessRecord(
            name=f"Account of {customer}",
            users=[customer],
            statements=[
                Statement(roles=[VIEWER.role_id or ""], resources=resources),
                Statement(roles=[PAYER.role_id or ""], resources=resources, step_up=requirement),
            ],
        )


def account(customer: str) -> str:
    """The resource that the account of *customer* is."""
    return f"accounts/{customer}"
