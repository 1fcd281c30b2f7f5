"""PaymentIntents: made, changed, confirmed, and authenticated by the customer."""

from collections.abc import Set
from dataclasses import replace

from shared.providers.stripe.simulator import books
from shared.providers.stripe.simulator.act import Act
from shared.providers.stripe.simulator.asking import ConfirmAsked, IntentAsked, MethodAsked, UpdateAsked
from shared.providers.stripe.simulator.cards import (
    AUTHENTICATION_REQUIRED,
    BEHAVIOURS,
    BY_NUMBER,
    Behaviour,
    Decline,
    SandboxMethod,
    method_of_token,
)
from shared.providers.stripe.simulator.charging import FAILED_LATER, Attempt, Charging, without_action
from shared.providers.stripe.simulator.exchange import Json, Refused, invalid, new_id, no_such, token, unexpected_state
from shared.providers.stripe.simulator.money import check_amount
from shared.providers.stripe.simulator.params import merged
from shared.providers.stripe.simulator.rows import Charge, Intent, IntentStatus, Method
from shared.providers.stripe.simulator.scenarios import BY_WORD, Scenario
from shared.providers.stripe.simulator.settings import StripeSimulatorSettings

CONFIRMABLE = frozenset(
    {IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.REQUIRES_CONFIRMATION, IntentStatus.REQUIRES_ACTION}
)
AUTHENTICATION_FAILED = Decline(
    code="payment_intent_authentication_failure",
    kind="invalid_request_error",
    message="The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
    "PaymentMethod to attempt to fulfill this PaymentIntent again.",
)
NO_METHOD = (
    "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
    "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method."
)
NO_RETURN_URL = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these "
    "payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want "
    "to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
)


