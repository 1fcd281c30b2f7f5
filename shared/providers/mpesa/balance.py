"""The accounts' balances, which M-Pesa lists as ``Working Account|KES|700000.00|…&Utility Account|KES|…``."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.domain.money import Money
from shared.providers.mpesa.config import CURRENCY
from shared.providers.mpesa.reading import money_of

BALANCE = "/mpesa/accountbalance/v1/query"


@dataclass(frozen=True, slots=True)
class Balance:
    """What is on an account; less than nothing where charges are owed."""

    account: str
    amount: Money


def balances_in(text: str | None) -> Iterator[Balance]:
    """Each account that can be read; the figure behind the currency is what is on it."""
    for line in (text or "").split("&"):
        fields = line.split("|")
        amount = money_of(fields[2]) if len(fields) > 2 and fields[1] == CURRENCY else None
        if amount is not None:
            yield Balance(account=fields[0], amount=amount)
