"""How certain the evidence of a practice is: four grades, and the lines that add up to them. Pure functions.

In the manner of GRADE (Guyatt et al., "GRADE: an emerging consensus on rating quality of evidence and strength of
recommendations", BMJ 336 (2008), 924-926): the designs say where a practice starts, each doubt lowers it, a large
effect and independent checks raise it. The numbers are those of the rule file, under `certainty`.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from math import ceil, fsum
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple

from practices.synthesis import NotEnough, Pooled

#: Of a comparison with a control (`alliance.core.evidence.Grade`) and of a statement.
STATED = 1
#: Whether a mean is better, whether it is worse.
Verdict = tuple[bool, bool]


class Certainty(IntEnum):
    """From 1 to 4, as GRADE has it."""

    VERY_LOW = 1
    LOW = 2
    MODERATE = 3
    HIGH = 4


class Fact(NamedTuple):
    """What of the results of one use case the certainty depends on; one result, unless it says more.

    Attributes:
        design: 1 to 4, how far their comparisons rule out other causes, on average.
        estimate: the smallest of their effects, above zero is better.
        results: how many there are.
        reporters: who reported how many; those from public sources are left out.
        suppliers: companies that took part.
        years: of those whose year is known.
        verified: how many somebody independent checked.
    """

    city: Hashable
    design: float
    estimate: float
    region: str = ""
    results: int = 1
    reporters: Mapping[str, int] = MappingProxyType({})
    suppliers: tuple[str, ...] = ()
    years: Sequence[int] = ()
    verified: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the grade.

    Attributes:
        rule: its section in the rule file, such as "imprecision".
        sentence: key of the sentence that explains it, such as "imprecision-few-cities".
        inputs: the numbers and names that it went by, ready for JSON.
        points: what it adds, in halves.
    """

    rule: str
    sentence: str
    points: float
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Graded:
    """The lines' points add up to `points`, exactly; the grade is `points` rounded, a half downwards."""

    certainty: Certainty
    points: float
    lines: tuple[Line, ...]


def grade(
    facts: Sequence[Fact],
    synthesis: Pooled | NotEnough,
    rule: Mapping[str, Any],
    *,
    year: int,
    verdicts: Iterable[Verdict] = (),
    open_challenges: int = 0,
    harm_confirmed: bool = False,
) -> Graded:
    """The certainty of a practice's primary effect.

    Args:
        facts: of the use cases with results in the synthesis.
        rule: the section `certainty` of a rule file.
        year: the one as of which results are old or new.
        verdicts: whether the mean is better, and whether it is worse, under other imputed variances.
    """
    weights = _weights(facts, synthesis)
    lines = [_start(facts, weights, rule)]
    if isinstance(synthesis, Pooled):
        lowered = _inconsistency(synthesis, rule["inconsistency"])
        lines += lowered
        lines += _imprecision(synthesis, rule["imprecision"])
        lines += _imputed(synthesis, verdicts, rule["imputed"])
        lines += [] if lowered else _large_effect(synthesis, rule["large-effect"])
    if facts:
        lines += _age(facts, rule["age"], year)
        lines += _indirectness(facts, rule["indirectness"])
        lines += _domination(facts, weights, rule["domination"])
        lines += _missing_negative(facts, rule["missing-negative"])
        lines += _verified(facts, weights, rule["verified"])
    lines += _challenges(open_challenges, rule["challenges"])
    lines += _bounds(fsum(line.points for line in lines))
    for name, applies in (
        ("cities", isinstance(synthesis, NotEnough)),
        ("stated", bool(facts) and all(fact.design <= STATED for fact in facts)),
        ("harm", harm_confirmed),
    ):
        points = fsum(line.points for line in lines)
        if applies and points > rule["caps"][name]:
            inputs = {"cities": synthesis.cities} if name == "cities" else {}
            lines.append(Line("caps", f"caps-{name}", rule["caps"][name] - points, inputs))
    points = fsum(line.points for line in lines)
    return Graded(Certainty(ceil(points - 0.5)), points, tuple(lines))


def _weights(facts: Sequence[Fact], synthesis: Pooled | NotEnough) -> list[float]:
    """Of each fact: its city's share of the mean, or an equal one without a mean, in equal parts for its results."""
    cities: dict[Hashable, float] = {}
    for fact in facts:
        cities[fact.city] = cities.get(fact.city, 0) + fact.results
    if isinstance(synthesis, Pooled):
        share = {effect.city: weight for effect, weight in zip(synthesis.effects, synthesis.weights, strict=True)}
    else:
        share = dict.fromkeys(cities, 1 / len(cities)) if cities else {}
    return [share.get(fact.city, 0.0) / cities[fact.city] * fact.results for fact in facts]


def _count(facts: Sequence[Fact]) -> int:
    return sum(fact.results for fact in facts)


def _start(facts: Sequence[Fact], weights: Sequence[float], rule: Mapping[str, Any]) -> Line:
    mean = fsum(fact.design * weight for fact, weight in zip(facts, weights, strict=True))
    reached = [points for step, points in zip(rule["start_steps"], rule["start_points"], strict=False) if mean >= step]
    points = reached[0] if reached else rule["start_points"][-1]
    return Line("start", f"start-{points:.0f}", points, {"mean_design": round(mean, 3), "results": _count(facts)})


