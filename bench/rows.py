"""The made-up rows, as PostgreSQL makes them: every draw is a hash of the row's number, so that a seed says it all.

`drawn(n, what)` is a number from 0 to below 1 that hangs on the row's number `n`, on what is drawn, and on the seed;
`ranked(n, what, size)` is a rank from 1 to `size` by Zipf's law.
"""

from typing import NamedTuple

#: {seed} is filled in before.
FUNCTIONS = """
CREATE FUNCTION pg_temp.drawn(n bigint, what bigint) RETURNS double precision IMMUTABLE LANGUAGE sql AS
  $$ SELECT ((hashint8extended($1, $2 + 1000 * {seed}) >> 11) & 9007199254740991) / 9007199254740992.0::float8 $$;
CREATE FUNCTION pg_temp.ranked(n bigint, what bigint, size bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS
  $$ SELECT least($3, floor(power($3 + 1, pg_temp.drawn($1, $2)))::bigint) $$;
"""

_TOLD = "timestamptz '2026-01-01 00:00Z', timestamptz '2026-01-01 00:00Z', 1"


def _ranks(table: str, column: str) -> str:
    """A table of the ids of another one, in an order that has nothing to do with theirs."""
    return (
        f"CREATE TEMP TABLE rank_{table} AS SELECT id, row_number() OVER (ORDER BY hashtext({column}), id) AS rank "
        f"FROM {table}; CREATE UNIQUE INDEX ON rank_{table} (rank); ANALYZE rank_{table};"
    )


class Step(NamedTuple):
    """One kind of row: its name, how it is made, the table whose numbers go on behind it."""

    name: str
    sql: str
    table: str


