"""The order of practices. Standard library only: the portal and whoever checks it run this same file.

`python ranking.py inputs.csv rule.toml` prints the order that the portal shows, as CSV. `inputs.csv` has one line a
practice (`Candidate`), numbers in full.
"""

import csv
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import erf, hypot, log, sqrt
from random import Random
from typing import Any

CRITERIA = ("certainty", "effect", "cities", "recency", "fit", "cost")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A practice as it goes into the ranking.

    Attributes:
        grade: certainty, 1 (very low) to 4 (high).
        estimate, low, high: mean effect of cities and its 95-percent interval as log ratios, above zero is better;
            None without enough cities.
        usual: median size of the log ratios of all results of its indicator, above zero.
        cities: independent cities with an effect. newest_year: of their results; None when no source tells.
        cost_known: a source states what it cost.
        fit: 0 to 1, the share of its measured cities that are like the reader's.
    """

    slug: str
    grade: int
    cities: int
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    usual: float = 1.0
    newest_year: int | None = None
    cost_known: bool = False
    fit: float = 0.0

    @property
    def is_rankable(self) -> bool:
        return self.low is not None

    @property
    def scaled_low(self) -> float:
        """The lower end of the effect, in what results of the indicator usually show."""
        return (self.low or 0.0) / self.usual

    @property
    def error(self) -> float:
        """Half the width of the interval in standard normal quantiles."""
        return ((self.high or 0.0) - (self.low or 0.0)) / (2 * 1.959963984540054)


@dataclass(frozen=True, slots=True)
class Line:
    """One summand of a score: what it is for, its points, and from what they come, as a code with its numbers."""

    name: str
    points: float
    code: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A practice in its place. Without enough evidence it has neither place nor band nor score."""

    slug: str
    place: int | None
    band: int | None
    total: float | None
    lines: tuple[Line, ...] = ()


def bounded(value: float) -> float:
    """Between -1 and 1, in the order of the values."""
    return value / (1 + abs(value))


def default_lines(one: Candidate, rule: Mapping[str, Any]) -> tuple[Line, ...]:
    """The grade decides; within a grade the lower end of the effect does, which is worth less than one grade."""
    step = rule["points_per_grade"]
    effect = {"low": one.low or 0.0, "times": one.scaled_low, "usual": one.usual}
    return (
        Line("certainty", float(one.grade * step), "grade-points", {"grade": one.grade, "step": step}),
        Line("effect", step * rule["effect_share"] * bounded(one.scaled_low), "low-points", effect),
    )


def weighted_lines(one: Candidate, weights: Mapping[str, float], year: int) -> tuple[Line, ...]:
    """A reader's own weights: each criterion is 0 to 1, times its weight."""
    age = None if one.newest_year is None else max(0, year - one.newest_year)
    recency = 0.0 if age is None else max(0.0, 1 - age / 20)
    values: dict[str, tuple[float, str, dict[str, Any]]] = {
        "certainty": ((one.grade - 1) / 3, "grade", {"grade": one.grade}),
        "effect": ((1 + bounded(one.scaled_low)) / 2, "low", {"times": one.scaled_low}),
        "cities": (one.cities / (one.cities + 5), "cities", {"cities": one.cities}),
        "recency": (recency, "recency-unknown" if age is None else "recency", {"year": one.newest_year}),
        "fit": (one.fit, "fit", {"share": one.fit}),
        "cost": (float(one.cost_known), "cost-stated" if one.cost_known else "cost-not-stated", {}),
    }
    return tuple(
        Line(name, weights[name] * value, code, {**params, "weight": weights[name]})
        for name, (value, code, params) in values.items()
        if weights.get(name)
    )


def _sorted(scored: Iterable[tuple[Candidate, tuple[Line, ...]]]) -> list[tuple[Candidate, tuple[Line, ...], float]]:
    totals = [(one, lines, sum(line.points for line in lines)) for one, lines in scored]
    return sorted(totals, key=lambda row: (-row[2], row[0].slug))


