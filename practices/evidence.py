"""The evidence of practices: results of their use cases by indicator, synthesised and graded.

Two steps: `collect` asks a fixed number of queries for any number of practices; `judge` is a pure function of what it
found. What it returns is kept as JSON (`practices.models.Evidence`), so that pages and the API read it as it is.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from math import isfinite
from statistics import median
from typing import Any

from django.db.models import Q

from kpis.models import Result, ResultState, Verification
from practices import certainty, synthesis
from practices.models import Challenge, ChallengeState, Implementation, Practice
from practices.rules import Rule
from usecases.models import Participation
from usecases.models import Status as UseCaseStatus

SUPPLIERS = ("large-corporation", "small-corporation")


@dataclass(frozen=True, slots=True)
class Measured:
    """One public result of a use case, as the synthesis needs it; everything by its public key."""

    result: str
    use_case: str
    city: str
    region: str
    size: str
    kpi: str
    direction: str
    baseline: float | None
    after: float | None
    change_percent: float | None
    spread: float | None
    spread_kind: str
    n: int | None
    method: str
    design: str
    quality: str
    grade: int
    year: int | None
    reporter: str
    suppliers: tuple[str, ...]
    verified: bool


@dataclass(slots=True)
class Inputs:
    """Everything that the evidence of one practice depends on, besides the rule and the year."""

    slug: str
    primary: str
    harm: bool
    open_challenges: int = 0
    use_cases: list[str] = field(default_factory=list)
    cities: list[str] = field(default_factory=list)
    cost_known: bool = False
    measured: list[Measured] = field(default_factory=list)

    def digest(self) -> str:
        """SHA-256 of the inputs, in hexadecimal digits."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def collect(practices: Iterable[Practice]) -> dict[int, Inputs]:
    """What the evidence of these practices is made of, by primary key. Five queries. Their indicators are loaded."""
    found = {
        one.pk: Inputs(one.slug, one.primary_kpi.code, bool(one.harm_confirmed), cost_known=bool(one.cost_note))
        for one in practices
    }
    links = (
        Implementation.objects.filter(practice__in=found, use_case__status=UseCaseStatus.PUBLISHED)
        .order_by("practice_id", "use_case__slug")
        .values_list("practice_id", "use_case_id", "use_case__slug", "use_case__city__slug", "use_case__cost_amount")
    )
    practices_of: dict[int, list[int]] = defaultdict(list)
    for practice, use_case, slug, city, cost in links:
        found[practice].use_cases.append(slug)
        found[practice].cost_known |= cost is not None
        if city not in found[practice].cities:
            found[practice].cities.append(city)
        practices_of[use_case].append(practice)
    suppliers: dict[int, list[str]] = defaultdict(list)
    taking_part = Participation.objects.filter(use_case__in=practices_of, organisation__kind__in=SUPPLIERS)
    for use_case, name in taking_part.order_by("organisation__slug").values_list("use_case_id", "organisation__slug"):
        suppliers[use_case].append(name)
    results = Result.objects.filter(state=ResultState.ACCEPTED, use_case__in=practices_of)
    related = results.select_related("kpi", "use_case__city__country__region", "reported_by")
    for result in related.order_by("slug"):
        measured = _measured(result, tuple(suppliers[result.use_case_id]))
        for practice in practices_of[result.use_case_id]:
            found[practice].measured.append(measured)
    for practice in Challenge.objects.filter(practice__in=found, state=ChallengeState.OPEN).values_list(
        "practice_id", flat=True
    ):
        found[practice].open_challenges += 1
    return found


