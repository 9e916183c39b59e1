"""How values in the units of results become values in the units of indicators, for the database to compute."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import pint

from alliance.core.units_registry import UnitError, units


@dataclass(frozen=True)
class Conversion:
    """value in the other unit = value * factor + shift."""

    factor: Decimal
    shift: Decimal


@lru_cache(maxsize=10_000)
def conversion(unit: str, into: str) -> Conversion | None:
    """How to convert; None where it cannot be: an unknown unit, another dimension, another currency.

    Every unit is a straight line of every compatible one: two points of it tell the line (a temperature has a shift).
    """
    if unit == into:
        return Conversion(Decimal(1), Decimal(0))
    try:
        known = units()
        if not known.compatible(unit, into):
            return None
        one, other = known.parse_unit(unit), known.parse_unit(into)
        at_nought, at_one = (
            known.registry.Quantity(number * Decimal(one.magnitude), one.units).to(other.units).magnitude
            / Decimal(other.magnitude)
            for number in (Decimal(0), Decimal(1))
        )
    except (UnitError, pint.PintError, ArithmeticError, TypeError, ValueError):
        return None
    return Conversion(at_one - at_nought, at_nought)


def conversion_table(pairs: Iterable[tuple[str, str]]) -> tuple[list[str], list[str], list[Decimal], list[Decimal]]:
    """Of (unit, other unit): both columns, factors and shifts, of those that can be converted; in order."""
    found = [(unit, into, how) for unit, into in sorted(set(pairs)) if (how := conversion(unit, into)) is not None]
    return (
        [unit for unit, _into, _how in found],
        [into for _unit, into, _how in found],
        [how.factor for _unit, _into, how in found],
        [how.shift for _unit, _into, how in found],
    )
