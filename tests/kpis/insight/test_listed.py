"""Forms of insight are written from what is kept: the same as Django writes them, and never an old name."""

import pytest
from django.test import Client
from django.utils import translation

from kpis.insight import listed
from kpis.insight.forms import CHOICES, ExploreForm
from kpis.models import Kpi
from tests.kpis import recipes as kpis
from tests.kpis.insight.recipes import EIGHT, measured, page
from usecases.models import Region

pytestmark = pytest.mark.usefixtures("reference_data")
NAMES = ("kpi", "group_by", "measure", *CHOICES)


def _queries() -> list[dict[str, str]]:
    listed_slug, code = measured(EIGHT).slug, measured(EIGHT).code
    return [
        {},
        {"kpi": listed_slug, "group_by": "region", "measure": "value"},
        {"kpi": listed_slug, "region": "europe", "vertical": "mobility", "year_min": "2010", "year_max": ""},
        {"kpi": code, "design": "stated", "stage": "", "size": "large"},
        {"kpi": kpis.kpi().slug},
        {"kpi": 'no"<such>', "region": "nowhere", "group_by": "?", "year_min": "x"},
        {"kpi": listed_slug},
    ]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_field_is_as_django_writes_it(language):
    with translation.override(language):
        for query in _queries():
            kept, plain = ExploreForm(query, stamp="one"), ExploreForm(query)
            assert kept.is_valid() == plain.is_valid()
            assert [*kept.first, *kept.choices] == [plain[name].as_field_group() for name in NAMES]


def test_what_is_kept_is_used_while_the_stamp_is_the_same():
    first = ExploreForm({}, stamp="one").first[0]
    kpi = measured(EIGHT)
    assert ExploreForm({}, stamp="one").first[0] == first
    assert f'value="{kpi.slug}"' not in first
    assert f'value="{kpi.slug}"' in ExploreForm({}, stamp="two").first[0]


def test_the_page_names_what_was_committed_before_it(client: Client):
    kpi = measured(EIGHT)
    assert f"{kpi.name} ({kpi.code})" in page(client, kpi)[1]
    Kpi.objects.filter(pk=kpi.pk).update(name="Waiting at the bridge")
    assert f"Waiting at the bridge ({kpi.code})" in page(client, kpi)[1]
    other = measured(EIGHT)
    assert f'value="{other.slug}"' in page(client, kpi)[1]


def test_a_new_region_can_be_chosen(client: Client):
    kpi = measured(EIGHT)
    address = f"/kpis/explore/?kpi={kpi.slug}&region=atlantis"
    assert client.get(address).status_code == 400
    Region.objects.create(slug="atlantis", name="Atlantis")
    found = client.get(address)
    assert found.status_code == 200
    assert '<option value="atlantis" selected>Atlantis</option>' in found.content.decode()
    assert client.get(f"/api/v1/kpis/{kpi.slug}/distribution/?region=atlantis").status_code == 200


def test_nothing_is_looked_up_for_what_is_kept(django_assert_num_queries):
    assert ExploreForm({}, stamp="one").first
    assert ExploreForm({}, stamp="one").choices
    with django_assert_num_queries(0):
        form = ExploreForm({"region": "europe"}, stamp="one")
        assert form.is_valid()
        assert 'value="europe" selected' in form.choices[1]


def test_what_is_kept_is_forgotten_with_it():
    ExploreForm({}, stamp="one").first[0]
    listed.forget()
    kpi = measured(EIGHT)
    assert f'value="{kpi.slug}"' in ExploreForm({}, stamp="one").first[0]
