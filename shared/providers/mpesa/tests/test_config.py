"""What M-Pesa may be configured with."""

import pytest
from pydantic import ValidationError

from shared.providers.mpesa.callback_paths import Purpose
from shared.providers.mpesa.config import CAPABILITIES, FORBIDDEN_WORDS, MpesaConfig
from shared.providers.mpesa.tests.scripted import SHORTCODE, settings

MERCHANT = "01980000-0000-7000-8000-000000000009"


def config(**changes: object) -> MpesaConfig:
    return MpesaConfig.model_validate(settings(**changes))


def test_a_good_configuration_is_taken_with_an_expired_certificate_and_addresses_without_a_slash_at_the_end() -> None:
    good = config(callback_base_url="https://pay.example.com/api/v1/webhooks/mm/")

    assert good.callback_base_url == "https://pay.example.com/api/v1/webhooks/mm"
    assert (good.payee, good.payer) == (SHORTCODE, "600992")


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "sandbox.example"},
        {"api_key": " "},
        {"api_secret": ""},
        {"passkey": ""},
        {"shortcode": "17437"[:4]},
        {"shortcode": "١٧٤٣٧٩"},
        {"party_b": "till"},
        {"transaction_type": "CustomerPayBill"},
        {"webhook_secrets": []},
        {"webhook_secrets": ["n" * 40, "s" * 31]},
        {"callback_addresses": ["196.201.214.200/99"]},
        {"certificate_pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
        {"initiator_password": None},
        {"certificate_pem": None},
        {"callback_base_url": "https://pay.example.com/mm?a=b"},
        {"account_reference": "merchant", "tills": {SHORTCODE: MERCHANT}},
        {"unknown": "field"},
    ],
    ids=repr,
)
def test_a_wrong_configuration_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        config(**change)


@pytest.mark.parametrize("word", ["m-pesa", "MPESA", "Safaricom", "exe", "eXec", "cmd", "SQL", "query"])
def test_a_callback_address_that_safaricom_would_refuse_is_refused(word: str) -> None:
    with pytest.raises(ValidationError, match="Safaricom refuses"):
        config(callback_base_url=f"https://pay.example.com/{word}/mm")


def test_no_purpose_has_a_forbidden_word_and_the_tokens_cannot_spell_one() -> None:
    assert not [word for word in FORBIDDEN_WORDS for purpose in Purpose if word in purpose.value]
    assert all(set(word) - set("0123456789abcdef.-") for word in FORBIDDEN_WORDS)


def test_callbacks_in_the_open_are_refused_in_production_only() -> None:
    open_address = "http://pay.example.com/mm"

    assert config(callback_base_url=open_address).callback_base_url == open_address
    with pytest.raises(ValidationError, match="https"):
        config(base_url="https://api.safaricom.co.ke", callback_base_url=open_address)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook_secrets": ["hidden-secret"]},
        {"initiator_password": "hidden-secret", "initiator_name": None},
    ],
)
def test_what_a_refusal_says_repeats_no_secret(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        config(**change)

    assert "hidden-secret" not in str(caught.value)


def test_nobody_may_call_back_unless_it_is_said_who() -> None:
    given = {name: value for name, value in settings().items() if name != "callback_addresses"}

    assert MpesaConfig.model_validate(given).callback_addresses == ()


def test_only_whole_shillings_up_to_the_limit_of_one_transaction_are_offered() -> None:
    assert CAPABILITIES.currencies == {"KES"}
    assert CAPABILITIES.minimum_amount_minor == {"KES": 100}
    assert CAPABILITIES.maximum_amount_minor == {"KES": 25_000_000}
    assert CAPABILITIES.amount_multiple_minor == {"KES": 100}
