"""What a typed text may mean: lists that help while typing, and choices where a text is not clear."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.functional import Promise

from alliance.core import units
from alliance.core.units_registry import UnitError, compatible
from alliance.members.models import Organisation
from kpis.models import Kpi
from reporting.fields import Type
from reporting.kpi_search import search_kpis
from reporting.models import Kind, Report
from standards.models import Standard
from usecases.models import City, UseCase

MOST = 8


@dataclass(frozen=True)
class Suggestion:
    """A text that can be read without doubt, with words that say what it is."""

    value: str
    words: str | Promise


def _cities(text: str, user: Any) -> list[Suggestion]:
    name, _comma, country = text.partition(",")
    rows = City.objects.filter(name__icontains=name.strip()).select_related("country").order_by("name", "pk")
    if country.strip():
        rows = rows.filter(Q(country__name__icontains=country.strip()) | Q(country__code__iexact=country.strip()))
    return [Suggestion(f"{city.name}, {city.country.name}", "") for city in rows[:MOST]]


def _kpis(text: str, user: Any) -> list[Suggestion]:
    return [Suggestion(kpi.code, kpi_words(kpi)) for kpi in search_kpis(text)[:MOST]]


def kpi_words(kpi: Kpi) -> str:
    """ "Travel time on defined trips · minutes · Less is better"."""
    parts = (kpi.name, units.words_for(kpi.unit), kpi.get_direction_display())
    return " · ".join(str(part) for part in parts if part)


def _use_cases(text: str, user: Any) -> list[Suggestion]:
    rows = UseCase.objects.visible_to(None).filter(Q(title__icontains=text) | Q(slug=text)).select_related("city")
    found = [Suggestion(row.slug, f"{row.title}, {row.city.name}") for row in rows.order_by("title", "pk")[:MOST]]
    own = Report.objects.visible_to(user).filter(kind=Kind.USE_CASE, use_case=None, entries__title__icontains=text)
    return [Suggestion(row.key, str(row)) for row in own[:MOST]] + found


def _standards(text: str, user: Any) -> list[Suggestion]:
    rows = Standard.objects.filter(Q(designation__icontains=text) | Q(title__icontains=text))
    return [Suggestion(row.designation, row.title) for row in rows.order_by("designation", "pk")[:MOST]]


def _organisations(text: str, user: Any) -> list[Suggestion]:
    rows = Organisation.objects.filter(name__icontains=text).order_by("name", "pk")
    return [Suggestion(row.name, row.get_kind_display()) for row in rows[:MOST]]


_LISTS = {
    Type.CITY: _cities,
    Type.KPI: _kpis,
    Type.USE_CASE: _use_cases,
    Type.STANDARD: _standards,
    Type.ORGANISATION: _organisations,
}
#: The types of fields that have a list.
LISTED = frozenset(_LISTS)


def suggest(kind: Type, text: str, user: Any) -> list[Suggestion]:
    """What a text may mean, the likeliest first; nothing for an empty one. One query, for use cases two."""
    return _LISTS[kind](text.strip(), user) if text.strip() else []


def units_of(kpi: Kpi) -> list[Suggestion]:
    """The units that values of an indicator can be given in, its own first."""
    found = [Suggestion(kpi.unit, units.words_for(kpi.unit) or kpi.unit)]
    for unit in [*units.COUNTED, *units.FIXED]:
        try:
            fits = unit != kpi.unit and compatible(unit, kpi.unit)
        except UnitError:
            continue
        if fits:
            found.append(Suggestion(unit, units.words_for(unit) or unit))
    return found
