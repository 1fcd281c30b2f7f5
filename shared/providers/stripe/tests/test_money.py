"""Amounts go to Stripe and come back the same, or they do not go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import AmountRejected, CurrencyUnknown
from shared.domain.money import Money, exponent_of
from shared.providers.stripe.money import (
    AMOUNT_MULTIPLE_MINOR,
    CURRENCIES,
    LARGEST_AMOUNT,
    from_stripe,
    largest,
    to_stripe,
)

SENT = [
    (Money(10_000, "KES"), 10_000),
    (Money(1_050, "USD"), 1_050),
    (Money(1_050, "JPY"), 1_050),
    (Money(1_050, "RWF"), 1_050),
    (Money(5, "ISK"), 500),
    (Money(5, "UGX"), 500),
    (Money(5_120, "KWD"), 5_120),
    (Money(5_130, "TND"), 5_130),
    (Money(700, "MGA"), 7),
    (Money(17_500, "HUF"), 17_500),
    (Money(99_999_999, "KES"), 99_999_999),
    (Money(999_999, "UGX"), 99_999_900),
    (Money(0, "KES"), 0),
]


@pytest.mark.parametrize(("amount", "units"), SENT, ids=str)
def test_an_amount_is_sent_in_stripes_units_and_read_back(amount: Money, units: int) -> None:
    assert to_stripe(amount) == units
    assert from_stripe(units, amount.currency.lower()) == amount


@pytest.mark.parametrize(
    "amount",
    [
        Money(5_124, "KWD"),
        Money(5_121, "BHD"),
        Money(701, "MGA"),
        Money(100_000_000, "KES"),
        Money(1_000_000, "ISK"),
        Money(10_000_000_000, "MGA"),
        Money(-100, "KES"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_and_not_rounded(amount: Money) -> None:
    with pytest.raises(AmountRejected):
        to_stripe(amount)


def test_decimal_places_that_a_currency_has_not_are_refused() -> None:
    with pytest.raises(AmountRejected):
        from_stripe(550, "ugx")


@pytest.mark.parametrize("currency", ["CLF", "IQD", "XAU", "\u0131", ""])
def test_a_currency_that_stripe_does_not_take_is_refused(currency: str) -> None:
    with pytest.raises(CurrencyUnknown):
        from_stripe(100, currency)


def test_every_currency_has_an_exponent_and_stripes_exceptions_are_exceptions() -> None:
    decimals = {currency: exponent_of(currency) for currency in CURRENCIES}

    assert {c for c, places in decimals.items() if places == 3} == {"BHD", "JOD", "KWD", "OMR", "TND"}
    assert {c for c in CURRENCIES if to_stripe(Money(100, c)) != 100} == {"ISK", "UGX", "MGA"}


@given(currency=st.sampled_from(sorted(CURRENCIES)), number=st.integers(min_value=0, max_value=LARGEST_AMOUNT))
def test_there_and_back_is_the_same_amount(currency: str, number: int) -> None:
    multiple = AMOUNT_MULTIPLE_MINOR.get(currency, 1)
    amount = Money(number * multiple, currency)

    if amount <= largest(currency):
        assert from_stripe(to_stripe(amount), currency.lower()) == amount
    else:
        with pytest.raises(AmountRejected):
            to_stripe(amount)


@given(currency=st.sampled_from(sorted(CURRENCIES)), units=st.integers(min_value=0, max_value=LARGEST_AMOUNT))
def test_back_and_there_is_the_same_number_of_units(currency: str, units: int) -> None:
    try:
        amount = from_stripe(units, currency)
        assert to_stripe(amount) == units
    except AmountRejected:
        assert units % 100 or units % 10


@given(currency=st.sampled_from(sorted(CURRENCIES)), minor=st.integers(min_value=0, max_value=10**12))
def test_the_value_in_major_units_stays_the_same(currency: str, minor: int) -> None:
    amount = Money(minor, currency)
    places = {"MGA": 0, "ISK": 2, "UGX": 2}.get(currency, exponent_of(currency))

    try:
        units = to_stripe(amount)
    except AmountRejected:
        return
    assert amount.to_decimal().scaleb(places) == units


def test_the_largest_amounts_fit() -> None:
    for currency in CURRENCIES:
        assert to_stripe(largest(currency)) <= LARGEST_AMOUNT
