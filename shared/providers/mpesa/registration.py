"""Tells M-Pesa where its questions and news about a shortcode go: once, by hand. Later changes go by its portal."""

from shared.domain.outcome import InDoubt
from shared.provider_kit.answers import unreadable
from shared.provider_kit.http import ProviderResponse
from shared.provider_kit.provider import Registration
from shared.provider_kit.wire import read
from shared.providers.mpesa.callback_paths import About, CallbackPaths, Purpose
from shared.providers.mpesa.config import MpesaConfig
from shared.providers.mpesa.errors import error_in
from shared.providers.mpesa.transport import Transport
from shared.providers.mpesa.wire import RegisterAnswer

REGISTER = "/mpesa/c2b/v2/registerurl"
PULL_REGISTER = "/pulltransactions/v1/register"
ACCEPTED = frozenset({"0"})
PULL_ACCEPTED = frozenset({"1000", "1001"})  # 1001: it is registered already


def register_till(mpesa: Transport, paths: CallbackPaths, config: MpesaConfig) -> Registration:
    body = {
        "ShortCode": config.shortcode,
        "ResponseType": config.unanswered_validation,
        "ConfirmationURL": paths.url(About(purpose=Purpose.C2B_CONFIRM, subject=config.shortcode)),
        "ValidationURL": paths.url(About(purpose=Purpose.C2B_CHECK, subject=config.shortcode)),
    }
    return _told(mpesa.ask(REGISTER, body), ACCEPTED)


def register_pull(mpesa: Transport, paths: CallbackPaths, config: MpesaConfig, nominated: str) -> Registration:
    """``nominated``: the twelve digits of the phone of who answers for the shortcode at Safaricom."""
    body = {
        "ShortCode": config.shortcode,
        "RequestType": "Pull",
        "NominatedNumber": nominated,
        "CallBackURL": paths.url(About(purpose=Purpose.PULL, subject=config.shortcode)),
    }
    return _told(mpesa.ask(PULL_REGISTER, body), PULL_ACCEPTED)


def _told(answer: ProviderResponse | InDoubt, accepted: frozenset[str]) -> Registration:
    if not isinstance(answer, ProviderResponse):
        return Registration(accepted=False, detail=answer.reason)
    error = error_in(answer)
    if error is not None:
        return Registration(accepted=False, detail=error.reason)
    told = read(RegisterAnswer, answer.body)
    if told is None:
        return Registration(accepted=False, detail=unreadable(answer).reason)
    return Registration(accepted=told.response_code in accepted, detail=told.response_description)
