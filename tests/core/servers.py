"""A real web server and a real worker on the test's database, behind proxies that can be cut."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.db import connection


class Proxy:
    """Passes TCP connections on to a service, until it is cut; on the same port again when it is mended."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.port = 0
        self._listener: socket.socket | None = None
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self.mend()

    def mend(self) -> None:
        """Let connections through."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _address = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self.target, timeout=5)
            except OSError:
                near.close()
                continue
            with self._lock:
                if self._listener is not listener:
                    near.close()
                    far.close()
                    return
                self._pairs.add((near, far))
            threading.Thread(target=self._pass_on, args=(near, far), daemon=True).start()

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        try:
            while True:
                for end in select.select([near, far], [], [])[0]:
                    data = end.recv(65_536)
                    if not data:
                        return
                    (far if end is near else near).sendall(data)
        except OSError:
            return
        finally:
            with self._lock:
                self._pairs.discard((near, far))
            near.close()
            far.close()


@dataclass
class Answer:
    """What a request was answered with."""

    status: int
    headers: HTTPMessage
    body: bytes
    seconds: float

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> dict:
        return json.loads(self.body)


#: How much slower than ours a machine may be at times.
PATIENCE = 3


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> object:
    """Poll until the condition is true. Raises: AssertionError when it stays false for `PATIENCE` times the seconds."""
    end = time.monotonic() + PATIENCE * seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE * seconds} s: {what}")


class Portal:
    """One gunicorn and, when asked for, one worker, with their logs in files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        database, redis = connection.settings_dict, urlsplit(settings.REDIS_URL)
        self.database = Proxy(database["HOST"], int(database["PORT"]))
        self.redis = Proxy(redis.hostname or "127.0.0.1", redis.port or 6379)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        login = f"{quote(database['USER'])}:{quote(database['PASSWORD'])}"
        redis_login = f"{redis.username or ''}:{redis.password}@" if redis.password else ""
        self.environment = os.environ | {
            "DATABASE_URL": f"postgres://{login}@127.0.0.1:{self.database.port}/{database['NAME']}",
            "REDIS_URL": f"redis://{redis_login}127.0.0.1:{self.redis.port}{redis.path}",
            "SECRET_KEY": settings.SECRET_KEY,
            "PORTAL_LOCAL": "1",
            "PORTAL_STATE_DIR": str(folder),
            "PORTAL_ORIGIN": f"http://localhost:{self.port}",
            "STATEMENT_TIMEOUT_MS": "1500",
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "DEBUG",
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def _start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=settings.BASE_DIR,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_web(self) -> None:
        self._start(
            "web", "gunicorn", "alliance.wsgi:application", "-c", "gunicorn.conf.py", "--bind", f"127.0.0.1:{self.port}"
        )
        wait_for(lambda: self.get("/healthz").status == 200, 30, f"web server; {self.log('web')[-2_000:]}")

    def start_worker(self) -> None:
        self._start("worker", "celery", "-A", "alliance", "worker", "-c", "1", "--without-mingle", "--without-gossip")
        seen = len(self.log("worker"))
        wait_for(lambda: " ready." in self.log("worker")[seen:], 30, "worker")

    def stop(self, name: str, how: int = signal.SIGTERM) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        if how == signal.SIGKILL:
            os.killpg(process.pid, how)
        else:
            process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)

    def stop_all(self) -> None:
        for name in list(self._processes):
            self.stop(name)
        self.database.cut()
        self.redis.cut()

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def lines(self, name: str) -> Iterator[dict]:
        """The JSON lines of a log; what a library prints by itself is left out."""
        for line in self.log(name).splitlines():
            if line.startswith("{"):
                yield json.loads(line)

    def request(self, method: str, path: str, data: bytes | None = None, **headers: str) -> Answer:
        """Ask the web server; every status is an answer, and 0 means that there was none."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=data,
            method=method,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        started = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=20) as got:
                return Answer(got.status, got.headers, got.read(), time.monotonic() - started)
        except urllib.error.HTTPError as got:
            with got:
                return Answer(got.code, got.headers, got.read(), time.monotonic() - started)
        except OSError:
            return Answer(0, HTTPMessage(), b"", time.monotonic() - started)

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)
