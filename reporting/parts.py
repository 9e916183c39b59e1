"""Before and after, out of their parts: for indicators that have a formula, a member may type what it divides."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alliance.core.fields import decimal_text
from alliance.core.units_registry import UnitError, convert
from kpis.formulas import FormulaError, calculate, has_formula
from kpis.models import Kpi
from reporting.entries import EntryError
from reporting.fields import RESULT
from reporting.reading_numbers import number

#: As values are kept.
DECIMAL_PLACES = 6
#: What can be calculated, and its two parts.
VALUES = ("baseline_value", "result_value")
PARTS = ("numerator", "denominator")
#: In front of the names of their controls, as in `parts.baseline_value.numerator`.
PREFIX = "parts."
#: Two parts with a stroke between, as a sheet or a program writes them.
_QUOTIENT = re.compile(r"\s*(?P<numerator>[^/]*\d[^/]*?)\s*[/÷∕]\s*(?P<denominator>[^/]*\d[^/]*?)\s*")
#: Of the errors of a value that is written as its parts.
CODES = ("not-calculable", "unit-of-parts")
#: The button that calculates.
ACTION = "calculate"


@dataclass(frozen=True)
class Part:
    """One control: its name, its label, and what was typed."""

    name: str
    label: str | Promise
    value: str

    @property
    def id(self) -> str:
        return "id_" + self.name.replace(".", "-")


@dataclass(frozen=True)
class Outcome:
    """What the typed parts give.

    Attributes:
        entries: field -> text, as if it had been typed; the unit of the indicator among them.
        problems: why there is no value, one sentence each.
    """

    entries: dict[str, str] = attribute(default_factory=dict)
    problems: list[str] = attribute(default_factory=list)


def controls(kpi: Kpi | None, data: Mapping[str, Any]) -> list[tuple[Any, list[Part]]]:
    """Label of a value, and the controls of its two parts; none where the indicator has no formula.

    Args:
        kpi: None while none is chosen: the parts have general names then.
        data: what was typed.
    """
    if kpi is not None and not has_formula(kpi):
        return []
    labels = {"numerator": gettext_lazy("Numerator"), "denominator": gettext_lazy("Denominator")}
    if kpi is not None:
        labels = {name: getattr(kpi, name) for name in PARTS}
    return [
        (
            RESULT[value].label,
            [Part(_name(value, part), labels[part], data.get(_name(value, part), "")) for part in PARTS],
        )
        for value in VALUES
    ]


def outcome(kpi: Kpi | None, unit: str | None, data: QueryDict) -> Outcome:
    """Calculate what can be calculated; a value of which no part is typed is left alone.

    Args:
        unit: in which the values are typed: what is calculated is converted into it. None: that of the indicator.
    """
    given = {value: [data.get(_name(value, part), "").strip() for part in PARTS] for value in VALUES}
    given = {value: texts for value, texts in given.items() if any(texts)}
    if not given:
        return Outcome(problems=[_("Type the two parts of a value before you calculate it.")])
    if kpi is None:
        return Outcome(problems=[_("Choose the indicator first: its formula says what is divided.")])
    found = Outcome()
    for value, texts in given.items():
        label = RESULT[value].label
        try:
            above, below = (number(text).value for text in texts)
            if above is None or below is None:
                raise FormulaError("", "required", _("Give both parts."))
            calculated = convert(calculate(kpi, above, below).value, kpi.unit, unit or kpi.unit)
            found.entries[value] = decimal_text(calculated, DECIMAL_PLACES)
            found.entries["unit"] = unit or kpi.unit
        except (EntryError, FormulaError, UnitError) as error:
            found.problems.append(f"{label}: {error}")
    return found


def of_quotient(kpi: Kpi, unit: str | None, entry: str) -> str:
    """What is written as `41200 / 52000`, calculated by the formula of the indicator; else the entry as it is.

    Args:
        unit: as for `outcome`.
    Raises: EntryError with one of `CODES`.
    """
    if not has_formula(kpi) or (match := _QUOTIENT.fullmatch(entry)) is None:
        return entry
    try:
        above, below = (number(match[part]) for part in PARTS)
        for note in (*above.notes, *below.notes):  # such as whether 1,234 has a fraction: a value could be asked about
            raise EntryError("not-calculable", note.message)
        if above.value is None or below.value is None:
            raise FormulaError("", "required", _("Give both parts."))
        calculated = convert(calculate(kpi, above.value, below.value).value, kpi.unit, unit or kpi.unit)
    except (EntryError, FormulaError) as error:
        raise EntryError("not-calculable", str(error)) from error
    except UnitError as error:
        raise EntryError("unit-of-parts", str(error)) from error
    return decimal_text(calculated, DECIMAL_PLACES)


def _name(value: str, part: str) -> str:
    return f"{PREFIX}{value}.{part}"
