"""The one-page brief for a council: what it says, in which language, on how many pages, for whom."""

import re

import pytest
from django.core.cache import cache
from django.utils import translation

from practices import brief, pages, upkeep
from practices.models import FormerAddress
from tests.practices import recipes

pytestmark = pytest.mark.django_db


def pages_in(pdf: bytes) -> int:
    """From the root of the tree of pages."""
    return max(int(count) for count in re.findall(rb"/Type\s*/Pages\b.*?/Count (\d+)", pdf, re.DOTALL))


def told(practice, language="en"):
    with translation.override(language):
        return brief.facts_of(pages.page_of(practice, practice.evidence), practice.evidence, "https://x.example/p/")


@pytest.fixture
def practice():
    row = recipes.practice(
        [-50, -40, -45], name="Paint it black", conditions="Paint.", risks="It may rain.", cost_note="5 a house."
    )
    upkeep.rebuild()
    return row


def test_it_says_what_a_council_asks(practice):
    facts = told(practice)
    assert facts["facts"][0][0] == "45% less"
    assert facts["facts"][0][2]["text"].startswith("95% interval")
    assert facts["facts"][1][0] == "Very low certainty"
    assert facts["facts"][2][0] == "3 cities"
    assert len(facts["cities"]) == 4
    assert sum(float(points.replace("\u2212", "-")) for _sentence, points in facts["lines"]) == pytest.approx(
        float(facts["total"][1])
    )
    sections = {one["title"]: [item["text"] for item in one["items"]] for one in facts["sections"]}
    assert sections["Cost"] == ["5 a house."]
    assert sections["What can go wrong"] == ["It may rain."]
    assert sections["Conditions of success"] == ["Paint."]
    assert sections["Standards that its cases rely on"]
    assert len(sections["What would change our mind"]) > 1
    assert practice.evidence.rule_version in facts["as_of"]
    assert facts["address"] == "https://x.example/p/"


@pytest.mark.parametrize("language", ["en", "es", "ar"])
def test_it_is_one_accessible_page_in_the_readers_language(client, practice, language):
    prefix = "" if language == "en" else f"/{language}"
    address = f"{prefix}/practices/{practice.slug}/brief.pdf"
    response = client.get(address)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/pdf"
    assert pages_in(response.content) == 1
    assert b"pdfuaid" in response.content
    assert f"/Lang({language})".encode() in response.content
    facts = told(practice, language)
    assert facts["dir"] == ("rtl" if language == "ar" else "ltr")
    assert (facts["facts"][1][0] == "Very low certainty") == (language == "en")
    assert response.content == client.get(address).content


@pytest.mark.parametrize(
    "words", ["Long words of somebody. ", "كلمات طويلة من شخص ما. ", "W" * 90 + " ", "#let [x] $y$ "]
)
def test_the_longest_texts_still_make_one_page_and_are_never_source(words):
    text = words * 200
    row = recipes.practice(
        range(-60, -30), name=(words * 9)[:160], summary=text, mechanism=text, conditions=text, risks=text,
        cost_note=text, harm_confirmed=text,
    )  # fmt: skip
    upkeep.rebuild()
    for language in ("en", "ar"):
        with translation.override(language):
            page = pages.page_of(row, row.evidence)
            assert pages_in(brief.pdf_of(page, row.evidence, "https://x.example/" + "p" * 60)) == 1


def test_a_practice_without_results_has_a_brief_that_says_so(client):
    row = recipes.practice([])
    upkeep.rebuild()
    assert told(row)["facts"][0][0] == "No mean yet"
    assert told(row)["cities"] == []
    assert pages_in(client.get(f"{row.get_absolute_url()}brief.pdf").content) == 1


def test_only_what_may_be_seen_has_a_brief_and_a_former_address_leads_to_it(client, practice):
    FormerAddress.objects.create(slug="what-it-was", practice=practice)
    moved = client.get("/practices/what-it-was/brief.pdf")
    assert (moved.status_code, moved["Location"]) == (301, f"{practice.get_absolute_url()}brief.pdf")
    assert client.get("/practices/none/brief.pdf").status_code == 404
    type(practice).objects.filter(pk=practice.pk).update(state="withdrawn")
    assert client.get(f"{practice.get_absolute_url()}brief.pdf").status_code == 404


def test_the_page_leads_to_it_and_who_asks_too_often_waits(client, practice, settings):
    address = f"{practice.get_absolute_url()}brief.pdf"
    assert f'href="{address}"' in client.get(practice.get_absolute_url()).content.decode()
    cache.clear()
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"client": "2/hour"}}
    answers = [client.get(address).status_code for _ in range(3)]
    assert answers == [200, 200, 429]
