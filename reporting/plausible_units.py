"""Units of indicators: what converts into what, and between which values an indicator can lie."""

from decimal import Decimal
from functools import lru_cache

from alliance.core.units_registry import UnitError, units
from kpis.models import Kpi

#: A bare number needs no other unit than the indicator's own.
_IMPLIED = frozenset(("count", "dimensionless", "score", "score_1_7", "boolean", "person"))
#: Differences and degrees may be below zero; nothing else that is counted here can.
_SIGNED = frozenset(("delta_degC",))


def is_implied(unit: str) -> bool:
    """Whether a value without a unit is in this one."""
    return unit in _IMPLIED


@lru_cache(maxsize=5_000)
def conversion(unit: str, wanted: str) -> Decimal | None:
    """By how much a value in `unit` is multiplied to be in `wanted`; None where it cannot be converted."""
    try:
        line = units().line(unit, wanted)
    except UnitError:
        return None
    return None if line.shift else line.at(Decimal(1))


def limits(kpi: Kpi) -> tuple[Decimal | None, Decimal | None]:
    """The least and the largest value that is possible, in the indicator's unit; None: there is no limit.

    As the catalogue has them; by the unit where it has none.
    """
    if kpi.valid_min is not None or kpi.valid_max is not None:
        return kpi.valid_min, kpi.valid_max
    if kpi.unit in _SIGNED:
        return None, None
    if kpi.unit == "score_1_7":
        return Decimal(1), Decimal(7)
    if kpi.unit == "boolean":
        return Decimal(0), Decimal(1)
    if kpi.unit == "percent":
        return Decimal(0), Decimal(100)
    return Decimal(0), None
