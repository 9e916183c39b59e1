"""The addresses of practices answer what the description of the API says, field by field."""

import copy

import jsonschema
import pytest

from practices import upkeep
from practices.api import EXAMPLES
from practices.models import Practice
from tests.alliance.test_api_schema import operation, strict
from tests.practices import recipes

pytestmark = pytest.mark.django_db
LIST, EVIDENCE, RANKING = "/api/v1/practices/", "/api/v1/practices/{slug}/evidence/", "/api/v1/rankings/{run}/"


@pytest.fixture(scope="module")
def described():
    from alliance.api import openapi

    return copy.deepcopy(openapi())


def content(described, path):
    return operation(described, path)["responses"]["200"]["content"]["application/json"]


def validator(described, path):
    return strict(described, content(described, path)["schema"])


def test_real_and_made_answers_are_what_is_described(client, described):
    recipes.practice([-30, -31, -32, -29, -30, -28, -31, -30, -30, -33], harm_confirmed="Noise.")
    odd = recipes.practice([-5])
    recipes.measure(odd, None, result_value=5, unit="minute")
    upkeep.rebuild()
    listed = client.get(LIST).json()
    validator(described, LIST).validate(listed)
    with pytest.raises(jsonschema.ValidationError):  # the validator does look
        validator(described, LIST).validate({**listed, "unheard_of": 1})
    assert len(listed["results"]) == Practice.objects.public().count()
    evidence = validator(described, EVIDENCE)
    for one in listed["results"]:
        told = client.get(one["evidence"]).json()
        evidence.validate(told)
        lines = told["certainty"]["lines"]
        assert sum(line["points"] for line in lines) == pytest.approx(told["certainty"]["points"])
        assert all(line["text"].endswith(".") for line in lines)
    refused = client.get(f"/api/v1/practices/{odd.slug}/evidence/").json()["families"][0]["refused"]
    assert [one["why"] for one in refused] == ["no-baseline"]
    ranking = client.get(listed["ranking"]).json()
    validator(described, RANKING).validate(ranking)
    for score in ranking["scores"]:
        assert score["total"] is None or score["total"] == pytest.approx(sum(line["points"] for line in score["lines"]))


@pytest.mark.parametrize(("path", "name"), [(LIST, "practices"), (EVIDENCE, "evidence"), (RANKING, "ranking")])
def test_each_has_a_real_example(described, path, name):
    examples = [one["value"] for one in content(described, path)["examples"].values()]
    assert examples == [EXAMPLES[name]]
    validator(described, path).validate(examples[0])


def test_the_root_names_them(client):
    addresses = client.get("/api/v1/").json()["addresses"]
    assert addresses["practices"]["address"].endswith(LIST)
    assert addresses["practice-evidence"]["address"].endswith(EVIDENCE)
    assert addresses["ranking"]["address"].endswith(RANKING)
    assert client.get(addresses["practices"]["address"]).status_code == 200


def test_the_brief_and_the_page_of_a_listed_practice_are_there(client):
    recipes.practice([-30, -31, -32])
    upkeep.rebuild()
    one = client.get(LIST).json()["results"][0]
    assert client.get(one["brief"])["Content-Type"] == "application/pdf"
    assert client.get(one["page"]).status_code == 200
