"""An indicator out of its parts. A formula is data, never code: nothing is evaluated but one scaled quotient."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from django.utils.translation import gettext as _

from kpis.models import Kpi

#: As the database keeps values: 18 digits before the point, 6 after it.
LARGEST, KEPT = Decimal(10) ** 18, Decimal("0.000001")
SMALLEST = Decimal(10) ** -18
LONGEST = 40
_CALCULATION = Context(prec=60, rounding=ROUND_HALF_EVEN)


class FormulaError(ValueError):
    """Why there is no value.

    Attributes:
        part: `numerator` or `denominator`; empty: the indicator has no formula.
        code: for programs.
    """

    def __init__(self, part: str, code: str, message: str):
        super().__init__(message)
        self.part, self.code = part, code


@dataclass(frozen=True)
class Calculated:
    """What the parts give.

    Attributes:
        value: in the unit of the indicator, rounded to six decimals as values are kept.
        is_rounded: it has more decimals than that.
        is_outside: it is beyond the range that is possible.
    """

    kpi: Kpi
    numerator: Decimal
    denominator: Decimal
    value: Decimal
    is_rounded: bool
    is_outside: bool


def has_formula(kpi: Kpi) -> bool:
    """Whether the indicator can be calculated from parts."""
    return kpi.scale is not None


def calculate(kpi: Kpi, numerator: Decimal | str, denominator: Decimal | str) -> Calculated:
    """Numerator / denominator x scale. Raises: FormulaError."""
    if kpi.scale is None:
        raise FormulaError("", "no-formula", _("The catalogue has no formula for this indicator: give its value."))
    above, below = _part("numerator", numerator), _part("denominator", denominator)
    if not below:
        raise FormulaError(
            "denominator", "division-by-zero", _("Nothing can be divided by zero: without a whole there is no share.")
        )
    exact = _CALCULATION.divide(_CALCULATION.multiply(above, kpi.scale), below)
    if exact >= LARGEST:
        raise FormulaError(
            "numerator", "result-too-large", _("The result is larger than can be kept (18 digits): check both parts.")
        )
    value = exact.quantize(KEPT, context=_CALCULATION)
    if above and not value:
        raise FormulaError(
            "numerator", "result-too-small", _("The result has more decimals than can be kept (six): check both parts.")
        )
    outside = (kpi.valid_min is not None and value < kpi.valid_min) or (
        kpi.valid_max is not None and value > kpi.valid_max
    )
    return Calculated(kpi, above, below, value, value != exact, outside)


def _part(name: str, entry: Decimal | str) -> Decimal:
    """A finite number that is not negative. Raises: FormulaError."""
    number = entry if isinstance(entry, Decimal) else _read(name, entry.strip())
    if not number.is_finite():
        raise FormulaError(name, "not-finite", _("A number has an end: infinity and “not a number” are none."))
    if number < 0:
        raise FormulaError(name, "negative", _("A part is counted or measured: it cannot be below zero."))
    if number and number < SMALLEST:
        raise FormulaError(name, "too-small", _("A part is zero, or at least 10^-18."))
    if number >= LARGEST:
        raise FormulaError(name, "too-large", _("A part is smaller than 10^18: use the same larger unit for both."))
    return number


def _read(name: str, text: str) -> Decimal:
    if not text:
        raise FormulaError(name, "required", _("Give both parts."))
    if len(text) > LONGEST:
        raise FormulaError(name, "too-long", _("A part has at most %(n)s characters.") % {"n": LONGEST})
    try:
        if "_" in text:
            raise InvalidOperation
        return Decimal(text)
    except InvalidOperation as error:
        message = _("“%(text)s” is no number: write digits, and a point before the decimals.") % {"text": text}
        raise FormulaError(name, "not-a-number", message) from error
