"""Money is whole minor units of one currency: exact, or refused."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from shared.domain.errors import AmountRejected, CurrencyUnknown
from shared.domain.money import MAX_MINOR_UNITS, Money, exponent_of

EXPONENTS = {each.code: each.exponent for each in Currency if each.exponent is not None}
WITHOUT_MINOR_UNITS = sorted(each.code for each in Currency if each.exponent is None)

currencies = st.sampled_from(sorted(EXPONENTS))
minor_units = st.integers(min_value=-MAX_MINOR_UNITS, max_value=MAX_MINOR_UNITS)


def test_iso_4217_has_currencies_of_every_exponent_that_these_tests_need() -> None:
    assert {0, 2, 3, 4} <= set(EXPONENTS.values())


@given(minor_units, currencies)
def test_an_amount_survives_the_way_to_decimal_and_back(amount: int, currency: str) -> None:
    money = Money(amount, currency)

    assert Money.from_decimal(money.to_decimal(), currency) == money


@given(minor_units, currencies)
def test_an_amount_survives_the_way_to_text_and_back(amount: int, currency: str) -> None:
    money = Money(amount, currency)

    assert Money.from_decimal(Decimal(str(money)), currency) == money


@given(minor_units, currencies)
def test_the_text_has_exactly_as_many_decimal_places_as_the_currency(amount: int, currency: str) -> None:
    _, point, places = str(Money(amount, currency)).partition(".")

    assert len(places) == EXPONENTS[currency]
    assert bool(point) == bool(places)


@given(st.integers(min_value=0, max_value=10**12), currencies)
def test_one_decimal_place_too_many_is_refused_never_rounded(whole: int, currency: str) -> None:
    too_fine = Decimal(whole * 10 + 1).scaleb(-EXPONENTS[currency] - 1)

    with pytest.raises(AmountRejected, match="decimal places"):
        Money.from_decimal(too_fine, currency)


@given(st.integers(min_value=0, max_value=10**12), currencies, st.integers(min_value=1, max_value=30))
def test_trailing_zeros_are_no_decimal_places(whole: int, currency: str, zeros: int) -> None:
    exponent = EXPONENTS[currency]

    assert Money.from_decimal(Decimal(whole * 10**zeros).scaleb(-exponent - zeros), currency) == Money(whole, currency)


@given(st.decimals(allow_nan=False, allow_infinity=False), currencies)
def test_any_decimal_is_taken_exactly_or_refused(amount: Decimal, currency: str) -> None:
    try:
        money = Money.from_decimal(amount, currency)
    except AmountRejected:
        return

    assert money.to_decimal() == amount


@pytest.mark.parametrize(
    "text", ["NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "1e999999"]
)
def test_what_is_no_amount_of_money_is_refused(text: str) -> None:
    with pytest.raises(AmountRejected):
        Money.from_decimal(Decimal(text), "KES")


@pytest.mark.parametrize("text", [f"0.{'1' * 5000}", f"10.{'0' * 5000}1"], ids=["all ones", "far behind"])
def test_thousands_of_digits_are_refused_like_one_too_many(text: str) -> None:
    with pytest.raises(AmountRejected, match="decimal places"):
        Money.from_decimal(Decimal(text), "KES")


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("10.50", "KES", 1050),
        ("10.5", "KES", 1050),
        ("1E+2", "KES", 10_000),
        ("1050", "JPY", 1050),
        ("1.050", "KWD", 1050),
        ("0.0001", "CLF", 1),
        ("0", "KES", 0),
        ("-0.00", "KES", 0),
        ("0e400", "KES", 0),
        ("0e-400", "KES", 0),
        ("-10.50", "KES", -1050),
        ("92233720368547758.07", "KES", 2**63 - 1),
        ("9223372036854775807", "JPY", 2**63 - 1),
        # As a float this would be …931.02 or …931.00.
        ("90071992547409931.01", "KES", 9_007_199_254_740_993_101),
    ],
)
def test_decimals_become_minor_units(text: str, currency: str, minor: int) -> None:
    assert Money.from_decimal(Decimal(text), currency) == Money(minor, currency)


@pytest.mark.parametrize(("text", "currency"), [("92233720368547758.08", "KES"), ("9223372036854775808", "JPY")])
def test_two_to_the_63_does_not_fit(text: str, currency: str) -> None:
    with pytest.raises(AmountRejected, match="is more than"):
        Money.from_decimal(Decimal(text), currency)


@pytest.mark.parametrize("amount", [True, False, 1.0, "1", None, Decimal(1)])
def test_minor_units_are_an_int_and_nothing_like_it(amount: Any) -> None:
    with pytest.raises(TypeError):
        Money(amount, "KES")


@pytest.mark.parametrize(
    "currency", [*WITHOUT_MINOR_UNITS, "", "kes", "KE", "KESS", "ABC", "K€S", " KES", "XAU", "XXX"]
)
def test_what_is_no_currency_with_minor_units_is_refused(currency: str) -> None:
    with pytest.raises(CurrencyUnknown):
        Money(1, currency)


@pytest.mark.parametrize(
    ("currency", "exponent"), [("KES", 2), ("JPY", 0), ("UGX", 0), ("RWF", 0), ("KWD", 3), ("CLF", 4)]
)
def test_exponents_are_those_of_iso_4217(currency: str, exponent: int) -> None:
    assert exponent_of(currency) == exponent


@pytest.mark.parametrize(
    "mix",
    [
        lambda one, other: one + other,
        lambda one, other: one - other,
        lambda one, other: one < other,
        lambda one, other: one <= other,
        lambda one, other: one > other,
        lambda one, other: one >= other,
    ],
    ids=["+", "-", "<", "<=", ">", ">="],
)
def test_currencies_do_not_mix(mix: Any) -> None:
    with pytest.raises(TypeError, match="do not mix"):
        mix(Money(1, "KES"), Money(1, "USD"))


def test_the_same_number_in_another_currency_is_not_the_same_money() -> None:
    assert Money(1, "KES") != Money(1, "USD")


def test_amounts_of_one_currency_add_subtract_and_compare() -> None:
    assert Money(7, "KES") + Money(3, "KES") == Money(10, "KES")
    assert Money(7, "KES") - Money(10, "KES") == Money(-3, "KES")
    assert Money(3, "KES") < Money(7, "KES") <= Money(7, "KES")
    assert not Money(7, "KES") < Money(7, "KES")


@pytest.mark.parametrize(("minor", "is_positive"), [(1, True), (0, False), (-1, False)])
def test_only_what_is_more_than_nothing_is_positive(minor: int, is_positive: bool) -> None:
    assert Money(minor, "KES").is_positive() is is_positive
