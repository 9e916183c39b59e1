"""The structured data of a use case's page, by schema.org. The tag `structured_data` puts it into HTML."""

from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from usecases.citations import PUBLISHER
from usecases.models import UseCase


def is_web_address(text: str) -> bool:
    """Whether a source can be a link: http or https with a host, and nothing that only looks like it."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(one.isspace() for one in text)


def use_case(row: UseCase) -> dict:
    """A use case as a schema.org Article about a City.

    Args:
        row: from `for_documents`; nothing is queried.
    """
    origin = settings.PORTAL_ORIGIN
    with translation.override("en"):
        address, city_address = f"{origin}{row.get_absolute_url()}", f"{origin}{row.city.get_absolute_url()}"
        home, field, country = f"{origin}{reverse('home')}", str(row.vertical), str(row.city.country)
    publisher = {"@type": "Organization", "name": PUBLISHER, "url": home}
    data: dict = {
        "@context": "https://schema.org",
        "@type": "Article",
        "@id": address,
        "url": address,
        "mainEntityOfPage": address,
        "headline": row.title,
        "abstract": row.solution,
        "articleSection": field,
        "inLanguage": "en",
        "version": row.version,
        "dateModified": row.updated_at.isoformat(),
        "author": publisher,
        "publisher": publisher,
        "isPartOf": {"@type": "WebSite", "name": PUBLISHER, "url": home},
        "about": {
            "@type": "City",
            "name": row.city.name,
            "url": city_address,
            "geo": {
                "@type": "GeoCoordinates",
                "latitude": float(row.latitude),
                "longitude": float(row.longitude),
            },
            "containedInPlace": {"@type": "Country", "name": country, "identifier": row.city.country.code},
        },
        "citation": {"@type": "CreativeWork", ("url" if is_web_address(row.source) else "name"): row.source},
    }
    if row.published_at:
        data["datePublished"] = row.published_at.isoformat()
    if row.started_year:
        # ISO 8601: an interval with an open end.
        data["temporalCoverage"] = f"{row.started_year}/{row.ended_year or '..'}"
    if technologies := [technology.name for technology in row.technologies.all()]:
        data["keywords"] = technologies
    if organisations := [one.organisation for one in row.participations.all()]:
        data["contributor"] = [
            {"@type": "Organization", "name": organisation.name}
            | ({"url": organisation.url} if organisation.url else {})
            for organisation in organisations
        ]
    if uses := list(row.standard_uses.all()):
        data["mentions"] = [
            {
                "@type": "CreativeWork",
                "name": use.standard.title,
                "identifier": str(use.edition or use.standard),
                "publisher": {"@type": "Organization", "name": use.standard.body.name},
            }
            for use in uses
        ]
    return data