STEPS = (
    Step(
        "technologies",
        f"""
        INSERT INTO usecases_technology (slug, name, created_at, updated_at, version)
        SELECT 'bench-technology-' || n, 'Technology ' || n, {_TOLD}
        FROM generate_series(1, greatest(0, %(technologies)s - (SELECT count(*) FROM usecases_technology))) AS n;
        {_ranks("usecases_technology", "slug")}
        """,
        "usecases_technology",
    ),
    Step(
        "organisations",
        f"""
        INSERT INTO members_organisation
          (slug, name, kind, url, country, place, about, created_at, updated_at, version)
        SELECT 'bench-organisation-' || n, 'Organisation ' || n,
          (ARRAY['municipality', 'large-corporation', 'small-corporation', 'academia', 'government-agency', ''])
            [1 + floor(6 * pg_temp.drawn(n, 1))::int], '', '', '', '', {_TOLD}
        FROM generate_series(1, %(organisations)s) AS n;
        {_ranks("members_organisation", "slug")}
        """,
        "members_organisation",
    ),
    Step(
        "cities",
        f"""
        INSERT INTO usecases_city
          (slug, name, country_id, latitude, longitude, population, source, created_at, updated_at, version)
        SELECT 'bench-city-' || n, 'City ' || n, near.country_id,
          round(least(89, greatest(-89, near.latitude + (4 * pg_temp.drawn(n, 3) - 2)::numeric)), 5),
          round(least(179, greatest(-179, near.longitude + (4 * pg_temp.drawn(n, 4) - 2)::numeric)), 5),
          CASE WHEN pg_temp.drawn(n, 5) > 0.02 THEN exp(9.5 + 6 * pg_temp.drawn(n, 6))::int END, 'made up', {_TOLD}
        FROM generate_series(1, greatest(0, %(cities)s - (SELECT count(*) FROM usecases_city))) AS n
        JOIN (SELECT c.*, row_number() OVER (ORDER BY slug) AS rank FROM usecases_city c) AS near
          ON near.rank = 1 + floor((SELECT count(*) FROM usecases_city) * pg_temp.drawn(n, 2));
        {_ranks("usecases_city", "slug")}
        {_ranks("usecases_vertical", "code")}
        """,
        "usecases_city",
    ),
    Step(
        "use cases",
        f"""
        INSERT INTO usecases_usecase
          (id, slug, title, status, published_at, vertical_id, city_id, latitude, longitude, stage, started_year,
           ended_year, problem, solution, covid_relevance, cost_amount, cost_currency, city_from_outset,
           alliance_from_outset, source, is_minimal, created_at, updated_at, version)
        SELECT t.id, left(replace(lower(t.title), ' ', '-'), 60) || '-' || t.n, t.title, d.status,
          CASE WHEN d.status <> 'draft'
            THEN timestamptz '2026-01-01 00:00Z' - interval '1 second' * floor(1.6e8 * pg_temp.drawn(t.n, 12)) END,
          v.id, c.id, c.latitude, c.longitude, d.stage, d.year,
          CASE WHEN d.stage = 'ended' THEN d.year + 1 + floor(4 * pg_temp.drawn(t.n, 13))::int END,
          t.problem, t.solution,
          CASE WHEN pg_temp.drawn(t.n, 14) < 0.78 THEN 'none' WHEN pg_temp.drawn(t.n, 14) < 0.9 THEN 'direct'
            ELSE 'indirect' END,
          d.cost, CASE WHEN d.cost IS NULL THEN '' ELSE (ARRAY['EUR', 'USD', 'INR', 'BRL'])
            [1 + floor(4 * pg_temp.drawn(t.n, 15))::int] END,
          CASE WHEN pg_temp.drawn(t.n, 16) < 0.5 THEN pg_temp.drawn(t.n, 16) < 0.35 END, NULL,
          'https://example.org/cases/' || t.n, false, {_TOLD}
        FROM bench_text t
        CROSS JOIN LATERAL (SELECT
          CASE WHEN pg_temp.drawn(t.n, 7) < 0.96 THEN 'published' WHEN pg_temp.drawn(t.n, 7) < 0.99 THEN 'draft'
            ELSE 'withdrawn' END AS status,
          CASE WHEN pg_temp.drawn(t.n, 8) < 0.45 THEN 'scaled' WHEN pg_temp.drawn(t.n, 8) < 0.65 THEN 'launched'
            WHEN pg_temp.drawn(t.n, 8) < 0.85 THEN 'pilot' ELSE 'ended' END AS stage,
          CASE WHEN pg_temp.drawn(t.n, 9) > 0.1
            THEN 2025 - floor(22 * power(pg_temp.drawn(t.n, 10), 1.6))::int END AS year,
          CASE WHEN pg_temp.drawn(t.n, 11) < 0.4
            THEN round(exp(9 + 8 * pg_temp.drawn(t.n, 17))::numeric, -2) END AS cost
        ) AS d
        JOIN rank_usecases_vertical vr
          ON vr.rank = 1 + floor((SELECT count(*) FROM usecases_vertical) * power(pg_temp.drawn(t.n, 18), 1.4))
        JOIN usecases_vertical v ON v.id = vr.id
        JOIN rank_usecases_city cr
          ON cr.rank = 1 + floor((SELECT count(*) FROM usecases_city) * power(pg_temp.drawn(t.n, 19), 1.7))
        JOIN usecases_city c ON c.id = cr.id
        ORDER BY t.n
        """,
        "usecases_usecase",
    ),
    Step(
        "technologies of use cases",
        """
        INSERT INTO usecases_usecase_technologies (usecase_id, technology_id)
        SELECT DISTINCT t.id, r.id
        FROM bench_text t CROSS JOIN generate_series(1, 5) AS k
        JOIN rank_usecases_technology r
          ON r.rank = pg_temp.ranked(t.n * 10 + k, 20, (SELECT count(*) FROM usecases_technology))
        WHERE k <= 1 + floor(5 * pg_temp.drawn(t.n, 21)) ORDER BY 1, 2
        """,
        "usecases_usecase_technologies",
    ),
    Step(
        "organisations of use cases",
        f"""
        INSERT INTO usecases_participation
          (use_case_id, organisation_id, role, position, created_at, updated_at, version)
        SELECT use_case, organisation, (ARRAY['lead', 'supplier', 'partner'])[k], k, {_TOLD}
        FROM (
          SELECT DISTINCT ON (t.id, r.id) t.id AS use_case, r.id AS organisation, k
          FROM bench_text t CROSS JOIN generate_series(1, 3) AS k
          JOIN rank_members_organisation r
            ON r.rank = pg_temp.ranked(t.n * 10 + k, 22, (SELECT count(*) FROM members_organisation))
          WHERE k <= 1 + floor(3 * pg_temp.drawn(t.n, 23)) ORDER BY t.id, r.id, k
        ) AS every ORDER BY use_case, k
        """,
        "usecases_participation",
    ),
    Step(
        "lessons",
        f"""
        INSERT INTO usecases_lesson (use_case_id, position, context, cause, effect, advice, confidence, source,
          created_at, updated_at, version)
        SELECT id, 0, '', '', '', advice, (ARRAY['', 'low', 'medium', 'high'])
          [1 + floor(4 * pg_temp.drawn(n, 24))::int], '', {_TOLD}
        FROM bench_text WHERE pg_temp.drawn(n, 25) < 0.7 ORDER BY n
        """,
        "usecases_lesson",
    ),
    # Steeper than Zipf: nearly half of all use cases name the most frequent standard.
    Step(
        "uses of standards",
        f"""
        {_ranks("standards_standard", "slug")}
        INSERT INTO usecases_standarduse
          (use_case_id, standard_id, edition_id, state, problems_met, source, created_at, updated_at, version)
        SELECT use_case, standard,
          CASE WHEN pg_temp.drawn(n, 26) < 0.7
            THEN (SELECT e.id FROM standards_edition e WHERE e.standard_id = standard
                  ORDER BY year DESC, id LIMIT 1) END,
          CASE WHEN pg_temp.drawn(n, 27) < 0.7 THEN 'used' WHEN pg_temp.drawn(n, 27) < 0.9 THEN 'required'
            ELSE 'planned' END,
          '', 'https://example.org/standards/' || n, {_TOLD}
        FROM (
          SELECT DISTINCT ON (t.id, r.id) t.id AS use_case, r.id AS standard, draw.n
          FROM generate_series(1, (%(standard_uses)s * 2.5)::bigint) AS draw(n)
          JOIN bench_text t ON t.n = 1 + floor(%(use_cases)s * pg_temp.drawn(draw.n, 28))
          JOIN rank_standards_standard r
            ON r.rank = floor(power((SELECT count(*) FROM standards_standard), power(pg_temp.drawn(draw.n, 29), 1.35)))
          ORDER BY t.id, r.id, draw.n
        ) AS every ORDER BY n LIMIT %(standard_uses)s
        """,
        "usecases_standarduse",
    ),
    Step(
        "results",
        f"""
        {_ranks("kpis_kpi", "slug")}
        INSERT INTO kpis_result
          (slug, use_case_id, kpi_id, state, baseline_value, result_value, unit, relative_change_percent, method,
           sample_size, measured_year, data_quality, verification, note, source, comparison, spread_kind,
           spread_unknown, side_effects, side_effects_note, cost_currency, outcome, answers, baseline_on,
           result_on, created_at, updated_at, version)
        SELECT 'bench-result-' || draw.n, t.id, k.id,
          CASE WHEN pg_temp.drawn(draw.n, 30) < 0.95 THEN 'accepted' ELSE 'draft' END,
          d.before, round(d.before * (1 + d.change / 100), 6), CASE WHEN d.before IS NULL THEN '' ELSE k.unit END,
          CASE WHEN d.before IS NULL THEN d.change END,
          (ARRAY['control group', 'interrupted time series', 'comparison study', 'before-after', 'before-after',
            'administrative data', 'survey', 'operator data', 'operator data', 'model', 'self-reported',
            'self-reported'])[1 + floor(12 * pg_temp.drawn(draw.n, 33))::int],
          '', CASE WHEN pg_temp.drawn(draw.n, 34) > 0.1 THEN 2025 - floor(18 * pg_temp.drawn(draw.n, 35))::int END,
          CASE WHEN pg_temp.drawn(draw.n, 36) < 0.3 THEN 'measured' ELSE '' END,
          floor(4 * pg_temp.drawn(draw.n, 37))::int,
          CASE WHEN pg_temp.drawn(draw.n, 38) < 0.3 THEN left(t.advice, 80) ELSE '' END,
          'https://example.org/results/' || draw.n, '', '', '', '', '', '', '', '[]', '', '', {_TOLD}
        FROM generate_series(1, %(results)s) AS draw(n)
        CROSS JOIN LATERAL (SELECT
          CASE WHEN pg_temp.drawn(draw.n, 31) < 0.4
            THEN round((1 + 500 * pg_temp.drawn(draw.n, 39))::numeric, 1) END AS before,
          round((90 * pg_temp.drawn(draw.n, 32) - 55)::numeric, 1) AS change
        ) AS d
        JOIN bench_text t ON t.n = 1 + floor(%(use_cases)s * power(pg_temp.drawn(draw.n, 40), 1.3))
        JOIN rank_kpis_kpi kr ON kr.rank = pg_temp.ranked(draw.n, 41, (SELECT count(*) FROM kpis_kpi))
        JOIN kpis_kpi k ON k.id = kr.id
        ORDER BY draw.n
        """,
        "kpis_result",
    ),
)
