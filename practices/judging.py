"""The evidence of many practices at once: families of results, the means of their cities, and what these rest on.

A family is an indicator with all that are exactly the same as it: same meaning, same better direction. Ratios have no
unit, so that different units of the same quantity are combined as they are. Computed in NumPy, by the worker alone.
"""

import gc
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from alliance.core.quantiles import NORMAL_975, chi_squared_tail
from kpis.measurement import GRADE_OF_DESIGN
from practices import certainty, pooling
from practices.changes import Changes, Told, changes, intervals
from practices.effect_arrays import Cities, Places, cities_of
from practices.measured import Inputs, Measured
from practices.pooling import Means, Numbers, Spreads
from practices.rules import Rule
from practices.synthesis import (
    FEWEST_CITIES,
    SENSITIVITY_FACTORS,
    Effect,
    Interval,
    Method,
    NotEnough,
    Pooled,
    spread_between,
)

DESIGN_OF_GRADE = {int(grade): str(design) for design, grade in GRADE_OF_DESIGN.items()}
#: By what the cities of a family are told apart: properties of a city's surest results.
SUBGROUPS = ("region", "size", "design")


@dataclass(slots=True)
class Family:
    """Results of one practice by one indicator and all that are the same.

    Attributes:
        kpi: code of the indicator that names it.
        rows: what its use cases measured, by city. counted: those of them that have an effect.
        first, cities: its cities stand at `first` of all cities, one behind the other.
    """

    kpi: str
    direction: str
    rows: list[Measured]
    counted: list[Measured]
    first: int = 0
    cities: tuple[str, ...] = ()

    @property
    def places(self) -> Places:
        return np.arange(self.first, self.first + len(self.cities))


def families_of(inputs: Inputs) -> list[Family]:
    """The primary one first, then those with the most results."""
    found: dict[str, list[Measured]] = defaultdict(list)
    for one in inputs.measured:
        found[inputs.same.get(one.kpi, one.kpi)].append(one)
    primary = found.pop(inputs.same.get(inputs.primary, inputs.primary), [])
    count = {name: sum(one.results + one.refused for one in rows) for name, rows in found.items()}
    named = [(inputs.primary, inputs.direction, primary)]
    named += [
        (_most_measured(rows), rows[0].direction, rows)
        for name, rows in sorted(found.items(), key=lambda pair: (-count[pair[0]], pair[0]))
    ]
    return [Family(kpi, direction, rows, [one for one in rows if one.results]) for kpi, direction, rows in named]


def _most_measured(rows: Sequence[Measured]) -> str:
    """Code of the indicator that names a family: the one that most results were measured by."""
    count: Counter[str] = Counter()
    for one in rows:
        count[one.kpi] += one.results + one.refused
    return min(count, key=lambda code: (-count[code], code))


def judge(all_inputs: Sequence[Inputs], rule: Rule, year: int) -> list[dict[str, Any]]:
    """The bodies of the evidence of practices, in their order.

    Returns: plain values for JSON. `families`: one mapping a family, the primary one first (`_body`); `certainty`:
    grade, points and the lines that add up to them; `use_cases`, `cities`: of all implementations; `cost_known`.
    """
    with _uncollected():
        families = [families_of(inputs) for inputs in all_inputs]
        found = Found.of([one for some in families for one in some], rule)
        numbers = iter(range(sum(map(len, families))))
        return [
            _judged(inputs, [next(numbers) for _ in some], found, rule, year)
            for inputs, some in zip(all_inputs, families, strict=True)
        ]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles: there are none, and it would look at a batch's many small objects ten times."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _judged(inputs: Inputs, numbers: list[int], found: "Found", rule: Rule, year: int) -> dict[str, Any]:
    primary = found.families[numbers[0]]
    pooled = found.pooled(numbers[0])
    graded = certainty.grade(
        [_fact(one) for one in primary.counted],
        pooled,
        rule.sections["certainty"],
        year=year,
        verdicts=found.verdicts(numbers[0]),
        open_challenges=inputs.open_challenges,
        harm_confirmed=inputs.harm,
    )
    return {
        "slug": inputs.slug,
        "use_cases": inputs.use_cases,
        "cities": inputs.cities,
        "cost_known": inputs.cost_known,
        "families": [found.body(number, pooled if number == numbers[0] else None) for number in numbers],
        "newest_year": max((one.years[-1] for one in primary.counted if one.years), default=None),
        "regions": sorted({one.region for one in primary.counted}),
        "places": {one.city: [one.region, one.size] for one in primary.rows},
        "certainty": {
            "grade": int(graded.certainty),
            "points": graded.points,
            "lines": [
                {"rule": line.rule, "sentence": line.sentence, "points": line.points, "inputs": dict(line.inputs)}
                for line in graded.lines
            ],
        },
    }


