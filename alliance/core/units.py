"""Units in plain words: what a reader sees where the data say ``count/(100000*person)/year``."""

from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy, pgettext_lazy

Words = str | Promise

#: Units that a number is followed by, whatever the number is. The keys are the expressions of the data.
FIXED: dict[str, Words] = {
    "count": "",
    "dimensionless": "",
    "score": pgettext_lazy("unit", "points"),
    "score_1_7": pgettext_lazy("unit", "on a scale of 1 to 7"),
    "count/year": pgettext_lazy("unit", "a year"),
    "count/month": pgettext_lazy("unit", "a month"),
    "count/week": pgettext_lazy("unit", "a week"),
    "count/day": pgettext_lazy("unit", "a day"),
    "count/L": pgettext_lazy("unit", "per litre"),
    "count/km**2": pgettext_lazy("unit", "per km²"),
    "count/person": pgettext_lazy("unit", "per person"),
    "count/person/year": pgettext_lazy("unit", "per person a year"),
    "count/(1000*person)": pgettext_lazy("unit", "per 1,000 people"),
    "count/(100000*person)": pgettext_lazy("unit", "per 100,000 people"),
    "count/(100000*person)/year": pgettext_lazy("unit", "per 100,000 people a year"),
    "count/(1000*birth)": pgettext_lazy("unit", "per 1,000 births"),
    "count/(100000*birth)": pgettext_lazy("unit", "per 100,000 births"),
    "count/(10000*vehicle)/year": pgettext_lazy("unit", "per 10,000 vehicles a year"),
    "m**2/(100000*person)": pgettext_lazy("unit", "m² per 100,000 people"),
    "hectare/(100000*person)": pgettext_lazy("unit", "hectares per 100,000 people"),
    "km/(100000*person)": pgettext_lazy("unit", "km per 100,000 people"),
    "tonne": pgettext_lazy("unit", "tonnes"),
    "tonne/year": pgettext_lazy("unit", "tonnes a year"),
    "tonne/person/year": pgettext_lazy("unit", "tonnes per person a year"),
    "gram/person/year": pgettext_lazy("unit", "g per person a year"),
    "microgram/m**3": pgettext_lazy("unit", "µg/m³"),
    "delta_degC": pgettext_lazy("unit", "°C"),
    "kWh/year": pgettext_lazy("unit", "kWh a year"),
    "kWh/m**2/year": pgettext_lazy("unit", "kWh per m² a year"),
    "kWh/person/year": pgettext_lazy("unit", "kWh per person a year"),
    "MWh/person/year": pgettext_lazy("unit", "MWh per person a year"),
    "GJ/person/year": pgettext_lazy("unit", "GJ per person a year"),
    "m**3": pgettext_lazy("unit", "m³"),
    "m**3/year": pgettext_lazy("unit", "m³ a year"),
    "L/day": pgettext_lazy("unit", "litres a day"),
    "L/day/person": pgettext_lazy("unit", "litres a day per person"),
    "minute/year": pgettext_lazy("unit", "minutes a year"),
    "day/year": pgettext_lazy("unit", "days a year"),
    "km/hour": pgettext_lazy("unit", "km/h"),
    "km/day": pgettext_lazy("unit", "km a day"),
    "mile/hour": pgettext_lazy("unit", "miles an hour"),
    "USD/year": pgettext_lazy("unit", "USD a year"),
    "USD/km": pgettext_lazy("unit", "USD per km"),
    "CLP/km": pgettext_lazy("unit", "CLP per km"),
}

#: Units whose word bends with the number.
COUNTED: dict[str, Words] = {
    "minute": ngettext_lazy("minute", "minutes", "number"),
    "hour": ngettext_lazy("hour", "hours", "number"),
    "day": ngettext_lazy("day", "days", "number"),
    "year": ngettext_lazy("year", "years", "number"),
    "person": ngettext_lazy("person", "people", "number"),
}

#: Any number that takes the plural of fractions ("1.5 hours") in the languages of the portal.
FRACTION = 100

PERCENT, BOOLEAN = "percent", "boolean"
YES, NO = _("yes"), _("no")


def is_known(unit: str) -> bool:
    """Whether the unit has words here; others are shown as the data write them."""
    return unit in FIXED or unit in COUNTED or unit in (PERCENT, BOOLEAN)


def words_for(unit: str, value: Decimal | None = None) -> str:
    """The words that follow a number, or stand alone in a heading ("minutes", "per 100,000 people a year").

    Args:
        unit: an expression of the data; one without words here is returned as it is.
        value: the number before it; without one the plural.
    """
    if unit in COUNTED:
        number = FRACTION if value is None or value != value.to_integral_value() else int(abs(value))
        return str(COUNTED[unit] % {"number": number})
    if unit == PERCENT:
        return "%"
    if unit == BOOLEAN:
        return str(pgettext_lazy("unit", "yes or no")) if value is None else ""
    return str(FIXED.get(unit, unit))
