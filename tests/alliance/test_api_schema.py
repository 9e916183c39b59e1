"""The API's description is valid, complete, and true of what is answered."""

import copy
import json

import jsonschema
import pytest
import yaml
from django.core.management import call_command
from openapi_spec_validator import OpenAPIV31SpecValidator

from alliance.api import filterset_of, openapi
from alliance.core.schema import EXAMPLES_FILE, REFUSALS
from alliance.events.documents import kinds
from tests.alliance.api_cases import BY_NAME, NAMES, REAL_KEYS, detail_address, list_address, walk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data", "no_quota")]


@pytest.fixture(scope="module")
def described() -> dict:
    return json.loads(json.dumps(openapi(), default=str))


def resolved(described: dict, value: dict) -> dict:
    while "$ref" in value:
        target = described
        for step in value["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        value = target
    return value


def operation(described: dict, path: str) -> dict:
    return described["paths"][path]["get"]


def strict(described: dict, schema: dict) -> jsonschema.Draft202012Validator:
    """A validator that also refuses what the description does not name."""
    whole = copy.deepcopy(described)

    def close(value):
        if isinstance(value, dict):
            if "properties" in value and "additionalProperties" not in value:
                value["additionalProperties"] = False
            for inner in value.values():
                close(inner)
        elif isinstance(value, list):
            for inner in value:
                close(inner)

    close(whole["components"]["schemas"])
    return jsonschema.Draft202012Validator(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": whole["components"], **schema},
        format_checker=jsonschema.FormatChecker(),
    )


def test_it_is_valid_openapi_3_1(client, described):
    assert described["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(described).validate()


def test_it_is_served_as_json_and_as_yaml(client):
    as_json = client.get("/api/v1/schema/")
    assert as_json["Content-Type"] == "application/json"
    for query, accept in (("?format=yaml", "*/*"), ("", "application/vnd.oai.openapi")):
        as_yaml = client.get(f"/api/v1/schema/{query}", headers={"accept": accept})
        assert as_yaml["Content-Type"].startswith("application/vnd.oai.openapi")
        assert yaml.safe_load(as_yaml.content) == as_json.json()
    assert client.get("/api/v1/schema/?format=json", headers={"accept": "text/html"}).json() == as_json.json()


def test_what_writes_says_who_may_and_how_it_is_refused(described):
    written = [
        (path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if method != "get" or "/reports/" in path
    ]
    assert len(written) == 6
    for path, method, operation in written:
        assert operation["security"] == [{"token": []}, {"session": []}]
        assert {"401", "403", "429"} <= set(operation["responses"])
        assert ("requestBody" in operation) == (method in ("post", "patch")), path
    assert set(described["components"]["securitySchemes"]) == {"token", "session"}


def test_the_bodies_have_every_field_of_the_forms(described):
    from reporting.fields import FORMS

    for name, kind in (("ReportedUseCase", "use-case"), ("ReportedResult", "result")):
        fields = set(described["components"]["schemas"][name]["properties"])
        assert fields == {*FORMS[kind].by_name, "organisation", "answers"}
        batch = described["components"]["schemas"][f"{name}OrBatch"]["properties"]
        assert set(batch) == {*fields, "items"}
        needed = {one.name for one in FORMS[kind].fields if one.required}
        assert set(described["components"]["schemas"][name]["required"]) == needed


def test_the_generator_has_nothing_to_complain_about(tmp_path):
    file = tmp_path / "schema.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["info"]["title"].endswith("REST API")


def test_every_address_and_every_status_is_declared(described):
    expected = {"/api/v1/", "/api/v1/schema/", *(f"/api/v1/facets/{name}/" for name in kinds)}
    for name in NAMES:
        expected |= {
            f"/api/v1/{name}/",
            f"/api/v1/{name}/{{{BY_NAME[name].lookup_field}}}/",
            f"/api/v1/{name}.{{ending}}",
        }
    insight = {"/api/v1/kpis/{code}/distribution/", "/api/v1/peers/", "/api/v1/benchmarks/"}
    insight |= {"/api/v1/kpis/{code}/calculate/", "/api/v1/kpis/{code}/crosswalk/"}
    expected |= {"/api/v1/practices/", "/api/v1/practices/{slug}/evidence/", "/api/v1/rankings/{run}/"}
    reports = {"/api/v1/reports/": {"get"}, "/api/v1/reports/{key}/": {"get", "patch", "delete"}}
    assert set(described["paths"]) == expected | insight | set(reports)
    for path, methods in described["paths"].items():
        writes = {"post"} if path in ("/api/v1/use-cases/", "/api/v1/results/") else set()
        assert set(methods) == reports.get(path, {"get"} | writes)
        if path in reports:
            continue
        statuses = set(methods["get"]["responses"])
        refusals = {str(status) for status in REFUSALS}
        if path.endswith(("}/", "}/evidence/")) or "{code}/" in path:
            assert statuses == {"200", "304", *refusals}
        elif path.endswith("{ending}"):
            assert statuses == {"200", *(refusals - {"404", "412"})}
        else:
            assert statuses == {"200", "304", *(refusals - {"404"})}


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_described_with_its_values(described, name):
    parameters = [resolved(described, one) for one in operation(described, f"/api/v1/{name}/")["parameters"]]
    query = {one["name"]: one for one in parameters if one["in"] == "query"}
    filterset_class = filterset_of(BY_NAME[name])
    assert set(query) == {*filterset_class.base_filters, "sort", "page_size", "cursor", "count", "fields", "omit"}
    assert all(one["description"] for one in query.values())
    assert query["sort"]["schema"]["enum"] == list(filterset_class.sorts)
    for facet, one in filterset_class.base_filters.items():
        if getattr(one, "choices", None) is not None:
            assert query[facet]["schema"]["items"]["enum"] == [str(value) for value in one.choices.values]
            assert (query[facet]["style"], query[facet]["explode"]) == ("form", True)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_answered_is_what_is_described(client, described, name):
    content = operation(described, f"/api/v1/{name}/")["responses"]["200"]["content"]["application/json"]
    validator = strict(described, content["schema"])
    validator.validate(client.get(list_address(name, "page_size=1&count=true")).json())
    for first in (client.get(list_address(name, "page_size=200")).json(),):
        validator.validate(first)
    path = f"/api/v1/{name}/{{{BY_NAME[name].lookup_field}}}/"
    record = strict(described, operation(described, path)["responses"]["200"]["content"]["application/json"]["schema"])
    for one in walk(client, name, "", 200):
        record.validate(one)
    with pytest.raises(jsonschema.ValidationError):  # the validator does look
        record.validate({**one, "unheard_of": 1})


def test_the_root_is_described(client, described):
    schema = operation(described, "/api/v1/")["responses"]["200"]["content"]["application/json"]["schema"]
    strict(described, schema).validate(client.get("/api/v1/").json())


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/use-cases/?zz=1", 400),
        ("/api/v1/use-cases/zz/", 404),
        ("/api/v1/nothing/", 404),
    ],
)
def test_problems_are_what_is_described(client, described, address, status):
    answer = resolved(described, operation(described, "/api/v1/use-cases/{slug}/")["responses"][str(status)])
    strict(described, answer["content"]["application/problem+json"]["schema"]).validate(client.get(address).json())


def test_every_example_is_valid(described):
    seen = 0
    for methods in described["paths"].values():
        for answer in methods["get"]["responses"].values():
            for content in resolved(described, answer).get("content", {}).values():
                for example in content.get("examples", {}).values():
                    strict(described, content["schema"]).validate(example["value"])
                    seen += 1
    assert seen > 2 * len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_real_records(client, settings, name):
    settings.PORTAL_ORIGIN = "https://portal.example.org"
    example = json.loads(EXAMPLES_FILE.read_text(encoding="utf-8"))[name]
    record = client.get(f"/api/v1/{name}/{example[BY_NAME[name].lookup_field]}/").json()
    volatile = {"published_at", "updated_at", "version", *({"url"} if name == "results" else ())}
    volatile |= {"as_of", "inputs_hash"} if name == "aggregates" else set()
    assert {key: value for key, value in example.items() if key not in volatile} == {
        key: value for key, value in record.items() if key not in volatile
    }
    assert set(example) == set(record)
    assert detail_address(name).endswith(f"/{REAL_KEYS[name]}/")


def test_no_name_in_it_depends_on_the_language(client):
    english = client.get("/api/v1/schema/").content
    assert client.get("/api/v1/schema/", headers={"accept-language": "ar"}).content == english
