"""The physical limit: a bare WSGI function, one prepared statement a request over a kept connection, no framework.

`gunicorn bench.limits:application -c gunicorn.conf.py` serves, from the database of `DATABASE_URL`:

- `/live`: a page of use cases, its JSON built by PostgreSQL from the normalised tables;
- `/documents`: the same page from the ready documents;
- `/facets`: counts by `FACETS` within a text search and a region, one scan; `/cube`: without text, from a cube;
- `/search`: the best 50 matches of a text search;
- `/explore`: what an indicator changed, in groups; `/cells`: the first 50 aggregates of an indicator in a region or in
  all together.
"""

import json
import os
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import psycopg2

#: What is counted; the API is asked for the same.
FACETS = ("vertical", "stage", "period")

_LIVE = """
SELECT coalesce(json_agg(page.one ORDER BY page.start DESC, page.id), '[]')::text FROM (
  SELECT u.id, coalesce(u.started_year, 0) AS start, json_build_object(
    'slug', u.slug, 'title', u.title, 'url', 'http://localhost/use-cases/' || u.slug || '/',
    'api_url', 'http://localhost/api/v1/use-cases/' || u.slug || '/', 'status', u.status,
    'vertical', json_build_object('code', v.code, 'name', v.code),
    'city', json_build_object('slug', c.slug, 'name', c.name,
      'country', json_build_object('code', co.code, 'name', co.name),
      'region', json_build_object('slug', r.slug, 'name', r.name),
      'population', c.population, 'size_band', c.size_band),
    'latitude', u.latitude, 'longitude', u.longitude, 'stage', u.stage, 'started_year', u.started_year,
    'ended_year', u.ended_year, 'problem', u.problem, 'solution', u.solution,
    'technologies', coalesce((
      SELECT json_agg(json_build_object('slug', t.slug, 'name', t.name) ORDER BY t.name, t.id)
      FROM usecases_usecase_technologies l JOIN usecases_technology t ON t.id = l.technology_id
      WHERE l.usecase_id = u.id), '[]'),
    'organisations', coalesce((
      SELECT json_agg(json_build_object('slug', o.slug, 'name', o.name, 'kind', nullif(o.kind, ''),
        'role', nullif(p.role, '')) ORDER BY p.position, p.id)
      FROM usecases_participation p JOIN members_organisation o ON o.id = p.organisation_id
      WHERE p.use_case_id = u.id), '[]'),
    'standards', coalesce((
      SELECT json_agg(json_build_object('slug', s.slug, 'designation', s.designation, 'edition', e.designation,
        'state', su.state, 'title', s.title, 'layer', s.layer, 'problems_met', nullif(su.problems_met, ''),
        'source', nullif(su.source, '')) ORDER BY s.designation, su.id)
      FROM usecases_standarduse su JOIN standards_standard s ON s.id = su.standard_id
      LEFT JOIN standards_edition e ON e.id = su.edition_id WHERE su.use_case_id = u.id), '[]'),
    'lessons', coalesce((
      SELECT json_agg(json_build_object('context', nullif(l.context, ''), 'cause', nullif(l.cause, ''),
        'effect', nullif(l.effect, ''), 'advice', l.advice, 'confidence', nullif(l.confidence, ''),
        'source', nullif(l.source, '')) ORDER BY l.position, l.id)
      FROM usecases_lesson l WHERE l.use_case_id = u.id), '[]'),
    'covid_relevance', u.covid_relevance,
    'cost', CASE WHEN u.cost_amount IS NOT NULL
      THEN json_build_object('amount', u.cost_amount::text, 'currency', u.cost_currency) END,
    'city_from_outset', u.city_from_outset, 'alliance_from_outset', u.alliance_from_outset, 'source', u.source,
    'results', 'http://localhost/api/v1/results/?use_case=' || u.slug,
    'published_at', u.published_at, 'updated_at', u.updated_at, 'version', u.version) AS one
  FROM usecases_usecase u
  JOIN usecases_vertical v ON v.id = u.vertical_id
  JOIN usecases_city c ON c.id = u.city_id
  JOIN usecases_country co ON co.id = c.country_id
  JOIN usecases_region r ON r.id = co.region_id
  WHERE v.code = $1 AND r.slug = $2 AND u.stage = $3 AND u.status = 'published'
  ORDER BY coalesce(u.started_year, 0) DESC, u.id LIMIT 50
) AS page
"""

