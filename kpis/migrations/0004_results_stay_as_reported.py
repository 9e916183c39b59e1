"""The database keeps what a member reported of a result, whoever writes and however."""

from django.db import migrations

#: As `kpis.models.AS_REPORTED`.
COLUMNS = (
    "kpi_id",
    "baseline_value",
    "baseline_on",
    "result_value",
    "result_on",
    "unit",
    "relative_change_percent",
    "method",
    "comparison",
    "sample_size",
    "sample_n",
    "spread",
    "spread_kind",
    "spread_unknown",
    "measured_year",
    "data_quality",
    "side_effects",
    "side_effects_note",
    "cost_amount",
    "cost_currency",
    "outcome",
    "answers",
    "note",
    "source",
)


def row(name: str) -> str:
    """The columns of a row as one value."""
    return f"({', '.join(f'{name}.{column}' for column in COLUMNS)})"


CREATE = f"""
CREATE FUNCTION kpis_keep_reported_result() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'Result % was reported by a member: it is withdrawn, not deleted.', OLD.slug
      USING ERRCODE = 'check_violation', CONSTRAINT = 'kpis_result_stays_as_reported', TABLE = 'kpis_result';
  END IF;
  IF NEW.reported_by_id IS NULL OR NEW.state = 'draft' OR {row("NEW")} IS DISTINCT FROM {row("OLD")} THEN
    RAISE EXCEPTION 'Result % was reported by a member: a correction is a result of its own.', OLD.slug
      USING ERRCODE = 'check_violation', CONSTRAINT = 'kpis_result_stays_as_reported', TABLE = 'kpis_result';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER kpis_result_stays_as_reported BEFORE UPDATE OR DELETE ON kpis_result
FOR EACH ROW WHEN (OLD.reported_by_id IS NOT NULL) EXECUTE FUNCTION kpis_keep_reported_result();
"""


class Migration(migrations.Migration):
    dependencies = [("kpis", "0003_reported_by_members")]

    operations = [
        migrations.RunSQL(
            CREATE,
            "DROP TRIGGER kpis_result_stays_as_reported ON kpis_result; DROP FUNCTION kpis_keep_reported_result();",
        )
    ]
