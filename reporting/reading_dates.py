"""Dates and years as people write them, with how exactly they tell the time."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from babel import Locale
from babel.dates import format_date
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from reporting.entries import NOTHING, EntryError, Note, Read
from reporting.words import SHEET_ERRORS, alike, clean, is_nothing, shorten
from usecases.models import FIRST_YEAR, LAST_YEAR

_SEPARATED = re.compile(r"(\d{1,4})\s*([./-])\s*(\d{1,2})(?:\s*\2\s*(\d{1,4}))?\.?")
_TIME = re.compile(r"(?:T|\s+)\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s*(?:Z|[+-]\d{2}:?\d{2}))?$")
_WORDS_OF_DATES = frozenset(("de", "del", "of", "the", "den", "في", "st", "nd", "rd", "th"))


class PartialDate(date):
    """A date of which only year and month, or the year, are known: the first day of the time it names.

    Attributes:
        precision: `day`, `month` or `year`.
    """

    precision: str = "day"

    @classmethod
    def of(cls, year: int, month: int | None = None, day: int | None = None) -> "PartialDate":
        made = cls(year, month or 1, day or 1)
        made.precision = "day" if day else "month" if month else "year"
        return made


def read_date(entry: Any) -> Read:
    """A `PartialDate`. Raises: EntryError."""
    if isinstance(entry, datetime | date):
        return Read(_made(entry.year, entry.month, entry.day, str(entry)))
    text = _plain(entry)
    if is_nothing(text):
        return NOTHING
    if text.startswith("#") or alike(text) in SHEET_ERRORS:
        raise EntryError(
            "sheet-error",
            _("The sheet shows the error “%(text)s” here: type the date itself.") % {"text": shorten(text, 20)},
        )
    text = _TIME.sub("", text)
    if re.fullmatch(r"\d{1,2}", text):
        raise _two_digits(text)
    if re.fullmatch(r"\d{4}", text):
        return Read(_made(int(text), None, None, text))
    if match := _SEPARATED.fullmatch(text):
        return _separated(match, text)
    return _in_words(text)


def read_year(entry: Any) -> Read:
    """A year, also out of a date. Raises: EntryError."""
    if isinstance(entry, float) and entry == int(entry):
        entry = int(entry)
    if isinstance(entry, int) and not isinstance(entry, bool):
        entry = str(entry)
    if re.fullmatch(r"\d{1,2}", clean(str(entry))):
        raise _two_digits(clean(str(entry)))
    try:
        read = read_date(entry)
    except EntryError as error:
        if error.code in ("not-a-date", "date-number"):
            raise EntryError(
                "not-a-year",
                _("“%(text)s” is no year: write four digits, such as 2024.") % {"text": shorten(str(entry), 40)},
            ) from error
        raise
    return Read(None if read.value is None else read.value.year)


def _plain(entry: Any) -> str:
    return "".join(str(unicodedata.decimal(letter, letter)) for letter in clean(str(entry)))


def _made(year: int, month: int | None, day: int | None, text: str) -> PartialDate:
    """Raises: EntryError for a day that there is not."""
    if year < 100:
        raise _two_digits(text)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise EntryError(
            "year-out-of-range",
            _("%(year)s is out of range: years run from %(first)s to %(last)s.")
            % {"year": year, "first": FIRST_YEAR, "last": LAST_YEAR},
        )
    try:
        return PartialDate.of(year, month, day)
    except ValueError as error:
        raise EntryError(
            "no-such-day",
            _("There is no day “%(text)s”: check month and day; 2024-03-05 is 5 March.") % {"text": shorten(text, 40)},
        ) from error


def _separated(match: re.Match[str], text: str) -> Read:
    first, mark, second, third = match.groups()
    if len(first) == 4:  # 2024-03-05, 2024/3
        return Read(_made(int(first), int(second), int(third) if third else None, text))
    if third is None:
        raise _no_date(text)
    if len(first) > 2:
        raise _no_date(text)
    if len(third) < 4:
        raise _two_digits(text)
    one, other, year = int(first), int(second), int(third)
    if mark == "." or one > 12 or one == other:
        return Read(_made(year, other, one, text))
    if other > 12:
        return Read(_made(year, one, other, text))
    day_first, month_first = _made(year, other, one, text), _made(year, one, other, text)
    question = _("“%(text)s” was read as %(taken)s. Is that right? If you mean %(other)s, write %(iso)s.") % {
        "text": shorten(text, 20),
        "taken": _long(day_first),
        "other": _long(month_first),
        "iso": month_first.isoformat(),
    }
    return Read(day_first, (Note("ambiguous-date", question),))


def _in_words(text: str) -> Read:
    """`March 2024`, `5 de marzo de 2024`, `Mar 5, 2024`, `03/2024`."""
    if match := re.fullmatch(r"(\d{1,2})\s*[/.-]\s*(\d{4})", text):
        return Read(_made(int(match[2]), int(match[1]), None, text))
    months = [month for word in re.findall(r"[^\W\d]+", alike(text)) if (month := _months().get(word))]
    numbers = [int(found) for found in re.findall(r"\d+", text)]
    others = [
        word for word in re.findall(r"[^\W\d]+", alike(text)) if word not in _months() and word not in _WORDS_OF_DATES
    ]
    years = [found for found in numbers if found > 31]
    days = [found for found in numbers if found <= 31]
    if len(months) == 1 and not others and not years and len(days) == 2:
        raise _two_digits(text)
    if len(months) != 1 or others or len(years) > 1 or len(days) > 1:
        raise _no_date(text)
    if not years:
        raise EntryError("no-year", _("“%(text)s”: add the year, with four digits.") % {"text": shorten(text, 40)})
    return Read(_made(years[0], months[0], days[0] if days else None, text))


def _two_digits(text: str) -> EntryError:
    message = _("“%(text)s”: write the year with its four digits.")
    return EntryError("two-digit-year", message % {"text": shorten(text, 40)})


def _no_date(text: str) -> EntryError:
    if re.fullmatch(r"\d{5}(?:\.\d+)?", text):
        return EntryError(
            "date-number",
            _("“%(text)s” is how a sheet counts days: set the format of the column to date, or write 2024-03-05.")
            % {"text": text},
        )
    return EntryError(
        "not-a-date",
        _("“%(text)s” is no date: write year, month and day as 2024-03-05, or the year alone.")
        % {"text": shorten(text, 40)},
    )


@cache
def _months() -> Mapping[str, int]:
    """Name of a month in any language of the portal, long or short -> its number."""
    found: dict[str, int] = {}
    for language, _name in settings.LANGUAGES:
        locale = Locale.parse(language, sep="-")
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in locale.months[context][width].items():
                    found.setdefault(alike(name).rstrip("."), number)
    return found | {"sept": 9, "setiembre": 9}


def _long(day: date) -> str:
    """A date in the reader's language, its month in words."""
    return format_date(day, format="long", locale=Locale.parse(get_language() or "en", sep="-"))