_DOCUMENTS = """
SELECT '[' || coalesce(string_agg(page.body, ',' ORDER BY page.start DESC, page.id), '') || ']' FROM (
  SELECT id, start, body FROM usecases_usecasedocument
  WHERE vertical = $1 AND region = $2 AND stage = $3 AND is_public ORDER BY start DESC, id LIMIT 50
) AS page
"""

_COUNTED = ", ".join(f'"{name}"' for name in FACETS)
_SETS = ", ".join(f'("{name}")' for name in FACETS)
_COUNTS = f"""
SELECT coalesce(json_agg(json_build_array({_COUNTED}, n)), '[]')::text FROM (
  SELECT {_COUNTED}, {{count}} AS n FROM {{rows}} GROUP BY GROUPING SETS ({_SETS}, ())
) AS counted
"""

_FACETS = _COUNTS.format(
    count="count(*)",
    rows="usecases_usecasedocument WHERE region = $1 AND is_public "
    "AND search_vector @@ websearch_to_tsquery('portal_en', $2)",
)

#: Any choice of regions, of relevance to COVID-19 and of sizes: the texts are arrays of PostgreSQL.
_CUBE = _COUNTS.format(
    count="sum(n)",
    rows="bench_cube WHERE region = ANY($1::text[]) AND covid = ANY($2::text[]) "
    "AND (cardinality($3::text[]) = 0 OR size = ANY($3::text[]))",
)

_SEARCH = """
SELECT '[' || coalesce(string_agg(d.body, ',' ORDER BY best.rank DESC, best.id), '') || ']' FROM (
  SELECT id, ts_rank(search_vector, q) AS rank
  FROM usecases_usecasedocument, websearch_to_tsquery('portal_en', $1) AS q
  WHERE is_public AND search_vector @@ q AND ($2 = '' OR region = $2) ORDER BY rank DESC, id LIMIT 50
) AS best JOIN usecases_usecasedocument d ON d.id = best.id
"""

#: What results are grouped by -> the key, and what it needs beside the inputs (i).
GROUPINGS = {
    "all": ("''", ""),
    "vertical": ("i.vertical_id::text", ""),
    "region": ("i.region_id::text", ""),
    "design": ("i.design", ""),
    "year": ("i.year::text", ""),
    "stage": ("u.stage", "JOIN usecases_usecase u ON u.id = i.use_case_id"),
    "size": ("c.size_band", "JOIN usecases_city c ON c.id = i.city_id"),
}
_EXPLORE = """
SELECT coalesce(json_agg(g), '[]')::text FROM (
  SELECT {0} AS value, count(*) AS results, count(change) AS n, count(DISTINCT use_case_id) AS use_cases,
    count(DISTINCT i.city_id) AS cities, avg(change) AS mean, stddev_samp(change) AS deviation,
    percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY change) AS quartiles, min(change), max(change),
    count(*) FILTER (WHERE change > 0) AS improved, count(*) FILTER (WHERE change < 0) AS worsened, max(changed_at)
  FROM kpis_aggregateinput i {1} WHERE i.kpi_id = (SELECT id FROM kpis_kpi WHERE slug = $1) GROUP BY 1
) AS g
"""

