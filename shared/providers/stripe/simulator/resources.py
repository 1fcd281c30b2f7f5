"""Stripe's resources as JSON: what it shows of each, in the shape of the pinned API version."""

from collections.abc import Mapping

from pydantic import JsonValue

from shared.providers.stripe.simulator.exchange import Json
from shared.providers.stripe.simulator.rows import Charge, ChargeStatus, Dispute, Intent, Method, Refund, Transaction

NO_ADDRESS: Json = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
NO_CHECKS: Json = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}


def intent_json(row: Intent, *, livemode: bool) -> Json:
    automatic: Json = {"allow_redirects": row.allow_redirects, "enabled": True}
    return {
        "id": row.id,
        "object": "payment_intent",
        "amount": row.amount,
        "amount_capturable": row.capturable,
        "amount_details": {"tip": {}},
        "amount_received": row.received,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic if row.is_automatic else None,
        "canceled_at": row.canceled_at,
        "cancellation_reason": row.cancellation_reason,
        "capture_method": str(row.capture_method),
        "client_secret": row.client_secret,
        "confirmation_method": "automatic",
        "created": row.created,
        "currency": row.currency,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": row.last_error,
        "latest_charge": row.latest_charge,
        "livemode": livemode,
        "metadata": dict(row.metadata),
        "next_action": next_action_json(row),
        "on_behalf_of": None,
        "payment_method": row.payment_method,
        "payment_method_configuration_details": None,
        "payment_method_options": options_json(row),
        "payment_method_types": list(row.method_types),
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": str(row.status),
        "transfer_data": None,
        "transfer_group": None,
        **row.details,
    }


def next_action_json(row: Intent) -> Json | None:
    if row.action_url is None:
        return None
    if row.return_url is None:
        return {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": row.action_url},
        }
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": row.return_url, "url": row.action_url}}


