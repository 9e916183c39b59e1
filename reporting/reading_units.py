"""Reads units and currencies as people write them: `min`, `minutes`, `per 100,000 people`, `µg/m³`, `€`."""

import re
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from functools import cache, lru_cache

from babel import Locale
from babel.numbers import get_territory_currencies
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from alliance.core import units
from alliance.core.units_registry import UnitError, parse_unit
from reporting.entries import NOTHING, EntryError, Read
from reporting.words import alike, is_nothing, shorten

_DRESS = str.maketrans({"²": "**2", "³": "**3", "·": "*", "×": "*", "⋅": "*", "µ": "u", "μ": "u", "٪": "%", "’": ""})
#: What people write -> an expression of the registry; compared as `alike` writes it.
_EVERYDAY = {
    "%": "percent",
    "pct": "percent",
    "per cent": "percent",
    "por ciento": "percent",
    "percentage": "percent",
    "#": "count",
    "no.": "count",
    "number": "count",
    "pcs": "count",
    "pieces": "count",
    "units": "count",
    "numero": "count",
    "people": "person",
    "persons": "person",
    "inhabitants": "person",
    "residents": "person",
    "capita": "person",
    "habitantes": "person",
    "personas": "person",
    "households": "household",
    "vehicles": "vehicle",
    "births": "birth",
    "points": "score",
    "puntos": "score",
    "yes or no": "boolean",
    "yes/no": "boolean",
    "ratio": "dimensionless",
    "index": "dimensionless",
    "min": "minute",
    "mins": "minute",
    "minutos": "minute",
    "hrs": "hour",
    "horas": "hour",
    "sec": "second",
    "secs": "second",
    "segundos": "second",
    "dias": "day",
    "anos": "year",
    "tons": "tonne",
    "tonnes": "tonne",
    "toneladas": "tonne",
    "t": "tonne",
    "litres": "L",
    "liters": "L",
    "litros": "L",
    "m3": "m**3",
    "m2": "m**2",
    "km2": "km**2",
    "sqm": "m**2",
    "sq m": "m**2",
    "degc": "delta_degC",
    "degrees": "delta_degC",
    "celsius": "delta_degC",
    "kmh": "km/hour",
    "kph": "km/hour",
    "mph": "mile/hour",
    "us$": "USD",
    "$": "USD",
    "dollars": "USD",
}
#: What is counted, where something is told per something: `accidents per year`.
_THINGS = frozenset(
    (
        *("accidents", "applications", "boardings", "calls", "cars", "cases", "collisions", "complaints"),
        *("connections", "crashes", "crimes", "deaths", "events", "homicides", "incidents", "passengers", "pickups"),
        *("requests", "rides", "riders", "sensors", "tickets", "times", "trips", "users", "vehicles", "visitors"),
        *(
            "visits",
            "accidentes",
            "casos",
            "delitos",
            "muertes",
            "pasajeros",
            "viajes",
            "vehiculos",
            "veces",
            "visitas",
        ),
    )
)
_PER = re.compile(r"\s*(?:/|\bper\b|\bpor\b|\bcada\b|\ba\b)\s*")
_GROUPS = re.compile(r"(?<=\d)[ ,.'](?=\d{3}(?!\d))")


def unit(text: str) -> Read:
    """An expression that the registry knows. Raises: EntryError."""
    if is_nothing(text) and text != "?":
        return NOTHING
    return Read(_unit(text))


@lru_cache(maxsize=2_000)
def _expression(text: str) -> tuple[str, UnitError | None]:
    """The expression that a text means; what the registry says against it."""
    said = alike(text).strip(" .")
    if known := _words().get(said):
        return known, None
    tries = [text.translate(_DRESS), _assembled(said)]
    fault: UnitError | None = None
    for expression in tries:
        try:
            parse_unit(expression)
        except UnitError as error:
            fault = fault or error
        else:
            return expression, None
    return "", fault


def _unit(text: str) -> str:
    expression, fault = _expression(text)
    if fault is None:
        return expression
    if money := next((code for code in re.findall(r"[A-Z]{3}", text.upper()) if code in current_currencies()), ""):
        raise EntryError(
            "unit-currency",
            _(
                "Amounts in %(currency)s cannot be compared here, because rates change: convert them into USD and tell "
                "the rate in the note, or give only the change in percent."
            )
            % {"currency": money},
        )
    close = get_close_matches(alike(text), list(_words()), n=1, cutoff=0.75)
    sentence = _("“%(unit)s” is no unit that is known here.") % {"unit": shorten(text, 40)}
    if close:
        hint = _("Did you mean “%(unit)s”?") % {"unit": _words()[close[0]]}
    elif fault.hint:
        hint = fault.hint[0].upper() + fault.hint[1:].rstrip(".?") + ("?" if fault.hint.endswith("?") else ".")
    else:
        hint = _("Write a unit such as minute, percent, kWh/year or count/(100000*person).")
    raise EntryError("unit-unknown", f"{sentence} {hint}")


