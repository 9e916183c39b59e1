"""Pages of a report: made of the list of fields, and whatever is sent is saved as it was typed."""

import json

import pytest
from django.urls import reverse

from reporting import forms, merging
from reporting.fields import FORMS
from reporting.models import Report
from tests.reporting import recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


def page(report: Report, name: str) -> str:
    return reverse("reporting:page", args=[report.key, name])


def seen(report: Report) -> str:
    return json.dumps(merging.seen(merging.texts_of(report)))


@pytest.fixture
def draft(client):
    """A complete use case, and its author signed in."""
    report = recipes.use_case_report()
    client.force_login(report.author)
    return report


def test_the_first_page_is_short_enough_for_a_phone(client):
    """At most twelve fields, and one more page with a button."""
    client.force_login(recipes.member())
    answer = client.get(reverse("reporting:new"))
    asked = {group[0].name for group in answer.context["form"].groups}
    assert len(asked) == 10
    entries = {**recipes.USE_CASE, "start": answer.context["start"], "seen": "{}", "action": "next"}
    sent = client.post(reverse("reporting:new"), entries)
    report = Report.objects.get()
    assert sent.url == reverse("reporting:submit", args=[report.key])
    checking = client.get(sent.url)
    assert checking.context["can_be_sent"]
    client.post(sent.url, {"version": report.version, "action": "submit"})
    report.refresh_from_db()
    assert report.state == "submitted"


@pytest.mark.parametrize("kind", FORMS)
def test_every_field_is_asked_on_its_page(client, kind):
    report = recipes.use_case_report() if kind == "use-case" else recipes.result_report()
    client.force_login(report.author)
    for one in FORMS[kind].pages:
        text = client.get(page(report, one.name)).content.decode()
        for asked in FORMS[kind].on(one.name):
            names = [f"{asked.name}.0.{part.name}" for part in asked.parts] or [asked.name]
            assert all(f'name="{name}"' in text for name in names)


def test_nothing_is_kept_before_something_is_typed(client):
    client.force_login(recipes.member())
    answer = client.post(reverse("reporting:new"), {"title": " ", "seen": "{}"})
    assert answer.status_code == 422
    assert not Report.objects.exists()


def test_a_first_page_that_is_sent_twice_makes_one_report(client):
    client.force_login(recipes.member())
    start = client.get(reverse("reporting:new")).context["start"]
    for _time in range(2):
        client.post(reverse("reporting:new"), {"title": "Once", "start": start, "seen": "{}"})
    assert Report.objects.count() == 1


def test_the_start_of_somebody_else_makes_a_report_of_ones_own(client):
    client.force_login(recipes.member())
    start = client.get(reverse("reporting:new")).context["start"]
    client.post(reverse("reporting:new"), {"title": "Hers", "start": start, "seen": "{}"})
    other = recipes.member()
    client.force_login(other)
    client.post(reverse("reporting:new"), {"title": "Mine", "start": start, "seen": "{}"})
    assert set(Report.objects.values_list("author__email", "entries__title")) >= {(other.email, "Mine")}


@pytest.mark.parametrize("text", ["199999", "soon", "١٢", "<b>2020</b>", "2020\u0000", "  2020", "n/a"])
def test_what_cannot_be_read_is_saved_all_the_same(client, draft, text):
    answer = client.post(page(draft, "basics"), {"started_year": text, "seen": seen(draft), "action": "save"})
    assert answer.status_code == 302
    draft.refresh_from_db()
    assert draft.entries["started_year"] == text.replace("\0", "").strip()


def test_a_wrong_entry_is_shown_with_what_was_typed_and_how_to_mend_it(client, draft):
    answer = client.post(page(draft, "basics"), {"started_year": "soon", "seen": seen(draft), "action": "next"})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert 'value="soon"' in text
    assert 'href="#id_started_year"' in text
    assert "Error" in text.split("</title>")[0]
    onwards = client.post(page(draft, "basics"), {"started_year": "soon", "seen": "{}", "action": "next-anyway"})
    assert onwards.status_code == 302


def test_a_warning_stops_once_and_its_answer_is_kept(client):
    report = recipes.result_report(spread="", spread_kind="")
    client.force_login(report.author)
    fields = {"comparison": "matched-comparison", "seen": seen(report), "action": "next"}
    first = client.post(page(report, "comparison"), fields)
    (warned,) = [one for control in first.context["form"].controls for one in control.warnings]
    assert first.status_code == 200
    again = client.post(page(report, "comparison"), {**fields, "shown": warned.finding.key})
    assert again.status_code == 302
    client.post(page(report, "comparison"), {**fields, warned.name: "Nobody computed it."})
    report.refresh_from_db()
    assert report.answers == {warned.finding.key: "Nobody computed it."}


