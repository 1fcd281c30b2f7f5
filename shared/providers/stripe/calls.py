"""Stripe's SDK, asked: each call once, its answer as a model of ``wire``, or why there is none."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import httpx2
import stripe
from pydantic import BaseModel, ValidationError
from stripe.params import (
    PaymentIntentCancelParams,
    PaymentIntentCaptureParams,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
    RefundCreateParams,
    RefundListParams,
)

from shared.domain.outcome import InDoubt, NotSent
from shared.provider_kit.http import retry_after_seconds
from shared.providers.stripe.config import StripeConfig
from shared.providers.stripe.http_client import AnswerLost, AnswerUnreadable, NothingLeft, OneTryClient
from shared.providers.stripe.wire import Balance, ErrorDetail, Intent, Listed, Refund, Resource

Read = TypeVar("Read", bound=BaseModel)
Resources = TypeVar("Resources", bound=Resource)

MOST_A_PAGE = 100
MOST_PAGES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer other than success; ``error`` is ``None`` where it is not in Stripe's format."""

    status: int
    error: ErrorDetail | None
    retry_after_seconds: int | None = None

    def code(self) -> str:
        return self.error.code or "" if self.error else ""

    def reason(self) -> str:
        """Such as ``http 429 rate_limit``."""
        return f"http {self.status} {self.error.reason() if self.error else 'unreadable'}"


NoResult = Refusal | NotSent | InDoubt


class ListBroken(Exception):
    """A list that could not be read to its end proves nothing; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StripeCalls:
    """One configuration's way to Stripe; ``client`` stays the caller's."""

    def __init__(self, config: StripeConfig, client: httpx2.Client) -> None:
        silence_the_sdk()
        secrets = [secret.get_secret_value() for secret in (config.api_key, *config.webhook_secrets)]
        self._api = stripe.StripeClient(
            config.api_key.get_secret_value(),
            stripe_version=config.api_version,
            base_addresses={"api": config.base_url},
            max_network_retries=0,
            http_client=OneTryClient(client, secrets),
        ).v1

    def create_intent(self, params: PaymentIntentCreateParams, key: str) -> Intent | NoResult:
        return answered(Intent, lambda: self._api.payment_intents.create(params, {"idempotency_key": key}))

    def intent(self, reference: str) -> Intent | NoResult:
        return answered(Intent, lambda: self._api.payment_intents.retrieve(reference))

    def capture(self, reference: str, params: PaymentIntentCaptureParams, key: str) -> Intent | NoResult:
        return answered(Intent, lambda: self._api.payment_intents.capture(reference, params, {"idempotency_key": key}))

    def cancel(self, reference: str, params: PaymentIntentCancelParams, key: str) -> Intent | NoResult:
        return answered(Intent, lambda: self._api.payment_intents.cancel(reference, params, {"idempotency_key": key}))

    def create_refund(self, params: RefundCreateParams, key: str) -> Refund | NoResult:
        return answered(Refund, lambda: self._api.refunds.create(params, {"idempotency_key": key}))

    def refund(self, reference: str) -> Refund | NoResult:
        return answered(Refund, lambda: self._api.refunds.retrieve(reference))

    def balance(self) -> Balance | NoResult:
        return answered(Balance, self._api.balance.retrieve)

    def any_intent(self) -> Listed[Intent] | NoResult:
        """One, if there is any: whether the key may see them."""
        return answered(Listed[Intent], lambda: self._api.payment_intents.list({"limit": 1}))

    def intents(self, params: PaymentIntentListParams) -> Iterator[Intent]:
        """All of them, newest first.

        Raises:
            ListBroken: it could not be read to its end.
        """

        def page(last: str | None) -> Listed[Intent] | NoResult:
            wanted: PaymentIntentListParams = {**params, "limit": MOST_A_PAGE}
            if last is not None:
                wanted["starting_after"] = last
            return answered(Listed[Intent], lambda: self._api.payment_intents.list(wanted))

        return paged(page)

    def refunds(self, params: RefundListParams) -> Iterator[Refund]:
        """As ``intents``."""

        def page(last: str | None) -> Listed[Refund] | NoResult:
            wanted: RefundListParams = {**params, "limit": MOST_A_PAGE}
            if last is not None:
                wanted["starting_after"] = last
            return answered(Listed[Refund], lambda: self._api.refunds.list(wanted))

        return paged(page)


def silence_the_sdk() -> None:
    """Neither has another switch: telemetry writes into the home directory, and the SDK's debug log holds whole answers
    with their client secrets.
    """
    stripe.enable_telemetry = False
    logging.getLogger("stripe").setLevel(logging.WARNING)


def answered(model: type[Read], ask: Callable[[], stripe.StripeObject]) -> Read | NoResult:
    """What came of one call. ``NotSent`` if it surely never arrived, ``InDoubt`` if it may have."""
    try:
        answer = ask()
        request_id = answer.last_response.request_id if answer.last_response else None
        return model.model_validate({**answer.to_dict(), "request_id": request_id})
    except NothingLeft as failed:
        return NotSent(reason=failed.reason)
    except AnswerLost as failed:
        return InDoubt(reason=failed.reason)
    except stripe.StripeError as error:
        return refusal_of(error)
    except (ValidationError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
        # A body of another shape; the SDK turns it into objects first, and has no one way to fail at that.
        return InDoubt(reason="http 200 unreadable")


def refusal_of(error: stripe.StripeError) -> Refusal | InDoubt:
    if error.http_status is None:
        return InDoubt(reason=type(error).__name__)
    return Refusal(
        status=error.http_status,
        error=None if isinstance(error, AnswerUnreadable) else _detail(error.json_body, error.request_id),
        retry_after_seconds=retry_after_seconds(error.headers or {}),
    )


def paged(page: Callable[[str | None], Listed[Resources] | NoResult]) -> Iterator[Resources]:
    """Every entry of every page; each begins after the last entry of the one before.

    Raises:
        ListBroken: a page could not be had, does not lead on to the next, or there are too many.
    """
    last = None
    for _ in range(MOST_PAGES):
        found = page(last)
        if not isinstance(found, Listed):
            raise ListBroken(found.reason() if isinstance(found, Refusal) else found.reason)
        yield from found.data
        if not found.has_more:
            return
        if not found.data or found.data[-1].id == last:
            raise ListBroken("a page does not say where the next one begins")
        last = found.data[-1].id
    raise ListBroken("the list goes on")


def _detail(body: object, request_id: str | None) -> ErrorDetail | None:
    told = body.get("error") if isinstance(body, dict) else None
    try:
        return ErrorDetail.model_validate({**told, "request_id": request_id}) if isinstance(told, dict) else None
    except ValidationError:
        return None
