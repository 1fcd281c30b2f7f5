"""What merchants see: authentication, and how a request runs from its question to its answer."""

import hmac
from collections.abc import Callable, Mapping

from shared.provider_kit.simulator import CallbackQueue, LedgerFile, Router, SimulatedRequest, SimulatedResponse
from shared.provider_kit.simulator.answering import Answerer
from shared.providers.paystack.simulator import books, lists
from shared.providers.paystack.simulator.answering import key_refused
from shared.providers.paystack.simulator.books import TransactionRow
from shared.providers.paystack.simulator.exchange import (
    ChargeAsked,
    Json,
    PaymentAsked,
    RefundAsked,
    Refused,
    check_currency,
    not_found,
    read,
    written,
)
from shared.providers.paystack.simulator.payments import Payments, check_is_new
from shared.providers.paystack.simulator.refunds import Refunds, amount_within, left_of, refundable
from shared.providers.paystack.simulator.resources import refund_json, refund_made_json, transaction_json
from shared.providers.paystack.simulator.scenarios import (
    Answering,
    Channel,
    TransactionStatus,
    scenario_of_payment,
    scenario_of_refund,
)
from shared.providers.paystack.simulator.settings import PaystackSimulatorSettings

Route = Callable[[SimulatedRequest, Mapping[str, str]], SimulatedResponse]

MOUNT = "/paystack"
PAGES = f"{MOUNT}/checkout"


class Api:
    """``respond`` raises ``Refused`` for every ordinary error."""

    def __init__(
        self,
        *,
        settings: PaystackSimulatorSettings,
        file: LedgerFile,
        payments: Payments,
        refunds: Refunds,
        answerer: Answerer[Answering],
        callbacks: CallbackQueue,
    ) -> None:
        self._settings = settings
        self._file = file
        self._payments = payments
        self._refunds = refunds
        self._answerer = answerer
        self._callbacks = callbacks
        self._routes: Router[Route] = Router(
            {
                "POST /paystack/transaction/initialize": self._initialize,
                "POST /paystack/charge": self._charge,
                "GET /paystack/transaction/verify/{reference}": self._verify,
                "GET /paystack/transaction": self._list_transactions,
                "POST /paystack/refund": self._refund,
                "GET /paystack/refund": self._list_refunds,
                "GET /paystack/refund/{id}": self._show_refund,
                "GET /paystack/balance": self._balance,
            }
        )

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        self._authenticate(request.headers.get("authorization", ""))
        found = self._routes.find(request.method, request.path)
        if found is None:
            raise not_found("Path")
        armed = self._answerer.armed(request.method)
        instead = self._answerer.instead(armed)
        if instead is not None:
            return instead
        route, placeholders = found
        return self._answerer.spoilt(armed, route(request, placeholders))

    def _authenticate(self, authorization: str) -> None:
        scheme, _, key = authorization.partition(" ")
        if scheme != "Bearer" or not hmac.compare_digest(key.encode(), self._settings.api_key.encode()):
            raise key_refused()

    def _initialize(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> SimulatedResponse:  # noqa: ARG002 - as all routes
        pages = self._settings.checkout_url or f"http://{request.headers.get('host', 'localhost')}{PAGES}"

        def made(row: TransactionRow) -> SimulatedResponse:
            page: Json = {
                "authorization_url": f"{pages}/{row.access_code}",
                "access_code": row.access_code,
                "reference": row.reference,
            }
            return written(page, "Authorization URL created")

        return self._begun(read(PaymentAsked, request.body), Channel.CARD, made)

    def _charge(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> SimulatedResponse:  # noqa: ARG002 - as all routes
        asked = read(ChargeAsked, request.body)
        if asked.currency != "KES":
            raise Refused(403, "M-PESA is in KES", code="unsupported_currency")
        return self._begun(asked, Channel.MOBILE_MONEY, charge_made)

    def _begun(
        self, asked: PaymentAsked, channel: Channel, made: Callable[[TransactionRow], SimulatedResponse]
    ) -> SimulatedResponse:
        check_currency(asked.currency)
        scenario = scenario_of_payment(asked.amount, asked.metadata.get("scenario"))
        with self._file.reading() as connection:
            check_is_new(connection, asked.reference)
        answering = self._answerer.wanted(scenario, asked.reference)
        instead = self._answerer.instead(answering)
        if instead is not None:
            return instead
        with self._file.transaction() as connection:
            row, early = self._payments.begin(connection, asked, channel, scenario)
        self._callbacks.send_now(early)
        return self._answerer.spoilt(answering, made(row))

    def _verify(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> SimulatedResponse:  # noqa: ARG002 - as all routes
        with self._file.reading() as connection:
            row = books.transaction_where(connection, "reference", placeholders["reference"])
        if row is None:
            raise not_found("Transaction reference", "transaction_not_found")
        return written(transaction_json(row), "Verification successful")

    def _list_transactions(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> SimulatedResponse:  # noqa: ARG002 - as all routes
        with self._file.reading() as connection:
            return lists.transactions(connection, request.query)

    def _refund(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> SimulatedResponse:  # noqa: ARG002 - as all routes
        asked = read(RefundAsked, request.body)
        with self._file.reading() as connection:
            payment = refundable(connection, asked)
            amount = amount_within(left_of(connection, payment), asked.amount)
        answering = self._answerer.wanted(scenario_of_refund(amount), f"refund {asked.merchant_note}")
        instead = self._answerer.instead(answering)
        if instead is not None:
            return instead
        with self._file.transaction() as connection:
            row, payment = self._refunds.begin(connection, asked)
        made = written(refund_made_json(row, payment), "Refund has been queued for processing")
        return self._answerer.spoilt(answering, made)

    def _list_refunds(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> SimulatedResponse:  # noqa: ARG002 - as all routes
        with self._file.reading() as connection:
            return lists.refunds(connection, request.query)

    def _show_refund(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> SimulatedResponse:  # noqa: ARG002 - as all routes
        number = placeholders["id"]
        with self._file.reading() as connection:
            row = books.refund_with_id(connection, int(number)) if number.isdigit() else None
            payment = books.transaction_where(connection, "id", row.transaction_id) if row else None
        if row is None or payment is None:
            raise not_found("Refund", "refund_not_found")
        return written(refund_json(row, payment), "Refund retrieved")

    def _balance(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> SimulatedResponse:  # noqa: ARG002 - as all routes
        return written([{"currency": "KES", "balance": 0}], "Balances retrieved")


def charge_made(row: TransactionRow) -> SimulatedResponse:
    """What the phone's owner has yet to do; or the operator's no.

    Raises:
        Refused: 400, declined at once.
    """
    if row.status is TransactionStatus.FAILED:
        raise Refused(400, row.gateway_response, code="charge_failed", kind="processor_error")
    asked: Json = {
        "reference": row.reference,
        "status": "pay_offline",
        "display_text": "Please complete authorization process on your mobile phone",
    }
    return written(asked, "Charge attempted")
