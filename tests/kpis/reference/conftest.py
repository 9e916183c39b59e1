import pytest
from django.db import connection

from tests.kpis.reference.files import DataFolder


@pytest.fixture
def data(tmp_path):
    return DataFolder(tmp_path / "data")


@pytest.fixture
def empty_database(db):
    """No rows in the tables that the files fill; undone when the test ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE kpis_result, kpis_kpi, usecases_usecase, usecases_technology, usecases_vertical, usecases_city,"
            " usecases_country, usecases_region, members_organisation, standards_edition, standards_standard,"
            " standards_body CASCADE"
        )
