"""Every page leads to itself in the other languages."""

import re

import pytest

PAGES = ["/", "/use-cases/", "/standards/", "/kpis/", "/results/", "/cities/", "/organisations/", "/map/", "/search/"]
PAGES += ["/promises/", "/join/", "/contact/", "/use-cases/sfpark-san-francisco/", "/use-cases/?region=europe"]


@pytest.mark.django_db
@pytest.mark.usefixtures("reference_data")
@pytest.mark.parametrize("path", PAGES)
def test_the_links_to_other_languages_lead_to_the_same_page(client, path):
    page = client.get(path).content.decode()
    for language in ("es", "ar"):
        (link,) = re.findall(rf'<a href="([^"]+)" lang="{language}"', page)
        assert link.replace("&amp;", "&") == f"/{language}{path}"
        assert client.get(link).status_code == 200
