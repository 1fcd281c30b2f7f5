"""Tells what the gateway can do and how it is doing."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from services.api.use_cases.orders import ActiveProviders
from shared.application.views import View
from shared.coordination.breaker import BreakerState
from shared.domain.ids import MerchantId
from shared.domain.transaction_status import BASIC_STATUS, TransactionStatus
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.provider_kit.plugin import ProviderPlugin

Counts = Mapping[tuple[str, TransactionStatus], int]

_TAKEN = frozenset({"completed", "refunded"})


class Describe:
    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        known: Mapping[str, ProviderPlugin],
        active: ActiveProviders,
        breaker: Callable[[str], BreakerState],
    ) -> None:
        self._unit_of_work, self._known, self._active, self._breaker = unit_of_work, known, active, breaker

    def providers(self, merchant_id: MerchantId) -> View:
        """Every provider that is installed, whether the merchant can use it now, and whether it answers."""
        active = self._active(merchant_id)
        return {
            "data": [
                {**_provider_view(plugin, name in active), "breaker": self._breaker(name).value}
                for name, plugin in self._known.items()
            ]
        }

    def figures(self, merchant_id: MerchantId) -> View:
        """Counts of a merchant's payments, and the share that was taken of all that are finished."""
        with self._unit_of_work() as work:
            counts = work.transactions.count_by_status(merchant_id)
        providers = sorted({provider for provider, _ in counts})
        return {
            "transactions": sum(counts.values()),
            "by_status": _by_status(counts),
            "success_rate": _success_rate(counts),
            "by_provider": {name: _provider_figures(_of(name, counts)) for name in providers},
        }


def _provider_view(plugin: ProviderPlugin, is_active: bool) -> View:  # noqa: FBT001 - a column of the view
    able = plugin.capabilities
    return {
        "name": plugin.name,
        "title": plugin.title,
        "is_active": is_active,
        "operations": sorted(able.operations),
        "currencies": sorted(able.currencies),
        "payment_methods": sorted(able.payment_methods),
        "minimum_amount_minor": dict(sorted(able.minimum_amount_minor.items())),
        "maximum_amount_minor": dict(sorted(able.maximum_amount_minor.items())),
        "customer_needs": sorted(able.customer_needs),
        "customer_needs_one_of": sorted(able.customer_needs_one_of),
        "recipient_needs_one_of": sorted(able.recipient_needs_one_of),
        "confirmation": able.confirmation,
        "webhook_authentication": able.webhook_authentication,
        "webhook_path": f"/api/v1/webhooks/{plugin.name}",
        "refund_window_days": able.refund_window_days,
    }


def _of(provider: str, counts: Counts) -> Counts:
    return {key: total for key, total in counts.items() if key[0] == provider}


def _by_status(counts: Counts) -> dict[str, int]:
    totals: dict[str, int] = {}
    for (_, status), total in counts.items():
        totals[status.value] = totals.get(status.value, 0) + total
    return totals


def _provider_figures(counts: Counts) -> View:
    return {
        "transactions": sum(counts.values()),
        "completed": _total(counts, _TAKEN),
        "failed": _total(counts, frozenset({"failed"})),
        "success_rate": _success_rate(counts),
    }


def _success_rate(counts: Counts) -> str | None:
    taken, failed = _total(counts, _TAKEN), _total(counts, frozenset({"failed"}))
    return str((Decimal(taken) / (taken + failed)).quantize(Decimal("0.0001"))) if taken + failed else None


def _total(counts: Counts, basic: frozenset[str]) -> int:
    return sum(total for (_, status), total in counts.items() if BASIC_STATUS[status] in basic)
