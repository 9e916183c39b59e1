"""The choices of the forms of insight, and their fields as HTML: made once while no data change, by each process."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from alliance.core.plain import Kept
from kpis.insight.distribution import measured_kpis
from usecases.models import Region

_SELECTED = " selected>"

#: By stamp of the data and language.
_regions: Kept[dict[str, str]] = Kept(20)
#: By stamp.
_indicators: Kept[dict[str, str]] = Kept(5)
#: Fields without what is chosen, by form, name, stamp and language.
_fields: Kept[SafeString] = Kept(200)


def regions(stamp: str) -> dict[str, str]:
    """Slug -> name, by name. Args: stamp: of the data, read before; empty: looked up now, and not kept."""
    return _kept(
        _regions,
        (stamp, get_language()),
        stamp,
        lambda: {region.slug: str(region) for region in Region.objects.order_by("name")},
    )


def indicators(stamp: str) -> dict[str, str]:
    """Slug -> words of every measured indicator, by name. Args: as of `regions`."""
    return _kept(_indicators, stamp, stamp, lambda: {kpi.slug: f"{kpi.name} ({kpi.code})" for kpi in measured_kpis()})


def _kept(kept: Kept[Any], key: Any, stamp: str, make: Callable[[], Any]) -> Any:
    return kept.get(key, make) if stamp else make()


def field_group(bound: forms.BoundField, stamp: str) -> SafeString:
    """The field as `as_field_group` has it: of one without errors, all but the choice is kept under the stamp."""
    value = "" if bound.value() is None else str(bound.value())
    is_choice = isinstance(bound.field.widget, forms.Select)
    if not stamp or bound.errors or (value and not is_choice):
        return bound.as_field_group()
    key = (type(bound.form), bound.name, stamp, get_language())
    blank = _fields.get(key, lambda: mark_safe(bound.as_field_group().replace(_SELECTED, ">", 1)))  # noqa: S308
    if not is_choice:
        return blank
    option = f'<option value="{escape(value)}"'
    if f"{option}>" in blank:
        return mark_safe(blank.replace(f"{option}>", f"{option}{_SELECTED}", 1))  # noqa: S308
    return bound.as_field_group() if value else blank


def forget() -> None:
    """Look everything up anew: for who takes committed changes back."""
    for kept in (_regions, _indicators, _fields):
        kept.forget()