def candidate_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What of the evidence of a practice the ranking looks at, ready for JSON."""
    primary = body["families"][0]
    pooled = primary["pooled"] or {}
    return {
        "grade": body["certainty"]["grade"],
        "cities": len(primary["cities"]),
        **{name: pooled.get(name) for name in ("estimate", "low", "high")},
        "newest_year": body["newest_year"],
        "cost_known": body["cost_known"],
    }


def _fact(one: Measured) -> certainty.Fact:
    return certainty.Fact(
        one.city,
        one.grades / one.results,
        one.least or 0.0,
        one.region,
        one.results,
        one.reporters,
        one.suppliers,
        one.years,
        one.verified,
    )


@dataclass(slots=True)
class Found:
    """Everything that is computed of all families together; an entry a family, NaN without a mean.

    Attributes:
        cities: one effect a city, of all families one behind the other; `changes` are theirs in percent.
        weights: of each city, its share of its family's mean.
        means, spreads, others, varied: the mean by the rule's method, what it says of differences, the mean by other
            methods, and under other imputed errors.
        without: means without each city, `without_first` where those of a family begin; -1 where there are none.
        groups: means by subgroup, in the order of `group_names`: family -> property -> (name, cities, entry).
    """

    families: list[Family]
    method: Method
    cities: Cities
    changes: Changes
    weights: Numbers
    means: Told
    spreads: Spreads
    predictions: Changes
    others: dict[Method, Told]
    varied: dict[float, Told]
    without: dict[str, list[float]]
    without_first: list[int]
    groups: Told
    group_names: list[dict[str, list[tuple[str, int, int]]]]

    @classmethod
    def of(cls, families: list[Family], rule: Rule) -> "Found":
        method: Method = rule.method
        by_factor = _combined(families, rule.correlation)
        cities = by_factor[1.0]
        y, v = cities.estimate, cities.variance
        places = [one.places for one in families]
        signs = np.array([-1.0 if one.direction == "decrease" else 1.0 for one in families])
        city_signs = np.repeat(signs, [len(one.cities) for one in families])
        count = len(families)
        means, spreads = Means.unknown(count), Spreads.unknown(count)
        others = {name: Means.unknown(count) for name in get_args(Method) if name != method}
        weights = np.full(len(y), np.nan)
        without_first, without = [-1] * count, []
        begin = 0
        for at, members in pooling.by_size(places):
            some_y, some_v = y[members], v[members]
            some = pooling.means(some_y, some_v, method)
            means.put(at, some)
            spreads.put(at, pooling.spreads(some_y, some_v, some))
            for name, other in others.items():
                other.put(at, pooling.means(some_y, some_v, name))
            weights[members] = pooling.shares(some_v, some.tau_squared)
            size = members.shape[1]
            if size > FEWEST_CITIES:
                without.append((at, pooling.without_each(some_y, some_v, method)))
                for number in at.tolist():
                    without_first[number] = begin
                    begin += size
        left_out = Means.unknown(begin)
        for at, some in without:
            left_out.put(slice(without_first[at[0]], without_first[at[0]] + len(some.estimate)), some)
        groups, group_names, group_signs = _subgroups(families, signs)
        return cls(
            families=families,
            method=method,
            cities=cities,
            changes=intervals(y, NORMAL_975 * np.sqrt(v), city_signs),
            weights=weights,
            means=Told.of(means, signs),
            spreads=spreads,
            predictions=changes(means.estimate, spreads.prediction_low, spreads.prediction_high, signs),
            others={name: Told.of(other, signs) for name, other in others.items()},
            varied={
                factor: Told.of(
                    means if factor == 1.0 else pooling.means_of(one.estimate, one.variance, places, method), signs
                )
                for factor, one in by_factor.items()
            },
            without={name: getattr(left_out, name).tolist() for name in ("estimate", "low", "high", "tau_squared")},
            without_first=without_first,
            groups=Told.of(pooling.means_of(y, v, groups, method), group_signs),
            group_names=group_names,
        )

    def pooled(self, number: int) -> Pooled | NotEnough:
        """The mean of a family, as the grade looks at it."""
        family, cities = self.families[number], self.cities
        rows = slice(family.first, family.first + len(family.cities))
        columns = (
            family.cities,
            *(column[rows].tolist() for column in (cities.estimate, cities.variance, cities.imputed)),
        )
        effects = tuple(Effect(y, v, imputed, city=city) for city, y, v, imputed in zip(*columns, strict=True))
        if len(effects) < FEWEST_CITIES:
            return NotEnough(len(effects), FEWEST_CITIES, effects)
        means, spreads = self.means, self.spreads
        return Pooled(
            method=self.method,
            estimate=means.estimate[number],
            standard_error=means.standard_error[number],
            hksj_standard_error=float(spreads.hksj_standard_error[number]),
            interval=Interval(means.low[number], means.high[number]),
            prediction=Interval(float(spreads.prediction_low[number]), float(spreads.prediction_high[number])),
            q=float(spreads.q[number]),
            q_tail=float(spreads.q_tail[number]),
            i_squared=float(spreads.i_squared[number]),
            tau_squared=means.tau_squared[number],
            tau_squared_interval=Interval(
                float(spreads.tau_squared_low[number]), float(spreads.tau_squared_high[number])
            ),
            weights=tuple(self.weights[rows].tolist()),
            effects=effects,
        )

    def verdicts(self, number: int) -> list[certainty.Verdict]:
        if len(self.families[number].cities) < FEWEST_CITIES:
            return []
        return [(told.low[number] > 0, told.high[number] < 0) for told in self.varied.values()]

    def body(self, number: int, pooled: Pooled | NotEnough | None = None) -> dict[str, Any]:
        """One family: its cities, their mean, and what it rests on. Effects are log ratios, above zero is better.

        Args: pooled: its mean, where it is there already.
        `without`: columns of the means without each city in turn; empty below four cities.
        `kpis`: the indicator that names it and the others that results were measured by. `subgroups`: by region, size
        and design, the mean of each group of cities, None below three, and whether the groups differ.
        """
        family = self.families[number]
        pooled = pooled or self.pooled(number)
        has_mean = isinstance(pooled, Pooled)
        begin = self.without_first[number]
        return {
            "kpi": family.kpi,
            "kpis": [family.kpi, *sorted({one.kpi for one in family.rows} - {family.kpi})],
            "direction": family.direction,
            "results_count": sum(one.results for one in family.rows),
            "refused_count": sum(one.refused for one in family.rows),
            "cities": list(self._cities(family, has_mean=has_mean)),
            "pooled": self._pooled(number, pooled) if isinstance(pooled, Pooled) else None,
            "missing_cities": pooled.missing if isinstance(pooled, NotEnough) else 0,
            "methods": {name: told.at(number) for name, told in self.others.items()} if has_mean else {},
            "without": {
                name: values[begin : begin + len(family.cities)] if begin >= 0 else []
                for name, values in self.without.items()
            },
            "varied": [{"factor": factor, **told.at(number)} for factor, told in self.varied.items()]
            if has_mean
            else [],
            "subgroups": self._subgroups(number),
        }

    def _cities(self, family: Family, *, has_mean: bool) -> Iterator[dict[str, Any]]:
        cities, changes = self.cities, self.changes
        for at, city in enumerate(family.cities, start=family.first):
            yield {
                "city": city,
                "weight": float(self.weights[at]) if has_mean else None,
                "estimate": float(cities.estimate[at]),
                "standard_error": float(cities.variance[at]) ** 0.5,
                "imputed": bool(cities.imputed[at] > 0.5),
                "change_percent": changes.change[at],
                "interval": [changes.low[at], changes.high[at]],
            }

    def _pooled(self, number: int, pooled: Pooled) -> dict[str, Any]:
        return {
            "method": pooled.method,
            "cities": pooled.cities,
            **self.means.at(number),
            "prediction": [self.predictions.low[number], self.predictions.high[number]],
            "q": pooled.q,
            "q_tail": pooled.q_tail,
            "i_squared": pooled.i_squared,
            "tau_squared_interval": [pooled.tau_squared_interval.low, pooled.tau_squared_interval.high],
            "imputed": pooled.imputed,
        }

    def _subgroups(self, number: int) -> dict[str, Any]:
        told = {}
        for name, groups in self.group_names[number].items():
            means = [entry for _group, cities, entry in groups if cities >= FEWEST_CITIES]
            q = None
            if len(means) > 1:
                q = spread_between(
                    [self.groups.estimate[entry] for entry in means],
                    [self.groups.standard_error[entry] ** 2 for entry in means],
                )
            told[name] = {
                "groups": [
                    {
                        "name": group,
                        "cities": cities,
                        "pooled": {"method": self.method, "cities": cities, **self.groups.at(entry)}
                        if cities >= FEWEST_CITIES
                        else None,
                        "missing": max(0, FEWEST_CITIES - cities),
                    }
                    for group, cities, entry in groups
                ],
                "q_between": q,
                "q_between_tail": None if q is None else chi_squared_tail(q, len(means) - 1),
            }
        return told


def _combined(families: list[Family], correlation: float) -> dict[float, Cities]:
    """One effect a city, under each factor on imputed errors. Tells each family where its cities stand."""
    sums: list[tuple[float, ...]] = []
    case: list[int] = []
    city_of_case: list[int] = []
    cities = 0
    for family in families:
        family.first = cities
        names: list[str] = []
        last = ""
        for one in family.counted:
            if not names or names[-1] != one.city:
                names.append(one.city)
                cities += 1
                last = ""
            if last != one.use_case:
                last = one.use_case
                city_of_case.append(cities - 1)
            case.append(len(city_of_case) - 1)
            sums.append(one.sums)
        family.cities = tuple(names)
    table = np.array(sums, dtype=np.float64).reshape(-1, 6)
    cases, towns = np.array(case, dtype=np.intp), np.array(city_of_case, dtype=np.intp)
    return {
        factor: cities_of(table, cases, towns, cities, correlation=correlation, factor=factor)
        for factor in SENSITIVITY_FACTORS
    }


def _subgroups(
    families: list[Family], signs: Numbers
) -> tuple[list[Places], list[dict[str, list[tuple[str, int, int]]]], Numbers]:
    """The cities of all groups; by family and property the name of each, how many cities, and its number; signs."""
    groups: list[Places] = []
    named: list[dict[str, list[tuple[str, int, int]]]] = []
    of_group: list[float] = []
    for family, sign in zip(families, signs.tolist(), strict=True):
        surest: dict[str, Measured] = {}
        for one in family.counted:
            if one.city not in surest or surest[one.city].best_grade < one.best_grade:
                surest[one.city] = one
        members: dict[str, dict[str, list[int]]] = {name: defaultdict(list) for name in SUBGROUPS}
        for at, city in enumerate(family.cities, start=family.first):
            one = surest[city]
            members["region"][one.region].append(at)
            members["size"][one.size].append(at)
            members["design"][DESIGN_OF_GRADE[one.best_grade]].append(at)
        told: dict[str, list[tuple[str, int, int]]] = {}
        for name, of_name in members.items():
            told[name] = [
                (group, len(of_name[group]), len(groups) + more) for more, group in enumerate(sorted(of_name))
            ]
            groups += [np.array(of_name[group], dtype=np.intp) for group in sorted(of_name)]
            of_group += [sign] * len(of_name)
        named.append(told)
    return groups, named, np.array(of_group)