def options_json(row: Intent) -> Json:
    card: Json = {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
    if row.can_multicapture:
        card["request_multicapture"] = "if_available"
    return {"card": card} if "card" in row.method_types else {}


def charge_json(row: Charge, method: Method, *, livemode: bool) -> Json:
    return {
        "id": row.id,
        "object": "charge",
        "amount": row.amount,
        "amount_captured": row.captured,
        "amount_refunded": row.shown_refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": row.balance_transaction,
        "billing_details": billing_json(method),
        "calculated_statement_descriptor": "GATEWAY",
        "captured": row.is_captured,
        "created": row.created,
        "currency": row.currency,
        "customer": None,
        "description": row.description,
        "disputed": row.is_disputed,
        "failure_balance_transaction": None,
        "failure_code": row.failure["code"] if row.failure else None,
        "failure_message": row.failure["message"] if row.failure else None,
        "fraud_details": {},
        "livemode": livemode,
        "metadata": dict(row.metadata),
        "on_behalf_of": None,
        "outcome": outcome_json(row),
        "paid": row.status is ChargeStatus.SUCCEEDED,
        "payment_intent": row.intent_id,
        "payment_method": row.payment_method,
        "payment_method_details": charge_method_json(row, method),
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None if row.failure else f"https://pay.stripe.com/receipts/payment/{row.id}",
        "refunded": row.shown_refunded == row.amount,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": str(row.status),
        "transfer_data": None,
        "transfer_group": None,
    }


def outcome_json(row: Charge) -> Json | None:
    if row.status is ChargeStatus.PENDING:
        return None
    failure = row.failure or {}
    is_declined = row.failure is not None
    return {
        "advice_code": failure.get("advice_code"),
        "network_advice_code": None,
        "network_decline_code": failure.get("network_decline_code"),
        "network_status": "declined_by_network" if is_declined else "approved_by_network",
        "reason": failure.get("decline_code"),
        "risk_level": "normal",
        "risk_score": 32,
        "seller_message": "The bank did not return any further details with this decline."
        if is_declined
        else "Payment complete.",
        "type": "issuer_declined" if is_declined else "authorized",
    }


def charge_method_json(row: Charge, method: Method) -> Json:
    if method.type != "card":
        return {method.type: {"last4": method.number[-4:], "country": "AT"}, "type": method.type}
    secured: Json = {"authentication_flow": "challenge", "result": "authenticated", "version": "2.2.0"}
    card: Json = {
        **card_json(method),
        "amount_authorized": row.amount,
        "authorization_code": None if row.failure else "123456",
        "capture_before": row.capture_before,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": method.brand,
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": row.amount, "status": "unavailable"},
        "transaction_link_id": None,
        "three_d_secure": secured if row.authenticated else None,
    }
    if row.capture_before is None:
        del card["capture_before"]
    return {"card": card, "type": "card"}


def card_json(method: Method) -> Json:
    return {
        "brand": method.brand,
        "checks": dict(NO_CHECKS),
        "country": "US",
        "exp_month": 8,
        "exp_year": 2030,
        "fingerprint": f"sim{method.number}",
        "funding": method.funding,
        "last4": method.number[-4:],
        "regulated_status": "unregulated",
        "wallet": None,
    }


def billing_json(method: Method) -> Json:
    return {"address": dict(NO_ADDRESS), "email": None, "name": None, "phone": None, "tax_id": None, **method.billing}


def method_json(row: Method, *, livemode: bool) -> Json:
    particulars: Json = {"last4": row.number[-4:], "country": "AT", "bank_code": "19043"}
    if row.type == "card":
        networks: Json = {"available": [row.brand], "preferred": None}
        particulars = {
            **card_json(row),
            "display_brand": row.brand,
            "generated_from": None,
            "networks": networks,
            "three_d_secure_usage": {"supported": True},
        }
    return {
        "id": row.id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_json(row),
        row.type: particulars,
        "created": row.created,
        "customer": None,
        "customer_account": None,
        "livemode": livemode,
        "metadata": {},
        "type": row.type,
    }


def refund_json(row: Refund) -> Json:
    card: Json = {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"}
    failed: Json = {
        "failure_balance_transaction": row.failure_balance_transaction,
        "failure_reason": row.failure_reason,
    }
    return {
        "id": row.id,
        "object": "refund",
        "amount": row.amount,
        "balance_transaction": row.balance_transaction,
        "charge": row.charge_id,
        "created": row.created,
        "currency": row.currency,
        "customer": None,
        "customer_account": None,
        "destination_details": {"card": card, "type": "card"},
        "metadata": dict(row.metadata),
        "payment_intent": row.intent_id,
        "payment_method": None,
        "reason": row.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": str(row.status),
        "transfer_reversal": None,
        **(failed if row.failure_reason else {}),
        **({"pending_reason": "processing"} if row.status == "pending" else {}),
    }


def dispute_json(row: Dispute, transactions: list[JsonValue], *, livemode: bool) -> Json:
    return {
        "id": row.id,
        "object": "dispute",
        "amount": row.amount,
        "balance_transactions": transactions,
        "charge": row.charge_id,
        "created": row.created,
        "currency": row.currency,
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": row.created + 7 * 86_400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": row.status.startswith("warning_"),
        "livemode": livemode,
        "metadata": dict(row.metadata),
        "payment_intent": row.intent_id,
        "reason": row.reason,
        "status": row.status,
    }


CATEGORIES: Mapping[str, str] = {
    "payment": "charge",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "payment_failure_refund": "refund_failure",
    "adjustment": "dispute",
}


def transaction_json(row: Transaction) -> Json:
    fee: Json = {
        "amount": row.fee,
        "application": None,
        "currency": row.currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    return {
        "id": row.id,
        "object": "balance_transaction",
        "amount": row.amount,
        "available_on": row.created + 2 * 86_400,
        "balance_type": "payments",
        "created": row.created,
        "currency": row.currency,
        "description": row.description,
        "exchange_rate": None,
        "fee": row.fee,
        "fee_details": [fee] if row.fee else [],
        "net": row.amount - row.fee,
        "reporting_category": CATEGORIES.get(row.type, row.type),
        "source": row.source,
        "status": "pending",
        "type": row.type,
    }
