"""The results of use cases as pages show them: the headline of a card, all results of a case, cases side by side.

Each function asks a fixed number of queries for any number of use cases.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db import connection
from django.db.models import BooleanField, Case, Count, F, Model, QuerySet, Value, When, Window
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alliance.core.charts import Scale, scale_for
from alliance.core.evidence import Effect
from alliance.core.keyed import AnyOf, KeyedRows
from alliance.core.templatetags.numbers import number
from alliance.events.reading import sees_all
from kpis.findings import Finding, finding
from kpis.models import Direction, Kpi, Result
from kpis.sureness import Sureness, sureness
from usecases.comparison import LETTERS
from usecases.models import UseCase


def _surest_first(results: QuerySet) -> QuerySet:
    """The surest comparison first, then those with a change that can be drawn, then as the source lists them.

    Not the largest change first: a headline picked by size would promise more than the case holds.
    """
    no_change = Case(When(change_percent=None, then=Value(True)), default=Value(False), output_field=BooleanField())
    return results.annotate(no_change=no_change).order_by("use_case_id", "-grade", "no_change", "pk")


@dataclass(frozen=True)
class Headline:
    """What one case found, on a card: its surest result, and how many results it has."""

    result: Result
    count: int

    @cached_property
    def finding(self) -> Finding:
        return finding(self.result)


class Headlines(Mapping[int, Headline]):
    """Headlines by primary key of the use case; one `scale` for all of them."""

    def __init__(self, headlines: Mapping[int, Headline]):
        self._headlines = headlines

    def __getitem__(self, key: int) -> Headline:
        return self._headlines[key]

    def __iter__(self):
        return iter(self._headlines)

    def __len__(self) -> int:
        return len(self._headlines)

    @cached_property
    def scale(self) -> Scale:
        return scale_for(headline.result.change_percent for headline in self._headlines.values())

    @property
    def has_changes(self) -> bool:
        return any(headline.result.change_percent is not None for headline in self._headlines.values())


def headlines(use_cases: Iterable[UseCase], user) -> Headlines:
    """The surest result of each use case that has one, with what headlines say of it, in one query."""
    keys = [use_case.pk for use_case in use_cases]
    if not keys:
        return Headlines({})
    found = {}
    for count, *values in (_surest if sees_all(user) else _surest_public).of(keys):
        kpi = Kpi.from_db(connection.alias, _OF_KPI, values[len(_OF_RESULT) :])
        result = Result.from_db(connection.alias, _OF_RESULT, values[: len(_OF_RESULT)])
        Result.kpi.field.set_cached_value(result, kpi)
        found[result.use_case_id] = Headline(result, count)
    return Headlines(found)


def _columns(model: type[Model], *names: str) -> list[str]:
    """Columns in the order in which `from_db` takes their values."""
    return [one.attname for one in model._meta.concrete_fields if one.attname in names]


#: What headlines say of a result and of its indicator.
_OF_RESULT = _columns(
    Result, "id", "use_case_id", "kpi_id", "change_percent", "grade", "method", "result_value", "unit"
)
_OF_KPI = _columns(Kpi, "id", "code", "name", "unit", "direction")


def _rows(results: QuerySet) -> QuerySet:
    count = Window(Count("pk"), partition_by=F("use_case_id"))
    surest = _surest_first(results.annotate(in_case=count)).distinct("use_case_id")
    return surest.values_list("in_case", *_OF_RESULT, *(f"kpi__{name}" for name in _OF_KPI))


_surest = KeyedRows(lambda keys: _rows(Result.objects.standing().filter(AnyOf(F("use_case_id"), keys))))
_surest_public = KeyedRows(lambda keys: _rows(Result.objects.visible_to(None).filter(AnyOf(F("use_case_id"), keys))))


@dataclass(frozen=True)
class CaseResults:
    """All results of one use case, the surest first."""

    results: Sequence[Result]

    def __bool__(self) -> bool:
        return bool(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self):
        return iter(self.results)

    @property
    def headline(self) -> Result | None:
        return self.results[0] if self.results else None

    @cached_property
    def finding(self) -> Finding | None:
        return finding(self.results[0]) if self.results else None

    @cached_property
    def drawn(self) -> list[Result]:
        """Those with a change."""
        return [result for result in self.results if result.change_percent is not None]

    @cached_property
    def told(self) -> list[tuple[Result, Finding]]:
        """Those with a value alone, which text says."""
        return [(result, finding(result)) for result in self.results if result.change_percent is None]

    @cached_property
    def scale(self) -> Scale:
        return scale_for(result.change_percent for result in self.drawn)

    @cached_property
    def sureness(self) -> Sureness | None:
        return sureness(self.results) if self.results else None

    @property
    def title(self) -> str:
        """The drawn changes in one sentence: how many went which way."""
        effects = [result.effect for result in self.drawn]
        total, better, worse = len(effects), effects.count(Effect.BETTER), effects.count(Effect.WORSE)
        neither = total - better - worse
        if better == total == 2:
            text = _("Both reported changes are for the better")
        elif worse == total == 2:
            text = _("Both reported changes are for the worse")
        elif better == total:
            text = ngettext(
                "The reported change is for the better", "All %(n)s reported changes are for the better", total
            )
        elif worse == total:
            text = ngettext(
                "The reported change is for the worse", "All %(n)s reported changes are for the worse", total
            )
        elif neither == total:
            text = ngettext("One change is reported", "%(n)s changes are reported", total)
        else:
            changes = ngettext("%(n)s reported change", "%(n)s reported changes", total) % {"n": number(total)}
            parts = [
                (better, ngettext("%(n)s for the better", "%(n)s for the better", better)),
                (worse, ngettext("%(n)s for the worse", "%(n)s for the worse", worse)),
                (neither, ngettext("%(n)s neither", "%(n)s neither", neither)),
            ]
            told = _(", ").join(words % {"n": number(n)} for n, words in parts if n)
            # Translators: "3 reported changes: 2 for the better, 1 for the worse".
            return _("%(changes)s: %(parts)s") % {"changes": changes, "parts": told}
        return text % {"n": number(total)}

    @property
    def subtitle(self) -> str:
        """When the drawn changes were measured and which way is better."""
        years = sorted({result.measured_year for result in self.drawn if result.measured_year})
        directions = {result.kpi.direction for result in self.drawn}
        parts = []
        if len(years) == 1:
            parts.append(_("Change reported for %(year)s.") % {"year": years[0]})
        elif years:
            parts.append(_("Changes reported for %(first)s to %(last)s.") % {"first": years[0], "last": years[-1]})
        else:
            parts.append(_("The year is not stated."))
        if directions == {Direction.DECREASE}:
            parts.append(_("Less is better."))
        elif directions == {Direction.INCREASE}:
            parts.append(_("More is better."))
        return " ".join(parts)

    @property
    def one_direction(self) -> bool:
        """Whether the subtitle says which way is better for all of them, so that no row must."""
        return len({result.kpi.direction for result in self.drawn}) == 1


def case_results(use_case: UseCase, user) -> CaseResults:
    """All results of a use case that the user may see, and those that they supersede, in two queries."""
    visible = Result.objects.visible_to(user).standing().filter(use_case=use_case)
    results = visible.select_related("kpi", "reported_by").prefetch_related("supersedes")
    return CaseResults(list(_surest_first(results)))


def indicators_in_common(use_case: UseCase, others: Iterable[UseCase], user) -> dict[int, list[Kpi]]:
    """By primary key of the other case: the indicators that both measure, in one query."""
    keys = [other.pk for other in others]
    if not keys:
        return {}
    visible = Result.objects.visible_to(user).standing()
    own = visible.filter(use_case=use_case).values("kpi")
    rows = visible.filter(use_case__in=keys, kpi__in=own).select_related("kpi").order_by("kpi__name", "pk")
    found: dict[int, dict[int, Kpi]] = {}
    for row in rows:
        found.setdefault(row.use_case_id, {})[row.kpi_id] = row.kpi
    return {key: list(kpis.values()) for key, kpis in found.items()}


@dataclass(frozen=True)
class ComparedIndicator:
    """One indicator over the compared cases: for each case its surest result, or None."""

    kpi: Kpi
    results: Sequence[Result | None]
    #: How many more results each case has by the same indicator.
    more: Sequence[int]

    @property
    def is_shared(self) -> bool:
        return sum(result is not None for result in self.results) > 1

    @property
    def is_drawn(self) -> bool:
        """Two changes or more: something to compare on one axis."""
        return sum(result is not None and result.change_percent is not None for result in self.results) > 1

    @property
    def lettered(self) -> list[tuple[str, Result | None]]:
        """Each case's result under the letter that stands for the case."""
        return list(zip(LETTERS, self.results, strict=False))

    @property
    def cells(self) -> list[tuple[Result | None, Finding | None, int]]:
        return [
            (result, finding(result) if result else None, more)
            for result, more in zip(self.results, self.more, strict=True)
        ]


