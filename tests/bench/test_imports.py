"""The import's limit in SQL checks what the portal checks: both find the same rows of a sheet wrong."""

import pytest

from bench import imports

pytestmark = pytest.mark.services


def test_both_ways_come_to_the_same(whole_run):
    (dry_run, commit) = [row for row in whole_run.json["rows"] if row["group"] == "import"]
    assert dry_run["operation"].startswith("dry run of 5,000 rows")
    assert commit["operation"].startswith("import of 5,000 rows")
    assert dry_run["details"]["portal_ms"] > 0
    assert commit["details"]["sql_ms"] > 0


@pytest.mark.django_db
@pytest.mark.usefixtures("reference_data")
def test_a_limit_that_overlooks_something_is_no_limit(monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(imports.import_sql, "CHECK", imports.import_sql.CHECK.replace("t.sample_n = 0", "false"))
    with pytest.raises(LookupError, match="differently"):
        imports.measure(count=1, rows=400, say=lambda line: None)
