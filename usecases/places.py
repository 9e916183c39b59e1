"""Names of countries, from the Unicode CLDR, and of regions, in the reader's language."""

from django.utils.translation import gettext_lazy as _

from alliance.core.countries import country_name as country_name

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


def region_name(slug: str, fallback: str) -> str:
    """The name of a region in the active language; else `fallback`."""
    return str(REGION_NAMES.get(slug, fallback))
