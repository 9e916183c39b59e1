"""Numbers as a reader says them: signed changes, changes in words, measured values with their unit."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.numbers import format_decimal
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, get_language_bidi, pgettext, to_locale
from django.utils.translation import gettext as _

from alliance.core import units

register = template.Library()

MINUS = "\u2212"
#: Keeps a signed number together inside right-to-left text (isolate, left to right ... pop).
ISOLATE, POP = "\u2066", "\u2069"


@lru_cache(maxsize=32)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(to_locale(language))
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en")


def as_decimal(value: Any) -> Decimal | None:
    """The value as an exact decimal; ``None`` for what is no finite number."""
    if value is None or value == "":
        return None
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def rounded(value: Decimal, places: int) -> Decimal:
    """Half up, as people round; trailing zeros go."""
    number = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP).normalize()
    return number + 0  # minus zero becomes zero


def digits(value: Decimal, *, sign: bool = False) -> str:
    """The number in the digits and groups of the current language, with a true minus."""
    return _digits(value, sign, get_language() or "en")


@lru_cache(maxsize=10_000)
def _digits(value: Decimal, sign: bool, language: str) -> str:
    """The same in the current language, which is named to be part of what is remembered: a list page says hundreds of
    numbers, which are the same few."""
    text = format_decimal(abs(value), format="#,##0.##########", locale=_locale(language), numbering_system="latn")
    mark = MINUS if value < 0 else "+" if sign and value > 0 else ""
    return isolated(mark + text) if mark else text


def isolated(text: str) -> str:
    """In right-to-left pages a sign stays before its number."""
    return f"{ISOLATE}{text}{POP}" if get_language_bidi() else text


def percent(value: Decimal, *, sign: bool = False) -> str:
    """A share with its percent sign, at the place where the language has it."""
    return _percent(value, sign, get_language())


@lru_cache(maxsize=10_000)
def _percent(value: Decimal, sign: bool, language: str | None) -> str:
    """The same in the current language, which is named to be part of what is remembered."""
    number = digits(abs(value))
    mark = MINUS if value < 0 else "+" if sign and value > 0 else ""
    # Translators: a number of percent, say 43%. Keep %(number)s.
    text = mark + pgettext("a number of percent", "%(number)s%%") % {"number": number}
    return isolated(text) if mark else text


@register.filter
def signed_percent(value: Any) -> str:
    """Say "−43%", "+10.8%" or "0%"; an empty text when the change is not known."""
    number = as_decimal(value)
    return "" if number is None else percent(rounded(number, 1), sign=True)


def _less(words: str, change: str) -> str:
    values = {"change": change}
    match words:
        case "fewer":
            return _("%(change)s fewer") % values
        case "lower":
            return _("%(change)s lower") % values
        case "shorter":
            return _("%(change)s shorter") % values
        case "slower":
            return _("%(change)s slower") % values
        case "less":
            return _("%(change)s less") % values
    raise ValueError(f"No such word for a fall: {words!r}.")


def _more(words: str, change: str) -> str:
    values = {"change": change}
    match words:
        case "more":
            return _("%(change)s more") % values
        case "longer":
            return _("%(change)s longer") % values
        case "faster":
            return _("%(change)s faster") % values
        case "higher":
            return _("%(change)s higher") % values
    raise ValueError(f"No such word for a rise: {words!r}.")


def _size(change: Decimal) -> Decimal:
    """Of a change in percent, as words say it."""
    return rounded(abs(change), 0 if abs(change) >= 1 else 1)


def is_nothing(change: Decimal) -> bool:
    """Whether words call a change in percent none."""
    return _size(change) == 0


@register.filter
def change_words(value: Any, words: str = "less/higher") -> str:
    """Say "43% less", "11% higher" or "no change"; whole percents from 1 up, one decimal below.

    Args:
        words: the pair for a fall and a rise, such as ``fewer/more``, ``lower/higher`` or ``shorter/longer``.
    Raises: ValueError for a word that is not translated here.
    """
    fall, rise = words.split("/")
    number = as_decimal(value)
    if number is None:
        return ""
    size = _size(number)
    if size == 0:
        return _("no change")
    return _less(fall, percent(size)) if number < 0 else _more(rise, percent(size))


@register.filter
def number(value: Any) -> str:
    """A plain number in the digits of the language: 1234567.5 is "1,234,567.5"."""
    known = as_decimal(value)
    return "" if known is None else digits(known.normalize() + 0)


@register.filter
def measure(value: Any, unit: str = "") -> str:
    """A measured value with its unit in words: "9 minutes", "6.2 per 100,000 people a year", "45%"."""
    known = as_decimal(value)
    if known is None:
        return ""
    if unit == units.PERCENT:
        return percent(known.normalize() + 0)
    if unit == units.BOOLEAN and known in (0, 1):
        return str(units.YES if known else units.NO)
    words = units.words_for(unit, known)
    if not words:
        return digits(known.normalize() + 0)
    # Translators: a measured value and its unit, say "9 minutes".
    return pgettext("a measured value", "%(number)s %(unit)s") % {
        "number": digits(known.normalize() + 0),
        "unit": words,
    }


@register.filter
def unit_words(unit: str) -> str:
    """The unit alone, for a heading: "minutes", "µg/m³"; empty for plain counts."""
    return units.words_for(unit)


@register.simple_tag
def unknown(words: str = "") -> SafeString:
    """What no source states, said in quiet text, never as an empty cell or a zero."""
    return format_html('<span class="quiet">{}</span>', words or _("not stated"))
