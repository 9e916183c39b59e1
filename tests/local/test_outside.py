"""Services that the environment names elsewhere are looked for first; what is wrong with them is one sentence."""

import socket
import threading
from contextlib import contextmanager

import pytest

from alliance.local import main, outside, ports
from alliance.local.problems import Problem
from alliance.local.valkey import STOP_STEPS, address


@contextmanager
def server(answer):
    """A server on this machine that says one thing to everybody. Yields: its port."""
    with socket.create_server((ports.LOOPBACK, 0)) as listener:

        def serve():
            try:
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(1_024)
                        connection.sendall(answer)
            except OSError:
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def refused(monkeypatch, variable, url):
    monkeypatch.setenv(variable, url)
    with pytest.raises(Problem) as caught:
        outside.require_services()
    return caught.value.sentence


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("DATABASE_URL", "garbage"),
        ("DATABASE_URL", "mysql://portal@localhost/portal"),
        ("DATABASE_URL", "postgres://localhost"),
        ("DATABASE_URL", "postgres://localhost:port/portal"),
        ("REDIS_URL", "garbage"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "http://localhost:6379/0"),
        ("REDIS_URL", "redis://[::1/0"),
    ],
)
def test_what_is_no_address_is_answered_with_an_example(monkeypatch, variable, url):
    sentence = refused(monkeypatch, variable, url)
    assert sentence.startswith(f"{variable} is not an address that the portal can use: write it like ")
    assert sentence.endswith("or unset it to use the embedded service.")


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("DATABASE_URL", "postgres://portal:secret@127.0.0.1:{port}/portal"),
        ("REDIS_URL", "redis://:secret@127.0.0.1:{port}/0"),
    ],
)
def test_a_dead_service_is_named_with_its_cure_and_without_its_password(monkeypatch, variable, url):
    port = ports.choose()
    sentence = refused(monkeypatch, variable, url.format(port=port))
    assert sentence.startswith(f"Nothing answers at 127.0.0.1:{port}, which {variable} names (Connection refused)")
    assert "secret" not in sentence


def test_up_ends_at_once_when_redis_is_dead(monkeypatch, checkout, capfd):
    monkeypatch.setattr(main.commands, "ensure_packages", lambda *_arguments: None)
    monkeypatch.setattr(main.interruption, "listen", lambda: None)
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{ports.choose()}/0")
    assert main.run(["up", "--port", str(ports.choose())], checkout.root) == 1
    told = capfd.readouterr().err
    assert told.startswith("portal: Nothing answers at 127.0.0.1:")
    assert told.count("\n") == 1
    assert not (checkout.service_home / "postgres").exists()


def test_redis_must_accept_the_password_and_the_number(monkeypatch, make_valkey):
    password = make_valkey().password
    process = make_valkey().start(ports.choose())
    try:
        url = address(password, process.port)
        monkeypatch.setenv("REDIS_URL", url)
        outside.require_services()
        assert "refuses (WRONGPASS" in refused(monkeypatch, "REDIS_URL", url.replace(password, "wrong"))
        assert "refuses (NOAUTH" in refused(monkeypatch, "REDIS_URL", url.replace(f":{password}@", ""))
        assert "refuses (ERR DB index" in refused(monkeypatch, "REDIS_URL", f"{url[:-1]}9999")
    finally:
        process.stop(STOP_STEPS)


def test_another_program_is_not_taken_for_redis(monkeypatch):
    with server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        sentence = refused(monkeypatch, "REDIS_URL", f"redis://127.0.0.1:{port}/0")
    assert sentence == f"What answers at 127.0.0.1:{port} is not Redis: correct REDIS_URL."


@pytest.mark.parametrize(
    "url",
    ["postgres:///portal", "postgres://%2Fvar%2Frun%2Fpostgresql/portal", "postgres://one:5432,two:5433/portal"],
)
def test_sockets_and_lists_of_hosts_are_left_to_the_driver(monkeypatch, url):
    monkeypatch.setenv("DATABASE_URL", url)
    outside.require_services()


def test_a_database_that_accepts_connections_is_enough(monkeypatch):
    with server(b"") as port:
        monkeypatch.setenv("DATABASE_URL", f"postgres://portal@127.0.0.1:{port}/portal")
        outside.require_services()
