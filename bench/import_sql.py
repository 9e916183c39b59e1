"""What an import of results does to a sheet, as statements of PostgreSQL: copied, read, checked, and made reports.

Every rule of `reporting.plausible_results` that can speak of the sheet is a line here. Texts that people write freely
(`1 234,5`, `12 March 2024`, an indicator in plain words) are not read: the sheet has none.
"""

#: The columns of the sheet, in its order.
COLUMNS = (
    "use_case",
    "kpi",
    "baseline_value",
    "baseline_on",
    "result_value",
    "result_on",
    "unit",
    "comparison",
    "sample_n",
    "spread",
    "spread_kind",
    "data_quality",
    "source",
    "side_effects",
    "note",
)

TABLE = (
    f"CREATE TEMP TABLE sheet (row bigint GENERATED ALWAYS AS IDENTITY (START WITH 2), "
    f"{', '.join(f'{name} text' for name in COLUMNS)}) ON COMMIT DROP"
)
COPY = f"COPY sheet ({', '.join(COLUMNS)}) FROM STDIN WITH (FORMAT csv, HEADER)"

_NUMBER = r"'^[+-]?\d{1,18}(\.\d+)?$'"
_DATE = r"'^\d{4}(-\d\d(-\d\d)?)?$'"


def _number(name: str) -> str:
    return f"CASE WHEN s.{name} ~ {_NUMBER} THEN round(s.{name}::numeric, 6) END AS {name}"


def _date(name: str) -> str:
    padded = f"left(s.{name} || '-01-01', 10)"
    return f"CASE WHEN s.{name} ~ {_DATE} AND pg_input_is_valid({padded}, 'date') THEN {padded}::date END AS {name}"


#: Texts and codes as values. `%(organisation)s` has reports of its own; units come with their factors.
READ = f"""
CREATE TEMP TABLE told ON COMMIT DROP AS
SELECT s.row, s.sheet, u.id AS use_case, u.started_year, k.id AS kpi, k.unit AS kpi_unit, k.direction,
  {_number("baseline_value")}, {_number("result_value")}, {_number("spread")}, {_number("sample_n")},
  {_date("baseline_on")}, {_date("result_on")}, f.factor,
  CASE WHEN k.unit IN ('delta_degC') THEN NULL WHEN k.unit = 'score_1_7' THEN 1 ELSE 0 END AS low,
  CASE WHEN k.unit = 'score_1_7' THEN 7 WHEN k.unit = 'boolean' OR k.code = 'SC: SH: SI: 2C' THEN 1
    WHEN k.unit = 'percent' AND k.code NOT IN ('CK-PRO-02', 'ISO37120:2014/9.1', 'SC: EH: ED: 2C') THEN 100 END AS high
FROM (SELECT sheet.*, sheet FROM sheet) AS s
LEFT JOIN usecases_usecase u ON u.slug = s.use_case AND u.status = 'published' AND u.merged_into_id IS NULL
LEFT JOIN kpis_kpi k ON lower(k.code) = lower(s.kpi)
LEFT JOIN unit_factor f ON f.unit = s.unit AND f.wanted = k.unit;
CREATE UNIQUE INDEX ON told (row);
ANALYZE told;
CREATE TEMP TABLE other ON COMMIT DROP AS
SELECT r.kpi_id AS kpi, sum((r.baseline_value IS NOT NULL)::int + (r.result_value IS NOT NULL)::int) AS n,
  min(least(abs(r.baseline_value), abs(r.result_value)) * f.factor) AS low,
  max(greatest(abs(r.baseline_value), abs(r.result_value)) * f.factor) AS high,
  count(r.change_percent) AS changes, max(abs(r.change_percent)) AS largest_change
FROM kpis_result r JOIN kpis_kpi k ON k.id = r.kpi_id
JOIN usecases_usecase u ON u.id = r.use_case_id AND u.status = 'published'
LEFT JOIN unit_factor f ON f.unit = r.unit AND f.wanted = k.unit
WHERE r.state IN ('accepted') AND r.kpi_id IN (SELECT kpi FROM told) GROUP BY r.kpi_id
"""

