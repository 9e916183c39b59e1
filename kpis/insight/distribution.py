"""What one indicator changed, in groups: what the results add up to, and each of them where they are few.

The page, its picture, its files and `/api/v1/kpis/{code}/distribution/` all read `distribution_of`, which groups the
inputs of the aggregates by the rule of the aggregates: a group that is one of their cells has its numbers.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Exists, OuterRef, TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from alliance.core.charts import MOST_DOTS, Scale, scale_for
from alliance.core.evidence import Effect
from alliance.core.templatetags.numbers import as_decimal, rounded, signed_percent
from alliance.core.templatetags.numbers import measure as told_measure
from alliance.core.verticals import VerticalCode
from kpis import aggregate_sql
from kpis.aggregate_models import FEWEST, AggregateInput, Measure
from kpis.insight.grouping import Chosen, GroupBy, Source
from kpis.measurement import GRADE_OF_DESIGN, Design
from kpis.models import Direction, Kpi, Result
from kpis.statistics import summarise
from usecases.models import Region, SizeBand, Stage, Vertical

#: Raised with every change of what is told; how the numbers come about is the rule of the aggregates.
RULE = f"distribution-2/{aggregate_sql.RULE}"
UNKNOWN = "unknown"
#: Dots of all groups together; where there are more, groups of more than `FEW_DOTS` are drawn as columns too.
MOST_DRAWN, FEW_DOTS = 600, 40
#: Results without a value that are listed.
MOST_WITHOUT = 20

Words = str | Promise


@dataclass(frozen=True)
class Measured:
    """One result with a known value.

    Attributes:
        value: of the measure: the change in percent, better is positive; or the value after in the indicator's unit.
        effect: whether it got better.
    The names are empty where only dots are drawn.
    """

    value: float
    effect: str
    grade: int
    slug: str = ""
    year: int | None = None
    use_case: str = ""
    use_case_title: str = ""
    city: str = ""
    city_name: str = ""
    country: str = ""


@dataclass(frozen=True)
class Group:
    """The results of one value of what is grouped by.

    Attributes:
        results, use_cases, cities: as of a cell of the aggregates, whether or not they have a value.
        n: results with a value.
        numbers: statistics, None below `FEWEST`; improved, unchanged, worsened; years; hash of the inputs.
        points: each result with a value, ascending; empty where there are too many to draw: then `columns` count them.
    """

    value: str
    label: Words
    results: int = 0
    n: int = 0
    use_cases: int = 0
    cities: int = 0
    numbers: dict[str, Any] = field(default_factory=dict)
    points: Sequence[Measured] = ()
    columns: Sequence[int] = ()

    def __len__(self) -> int:
        return self.n

    @property
    def is_summarised(self) -> bool:
        return self.n >= FEWEST

    @property
    def has_interval(self) -> bool:
        return self.numbers.get("median_low") is not None


@dataclass(frozen=True)
class Distribution:
    """What is said of an indicator.

    Attributes:
        whole: all chosen results together, without points where they stand in the groups; groups: the same in groups.
        without_value: how many chosen results have no value of the measure, which no statistic counts; undefined: of
            those, the ones whose change starts from zero or below; listed: some of them.
        as_of: when the newest of the chosen results or its use case was changed; None without any.
    """

    kpi: Kpi
    group_by: GroupBy
    measure: Measure
    chosen: Chosen
    scale: Scale
    whole: Group
    groups: Sequence[Group]
    undefined: int
    listed: Sequence["WithoutValue"]
    as_of: datetime | None

    rule = RULE

    def __len__(self) -> int:
        return self.whole.n

    def __bool__(self) -> bool:
        return True  # also without any result

    @property
    def without_value(self) -> int:
        return self.whole.results - self.whole.n

    @property
    def is_change(self) -> bool:
        return self.measure == Measure.CHANGE

    @property
    def is_directed(self) -> bool:
        """Whether better is positive; else a rise is."""
        return self.is_change and self.kpi.direction != Direction.NONE

    @property
    def inputs_hash(self) -> str:
        return str(self.whole.numbers.get("inputs_hash", ""))

    @property
    def has_intervals(self) -> bool:
        return any(group.has_interval for group in self.groups)

    @property
    def some_are_few(self) -> bool:
        return any(0 < group.n < FEWEST for group in self.groups)

    @property
    def drawn(self) -> int:
        """Results that are a dot each."""
        return sum(len(group.points) for group in self.groups)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Of the address of the page and of the API, besides the indicator."""
        told = {"group_by": str(self.group_by), **self.chosen.parameters}
        return told if self.is_change else {**told, "measure": str(self.measure)}

    def tell(self, value: float | None) -> str:
        """A number of this distribution in words."""
        known = as_decimal(value)
        if known is None:
            return ""
        if self.is_change:
            return signed_percent(known)
        places = max(0, 3 - known.adjusted()) if known else 0
        return told_measure(rounded(known, min(places, 12)), self.kpi.unit)