def _assembled(said: str) -> str:
    """`kwh per year`, `accidents per 100,000 people a year` -> an expression, each part by its everyday name."""
    parts = _PER.split(_GROUPS.sub("", said.translate(_DRESS)))
    made = []
    for position, part in enumerate(parts):
        match = re.fullmatch(r"(\d+)?\s*(.*)", part)
        number, name = (match[1], match[2]) if match else ("", part)
        is_thing = not position and len(parts) > 1 and (not name or name in _THINGS)
        expression = "count" if is_thing else _words().get(name) or _cased(name)
        made.append(f"({number}*{expression})" if number and position else expression)
    return "/".join(made)


def _cased(name: str) -> str:
    """A name whose case was lost, as the registry writes it: `kwh` -> `kWh`."""
    return {"kwh": "kWh", "mwh": "MWh", "gwh": "GWh", "wh": "Wh", "gj": "GJ", "mj": "MJ", "l": "L", "usd": "USD"}.get(
        name, name.replace(" ", "_")
    )


@cache
def _words() -> Mapping[str, str]:
    """Words for a unit in any language of the portal, made alike -> its expression."""
    found: dict[str, str] = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            for expression in (*units.FIXED, *units.COUNTED, units.PERCENT, units.BOOLEAN):
                for value in (None, Decimal(1)):
                    if words := alike(units.words_for(expression, value)):
                        found.setdefault(words, expression)
    found |= {alike(text): expression for text, expression in _EVERYDAY.items()}
    return found | {alike(expression): expression for expression in (*units.FIXED, *units.COUNTED)}


#: Signs and words that several currencies have.
_SHARED_SIGNS = {
    "$": ("USD", "COP", "MXN", "CLP", "ARS", "CAD", "AUD"),
    "peso": ("COP", "MXN", "CLP", "ARS", "UYU"),
    "dollar": ("USD", "CAD", "AUD"),
}


# --- currencies ------------------------------------------------------------------------------------------------------
@cache
def current_currencies() -> frozenset[str]:
    """ISO 4217 codes of what is paid with today, anywhere."""
    territories = [code for code in map(str, Locale("en").territories) if len(code) == 2 and code.isalpha()]
    return frozenset(
        code for territory in territories for code in get_territory_currencies(territory, tender=True, non_tender=False)
    )


@cache
def _currency_names() -> Mapping[str, frozenset[str]]:
    """Name or sign of a currency in any language of the portal, made alike -> the codes it may mean."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for language, _name in settings.LANGUAGES:
        locale = Locale.parse(language, sep="-")
        for code in current_currencies():
            for name in filter(None, (locale.currencies.get(code), locale.currency_symbols.get(code))):
                found[alike(name)].add(code)
    for sign, codes in {
        "$": "USD COP MXN CLP ARS CAD AUD",
        "peso": "COP MXN CLP ARS UYU",
        "dollar": "USD CAD AUD",
    }.items():
        found[sign] = set(codes.split())
        found[f"{sign}s"] = set(codes.split())
    return {name: frozenset(codes) for name, codes in found.items()} | {"euros": frozenset(("EUR",))}


def currency(text: str) -> Read:
    """An ISO 4217 code, from its code, its name or its sign. Raises: EntryError."""
    code = alike(text).upper()
    if code in current_currencies():
        return Read(code)
    said = alike(text)
    singular = " ".join(word.removesuffix("s") for word in said.split())
    codes = _currency_names().get(said) or _currency_names().get(singular, frozenset())
    if len(codes) == 1:
        return Read(next(iter(codes)))
    if codes:
        raise EntryError(
            "currency-ambiguous",
            _("“%(text)s” is said of several currencies: write three letters, such as %(codes)s.")
            % {"text": shorten(text, 20), "codes": ", ".join(sorted(codes)[:6])},
        )
    if is_nothing(text):
        return NOTHING
    close = get_close_matches(code, sorted(current_currencies()), n=1, cutoff=0.6) if len(code) == 3 else []
    sentence = _("“%(text)s” is no currency in use.") % {"text": shorten(text, 20)}
    if close:
        hint = _("Did you mean %(code)s?") % {"code": close[0]}
    else:
        hint = _("Write its three letters (ISO 4217), such as EUR, USD or COP.")
    raise EntryError("currency-unknown", f"{sentence} {hint}")