_VALUES = ("baseline_value", "result_value")
#: Field, level, code, and when it is said; `t` is what was read, `s` the sheet's text, `c` the change in percent.
_RULES = (
    ("use_case", "error", "use-case-unknown", "t.use_case IS NULL AND s.use_case IS NOT NULL"),
    ("use_case", "error", "required", "s.use_case IS NULL"),
    ("kpi", "error", "kpi-unknown", "t.kpi IS NULL AND s.kpi IS NOT NULL"),
    ("kpi", "error", "required", "s.kpi IS NULL"),
    *(
        (name, "error", "not-a-number", f"t.{name} IS NULL AND s.{name} IS NOT NULL")
        for name in ("baseline_value", "result_value", "spread", "sample_n")
    ),
    *(
        (name, "error", "not-a-date", f"t.{name} IS NULL AND s.{name} IS NOT NULL")
        for name in ("baseline_on", "result_on")
    ),
    *(
        (name, "error", "not-a-choice", f"s.{name} <> ALL(%({name})s)")
        for name in ("comparison", "spread_kind", "data_quality", "side_effects")
    ),
    *((name, "error", "required", f"s.{name} IS NULL") for name in ("comparison", "data_quality", "side_effects")),
    ("note", "error", "too-long", "length(s.note) > 2000"),
    ("source", "error", "too-long", "length(s.source) > 500"),
    ("note", "error", "control-character", r"concat(s.note, s.source) ~ '[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]'"),
    (
        "source",
        "error",
        "not-an-address",
        r"s.source ~ '^\S+://' AND s.source !~ '^https?://[^\s/@]+\.[^\s/@]+(/\S*)?$'",
    ),
    ("source", "warning", "source-not-found-by", r"s.source !~ '://' AND s.source !~ '(19|20)\d\d'"),
    ("result_value", "error", "no-value", "s.result_value IS NULL"),
    ("unit", "error", "unit-missing", "s.unit IS NULL"),
    ("unit", "error", "unit-incompatible", "s.unit IS NOT NULL AND t.kpi IS NOT NULL AND t.factor IS NULL"),
    *((name, "error", "value-too-low", f"t.{name} * t.factor < t.low") for name in ("baseline_value", "result_value")),
    *((name, "error", "value-too-high", f"t.{name} * t.factor > t.high") for name in _VALUES),
    (
        "result_value",
        "warning",
        "share-as-fraction",
        "t.kpi_unit = 'percent' AND t.factor = 1 AND greatest(t.baseline_value, t.result_value) <= 1 "
        "AND least(t.baseline_value, t.result_value) >= 0 AND greatest(t.baseline_value, t.result_value) > 0",
    ),
    *(
        (
            name,
            "warning",
            "unusual-value",
            f"o.n >= 5 AND (abs(t.{name} * t.factor) > o.high * 10 "
            f"OR (t.{name} <> 0 AND abs(t.{name} * t.factor) * 10 < o.low))",
        )
        for name in _VALUES
    ),
    ("result_value", "warning", "unusual-change", "o.changes >= 5 AND abs(c.change) > 3 * o.largest_change"),
    (
        "result_value",
        "warning",
        "hundredfold",
        "t.baseline_value <> 0 AND t.result_value / nullif(t.baseline_value, 0) > 0 "
        "AND (t.result_value / nullif(t.baseline_value, 0) >= 100 "
        "OR t.result_value / nullif(t.baseline_value, 0) <= 0.01)",
    ),
    ("result_value", "warning", "no-change", "c.change = 0"),
    (
        "result_value",
        "warning",
        "against-direction",
        "(t.direction = 'increase' AND c.change < 0) OR (t.direction = 'decrease' AND c.change > 0)",
    ),
    *((name, "error", "date-in-future", f"t.{name} > current_date") for name in ("baseline_on", "result_on")),
    (
        "result_on",
        "error",
        "dates-out-of-order",
        "left(t.baseline_on::text, least(length(s.baseline_on), length(s.result_on))) "
        "> left(t.result_on::text, least(length(s.baseline_on), length(s.result_on)))",
    ),
    ("result_on", "warning", "no-date", "s.result_on IS NULL AND t.result_value IS NOT NULL"),
    ("result_on", "warning", "before-start", "extract(year FROM t.result_on) < t.started_year"),
    ("sample_n", "error", "sample-zero", "t.sample_n = 0"),
    ("sample_n", "error", "negative-count", "t.sample_n < 0"),
    ("sample_n", "error", "not-whole", "t.sample_n <> trunc(t.sample_n)"),
    ("spread", "error", "spread-negative", "t.spread < 0"),
    ("spread_kind", "error", "spread-without-kind", "t.spread IS NOT NULL AND s.spread_kind IS NULL"),
    ("spread", "error", "spread-kind-alone", "s.spread IS NULL AND s.spread_kind IS NOT NULL"),
    ("spread_unknown", "warning", "spread-not-told", "s.spread IS NULL AND s.spread_kind IS NULL"),
    (
        "comparison",
        "warning",
        "compared-after-all",
        "s.comparison = 'none' AND t.baseline_value IS NOT NULL AND t.result_value IS NOT NULL",
    ),
    ("data_quality", "warning", "modelled-or-measured", "s.comparison = 'model' AND s.data_quality = 'measured'"),
    ("side_effects_note", "warning", "side-effects-untold", "s.side_effects = 'seen'"),
    (
        "kpi",
        "warning",
        "duplicate-result",
        "EXISTS (SELECT FROM kpis_result r WHERE r.use_case_id = t.use_case AND r.kpi_id = t.kpi "
        "AND r.state = 'accepted' AND (t.result_on IS NULL OR r.measured_year IS NULL "
        "OR r.measured_year = extract(year FROM t.result_on)))",
    ),
    (
        "kpi",
        "warning",
        "duplicate-report",
        "(s.use_case, lower(s.kpi), s.result_on) IN (SELECT r.entries ->> 'use_case', lower(r.entries ->> 'kpi'), "
        "r.entries ->> 'result_on' FROM reporting_report r WHERE r.organisation_id = %(organisation)s "
        "AND r.kind = 'result' AND r.state IN ('draft', 'submitted', 'changes-requested', 'accepted') "
        "AND r.result_id IS NULL)",
    ),
    ("kpi", "warning", "duplicate-row", "t.use_case IS NOT NULL AND t.kpi IS NOT NULL AND w.same > 1 AND w.whole = 1"),
    ("", "error", "row-twice", "w.whole > 1"),
)

