"""Money over every ISO 4217 currency: exact, closed, never mixed; what does not fit is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from shared.domain.errors import AmountRejected
from shared.domain.money import MAX_MINOR_UNITS, Money
from tests.property.profile import effort

EXPONENTS = {each.code: int(each.exponent) for each in Currency if each.exponent is not None}
LARGEST = MAX_MINOR_UNITS

currencies = st.sampled_from(sorted(EXPONENTS))
minor_units = st.integers(min_value=-LARGEST, max_value=LARGEST)
small = st.integers(min_value=-(2**61), max_value=2**61)


def written(minor: int, exponent: int) -> str:
    """The decimal by hand, without Decimal: an independent way to the same text."""
    sign, digits = ("-" if minor < 0 else ""), str(abs(minor)).rjust(exponent + 1, "0")
    whole, places = digits[: len(digits) - exponent], digits[len(digits) - exponent :]
    return f"{sign}{whole}.{places}" if exponent else f"{sign}{whole}"


def test_the_currencies_have_all_exponents() -> None:
    assert set(EXPONENTS.values()) == {0, 2, 3, 4}


def test_the_edges_of_what_fits_survive_the_way_there_and_back() -> None:
    for currency, exponent in EXPONENTS.items():
        for minor in (LARGEST, LARGEST - 1, -LARGEST, 1, 0, -1):
            text = written(minor, exponent)
            assert str(Money(minor, currency)) == text
            assert Money.from_decimal(Decimal(text), currency) == Money(minor, currency)


@pytest.mark.parametrize("text", ["NaN", "-NaN", "sNaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e130000"])
def test_what_is_no_amount_is_refused_in_every_currency(text: str) -> None:
    for currency in EXPONENTS:
        with pytest.raises(AmountRejected):
            Money.from_decimal(Decimal(text), currency)


@pytest.mark.parametrize("minor", [LARGEST + 1, LARGEST + 2, 2**64, 10**30, -LARGEST - 1, -(2**64)])
def test_what_is_more_than_the_largest_is_refused_in_every_currency(minor: int) -> None:
    for currency, exponent in EXPONENTS.items():
        with pytest.raises(AmountRejected):
            Money.from_decimal(Decimal(written(minor, exponent)), currency)


@pytest.mark.parametrize("text", ["-0", "-0.00", "0e5", "0.0000", "-0e-400"])
def test_nothing_is_nothing_whatever_its_sign_and_form(text: str) -> None:
    for currency, exponent in EXPONENTS.items():
        nothing = Money.from_decimal(Decimal(text), currency)
        assert (nothing, str(nothing)) == (Money(0, currency), written(0, exponent))


@effort(300)
@given(minor_units, currencies)
def test_the_text_is_what_a_person_would_write(minor: int, currency: str) -> None:
    assert str(Money(minor, currency)) == written(minor, EXPONENTS[currency])


@effort(300)
@given(st.integers(min_value=0, max_value=10**15), st.integers(min_value=1, max_value=9), currencies)
def test_a_place_too_many_is_refused_and_never_rounded(minor: int, digit: int, currency: str) -> None:
    text = written(minor * 10 + digit, EXPONENTS[currency] + 1)

    with pytest.raises(AmountRejected):
        Money.from_decimal(Decimal(text), currency)


@effort(300)
@given(small, small, small, currencies)
def test_sums_are_those_of_whole_numbers(a: int, b: int, c: int, currency: str) -> None:
    one, two, three = Money(a, currency), Money(b, currency), Money(c, currency)

    assert one + two == two + one == Money(a + b, currency)
    assert (one + two) + three == one + (two + three)
    assert (one + two) - two == one


@effort(300)
@given(small, small, currencies)
def test_amounts_are_ordered_as_whole_numbers_are(a: int, b: int, currency: str) -> None:
    one, two = Money(a, currency), Money(b, currency)

    assert (one < two, one <= two, one == two) == (a < b, a <= b, a == b)


@effort(300)
@given(small, small, st.lists(currencies, min_size=2, max_size=2, unique=True))
def test_currencies_never_mix(a: int, b: int, two: list[str]) -> None:
    one, other = Money(a, two[0]), Money(b, two[1])

    assert one != other
    for mixed in (
        lambda: one + other,
        lambda: one - other,
        lambda: one < other,
        lambda: one <= other,
    ):
        with pytest.raises(TypeError):
            mixed()


@effort(300)
@given(st.floats() | st.booleans() | st.decimals() | st.text(max_size=3))
def test_minor_units_are_whole_numbers_and_nothing_else(given_units: object) -> None:
    with pytest.raises(TypeError):
        Money(given_units, "KES")  # type: ignore[arg-type] # that is the point
