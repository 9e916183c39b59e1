"""Common ground of the tests that start and stop real servers. None of them needs Django or the test database."""

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from alliance.local.accounts import service_account
from alliance.local.checkout import Checkout
from alliance.local.postgres import PostgresServer
from alliance.local.preparation import STEPS, fingerprint
from alliance.local.processes import recorded
from alliance.local.services import Services
from alliance.local.supervisor import stop_left_over
from alliance.local.valkey import ValkeyServer

PROJECT = Path(__file__).resolve().parents[2]
NOT_COPIED = (".venv", ".local", ".git", "node_modules", "staticfiles", "media", "tests", "__pycache__", ".*_cache")


@pytest.fixture(autouse=True)
def _nothing_external(monkeypatch):
    """These tests start servers of their own, whatever the test run around them uses."""
    for name in ("DATABASE_URL", "REDIS_URL", "PORTAL_PG_BIN", "PORTAL_REDIS_BIN", "CI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder():
    """An empty folder with a space in its path that every account may enter (pytest's own is private)."""
    parent = Path(tempfile.mkdtemp(prefix="portal local "))
    parent.chmod(0o755)
    yield parent
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture
def checkout(folder):
    """A checkout without the project in it: enough for everything that starts no web server."""
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "manage.py").write_text("import sys; print(*sys.argv[1:])")
    checkout = Checkout(folder)
    checkout.prepare()
    yield checkout
    stop_everything(checkout)


def stop_everything(checkout: Checkout) -> None:
    from alliance.local.services import stop_servers

    stop_left_over(checkout)
    stop_servers(checkout, {})
    checkout.delete()


@pytest.fixture
def make_postgres(checkout):
    """Throw-away servers in the checkout's folder, by name; stopped with the checkout."""
    services = Services(checkout, None)
    programs = services.postgres().programs
    started = []

    def make(name="data", **changed):
        values = {
            "programs": programs,
            "data": checkout.service_home / name,
            "log": checkout.log("postgres"),
            "record": checkout.run / "postgres.json",
            "password": "0123456789abcdef",
            "account": service_account(),
            "throw_away": True,
        }
        return PostgresServer(**(values | changed))

    yield make
    for process in started:
        process.stop()


@pytest.fixture
def make_valkey(checkout):
    def make(**changed):
        values = {
            "program": Services(checkout, None).valkey().program,
            "folder": checkout.service_home / "queue",
            "log": checkout.log("valkey"),
            "record": checkout.run / "valkey.json",
            "password": "0123456789abcdef",
            "account": service_account(),
        }
        return ValkeyServer(**(values | changed))

    return make


@pytest.fixture
def sleeper():
    """Start programs that only wait; whatever is left of them at the end is killed."""
    children = []

    def start(*command, **options):
        child = subprocess.Popen(command or ("sleep", "60"), start_new_session=True, **options)
        children.append(child)
        return child

    yield start
    for child in children:
        if child.poll() is None:
            child.kill()
        child.wait()


def copy_project(target: Path) -> Checkout:
    """The whole project in another folder, with the virtual environment of this one."""
    shutil.copytree(PROJECT, target, ignore=shutil.ignore_patterns(*NOT_COPIED), dirs_exist_ok=True)
    (target / ".venv").symlink_to(sys.prefix)
    return Checkout(target)


@pytest.fixture
def portal(folder):
    """A copy of the project in a folder with a space, its static files taken as collected (that takes a minute)."""
    checkout = copy_project(folder / "my portal")
    checkout.prepare()
    (checkout.root / "staticfiles").mkdir()
    static = next(step for step in STEPS if step.command[0] == "collectstatic")
    checkout.remember("steps.json", collectstatic=fingerprint(checkout.root, static.patterns))
    yield checkout
    if left := recorded(checkout.run / "portal.json"):
        left.stop(((signal.SIGTERM, 30.0), (signal.SIGKILL, 5.0)))
    stop_everything(checkout)
