"""Two functions: the CSV cell of a text, as `alliance.core.exports.safe_cell` and Python's `csv` write it; and what a
reader must know before it reads documents, in one call whose plans PostgreSQL keeps for the session."""

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


STATE = r"""
CREATE FUNCTION events_state(
  OUT transaction bigint, OUT "position" bigint, OUT schemas text, OUT following bigint,
  OUT settled text, OUT unsettled bigint, OUT total numeric, OUT tables text[], OUT queued text[]
) LANGUAGE plpgsql STABLE AS $$
DECLARE
  oldest bigint := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  last_transaction bigint;
  last_position bigint;
  newest bigint;
BEGIN
  following := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
  SELECT c.transaction, c.position, c.schemas::text INTO transaction, "position", schemas
    FROM events_cursor c WHERE c.reader = 'documents';
  transaction := coalesce(transaction, 0);
  "position" := coalesce("position", 0);
  SELECT e.transaction, e.position INTO last_transaction, last_position FROM events_change e
    WHERE e.transaction < oldest ORDER BY e.transaction DESC, e.position DESC LIMIT 1;
  settled := coalesce(last_transaction || '.' || last_position, '0');
  SELECT count(*), coalesce(sum(e.position), 0), max(e.transaction) INTO unsettled, total, newest
    FROM events_change e WHERE e.transaction >= oldest;
  IF newest >= following AND newest IS DISTINCT FROM pg_current_xact_id_if_assigned()::text::bigint THEN
    following := 0;  -- nothing can be of a transaction yet to come: the log is of another server
  END IF;
  IF unsettled > 0 OR (last_transaction, last_position) > (transaction, "position") THEN
    tables := ARRAY(SELECT DISTINCT e."table" FROM events_change e
                    WHERE (e.transaction, e.position) > (events_state.transaction, events_state."position"));
  END IF;
  IF EXISTS (SELECT FROM events_staledocument) THEN
    queued := ARRAY(SELECT DISTINCT s.kind FROM events_staledocument s);
  END IF;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_change_log")]
    operations = [
        migrations.RunSQL(CREATE, "DROP FUNCTION events_csv_cell(text)"),
        migrations.RunSQL(STATE, "DROP FUNCTION events_state()"),
    ]
