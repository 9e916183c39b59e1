"""The evidence of practices: results of their use cases by indicator, synthesised and graded.

Two steps: `collect` asks a fixed number of queries for any number of practices; `judge` is a pure function of what it
found. What it returns is kept as JSON (`practices.models.Evidence`), so that pages and the API read it as it is.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from statistics import median
from typing import Any

from django.db.models import Q

from kpis.crosswalk import exact_families
from kpis.models import Kpi, Result, ResultState, Verification
from practices import certainty, synthesis
from practices.families import family
from practices.measured import Measured, effect_of
from practices.models import Challenge, ChallengeState, Implementation, Practice
from practices.rules import Rule
from usecases.models import Participation
from usecases.models import Status as UseCaseStatus

SUPPLIERS = ("large-corporation", "small-corporation")


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
    #: Indicators that are exactly the same, as far as they matter here: code -> the first of its family by code.
    same: dict[str, str] = field(default_factory=dict)

    def digest(self) -> str:
        """SHA-256 of the inputs, in hexadecimal digits."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def collect(practices: Iterable[Practice]) -> dict[int, Inputs]:
    """What the evidence of these practices is made of, by primary key. Seven queries. Their indicators are loaded."""
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
    same = same_indicators()
    for one in found.values():
        one.same = {code: same[code] for code in {one.primary, *(row.kpi for row in one.measured)} if code in same}
    for practice in Challenge.objects.filter(practice__in=found, state=ChallengeState.OPEN).values_list(
        "practice_id", flat=True
    ):
        found[practice].open_challenges += 1
    return found


def same_indicators() -> dict[str, str]:
    """Code of an indicator that is the same as another one -> the first code of its family. At most two queries."""
    of_key = exact_families()
    codes = dict(Kpi.objects.filter(pk__in=of_key).values_list("pk", "code")) if of_key else {}
    return {codes[pk]: min(codes[other] for other in others) for pk, others in of_key.items()}


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


def judge(inputs: Inputs, rule: Rule, year: int) -> dict[str, Any]:
    """The body of the evidence of one practice: families of results, the primary one first, and the grade.

    Returns: plain values for JSON. `families`: one mapping a family (`practices.families`); `certainty`: grade, points
    and the lines that add up to them; `use_cases`, `cities`: of all implementations; `cost_known`.
    """
    by_family: dict[str, list[Measured]] = defaultdict(list)
    for one in inputs.measured:
        by_family[inputs.same.get(one.kpi, one.kpi)].append(one)
    primary = by_family.pop(inputs.same.get(inputs.primary, inputs.primary), [])
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
    families = [family(inputs.primary, primary, rule)]
    families += [
        family(_most_measured(rows), rows, rule)
        for _name, rows in sorted(by_family.items(), key=lambda pair: (-len(pair[1]), pair[0]))
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


def _most_measured(rows: Sequence[Measured]) -> str:
    """Code of the indicator that names a family: the one that most results were measured by."""
    count = Counter(one.kpi for one in rows)
    return min(count, key=lambda code: (-count[code], code))


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


def usual_effects(codes: Iterable[str], rule: Rule) -> dict[str, float]:
    """By indicator: the median size of the log ratios of all public results of its family. Three queries."""
    same = same_indicators()
    families = {same.get(code, code) for code in codes}
    wanted = families | {code for code, first in same.items() if first in families}
    sizes: dict[str, list[float]] = defaultdict(list)
    results = Result.objects.visible_to(None).filter(kpi__code__in=wanted)
    usable = results.filter(Q(change_percent__isnull=False) | Q(baseline_value__isnull=False))
    for result in usable.select_related("kpi", "use_case__city__country__region", "reported_by"):
        effect = effect_of(_measured(result, ()), rule)
        if isinstance(effect, synthesis.Effect):
            sizes[same.get(result.kpi.code, result.kpi.code)].append(abs(effect.estimate))
    least = rule.sections["ranking"]["smallest_usual"]
    return {code: max(least, median(sizes[first])) for code in wanted if sizes[first := same.get(code, code)]}
