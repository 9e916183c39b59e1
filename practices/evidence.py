"""The evidence of practices: what the results of their use cases add up to, and the results themselves for readers.

`collect` asks a fixed number of queries for any number of practices and reads sums (`practices.part_models.Part`), no
results; `practices.judging.judge` is a pure function of what it found. What that returns is kept as JSON
(`practices.models.Evidence`). `with_results` puts the single results to it, for those who read one practice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from alliance.core.quantiles import NORMAL_975
from alliance.members.models import Organisation
from kpis.crosswalk import exact_families
from kpis.models import Kpi, Result
from practices import synthesis
from practices.measured import Inputs, Measured
from practices.models import Challenge, ChallengeState, Implementation, Part, Practice
from practices.rules import Rule
from usecases.models import Participation
from usecases.models import Status as UseCaseStatus

SUPPLIERS = ("large-corporation", "small-corporation")
_SUMS = (
    "weight_reported", "product_reported", "root_reported", "weight_imputed", "product_imputed", "root_imputed",
)  # fmt: skip


def collect(practices: Iterable[Practice]) -> dict[int, Inputs]:
    """What the evidence of these practices is made of, by primary key. Seven queries. Their indicators are loaded."""
    found = {
        one.pk: Inputs(
            one.slug,
            one.primary_kpi.code,
            one.primary_kpi.direction,
            bool(one.harm_confirmed),
            cost_known=bool(one.cost_note),
        )
        for one in practices
    }
    links = (
        Implementation.objects.filter(practice__in=found, use_case__status=UseCaseStatus.PUBLISHED)
        .order_by("practice_id", "use_case__slug")
        .values_list(
            "practice_id",
            "use_case_id",
            "use_case__slug",
            "use_case__city__slug",
            "use_case__city__country__region__slug",
            "use_case__city__size_band",
            "use_case__cost_amount",
        )
    )
    practices_of: dict[int, list[int]] = defaultdict(list)
    places: dict[int, tuple[str, str, str, str]] = {}
    for practice, use_case, slug, city, region, size, cost in links:
        one = found[practice]
        one.use_cases.append(slug)
        one.cost_known |= cost is not None
        one.cities.append(city)
        practices_of[use_case].append(practice)
        places[use_case] = (slug, city, region, size)
    for one in found.values():
        one.cities = list(dict.fromkeys(one.cities))
    suppliers: dict[int, list[str]] = defaultdict(list)
    taking_part = Participation.objects.filter(use_case__in=practices_of, organisation__kind__in=SUPPLIERS)
    for use_case, name in taking_part.order_by("organisation__slug").values_list("use_case_id", "organisation__slug"):
        suppliers[use_case].append(name)
    for use_case, measured in _measured(places, suppliers):
        for practice in practices_of[use_case]:
            found[practice].measured.append(measured)
    same = same_indicators()
    for one in found.values():
        one.measured.sort(key=lambda row: (row.city, row.use_case, row.kpi))
        one.same = {code: same[code] for code in {one.primary, *(row.kpi for row in one.measured)} if code in same}
    for practice in Challenge.objects.filter(practice__in=found, state=ChallengeState.OPEN).values_list(
        "practice_id", flat=True
    ):
        found[practice].open_challenges += 1
    return found


def _measured(
    places: Mapping[int, tuple[str, str, str, str]], suppliers: Mapping[int, list[str]]
) -> Iterable[tuple[int, Measured]]:
    """The sums of some use cases, with names put to their keys."""
    kpis = {pk: (code, direction) for pk, code, direction in Kpi.objects.values_list("pk", "code", "direction")}
    parts = list(
        Part.objects.filter(use_case_id__in=places).values_list(
            "use_case_id", "kpi_id", "results", "refused", *_SUMS, "least", "grades", "best_grade", "years",
            "reporters", "verified", "inputs_hash",
        )
    )  # fmt: skip
    reporters = {key for part in parts for key in part[14]}
    names = dict(Organisation.objects.filter(pk__in=reporters).values_list("pk", "slug")) if reporters else {}
    for use_case, kpi, results, refused, *rest in parts:
        sums, (least, grades, best_grade, years, reported, verified, digest) = rest[:6], rest[6:]
        if kpi not in kpis:  # deleted since; the log will tell
            continue
        slug, city, region, size = places[use_case]
        yield (
            use_case,
            Measured(
                use_case=slug,
                city=city,
                region=region,
                size=size,
                kpi=kpis[kpi][0],
                direction=kpis[kpi][1],
                suppliers=tuple(suppliers.get(use_case, ())),
                results=results,
                refused=refused,
                sums=tuple(sums),
                least=least,
                grades=grades,
                best_grade=best_grade,
                years=tuple(years),
                reporters={names.get(int(key), key): count for key, count in reported.items()},
                verified=verified,
                digest=digest,
            ),
        )


def same_indicators() -> dict[str, str]:
    """Code of an indicator that is the same as another one -> the first code of its family. At most two queries."""
    of_key = exact_families()
    codes = dict(Kpi.objects.filter(pk__in=of_key).values_list("pk", "code")) if of_key else {}
    return {codes[pk]: min(codes[other] for other in others) for pk, others in of_key.items()}


# --- single results, for readers -------------------------------------------------------------------------------------
def with_results(body: Mapping[str, Any], practice: Practice, rule: Rule) -> dict[str, Any]:
    """The body of a practice's evidence with every result in it, as the records are now. One query.

    Each family gets `results`, those with an effect, and `refused`, those without and why; each of its cities gets
    `results`, their slugs; the means without each city become rows, with their changes in percent.
    """
    family_of = {code: at for at, family in enumerate(body["families"]) for code in family["kpis"]}
    results: list[list[dict[str, Any]]] = [[] for _ in body["families"]]
    refused: list[list[dict[str, Any]]] = [[] for _ in body["families"]]
    linked = Result.objects.visible_to(None).filter(use_case__implementations__practice=practice)
    for result in linked.select_related("kpi", "use_case__city").order_by("slug"):
        at = family_of.get(result.kpi.code)
        if at is None:  # newer than the evidence
            continue
        effect = effect_of(result, rule)
        city = result.use_case.city
        about = {
            "result": result.slug,
            "use_case": result.use_case.slug,
            "city": city.slug,
            "grade": result.grade,
            "year": result.measured_year,
        }
        if isinstance(effect, synthesis.Refusal):
            refused[at].append({**about, "why": str(effect.why)})
        else:
            results[at].append({**about, "method": result.method, **_told(effect, result.kpi.direction)})
    families = []
    for family, found, others in zip(body["families"], results, refused, strict=True):
        of_city: dict[str, list[str]] = defaultdict(list)
        for one in found:
            of_city[one["city"]].append(one["result"])
        cities = [{**city, "results": of_city[city["city"]]} for city in family["cities"]]
        without = _without(family)
        families.append({**family, "cities": cities, "results": found, "refused": others, "without": without})
    return {**body, "families": families}


def _without(family: Mapping[str, Any]) -> list[dict[str, Any]]:
    """From columns to rows, with changes in percent."""
    columns, direction = family["without"], family["direction"]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [
        {
            "city": city["city"],
            **row,
            "change_percent": synthesis.change_of(row["estimate"], direction),
            "interval": sorted(synthesis.change_of(row[end], direction) for end in ("low", "high")),
        }
        for city, row in zip(family["cities"], rows, strict=False)
    ]


def effect_of(result: Result, rule: Rule) -> synthesis.Effect | synthesis.Refusal:
    """The effect of one result under a rule. Its indicator is loaded."""
    return synthesis.effect_of(
        baseline=_number(result.baseline_value),
        after=_number(result.result_value),
        # The database's own change where only that is usable, so that what is drawn is what is combined.
        change_percent=_number(result.change_percent),
        direction=result.kpi.direction,
        imputation=rule.imputation,
        spread=_number(result.spread),
        spread_kind=result.spread_kind,
        n=result.sample_n,
        design=result.comparison or result.method,
        quality=result.data_quality,
        result=result.slug,
        use_case=result.use_case_id,
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _told(effect: synthesis.Effect, direction: str) -> dict[str, Any]:
    """An effect with its change in percent and the interval that its variance stands for."""
    half = NORMAL_975 * effect.standard_error
    ends = [synthesis.change_of(one, direction) for one in (effect.estimate - half, effect.estimate + half)]
    return {
        "estimate": effect.estimate,
        "standard_error": effect.standard_error,
        "imputed": effect.imputed > 0.5,
        "change_percent": synthesis.change_of(effect.estimate, direction),
        "interval": sorted(ends),
    }
