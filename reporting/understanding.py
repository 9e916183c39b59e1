"""How entries were read, told back where they name something that the portal knows."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from kpis.models import Kpi
from reporting.fields import FORMS, Field
from reporting.known import NamedStandard
from reporting.models import Report
from reporting.suggestions import kpi_words, units_of
from usecases.models import City, UseCase

MOST_UNITS = 5


def words_of(value: Any) -> str:
    """What a value is, in a line; empty for plain texts and numbers."""
    match value:
        case City():
            return f"{value.name}, {value.country}"
        case Kpi():
            return f"{value.code} · {kpi_words(value)}"
        case UseCase():
            return f"{value.title}, {value.city.name}"
        case NamedStandard():
            return f"{value.edition or value.standard.designation} · {value.standard.title}"
        case Report():
            return str(value)
    return ""


def understood(kind: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Name of the control -> how its entry was read. Values are those of `Checked`."""
    told: dict[str, str] = {}
    kpi = values.get("kpi")
    if isinstance(kpi, Kpi) and "unit" not in values:
        words = ", ".join(str(one.words) for one in units_of(kpi)[:MOST_UNITS])
        told["unit"] = _("Such as: %(words)s") % {"words": words}
    for one in FORMS[kind].fields:
        if one.is_repeated:
            for i, row in enumerate(values.get(one.name) or []):
                if isinstance(row, Mapping):
                    told |= _told(one.parts, row, f"{one.name}.{i}.")
        else:
            told |= _told((one,), values, "")
    return told


def _told(fields: tuple[Field, ...], values: Mapping[str, Any], prefix: str) -> dict[str, str]:
    words = ((one.name, words_of(values.get(one.name))) for one in fields)
    return {prefix + name: _("Read as: %(words)s") % {"words": text} for name, text in words if text}
