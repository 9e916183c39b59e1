"""Names of countries in the reader's language, from the Unicode CLDR."""

from functools import cache

from babel import Locale, UnknownLocaleError
from django.utils.translation import get_language


@cache
def _territories(language: str) -> dict[str, str]:
    try:
        return dict(Locale.parse(language, sep="-").territories)
    except (UnknownLocaleError, ValueError):
        return dict(Locale("en").territories)


def country_name(code: str, fallback: str = "", language: str | None = None) -> str:
    """The name of an ISO 3166-1 country in `language` (default: the active one); else `fallback`, else the code."""
    return _territories(language or get_language() or "en").get(code, fallback or code)
