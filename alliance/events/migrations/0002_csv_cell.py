"""The CSV cell of a text, as `alliance.core.exports.safe_cell` and Python's `csv` write it."""

from django.db import migrations

CREATE = r"""
CREATE FUNCTION events_csv_cell(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN value ~ '^[=+\-@\t\r\n]' AND value !~ '^[+-]?[0-9]+(\.[0-9]+)?$' THEN
      CASE WHEN value ~ '[",\r\n]' THEN '"''' || replace(value, '"', '""') || '"' ELSE '''' || value END
    WHEN value ~ '[",\r\n]' THEN '"' || replace(value, '"', '""') || '"'
    ELSE coalesce(value, '')
  END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_change_log")]
    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION events_csv_cell(text)")]
