"""What an organisation reports is invisible to everybody else until it is accepted, at every address."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from alliance.api import RESOURCES
from alliance.events.facet_api import FacetCounts
from alliance.events.log import logged_models
from reporting import reviewing, services
from reporting.attaching import attach
from reporting.duplicates import suspects
from reporting.models import Report
from reporting.suggestions import LISTED
from tests.reporting import recipes
from tests.reporting.test_attachments import PDF

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]

#: In every text of the reports; nowhere else in the portal.
WORD = "Quxelwamp"


@pytest.fixture
def reports(settings, tmp_path) -> list[Report]:
    """A draft, and a report under review with a comment, a file and an answer; all speak the word."""
    settings.MEDIA_ROOT = tmp_path
    author = recipes.member()
    told = {
        "title": f"{WORD} bins",
        "problem": f"{WORD} overflowed at weekends everywhere.",
        "technologies": f"{WORD} sensors",
        "organisations": [{"organisation": f"{WORD} Ltd", "role": "supplier"}],
        "lessons": [{"advice": f"Ask {WORD} first."}],
    }
    draft = recipes.use_case_report(author=author, **told)
    attach(report=draft, actor=author, content=PDF, name=f"{WORD}.pdf")
    sent = recipes.use_case_report(author=author, **{**told, "title": f"{WORD} trams", "city": "Bogotá"})
    attach(report=sent, actor=author, content=PDF, name=f"{WORD}.pdf", description=WORD)
    sent = recipes.submitted(sent, answer=f"{WORD}, really.")
    reviewing.comment(report=sent, actor=author, field="title", text=f"{WORD} says hello.")
    result = recipes.submitted(recipes.result_report(author=author, note=f"{WORD} was there."), answer=WORD)
    return [draft, sent, result]


def readers() -> list[tuple[str, Client]]:
    visitor, member = Client(), Client()
    member.force_login(recipes.member())
    return [("visitor", visitor), ("member of another organisation", member)]


def addresses(reports: list[Report]) -> list[str]:
    """Pages and addresses of the API where records, counts, suggestions and histories stand."""
    pages = ["home", "search", "map", "usecases:list", "standards:list", "kpis:list", "results:list", "cities:list"]
    pages += ["organisations:list", "promises:list"]
    found = [reverse(name) for name in pages]
    found += [f"{reverse(name)}?q={WORD}" for name in pages[1:-1]]
    found += [reverse("organisations:detail", args=[reports[0].organisation.slug])]
    found += [reverse("cities:detail", args=["medellin-co"]), reverse("usecases:detail", args=["surtrac-pittsburgh"])]
    for resource in RESOURCES:
        name = resource.url_name
        found.append(reverse(f"api:{name}-list"))
        if issubclass(resource, FacetCounts):
            found.append(reverse(f"api:{name}-facets"))
        if "q" in resource.filterset_class.base_filters:
            found.append(f"{reverse(f'api:{name}-list')}?q={WORD}")
        found += [reverse(f"api:{name}-export", args=[ending]) for ending in resource.formats() if ending in TEXTS]
    return found


#: Exports that can be searched as they are.
TEXTS = ("csv", "ndjson", "geojson", "json")


def content(answer) -> str:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return body.decode(errors="replace")


@pytest.mark.parametrize("who", [0, 1], ids=["visitor", "member"])
def test_no_address_tells_of_them(who, reports):
    name, client = readers()[who]
    asked = 0
    for address in addresses(reports):
        answer = client.get(address)
        assert answer.status_code in (200, 404), address
        # An address that was searched with the word may repeat it, but names no record.
        text = content(answer).replace(f"?q={WORD}", "").replace(f"q={WORD}", "")
        allowed = {f'value="{WORD}"', f"“{WORD}”", f">{WORD}<"} if f"q={WORD}" in address else set()
        for repeated in allowed:
            text = text.replace(repeated, "")
        for secret in (
            f"{WORD} bins",
            f"{WORD} trams",
            f"{WORD} Ltd",
            f"{WORD} sensors",
            f"{WORD} over",
            f"{WORD} says",
        ):
            assert secret not in text, (name, address)
        for report in reports:
            assert report.key not in text, (name, address)
        asked += answer.status_code == 200
    assert asked > 40


@pytest.mark.parametrize("who", [0, 1], ids=["visitor", "member"])
def test_their_own_addresses_are_not_there(who, reports):
    _name, client = readers()[who]
    for report in reports:
        for name in ("reporting:report", "reporting:submit", "review:report"):
            assert client.get(reverse(name, args=[report.key])).status_code in (302, 403, 404)
        assert client.get(reverse("api:report-detail", args=[report.key])).status_code in (401, 403, 404)
        for file in report.attachments.all():
            assert client.get(reverse("file", args=[file.key, file.name])).status_code in (302, 403, 404)
    if who:
        assert client.get(reverse("api:report-list")).json()["results"] == []
        assert WORD not in client.get(reverse("reporting:workspace")).content.decode()


def test_suggestions_and_checks_of_others_do_not_know_them(reports):
    user = recipes.member()
    client = Client()
    client.force_login(user)
    for kind in LISTED:
        answer = client.get(reverse("reporting:suggestions", args=[str(kind)]), {"q": WORD})
        assert answer.json() == {"options": []}
    mine = recipes.use_case_report(author=user, title=f"{WORD} bins")
    assert suspects(mine, user) == []
    assert WORD not in " ".join(str(one.message) for one in reviewing.examine(mine).findings)
    result = recipes.result_report(author=user, use_case=f"{WORD} trams")
    assert [one.code for one in reviewing.examine(result).errors] == ["use-case-unknown"]
    result = recipes.result_report(author=user, use_case=reports[0].key)
    assert [one.code for one in reviewing.examine(result).errors] == ["use-case-unknown"]


def test_counts_are_what_they_were_before():
    def counts() -> dict[str, str]:
        client = Client()
        return {
            resource.url_name: content(client.get(reverse(f"api:{resource.url_name}-facets")))
            for resource in RESOURCES
            if issubclass(resource, FacetCounts)
        }

    before = counts()
    recipes.use_case_report(submit=True)
    recipes.result_report(submit=True)
    changed = {name for name in before if before[name] != counts()[name]}
    assert changed <= {"organisation"}  # the organisations that report are public themselves


def test_the_change_log_holds_nothing_of_them(reports):
    logged = {model._meta.db_table for model in logged_models()}
    assert not {name for name in logged if name.startswith("reporting_")} - {
        "reporting_registration",
        "reporting_verificationcheck",
    }
    services.save_entries(
        report=reports[0], actor=reports[0].author, version=reports[0].version, entries={"title": f"{WORD} again"}
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM events_change WHERE before::text LIKE %s", [f"%{WORD}%"])
        assert cursor.fetchone() == (0,)


def test_an_editor_sees_what_was_sent_and_no_draft(reports):
    client = Client()
    client.force_login(recipes.editor())
    queue = client.get(reverse("review:queue")).content.decode()
    assert f"{WORD} trams" in queue
    assert f"{WORD} bins" not in queue
    assert client.get(reverse("review:report", args=[reports[0].key])).status_code == 404
    assert client.get(reverse("review:report", args=[reports[1].key])).status_code == 200


def test_once_accepted_it_is_found(reports):
    sent = reports[1]
    reviewing.accept_report(report=sent, actor=recipes.editor(), version=sent.version)
    found = Client().get(reverse("api:use-case-list"), {"q": WORD}).json()["results"]
    assert [one["title"] for one in found] == [f"{WORD} trams"]
    assert "says hello" not in json.dumps(found)
