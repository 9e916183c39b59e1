"""The embedded Valkey: a real server in a folder with a space in its path."""

import os
from pathlib import Path

import pytest
import redis

from alliance.local import ports, valkey
from alliance.local.accounts import service_account
from alliance.local.problems import Problem
from alliance.local.processes import recorded

pytestmark = pytest.mark.services


def test_a_server_starts_asks_for_its_password_and_leaves_nothing(make_valkey):
    server = make_valkey()
    process = server.start(ports.choose())

    with redis.Redis.from_url(server.url(process.port)) as client:
        assert client.set("city", "Bend")
        assert client.get("city") == b"Bend"
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    with redis.Redis(port=process.port, retry=None) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    assert server.password.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert Path(f"/proc/{process.pid}").stat().st_uid == (service_account().uid if os.geteuid() == 0 else os.geteuid())
    assert not valkey.accepts(process.port, "another password")

    process.stop(valkey.STOP_STEPS)
    assert not process.alive()
    assert recorded(server.record) is None
    assert not any(server.folder.iterdir()), "nothing of a queue is kept on disk"


def test_a_server_that_cannot_start_says_why(make_valkey):
    server = make_valkey()
    with ports.listen(0) as taken, pytest.raises(Problem) as caught:
        server.start(taken.getsockname()[1])
    assert "Valkey did not start (exit code 1)" in caught.value.sentence
    assert any("in use" in line for line in caught.value.lines)