_CELLS = """
SELECT coalesce(json_agg(page.one ORDER BY page.id), '[]')::text FROM (
  SELECT a.id, json_build_object(
    'url', 'http://localhost/kpis/' || k.slug || '/computed/?measure=' || a.measure,
    'kpi', json_build_object('slug', k.slug, 'code', k.code, 'name', k.name, 'unit', k.unit, 'direction', k.direction),
    'vertical', CASE WHEN v.id IS NOT NULL THEN json_build_object('code', v.code, 'name', v.code) END,
    'region', CASE WHEN r.id IS NOT NULL THEN json_build_object('slug', r.slug, 'name', r.name) END,
    'design', nullif(a.design, ''), 'measure', a.measure, 'results', a.results, 'use_cases', a.use_cases,
    'cities', a.cities, 'n', a.n, 'points', a.points, 'median', a.median, 'median_low', a.median_low,
    'median_high', a.median_high, 'median_coverage', a.median_coverage, 'mean', a.mean, 'mean_low', a.mean_low,
    'mean_high', a.mean_high, 'lower_quartile', a.lower_quartile, 'upper_quartile', a.upper_quartile,
    'minimum', a.minimum, 'maximum', a.maximum, 'improved', a.improved, 'unchanged', a.unchanged,
    'worsened', a.worsened, 'oldest_year', a.oldest_year, 'newest_year', a.newest_year, 'as_of', a.as_of,
    'rule', a.rule, 'inputs', 'http://localhost/api/v1/results/?kpi=' || k.slug, 'inputs_hash', a.inputs_hash) AS one
  FROM kpis_aggregate a JOIN kpis_kpi k ON k.id = a.kpi_id
  LEFT JOIN usecases_vertical v ON v.id = a.vertical_id LEFT JOIN usecases_region r ON r.id = a.region_id
  WHERE a.kpi_id = (SELECT id FROM kpis_kpi WHERE slug = $1)
    AND a.region_id IS NOT DISTINCT FROM (SELECT id FROM usecases_region WHERE slug = $2)
  ORDER BY a.kpi_id, a.id LIMIT 50
) AS page
"""

_STATEMENTS = {
    "live": (_LIVE, "text, text, text"),
    "documents": (_DOCUMENTS, "text, text, text"),
    "facets": (_FACETS, "text, text"),
    "cube": (_CUBE, "text, text, text"),
    "search": (_SEARCH, "text, text"),
    **{f"explore_{name}": (_EXPLORE.format(*how), "text") for name, how in GROUPINGS.items()},
    "cells": (_CELLS, "text, text"),
}
_kept = threading.local()


def _connection() -> Any:
    found = getattr(_kept, "connection", None)
    if found is None:
        found = _kept.connection = psycopg2.connect(os.environ["DATABASE_URL"])
        found.autocommit = True
        with found.cursor() as cursor:
            for name, (sql, types) in _STATEMENTS.items():
                cursor.execute(f"PREPARE {name} ({types}) AS {sql}")
    return found


def _ask(name: str, *values: str) -> str:
    with _connection().cursor() as cursor:
        cursor.execute(f"EXECUTE {name} ({', '.join(['%s'] * len(values))})", values)
        return cursor.fetchone()[0]


Query = dict[str, list[str]]


def _page(name: str, query: Query) -> str:
    return _ask(name, query["vertical"][0], query["region"][0], query["stage"][0])


def _facets(query: Query) -> str:
    return _ask("facets", query["region"][0], query["q"][0])


def _cube(query: Query) -> str:
    return _ask("cube", *("{" + ",".join(query.get(name, [])) + "}" for name in ("region", "covid", "size")))


def _search(query: Query) -> str:
    return _ask("search", query["q"][0], query.get("region", [""])[0])


def _explore(query: Query) -> str:
    return _ask(f"explore_{query['group_by'][0]}", query["kpi"][0])


def _cells(query: Query) -> str:
    return _ask("cells", query["kpi"][0], query["region"][0])


_ANSWERS: dict[str, Callable[[Query], str]] = {
    "/live": partial(_page, "live"),
    "/documents": partial(_page, "documents"),
    "/facets": _facets,
    "/cube": _cube,
    "/search": _search,
    "/explore": _explore,
    "/cells": _cells,
}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    answer = _ANSWERS.get(environ["PATH_INFO"])
    if answer is None:
        start_response("404 Not Found", [("Content-Type", "application/json")])
        return [json.dumps({"known": sorted(_ANSWERS)}).encode()]
    body = b'{"results":%s}' % answer(parse_qs(environ["QUERY_STRING"])).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
