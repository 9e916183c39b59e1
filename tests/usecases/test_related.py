"""Related cases and why they are related; standards to ask for."""

import pytest
from django.db import connection

from standards.models import Standard
from tests.kpis import recipes as kpis
from tests.usecases import recipes
from usecases import queries
from usecases.models import StandardUse, UseCase
from usecases.queries import related_use_cases, standards_by_layer, suggested_standards

pytestmark = pytest.mark.usefixtures("reference_data")


def loaded(row: UseCase) -> UseCase:
    return UseCase.objects.for_documents().get(pk=row.pk)


def related(row: UseCase, user=None, **options) -> dict[str, list[str]]:
    return {one.use_case.title: list(one.reasons) for one in related_use_cases(loaded(row), user, **options)}


def test_each_reason_is_said():
    place = recipes.city()
    standard = Standard.objects.first()
    case = recipes.use_case(
        vertical="agriculture-food",
        city=place,
        technologies=["beehive scales", "rain gauges", "wind vanes", "tide tables"],
        organisations=["Bees and Co"],
    )
    twin = recipes.use_case(
        title="Twin",
        vertical="agriculture-food",
        city=place,
        technologies=["rain gauges", "beehive scales", "wind vanes", "tide tables", "other"],
        organisations=["Bees and Co"],
    )
    for row in (case, twin):
        StandardUse.objects.create(use_case=row, standard=standard)
    neighbour = recipes.use_case(title="Neighbour", vertical="agriculture-food", city=recipes.city())
    same_city = recipes.use_case(title="Same city", vertical="education", city=place)
    technology = recipes.use_case(title="Technology", vertical="education", technologies=["rain gauges"])
    found = related(case)
    assert list(found) == ["Twin", "Neighbour", technology.title, same_city.title]
    assert found["Twin"] == [
        "Same field and city",
        "Also uses beehive scales, rain gauges, tide tables and 1 more",
        f"Also names {standard}",
        "Bees and Co takes part in both",
    ]
    assert found[neighbour.title] == ["Same field and country"]
    assert found["Same city"] == ["Same city"]
    assert found["Technology"] == ["Same country", "Also uses rain gauges"]


def test_equal_ones_come_by_title_and_the_case_itself_never():
    case = recipes.use_case(vertical="agriculture-food")
    for title in ("Cress", "Apples", "Beans"):
        recipes.use_case(title=title, vertical="agriculture-food")
    assert list(related(case)) == ["Apples", "Beans", "Cress"]
    assert len(related(case, limit=2)) == 2


def test_drafts_are_related_for_editors_alone():
    case = recipes.use_case(vertical="agriculture-food")
    recipes.use_case(title="Not yet", vertical="agriculture-food", status="draft")
    assert "Not yet" not in related(case)
    assert "Not yet" in related(case, recipes.visitor_of_staff())


def test_the_number_of_queries_does_not_grow_with_the_rows(django_assert_num_queries):
    standard = Standard.objects.first()
    case = recipes.use_case(technologies=["parking sensors"], organisations=["Bees and Co"])
    for row in (case, recipes.use_case(technologies=["parking sensors"])):
        StandardUse.objects.create(use_case=row, standard=standard)
    case = loaded(case)
    with django_assert_num_queries(5):
        found = related_use_cases(case, None, limit=2)
        assert all(one.use_case.city.country for one in found)
    for _ in range(12):
        recipes.use_case(technologies=["parking sensors", "mobile app"], organisations=["Bees and Co"])
    with django_assert_num_queries(5):
        assert len(related_use_cases(case, None, limit=12)) == 12


def test_the_same_is_asked_of_the_database_for_every_case():
    """So that its plan can be watched: no statement tells how many links a case has."""
    few = recipes.use_case(technologies=["parking sensors"])
    many = recipes.use_case(
        technologies=["parking sensors", "mobile app", "rain gauges"], organisations=["Bees and Co"]
    )
    asked = []
    for case in (loaded(few), loaded(many)):
        with CaptureWords() as words:
            assert related_use_cases(case, None)
        asked.append(words)
    assert asked[0][:2] == asked[1][:2]


