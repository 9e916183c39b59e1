"""What one indicator changed, in groups: every known change, and what they add up to.

The page, its picture, its files and `/api/v1/kpis/{code}/distribution/` all read `distribution_of`.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import F, TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alliance.core.charts import Point, Scale, scale_for
from alliance.core.evidence import Effect, Grade
from alliance.core.verticals import VerticalCode
from kpis.expressions import GRADE_OF_DESIGN, Design
from kpis.models import Direction, Kpi, Result
from kpis.standing import effect_of
from kpis.statistics import Summary, summarise
from usecases.models import SizeBand, Stage
from usecases.places import region_name

#: Raised with every change of how the numbers come about.
RULE = "distribution-1"
#: With fewer results only the points are shown.
FEWEST = 3
UNKNOWN = "unknown"

Words = str | Promise


class GroupBy(TextChoices):
    """What the results of an indicator are grouped by."""

    NONE = "all", gettext_lazy("All results together")
    VERTICAL = "vertical", gettext_lazy("Field")
    REGION = "region", gettext_lazy("Region")
    STAGE = "stage", gettext_lazy("Stage of the use case")
    YEAR = "year", gettext_lazy("Year of the result")
    SIZE = "size", gettext_lazy("City size")
    DESIGN = "design", gettext_lazy("How it was compared")


@dataclass(frozen=True)
class Measured:
    """One result with a known change; read by `alliance.core.charts.as_point`.

    Attributes:
        change_percent: as on every page: negative for less.
        effect: the change, read by the direction of the indicator.
    """

    slug: str
    change_percent: float
    effect: str
    grade: int
    use_case: str
    use_case_title: str
    city: str
    city_name: str
    country: str
    year: int | None

    @property
    def name(self) -> str:
        return self.city_name


@dataclass(frozen=True)
class Group:
    """The results of one value of what is grouped by."""

    value: str
    label: Words
    results: Sequence[Measured]
    direction: str

    def __len__(self) -> int:
        return len(self.results)

    @property
    def use_cases(self) -> int:
        return len({one.use_case for one in self.results})

    @property
    def cities(self) -> int:
        return len({one.city for one in self.results})

    @cached_property
    def summary(self) -> Summary | None:
        """Statistics of the changes in percent; None below `FEWEST` results."""
        return summarise([one.change_percent for one in self.results]) if len(self) >= FEWEST else None

    @cached_property
    def points(self) -> list[Point]:
        return [Point(one.change_percent, one.effect, one.grade, name=one.name) for one in self.results]

    def count(self, effect: Effect) -> int | None:
        """How many went that way; `neutral` means unchanged. None where neither way is better."""
        if self.direction == Direction.NONE:
            return None
        return sum(one.effect == effect for one in self.results)

    @property
    def better(self) -> int | None:
        return self.count(Effect.BETTER)

    @property
    def worse(self) -> int | None:
        return self.count(Effect.WORSE)

    @property
    def unchanged(self) -> int | None:
        return self.count(Effect.NEUTRAL)


@dataclass(frozen=True)
class WithoutChange:
    """A result whose relative change is not known, and why."""

    result: Result
    #: Its value from before is zero or below, so that a change in percent has no meaning.
    is_undefined: bool


@dataclass(frozen=True)
class Distribution:
    """All changes of an indicator that a reader may see.

    Attributes:
        whole: all results together; groups: the same results in groups.
        without_change: those that have none, which no statistic counts.
        as_of: when the newest of the counted results was changed; None without any.
    """

    kpi: Kpi
    group_by: GroupBy
    whole: Group
    groups: Sequence[Group]
    without_change: Sequence[WithoutChange]
    as_of: datetime | None

    def __len__(self) -> int:
        return len(self.whole)

    @cached_property
    def scale(self) -> Scale:
        return scale_for(one.change_percent for one in self.whole.results)

    @cached_property
    def inputs_hash(self) -> str:
        """Of the counted results and their changes, whatever their order."""
        lines = sorted(f"{one.slug}:{one.change_percent!r}:{one.effect}" for one in self.whole.results)
        return hashlib.sha256("\n".join([RULE, *lines]).encode()).hexdigest()

    @property
    def undefined(self) -> int:
        return sum(one.is_undefined for one in self.without_change)

    @property
    def has_intervals(self) -> bool:
        return any(group.summary and group.summary.median_interval for group in self.groups)

    @property
    def some_are_few(self) -> bool:
        return any(group.summary is None for group in self.groups)


#: Path in the database of what is grouped by, and the words for a value.
_PATHS: dict[GroupBy, str] = {
    GroupBy.VERTICAL: "use_case__vertical__code",
    GroupBy.REGION: "use_case__city__country__region__slug",
    GroupBy.STAGE: "use_case__stage",
    GroupBy.YEAR: "measured_year",
    GroupBy.SIZE: "use_case__city__size_band",
    GroupBy.DESIGN: "grade",
}
_ORDERED: dict[GroupBy, type[TextChoices]] = {
    GroupBy.STAGE: Stage,
    GroupBy.SIZE: SizeBand,
    GroupBy.DESIGN: Design,
}
_DESIGN_OF_GRADE: dict[int, str] = {int(grade): str(design) for design, grade in GRADE_OF_DESIGN.items()}


def distribution_of(kpi: Kpi, group_by: GroupBy, user: object) -> Distribution:
    """What an indicator changed, as far as the reader may see it. Two queries."""
    visible = Result.objects.visible_to(user).standing().filter(kpi=kpi)
    rows = list(
        visible.filter(change_percent__isnull=False)
        .order_by("change_percent", "pk")
        .values_list(
            "slug",
            "change_percent",
            "grade",
            "use_case__slug",
            "use_case__title",
            "use_case__city__slug",
            "use_case__city__name",
            "use_case__city__country__code",
            "measured_year",
            "updated_at",
            F(_PATHS.get(group_by, "grade")),
            "use_case__city__country__region__name",
        )
    )
    measured: list[Measured] = []
    grouped: dict[str, list[Measured]] = {}
    names: dict[str, Words] = {}
    for slug, change, grade, case, title, city, city_name, country, year, _updated, value, region in rows:
        effect = effect_of(change, kpi).value
        one = Measured(slug, float(change), effect, grade, case, title, city, city_name, country, year)
        key = _key(group_by, value)
        measured.append(one)
        grouped.setdefault(key, []).append(one)
        if group_by == GroupBy.REGION and key not in names:  # a translation a group, not a result
            names[key] = region_name(key, region)
    groups = [Group(key, _label(group_by, key, names), found, kpi.direction) for key, found in grouped.items()]
    missing = (
        visible.filter(change_percent__isnull=True).select_related("kpi", "use_case__city__country").order_by("pk")
    )
    return Distribution(
        kpi=kpi,
        group_by=group_by,
        whole=Group(GroupBy.NONE.value, GroupBy.NONE.label, measured, kpi.direction),
        groups=sorted(groups, key=_order(group_by)),
        without_change=[
            WithoutChange(row, row.baseline_value is not None and row.baseline_value <= 0) for row in missing
        ],
        as_of=max((row[9] for row in rows), default=None),
    )


def _key(group_by: GroupBy, value: Any) -> str:
    if group_by == GroupBy.NONE:
        return GroupBy.NONE.value
    if group_by == GroupBy.DESIGN:
        return _DESIGN_OF_GRADE[Grade(value)]
    return UNKNOWN if value in (None, "") else str(value)


def _label(group_by: GroupBy, key: str, names: dict[str, Words]) -> Words:
    if group_by == GroupBy.NONE:
        return GroupBy.NONE.label
    if group_by == GroupBy.VERTICAL:
        return VerticalCode(key).label
    if group_by in _ORDERED:
        return _ORDERED[group_by](key).label
    if key == UNKNOWN:
        return _("Not stated")
    return names.get(key, key)


def _order(group_by: GroupBy) -> Callable[[Group], tuple]:
    """Years and bands in their own order, others with the most results first; what is not known comes last."""
    if group_by in _ORDERED:
        places = {value: place for place, value in enumerate(_ORDERED[group_by].values)}
        return lambda group: (places[group.value],)
    if group_by == GroupBy.YEAR:
        return lambda group: (group.value == UNKNOWN, group.value)
    return lambda group: (group.value == UNKNOWN, -len(group), str(group.label), group.value)


NUMBERS = ("mean", "median", "lower_quartile", "upper_quartile", "minimum", "maximum")


def group_values(group: Group) -> dict[str, object]:
    """The numbers of a group, flat: what every door gives."""
    summary = group.summary
    found: dict[str, object] = {
        "value": group.value,
        "name": str(group.label),
        "n": len(group),
        "use_cases": group.use_cases,
        "cities": group.cities,
        "improved": group.better,
        "unchanged": group.unchanged,
        "worsened": group.worse,
        **{name: getattr(summary, name) if summary else None for name in NUMBERS},
    }
    for name in ("median_interval", "mean_interval"):
        interval = getattr(summary, name) if summary else None
        found[f"{name}_low"] = interval.low if interval else None
        found[f"{name}_high"] = interval.high if interval else None
    return found


def measured_kpis(user: object) -> Iterable[Kpi]:
    """The indicators with a result that the reader may see, by name. One query."""
    found = Result.objects.visible_to(user).standing().values("kpi")
    return Kpi.objects.filter(pk__in=found).order_by("name", "code", "pk")
