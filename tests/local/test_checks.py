"""`./portal test`: what was asked for runs, all of it, and what failed is named."""

import io
import subprocess
import sys

import pytest

from alliance.local import checks, install
from alliance.local.checks import STEPS, Check, parse, run_check
from alliance.local.console import Console
from alliance.local.environment import environment_for_tests, production_environment
from alliance.local.problems import Problem

from .conftest import PROJECT


@pytest.mark.parametrize(
    ("typed", "steps", "for_pytest"),
    [
        ([], list(STEPS), []),
        (["tests/kpis", "-k", "unit"], list(STEPS), ["tests/kpis", "-k", "unit"]),
        (["--only", "pytest", "--", "-k", "name", "--only"], ["pytest"], ["-k", "name", "--only"]),
        (["--only", "ruff,mypy"], ["ruff", "mypy"], []),
    ],
)
def test_what_was_typed_is_split(typed, steps, for_pytest):
    assert parse(typed) == (steps, for_pytest)


@pytest.mark.parametrize("typed", [["--only"], ["--only", "everything"], ["--only", "ruff,rough"]])
def test_a_step_that_does_not_exist_is_refused_with_those_that_do(typed):
    with pytest.raises(Problem, match="choose from catalogues, browser, ruff"):
        parse(typed)


def python(text, **named):
    return Check("step", (sys.executable, "-c", text), {}, **named)


def test_a_failed_check_shows_its_output_and_a_good_one_does_not(checkout, capsys):
    console = Console(sys.stdout)
    assert run_check(python("print('all fine')"), checkout, console)
    assert not run_check(python("print('line 3 is wrong'); raise SystemExit(1)"), checkout, console)
    told = capsys.readouterr().out
    assert "all fine" not in told
    assert "line 3 is wrong\nstep        failed" in told


def test_all_steps_run_although_one_fails_and_the_last_line_names_it(checkout, capfd, monkeypatch):
    names = ["catalogues", "ruff", "pytest"]
    made = [Check(name, (sys.executable, "-c", f"exit({name == 'ruff':d})"), {}) for name in names]
    monkeypatch.setattr(checks, "ensure_packages", lambda *_: None)
    monkeypatch.setattr(checks, "_checks", lambda *_: made)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@localhost/none")
    monkeypatch.setenv("REDIS_URL", "redis://localhost/0")
    assert checks.test(checkout, Console(), ["--only", ",".join(names)]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [["catalogues", "ok"], ["ruff", "failed"], ["pytest", "ok"]]
    assert lines[-1].startswith("Failed: ruff (")


def test_a_missing_browser_is_a_failure_in_ci_only(checkout, monkeypatch, capfd):
    monkeypatch.setattr(checks, "find_chromium", lambda: None)
    monkeypatch.setattr(checks.os, "geteuid", lambda: 1000)
    assert checks.ensure_browser(checkout, Console())
    assert "skipped" in capfd.readouterr().out
    monkeypatch.setenv("CI", "true")
    assert not checks.ensure_browser(checkout, Console())
    assert "in CI the browser tests must run" in capfd.readouterr().err


def test_root_gets_the_missing_browser_installed(checkout, monkeypatch):
    ran = []

    class Installer(subprocess.Popen):
        def __init__(self, command, **options):
            ran.append(command)
            super().__init__(["true"], **options)

    monkeypatch.setattr(checks, "find_chromium", lambda: "/usr/bin/chromium" if len(ran) == 2 else None)
    monkeypatch.setattr(checks.os, "geteuid", lambda: 0)
    monkeypatch.setattr(checks.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(checks.subprocess, "Popen", Installer)
    monkeypatch.setenv("CI", "true")
    assert checks.ensure_browser(checkout, Console(io.StringIO()))
    assert ran == [["apt-get", "update"], ["apt-get", "install", "-y", "chromium"]]


def test_the_deployment_check_sees_a_portal_on_the_internet(monkeypatch):
    monkeypatch.setenv("ALLOWED_HOSTS", "laptop")
    tests = environment_for_tests({"DATABASE_URL": "x"}, state="/s", chromium=None)
    assert "ALLOWED_HOSTS" not in tests, "the developer's own settings do not decide what the tests see"
    deployed = production_environment(tests)
    assert "PORTAL_LOCAL" not in deployed
    assert deployed["PORTAL_ORIGIN"].startswith("https://")
    assert len(set(deployed["SECRET_KEY"])) > 5
    assert len(deployed["SECRET_KEY"]) >= 50


def test_the_test_packages_include_the_runtime_ones():
    """So an installation for tests serves `./portal up` as well."""
    assert install.pinned(PROJECT / "requirements.lock") <= install.pinned(PROJECT / "requirements-test.lock")
    assert {name.split("==")[0] for name in install.pinned(PROJECT / "requirements.lock")} >= {
        "django",
        "psycopg2-binary",
    }
