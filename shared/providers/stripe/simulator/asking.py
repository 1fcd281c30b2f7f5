"""What Stripe is asked to make or change: parameters read into values, refused before anything is executed."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.providers.stripe.simulator.exchange import Json, invalid, missing
from shared.providers.stripe.simulator.form import Node
from shared.providers.stripe.simulator.money import check_amount, read_currency
from shared.providers.stripe.simulator.params import Params
from shared.providers.stripe.simulator.rows import CaptureMethod

CANCELLATION_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
REFUND_REASONS = ("duplicate", "fraudulent", "requested_by_customer")
METHOD_TYPES = ("card", "sepa_debit")

# Kept and shown; nothing depends on them.
KEPT_TEXTS = (
    *("description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix", "setup_future_usage"),
    *("customer", "customer_account", "transfer_group", "on_behalf_of"),
)
ONLY_WHEN_CONFIRMED = ("return_url", "off_session", "error_on_requires_action", "mandate", "mandate_data")
_CONFIRMING = """
    allowed_payment_method_types amount_details amount_to_confirm capture_method confirmation_token
    error_on_requires_action excluded_payment_method_types expand hooks mandate mandate_data off_session
    payment_details payment_method payment_method_data payment_method_options payment_method_types radar_options
    receipt_email return_url setup_future_usage shipping use_stripe_sdk client_secret
"""
CONFIRMING = frozenset(_CONFIRMING.split())
_UPDATING = """
    allowed_payment_method_types amount amount_details application_fee_amount capture_method currency customer
    customer_account description excluded_payment_method_types expand hooks metadata payment_details
    payment_method payment_method_configuration payment_method_data payment_method_options payment_method_types
    receipt_email setup_future_usage shipping statement_descriptor statement_descriptor_suffix transfer_data
    transfer_group
"""
UPDATING = frozenset(_UPDATING.split())
CREATING = (
    CONFIRMING
    | UPDATING
    | {"automatic_payment_methods", "confirm", "confirmation_method", "mandate", "off_session", "on_behalf_of"}
)
_CAPTURING = """
    amount_details amount_to_capture application_fee_amount expand final_capture hooks metadata payment_details
    statement_descriptor statement_descriptor_suffix transfer_data
"""
CAPTURING = frozenset(_CAPTURING.split())
CANCELLING = frozenset({"cancellation_reason", "expand"})
_REFUNDING = """
    amount charge currency customer expand instructions_email metadata origin payment_intent reason
    refund_application_fee reverse_transfer
