"""What Stripe may be configured with, and what the configuration says of itself."""

import pytest
from pydantic import ValidationError

from shared.providers.stripe.config import API_VERSION, CAPABILITIES, StripeConfig
from shared.providers.stripe.tests.played import API_KEY, CONFIG, SECRET


def config(**changes: object) -> StripeConfig:
    return StripeConfig.model_validate({**CONFIG, **changes})


@pytest.mark.parametrize(
    ("key", "is_live"),
    [("sk_test_1", False), ("rk_test_1", False), ("sk_live_1", True), ("rk_live_1", True), ("sk_test_live_", False)],
)
def test_the_key_says_whether_money_is_real(key: str, is_live: bool) -> None:  # noqa: FBT001 - a table
    assert config(api_key=key, publishable_key=None).livemode is is_live


@pytest.mark.parametrize(
    "changes",
    [
        {"api_key": "pk_test_1"},
        {"api_key": "sk_prod_1"},
        {"api_key": "sk_test_"},
        {"api_key": " sk_test_1"},
        {"api_key": "sk_test_ä"},
        {"publishable_key": "sk_test_1"},
        {"publishable_key": "pk_live_1"},
        {"base_url": "https://stripe.test/v1"},
        {"base_url": "https://stripe.test/v1/"},
        {"base_url": "stripe.test"},
        {"base_url": "http://stripe.test", "api_key": "sk_live_1", "publishable_key": None},
        {"api_version": "latest"},
        {"webhook_secrets": [""]},
        {"webhook_secrets": ["whsec_"]},
        {"webhook_secrets": ["  "]},
        {"webhook_secrets": ["secret"]},
        {"retries": 2},
    ],
    ids=repr,
)
def test_what_cannot_be_right_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        config(**changes)


def test_a_webhook_secret_is_trimmed_and_otherwise_kept_whole() -> None:
    secrets = config(webhook_secrets=[f"  {SECRET}\n"]).webhook_secrets

    assert [secret.get_secret_value() for secret in secrets] == [SECRET]


def test_the_api_version_is_pinned() -> None:
    assert config().api_version == API_VERSION == "2026-10-28.endive"


def test_no_secret_is_in_the_text_of_a_configuration_or_of_its_refusal() -> None:
    shown = repr(config()) + str(config())
    with pytest.raises(ValidationError) as refusal:
        config(api_key="sk_prod_5ecret", webhook_secrets=["5ecret"])

    assert API_KEY not in shown
    assert SECRET not in shown
    assert all("5ecret" not in each["msg"] for each in refusal.value.errors())


def test_the_limits_are_in_our_minor_units() -> None:
    assert CAPABILITIES.maximum_amount_minor["KES"] == 99_999_999
    assert CAPABILITIES.maximum_amount_minor["UGX"] == 999_999
    assert CAPABILITIES.maximum_amount_minor["MGA"] == 9_999_999_900
    assert CAPABILITIES.maximum_amount_minor["KWD"] == 99_999_990
    assert CAPABILITIES.minimum_amount_minor["USD"] == 50
    assert CAPABILITIES.amount_multiple_minor["KWD"] == 10
    assert CAPABILITIES.idempotency_window_hours == 23
