"""Our amounts as Stripe's, and back: by tables, since Stripe counts some currencies in units of its own.

From Stripe's pages on currencies: zero-decimal currencies are sent whole; ISK and UGX are zero-decimal in the world,
but sent with two decimals that are 00; three-decimal currencies are sent with a last digit of 0.
"""

from collections.abc import Mapping

from shared.domain.errors import AmountRejected, CurrencyUnknown
from shared.domain.money import Money

# Eight digits, of Stripe's units.
LARGEST_AMOUNT = 99_999_999

_WHOLE = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
_IN_HUNDREDTHS = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE CZK DKK
    DOP DZD EGP ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES KGS KHR KYD KZT LAK LBP
    LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON
    RSD SAR SBD SCR SEK SGD SHP SLE SOS SRD STN SZL THB TJS TOP TRY TTD TWD TZS UAH USD UYU UZS WST XCD YER ZAR ZMW
"""

ZERO_DECIMAL = frozenset(_WHOLE.split())
ZERO_DECIMAL_SENT_AS_TWO = frozenset({"ISK", "UGX"})
THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
TWO_DECIMAL = frozenset(_IN_HUNDREDTHS.split())
CURRENCIES = ZERO_DECIMAL | ZERO_DECIMAL_SENT_AS_TWO | THREE_DECIMAL | TWO_DECIMAL

# How many of Stripe's units one minor unit of ours is. The other way round: in the table below.
UNITS_A_MINOR: Mapping[str, int] = dict.fromkeys(ZERO_DECIMAL_SENT_AS_TWO, 100)
# ISO 4217 counts the ariary in hundredths, Stripe whole.
MINORS_A_UNIT: Mapping[str, int] = {"MGA": 100}

# What an amount must be a multiple of, in our minor units.
AMOUNT_MULTIPLE_MINOR: Mapping[str, int] = {**MINORS_A_UNIT, **dict.fromkeys(THREE_DECIMAL, 10)}


def to_stripe(amount: Money) -> int:
    """The amount in Stripe's units, exactly.

    Raises:
        AmountRejected: it does not fit, or not without rounding.
        CurrencyUnknown: Stripe does not take the currency.
    """
    currency, minor = _known(amount.currency), amount.amount_minor_units
    multiple = AMOUNT_MULTIPLE_MINOR.get(currency, 1)
    if minor % multiple:
        raise AmountRejected(f"in {currency} is a multiple of {Money(multiple, currency)} at Stripe")
    units = minor // MINORS_A_UNIT.get(currency, 1) * UNITS_A_MINOR.get(currency, 1)
    if not 0 <= units <= LARGEST_AMOUNT:
        raise AmountRejected(f"is at most {currency} {largest(currency)} at Stripe")
    return units


def from_stripe(units: int, currency: str) -> Money:
    """Stripe's ``units`` of a currency, in either case, as an amount.

    Raises:
        AmountRejected: it is no whole number of our minor units.
        CurrencyUnknown: Stripe should not have taken the currency.
    """
    currency = _known(currency.upper())
    minor, remainder = divmod(units * MINORS_A_UNIT.get(currency, 1), UNITS_A_MINOR.get(currency, 1))
    if remainder:
        raise AmountRejected(f"in {currency} has decimal places that the currency has not")
    return Money(minor, currency)


def largest(currency: str) -> Money:
    """The largest amount that Stripe takes in ``currency``."""
    minor = LARGEST_AMOUNT * MINORS_A_UNIT.get(currency, 1) // UNITS_A_MINOR.get(currency, 1)
    return Money(minor - minor % AMOUNT_MULTIPLE_MINOR.get(currency, 1), currency)


def _known(currency: str) -> str:
    if currency not in CURRENCIES:
        raise CurrencyUnknown(currency)
    return currency
