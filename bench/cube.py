"""What the bare functions of `limits.py` have beside the portal's own tables: a cube of counts, one index."""

from django.db import connection

#: What lists are counted by; `limits.py` and the API are asked for the same facets.
DIMENSIONS = ("region", "vertical", "stage", "size", "period", "covid")


def make() -> None:
    """Make or renew both."""
    dimensions = ", ".join(f'"{name}"' for name in DIMENSIONS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            DROP TABLE IF EXISTS bench_cube;
            CREATE TABLE bench_cube AS SELECT {dimensions}, count(*)::int AS n
              FROM usecases_usecasedocument WHERE is_public GROUP BY {dimensions};
            CREATE INDEX ON bench_cube (region, covid, size);
            CREATE INDEX IF NOT EXISTS bench_live_page ON usecases_usecase
              (vertical_id, stage, (coalesce(started_year, 0)) DESC, id) INCLUDE (city_id) WHERE status = 'published';
            """
        )
