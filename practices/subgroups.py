"""Does the effect depend on where it was tried? The kept means by region, size of city and design, in words and drawn.

The numbers are those of the evidence (`practices.families`); here they get names, a scale and a sentence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alliance.core.charts import Point, Scale, scale_for
from alliance.core.templatetags.numbers import number
from kpis.measurement import Design
from practices.pages import Page, effect_name, interval_words
from usecases.models import SizeBand

TITLES = {
    "region": gettext_lazy("By region"),
    "size": gettext_lazy("By size of the city"),
    "design": gettext_lazy("By way of comparing"),
}
#: Groups whose means lie so far apart by chance in at most so many of a hundred cases are called different.
SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Group:
    """Cities of one region, size or design; `point` is their mean, None where they are too few."""

    name: str
    cities: int
    missing: int
    point: Point | None

    @property
    def change(self) -> float | None:
        return self.point.change_percent if self.point else None

    @property
    def words(self) -> str:
        """The interval, or what is missing for a mean."""
        if self.point and self.point.interval:
            return interval_words(self.point.interval)
        return ngettext("%(n)s more city is missing", "%(n)s more cities are missing", self.missing) % {
            "n": number(self.missing)
        }

    @property
    def cities_words(self) -> str:
        return ngettext("%(n_text)s city", "%(n_text)s cities", self.cities) % {"n_text": number(self.cities)}


@dataclass(frozen=True)
class Subgroups:
    """The groups of one property."""

    title: str
    groups: Sequence[Group]
    tail: float | None

    @cached_property
    def any_mean(self) -> bool:
        return any(one.point for one in self.groups)

    @cached_property
    def scale(self) -> Scale:
        return scale_for(one.point for one in self.groups if one.point)

    @property
    def words(self) -> str:
        """What the groups tell, in a sentence or two."""
        if len(self.groups) == 1:
            return _("All cities are in one group: %(group)s.") % {"group": self.groups[0].name}
        if self.tail is None:
            told = _(", ").join(f"{one.name} ({one.cities_words})" for one in self.groups)
            return _("Too few cities to compare groups; a mean needs three in each: %(groups)s.") % {"groups": told}
        if self.tail <= SIGNIFICANCE:
            return _("The groups differ by more than chance explains.")
        return _("The groups do not differ by more than chance explains.")


def subgroups_of(page: Page) -> list[Subgroups]:
    """Of the primary effect of a practice, where any city measured it. No query."""
    names = _names(page)
    return [
        Subgroups(
            str(TITLES[key]),
            [_group(names[key].get(one["name"], one["name"]), one) for one in told["groups"]],
            told["q_between_tail"],
        )
        for key, told in page.primary.body.get("subgroups", {}).items()
        if key in TITLES and told["groups"]
    ]


def _names(page: Page) -> dict[str, Mapping[str, str]]:
    regions = {case.city.country.region.slug: str(case.city.country.region) for case in page.use_cases}
    sizes = {value: str(label) for value, label in SizeBand.choices}
    return {"region": regions, "size": sizes, "design": {value: str(label) for value, label in Design.choices}}


def _group(name: str, told: Mapping[str, Any]) -> Group:
    mean = told["pooled"]
    if mean is None:
        return Group(name, told["cities"], told["missing"], None)
    low, high = mean["interval"]
    point = Point(mean["change_percent"], effect_name(mean["estimate"]), 1, (low, high), name=name)
    return Group(name, told["cities"], 0, point)
