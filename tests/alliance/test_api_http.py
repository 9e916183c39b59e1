"""What the API says beside its bodies: validators, caching, methods, other origins."""

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from alliance.events.documents import kinds
from alliance.members.models import User
from tests.alliance.api_cases import BY_NAME, NAMES, detail_address, list_address
from usecases.models import Country, Lesson, Region, Technology, UseCase

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data", "no_quota")]
ADDRESSES = [address for name in NAMES for address in (list_address(name), detail_address(name))]
#: Resources whose lists are made of ready documents.
DOCUMENTED = [name for name in NAMES if name in kinds]
ALL = [*ADDRESSES, "/api/v1/", "/api/v1/schema/"]


@pytest.mark.parametrize("address", ALL)
def test_an_answer_that_is_held_is_not_sent_again(client, address):
    first = client.get(address)
    tag = first["ETag"]
    assert tag.startswith('"')
    again = client.get(address, headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("ETag", "Cache-Control", "Vary", "Access-Control-Allow-Origin"):
        assert again[name] == first[name]
    assert again.get("Last-Modified") == first.get("Last-Modified")
    assert client.get(address, headers={"if-none-match": '"other"'}).content == first.content


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_list_that_is_held_costs_one_question_about_the_state(client, name):
    address = list_address(name, "page_size=20")
    tag = client.get(address)["ETag"]
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address, headers={"if-none-match": tag}).status_code == 304
    assert len(queries) == 1
    Region.objects.filter(slug="europe").update(name="Elsewhere")  # any change of the data: looked at again
    again = client.get(address, headers={"if-none-match": tag})
    fresh = client.get(address)
    assert again["ETag"] == fresh["ETag"] != tag
    assert again.status_code == 304 or again.content == fresh.content


def test_a_tag_of_another_address_or_reader_answers_in_full(client):
    tag = client.get(list_address("use-cases", "page_size=20"))["ETag"]
    held = {"if-none-match": tag}
    assert client.get(list_address("use-cases", "page_size=21"), headers=held).status_code == 200
    assert client.get(list_address("use-cases", "page_size=20&vertical=water"), headers=held).status_code == 200
    UseCase.objects.filter(slug="area-c-milan").update(status="draft", published_at=None)
    tag = client.get(list_address("use-cases", "page_size=200"))["ETag"]
    client.force_login(User.objects.create_user("editor@example.org", "a long password", is_staff=True))
    answer = client.get(list_address("use-cases", "page_size=200"), headers={"if-none-match": tag})
    assert answer.status_code == 200
    assert "area-c-milan" in {record["slug"] for record in answer.json()["results"]}


@pytest.mark.parametrize("address", ALL)
def test_head_is_get_without_the_body(client, address):
    full, head = client.get(address), client.head(address)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "Content-Type", "Content-Length", "Vary", "Cache-Control"):
        assert head[name] == full[name]
    assert client.head(address, headers={"if-none-match": full["ETag"]}).status_code == 304


@pytest.mark.parametrize("address", [*ALL, "/api/v1/use-cases.csv"])
def test_options_names_the_methods(client, address):
    response = client.options(address)
    assert (response.status_code, response.content) == (204, b"")
    reports_here = address in (list_address("use-cases"), list_address("results"))
    assert response["Allow"] == "GET, HEAD, OPTIONS" + (", POST" if reports_here else "")


@pytest.mark.parametrize("name", NAMES)
def test_single_records_tell_when_they_changed(client, name):
    assert client.get(detail_address(name))["Last-Modified"].endswith(" GMT")
    assert "Last-Modified" not in client.get(list_address(name))


def test_a_change_of_anything_nested_changes_tag_and_date(client):
    address = detail_address("use-cases")
    seen = {client.get(address)["ETag"]}
    changes = [
        lambda case: Technology.objects.filter(slug="level-sensors").update(name="another name"),
        lambda case: Lesson.objects.filter(use_case=case).update(advice="another advice"),
        lambda case: Country.objects.filter(code="US").update(name="Elsewhere"),
        lambda case: case.participations.first().delete(),
        lambda case: case.technologies.clear(),
    ]
    for change in changes:
        change(UseCase.objects.get(slug="smart-sewers-south-bend"))
        tag = client.get(address)["ETag"]
        assert tag not in seen
        seen.add(tag)


