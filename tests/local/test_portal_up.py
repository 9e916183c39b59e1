"""The whole portal on one machine, as a person lives with it: started, killed, started again, stopped with Ctrl-C."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg2
import pytest

from alliance.local import interruption, postgres
from alliance.local.preparation import STEPS, fingerprint
from alliance.local.processes import marked, recorded
from alliance.local.supervisor import ask

from .conftest import copy_project, stop_everything

pytestmark = pytest.mark.services
PATIENCE_SECONDS = 120


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


class Terminal:
    """`./portal up` on a terminal of its own, with what it has written so far."""

    def __init__(self, checkout):
        self.master, slave = pty.openpty()
        self.text = ""
        os.set_blocking(self.master, False)
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        self.child = subprocess.Popen(
            [sys.executable, checkout.root / "portal", "up"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            cwd="/",
            start_new_session=True,
            preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # makes it the controlling terminal
        )
        os.close(slave)

    def read(self):
        try:
            while piece := os.read(self.master, 65_536):
                self.text += piece.decode(errors="replace")
        except OSError:  # nothing more for now, or the program has ended
            pass
        return self.text

    def wait_for(self, words):
        assert interruption.until(
            lambda: words in self.read() or self.child.poll() is not None, seconds=PATIENCE_SECONDS
        ), self.text
        assert words in self.read(), self.text

    def press_ctrl_c(self):
        os.write(self.master, b"\x03")

    def wait(self):
        end = time.monotonic() + PATIENCE_SECONDS
        while self.child.poll() is None and time.monotonic() < end:
            self.read()
            time.sleep(0.05)
        self.read()
        return self.child.wait(timeout=1)

    def close(self):
        os.close(self.master)
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()


def run(checkout, *arguments):
    return subprocess.run(
        [sys.executable, checkout.root / "portal", *arguments], capture_output=True, text=True, check=False, cwd="/"
    )


def status(checkout):
    return json.loads(run(checkout, "status", "--json").stdout)


def states(found):
    return {name: service["state"] for name, service in found["services"].items()}


def query(checkout, found, text):
    url = postgres.address(checkout.secret("POSTGRES_PASSWORD"), found["services"]["postgres"]["port"])
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_a_portal_survives_what_may_happen_to_it_and_leaves_nothing_when_stopped(portal):
    first = Terminal(portal)
    try:
        first.wait_for("Stop with Ctrl-C.")
        found = status(portal)
        port = int(found["address"].rsplit(":", 1)[1])
        assert found["ready"]
        assert set(states(found).values()) == {"running"}
        assert f"The portal runs at {found['address']}" in first.text
        assert re.search(rf"one sign-in: +{found['address']}/\S+", first.text)
        assert str(portal.logs) in first.text
        assert "Loading the reference data" in first.text
        assert ask(port, "/healthz")[0] == 200
        assert query(portal, found, "SELECT count(*) > 50 FROM usecases_usecase") == [(True,)]
        query(portal, found, "CREATE TABLE kept AS SELECT 42 AS answer")

        second = run(portal, "up")
        assert second.returncode == 1
        assert second.stderr.startswith(f"portal: The portal already runs at {found['address']} (process")
        assert second.stderr.count("\n") == 1

        for name in ("postgres", "valkey", "web", "worker"):
            os.kill(found["services"][name]["pid"], signal.SIGKILL)
        assert interruption.until(lambda: ask(port, "/readyz")[0] != 200, seconds=10)
        assert interruption.until(lambda: ask(port, "/readyz")[0] == 200, seconds=PATIENCE_SECONDS, pause=0.5)
        recovered = status(portal)
        assert set(states(recovered).values()) == {"running"}
        assert recovered["services"]["postgres"]["pid"] != found["services"]["postgres"]["pid"]

        first.child.kill()
        first.wait()
        assert set(states(status(portal)).values()) == {"left over"}
    finally:
        first.close()

    again = Terminal(portal)
    try:
        again.wait_for("Stop with Ctrl-C.")
        assert "that an earlier ./portal up had left behind" in again.text
        assert "Bringing the database up to date" not in again.text
        assert "Loading the reference data" not in again.text
        found = status(portal)
        assert found["ready"]
        assert found["services"]["web"]["pid"] != recovered["services"]["web"]["pid"]
        assert found["services"]["postgres"]["pid"] == recovered["services"]["postgres"]["pid"], "taken over as it is"
        assert query(portal, found, "SELECT answer FROM kept") == [(42,)]
        again.press_ctrl_c()
        assert again.wait() == 0
        assert "Everything is stopped" in again.text
    finally:
        again.close()
    assert set(states(status(portal)).values()) == {"stopped"}
    assert marked(str(portal.run)) == []
    assert not any(names_folder(portal.root, entry) for entry in Path("/proc").glob("[0-9]*"))


def names_folder(folder, entry):
    try:
        return os.fsencode(folder) in (entry / "cmdline").read_bytes()
    except OSError:
        return False