def draws(one: Candidate, rule: Mapping[str, Any]) -> list[float]:
    """Simulated scaled effects: normal around the estimate, as wide as the interval. Its name is its seed."""
    random = Random(f"{rule['seed']} {one.slug}")  # noqa: S311  (not a secret)
    estimate, error, usual = one.estimate or 0.0, one.error, one.usual
    return [random.gauss(estimate, error) / usual for _ in range(rule["draws"])]


def lies_below(one: Candidate, first: Candidate, rule: Mapping[str, Any], drawn: dict[str, list[float]]) -> bool:
    """Whether at least `apart` of the draws of `first` lie above those of `one`. Kept in `drawn` for the next.

    Without drawing where the draws cannot say otherwise: by Chernoff's bound the share of n draws leaves the chance p
    by so much in less than exp(-25) of all cases.
    """
    apart, count = rule["apart"], rule["draws"]
    away = (first.estimate or 0.0) / first.usual - (one.estimate or 0.0) / one.usual
    error = hypot(first.error / first.usual, one.error / one.usual)
    chance = (1 + erf(away / error / sqrt(2))) / 2 if error else 0.5
    sure = min(max(chance, 1e-300), 1 - 1e-16)
    if error and count * (apart * log(apart / sure) + (1 - apart) * log((1 - apart) / (1 - sure))) > 25:
        return chance > apart
    for each in (first, one):
        if each.slug not in drawn:
            drawn[each.slug] = draws(each, rule)
    above = sum(a > b for a, b in zip(drawn[first.slug], drawn[one.slug], strict=True))
    return above >= apart * count


def rank(candidates: Sequence[Candidate], rule: Mapping[str, Any]) -> list[Ranked]:
    """The default order with bands; at its end, by name, what has not enough evidence. A practice opens
    a new band when its grade is another one, or when its effect lies below that of the band's first practice in at
    least `apart` of the draws.

    Args: rule: the section [ranking] of the rule file.
    """
    ordered = _sorted((one, default_lines(one, rule)) for one in candidates if one.is_rankable)
    found: list[Ranked] = []
    band, first = 0, None
    drawn: dict[str, list[float]] = {}
    for place, (one, lines, total) in enumerate(ordered, start=1):
        if first is None or first.grade != one.grade or lies_below(one, first, rule, drawn):
            band, first = band + 1, one
        found.append(Ranked(one.slug, place, band, total, lines))
    apart = sorted((one for one in candidates if not one.is_rankable), key=lambda one: one.slug)
    return [*found, *(Ranked(one.slug, None, None, None) for one in apart)]


def rank_weighted(candidates: Sequence[Candidate], weights: Mapping[str, float], year: int) -> list[Ranked]:
    """The order by a reader's own weights; it has no bands."""
    ordered = _sorted((one, weighted_lines(one, weights, year)) for one in candidates if one.is_rankable)
    apart = sorted((one for one in candidates if not one.is_rankable), key=lambda one: one.slug)
    return [
        *(Ranked(one.slug, place, None, total, lines) for place, (one, lines, total) in enumerate(ordered, start=1)),
        *(Ranked(one.slug, None, None, None) for one in apart),
    ]


def read_candidates(rows: Iterable[Mapping[str, str]]) -> list[Candidate]:
    """From the lines of `inputs.csv`; an empty cell is not known."""
    read: dict[str, Any] = dict.fromkeys(("grade", "cities", "newest_year"), int)
    read |= {"slug": str, "cost_known": lambda text: text == "True"}
    return [
        Candidate(**{f.name: read.get(f.name, float)(row[f.name]) for f in fields(Candidate) if row[f.name] != ""})
        for row in rows
    ]


def main(inputs: str = "inputs.csv", rule_file: str = "rule.toml") -> None:
    with open(rule_file, "rb") as file:
        rule = tomllib.load(file)["ranking"]
    with open(inputs, newline="", encoding="utf-8") as file:
        candidates = read_candidates(csv.DictReader(file))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["place", "band", "slug", "total"])
    out.writerows([row.place or "", row.band or "", row.slug, "" if row.total is None else repr(row.total)]
                  for row in rank(candidates, rule))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
