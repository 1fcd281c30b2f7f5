"""Providers, health and figures."""

from typing import Literal

from pydantic import Field

from services.api.schemas.base import ApiModel


class ProviderView(ApiModel):
    name: str
    title: str
    is_active: bool
    breaker: Literal["closed", "half_open", "open", "unknown"] = Field(
        description="`open`: it has not answered for a while, and payments wait; `half_open`: one call tries it."
    )
    operations: list[str]
    currencies: list[str]
    payment_methods: list[str]
    minimum_amount_minor: dict[str, int]
    maximum_amount_minor: dict[str, int]
    customer_needs: list[str] = Field(description="All of these.")
    customer_needs_one_of: list[str] = Field(description="At least one of these, if there are any.")
    recipient_needs_one_of: list[str] = Field(description="Who gets a payout: at least one of these, if any.")
    confirmation: str
    webhook_authentication: str
    webhook_path: str
    refund_window_days: int | None


class ProviderList(ApiModel):
    data: list[ProviderView]


class HealthView(ApiModel):
    """``degraded``: payments are accepted, but something behind is away."""

    status: str
    checks: dict[str, str]
    version: str


class ProviderFigures(ApiModel):
    transactions: int
    completed: int
    failed: int
    success_rate: str | None


class MetricsView(ApiModel):
    """Counts of your payments. ``success_rate``: taken of all that are finished, as a decimal from 0 to 1."""

    transactions: int
    by_status: dict[str, int]
    success_rate: str | None = Field(examples=["0.9731"])
    by_provider: dict[str, ProviderFigures]
