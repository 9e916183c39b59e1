"""The made-up data set is the same for the same seed, and realistic where it matters."""

from collections import Counter

import pytest
from django.db import connection, transaction

from alliance.events.models import Change
from bench import data, texts

_FINGERPRINTS = {
    "use cases": """
        SELECT md5(string_agg(u.slug || u.title || u.problem || v.code || c.slug || u.stage || u.status
          || coalesce(u.started_year, 0) || coalesce(u.cost_amount, 0), '' ORDER BY u.slug))
        FROM usecases_usecase u JOIN usecases_vertical v ON v.id = u.vertical_id
        JOIN usecases_city c ON c.id = u.city_id
    """,
    "uses of standards": """
        SELECT md5(string_agg(u.slug || s.slug || x.state, '' ORDER BY u.slug, s.slug, x.state))
        FROM usecases_standarduse x JOIN usecases_usecase u ON u.id = x.use_case_id
        JOIN standards_standard s ON s.id = x.standard_id
    """,
    "results": """
        SELECT md5(string_agg(u.slug || k.slug || r.method || coalesce(r.change_percent, 0), '' ORDER BY r.slug))
        FROM kpis_result r JOIN usecases_usecase u ON u.id = r.use_case_id JOIN kpis_kpi k ON k.id = r.kpi_id
    """,
}


class TakenBackError(Exception):
    """Leaves no row behind."""


def made(seed: int) -> tuple[dict[str, str], int]:
    """Fingerprints of the rows of a seed, and how many entries of the change log they caused."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            before = Change.objects.count()
            data.make_rows(seed, data.Size(0.0005), lambda line: None)
            found = {}
            for name, sql in _FINGERPRINTS.items():
                cursor.execute(sql)
                found[name] = cursor.fetchone()[0]
            logged = Change.objects.count() - before
            raise TakenBackError
    except TakenBackError:
        return found, logged


@pytest.mark.django_db
@pytest.mark.usefixtures("reference_data")
def test_a_seed_says_it_all():
    first, again, other = made(1), made(1), made(2)
    assert first == again
    assert first[1] == 0, "making rows wrote to the change log"
    assert all(first[0][name] != other[0][name] for name in _FINGERPRINTS)


@pytest.mark.django_db
@pytest.mark.usefixtures("reference_data")
def test_the_log_is_on_again_afterwards():
    data.make_rows(1, data.Size(0.0005), lambda line: None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'events\\_log\\_%%' AND tgenabled <> 'O'")
        assert cursor.fetchone()[0] == 0


def test_a_few_words_are_everywhere_and_most_are_rare():
    found = list(texts.texts(1, 2_000))
    cases = Counter(word for one in found for word in {*" ".join(one).lower().split()})
    often = [word for word, count in cases.items() if count > 400]
    rare = [word for word, count in cases.items() if count <= 20]
    assert 10 <= len(often) <= 60
    assert len(rare) > 0.8 * len(cases)
    assert all(len(one.title) <= 200 for one in found)
