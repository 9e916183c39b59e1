"""Long lists of promises and of findings are turned over by the portal's own pagination."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from reporting.models import Import, ImportState, Registration
from tests.reporting import recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


def test_promises(client):
    ada = recipes.member()
    one = recipes.promise(author=ada, sealed_at=datetime(2026, 1, 1, tzinfo=UTC), seal="0" * 64)
    fields = {field.attname: getattr(one, field.attname) for field in Registration._meta.concrete_fields}
    del fields["id"], fields["key"]
    Registration.objects.bulk_create([Registration(**fields) for _number in range(60)])
    answer = client.get(reverse("promises:list"), {"page": 2}).content.decode()
    assert 'rel="prev" href="?page=1"' in answer
    assert 'aria-current="page"' in answer


def test_findings_stay_at_their_table(client):
    ada = recipes.member()
    client.force_login(ada)
    finding = {"row": 2, "column": "kpi", "field": "kpi", "level": "error", "code": "kpi-unknown", "message": "No."}
    one = Import.objects.create(
        organisation=recipes.organisation_of(ada),
        author=ada,
        kind="result",
        name="a.csv",
        state=ImportState.CHECKED,
        outcome={"rows": 1, "rows_with_errors": 1, "rows_with_warnings": 0, "actions": {}, "findings": [finding] * 150},
    )
    answer = client.get(reverse("reporting:sheet", args=[one.key])).content.decode()
    assert 'href="?page=2#findings"' in answer
