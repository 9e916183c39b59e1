"""How values in the units of results become values in the units of indicators, for the database to compute."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache

from alliance.core.units_registry import DIGITS, UnitError, units


@dataclass(frozen=True)
class Conversion:
    """value in the other unit = value * factor + shift."""

    factor: Decimal
    shift: Decimal


@lru_cache(maxsize=10_000)
def conversion(unit: str, into: str) -> Conversion | None:
    """How to convert; None where it cannot be: an unknown unit, another dimension, another currency."""
    if unit == into:
        return Conversion(Decimal(1), Decimal(0))
    try:
        line = units().line(unit, into)
    except UnitError:
        return None
    return Conversion(_digits(line.factor), _digits(line.shift))


def _digits(number: Fraction) -> Decimal:
    with localcontext(prec=DIGITS):
        return Decimal(number.numerator) / Decimal(number.denominator)


def conversion_table(pairs: Iterable[tuple[str, str]]) -> tuple[list[str], list[str], list[Decimal], list[Decimal]]:
    """Of (unit, other unit): both columns, factors and shifts, of those that can be converted; in order."""
    found = [(unit, into, how) for unit, into in sorted(set(pairs)) if (how := conversion(unit, into)) is not None]
    return (
        [unit for unit, _into, _how in found],
        [into for _unit, into, _how in found],
        [how.factor for _unit, _into, how in found],
        [how.shift for _unit, _into, how in found],
    )
