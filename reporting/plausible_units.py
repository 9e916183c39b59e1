"""Units of indicators: what converts into what, and between which values an indicator can lie."""

from decimal import Decimal
from functools import lru_cache

import pint

from alliance.core.units_registry import UnitError, compatible, parse_unit
from kpis.models import Kpi

#: A bare number needs no other unit than the indicator's own.
_IMPLIED = frozenset(("count", "dimensionless", "score", "score_1_7", "boolean", "person"))
#: Differences and degrees may be below zero; nothing else that is counted here can.
_SIGNED = frozenset(("delta_degC",))
#: Percent, but of something that can be exceeded: more time than in free flow, more debt service than revenue.
_OPEN_SHARES = frozenset(("CK-PRO-02", "ISO37120:2014/9.1", "SC: EH: ED: 2C"))
#: Between 0 and 1 by definition.
_UP_TO_ONE = frozenset(("SC: SH: SI: 2C",))


def is_implied(unit: str) -> bool:
    """Whether a value without a unit is in this one."""
    return unit in _IMPLIED


@lru_cache(maxsize=5_000)
def conversion(unit: str, wanted: str) -> Decimal | None:
    """By how much a value in `unit` is multiplied to be in `wanted`; None where it cannot be converted."""
    if unit == wanted:
        return Decimal(1)
    try:
        if not compatible(unit, wanted):
            return None
        given, target = parse_unit(unit), parse_unit(wanted)
        return Decimal(given.to(target.units).magnitude) / Decimal(target.magnitude)
    except (UnitError, pint.PintError, ArithmeticError):
        return None


def limits(kpi: Kpi) -> tuple[Decimal | None, Decimal | None]:
    """The least and the largest value that is possible, in the indicator's unit; None: there is no limit."""
    if kpi.unit in _SIGNED:
        return None, None
    if kpi.unit == "score_1_7":
        return Decimal(1), Decimal(7)
    if kpi.unit == "boolean" or kpi.code in _UP_TO_ONE:
        return Decimal(0), Decimal(1)
    if kpi.unit == "percent" and kpi.code not in _OPEN_SHARES:
        return Decimal(0), Decimal(100)
    return Decimal(0), None
