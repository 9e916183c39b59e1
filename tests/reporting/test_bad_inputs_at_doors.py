"""The forms and the sheets tell of a bad input exactly what the check does, as the API does in `test_api_reports`."""

import csv
import io

import pytest
from django.urls import reverse

from alliance.events import jobs
from reporting import services
from reporting.checking import check
from reporting.fields import FORMS
from reporting.models import Report
from reporting.sheets import columns, importing
from tests.reporting import recipes
from tests.reporting.bad_inputs import BadInput, Found, assert_caught, bad_inputs, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


@pytest.fixture
def author():
    recipes.use_case_report(title="Secret plans of another city")
    return recipes.member()


def expected(bad: BadInput, author, report: Report | None = None) -> list[Found]:
    """What the check tells of the entries as these doors keep them: texts, without empty ones."""
    entries = {name: value for name, value in bad.whole.items() if value != ""}
    return sorted(told(check(bad.kind, entries, organisation=recipes.organisation_of(author), report=report).findings))


# --- forms -----------------------------------------------------------------------------------------------------------
def controls(bad: BadInput, page: str) -> dict[str, str]:
    """The controls of a page as a browser sends them."""
    sent = {}
    for field in FORMS[bad.kind].on(page):
        entry = bad.whole.get(field.name, "")
        if not field.is_repeated:
            sent[field.name] = str(entry)
            continue
        sent[f"rows.{field.name}"] = "1"
        for position, one in enumerate(entry or ()):
            sent |= {f"{field.name}.{position}.{name}": text for name, text in one.items()}
    return sent


@bad_inputs("form")
def test_the_forms_tell_the_same(bad, author, client):
    client.force_login(author)
    report = services.start_report(kind=bad.kind, organisation=recipes.organisation_of(author), actor=author)
    for page in FORMS[bad.kind].pages:
        address = reverse("reporting:page", args=[report.key, page.name])
        kept = client.post(address, {**controls(bad, page.name), "seen": "{}", "action": "save"})
        assert kept.status_code == 302, kept.content
    shown = client.get(reverse("reporting:submit", args=[report.key])).context
    found = told([one for _address, one in shown["errors"]] + [one.finding for one in shown["warnings"]])
    assert_caught(bad, found)
    assert sorted(found) == expected(bad, author, report)


# --- sheets ----------------------------------------------------------------------------------------------------------
@bad_inputs("sheet")
def test_the_sheets_tell_the_same(bad, author, settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    # What the other cells of a sheet say of its decimal mark is more than one entry knows; it has a test of its own.
    monkeypatch.setattr("reporting.sheets.checking.decimal_mark", lambda kind, rows: "")
    names = columns.layout(bad.kind, [bad.whole])
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerows([names, columns.cells_of(bad.kind, bad.whole, "", names)])
    one = importing.upload(
        content=text.getvalue().encode(),
        name="sheet.csv",
        kind=bad.kind,
        organisation=recipes.organisation_of(author),
        actor=author,
    )
    job = importing.name_columns(one=one, mapping={name: name for name in names}, actor=author)
    jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == ("done", "")
    one.refresh_from_db()
    found = [(f["level"], f["field"], f["code"], f["message"]) for f in one.outcome["findings"]]
    assert_caught(bad, found)
    assert sorted(found) == expected(bad, author)
    assert {f["row"] for f in one.outcome["findings"]} == {2}