@dataclass(frozen=True)
class WithoutValue:
    """A result without a value of the measure."""

    result: Result
    #: Its value from before is zero or below, so that a change in percent has no meaning.
    is_undefined: bool


_ORDERED: dict[GroupBy, type[TextChoices]] = {
    GroupBy.STAGE: Stage,
    GroupBy.SIZE: SizeBand,
    GroupBy.DESIGN: Design,
}
NUMBERS = ("mean", "median", "lower_quartile", "upper_quartile", "minimum", "maximum")
INTERVALS = {
    "median_interval_low": "median_low",
    "median_interval_high": "median_high",
    "mean_interval_low": "mean_low",
    "mean_interval_high": "mean_high",
}
_COUNTED = ("improved", "unchanged", "worsened", "oldest_year", "newest_year", "inputs_hash")


def distribution_of(
    kpi: Kpi,
    group_by: GroupBy = GroupBy.NONE,
    *,
    measure: Measure = Measure.CHANGE,
    chosen: Chosen | None = None,
    with_names: bool = False,
) -> Distribution:
    """What the published results of an indicator say, as far as the aggregates know of them. At most six queries.

    Args:
        with_names: points say which result they are.
    """
    chosen = chosen or Chosen()
    source = Source.of(kpi, group_by, measure, chosen)
    whole, cells = source.cells()
    for key, row in cells.items():
        _complete(row, source, key)
    if whole:
        _complete(whole, source, None)
    ends = [whole["minimum"], whole["maximum"], *whole["points"]] if whole else []
    scale = scale_for(ends) if measure == Measure.CHANGE else value_scale(ends)
    dotted, crowded = _drawn(cells)
    points = _points(kpi, source, dotted, with_names) if dotted else {}
    columns = source.columns(crowded, scale) if crowded else {}
    names = _names(group_by, cells)
    groups = [
        _group(
            _value(group_by, key, names), _label(group_by, key, names), row, points.get(key, ()), columns.get(key, ())
        )
        for key, row in cells.items()
    ]
    all_points = groups[0].points if not source.by_key and groups else ()
    all_columns = groups[0].columns if not source.by_key and groups else ()
    together = Group(GroupBy.NONE.value, GroupBy.NONE.label)
    if whole:
        together = _group(GroupBy.NONE.value, GroupBy.NONE.label, whole, all_points, all_columns)
    undefined, listed = _without(source) if together.results > together.n else (0, [])
    return Distribution(
        kpi=kpi,
        group_by=group_by,
        measure=measure,
        chosen=chosen,
        scale=scale,
        whole=together,
        groups=sorted(groups, key=_order(group_by)),
        undefined=undefined,
        listed=listed,
        as_of=whole["as_of"] if whole else None,
    )