def test_pages_that_a_form_did_not_send_keep_their_entries(client, draft):
    client.post(page(draft, "money"), {"cost_amount": "12", "seen": seen(draft), "action": "save"})
    draft.refresh_from_db()
    assert draft.entries == {**recipes.USE_CASE, "cost_amount": "12"}


def test_rows_are_added_and_removed_by_buttons_alone(client, draft):
    address = page(draft, "technology")
    row = {"rows.standards": "1", "standards.0.standard": "ISO 37120", "standards.0.state": "used"}
    added = client.post(address, {**row, "seen": seen(draft), "action": "add:standards"})
    assert added.url == f"{address}?more=standards#id_standards"
    assert 'name="standards.1.standard"' in client.get(added.url.partition("#")[0]).content.decode()
    draft.refresh_from_db()
    two = {**row, "standards.1.standard": "NGSI-LD"}
    client.post(address, {**two, "seen": seen(draft), "action": "remove:standards:0"})
    draft.refresh_from_db()
    assert draft.entries["standards"] == [{"standard": "NGSI-LD"}]
    client.post(address, {"rows.standards": "1", "seen": seen(draft), "action": "save"})
    draft.refresh_from_db()
    assert draft.entries["standards"] == []


def test_rows_that_a_sheet_gave_as_one_text_are_shown_and_kept(client):
    report = recipes.use_case_report(standards="ISO 37120; NGSI-LD")
    client.force_login(report.author)
    text = client.get(page(report, "technology")).content.decode()
    assert 'value="ISO 37120"' in text
    assert 'value="NGSI-LD"' in text


def test_a_text_that_names_several_things_gets_a_choice_and_the_chosen_one_is_saved(client):
    report = recipes.result_report(kpi="tavel tme")
    client.force_login(report.author)
    shown = client.get(page(report, "measure"))
    (control,) = [one for one in shown.context["form"].controls if one.name == "kpi"]
    assert "ALL-TRV-TIME" in [one.value for one in control.suggestions]
    picked = {"kpi": "tavel tme", "pick.kpi": "ALL-TRV-TIME", "seen": seen(report), "action": "save"}
    client.post(page(report, "measure"), picked)
    report.refresh_from_db()
    assert report.entries["kpi"] == "ALL-TRV-TIME"


def test_units_are_those_that_the_indicator_can_be_measured_in(client):
    report = recipes.result_report()
    client.force_login(report.author)
    shown = client.get(page(report, "measure"))
    (control,) = [one for one in shown.context["form"].controls if one.name == "unit"]
    assert [one.value for one in control.options][:2] == ["minute", "hour"]
    assert "tonne" not in [one.value for one in control.options]


def test_a_choice_in_other_words_is_the_choice(client):
    report = recipes.use_case_report(stage="Scaled up", city_from_outset=True)
    client.force_login(report.author)
    checked = {
        control.name: [code for code, _words, chosen in control.choices if chosen]
        for name in ("basics", "people")
        for control in client.get(page(report, name)).context["form"].controls
        if control.kind == "radios"
    }
    assert checked["stage"] == ["scaled"]
    assert checked["city_from_outset"] == ["yes"]


def test_a_script_gets_what_was_found_while_typing(client, draft):
    sent = {"started_year": "soon", "city": "Medellin", "seen": seen(draft)}
    answer = client.post(page(draft, "basics"), sent, headers={"accept": "application/json"}).json()
    draft.refresh_from_db()
    assert answer["version"] == draft.version
    assert answer["seen"] == merging.seen(merging.texts_of(draft))
    assert "error" in answer["findings"]["started_year"]
    assert answer["findings"]["title"].strip() == ""
    assert answer["understood"]["city"] == "Read as: Medellin, Colombia"


def test_a_text_that_is_too_long_for_the_database_is_shown_again(client, draft):
    answer = client.post(page(draft, "basics"), {"problem": "x" * 20_001, "seen": seen(draft), "action": "next"})
    assert answer.status_code == 422
    assert "x" * 20_001 in answer.content.decode()


def test_pages_ask_a_fixed_number_of_queries(client, draft, django_assert_max_num_queries):
    for _time in range(2):  # the second one finds what the first one has cached
        with django_assert_max_num_queries(40):
            client.get(page(draft, "basics"))


def test_names_of_rows_are_found_on_their_page():
    assert forms.page_of("use-case", "standards.0.standard") == "technology"
    assert forms.page_of("use-case", "") == "basics"
