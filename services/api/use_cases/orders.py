"""What every order to a provider is checked for: an amount of its currency, and a provider that can do it."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal

from shared.domain.errors import AmountRejected, CurrencyUnknown, FieldError, ValidationFailed
from shared.domain.ids import MerchantId
from shared.domain.money import Money
from shared.provider_kit.plugin import Capabilities, ProviderPlugin

# A command that was not handled by then was lost with its queue: the recovery sweep sends another.
QUEUE_PATIENCE = timedelta(seconds=30)

# Plugins of the providers at which a merchant's payments have an account that is switched on.
ActiveProviders = Callable[[MerchantId], Mapping[str, ProviderPlugin]]


def ordered_money(amount: Decimal, currency: str) -> Money:
    """Raises ``ValidationFailed``, naming the field and what would be right."""
    try:
        return Money.from_decimal(amount, currency)
    except CurrencyUnknown as error:
        raise refused("/currency", str(error)) from None
    except AmountRejected as error:
        raise refused("/amount", str(error)) from None


def capabilities_of(provider: str, active: Mapping[str, ProviderPlugin]) -> Capabilities:
    """Raises ``ValidationFailed`` for one that cannot be used."""
    plugin = active.get(provider)
    if plugin is None:
        names = listed(active) or "none is configured"
        raise refused("/provider", f"must be one of: {names}")
    return plugin.capabilities


def check_amount(money: Money, able: Capabilities) -> None:
    """Raises ``ValidationFailed`` for a currency that the provider does not take, or not this much of it."""
    if money.currency not in able.currencies:
        raise refused("/currency", f"must be one of: {listed(able.currencies)}")
    smallest = Money(able.minimum_amount_minor[money.currency], money.currency)
    largest = Money(able.maximum_amount_minor[money.currency], money.currency)
    if not smallest <= money <= largest:
        raise refused("/amount", f"must be from {smallest} to {largest} {money.currency}")
    multiple = able.amount_multiple_minor.get(money.currency, 1)
    if money.amount_minor_units % multiple:
        raise refused("/amount", f"must be a multiple of {Money(multiple, money.currency)} {money.currency}")


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def refused(pointer: str, detail: str) -> ValidationFailed:
    return ValidationFailed("Some fields are not acceptable.", FieldError(pointer, detail))
