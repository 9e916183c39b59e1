"""A sheet is checked row by row, imported in one transaction, and undone for as long as nothing depends on it."""

import csv
import io

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from alliance.events import jobs
from alliance.events.models import Job
from reporting import services
from reporting.models import Comment, Import, ImportState, Report
from reporting.sheets import importing, writing
from reporting.sheets.importing import ImportRefusedError
from reporting.states import State
from tests.reporting import recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data", "files_here")]

FIELDS = {
    "Project": "use_case",
    "Indicator": "kpi",
    "Before": "baseline_value",
    "Before on": "baseline_on",
    "After": "result_value",
    "After on": "result_on",
    "Unit": "unit",
    "Method": "comparison",
    "n": "sample_n",
    "SD": "spread",
    "Kind of SD": "spread_kind",
    "Quality": "data_quality",
    "Where": "source",
    "Side effects": "side_effects",
}


@pytest.fixture
def files_here(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def ada():
    return recipes.member()


@pytest.fixture
def organisation(ada):
    return ada.memberships.get().organisation


def rows(*changes: dict[str, str]) -> list[dict[str, str]]:
    """Valid rows, each changed in some fields; the years differ, so that no two are the same result."""
    return [
        {**recipes.RESULT, "baseline_on": f"{2013 + n}-05", "result_on": f"{2014 + n}-05-31", **change}
        for n, change in enumerate(changes)
    ]


def sheet(entries: list[dict[str, str]]) -> bytes:
    """As a member would write it: with headers of its own."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(FIELDS)
    writer.writerows([entry.get(field, "") for field in FIELDS.values()] for entry in entries)
    return text.getvalue().encode()


def upload(ada, entries, organisation=None) -> Import:
    return importing.upload(
        content=sheet(entries),
        name="results.csv",
        kind="result",
        organisation=organisation or ada.memberships.get().organisation,
        actor=ada,
    )


def done(job: Job) -> Job:
    jobs.run_job(job.pk)
    job.refresh_from_db()
    return job


def checked(one: Import, ada) -> Import:
    job = done(importing.name_columns(one=one, mapping=FIELDS, actor=ada))
    assert (job.state, job.error) == ("done", "")
    one.refresh_from_db()
    return one


def imported(one: Import, ada, *, as_drafts: bool = False) -> Import:
    job = done(importing.confirm(one=one, actor=ada, as_drafts=as_drafts))
    assert (job.state, job.error) == ("done", "")
    one.refresh_from_db()
    return one


def test_a_sheet_becomes_submitted_reports(ada):
    one = imported(checked(upload(ada, rows({}, {}, {})), ada), ada)
    reports = list(one.reports.order_by("row"))
    assert [report.row for report in reports] == [2, 3, 4]
    assert {report.state for report in reports} == {State.SUBMITTED}
    assert reports[0].entries["use_case"] == "surtrac-pittsburgh"
    assert reports[0].rounds.get().entries == reports[0].entries
    assert reports[0].moves.get().actor == ada


def test_the_dry_run_tells_every_finding_by_row_and_column_and_changes_nothing(ada):
    one = checked(upload(ada, rows({}, {"kpi": "xyzzy"}, {"result_value": "lots"}, {"data_quality": "fine"})), ada)
    told = [(f["row"], f["column"], f["level"]) for f in one.outcome["findings"] if f["level"] == "error"]
    assert told == [(3, "Indicator", "error"), (4, "After", "error"), (5, "Quality", "error")]
    assert one.outcome["actions"] == {"create": 4}
    assert not Report.objects.exists()


def test_errors_keep_a_sheet_from_being_submitted_but_not_from_being_kept_as_drafts(ada):
    one = checked(upload(ada, rows({}, {"kpi": "xyzzy"})), ada)
    with pytest.raises(ImportRefusedError, match="errors"):
        importing.confirm(one=one, actor=ada, as_drafts=False)
    imported(one, ada, as_drafts=True)
    assert [report.state for report in one.reports.all()] == [State.DRAFT, State.DRAFT]
    assert one.reports.get(row=3).entries["kpi"] == "xyzzy"


def test_one_answer_goes_with_all_rows_that_are_asked_about(ada):
    odd = {"baseline_value": "6.5", "result_value": "6.5"}
    one = checked(upload(ada, rows(odd, {}, odd)), ada)
    asked = importing.unanswered(one)
    assert set(asked.values()) == {2}
    with pytest.raises(ImportRefusedError, match="Answer"):
        importing.confirm(one=one, actor=ada, as_drafts=False)
    importing.answer_warnings(one=one, answers=dict.fromkeys(asked, "Yes, it did not move."), actor=ada)
    one.refresh_from_db()
    imported(one, ada)
    assert [sorted(report.answers) == sorted(asked) for report in one.reports.order_by("row")] == [True, False, True]


@pytest.mark.parametrize(("other", "is_asked"), [("7.5", False), ("7,5", True)])
def test_a_sheet_that_shows_one_decimal_mark_alone_is_not_asked_about_thousands(ada, other, is_asked):
    one = checked(upload(ada, rows({"baseline_value": "12,345"}, {"result_value": other})), ada)
    assert ("ambiguous-number" in {finding["code"] for finding in one.outcome["findings"]}) == is_asked


def test_the_same_sheet_sent_twice_makes_nothing_twice(ada):
    entries = rows({}, {})
    imported(checked(upload(ada, entries), ada), ada)
    again = checked(upload(ada, entries), ada)
    assert again.outcome["actions"] == {"unchanged": 2}
    imported(again, ada)
    assert Report.objects.count() == 2


def test_a_row_that_stands_twice_is_told(ada):
    same = rows({})[0]
    one = checked(upload(ada, [same, same]), ada)
    (finding,) = one.outcome["findings"]
    assert (finding["row"], finding["code"]) == (3, "row-twice")


def test_reports_that_come_back_changed_change_the_drafts(ada, organisation):
    imported(checked(upload(ada, rows({}, {})), ada), ada, as_drafts=True)
    first, second = Report.objects.order_by("row")
    content = writing.export("result", [first, second], "csv").replace(b"11.5", b"12.5", 1)
    one = importing.upload(content=content, name="back.csv", kind="result", organisation=organisation, actor=ada)
    done(importing.name_columns(one=one, mapping=one.mapping, actor=ada))
    one.refresh_from_db()
    assert one.outcome["actions"] == {"update": 1, "unchanged": 1}
    imported(one, ada, as_drafts=True)
    first.refresh_from_db()
    assert first.entries["baseline_value"] == "12.5"
    importing.undo(one=one, actor=ada)
    first.refresh_from_db()
    assert first.entries["baseline_value"] == "11.5"
    assert Report.objects.count() == 2


def test_an_import_is_undone_as_a_whole(ada):
    one = imported(checked(upload(ada, rows({}, {})), ada), ada)
    importing.undo(one=one, actor=ada)
    one.refresh_from_db()
    assert one.state == ImportState.UNDONE
    assert not Report.objects.exists()


def test_nothing_is_undone_that_others_rely_on(ada):
    one = imported(checked(upload(ada, rows({}, {})), ada), ada)
    Comment.objects.create(report=one.reports.first(), author=ada, text="How was that measured?")
    with pytest.raises(ImportRefusedError, match="commented on: 1"):
        importing.undo(one=one, actor=ada)
    assert one.reports.count() == 2


def test_an_edited_draft_keeps_its_import_from_being_undone(ada):
    one = imported(checked(upload(ada, rows({}, {})), ada), ada, as_drafts=True)
    report = one.reports.first()
    services.save_entries(report=report, actor=ada, version=report.version, entries={"note": "By hand"})
    with pytest.raises(ImportRefusedError, match="changed since: 1"):
        importing.undo(one=one, actor=ada)


def test_a_worker_that_is_cut_off_imports_all_or_nothing_and_never_twice(ada, monkeypatch):
    one = checked(upload(ada, rows({}, {}, {})), ada)
    job = importing.confirm(one=one, actor=ada, as_drafts=False)

    def cut_off(**_arguments):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(importing, "submit_all", cut_off)
        with pytest.raises(SystemExit):
            jobs.run_job(job.pk)
    assert not Report.objects.exists()
    done(job)
    assert Report.objects.count() == 3
    Job.objects.filter(pk=job.pk).update(state="running", ended_at=None)  # cut off after its work, before its end
    done(job)
    assert Report.objects.count() == 3


def test_strangers_and_readers_import_nothing(ada, organisation):
    with pytest.raises(PermissionDenied):
        upload(recipes.member(), rows({}), organisation)
    with pytest.raises(PermissionDenied):
        upload(recipes.member(organisation=organisation, role="reader"), rows({}), organisation)


def test_another_organisations_sheet_is_not_there(ada, client):
    one = upload(ada, rows({}))
    client.force_login(recipes.member())
    for name in ("sheet", "sheet_findings"):
        assert client.get(reverse(f"reporting:{name}", args=[one.key])).status_code == 404
    assert client.post(reverse("reporting:sheet", args=[one.key]), {"deed": "undo"}).status_code == 404
    own = reverse("reporting:sheet_of_reports", args=[one.organisation.slug, "result", "csv"])
    assert client.get(own).status_code == 404


def test_the_whole_way_on_pages(ada, client, monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(jobs.run_job, "delay", jobs.run_job)
    client.force_login(ada)
    file = SimpleUploadedFile("results.csv", sheet(rows({}, {"kpi": "xyzzy"})))
    organisation = ada.memberships.get().organisation
    sent = client.post(reverse("reporting:sheets"), {"organisation": organisation.slug, "kind": "result", "file": file})
    one = Import.objects.get()
    address = reverse("reporting:sheet", args=[one.key])
    assert (sent.status_code, sent["Location"]) == (302, address)
    page = client.get(address)
    fields = {f"column{index}": FIELDS[header] for index, header in enumerate(FIELDS)}
    assert "What do the columns mean?" in page.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(address, {"deed": "columns", **fields})
    page = client.get(address).content.decode()
    assert "1 of 2 rows has to be mended" in page
    assert "xyzzy" in page
    assert "Import and submit" not in page
    assert "xyzzy" in client.get(reverse("reporting:sheet_findings", args=[one.key])).content.decode()
    refused = client.post(address, {"deed": "submit"})
    assert (refused.status_code, "errors" in refused.content.decode()) == (409, True)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(address, {"deed": "drafts"})
    assert "2 reports were imported" in client.get(address).content.decode()
    client.post(address, {"deed": "undo"})
    assert "The import was undone" in client.get(address).content.decode()


def test_a_file_that_is_no_sheet_is_refused_at_its_field(ada, client):
    client.force_login(ada)
    organisation = ada.memberships.get().organisation
    answer = client.post(
        reverse("reporting:sheets"),
        {
            "organisation": organisation.slug,
            "kind": "result",
            "file": SimpleUploadedFile("a.xls", b"\xd0\xcf\x11\xe0a"),
        },
    )
    assert answer.status_code == 422
    assert "Save it without a password" in answer.content.decode()
    assert not Import.objects.exists()


def test_a_sheet_of_thousands_of_rows_asks_a_fixed_number_of_questions(ada, django_assert_max_num_queries):
    def count(number: int) -> int:
        one = upload(ada, [{**recipes.RESULT, "note": f"Row {n} of {number}"} for n in range(number)])
        job = importing.name_columns(one=one, mapping={**FIELDS, "Where": "note"}, actor=ada)
        with django_assert_max_num_queries(60) as captured:
            jobs.run_job(job.pk)
        return len(captured)

    assert count(300) <= count(30) + 5