class Payments:
    """Every method works within the caller's transaction."""

    def __init__(self, settings: StripeSimulatorSettings, charging: Charging) -> None:
        self._settings = settings
        self._charging = charging

    def create(self, act: Act, asked: IntentAsked, scenario: Scenario) -> Attempt:
        """Make a PaymentIntent and, if wanted, confirm it.

        Raises:
            Refused: 400, no such payment method; no return_url where one is needed. Nothing is made.
        """
        intent_id = new_id("pi")
        method = self.method(act, asked.confirming.method) if asked.confirming.method else None
        waiting = IntentStatus.REQUIRES_CONFIRMATION if method else IntentStatus.REQUIRES_PAYMENT_METHOD
        intent = Intent(
            id=intent_id,
            created=act.now,
            amount=asked.amount,
            currency=asked.currency,
            status=waiting,
            client_secret=f"{intent_id}_secret_{token(25)}",
            capture_method=asked.capture_method,
            is_automatic=asked.is_automatic,
            allow_redirects=asked.allow_redirects,
            method_types=types_of(asked, method),
            can_multicapture=asked.can_multicapture,
            payment_method=method.id if method else None,
            metadata=asked.metadata,
            details=asked.details,
            scenario=scenario.name,
            telling=scenario.telling,
            idempotency_key=act.idempotency_key,
        )
        books.save(act.connection, intent)
        self._charging.tell(act, intent, "payment_intent.created", intent)
        return self.confirm(act, intent, asked.confirming) if asked.confirm else Attempt(intent=intent)

    def update(self, act: Act, intent: Intent, asked: UpdateAsked) -> Attempt:
        """Change what may be changed; metadata always may.

        Raises:
            Refused: 400, another amount or method in a state that has its own.
        """
        is_money = asked.amount is not None or asked.currency is not None or asked.method is not None
        if is_money and intent.status not in CONFIRMABLE:
            raise self.unexpected(act, intent, "update", CONFIRMABLE)
        amount, currency = asked.amount or intent.amount, asked.currency or intent.currency
        check_amount(amount, currency)
        metadata = merged(intent.metadata, asked.metadata)
        changed = replace(intent, amount=amount, currency=currency, metadata=metadata)
        changed = replace(changed, details={**intent.details, **asked.details})
        if asked.method is not None:
            method = self.method(act, asked.method)
            status = IntentStatus.REQUIRES_CONFIRMATION
            changed = replace(without_action(changed), payment_method=method.id, status=status)
        return Attempt(intent=books.save(act.connection, changed))

    def confirm(self, act: Act, intent: Intent, asked: ConfirmAsked) -> Attempt:
        """Try to pay with the method that it has, or is given now.

        Raises:
            Refused: 400, it is not in a state to be confirmed; no method; no return_url where one is needed.
        """
        if intent.status not in CONFIRMABLE:
            raise self.unexpected(act, intent, "confirm", CONFIRMABLE)
        method = self._method_to_pay_with(act, intent, asked)
        check_return_url(intent, asked)
        check_mandate(method, intent, asked)
        capture_method = asked.capture_method or intent.capture_method
        intent = replace(
            intent,
            payment_method=method.id,
            return_url=asked.return_url,
            capture_method=capture_method,
            last_error=None,
        )
        behaviour = behaviour_of(intent, method)
        if behaviour.needs_action:
            return self._ask_customer(act, intent, asked)
        return self._charging.attempt(act, intent, method, behaviour, authenticated=False)

    def authenticate(self, act: Act, intent: Intent, *, is_passed: bool) -> Attempt:
        """What the customer has done on the 3-D Secure page.

        Raises:
            Refused: 400, it does not wait for the customer.
        """
        if intent.status is not IntentStatus.REQUIRES_ACTION:
            raise self.unexpected(act, intent, "authenticate", {IntentStatus.REQUIRES_ACTION})
        method = books.find(act.connection, Method, intent.payment_method or "")
        assert method is not None
        if not is_passed:
            return self._charging.decline(act, intent, None, AUTHENTICATION_FAILED)
        behaviour = replace(behaviour_of(intent, method), needs_action=False)
        return self._charging.attempt(act, intent, method, behaviour, authenticated=True)

    def settle(self, act: Act, intent: Intent, *, is_paid: bool) -> Intent:
        """What the bank decided later; what is no longer open stays as it is."""
        charge = books.find(act.connection, Charge, intent.latest_charge or "")
        if charge is None or intent.status not in {IntentStatus.PROCESSING, IntentStatus.UNDER_REVIEW}:
            return intent
        if is_paid:
            return self._charging.succeed(act, intent, charge)
        return self._charging.decline(act, intent, charge, FAILED_LATER).intent

    def method(self, act: Act, asked: MethodAsked) -> Method:
        """The payment method: an old one, or a new one of a test token, a card's number or an IBAN.

        Raises:
            Refused: 400, no such method; 402, a number that is no test card's.
        """
        if asked.name is None:
            return self._method_of_number(act, asked)
        known = books.find(act.connection, Method, asked.name)
        if known is not None:
            return known
        found = method_of_token(asked.name)
        if found is None:
            raise no_such("PaymentMethod", asked.name, param="payment_method")
        return self._new_method(act, found)

    def unexpected(self, act: Act, intent: Intent, verb: str, allowed: Set[IntentStatus]) -> Refused:
        """The error that names the state, with the whole payment inside."""
        done, listed = PARTICIPLES.get(verb, f"{verb}ed"), ", ".join(sorted(allowed))
        message = (
            f"You cannot {verb} this PaymentIntent because it has a status of {intent.status}. Only a PaymentIntent "
            f"with one of the following statuses may be {done}: {listed}."
        )
        return unexpected_state(message, self.shown(act, intent))

    def shown(self, act: Act, intent: Intent) -> Json:
        return self._charging.shown(act, intent)

    def _method_of_number(self, act: Act, asked: MethodAsked) -> Method:
        found = BY_NUMBER.get(asked.number or "")
        if found is None or found.kind != asked.type:
            raise Refused(402, "Your card number is incorrect.", kind="card_error", code="incorrect_number")
        return self._new_method(act, found)

    def _new_method(self, act: Act, found: SandboxMethod) -> Method:
        method = Method(
            id=new_id("pm"),
            created=act.now,
            type=found.kind,
            number=found.number,
            brand=found.brand,
            funding=found.funding,
            behaviour=found.behaviour,
        )
        return books.save(act.connection, method)

    def _method_to_pay_with(self, act: Act, intent: Intent, asked: ConfirmAsked) -> Method:
        if asked.method is not None:
            return self.method(act, asked.method)
        method = books.find(act.connection, Method, intent.payment_method or "")
        if method is None:
            raise unexpected_state(NO_METHOD, self.shown(act, intent))
        return method

    def _ask_customer(self, act: Act, intent: Intent, asked: ConfirmAsked) -> Attempt:
        if asked.is_off_session or asked.error_on_action:
            return self._charging.decline(act, intent, None, AUTHENTICATION_REQUIRED)
        action_token = token(24)
        base = self._settings.public_url or act.host
        url = f"{base}/stripe/hooks/authenticate?payment_intent={intent.id}&token={action_token}"
        intent = replace(intent, status=IntentStatus.REQUIRES_ACTION, action_token=action_token, action_url=url)
        self._charging.tell(act, intent, "payment_intent.requires_action", books.save(act.connection, intent))
        return Attempt(intent=intent)


PARTICIPLES = {"cancel": "canceled", "capture": "captured", "update": "updated", "authenticate": "authenticated"}


def types_of(asked: IntentAsked, method: Method | None) -> tuple[str, ...]:
    if method is not None and asked.is_automatic and method.type not in asked.method_types:
        return (*asked.method_types, method.type)
    return asked.method_types


def behaviour_of(intent: Intent, method: Method) -> Behaviour:
    """What the scenario wants, else what the method does."""
    return BEHAVIOURS[BY_WORD[intent.scenario].behaviour or method.behaviour]


def check_return_url(intent: Intent, asked: ConfirmAsked) -> None:
    if intent.is_automatic and intent.allow_redirects != "never" and asked.return_url is None:
        raise invalid(NO_RETURN_URL)


def check_mandate(method: Method, intent: Intent, asked: ConfirmAsked) -> None:
    if method.type != "sepa_debit":
        return
    if intent.currency != "eur":
        raise invalid("The currency provided is not supported by sepa_debit: use eur.", param="currency")
    if not asked.has_mandate:
        raise invalid("A mandate is required: pass mandate_data.", "parameter_missing", "mandate_data")


def existing_intent(act: Act, intent_id: str, param: str | None = None) -> Intent:
    """Raises: Refused: 404 when the address names it, 400 when ``param`` does."""
    intent = books.find(act.connection, Intent, intent_id)
    if intent is None:
        raise no_such("payment_intent", intent_id, param=param)
    return intent
