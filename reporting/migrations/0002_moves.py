"""The database itself remembers the state before a move, so that the constraint on moves cannot be evaded."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION reporting_remember_state() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.previous_state := '';
  ELSIF NEW.state IS DISTINCT FROM OLD.state THEN
    NEW.previous_state := OLD.state;
  ELSE
    NEW.previous_state := OLD.previous_state;
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER reporting_report_remember_state BEFORE INSERT OR UPDATE ON reporting_report
FOR EACH ROW EXECUTE FUNCTION reporting_remember_state();
"""


class Migration(migrations.Migration):
    dependencies = [("reporting", "0001_reports")]

    operations = [
        migrations.RunSQL(
            FUNCTION,
            "DROP TRIGGER reporting_report_remember_state ON reporting_report; "
            "DROP FUNCTION reporting_remember_state();",
        )
    ]
