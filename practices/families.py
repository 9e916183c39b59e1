"""The body of one family of results: their effects, the mean of cities, and what it rests on, as values for JSON.

A family is an indicator with all that are exactly the same as it: same meaning, same better direction. Ratios have no
unit, so that different units of the same quantity are combined as they are.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any

from kpis.measurement import GRADE_OF_DESIGN
from practices import synthesis
from practices.measured import Measured, effect_of
from practices.rules import Rule

DESIGN_OF_GRADE = {int(grade): design for design, grade in GRADE_OF_DESIGN.items()}
#: By what the cities of a family are told apart: name in the body -> property of a city's surest result.
SUBGROUPS: dict[str, Callable[[Measured], str]] = {
    "region": lambda one: one.region,
    "size": lambda one: one.size,
    "design": lambda one: str(DESIGN_OF_GRADE[one.grade]),
}


def family(kpi: str, rows: Sequence[Measured], rule: Rule) -> dict[str, Any]:
    """All results of one family: those with an effect, those without and why, the cities, and their mean.

    Args: kpi: code of the indicator that it is named after.
    Returns: `kpis`: that indicator and the others that results were measured by. `subgroups`: by region, size and
    design, the mean of each group of cities, None below three, and whether the groups differ.
    """
    direction = rows[0].direction if rows else ""
    effects, results, refused = [], [], []
    for one in rows:
        effect = effect_of(one, rule)
        about = {"result": one.result, "use_case": one.use_case, "city": one.city, "grade": one.grade, "year": one.year}
        if isinstance(effect, synthesis.Refusal):
            refused.append({**about, "why": str(effect.why)})
        else:
            effects.append(effect)
            results.append({**about, "method": one.method, **_told(effect, direction)})
    cities = synthesis.combine_dependent(effects, correlation=rule.correlation)
    pooled = synthesis.pool(cities, rule.method)
    weights = dict(zip((e.city for e in cities), getattr(pooled, "weights", ()), strict=False))
    return {
        "kpi": kpi,
        "kpis": [kpi, *sorted({one.kpi for one in rows} - {kpi})],
        "direction": direction,
        "results": results,
        "refused": refused,
        "cities": [
            {
                "city": effect.city,
                "results": list(effect.results),
                "weight": weights.get(effect.city),
                **_told(effect, direction),
            }
            for effect in cities
        ],
        "pooled": _pooled(pooled, direction),
        "missing_cities": pooled.missing if isinstance(pooled, synthesis.NotEnough) else 0,
        "without": [
            {"city": one.city, **(_pooled(one.result, direction) or {})} for one in synthesis.leave_one_out(cities)
        ]
        if len(cities) > synthesis.FEWEST_CITIES
        else [],
        "varied": [
            {"factor": one.factor, **(_pooled(one.result, direction) or {})}
            for one in synthesis.sensitivity(effects, correlation=rule.correlation, method=rule.method)
        ]
        if isinstance(pooled, synthesis.Pooled)
        else [],
        "subgroups": _subgroups(rows, cities, direction, rule),
    }


def _subgroups(
    rows: Sequence[Measured], cities: Sequence[synthesis.Effect], direction: str, rule: Rule
) -> dict[str, Any]:
    by_result = {one.result: one for one in rows}
    surest = {
        effect.city: max((by_result[str(key)] for key in effect.results), key=lambda one: one.grade)
        for effect in cities
    }
    told = {}
    for name, of in SUBGROUPS.items():
        group_of = {city: of(one) for city, one in surest.items()}
        found = synthesis.subgroups(cities, partial(_group, group_of), rule.method)
        told[name] = {
            "groups": [
                {
                    "name": group,
                    "cities": one.cities,
                    "pooled": _pooled(one, direction),
                    "missing": one.missing if isinstance(one, synthesis.NotEnough) else 0,
                }
                for group, one in found.groups.items()
            ],
            "q_between": found.q_between,
            "q_between_tail": found.q_between_tail,
        }
    return told


def _group(group_of: Mapping[Hashable, str], effect: synthesis.Effect) -> str:
    return group_of[effect.city]


def _told(effect: synthesis.Effect, direction: str) -> dict[str, Any]:
    """An effect with its change in percent and the interval that its variance stands for."""
    half = 1.959963984540054 * effect.standard_error
    return {
        "estimate": effect.estimate,
        "standard_error": effect.standard_error,
        "imputed": effect.imputed > 0.5,
        "change_percent": _change(effect.estimate, direction),
        "interval": _percents(effect.estimate - half, effect.estimate + half, direction),
    }


def _pooled(pooled: synthesis.Pooled | synthesis.NotEnough, direction: str) -> dict[str, Any] | None:
    if isinstance(pooled, synthesis.NotEnough):
        return None
    return {
        "method": pooled.method,
        "cities": pooled.cities,
        "estimate": pooled.estimate,
        "low": pooled.interval.low,
        "high": pooled.interval.high,
        "change_percent": _change(pooled.estimate, direction),
        "interval": _percents(pooled.interval.low, pooled.interval.high, direction),
        "prediction": _percents(pooled.prediction.low, pooled.prediction.high, direction),
        "q": pooled.q,
        "q_tail": pooled.q_tail,
        "i_squared": pooled.i_squared,
        "tau_squared": pooled.tau_squared,
        "imputed": pooled.imputed,
        "is_better": pooled.is_better,
        "is_worse": pooled.is_worse,
    }


def _percents(low: float, high: float, direction: str) -> list[float]:
    return sorted((_change(low, direction), _change(high, direction)))


#: Changes beyond are shown as this: JSON has no infinity, and nobody reads the difference.
MOST_PERCENT = 1e6


def _change(estimate: float, direction: str) -> float:
    try:
        change = synthesis.change_of(estimate, direction)
    except OverflowError:
        return MOST_PERCENT
    return min(change, MOST_PERCENT) if isfinite(change) else MOST_PERCENT