def _inconsistency(pooled: Pooled, rule: Mapping[str, Any]) -> list[Line]:
    lines = []
    steps = sum(pooled.i_squared >= step for step in rule["i_squared"]) if pooled.q_tail <= rule["q_tail"] else 0
    if steps:
        inputs = {"i_squared": round(pooled.i_squared, 3), "q_tail": round(pooled.q_tail, 4)}
        lines.append(Line("inconsistency", "inconsistency-heterogeneous", steps * rule["points"], inputs))
    against = fsum(
        weight
        for effect, weight in zip(pooled.effects, pooled.weights, strict=True)
        if effect.estimate * pooled.estimate < 0
    )
    if against >= rule["contradicting_share"]:
        inputs = {"share": round(against, 3)}
        lines.append(Line("inconsistency", "inconsistency-contradicting", rule["points"], inputs))
    return lines


def _imprecision(pooled: Pooled, rule: Mapping[str, Any]) -> list[Line]:
    lines = []
    low, high = pooled.interval.low, pooled.interval.high
    inputs = {"low": round(low, 4), "high": round(high, 4)}
    if low <= 0 <= high:
        lines.append(Line("imprecision", "imprecision-crosses-zero", rule["crosses_zero_points"], inputs))
    elif (high - low) / 2 > rule["wide"]:
        lines.append(Line("imprecision", "imprecision-wide", rule["wide_points"], inputs))
    if pooled.cities < rule["few_cities"]:
        lines.append(Line("imprecision", "imprecision-few-cities", rule["few_points"], {"cities": pooled.cities}))
    return lines


def _imputed(pooled: Pooled, verdicts: Iterable[Verdict], rule: Mapping[str, Any]) -> list[Line]:
    if pooled.imputed < rule["share"]:
        return []
    inputs = {"share": round(pooled.imputed, 3)}
    if {*verdicts} - {(pooled.is_better, pooled.is_worse)}:
        return [Line("imputed", "imputed-unstable", rule["unstable_points"], inputs)]
    return [Line("imputed", "imputed-stable", rule["points"], inputs)]


def _large_effect(pooled: Pooled, rule: Mapping[str, Any]) -> list[Line]:
    """For harm as for benefit: what matters is how far the nearer end lies from "no effect"."""
    near = max(pooled.interval.low, -pooled.interval.high)
    steps = sum(near >= step for step in rule["near_end"])
    return [Line("large-effect", "large-effect", steps * rule["points"], {"near_end": round(near, 4)})] if steps else []


def _age(facts: Sequence[Fact], rule: Mapping[str, Any], year: int) -> list[Line]:
    ages = [year - known for fact in facts for known in fact.years]
    unknown = 1 - len(ages) / _count(facts)
    if unknown >= rule["unknown_share"]:
        return [Line("age", "age-unknown", rule["points"], {"share": round(unknown, 3)})]
    steps = sum(median(ages) >= step for step in rule["old_years"])
    return [Line("age", "age-old", steps * rule["points"], {"median_age": median(ages)})] if steps else []


def _indirectness(facts: Sequence[Fact], rule: Mapping[str, Any]) -> list[Line]:
    regions = sorted({fact.region for fact in facts if fact.region})
    if not regions or len(regions) >= rule["regions"]:
        return []
    return [Line("indirectness", "indirectness-one-region", rule["points"], {"regions": regions})]


def _domination(facts: Sequence[Fact], weights: Sequence[float], rule: Mapping[str, Any]) -> list[Line]:
    lines = []
    of_kind: dict[str, dict[Hashable, list[float]]] = {"city": {}, "reporter": {}, "supplier": {}}
    for fact, weight in zip(facts, weights, strict=True):
        of_kind["city"].setdefault(fact.city, []).append(weight)
        if fact.reporters:
            for name, results in fact.reporters.items():
                of_kind["reporter"].setdefault(name, []).append(weight * results / fact.results)
        if fact.suppliers:
            for name in {*fact.suppliers}:
                of_kind["supplier"].setdefault(name, []).append(weight)
    for kind, shares in of_kind.items():
        share, name = max(((fsum(shares[name]), str(name)) for name in shares), default=(0.0, ""))
        if share > rule["share"]:
            inputs = {"name": name, "share": round(share, 3)}
            lines.append(Line("domination", f"domination-{kind}", rule["points"], inputs))
    return lines


def _missing_negative(facts: Sequence[Fact], rule: Mapping[str, Any]) -> list[Line]:
    if _count(facts) < rule["results"] or any(fact.estimate <= 0 for fact in facts):
        return []
    return [Line("missing-negative", "missing-negative", rule["points"], {"results": _count(facts)})]


def _verified(facts: Sequence[Fact], weights: Sequence[float], rule: Mapping[str, Any]) -> list[Line]:
    share = fsum(weight * fact.verified / fact.results for fact, weight in zip(facts, weights, strict=True))
    return [Line("verified", "verified", rule["points"], {"share": round(share, 3)})] if share >= rule["share"] else []


def _challenges(count: int, rule: Mapping[str, Any]) -> list[Line]:
    if not count:
        return []
    return [Line("challenges", "challenges-open", max(rule["most"], count * rule["points"]), {"challenges": count})]


def _bounds(points: float) -> list[Line]:
    """No grade lies below very low or above high."""
    bounded = min(max(points, Certainty.VERY_LOW), Certainty.HIGH)
    if bounded == points:
        return []
    return [Line("bounds", "bounds-lowest" if points < bounded else "bounds-highest", bounded - points)]