class CaptureWords(list):
    """The statements sent to the database inside the block, without their parameters."""

    def __enter__(self):
        self.listening = connection.execute_wrapper(self.note)
        self.listening.__enter__()
        return self

    def __exit__(self, *error):
        self.listening.__exit__(*error)

    def note(self, execute, sql, parameters, many, context):
        self.append(sql)
        return execute(sql, parameters, many, context)


def test_what_very_many_share_is_looked_at_for_some_of_them_alone(monkeypatch):
    monkeypatch.setattr(queries, "MOST_SHARING", 2)
    monkeypatch.setattr(queries, "MOST_OF_ONE_KIND", 2)
    place = recipes.city()
    case = recipes.use_case(vertical="agriculture-food", city=place, technologies=["wind vanes"])
    for _ in range(8):
        recipes.use_case(vertical="agriculture-food", city=place, technologies=["wind vanes"])
    assert 0 < len(related_use_cases(loaded(case), None, limit=8)) < 8


def test_the_page_adds_the_indicators_in_common(client):
    kpi = kpis.kpi(name="Lost hats")
    case, other = (recipes.use_case(vertical="agriculture-food") for _ in range(2))
    for row in (case, other):
        kpis.result(use_case=row, kpi=kpi)
    html = client.get(f"/use-cases/{case.slug}/").content.decode()
    part = html.split('aria-labelledby="related"')[1].split("</section>")[0]
    assert "Also measures: Lost hats." in part
    assert f'name="u" value="{case.slug}"' in part
    assert f'name="u" value="{other.slug}"' in part
    assert 'action="/use-cases/compare/"' in part


def test_a_case_like_no_other_has_none():
    alone = recipes.use_case(vertical="agriculture-food", city=recipes.city())
    UseCase.objects.exclude(pk=alone.pk).filter(vertical__code="agriculture-food").delete()
    assert related(alone) == {}


def test_standards_stand_by_layer_in_the_order_of_the_framework():
    case = recipes.use_case()
    for layer in ("technical", "semantic"):
        StandardUse.objects.create(use_case=case, standard=Standard.objects.filter(layer=layer).first())
    layers = standards_by_layer(loaded(case))
    assert [layer.code for layer in layers] == ["legal", "organisational", "semantic", "technical"]
    assert [len(layer.uses) for layer in layers] == [0, 0, 1, 1]


def test_suggestions_are_of_the_field_in_force_and_not_named_already():
    case = loaded(UseCase.objects.get(slug="sfpark-san-francisco"))
    first = suggested_standards(case)
    assert first
    for layer in first:
        assert 1 <= len(layer.standards) <= 2
        for standard in layer.standards:
            assert "mobility" in standard.verticals
            assert standard.rfp_use
            assert standard.editions.filter(status="published").exists()
    assert [layer.standards for layer in first] == [layer.standards for layer in suggested_standards(case)]
    taken = first[-1].standards[0]
    StandardUse.objects.create(use_case=case, standard=taken)
    again = suggested_standards(loaded(case))
    assert taken not in [standard for layer in again for standard in layer.standards]


def test_suggestions_follow_the_words_of_the_case():
    """Parking is asked for with standards about parking."""
    case = loaded(UseCase.objects.get(slug="sfpark-san-francisco"))
    best = {str(layer.label): layer.standards[0] for layer in suggested_standards(case)}
    assert "parking" in best["Organisational"].title.lower()
    assert "parking" in best["Technical"].title.lower()


def test_suggestions_take_one_query(django_assert_num_queries):
    case = loaded(UseCase.objects.get(slug="sfpark-san-francisco"))
    with django_assert_num_queries(1):
        suggested_standards(case)