def value_scale(ends: Iterable[float | None]) -> Scale:
    """A scale from 0 to the farthest value on either side, with round ends."""
    known = [0.0, *(value for value in ends if value is not None)]
    low, high = min(known), max(known)
    if low == high:
        low, high = 0.0, 1.0
    power = 10.0 ** (as_decimal(high - low).adjusted() - 1)  # type: ignore[union-attr]  # both are finite
    step = next(
        s
        for s in (power, 2 * power, 2.5 * power, 5 * power, 10 * power, 20 * power, 50 * power)
        if (high - low) / s <= 4
    )
    first, last = int(low // step), -int(-high // step)
    return Scale(first * step, last * step, tuple(number * step for number in range(first, last + 1)))


def _complete(row: dict[str, Any], source: Source, key: str | None) -> None:
    """The intervals, should the table of sample sizes not reach as far as the newest inputs yet."""
    if row["n"] >= FEWEST and row["mean_low"] is None:
        found = summarise(source.values(key))
        for name in ("median", "mean"):
            interval = getattr(found, f"{name}_interval")
            row[f"{name}_low"], row[f"{name}_high"] = (interval.low, interval.high) if interval else (None, None)


def _drawn(cells: dict[str, dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The keys of the groups whose results are a dot each, and of those whose are counted in columns."""
    small = [row["n"] for row in cells.values() if row["n"] <= MOST_DOTS]
    most = MOST_DOTS if sum(small) <= MOST_DRAWN else FEW_DOTS
    dotted = [key for key, row in cells.items() if 0 < row["n"] <= most]
    return dotted, [key for key, row in cells.items() if row["n"] > most]


def _points(kpi: Kpi, source: Source, keys: Sequence[str], with_names: bool) -> dict[str, list[Measured]]:
    is_directed = source.measure == Measure.CHANGE and kpi.direction != Direction.NONE
    found: dict[str, list[Measured]] = {}
    for key, value, design, *names in source.points(keys, with_names=with_names):
        effect = Effect.NEUTRAL
        if is_directed and value:
            effect = Effect.BETTER if value > 0 else Effect.WORSE
        found.setdefault(key, []).append(Measured(value, effect.value, int(GRADE_OF_DESIGN[design]), *names))
    return found


def _group(value: str, label: Words, row: dict[str, Any], points: Sequence[Measured], columns: Sequence[int]) -> Group:
    numbers = {name: row[name] for name in (*NUMBERS, *INTERVALS.values(), *_COUNTED)}
    return Group(value, label, row["results"], row["n"], row["use_cases"], row["cities"], numbers, points, columns)


def _without(source: Source) -> tuple[int, list[WithoutValue]]:
    undefined, ids = source.without(MOST_WITHOUT)
    rows = Result.objects.filter(pk__in=ids).select_related("kpi", "use_case__city__country").order_by("pk")
    listed = [WithoutValue(row, row.baseline_value is not None and row.baseline_value <= 0) for row in rows]
    return (undefined if source.measure == Measure.CHANGE else 0), listed


# --- names and order of groups ---------------------------------------------------------------------------------------
#: Key -> the value of the group and its words.
Names = dict[str, tuple[str, Words]]


def _names(group_by: GroupBy, keys: Iterable[str]) -> Names:
    """Of fields and regions, which are grouped by their numbers. One query for those."""
    if group_by == GroupBy.VERTICAL:
        rows = Vertical.objects.filter(pk__in=[int(key) for key in keys])
        return {str(row.pk): (row.code, VerticalCode(row.code).label) for row in rows}
    if group_by == GroupBy.REGION:
        regions = Region.objects.filter(pk__in=[int(key) for key in keys])
        return {str(row.pk): (row.slug, str(row)) for row in regions}
    return {}


def _value(group_by: GroupBy, key: str, names: Names) -> str:
    if group_by == GroupBy.NONE:
        return GroupBy.NONE.value
    return names[key][0] if key in names else key or UNKNOWN


def _label(group_by: GroupBy, key: str, names: Names) -> Words:
    if group_by == GroupBy.NONE:
        return GroupBy.NONE.label
    if group_by in _ORDERED and key:
        return _ORDERED[group_by](key).label
    if key in names:
        return names[key][1]
    return key if key and group_by == GroupBy.YEAR else _("Not stated")


def _order(group_by: GroupBy) -> Callable[[Group], tuple]:
    """Years and bands in their own order, others with the most results first; what is not known comes last."""
    if group_by in _ORDERED:
        places = {value: place for place, value in enumerate([*_ORDERED[group_by].values, UNKNOWN])}
        return lambda group: (places[group.value],)
    if group_by == GroupBy.YEAR:
        return lambda group: (group.value == UNKNOWN, group.value)
    return lambda group: (-group.n, str(group.label), group.value)


def group_values(group: Group) -> dict[str, object]:
    """The numbers of a group, flat: what every door gives."""
    return {
        "value": group.value,
        "name": str(group.label),
        **{name: getattr(group, name) for name in ("results", "n", "use_cases", "cities")},
        **{name: group.numbers.get(name) for name in ("improved", "unchanged", "worsened")},
        **{name: group.numbers.get(name) for name in NUMBERS},
        **{name: group.numbers.get(of) for name, of in INTERVALS.items()},
        **{name: group.numbers.get(name) for name in ("oldest_year", "newest_year", "inputs_hash")},
    }


def measured_kpis() -> Iterable[Kpi]:
    """The indicators that results count of, by name. One query."""
    counted = AggregateInput.objects.filter(kpi=OuterRef("pk"))
    return Kpi.objects.filter(Exists(counted)).only("slug", "name", "code").order_by("name", "code", "pk")
