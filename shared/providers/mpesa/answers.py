"""What M-Pesa's answer to a request of ours says, and only about what was asked for."""

from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Answer, Declined, InDoubt, Outcome, Pending
from shared.provider_kit.answers import unreadable
from shared.provider_kit.http import Answered, ProviderResponse
from shared.provider_kit.wire import read
from shared.providers.mpesa.config import (
    CURRENCY,
    LARGEST_AMOUNT_MINOR,
    PHONE,
    SHILLING_MINOR,
    SMALLEST_AMOUNT_MINOR,
)
from shared.providers.mpesa.errors import GatewayError, Verdict, error_in, outcome_of_error
from shared.providers.mpesa.outcomes import STK_RESULTS, Alert, Said, alerted, outcome_of_result, redacted
from shared.providers.mpesa.wire import CommandAnswer, PushAnswer, QueryAnswer

ACCEPTED = "0"
ASKED = "asked; they answer by callback"


def refusal_of_amount(amount: Money) -> Declined | None:
    """Why it cannot be paid in shillings; ``None``: it can. Nothing is ever rounded."""
    minor = amount.amount_minor_units
    if amount.currency != CURRENCY:
        return Declined(code=FailureCode.PROVIDER_REFUSED, provider_message="M-Pesa pays in KES only")
    if minor % SHILLING_MINOR:
        return Declined(code=FailureCode.PROVIDER_REFUSED, provider_message="M-Pesa pays whole shillings only")
    if minor < SMALLEST_AMOUNT_MINOR:
        return Declined(code=FailureCode.AMOUNT_TOO_SMALL, provider_message="M-Pesa pays KES 1 and more")
    if minor > LARGEST_AMOUNT_MINOR:
        return Declined(code=FailureCode.AMOUNT_TOO_LARGE, provider_message="M-Pesa pays up to KES 250,000")
    return None


def msisdn_of(phone: str | None) -> str | None:
    """The twelve digits of a Kenyan mobile number in E.164; ``None``: it is none."""
    return phone.removeprefix("+") if phone and PHONE.fullmatch(phone) else None


def no_kenyan_phone() -> Declined:
    return Declined(code=FailureCode.INVALID_ACCOUNT, provider_message="M-Pesa needs a Kenyan mobile number")


# What the customer has to do, for the merchant to say.
PROMPTED = {"type": "prompt_on_phone", "message": "Enter your M-Pesa PIN on your phone."}


def outcome_of_push(answer: Answered) -> Outcome:
    """Of a prompt: at best it is on its way to the customer."""
    if not isinstance(answer, ProviderResponse):
        return answer
    error = error_in(answer)
    if error is not None:
        return outcome_of_error(error)
    accepted = read(PushAnswer, answer.body)
    if accepted is None:
        return unreadable(answer)
    told: Answer = {
        "CheckoutRequestID": accepted.checkout_request_id,
        "MerchantRequestID": accepted.merchant_request_id,
        "description": redacted(accepted.response_description),
    }
    if accepted.response_code != ACCEPTED:
        return not_accepted(accepted.response_code, told)
    return Pending(reference=accepted.checkout_request_id, next_action=PROMPTED, answer=told)


def outcome_of_query(answer: Answered, reference: str) -> Outcome:
    """Of a question about a prompt; it has no receipt. What went wrong with the question says nothing of the prompt."""
    if not isinstance(answer, ProviderResponse):
        return InDoubt(reason=answer.reason)
    error = error_in(answer)
    if error is not None:
        return _outcome_of_failed_query(error, reference)
    found = read(QueryAnswer, answer.body)
    if found is None:
        return unreadable(answer)
    if found.checkout_request_id != reference:
        return InDoubt(reason="the answer is about another prompt")
    said = Said(
        code=found.result_code,
        description=found.result_description,
        reference=reference,
        answer={"CheckoutRequestID": reference},
    )
    return outcome_of_result(STK_RESULTS, said)


def outcome_of_command(answer: Answered, our_reference: str | None) -> Outcome:
    """Of a reversal or a payment out. ``our_reference`` is the id that we gave it; ``None``: it is known by theirs."""
    if not isinstance(answer, ProviderResponse):
        return answer
    error = error_in(answer)
    if error is not None:
        return _outcome_of_failed_command(error, our_reference)
    accepted = read(CommandAnswer, answer.body)
    if accepted is None:
        return unreadable(answer)
    told = answer_of(accepted)
    if accepted.response_code != ACCEPTED:
        return not_accepted(accepted.response_code, told)
    return Pending(reference=our_reference or accepted.originator_conversation_id, answer=told)


def outcome_of_question(answer: Answered) -> InDoubt:
    """Of a question that is answered by a callback: until then nothing is known that was not before."""
    if not isinstance(answer, ProviderResponse):
        return InDoubt(reason=answer.reason)
    error = error_in(answer)
    if error is not None:
        return InDoubt(reason=error.reason)
    accepted = read(CommandAnswer, answer.body)
    if accepted is None:
        return unreadable(answer)
    if accepted.response_code != ACCEPTED:
        return not_accepted(accepted.response_code, answer_of(accepted))
    return InDoubt(reason=ASKED, answer=answer_of(accepted))


def answer_of(accepted: CommandAnswer) -> Answer:
    return {
        "OriginatorConversationID": accepted.originator_conversation_id,
        "ConversationID": accepted.conversation_id,
        "description": redacted(accepted.response_description),
    }


def not_accepted(code: str, told: Answer) -> InDoubt:
    """An acknowledgement that acknowledges nothing; no document says what it means for the money."""
    return InDoubt(reason=f"ResponseCode {code}", answer=alerted(told, Alert.UNKNOWN_CODE))


def _outcome_of_failed_query(error: GatewayError, reference: str) -> Outcome:
    if error.verdict is Verdict.AT_WORK:
        return Pending(reference=reference, answer={"code": error.code, "description": redacted(error.message)})
    return InDoubt(reason=error.reason)


def _outcome_of_failed_command(error: GatewayError, our_reference: str | None) -> Outcome:
    if error.verdict is Verdict.ACCEPTED_EARLIER and our_reference is not None:
        return Pending(reference=our_reference, answer={"code": error.code, "description": redacted(error.message)})
    return outcome_of_error(error)
