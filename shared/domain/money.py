"""Money: whole minor units of one ISO 4217 currency; never a float, never rounded."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from iso4217 import Currency

from shared.domain.errors import AmountRejected, CurrencyUnknown

# PostgreSQL's BIGINT; the largest amount that every part of the system can carry.
MAX_MINOR_UNITS = 2**63 - 1


@cache
def exponent_of(currency: str) -> int:
    """How many decimal places ``currency`` has: KES 2, JPY 0, KWD 3.

    Raises:
        CurrencyUnknown: not an upper-case ISO 4217 code of a currency with minor units (gold, ``XAU``, has none).
    """
    try:
        exponent = Currency(currency).exponent
    except ValueError:
        raise CurrencyUnknown(currency) from None
    if exponent is None:
        raise CurrencyUnknown(currency)
    return int(exponent)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units: ``Money(1050, "KES")`` is KES 10.50, ``Money(1050, "JPY")`` is JPY 1050."""

    amount_minor_units: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor_units) is not int:
            raise TypeError("amount_minor_units is a whole number of minor units")
        exponent_of(self.currency)

    @classmethod
    def from_decimal(cls, amount: Decimal, currency: str) -> "Money":
        """The exact amount in major units: ``Decimal("10.50")`` KES is ``Money(1050, "KES")``.

        Raises:
            AmountRejected: not finite, more decimal places than the currency has, or out of range.
            CurrencyUnknown: see ``exponent_of``.
        """
        exponent = exponent_of(currency)
        if not amount.is_finite():
            raise AmountRejected("is not a finite number")
        # adjusted() first: scaling 1E+400 would build a number of 400 digits.
        if amount and amount.adjusted() > 18:
            raise AmountRejected(f"is more than {currency} {cls(MAX_MINOR_UNITS, currency)}")
        return cls._from_finite(amount, currency, exponent)

    @classmethod
    def _from_finite(cls, amount: Decimal, currency: str, exponent: int) -> "Money":
        sign, digits, scale = amount.as_tuple()
        if len(digits) > 400:
            raise AmountRejected(f"has more decimal places than {currency} has ({exponent})")
        whole = int("".join(map(str, digits)))
        shift = int(scale) + exponent
        if shift < 0:
            whole, remainder = divmod(whole, 10 ** min(-shift, 400))
            if remainder:
                raise AmountRejected(f"has more decimal places than {currency} has ({exponent})")
        else:
            whole *= 10**shift
        if whole > MAX_MINOR_UNITS:
            raise AmountRejected(f"is more than {currency} {cls(MAX_MINOR_UNITS, currency)}")
        return cls(-whole if sign else whole, currency)

    def to_decimal(self) -> Decimal:
        """The amount in major units, with exactly as many places as the currency has."""
        return Decimal(self.amount_minor_units).scaleb(-exponent_of(self.currency))

    def is_positive(self) -> bool:
        return self.amount_minor_units > 0

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor_units + self._same_currency(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor_units - self._same_currency(other), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount_minor_units < self._same_currency(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount_minor_units <= self._same_currency(other)

    def __str__(self) -> str:
        """The decimal string of the API: ``10.50``."""
        return format(self.to_decimal(), "f")

    def _same_currency(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise TypeError(f"{self.currency} and {other.currency} do not mix")
        return other.amount_minor_units
