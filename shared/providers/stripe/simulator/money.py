"""Which amounts Stripe takes: per currency the smallest, the step, and for all of them the largest."""

from collections.abc import Mapping

from shared.providers.stripe.simulator.exchange import Refused, invalid

LARGEST_AMOUNT = 99_999_999

_ZERO_DECIMAL = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
ZERO_DECIMAL = frozenset(_ZERO_DECIMAL.split())
# The last digits have to be zero: ISK and UGX are sent with two decimals that nobody has, the others with three.
STEPS: Mapping[str, int] = {"isk": 100, "ugx": 100, "bhd": 10, "jod": 10, "kwd": 10, "omr": 10, "tnd": 10}
# Published by Stripe; for all the others something near US$ 0.50, here simply 50.
_SMALLEST = """
    aed=200 bgn=100 czk=1500 dkk=250 gbp=30 hkd=400 huf=17500 mxn=1000 myr=200 nok=300 pln=200 ron=200 sek=300 thb=1000
"""
SMALLEST: Mapping[str, int] = {pair[:3]: int(pair[4:]) for pair in _SMALLEST.split()}
_CURRENCIES = """
    usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf
    chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd hkd hnl htg
    huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt
    mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar
    sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd
    xof xpf yer zar zmw
"""
CURRENCIES = frozenset(_CURRENCIES.split())


def read_currency(text: str) -> str:
    """In lower case.

    Raises:
        Refused: 400, Stripe does not know it.
    """
    currency = text.lower()
    if currency not in CURRENCIES:
        known = ", ".join(sorted(CURRENCIES))
        raise invalid(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: {known}", param="currency"
        )
    return currency


def check_amount(amount: int, currency: str) -> None:
    """Whether so much of it can be paid.

    Raises:
        Refused: 400, too small, too large, or with decimals that the currency does not have.
    """
    if amount < 1:
        raise invalid("Invalid positive integer", "parameter_invalid_integer", "amount")
    if amount > LARGEST_AMOUNT:
        raise too_large(currency)
    if amount % STEPS.get(currency, 1):
        raise invalid(
            f"Invalid amount: amounts in {currency} must be a multiple of {STEPS[currency]}.",
            "parameter_invalid_integer",
            "amount",
        )
    smallest = SMALLEST.get(currency, 50)
    if amount < smallest:
        message = f"Amount must be at least {written(smallest, currency)}"
        raise invalid(message, "amount_too_small", "amount")


def too_large(currency: str) -> Refused:
    message = f"Amount must be no more than {written(LARGEST_AMOUNT, currency)}"
    return invalid(message, "amount_too_large", "amount")


def written(amount: int, currency: str) -> str:
    """As Stripe writes money in its messages: ``$0.50 usd``, ``¥50 jpy``; here without the sign."""
    if currency in ZERO_DECIMAL:
        return f"{amount} {currency}"
    digits = 3 if STEPS.get(currency) == 10 else 2
    whole, rest = divmod(amount, 10**digits)
    return f"{whole}.{rest:0{digits}} {currency}"
