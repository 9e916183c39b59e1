"""Where my city stands: among enough peers only, and what is typed is kept nowhere."""

import logging

import pytest

from kpis.models import Result
from tests.kpis.insight.recipes import count, measured

pytestmark = pytest.mark.usefixtures("reference_data")

CITY = "city=pittsburgh-us"


def ask(client, kpi, **given):
    return client.post(f"/kpis/{kpi.slug}/benchmark/?{CITY}", given)


def test_below_five_peers_nothing_is_drawn_and_a_sentence_says_why(client):
    kpi = measured((-10, -20, -30, -40))
    html = client.get(f"/kpis/{kpi.slug}/benchmark/?{CITY}").content.decode()
    assert "Fewer than 5 such cities" in html
    assert 'class="strip groups"' not in html
    assert 'name="change"' not in html
    told = client.get(f"/api/v1/benchmarks/?kpi={kpi.slug}&{CITY}").json()
    assert (told["n"], told["is_shown"], told["distribution"]) == (4, False, None)
    assert "Fewer than 5" in ask(client, kpi, change="-10").content.decode()


def test_my_change_stands_among_the_peers(client):
    kpi = measured((-10, -20, -20, -30, -40, -50))
    response = ask(client, kpi, change="-20")
    html = response.content.decode()
    assert response.context["place"] == (1, 2, 3)
    assert (
        "Your change of −20% is +20% where better is positive: 1 of the results are worse, 2 the same, 3 better."
        in html
    )
    assert html.count('class="you-dot"') == 1
    told = client.get(f"/api/v1/benchmarks/?kpi={kpi.slug}&{CITY}").json()
    assert told["n"] == 6
    numbers = response.context["numbers"]
    assert {name: told["distribution"][name] for name in numbers} == numbers
    assert [peer["city"]["slug"] for peer in told["peers"]] == [
        peer.city.slug for peer in response.context["found"].peers
    ]


def test_a_change_can_be_given_by_its_two_values(client):
    kpi = measured((-10, -20, -30, -40, -50))
    assert ask(client, kpi, before="80", after="60").context["change"] == -25


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"before": "0", "after": "5"}, "From zero or below there is no change in percent"),
        ({"before": "-3", "after": "5"}, "From zero or below there is no change in percent"),
        ({}, "Give a change in percent"),
        ({"before": "5"}, "Give a change in percent"),
        ({"change": "NaN"}, "Enter a number"),
        ({"change": "Infinity"}, "Enter a number"),
        ({"change": "a lot"}, "Enter a number"),
        ({"change": "1" * 30}, "digits"),
    ],
)
def test_what_cannot_be_placed_is_said_in_words(client, given, words):
    response = ask(client, measured((-10, -20, -30, -40, -50)), **given)
    assert response.status_code == 400
    assert words in response.content.decode()
    assert "place" not in response.context


def test_what_is_typed_is_stored_nowhere_and_stands_in_no_log(client, caplog, django_assert_max_num_queries):
    kpi = measured((-10, -20, -30, -40, -50))
    before = Result.objects.count()
    with caplog.at_level(logging.DEBUG), django_assert_max_num_queries(16) as captured:
        response = ask(client, kpi, change="-37.123")
    assert response.status_code == 200
    assert caplog.text
    assert "37.123" not in caplog.text
    assert not [query for query in captured.captured_queries if "37.123" in query["sql"]]
    assert not [query for query in captured.captured_queries if query["sql"].startswith(("INSERT", "UPDATE"))]
    assert Result.objects.count() == before
    assert "no-store" in response["Cache-Control"]
    assert "37.123" not in response.wsgi_request.get_full_path()


def test_the_form_needs_its_token():
    from django.test import Client

    kpi = measured((-10, -20, -30, -40, -50))
    strict = Client(enforce_csrf_checks=True)
    assert ask(strict, kpi, change="-10").status_code == 403


def test_who_asks_too_often_has_to_wait(client, settings):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"client": "2/min"}}
    kpi = measured((-10, -20, -30, -40, -50))
    statuses = [ask(client, kpi, change="-10").status_code for _n in range(3)]
    assert statuses == [200, 200, 429]
    refused = client.get(f"/kpis/explore/picture.png?kpi={kpi.slug}")
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0


def test_a_city_less_than_half_alike_is_no_peer(client):
    kpi = measured((-10, -20, -30, -40, -50, -60))
    far = measured((-1,), country="NE")
    Result.objects.filter(kpi=far).update(kpi=kpi)
    count()
    told = client.get(f"/api/v1/benchmarks/?kpi={kpi.slug}&{CITY}").json()
    assert told["n"] == told["distribution"]["n"] == 6
    assert min(peer["likeness"] for peer in told["peers"]) >= 0.5
    only_size = "&".join(f"weight_{name}=0" for name in ("density", "climate", "income", "region"))
    assert client.get(f"/api/v1/benchmarks/?kpi={kpi.slug}&{CITY}&{only_size}").json()["n"] == 7


def test_my_own_city_is_not_its_own_peer(client):
    kpi = measured((-10, -20, -30, -40, -50))
    own = Result.objects.filter(kpi=kpi).first().use_case.city
    told = client.get(f"/api/v1/benchmarks/?kpi={kpi.slug}&city={own.slug}").json()
    assert told["n"] == 4
    assert own.slug not in {peer["city"]["slug"] for peer in told["peers"]}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        (CITY, "kpi"),
        (f"kpi=no-such&{CITY}", "kpi"),
        ("kpi=all-trv-time", "city"),
        (f"kpi=all-trv-time&{CITY}&value=3", "value"),
    ],
)
def test_what_the_api_cannot_use_is_named(client, query, parameter):
    answer = client.get(f"/api/v1/benchmarks/?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == parameter


def test_an_indicator_that_is_not_there_has_no_page(client):
    assert client.get("/kpis/no-such/benchmark/").status_code == 404
