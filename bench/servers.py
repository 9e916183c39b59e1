"""The web servers that are measured, each gunicorn with the portal's own settings, and what they cost the machine."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

#: The portal, the naive version inside the same Django, the bare functions: what serves, and what answers when it does.
SERVERS = {
    "portal": ("alliance.wsgi:application", "/healthz"),
    "naive": ("alliance.wsgi:application", "/healthz"),
    "limit": ("bench.limits:application", "/"),
}
_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 60


class ServerError(Exception):
    """A server does not come up; the text says why."""


@dataclass
class Server:
    """One gunicorn. `wsgi`: module and function; `ready`: an address that answers when it is up."""

    name: str
    wsgi: str
    ready: str
    folder: Path
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self, environment: Mapping[str, str]) -> None:
        """Begin to start; `wait` tells when it has."""
        state = self.folder / self.name
        state.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", self.wsgi, "-c", "gunicorn.conf.py", "--bind", self.origin[7:]],
                cwd=settings.BASE_DIR,
                env={**environment, "PORTAL_STATE_DIR": str(state)},
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Until it answers. Raises: ServerError with the end of its log when it does not come up."""
        end = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > end or self.process is None or self.process.poll() is not None:
                raise ServerError(f"the server “{self.name}” does not start:\n{self.log.read_text()[-2_000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.origin + self.ready, timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def stop(self) -> None:
        if self.process is not None:
            _stop(self.process)

    # --- what it costs
    def workers(self) -> list[int]:
        """Process ids."""
        if self.process is None:
            return []
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def cpu_seconds(self) -> float:
        """Of the workers and their master, so far."""
        pid = self.process.pid if self.process else 0
        return sum(cpu_seconds(one) for one in (pid, *self.workers()))

    def pss_mib(self) -> float:
        """Memory of the workers together, shared pages counted in proportion."""
        return sum(_pss_kib(one) for one in self.workers()) / 1024


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _pss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def database_cpu() -> dict[int, float]:
    """Process id -> user and system time so far, of every session of the bench's database but our own.

    Empty where PostgreSQL runs on another machine.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        pids = [pid for (pid,) in cursor.fetchall()]
    return {pid: cpu_seconds(pid) for pid in pids}


@contextlib.contextmanager
def running(names: Iterable[str], folder: Path, environment: Mapping[str, str]) -> Iterator[dict[str, Server]]:
    """Those of `SERVERS` that are named; stopped at the end."""
    servers = {name: Server(name, *SERVERS[name], folder) for name in names}
    try:
        for server in servers.values():
            server.start(environment)
        for server in servers.values():
            server.wait()
        yield servers
    finally:
        for server in servers.values():
            server.stop()


@contextlib.contextmanager
def worker(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """The worker as the portal has it, with its clock. Raises: ServerError when it does not start."""
    state = folder / "worker"
    state.mkdir(parents=True, exist_ok=True)
    path = folder / "worker.log"
    command = [sys.executable, "-m", "celery", "--app", "alliance", "worker", "--beat", "--concurrency", "3"]
    with path.open("wb") as log:
        process = subprocess.Popen(
            [*command, "--without-mingle", "--without-gossip", "--loglevel", "INFO"],
            cwd=settings.BASE_DIR,
            env={**environment, "PORTAL_STATE_DIR": str(state)},
            stdout=log,
            stderr=log,
            start_new_session=True,  # so that its clock goes with it
        )
    try:
        end = time.monotonic() + _START_SECONDS
        while " ready." not in path.read_text(errors="replace"):
            if time.monotonic() > end or process.poll() is not None:
                raise ServerError(f"the worker does not start:\n{path.read_text(errors='replace')[-2_000:]}")
            time.sleep(0.05)
        yield
    finally:
        _stop(process)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
