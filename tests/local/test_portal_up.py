"""The whole portal on one machine, as a person lives with it: started, killed, started again, stopped with Ctrl-C."""

import os
import re
import signal
from pathlib import Path

import pytest

from alliance.local import interruption
from alliance.local.processes import marked
from alliance.local.supervisor import ask

from .running import PATIENCE_SECONDS, Terminal, query, run, states, status

pytestmark = pytest.mark.services


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
