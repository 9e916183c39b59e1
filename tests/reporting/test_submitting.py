"""The page before sending: everything on one page, what the member gets at once, and the way to the editors."""

import pytest
from django.urls import reverse

from kpis.models import Kpi
from kpis.standing import changes_of
from reporting.fields import FORMS
from reporting.models import Round
from reporting.services import save_entries
from tests.reporting import recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


def submit_page(report) -> str:
    return reverse("reporting:submit", args=[report.key])


def test_a_result_is_seen_among_the_published_ones(client):
    report = recipes.result_report(kpi="ALL-TRV-TIME", baseline_value="10", result_value="8")
    client.force_login(report.author)
    text = client.get(submit_page(report)).content.decode()
    assert "Yours is −20%. Of 4 published results from 4 cities, 2 lie lower and 2 higher." not in text
    values = changes_of(Kpi.objects.get(code="ALL-TRV-TIME"), None).values
    lower, higher = sum(value < -20 for value in values), sum(value > -20 for value in values)
    assert f"Of 4 published results from 4 cities, {lower} lie lower and {higher} higher." in text
    assert 'class="you-dot"' in text
    assert text.count('href="#g') >= len(values)


def test_some_cities_to_talk_to_are_named_with_links(client):
    report = recipes.result_report(kpi="ALL-TRV-TIME", use_case="sfpark-san-francisco")
    client.force_login(report.author)
    asked = client.get(submit_page(report)).context["standing"].asked
    assert 2 <= len(asked) <= 3
    assert asked[0].use_case.city.country.code == "US"
    assert f'href="{asked[0].use_case.get_absolute_url()}"' in client.get(submit_page(report)).content.decode()


def test_a_use_case_names_others_of_its_field(client):
    report = recipes.use_case_report()
    client.force_login(report.author)
    alike = client.get(submit_page(report)).context["alike"]
    assert {case.vertical.code for case in alike} == {"waste"}
    assert "Medellin" not in [case.city.name for case in alike]


def test_what_cannot_be_sent_yet_says_why_with_links(client):
    report = recipes.use_case_report(started_year="soon")
    client.force_login(report.author)
    text = client.get(submit_page(report)).content.decode()
    assert f"{reverse('reporting:page', args=[report.key, 'basics'])}?check#id_started_year" in text
    assert 'value="submit"' not in text
    forced = client.post(submit_page(report), {"version": report.version, "action": "submit"})
    assert forced.status_code == 422
    report.refresh_from_db()
    assert report.state == "draft"


def test_a_question_is_answered_on_the_page_and_travels_with_the_report(client):
    report = recipes.result_report(spread="", spread_kind="")
    client.force_login(report.author)
    page = client.get(submit_page(report))
    (warned,) = page.context["warnings"]
    sent = {"version": report.version, "seen": "{}", "action": "submit"}
    unanswered = client.post(submit_page(report), sent)
    assert unanswered.status_code == 422
    assert "Answer this question before you send the report" in unanswered.content.decode()
    client.post(submit_page(report), {**sent, warned.name: "Nobody computed it."})
    (handed_in,) = Round.objects.filter(report=report)
    assert handed_in.answers == {warned.finding.key: "Nobody computed it."}


def test_nobody_sends_what_somebody_else_has_just_changed(client):
    report = recipes.use_case_report()
    client.force_login(report.author)
    version = client.get(submit_page(report)).context["report"].version
    other = recipes.member(organisation=report.organisation)
    save_entries(report=report, actor=other, version=report.version, entries={"title": "Bins that talk"})
    answer = client.post(submit_page(report), {"version": version, "action": "submit"})
    assert answer.status_code == 412
    assert "Bins that talk" in answer.content.decode()
    report.refresh_from_db()
    assert report.state == "draft"


@pytest.mark.parametrize("outcome", ["continues", "unchanged", "failed", "stopped"])
def test_a_failed_pilot_is_asked_the_same_and_thanked_the_same(client, outcome):
    report = recipes.result_report(outcome=outcome, result_value="11.5" if outcome == "unchanged" else "14")
    client.force_login(report.author)
    page = client.get(submit_page(report))
    answers = {one.name: "So it is." for one in page.context["warnings"]}
    sent = client.post(
        submit_page(report), {"version": report.version, "seen": "{}", "action": "submit", **answers}, follow=True
    )
    assert sent.redirect_chain[-1][0] == reverse("reporting:thanks", args=[report.key])
    thanks = sent.content.decode()
    assert "What did not work helps other cities as much as what did." in thanks
    text = thanks.partition("<main")[2].partition("</main>")[0]
    for one in ("continues", "unchanged", "failed", "stopped"):
        assert one not in text


def test_completeness_tells_what_each_answer_unlocks(client):
    report = recipes.use_case_report()
    client.force_login(report.author)
    first = client.get(submit_page(report)).context["completeness"]
    assert [one.name for one in first.unlocking][:1] == ["standards"]
    text = client.get(submit_page(report)).content.decode()
    assert all(str(one.unlocks) in text for one in first.unlocking)
    recipes_more = {"standards": [{"standard": "ISO 37120"}], "cost_amount": "100", "cost_currency": "EUR"}
    save_entries(report=report, actor=report.author, version=report.version, entries=recipes_more)
    more = client.get(submit_page(report)).context["completeness"]
    assert first.percent < more.percent < 100
    assert {one.name for one in first.missing} - {one.name for one in more.missing} == {"standards", "cost_amount"}


def test_every_page_of_the_form_is_listed(client):
    report = recipes.result_report()
    client.force_login(report.author)
    text = client.get(submit_page(report)).content.decode()
    for one in FORMS["result"].pages:
        assert reverse("reporting:page", args=[report.key, one.name]) in text
    assert "Surtrac decentralised adaptive traffic signals, Pittsburgh" in text


def test_a_sent_report_is_read_but_not_changed(client):
    report = recipes.use_case_report(submit=True)
    client.force_login(report.author)
    assert client.get(submit_page(report)).url == report.get_absolute_url()
    assert client.get(reverse("reporting:page", args=[report.key, "basics"])).url == report.get_absolute_url()
    assert client.post(submit_page(report), {"version": report.version, "action": "submit"}).status_code == 302
    text = client.get(report.get_absolute_url()).content.decode()
    assert "Bins overflowed at weekends" in text
    assert reverse("reporting:page", args=[report.key, "basics"]) not in text


def test_a_report_is_taken_back_and_up_again(client):
    report = recipes.use_case_report(submit=True)
    client.force_login(report.author)
    close = reverse("reporting:close", args=[report.key])
    client.post(close, {"reason": "Too early."})
    report.refresh_from_db()
    assert report.state == "withdrawn"
    assert "Too early." in client.get(report.get_absolute_url()).content.decode()
    client.post(close, {"action": "again"})
    report.refresh_from_db()
    assert report.state == "draft"


def test_pages_ask_a_number_of_queries_that_does_not_grow(client, django_assert_max_num_queries):
    report = recipes.result_report(kpi="ALL-TRV-TIME")
    client.force_login(report.author)
    client.get(submit_page(report))
    with django_assert_max_num_queries(45):
        client.get(submit_page(report))
