"""Names of countries, from the Unicode CLDR, and of regions, in the reader's language."""

from functools import cache

from babel import Locale, UnknownLocaleError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

#: Regions of the United Nations SDG grouping, by their slug.
REGION_NAMES: dict[str, object] = {
    "australia-and-new-zealand": _("Australia and New Zealand"),
    "central-and-southern-asia": _("Central and Southern Asia"),
    "eastern-and-south-eastern-asia": _("Eastern and South-Eastern Asia"),
    "europe": _("Europe"),
    "latin-america-and-the-caribbean": _("Latin America and the Caribbean"),
    "northern-africa-and-western-asia": _("Northern Africa and Western Asia"),
    "northern-america": _("Northern America"),
    "oceania": _("Oceania"),
    "sub-saharan-africa": _("Sub-Saharan Africa"),
}


@cache
def _territories(language: str) -> dict[str, str]:
    try:
        return dict(Locale.parse(language, sep="-").territories)
    except (UnknownLocaleError, ValueError):
        return dict(Locale("en").territories)


def country_name(code: str, fallback: str = "", language: str | None = None) -> str:
    """The name of an ISO 3166-1 country in `language` (default: the active one); else `fallback`, else the code."""
    return _territories(language or get_language() or "en").get(code, fallback or code)


def region_name(slug: str, fallback: str) -> str:
    """The name of a region in the active language; else `fallback`."""
    return str(REGION_NAMES.get(slug, fallback))