def _measured(result: Result, suppliers: tuple[str, ...]) -> Measured:
    city = result.use_case.city
    return Measured(
        result=result.slug,
        use_case=result.use_case.slug,
        city=city.slug,
        region=city.country.region.slug,
        size=city.size_band,
        kpi=result.kpi.code,
        direction=result.kpi.direction,
        baseline=_number(result.baseline_value),
        after=_number(result.result_value),
        # The database's own change where only that is usable, so that what is drawn is what is combined.
        change_percent=_number(result.change_percent),
        spread=_number(result.spread),
        spread_kind=result.spread_kind,
        n=result.sample_n,
        method=result.method,
        design=result.comparison or result.method,
        quality=result.data_quality,
        grade=result.grade,
        year=result.measured_year,
        reporter=result.reported_by.slug if result.reported_by else "",
        suppliers=suppliers,
        verified=result.verification == Verification.INDEPENDENT,
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def effect_of(one: Measured, rule: Rule) -> synthesis.Effect | synthesis.Refusal:
    """The effect of one result under a rule."""
    return synthesis.effect_of(
        baseline=one.baseline,
        after=one.after,
        change_percent=one.change_percent,
        direction=one.direction,
        imputation=rule.imputation,
        spread=one.spread,
        spread_kind=one.spread_kind,
        n=one.n,
        design=one.design,
        quality=one.quality,
        result=one.result,
        use_case=one.use_case,
        city=one.city,
    )


def judge(inputs: Inputs, rule: Rule, year: int) -> dict[str, Any]:
    """The body of the evidence of one practice: families of results, the primary one first, and the grade.

    Returns: plain values for JSON. `families`: one mapping an indicator (`_family`); `certainty`: grade, points and
    the lines that add up to them; `use_cases`, `cities`: of all implementations; `cost_known`.
    """
    by_kpi: dict[str, list[Measured]] = defaultdict(list)
    for one in inputs.measured:
        by_kpi[one.kpi].append(one)
    primary = by_kpi.pop(inputs.primary, [])
    facts, effects = _facts(primary, rule)
    pooled = synthesis.synthesise(effects, correlation=rule.correlation, method=rule.method)
    varied = synthesis.sensitivity(effects, correlation=rule.correlation, method=rule.method)
    graded = certainty.grade(
        facts,
        pooled,
        rule.sections["certainty"],
        year=year,
        varied=varied,
        open_challenges=inputs.open_challenges,
        harm_confirmed=inputs.harm,
    )
    families = [_family(inputs.primary, primary, rule)]
    families += [
        _family(kpi, rows, rule) for kpi, rows in sorted(by_kpi.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    ]
    regions = {one.region for one in primary if any(one.result in effect.results for effect in effects)}
    return {
        "slug": inputs.slug,
        "use_cases": inputs.use_cases,
        "cities": inputs.cities,
        "cost_known": inputs.cost_known,
        "families": families,
        "newest_year": max((one.year for one in primary if one.year), default=None),
        "regions": sorted(regions),
        "places": {one.city: [one.region, one.size] for one in primary},
        "certainty": {
            "grade": int(graded.certainty),
            "points": graded.points,
            "lines": [
                {"rule": line.rule, "sentence": line.sentence, "points": line.points, "inputs": dict(line.inputs)}
                for line in graded.lines
            ],
        },
    }


def _facts(rows: Sequence[Measured], rule: Rule) -> tuple[list[certainty.Fact], list[synthesis.Effect]]:
    facts, effects = [], []
    for one in rows:
        effect = effect_of(one, rule)
        if isinstance(effect, synthesis.Refusal):
            continue
        effects.append(effect)
        facts.append(
            certainty.Fact(
                city=one.city,
                design=one.grade,
                estimate=effect.estimate,
                region=one.region,
                reporter=one.reporter,
                suppliers=one.suppliers,
                year=one.year,
                verified=one.verified,
            )
        )
    return facts, effects


def _family(kpi: str, rows: Sequence[Measured], rule: Rule) -> dict[str, Any]:
    """All results of one indicator: those with an effect, those without and why, the cities, and their mean."""
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
    }


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


def usual_effects(codes: Iterable[str], rule: Rule) -> dict[str, float]:
    """By indicator: the median size of the log ratios of all its public results. One query."""
    sizes: dict[str, list[float]] = defaultdict(list)
    results = Result.objects.visible_to(None).filter(kpi__code__in=set(codes))
    usable = results.filter(Q(change_percent__isnull=False) | Q(baseline_value__isnull=False))
    for result in usable.select_related("kpi", "use_case__city__country__region", "reported_by"):
        effect = effect_of(_measured(result, ()), rule)
        if isinstance(effect, synthesis.Effect):
            sizes[result.kpi.code].append(abs(effect.estimate))
    least = rule.sections["ranking"]["smallest_usual"]
    return {code: max(least, median(found)) for code, found in sizes.items()}
