"""Editors and members talk about a report until it is evidence: rounds, threads, decisions, two editors at once."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from alliance.members.models import Interest, Notification
from reporting import assigning, reviewing, services
from reporting.duplicates import suspects
from reporting.models import Report
from reporting.services import MoveRefusedError
from reporting.states import State
from tests.reporting import recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


@pytest.fixture
def editor(client):
    user = recipes.editor()
    client.force_login(user)
    return user


def review(report: Report) -> str:
    return reverse("review:report", args=[report.key])


def test_changes_are_asked_for_answered_and_seen_as_a_difference(client, editor):
    report = recipes.use_case_report(submit=True)
    thread = reviewing.comment(report=report, actor=editor, field="problem", text="How many?")
    client.post(review(report), {"decision": "request-changes", "version": report.version, "text": ""})
    report.refresh_from_db()
    assert report.state == State.CHANGES_REQUESTED

    report = services.save_entries(
        report=report,
        actor=report.author,
        version=report.version,
        entries={"problem": "Of 3,000 bins 1,200 overflowed at weekends, and half empty ones were emptied."},
    )
    reviewing.comment(report=report, actor=report.author, thread=thread, text="1,200.")
    report = services.submit_report(report=report, actor=report.author, version=report.version)
    page = client.get(review(report)).content.decode()
    assert "What changed since round 1" in page
    assert '<ins><bdi class="sr">added: </bdi>Of 3,000 b' in page
    assert "1,200." in page

    client.post(reverse("review:dialogue", args=[report.key]), {"settle": thread.pk})
    thread.refresh_from_db()
    assert thread.resolved_by == editor
    client.post(review(report), {"decision": "accept", "version": report.version})
    report.refresh_from_db()
    assert report.state == State.ACCEPTED
    assert client.get(report.use_case.get_absolute_url()).status_code == 200


def test_nothing_is_asked_for_without_words():
    report = recipes.use_case_report(submit=True)
    with pytest.raises(ValidationError):
        reviewing.request_changes(report=report, actor=recipes.editor(), version=report.version)


def test_a_rejection_needs_a_reason_that_the_member_reads(client, editor):
    report = recipes.use_case_report(submit=True)
    answer = client.post(review(report), {"decision": "reject", "version": report.version, "text": " "})
    assert answer.status_code == 400
    client.post(review(report), {"decision": "reject", "version": report.version, "text": "It tells no project."})
    report.refresh_from_db()
    assert report.state == State.REJECTED
    told = Notification.objects.get(user=report.author, kind="report-rejected")
    assert told.values["reason"] == "It tells no project."


def test_the_second_of_two_editors_is_told_what_happened(client, editor):
    report = recipes.use_case_report(submit=True)
    other = recipes.editor(name="Other Editor")
    reviewing.reject_report(report=report, actor=other, version=report.version, reason="A duplicate.")
    answer = client.post(review(report), {"decision": "accept", "version": report.version})
    assert answer.status_code == 412
    page = answer.content.decode()
    assert "Nothing was decided" in page
    assert "Other Editor" in page
    report.refresh_from_db()
    assert (report.state, report.use_case) == (State.REJECTED, None)


def test_an_editor_who_decides_after_the_member_changed_it_looks_again(client, editor):
    report = recipes.use_case_report(submit=True)
    looked_at = report.version
    reviewing.request_changes(report=report, actor=editor, version=looked_at, text="Please.")
    report.refresh_from_db()
    report = services.save_entries(
        report=report, actor=report.author, version=report.version, entries={"stage": "scaled"}
    )
    services.submit_report(report=report, actor=report.author, version=report.version)
    assert client.post(review(report), {"decision": "accept", "version": looked_at}).status_code == 412
    for nonsense in ("", "x", "9" * 30, "-1"):
        assert client.post(review(report), {"decision": "accept", "version": nonsense}).status_code == 412


def test_members_hear_of_comments_and_decisions_and_editors_of_answers(editor):
    report = recipes.use_case_report(submit=True)
    reader = recipes.member(organisation=report.organisation, role="reader")
    reviewing.assign_report(report=report, actor=editor, editor=editor)
    thread = reviewing.comment(report=report, actor=editor, text="How many?")
    reviewing.comment(report=report, actor=report.author, thread=thread, text="All.")
    reviewing.accept_report(report=report, actor=editor, version=report.version)
    kinds = set(Notification.objects.filter(user=report.author).values_list("kind", flat=True))
    assert kinds == {"report-commented", "report-accepted"}
    assert set(Notification.objects.filter(user=editor).values_list("kind", flat=True)) == {"report-answered"}
    assert not Notification.objects.filter(user=reader).exists()


def test_a_settled_thread_opens_again_when_somebody_answers(editor):
    report = recipes.use_case_report(submit=True)
    thread = reviewing.comment(report=report, actor=editor, text="How many?")
    reviewing.resolve(thread=thread, actor=editor)
    with pytest.raises(PermissionDenied):
        reviewing.resolve(thread=thread, actor=report.author)
    reviewing.comment(report=report, actor=report.author, thread=thread, text="One more thing.")
    thread.refresh_from_db()
    assert thread.resolved_at is None


def test_what_is_withdrawn_from_the_public_is_gone_from_everywhere(client, editor):
    report = recipes.result_report(submit=True)
    report = reviewing.accept_report(report=report, actor=editor, version=report.version)
    client.post(review(report), {"decision": "retract", "version": report.version, "text": "The meter was broken."})
    client.logout()
    assert client.get(reverse("api:result-detail", args=[report.result.slug])).status_code == 404


@pytest.mark.parametrize("make", [recipes.use_case_report, recipes.result_report])
def test_what_was_withdrawn_can_come_back_under_its_address(client, editor, make):
    report = make(submit=True)
    report = reviewing.accept_report(report=report, actor=editor, version=report.version)
    record = report.use_case or report.result
    report = reviewing.retract_report(report=report, actor=editor, version=report.version, reason="Wrong.")
    report = services.take_up_again(report=report, actor=report.author)
    report = recipes.submitted(report, answer="Yes.")
    reviewing.accept_report(report=report, actor=editor, version=report.version)
    client.logout()
    name = "api:use-case-detail" if report.kind == "use-case" else "api:result-detail"
    answer = client.get(reverse(name, args=[record.slug]))
    answer = client.get(answer["Location"]) if answer.status_code == 301 else answer
    assert answer.status_code == 200


# --- who has it ------------------------------------------------------------------------------------------------------
def test_reports_go_to_the_editor_with_the_least_to_do_and_without_an_interest():
    busy, free = recipes.editor(), recipes.editor()
    first = recipes.use_case_report(submit=True)
    assert assigning.assign_waiting() == 1
    first.refresh_from_db()
    assert first.assigned_to == busy
    assert first.topic == "waste"
    reports = [recipes.submitted(recipes.use_case_report(title=f"Another pilot {n}"), answer="Yes.") for n in range(3)]
    Interest.objects.create(user=free, kind="other", about=reports[0].organisation)
    assigning.assign_waiting()
    for report in reports:
        report.refresh_from_db()
    assert [report.assigned_to for report in reports] == [busy, free, free]
    assert assigning.assign_waiting() == 0
    assert Notification.objects.filter(kind="reports-assigned").count() == 3


def test_what_a_former_editor_had_goes_to_another_one():
    gone = recipes.editor()
    report = recipes.use_case_report(submit=True)
    assigning.assign_waiting()
    gone.is_staff = False
    gone.save()
    other = recipes.editor()
    assigning.assign_waiting()
    report.refresh_from_db()
    assert report.assigned_to == other


def test_a_report_that_nobody_may_review_waits():
    editor = recipes.editor()
    report = recipes.use_case_report(submit=True)
    Interest.objects.create(user=editor, kind="other", about=report.organisation)
    assert assigning.assign_waiting() == 0
    with pytest.raises(ValidationError):
        reviewing.assign_report(report=report, actor=recipes.editor(), editor=editor)


def test_the_queue_shows_the_oldest_first_and_takes_choices(client, editor):
    reports = [
        recipes.submitted(recipes.use_case_report(title=f"Pilot number {n}", vertical=vertical), answer="Yes.")
        for n, vertical in enumerate(("waste", "water", "waste"))
    ]
    recipes.use_case_report(title="Only a draft")
    assigning.assign_waiting()

    def shown(**chosen: str) -> list[str]:
        answer = client.get(reverse("review:queue"), chosen)
        return [one.title for one in answer.context["waiting"]]

    assert shown() == ["Pilot number 0", "Pilot number 1", "Pilot number 2"]
    assert shown(topic="water") == ["Pilot number 1"]
    assert shown(kind="result") == []
    assert shown(whose="mine") == shown()
    assert shown(whose="nobody") == []
    reviewing.request_changes(report=reports[0], actor=editor, version=reports[0].version, text="Please.")
    assert shown(waiting="member") == ["Pilot number 0"]
    assert len(shown(whose="nonsense", topic="nonsense")) == 2


def test_the_queue_asks_as_often_for_many_as_for_few(client, editor):
    def fill(numbers) -> None:
        for n in numbers:
            recipes.submitted(recipes.use_case_report(title=f"Pilot number {n}"), answer="Yes.")
            recipes.submitted(recipes.result_report(baseline_value=str(10 + n)), answer="Yes.")

    def queries() -> int:
        client.get(reverse("review:queue"))  # what is looked up once and kept
        with CaptureQueriesContext(connection) as asked:
            client.get(reverse("review:queue"))
        return len(asked)

    fill(range(1))
    few = queries()
    fill(range(1, 6))
    assert queries() == few


def test_an_editor_with_an_interest_is_told_in_the_queue(client, editor):
    report = recipes.use_case_report(submit=True)
    Interest.objects.create(user=editor, kind="other", about=report.organisation)
    assert "Not for you" in client.get(reverse("review:queue")).content.decode()


def test_colleagues_read_names_and_never_an_address(client, editor):
    nameless = recipes.editor(name="", email="secret@editors.example")
    report = recipes.use_case_report(submit=True)
    reviewing.assign_report(report=report, actor=editor, editor=nameless)
    for path in (reverse("review:queue"), review(report)):
        page = client.get(path).content.decode()
        assert "secret@editors.example" not in page
        assert f"user no. {nameless.pk}" in page
    member = recipes.member(name="", email="secret@members.example")
    with pytest.raises(ValidationError) as refused:
        reviewing.assign_report(report=report, actor=editor, editor=member)
    assert "secret@members.example" not in str(refused.value)


def test_notices_call_a_result_by_its_indicator(editor):
    report = recipes.result_report(submit=True)
    reviewing.accept_report(report=report, actor=editor, version=report.version)
    told = Notification.objects.get(user=report.author, kind="report-accepted").values["title"]
    assert told == "Average parking search time, Surtrac decentralised adaptive traffic signals"


def test_a_refused_move_is_a_sentence_that_can_be_translated_and_english_in_the_api(client, monkeypatch):
    report = recipes.use_case_report(submit=True)
    client.force_login(report.author)
    address = reverse("api:report-detail", args=[report.key])
    headers = {"If-Match": "*", "Accept-Language": "es"}
    answer = client.patch(address, {"title": "Other"}, content_type="application/json", headers=headers)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "A report that is “Submitted” cannot be changed."
    monkeypatch.setattr(services, "_", {"A report that is “%(state)s” cannot be changed.": "%(state)s: no."}.get)
    with pytest.raises(MoveRefusedError, match=r"^Submitted: no\.$"):
        services.save_entries(report=report, actor=report.author, version=report.version, entries={"title": "Other"})


def test_the_record_that_came_of_a_report_is_not_suspected(client, editor):
    report = recipes.result_report(submit=True)
    reviewing.accept_report(report=report, actor=editor, version=report.version)
    report.refresh_from_db()
    assert report.result_id not in {one.record.pk for one in suspects(report, editor)}
    assert "Is it told already?" not in client.get(review(report)).content.decode()


def test_an_alike_report_is_called_by_its_title_and_leads_to_its_review(client, editor):
    entries = {"use_case": "surtrac-pittsburgh", "result_value": "6.25"}
    other = recipes.result_report(submit=True, **entries)
    report = recipes.result_report(submit=True, **entries)
    page = client.get(review(report)).content.decode()
    section = page.partition('id="suspects"')[2].partition("</section>")[0]
    assert f'href="{review(other)}"' in section
    assert "Average parking search time, Surtrac" in section
    assert ">ALL-PRK-SEARCH<" not in section


def test_after_taking_a_report_out_of_the_public_the_editor_is_at_the_queue(client, editor):
    report = recipes.use_case_report(submit=True)
    report = reviewing.accept_report(report=report, actor=editor, version=report.version)
    sent = {"decision": "retract", "version": report.version, "text": "The meter was broken."}
    answer = client.post(review(report), sent, follow=True)
    assert (answer.status_code, answer.redirect_chain[-1][0]) == (200, reverse("review:queue"))
    assert "It is no longer public." in answer.content.decode()


def test_an_accepted_report_asks_nothing_about_its_own_record(client, editor):
    report = recipes.use_case_report(submit=True)
    reviewing.accept_report(report=report, actor=editor, version=report.version)
    client.force_login(report.author)
    assert "One question to answer" not in client.get(report.get_absolute_url()).content.decode()


def test_an_empty_queue_counts_nothing(client, editor):
    page = client.get(reverse("review:queue")).content.decode()
    assert "Nothing waits here." in page
    assert "the oldest first" not in page
