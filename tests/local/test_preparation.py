"""Steps before the start are done when what they depend on has changed, and only then."""

import io
import os

import pytest

from alliance.local import preparation
from alliance.local.console import Console
from alliance.local.preparation import fingerprint, prepare
from alliance.local.problems import Problem

PROJECT = {
    "requirements.lock": "django==5.2\n",
    "data/cities.csv": "name\nBend\n",
    "static/css/portal.css": "a{}",
    "kpis/migrations/0001_initial.py": "",
    "locale/ar/LC_MESSAGES/django.po": "",
    "tests/kpis/migrations/0001_fake.py": "",
}
ALL = ["compile_catalogues", "collectstatic", "migrate", "load_reference_data"]


@pytest.fixture
def project(checkout):
    for name, text in PROJECT.items():
        path = checkout.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    make_database(checkout, 1)
    return checkout


def make_database(checkout, age):
    version = checkout.service_home / "postgres" / "PG_VERSION"
    version.parent.mkdir(exist_ok=True)
    version.write_text("18\n")
    os.utime(version, ns=(age, age))


@pytest.fixture
def done(monkeypatch):
    """The commands that ran, in order; each leaves what the real one leaves."""
    commands = []

    def run(checkout, _environment, command):
        commands.append(command[0])
        if command[0] == "collectstatic":
            (checkout.root / "staticfiles").mkdir(exist_ok=True)
        if command[0] == "compile_catalogues":
            for source in checkout.root.glob("locale/**/*.po"):
                source.with_suffix(".mo").touch()

    monkeypatch.setattr(preparation, "manage", run)
    return commands


def run(checkout, done):
    del done[:]
    prepare(checkout, {}, Console(io.StringIO()))
    return list(done)


def test_nothing_is_done_twice(project, done):
    assert run(project, done) == ALL
    assert run(project, done) == []


@pytest.mark.parametrize(
    ("changed", "due"),
    [
        ("data/cities.csv", ["load_reference_data"]),
        ("data/new.csv", ["load_reference_data"]),
        ("static/css/portal.css", ["collectstatic"]),
        ("kpis/migrations/0002_more.py", ["migrate", "load_reference_data"]),
        ("requirements.lock", ["collectstatic", "migrate"]),
        ("locale/ar/LC_MESSAGES/django.po", ["compile_catalogues"]),
        ("tests/kpis/migrations/0002_fake.py", []),
        ("kpis/views.py", []),
    ],
)
def test_a_change_brings_back_what_depends_on_it(project, done, changed, due):
    run(project, done)
    (project.root / changed).write_text("changed")
    assert run(project, done) == due


def test_a_new_database_is_prepared_although_no_file_has_changed(project, done):
    run(project, done)
    make_database(project, 2)
    assert run(project, done) == ["migrate", "load_reference_data"]


def test_what_was_deleted_is_made_again(project, done):
    run(project, done)
    (project.root / "staticfiles").rmdir()
    (project.root / "locale/ar/LC_MESSAGES/django.mo").unlink()
    assert run(project, done) == ["compile_catalogues", "collectstatic"]


def test_a_database_named_by_the_environment_is_always_looked_at(project, done, monkeypatch):
    run(project, done)
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody@db.example.org/portal")
    assert run(project, done) == ["migrate", "load_reference_data"]
    monkeypatch.delenv("DATABASE_URL")
    assert run(project, done) == []


def test_a_file_that_was_renamed_counts_as_a_change(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text("x")
    before = fingerprint(tmp_path, ["data/**/*"])
    (tmp_path / "data/a.csv").rename(tmp_path / "data/b.csv")
    assert fingerprint(tmp_path, ["data/**/*"]) != before


def test_a_step_that_fails_ends_with_its_last_words_and_is_tried_again(project):
    (project.root / ".venv").unlink()
    python = project.root / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho data/cities.csv:2:name: too long\nexit 3\n")
    python.chmod(0o755)
    with pytest.raises(Problem, match=r"'manage.py compile_catalogues' failed \(exit code 3\)") as caught:
        prepare(project, {}, Console(io.StringIO()))
    assert caught.value.lines[-1] == "data/cities.csv:2:name: too long"
    assert project.recall("steps.json", "compile_catalogues") is None


def test_of_a_traceback_only_the_last_exception_is_told():
    lines = [
        "Operations to perform:",
        "Traceback (most recent call last):",
        '  File "manage.py", line 9, in <module>',
        "    ^^^^^^^^^",
        "psycopg2.OperationalError: no",
        "The above exception was the direct cause of the following exception:",
        "Traceback (most recent call last):",
        '  File "manage.py", line 9, in <module>',
        'django.db.utils.OperationalError: connection failed: FATAL:  database "x" does not exist',
    ]
    assert preparation.without_traceback(lines) == lines[-1:]
    # The log is read from somewhere in the middle.
    assert preparation.without_traceback(lines[3:4] + lines[2:5]) == lines[4:5]


def test_what_is_no_traceback_is_told_as_it_is():
    lines = ["CommandError: 2 errors:", "  cities.csv:3:name: is empty: give a name"]
    assert preparation.without_traceback(lines) == lines
