"""The order of practices. Standard library only: the portal and whoever checks it run this same file.

`python ranking.py inputs.csv rule.toml` prints the order that the portal shows, as CSV. `inputs.csv` has one line a
practice (`Candidate`), numbers in full.
"""

import csv
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
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


@dataclass(frozen=True, slots=True)
class Line:
    """One summand of a score: what it is for, its points, and from what they come."""

    name: str
    points: float
    because: str


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
    return (
        Line("certainty", float(one.grade * step), f"grade {one.grade} of 4, {step} points each"),
        Line(
            "effect",
            step * rule["effect_share"] * bounded(one.scaled_low),
            f"lower end {one.low or 0.0:.4g} (log ratio) is {one.scaled_low:.3g} times the usual {one.usual:.4g}",
        ),
    )


def weighted_lines(one: Candidate, weights: Mapping[str, float], year: int) -> tuple[Line, ...]:
    """A reader's own weights: each criterion is 0 to 1, times its weight."""
    age = None if one.newest_year is None else max(0, year - one.newest_year)
    values = {
        "certainty": ((one.grade - 1) / 3, f"grade {one.grade} of 4"),
        "effect": ((1 + bounded(one.scaled_low)) / 2, f"lower end is {one.scaled_low:.3g} times the usual"),
        "cities": (one.cities / (one.cities + 5), f"{one.cities} cities"),
        "recency": (0.0 if age is None else max(0.0, 1 - age / 20), f"newest result of {one.newest_year or 'no year'}"),
        "fit": (one.fit, f"{one.fit:.0%} of its cities are like yours"),
        "cost": (float(one.cost_known), "cost stated" if one.cost_known else "cost not stated"),
    }
    return tuple(
        Line(name, weights[name] * values[name][0], f"{values[name][1]}, times {weights[name]:g}")
        for name in CRITERIA
        if weights.get(name)
    )


def _sorted(scored: Iterable[tuple[Candidate, tuple[Line, ...]]]) -> list[tuple[Candidate, tuple[Line, ...], float]]:
    totals = [(one, lines, sum(line.points for line in lines)) for one, lines in scored]
    return sorted(totals, key=lambda row: (-row[2], row[0].slug))


def draws(one: Candidate, rule: Mapping[str, Any]) -> list[float]:
    """Simulated scaled effects: normal around the estimate, as wide as the interval. Its name is its seed."""
    random = Random(f"{rule['seed']} {one.slug}")  # noqa: S311  (not a secret)
    error = ((one.high or 0.0) - (one.low or 0.0)) / (2 * 1.959963984540054)
    return [random.gauss(one.estimate or 0.0, error) / one.usual for _ in range(rule["draws"])]


def rank(candidates: Sequence[Candidate], rule: Mapping[str, Any]) -> list[Ranked]:
    """The default order with bands; at its end, by name, what has not enough evidence. A practice opens
    a new band when its grade is another one, or when its effect lies below that of the band's first practice in at
    least `apart` of the draws.

    Args: rule: the section [ranking] of the rule file.
    """
    ordered = _sorted((one, default_lines(one, rule)) for one in candidates if one.is_rankable)
    found: list[Ranked] = []
    band, first, first_draws = 0, None, []  # type: ignore[var-annotated]
    for place, (one, lines, total) in enumerate(ordered, start=1):
        own = draws(one, rule)
        above = sum(a > b for a, b in zip(first_draws, own, strict=False))
        if first is None or first.grade != one.grade or above >= rule["apart"] * rule["draws"]:
            band, first, first_draws = band + 1, one, own
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


def movers(candidates: Sequence[Candidate], weights: Mapping[str, float], year: int) -> set[str]:
    """Practices that have another place when one of the weights is a fifth larger or smaller."""
    usual = {row.slug: row.place for row in rank_weighted(candidates, weights, year)}
    moved: set[str] = set()
    for name, weight in weights.items():
        for factor in (0.8, 1.2):
            varied = rank_weighted(candidates, {**weights, name: weight * factor}, year)
            moved |= {row.slug for row in varied if row.place != usual[row.slug]}
    return moved


def default_movers(candidates: Sequence[Candidate], rule: Mapping[str, Any]) -> set[str]:
    """Practices that have another place when the lower end of one's own effect is a fifth larger or smaller."""
    rankable = [one for one in candidates if one.is_rankable]
    totals = {one.slug: sum(line.points for line in default_lines(one, rule)) for one in rankable}
    moved = set()
    for one in rankable:
        others = [total for slug, total in totals.items() if slug != one.slug]
        usual = sum(total > totals[one.slug] for total in others)
        for factor in (0.8, 1.2):
            low = {**asdict(one), "low": (one.low or 0.0) * factor}
            total = sum(line.points for line in default_lines(Candidate(**low), rule))
            if sum(other > total for other in others) != usual:
                moved.add(one.slug)
    return moved


def read_candidates(rows: Iterable[Mapping[str, str]]) -> list[Candidate]:
    """From the lines of `inputs.csv`; an empty cell is not known."""
    read: dict[str, Any] = dict.fromkeys(("grade", "cities", "newest_year"), int)
    read |= {"slug": str, "cost_known": lambda text: text == "True"}
    return [
        Candidate(**{f.name: read.get(f.name, float)(row[f.name]) for f in fields(Candidate) if row[f.name] != ""})
        for row in rows
    ]


def main(inputs: str, rule_file: str) -> None:
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
