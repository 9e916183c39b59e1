"""NUL and half characters, which PostgreSQL does not keep: no door of reports breaks on them, wherever they stand."""

import json

import pytest
from django.urls import reverse

from tests.reporting import recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]

TEXTS = {"NUL": "a\x00b", "half a character": "\ud800x"}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", ["use_case", "kpi", "unit", "organisation", "no such field", "answers"])
@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_the_api_tells_what_is_wrong(client, text, name, query):
    ada = recipes.member()
    client.force_login(ada)
    entries = {**recipes.RESULT, "organisation": recipes.organisation_of(ada).slug}
    entries[text if name == "no such field" else name] = {f"kpi:{text}": text} if name == "answers" else text
    for body in (entries, {"items": [entries]}):
        answer = client.post(f"/api/v1/results/{query}", json.dumps(body), content_type="application/json")
        assert answer.status_code < 500
        assert answer.json()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_named_organisations_are_looked_up_without_them(client, text):
    ada = recipes.member()
    client.force_login(ada)
    entries = {**recipes.USE_CASE, "organisations": [{"organisation": text}]}
    entries["organisation"] = recipes.organisation_of(ada).slug
    body = json.dumps({"items": [entries]})
    answer = client.post("/api/v1/use-cases/?dry_run=true", body, content_type="application/json")
    assert "control-character" in answer.content.decode()


def test_answers_on_the_pages_are_kept_without_them(client):
    report = recipes.use_case_report()
    client.force_login(report.author)
    sent = {"version": report.version, "action": "save", "answer.title:odd\x00": "Yes\x00, really"}
    for path in (
        reverse("reporting:submit", args=[report.key]),
        reverse("reporting:page", args=[report.key, "basics"]),
    ):
        assert client.post(path, sent).status_code < 500
    report.refresh_from_db()
    assert "\x00" not in json.dumps(report.answers, ensure_ascii=False)
