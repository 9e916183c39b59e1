"""What the pages of practices show: the kept evidence with names, drawn points and sentences put to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, cast

from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alliance.core.charts import Point, Scale, scale_for
from alliance.core.templatetags.numbers import number, signed_percent
from kpis.findings import Finding, finding
from kpis.models import Direction, Kpi, Result
from practices.certainty_words import CERTAINTY_EXPLANATION, CERTAINTY_WORDS, WHY_WORDS, line_sentences
from practices.evidence import with_results
from practices.models import Evidence, Practice, RankingRun
from practices.rules import rule
from usecases.models import City, Lesson, StandardUse, UseCase

#: From so many results on a funnel plot tells anything (Sterne et al., BMJ 343 (2011), d4002).
FUNNEL_FROM = 10


@dataclass(frozen=True)
class Mean:
    """A mean change, told like a result."""

    kpi: Kpi
    change_percent: Decimal


def told(kpi: Kpi, change: float) -> Finding:
    """A change of an indicator as a headline: "59% less electricity for street lights"."""
    return finding(cast(Result, Mean(kpi, Decimal(repr(round(change, 6))))))


def effect_name(estimate: float) -> str:
    return "better" if estimate > 0 else "worse" if estimate < 0 else "neutral"


def interval_words(interval: Sequence[float]) -> str:
    return _("95%% interval %(low)s to %(high)s") % {
        "low": signed_percent(interval[0]),
        "high": signed_percent(interval[1]),
    }


@dataclass
class Row:
    """A practice in a list: its evidence in short, and its place where it has one."""

    practice: Practice
    body: Mapping[str, Any]
    place: int | None = None
    band: int | None = None
    lines: Sequence[Mapping[str, Any]] = ()
    total: float | None = None
    moves: bool = False
    #: The day by which the results of the evidence are old or new.
    as_of: date | None = None

    @property
    def pooled(self) -> Mapping[str, Any] | None:
        return self.body["families"][0]["pooled"]

    @property
    def grade(self) -> int:
        return self.body["certainty"]["grade"]

    @property
    def certainty(self) -> str:
        return str(CERTAINTY_WORDS[self.grade])

    @property
    def measured_cities(self) -> int:
        return len(self.body["families"][0]["cities"])

    @property
    def missing_cities(self) -> int:
        return self.body["families"][0]["missing_cities"]

    @cached_property
    def finding(self) -> Finding | None:
        return told(self.practice.primary_kpi, self.pooled["change_percent"]) if self.pooled else None

    @cached_property
    def point(self) -> Point | None:
        if not self.pooled:
            return None
        low, high = self.pooled["interval"]
        return Point(
            self.pooled["change_percent"],
            effect_name(self.pooled["estimate"]),
            self.grade,
            (low, high),
            self.pooled["imputed"] > 0.5,
            str(self.practice),
        )

    @property
    def interval(self) -> str:
        return interval_words(self.pooled["interval"]) if self.pooled else ""

    @property
    def cities_words(self) -> str:
        if not self.measured_cities:
            return _("No city has measured it")
        n = self.measured_cities
        return ngettext("%(n)s city measured it", "%(n)s cities measured it", n) % {"n": number(n)}

    @property
    def missing_words(self) -> str:
        """What is missing for a mean."""
        n = self.missing_cities
        return ngettext(
            "A result of %(n)s more city is missing for a finding.",
            "Results of %(n)s more cities are missing for a finding.",
            n,
        ) % {"n": number(n)}


def rows_of(practices: Iterable[Practice]) -> list[Row]:
    """Practices that have evidence, in the given order. One query."""
    practices = list(practices)
    found = Evidence.objects.filter(practice__in=practices).in_bulk()
    return [Row(one, found[one.pk].body, as_of=found[one.pk].as_of) for one in practices if one.pk in found]


def latest_run() -> RankingRun | None:
    return RankingRun.objects.defer("inputs").first()


@dataclass(frozen=True)
class Drawn:
    """A row of a forest plot or of a table of results."""

    title: str
    url: str
    sub: str
    change: float | None
    point: Point | None
    words: str = ""
    grade: int = 1
    weight: float | None = None


@dataclass
class Family:
    """All results of one indicator of a practice, with names."""

    kpi: Kpi
    body: Mapping[str, Any]
    results: Mapping[str, Result]
    cities: Mapping[str, City]
    #: Indicators that are exactly the same, by which some of the results were measured.
    same: Sequence[Kpi] = ()

    @cached_property
    def drawn(self) -> list[Drawn]:
        """One row a city in the mean, each with its own results beside it."""
        by_result = {one["result"]: one for one in self.body["results"]}
        rows = []
        for one in self.body["cities"]:
            found = [self.results[slug] for slug in one["results"] if slug in self.results]
            grade = max((by_result[slug]["grade"] for slug in one["results"]), default=1)
            surest = max(found, key=lambda result: result.grade) if found else None
            city = self.cities.get(one["city"])
            rows.append(
                Drawn(
                    title=str(city or one["city"]),
                    url=found[0].use_case.get_absolute_url() if found else "",
                    sub=_sub(found),
                    change=one["change_percent"],
                    point=Point(
                        one["change_percent"],
                        effect_name(one["estimate"]),
                        grade,
                        (one["interval"][0], one["interval"][1]),
                        one["imputed"],
                        str(city or one["city"]),
                    ),
                    words=str(surest.method_words) if surest else "",
                    grade=grade,
                    weight=None if one["weight"] is None else one["weight"] * 100,
                )
            )
        return rows

    @cached_property
    def refused(self) -> list[Drawn]:
        """Results that are not in the mean, and why."""
        rows = []
        for one in self.body["refused"]:
            result = self.results.get(one["result"])
            if result is not None:
                rows.append(
                    Drawn(str(result.use_case.city), result.get_absolute_url(), finding(result).text, None, None,
                          str(WHY_WORDS[one["why"]]), one["grade"])
                )  # fmt: skip
        return rows

    @property
    def pooled(self) -> Mapping[str, Any] | None:
        return self.body["pooled"]

    @cached_property
    def scale(self) -> Scale:
        points: list[Any] = [row.point for row in self.drawn if row.point]
        if self.pooled:
            points += [self.pooled["change_percent"], *self.pooled["interval"]]
        return scale_for(points)

    @property
    def is_less_better(self) -> bool:
        return self.kpi.direction == Direction.DECREASE

    @property
    def interval(self) -> str:
        return interval_words(self.pooled["interval"]) if self.pooled else ""

    @property
    def prediction(self) -> str:
        if not self.pooled:
            return ""
        low, high = self.pooled["prediction"]
        return f"{signed_percent(low)} – {signed_percent(high)}"

    @property
    def i_squared(self) -> int:
        return round(self.pooled["i_squared"] * 100) if self.pooled else 0

    @property
    def any_imputed(self) -> bool:
        return any(one["imputed"] for one in self.body["results"])

    @cached_property
    def worked(self) -> list[Drawn]:
        return [row for row in self.drawn if row.point and row.point.effect == "better"]

    @cached_property
    def failed(self) -> list[Drawn]:
        return [row for row in self.drawn if row.point and row.point.effect != "better"]

    @property
    def funnel(self) -> list[tuple[float, float, int]]:
        """Estimate, standard error and grade of each result, from `FUNNEL_FROM` results on."""
        rows = [(one["estimate"], one["standard_error"], one["grade"]) for one in self.body["results"]]
        return rows if len(rows) >= FUNNEL_FROM else []

    @property
    def without(self) -> list[tuple[str, float, str]]:
        """The mean without each city."""
        return [
            (str(self.cities.get(one["city"], one["city"])), one["change_percent"], interval_words(one["interval"]))
            for one in self.body["without"]
            if "interval" in one
        ]

    @property
    def varied(self) -> list[tuple[float, float, str]]:
        return [
            (one["factor"], one["change_percent"], interval_words(one["interval"]))
            for one in self.body["varied"]
            if "interval" in one
        ]


def _sub(results: Sequence[Result]) -> str:
    years = sorted({result.measured_year for result in results if result.measured_year})
    sample = results[0].sample_size if len(results) == 1 else ""
    if len(results) > 1:
        sample = ngettext("%(n)s result", "%(n)s results", len(results)) % {"n": number(len(results))}
    year = f"{years[0]}–{years[-1]}" if len(years) > 1 else str(years[0]) if years else _("year not stated")
    return ", ".join(part for part in (sample, year) if part)


@dataclass
class Page:
    """Everything on the page of one practice. A fixed number of queries."""

    practice: Practice
    row: Row
    families: list[Family]
    use_cases: list[UseCase]
    reasons: Mapping[int, str]
    lessons: list[Lesson]
    standards: list[StandardUse]

    @property
    def primary(self) -> Family:
        return self.families[0]

    @cached_property
    def lines(self) -> list[tuple[str, float]]:
        """The lines of the grade: sentence and points."""
        lines = self.row.body["certainty"]["lines"]
        return list(zip(line_sentences(lines), [line["points"] for line in lines], strict=True))

    @property
    def grade_explanation(self) -> str:
        return str(CERTAINTY_EXPLANATION[self.row.grade])

    @property
    def links(self) -> list[dict[str, Any]]:
        return [{"use_case": case, "reason": self.reasons[case.pk]} for case in self.use_cases]

    @property
    def unmeasured(self) -> list[UseCase]:
        """Use cases without a result in the primary family."""
        body = self.primary.body
        measured = {one["use_case"] for one in (*body["results"], *body["refused"])}
        return [case for case in self.use_cases if case.slug not in measured]

    @property
    def costs(self) -> list[UseCase]:
        return [case for case in self.use_cases if case.cost_amount is not None]

    @property
    def side_effects(self) -> list[Result]:
        return [one for family in self.families for one in family.results.values() if one.side_effects_note]

    @property
    def mind_changers(self) -> list[str]:
        """What evidence would change the finding, from what is missing now."""
        wishes = []
        lines = {line["sentence"] for line in self.row.body["certainty"]["lines"]}
        if self.row.missing_cities:
            wishes.append(self.row.missing_words)
        if "start-4" not in lines:
            wishes.append(_("A comparison with places where nothing was changed, in the same city and year."))
        if self.primary.any_imputed or not self.primary.body["results"]:
            wishes.append(_("Measured values with their spread and sample."))
        if not self.primary.failed:
            wishes.append(_("A city where it did not work."))
        if "age-old" in lines or "age-unknown" in lines:
            wishes.append(_("A result from the last ten years, with its date."))
        if "indirectness-one-region" in lines:
            wishes.append(_("A result from another region of the world."))
        if "verified" not in lines:
            wishes.append(_("A check by somebody who neither runs nor supplies it."))
        return wishes


def page_of(practice: Practice, evidence: Evidence) -> Page:
    """Put names to the evidence of one practice."""
    body = with_results(evidence.body, practice, rule(evidence.rule_version))
    links = list(practice.implementations.all())
    reasons = {link.use_case_id: link.reason for link in links}
    visible = UseCase.objects.visible_to(None).filter(pk__in=reasons)
    use_cases = list(visible.for_cards().order_by("title", "pk"))
    codes = {code for family in body["families"] for code in family["kpis"]}
    indicators = {kpi.code: kpi for kpi in Kpi.objects.filter(code__in=codes)}
    rows = Result.objects.visible_to(None).filter(use_case__in=use_cases).for_display().order_by("slug")
    results: dict[str, dict[str, Result]] = {}
    for result in rows:
        results.setdefault(result.kpi.code, {})[result.slug] = result
    cities = {case.city.slug: case.city for case in use_cases}
    return Page(
        practice=practice,
        row=Row(practice, body, as_of=evidence.as_of),
        families=[
            Family(
                indicators[one["kpi"]],
                one,
                {slug: row for kpi in one["kpis"] for slug, row in results.get(kpi, {}).items()},
                cities,
                [indicators[code] for code in one["kpis"][1:] if code in indicators],
            )
            for one in body["families"]
            if one["kpi"] in indicators
        ],
        use_cases=use_cases,
        reasons=reasons,
        lessons=list(
            Lesson.objects.filter(use_case__in=use_cases)
            .select_related("use_case__city__country")
            .order_by("use_case__title", "position")
        ),
        standards=list(
            StandardUse.objects.filter(use_case__in=use_cases)
            .select_related("standard", "edition", "use_case")
            .order_by("standard__designation", "pk")
        ),
    )


def newest_evidence(keys: Sequence[int], count: int = 3) -> list[Practice]:
    """Of the practices with these keys, those with the newest results. One query."""
    found = Practice.objects.public().filter(pk__in=keys)
    dated = found.annotate(newest=Max("implementations__use_case__results__measured_year")).filter(newest__isnull=False)
    return list(dated.select_related("primary_kpi", "vertical").order_by("-newest", "name")[:count])