def test_a_removed_part_is_never_hidden_by_a_date(client):
    address = detail_address("use-cases")
    date = client.get(address)["Last-Modified"]
    UseCase.objects.get(slug="smart-sewers-south-bend").technologies.clear()  # moves no date of what is left
    assert client.get(address, headers={"if-modified-since": date}).status_code == 200
    assert client.get(list_address("use-cases"), headers={"if-modified-since": date}).status_code == 200


def test_a_record_of_one_row_may_be_asked_for_by_date(client):
    Technology.objects.filter(slug="level-sensors").update(updated_at="2026-01-02T03:04:05Z", version=9)
    first = client.get(detail_address("technologies"))
    assert first["Last-Modified"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    held = {"if-modified-since": first["Last-Modified"]}
    assert client.get(detail_address("technologies"), headers=held).status_code == 304
    Technology.objects.filter(slug="level-sensors").update(updated_at="2026-01-02T03:04:06Z", version=10)
    assert client.get(detail_address("technologies"), headers=held).status_code == 200
    # The same rows as a list: one may be gone that was the newest.
    assert client.get(list_address("technologies"), headers=held).status_code == 200


def test_tags_differ_with_the_fields(client):
    tags = {client.get(detail_address("cities") + query)["ETag"] for query in ("", "?fields=slug", "?omit=slug")}
    assert len(tags) == 3


@pytest.mark.parametrize("address", ALL)
def test_caches_ask_each_time_and_keep_apart_what_depends_on_the_reader(client, address):
    anonymous = client.get(address)
    assert anonymous["Cache-Control"] == "public, max-age=0, must-revalidate"
    assert {name.strip() for name in anonymous["Vary"].split(",")} == {"Accept", "Accept-Encoding", "Cookie"}
    client.force_login(User.objects.create_user("reader@example.org", "a long password"))
    assert client.get(address)["Cache-Control"] == "private, max-age=0, must-revalidate"


def test_errors_are_not_kept(client):
    assert client.get("/api/v1/use-cases/zz/")["Cache-Control"] == "no-store"
    assert client.get("/api/v1/use-cases/?x=1")["Cache-Control"] == "no-store"


# --- other origins ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "address",
    [
        *ALL,
        "/api/v1/use-cases.csv",
        "/api/v1/use-cases.geojson",
        "/api/v1/zz/",
        "/api/v1/use-cases/?x=1",
        "/api/v1/use-cases",
    ],
)
def test_pages_of_any_origin_may_read_every_answer(client, address):
    response = client.get(address, headers={"origin": "https://elsewhere.example"})
    assert response["Access-Control-Allow-Origin"] == "*"
    exposed = {name.strip() for name in response["Access-Control-Expose-Headers"].split(",")}
    assert {"ETag", "Last-Modified", "Link", "RateLimit", "RateLimit-Policy", "Retry-After"} <= exposed
    assert "Access-Control-Allow-Credentials" not in response


def test_a_browser_that_asks_first_hears_what_is_allowed(client):
    response = client.options(
        "/api/v1/use-cases/",
        headers={
            "origin": "https://elsewhere.example",
            "access-control-request-method": "GET",
            "access-control-request-headers": "if-none-match",
        },
    )
    assert response.status_code == 204
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert "If-None-Match" in response["Access-Control-Allow-Headers"]


def test_a_redirect_says_nothing_empty(client):
    response = client.get("/api/v1/use-cases")
    assert response.status_code == 301
    assert response.get("Vary") != ""


def test_pages_are_not_opened_to_other_origins(client):
    response = client.get("/", headers={"origin": "https://elsewhere.example"})
    assert isinstance(response, HttpResponse)
    assert "Access-Control-Allow-Origin" not in response


def test_the_root_leads_to_every_list_and_export(client):
    response = client.get("/api/v1/")
    body = response.json()
    assert list(body["resources"]) == NAMES
    for name, links in body["resources"].items():
        assert client.get(links["list"]).status_code == 200
        assert list(links["exports"]) == BY_NAME[name].formats()
        for address in links["exports"].values():
            assert client.head(address).status_code == 200
    assert f'<{body["schema"]}>; rel="service-desc"' in response["Link"]
    assert f'<{body["documentation"]}>; rel="service-doc"' in response["Link"]
