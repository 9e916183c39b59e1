"""Commands of one checkout share its servers; the last one to leave stops them."""

import io
import json
import os
import signal

import psycopg2
import pytest

from alliance.local import commands, interruption, locks, main, services
from alliance.local.console import Console
from alliance.local.problems import Problem
from alliance.local.processes import MARK, recorded
from alliance.local.services import Services

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def _keep_signal_handlers(monkeypatch):
    monkeypatch.setattr(main.interruption, "listen", lambda: None)


def start(checkout):
    used = Services(checkout, Console(io.StringIO()))
    used.start()
    return used


def names(checkout):
    return {name for name in ("postgres", "valkey") if recorded(checkout.run / f"{name}.json")}


def test_a_second_command_joins_and_the_last_one_stops(checkout):
    first = start(checkout)
    second = start(checkout)
    assert second.urls() == first.urls()
    assert {name: process.pid for name, process in second.processes.items()} == {
        name: process.pid for name, process in first.processes.items()
    }
    with psycopg2.connect(first.urls()["DATABASE_URL"]) as connection:
        assert connection.get_dsn_parameters()["host"] == "127.0.0.1"
    connection.close()
    assert first.stop() is False, "the second one still uses them"
    assert names(checkout) == {"postgres", "valkey"}
    assert second.stop() is True
    bury(first)
    assert names(checkout) == set()
    assert list(checkout.run.glob("*.json")) == []


def test_servers_of_a_killed_command_are_joined_and_a_hung_one_is_replaced(checkout, monkeypatch):
    killed = start(checkout)
    killed._using.close()  # what the system does when a process dies
    found = commands.status(checkout)
    assert {name: found["services"][name]["state"] for name in ("postgres", "valkey")} == {
        "postgres": "left over",
        "valkey": "left over",
    }
    monkeypatch.setattr(services, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(services.valkey, "STOP_STEPS", ((signal.SIGTERM, 0.3), (signal.SIGKILL, 5.0)))
    os.kill(killed.processes["valkey"].pid, signal.SIGSTOP)
    again = start(checkout)
    assert again.processes["postgres"].pid == killed.processes["postgres"].pid
    assert again.processes["valkey"].pid != killed.processes["valkey"].pid
    assert again.stop() is True
    bury(killed)


def bury(used):
    """In reality the system does this for a command that is gone."""
    for process in used.processes.values():
        process.child.wait(timeout=5)


def test_a_server_that_was_killed_starts_again_on_its_port_with_its_data(checkout):
    used = start(checkout)
    url = used.urls()["DATABASE_URL"]
    run(url, "CREATE TABLE kept AS SELECT 1 AS one")
    process = used.processes["postgres"]
    process.send(signal.SIGKILL)
    assert interruption.until(lambda: not process.alive(), seconds=5)
    for _ in range(20):  # the dead server's children need a moment to notice
        try:
            used.start_one("postgres", port=process.port)
            break
        except Problem:
            interruption.wait(0.25)
    assert used.urls()["DATABASE_URL"] == url
    assert run(url, "SELECT one FROM kept") == [(1,)]
    assert used.stop() is True


def run(url, query):
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_services_named_by_the_environment_are_not_started(checkout, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody@db.example.org/portal")
    monkeypatch.setenv("REDIS_URL", "redis://cache.example.org/0")
    used = start(checkout)
    assert used.urls() == {}
    assert used.processes == {}
    found = commands.status(checkout)["services"]
    assert found["postgres"]["state"] == found["valkey"]["state"] == "external"
    assert used.stop() is True


def test_a_management_command_finds_the_servers_and_leaves_none(checkout, capfd, monkeypatch):
    monkeypatch.setattr(commands, "ensure_packages", lambda *_: None)
    (checkout.root / "manage.py").write_text(
        "import os, psycopg2, redis, sys\n"
        "psycopg2.connect(os.environ['DATABASE_URL']).close()\n"
        "redis.Redis.from_url(os.environ['REDIS_URL']).ping()\n"
        f"print(sys.argv[1:], os.environ['PORTAL_LOCAL'], {MARK!r} in os.environ)\n"
        "sys.exit(7)\n"
    )
    assert main.run(["manage", "shell", "--help", "-v", "2"], checkout.root) == 7
    assert capfd.readouterr().out.splitlines()[-1] == "['shell', '--help', '-v', '2'] 1 False"
    assert names(checkout) == set()


def test_status_as_json_of_a_portal_that_does_not_run(checkout, capfd):
    assert main.run(["status", "--json"], checkout.root) == 3
    found = json.loads(capfd.readouterr().out)
    assert (found["running"], found["address"], found["ready"]) == (False, None, False)
    assert {name: service["state"] for name, service in found["services"].items()} == dict.fromkeys(
        ("postgres", "valkey", "web", "worker"), "stopped"
    )


def test_reset_refuses_while_a_command_uses_the_database_and_deletes_afterwards(checkout, capfd):
    used = start(checkout)
    assert main.run(["reset", "--yes"], checkout.root) == 1
    assert "uses the database: let it end" in capfd.readouterr().err
    assert names(checkout) == {"postgres", "valkey"}
    used.stop()
    assert main.run(["reset", "--yes"], checkout.root) == 0
    assert not checkout.state.exists()


def test_a_lock_ends_with_its_holder(tmp_path):
    path = tmp_path / "portal.lock"
    holder = locks.take(path)
    assert locks.take(path) is None
    assert not locks.free(path)
    holder.close()
    assert locks.free(path)
    with locks.held(path), pytest.raises(Problem, match="let it end, or stop it"), locks.held(path, seconds=0.1):
        pass


def test_throw_away_servers_are_gone_afterwards(checkout):
    folder = checkout.service_home / "test"
    folder.mkdir(mode=0o755)
    with services.throw_away_services(checkout.root, folder, checkout.logs) as urls:
        assert run(urls["DATABASE_URL"], "SHOW fsync") == [("off",)]
        running = [recorded(folder / "postgres.json"), recorded(folder / "valkey.json")]
        assert all(running)
    assert not any(process.alive() for process in running)
    assert names(checkout) == set(), "the servers of ./portal up are others"
