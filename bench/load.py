"""Requests in a closed loop: each of so many clients asks for the next address as soon as it has its answer."""

import http.client
import itertools
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_SCRIPT = Path(__file__).with_name("addresses.lua")
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Request:
    """What is asked for: path with query, and an ETag for `If-None-Match` or nothing."""

    path: str
    etag: str = ""


@dataclass(frozen=True)
class Window:
    """What was seen for some seconds. Errors are refused or broken connections, time-outs, and statuses from 400 on."""

    requests: int
    seconds: float
    bytes: int
    errors: int
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds else 0.0


def generator() -> str:
    """The program that makes the load."""
    return "wrk" if shutil.which("wrk") else "threads of Python"


def run(origin: str, requests: Sequence[Request], *, clients: int, seconds: float) -> Window:
    """Ask for `requests` in turn, over and over, for so long."""
    # wrk counts in whole seconds.
    return (_wrk if seconds >= 1 and shutil.which("wrk") else _threads)(origin, requests, clients, seconds)


def _wrk(origin: str, requests: Sequence[Request], clients: int, seconds: float) -> Window:
    with tempfile.NamedTemporaryFile("w", prefix="bench-", suffix=".txt") as file:
        file.writelines(f"{one.path}\t{one.etag}\n" for one in requests)
        file.flush()
        command = ["wrk", "-t1", f"-c{clients}", f"-d{round(seconds)}s", f"--timeout={_TIMEOUT_SECONDS}s"]
        command += ["-s", str(_SCRIPT), origin, "--", file.name]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Window(**json.loads(told.rpartition("JSON ")[2]))


def _threads(origin: str, requests: Sequence[Request], clients: int, seconds: float) -> Window:
    place, turn, lock = urlsplit(origin), itertools.cycle(requests), threading.Lock()
    times: list[float] = []
    errors = size = 0
    started = time.perf_counter()

    def client() -> None:
        nonlocal errors, size
        line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_TIMEOUT_SECONDS)
        while time.perf_counter() - started < seconds:
            with lock:
                one = next(turn)
            begun = time.perf_counter()
            try:
                line.request("GET", one.path, headers={"If-None-Match": one.etag} if one.etag else {})
                with line.getresponse() as answer:
                    got, failed = len(answer.read()), answer.status >= 400
            except (OSError, http.client.HTTPException):
                got, failed = 0, True
                line.close()
            with lock:
                times.append(time.perf_counter() - begun)
                errors += failed
                size += got
        line.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Window(
        len(times),
        time.perf_counter() - started,
        size,
        errors,
        percentile(times, 50) * 1e3,
        percentile(times, 99) * 1e3,
    )


def once(origin: str, requests: Sequence[Request], *, passes: int, between: Callable[[], object]) -> Window:
    """One client asks for each address once a pass; `between` is called before every pass and not timed."""
    place = urlsplit(origin)
    line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_TIMEOUT_SECONDS)
    times: list[float] = []
    errors = size = 0
    for _ in range(passes):
        between()
        for one in requests:
            begun = time.perf_counter()
            line.request("GET", one.path)
            with line.getresponse() as answer:
                size += len(answer.read())
                errors += answer.status >= 400
            times.append(time.perf_counter() - begun)
    line.close()
    return Window(len(times), sum(times), size, errors, percentile(times, 50) * 1e3, percentile(times, 99) * 1e3)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of the values do not exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
