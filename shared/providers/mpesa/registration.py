"""Tells M-Pesa where its questions and news about a shortcode go: once, by hand. Later changes go by its portal."""

from shared.provider_kit.http import ProviderResponse
from shared.provider_kit.provider import Registration
from shared.providers.mpesa.callback_paths import About, CallbackPaths, Purpose
from shared.providers.mpesa.config import MpesaConfig
from shared.providers.mpesa.errors import error_in
from shared.providers.mpesa.reading import read
from shared.providers.mpesa.transport import Transport
from shared.providers.mpesa.wire import RegisterAnswer

REGISTER = "/mpesa/c2b/v2/registerurl"
ACCEPTED = "0"


def register_till(mpesa: Transport, paths: CallbackPaths, config: MpesaConfig) -> Registration:
    body = {
        "ShortCode": config.shortcode,
        "ResponseType": config.unanswered_validation,
        "ConfirmationURL": paths.url(About(purpose=Purpose.C2B_CONFIRM, subject=config.shortcode)),
        "ValidationURL": paths.url(About(purpose=Purpose.C2B_CHECK, subject=config.shortcode)),
    }
    answer = mpesa.ask(REGISTER, body)
    if not isinstance(answer, ProviderResponse):
        return Registration(accepted=False, detail=answer.reason)
    error = error_in(answer)
    if error is not None:
        return Registration(accepted=False, detail=error.reason)
    told = read(RegisterAnswer, answer.body)
    if told is None:
        return Registration(accepted=False, detail=f"http {answer.status} unreadable")
    return Registration(accepted=told.response_code == ACCEPTED, detail=told.response_description)