CHECK = """
CREATE TEMP TABLE finding ON COMMIT DROP AS
SELECT t.row, v.field, v.level, v.code FROM told t
JOIN sheet s ON s.row = t.row
JOIN (SELECT row, row_number() OVER (PARTITION BY use_case, kpi, result_on ORDER BY row) AS same,
    row_number() OVER (PARTITION BY {columns} ORDER BY row) AS whole FROM sheet) AS w ON w.row = t.row
LEFT JOIN other o ON o.kpi = t.kpi
CROSS JOIN LATERAL (SELECT CASE WHEN t.baseline_value > 0
  THEN (t.result_value - t.baseline_value) * 100 / t.baseline_value END AS change) AS c
CROSS JOIN LATERAL (VALUES {rules}) AS v (field, level, code, is_so) WHERE v.is_so
""".format(
    columns=", ".join(COLUMNS),
    rules=", ".join(f"('{field}', '{level}', '{code}', {rule})" for field, level, code, rule in _RULES),
)

#: What a dry run leaves.
KEEP = """
UPDATE reporting_import SET state = 'checked', checked_at = now(), outcome = (SELECT jsonb_build_object(
    'rows', (SELECT count(*) FROM sheet),
    'rows_with_errors', count(DISTINCT row) FILTER (WHERE level = 'error'),
    'rows_with_warnings', count(DISTINCT row) FILTER (WHERE level = 'warning'),
    'findings', coalesce(jsonb_agg(to_jsonb(finding) ORDER BY row), '[]')) FROM finding)
WHERE id = %(sheet)s
"""

#: Rows as reports: begun, handed to the editors, with the move and the round of each.
REPORT = """
INSERT INTO reporting_report (created_at, updated_at, version, key, kind, state, previous_state, entries, answers, row,
  imported_by_id, organisation_id, author_id, topic)
SELECT now(), now(), 1, left(replace(gen_random_uuid()::text, '-', ''), 12), 'result', 'draft', '',
  jsonb_strip_nulls(to_jsonb(s) - 'row'), coalesce(f.answers, '{}'), s.row, %(sheet)s, %(organisation)s, %(actor)s, ''
FROM sheet s LEFT JOIN (SELECT row, jsonb_object_agg(field || ':' || code, 'Yes, it is.') AS answers
  FROM finding WHERE level = 'warning' GROUP BY row) AS f ON f.row = s.row ORDER BY s.row;
UPDATE reporting_report r SET state = 'submitted', submitted_at = now(), version = 2, about_id = t.use_case
FROM told t WHERE r.imported_by_id = %(sheet)s AND t.row = r.row;
INSERT INTO reporting_move (report_id, before, after, reason, at, actor_id)
SELECT id, 'draft', 'submitted', '', now(), %(actor)s FROM reporting_report WHERE imported_by_id = %(sheet)s;
INSERT INTO reporting_round (report_id, number, entries, answers, submitted_at, submitted_by_id)
SELECT id, 1, entries, answers, now(), %(actor)s FROM reporting_report WHERE imported_by_id = %(sheet)s;
UPDATE reporting_import SET state = 'imported', imported_at = now() WHERE id = %(sheet)s;
SET CONSTRAINTS ALL IMMEDIATE
"""
