"""What reporting costs a member: a minimal record in twelve fields on two pages, a sheet without retyping."""

import io
import time

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from alliance.core import units
from alliance.events import jobs
from alliance.events.models import Job
from kpis.models import Direction, Kpi
from reporting.fields import FORMS
from reporting.models import Import, Kind, Report
from reporting.states import State
from tests.reporting import recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]

MOST_FIELDS, MOST_PAGES, MOST_SECONDS = 12, 2, 60


@pytest.mark.browser
def test_a_minimal_record_takes_at_most_twelve_fields_and_two_pages(open_page, live_server):
    ada = recipes.member()
    started = time.monotonic()
    page = open_page(reverse("reporting:new"), ada)
    loaded = [page.url]
    page.on("load", lambda page: loaded.append(page.url))
    filled = clicks = 0
    for name in (one.name for one in FORMS[Kind.USE_CASE].fields if one.required):
        widget = page.locator(f"[name={name}]").first
        if widget.evaluate("node => node.tagName") == "SELECT":
            widget.select_option(recipes.USE_CASE[name])
        elif widget.get_attribute("type") == "radio":
            page.locator(f"[name={name}][value='{recipes.USE_CASE[name]}']").check()
        else:
            widget.fill(recipes.USE_CASE[name])
        filled += 1
    page.click(".save button[value=next]")
    page.wait_for_url("**/submit/")
    clicks += 1
    assert not page.locator(".ask textarea").count()
    page.click("button[value=submit]")
    page.wait_for_url("**/thanks/")
    clicks += 1
    report = Report.objects.get()
    assert report.state == State.SUBMITTED
    assert filled <= MOST_FIELDS
    assert clicks <= MOST_PAGES
    assert len([address for address in loaded if not address.endswith("/thanks/")]) <= MOST_PAGES
    assert time.monotonic() - started < MOST_SECONDS


# --- a sheet of 33 indicators ----------------------------------------------------------------------------------------
HEADERS = [
    "Project",
    "KPI code",
    "Name of the indicator (U4SSC)",
    "Before",
    "Baseline date",
    "After",
    "Date",
    "Units",
    "Method",
    "n",
    "SD",
    "Which spread",
    "Quality",
    "Evidence",
    "Side effects",
]


def city_sheet(kpis: list[Kpi]) -> bytes:
    """A city's own table: a title above it, what holds for all rows written once in merged cells, units in words."""
    kept = io.BytesIO()
    with xlsxwriter.Workbook(kept, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Indicators 2023")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write(0, 0, "Smart city programme: our indicators before and after")
        sheet.write_row(2, 0, HEADERS)
        for row, kpi in enumerate(kpis, 3):
            is_more = kpi.direction == Direction.INCREASE
            sheet.write_row(row, 1, [kpi.code, kpi.name, 40.5, "", 48.25 if is_more else 31.75])
            sheet.write_row(row, 7, [units.words_for(kpi.unit), "", 240, 2.5])
            sheet.write(row, 4, 44_348, day)
            sheet.write(row, 6, 45_078, day)
        for column, text in (
            (0, "surtrac-pittsburgh"),
            (8, "Before and after"),
            (11, "Standard deviation"),
            (12, "Measured"),
            (13, "https://example.org/indicators.pdf"),
            (14, "Looked for, none found"),
        ):
            sheet.merge_range(3, column, 2 + len(kpis), column, text)
    return kept.getvalue()


def work_off() -> None:
    for job in Job.objects.filter(state="waiting"):
        jobs.run_job(job.pk)


def test_a_sheet_of_33_indicators_goes_in_without_retyping(client, settings, tmp_path):
    """Upload, columns as they were guessed, confirmed: nothing of the sheet is typed."""
    settings.MEDIA_ROOT = tmp_path
    ada = recipes.member()
    client.force_login(ada)
    directed = Kpi.objects.filter(kpi_set="U4SSC").exclude(direction=Direction.NONE).order_by("code")
    kpis = [
        *directed.filter(unit="percent")[:27],
        *directed.filter(unit="minute")[:1],
        *directed.filter(unit="count/(100000*person)")[:5],
    ]
    assert len(kpis) == 33

    file = SimpleUploadedFile("indicators.xlsx", city_sheet(kpis))
    sent = {"organisation": recipes.organisation_of(ada).slug, "kind": "result", "file": file}
    assert client.post(reverse("reporting:sheets"), sent).status_code == 302
    one = Import.objects.get()
    address = reverse("reporting:sheet", args=[one.key])
    form = client.get(address).context["form"]
    chosen = {name: field.initial for name, field in form.fields.items()}
    unread = [form.headers[name] for name, column in chosen.items() if not column]
    assert unread == ["Name of the indicator (U4SSC)"]

    assert client.post(address, {"deed": "columns", **chosen}).status_code == 302
    work_off()
    shown = client.get(address).context
    assert shown["outcome"]["rows"] == 33
    assert (shown["outcome"]["rows_with_errors"], dict(shown["unanswered"])) == (0, {})
    assert client.post(address, {"deed": "submit"}).status_code == 302
    work_off()
    reports = Report.objects.filter(imported_by=one, state=State.SUBMITTED)
    assert sorted(report.entries["kpi"] for report in reports) == sorted(kpi.code for kpi in kpis)
    assert {str(report.entries["baseline_value"]) for report in reports} == {"40.5"}
