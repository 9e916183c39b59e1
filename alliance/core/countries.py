"""Countries by their ISO 3166-1 codes, with names from the Unicode CLDR in the reader's language."""

import unicodedata
from functools import cache

from babel import Locale, UnknownLocaleError
from django.utils.translation import get_language

#: Two letters in the CLDR, but no country or area with a code of its own in ISO 3166-1: groups, parts, test codes.
_NO_COUNTRY = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}


@cache
def territories(language: str) -> dict[str, str]:
    """Code -> name of every territory that the CLDR knows."""
    try:
        return dict(Locale.parse(language, sep="-").territories)
    except (UnknownLocaleError, ValueError):
        return dict(Locale("en").territories)


def country_name(code: str, fallback: str = "", language: str | None = None) -> str:
    """The name of an ISO 3166-1 country in `language` (default: the active one); else `fallback`, else the code."""
    return territories(language or get_language() or "en").get(code, fallback or code)


@cache
def _choices(language: str) -> list[tuple[str, str]]:
    names = territories(language)
    codes = (code for code in names if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRY)
    return sorted(((code, names[code]) for code in codes), key=lambda pair: _sorted_as(pair[1]))


def _sorted_as(name: str) -> str:
    """Without accents: Åland stands among the As."""
    return "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))


def country_choices() -> list[tuple[str, str]]:
    """Every country as (code, name), by name in the active language."""
    return _choices(get_language() or "en")