@dataclass(frozen=True)
class Comparison:
    """What up to four cases measured, indicator by indicator; those measured by most come first."""

    indicators: Sequence[ComparedIndicator]

    @property
    def drawn(self) -> list[ComparedIndicator]:
        return [indicator for indicator in self.indicators if indicator.is_drawn]

    @cached_property
    def scale(self) -> Scale:
        return scale_for(
            result.change_percent for indicator in self.drawn for result in indicator.results if result is not None
        )


def compare_results(use_cases: Sequence[UseCase], user) -> Comparison:
    """The results of the cases side by side, in one query."""
    keys = [use_case.pk for use_case in use_cases]
    if not keys:
        return Comparison([])
    results = Result.objects.visible_to(user).standing().filter(use_case__in=keys).select_related("kpi")
    kpis: dict[int, Kpi] = {}
    found: dict[int, dict[int, list[Result]]] = {}
    for row in _surest_first(results):
        kpis.setdefault(row.kpi_id, row.kpi)
        found.setdefault(row.kpi_id, {}).setdefault(row.use_case_id, []).append(row)
    indicators = [
        ComparedIndicator(
            kpis[kpi],
            [cases[key][0] if key in cases else None for key in keys],
            [len(cases.get(key, [None])) - 1 for key in keys],
        )
        for kpi, cases in found.items()
    ]
    indicators.sort(key=lambda one: (-sum(result is not None for result in one.results), one.kpi.name, one.kpi.code))
    return Comparison(indicators)
