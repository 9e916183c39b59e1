"""Nothing of a sealed promise changes but the result that answers it: the database itself refuses it."""

from django.db import migrations

SEALED = """
CREATE FUNCTION reporting_keep_seal() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF OLD.sealed_at IS NOT NULL AND (
    (NEW.key, NEW.organisation_id, NEW.title, NEW.city_id, NEW.vertical_id, NEW.kpi_id, NEW.unit, NEW.baseline_value,
     NEW.baseline_on, NEW.expected_change_percent, NEW.comparison, NEW.stop_rule, NEW.starts_on, NEW.due_on,
     NEW.sealed_at, NEW.seal)
    IS DISTINCT FROM
    (OLD.key, OLD.organisation_id, OLD.title, OLD.city_id, OLD.vertical_id, OLD.kpi_id, OLD.unit, OLD.baseline_value,
     OLD.baseline_on, OLD.expected_change_percent, OLD.comparison, OLD.stop_rule, OLD.starts_on, OLD.due_on,
     OLD.sealed_at, OLD.seal)
  ) THEN
    RAISE EXCEPTION 'A sealed promise cannot be changed.' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER reporting_registration_keep_seal BEFORE UPDATE ON reporting_registration
FOR EACH ROW EXECUTE FUNCTION reporting_keep_seal();
"""


class Migration(migrations.Migration):
    dependencies = [("reporting", "0002_moves")]

    operations = [
        migrations.RunSQL(
            SEALED,
            "DROP TRIGGER reporting_registration_keep_seal ON reporting_registration; "
            "DROP FUNCTION reporting_keep_seal();",
        )
    ]