"""
REFUNDING = frozenset(_REFUNDING.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodAsked:
    """A payment method by its id or test token, or made of a card's number or an IBAN."""

    name: str | None = None
    type: str = "card"
    number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmAsked:
    method: MethodAsked | None = None
    return_url: str | None = None
    is_off_session: bool = False
    error_on_action: bool = False
    has_mandate: bool = False
    capture_method: CaptureMethod | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentAsked:
    amount: int
    currency: str
    capture_method: CaptureMethod
    is_automatic: bool
    allow_redirects: str
    method_types: tuple[str, ...]
    can_multicapture: bool
    metadata: Mapping[str, str]
    details: Json
    confirm: bool
    confirming: ConfirmAsked


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateAsked:
    amount: int | None
    currency: str | None
    method: MethodAsked | None
    metadata: Mapping[str, str] | None
    details: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureAsked:
    amount: int | None
    is_final: bool
    metadata: Mapping[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAsked:
    amount: int | None = None
    intent_id: str | None = None
    charge_id: str | None = None
    reason: str | None = None
    metadata: Mapping[str, str]


def read_intent(params: Params) -> IntentAsked:
    params.check_known(CREATING)
    amount = params.integer("amount")
    if amount is None:
        raise missing("amount")
    currency = read_currency(params.required("currency"))
    check_amount(amount, currency)
    confirm = params.boolean("confirm") or False
    check_confirmation_is_wanted(params, confirm=confirm)
    automatic = params.below("automatic_payment_methods")
    types = params.texts("payment_method_types") or params.texts("allowed_payment_method_types")
    is_automatic = automatic.boolean("enabled") if automatic.tree else not types
    if is_automatic and types and automatic.tree:
        raise invalid("You may only specify one of these parameters: automatic_payment_methods, payment_method_types.")
    card_options = params.below("payment_method_options").below("card")
    return IntentAsked(
        amount=amount,
        currency=currency,
        capture_method=read_capture_method(params) or CaptureMethod.AUTOMATIC_ASYNC,
        is_automatic=bool(is_automatic),
        allow_redirects=automatic.choice("allow_redirects", ("always", "never")) or "always",
        method_types=types or ("card",),
        can_multicapture=card_options.choice("request_multicapture", ("if_available", "never")) == "if_available",
        metadata={name: value for name, value in (params.metadata() or {}).items() if value},
        details=read_details(params),
        confirm=confirm,
        confirming=read_confirming(params),
    )


def check_confirmation_is_wanted(params: Params, *, confirm: bool) -> None:
    """Raises: Refused: 400, something is said that only a confirmation needs."""
    for name in ONLY_WHEN_CONFIRMED:
        if name in params.tree and not confirm:
            raise invalid(
                f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` is set to "
                "true.",
                param=name,
            )


def read_confirm(params: Params) -> ConfirmAsked:
    params.check_known(CONFIRMING)
    return read_confirming(params)


def read_confirming(params: Params) -> ConfirmAsked:
    return ConfirmAsked(
        method=read_method(params),
        return_url=read_return_url(params),
        is_off_session=params.text("off_session") not in (None, "false"),
        error_on_action=params.boolean("error_on_requires_action") or False,
        has_mandate="mandate_data" in params.tree or "mandate" in params.tree,
        capture_method=read_capture_method(params),
    )


def read_return_url(params: Params) -> str | None:
    url = params.text("return_url")
    if url is not None and "://" not in url:
        raise invalid("Not a valid URL", "url_invalid", "return_url")
    return url


def read_capture_method(params: Params) -> CaptureMethod | None:
    chosen = params.choice("capture_method", tuple(CaptureMethod))
    return None if chosen is None else CaptureMethod(chosen)


def read_method(params: Params) -> MethodAsked | None:
    name = params.text("payment_method")
    if name is not None:
        return MethodAsked(name=name)
    if "payment_method_data" not in params.tree:
        return None
    return read_method_details(params.below("payment_method_data"))


def read_method_details(details: Params) -> MethodAsked:
    kind = details.choice("type", METHOD_TYPES)
    if kind is None:
        raise missing(f"{details.prefix}[type]" if details.prefix else "type")
    below = details.below(kind)
    token = below.text("token")
    if token is not None:
        return MethodAsked(name=token)
    number = below.required("number" if kind == "card" else "iban")
    return MethodAsked(type=kind, number=number.replace(" ", ""))


def read_details(params: Params) -> Json:
    texts = {name: params.tree[name] for name in KEPT_TEXTS if name in params.tree}
    details: Json = {name: text or None for name, text in texts.items() if isinstance(text, str)}
    if "shipping" in params.tree:
        details["shipping"] = as_json(params.below("shipping").tree)
    fee = params.integer("application_fee_amount")
    return details if fee is None else {**details, "application_fee_amount": fee}


def as_json(tree: Node) -> Json:
    return {name: value if isinstance(value, str) else as_json(value) for name, value in tree.items()}


def read_update(params: Params) -> UpdateAsked:
    params.check_known(UPDATING)
    currency = params.text("currency")
    return UpdateAsked(
        amount=params.integer("amount"),
        currency=read_currency(currency) if currency else None,
        method=read_method(params),
        metadata=params.metadata(),
        details=read_details(params),
    )


def read_capture(params: Params) -> CaptureAsked:
    params.check_known(CAPTURING)
    final = params.boolean("final_capture")
    return CaptureAsked(
        amount=params.integer("amount_to_capture"),
        is_final=True if final is None else final,
        metadata=params.metadata(),
    )


def read_cancel(params: Params) -> str | None:
    """The reason, if one is given."""
    params.check_known(CANCELLING)
    return params.choice("cancellation_reason", CANCELLATION_REASONS)


def read_refund(params: Params) -> RefundAsked:
    params.check_known(REFUNDING)
    asked = RefundAsked(
        amount=params.integer("amount"),
        intent_id=params.text("payment_intent"),
        charge_id=params.text("charge"),
        reason=params.choice("reason", REFUND_REASONS),
        metadata={name: value for name, value in (params.metadata() or {}).items() if value},
    )
    if asked.intent_id is None and asked.charge_id is None:
        raise invalid(
            "One of the following params should be provided for this request: payment_intent or charge.",
            "parameter_missing",
        )
    if asked.amount is not None and asked.amount < 1:
        raise invalid("Invalid positive integer", "parameter_invalid_integer", "amount")
    return asked
