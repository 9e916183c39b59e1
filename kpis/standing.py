"""Where one change stands among all published results of its indicator, and whom to ask about it.

The page of an indicator, the page on which a member sends a result, and what is made of both later take their numbers
from `known_changes`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from statistics import median

from django.db.models import QuerySet

from alliance.core.charts import Point, Scale, scale_for
from alliance.core.evidence import Effect
from kpis.models import Direction, Kpi, Result
from usecases.models import City, SizeBand

MOST_ASKED = 3


def change_percent(baseline: Decimal | None, result: Decimal | None, reported: Decimal | None = None) -> Decimal | None:
    """Relative change in percent, as `kpis.models.change_percent_expression` has the database compute it."""
    if reported is not None:
        return reported
    if baseline is None or result is None or baseline <= 0:
        return None
    return (result - baseline) * 100 / baseline


def effect_of(change: Decimal | float | None, kpi: Kpi) -> Effect:
    """Better, worse or neutral: the sign of a change read by the indicator's direction."""
    if change is None or change == 0 or kpi.direction == Direction.NONE:
        return Effect.NEUTRAL
    return Effect.BETTER if (change > 0) == (kpi.direction == Direction.INCREASE) else Effect.WORSE


def known_changes(results: QuerySet[Result]) -> QuerySet[Result]:
    """Those of the results that have a known change, in the order in which they are drawn."""
    return results.filter(change_percent__isnull=False).order_by("pk")


@dataclass(frozen=True)
class Changes:
    """All known changes of one indicator that a reader may see."""

    results: Sequence[Result]
    kpi: Kpi

    def __len__(self) -> int:
        return len(self.results)

    @cached_property
    def values(self) -> list[Decimal]:
        """In percent, from the largest fall to the largest rise."""
        return sorted(result.change_percent for result in self.results)

    @property
    def cities(self) -> int:
        return len({result.use_case.city_id for result in self.results})

    @property
    def median(self) -> Decimal | None:
        return median(self.values) if self.values else None

    @cached_property
    def points(self) -> list[Point]:
        return [
            Point(
                float(r.change_percent), effect_of(r.change_percent, self.kpi).value, r.grade, name=str(r.use_case.city)
            )
            for r in self.results
        ]


def changes_of(kpi: Kpi, user: object) -> Changes:
    """What the published results of an indicator changed. One query."""
    rows = known_changes(Result.objects.visible_to(user).standing().filter(kpi=kpi))
    return Changes(list(rows.select_related("kpi", "use_case__city__country")), kpi)


@dataclass(frozen=True)
class Standing:
    """One change among others.

    Attributes:
        change: in percent; None when it is not known.
        others: without the result itself, should it be among them.
        asked: two or three results of other cities, of those most like the member's.
    """

    kpi: Kpi
    change: Decimal | None
    others: Changes
    asked: Sequence[Result]

    @property
    def effect(self) -> Effect:
        return effect_of(self.change, self.kpi)

    @cached_property
    def scale(self) -> Scale:
        return scale_for([*self.others.values, self.change])

    @property
    def less(self) -> int:
        """How many of the others lie lower: a larger fall, or a smaller rise."""
        return sum(self.change is not None and value < self.change for value in self.others.values)

    @property
    def equal(self) -> int:
        return sum(value == self.change for value in self.others.values)

    @property
    def more(self) -> int:
        return 0 if self.change is None else len(self.others) - self.less - self.equal

    @property
    def rows(self) -> list[Result]:
        """The others from the largest fall to the largest rise."""
        return sorted(self.others.results, key=lambda result: (result.change_percent, result.pk))


def standing(
    *, kpi: Kpi, change: Decimal | None, city: City | None, user: object, besides: Result | None = None
) -> Standing:
    """Put a change among the known ones. One query.

    Args:
        city: of the use case that is reported; with its country loaded.
        besides: the published result that this one is to correct.
    """
    everything = changes_of(kpi, user)
    own = besides.pk if besides else None
    others = Changes([result for result in everything.results if result.pk != own], kpi)
    return Standing(kpi, change, others, whom_to_ask(others.results, city))


def whom_to_ask(results: Sequence[Result], city: City | None) -> list[Result]:
    """The results of two or three other cities that are most like the given one: same region, similar size, then the
    surest; one a city."""
    bands = SizeBand.values

    def unlikeness(result: Result) -> tuple:
        other = result.use_case.city
        if city is None:
            return (0, 0, -result.grade, result.pk)
        bands_apart = abs(bands.index(other.size_band) - bands.index(city.size_band))
        unknown = SizeBand.UNKNOWN in (other.size_band, city.size_band)
        elsewhere = other.country.region_id != city.country.region_id
        return (elsewhere + (len(bands) if unknown else bands_apart), elsewhere, -result.grade, result.pk)

    asked: dict[int, Result] = {}
    for result in sorted(results, key=unlikeness):
        if city is None or result.use_case.city_id != city.pk:
            asked.setdefault(result.use_case.city_id, result)
    return list(asked.values())[:MOST_ASKED]
