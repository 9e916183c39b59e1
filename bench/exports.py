"""Exports of all use cases over HTTP, beside COPY of the same column of the ready documents into a waiting process."""

import http.client
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.db import connection

from bench import load
from bench.addresses import API
from bench.load import Request
from bench.servers import Server

#: Ending -> column of the ready documents.
COLUMNS = {"ndjson": "body", "csv": "csv"}
_PIECE = 262_144
#: Between two looks at the server's memory.
_LOOK_EVERY_BYTES = 8 * 1_048_576


@dataclass
class Export:
    """What was seen of one format, one value a round."""

    ratios: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    copy_seconds: list[float] = field(default_factory=list)
    first_byte_ms: list[float] = field(default_factory=list)
    growth_mib: float = 0.0
    bytes: int = 0

    def told(self) -> dict[str, float]:
        return {
            "seconds": statistics.median(self.seconds),
            "copy_seconds": statistics.median(self.copy_seconds),
            "mib": self.bytes / 1_048_576,
        }


class _Sink:
    """A file that counts and forgets."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)


def measure(server: Server, *, count: int, say: Callable[[str], None]) -> dict[str, Export]:
    """Raises: LookupError when an export fails or is not complete."""
    found = {ending: Export() for ending in COLUMNS}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM usecases_usecasedocument WHERE is_public")
        expected = cursor.fetchone()[0]
    # Every worker has answered before, as those that are measured otherwise.
    load.run(server.origin, [Request(API)], clients=16, seconds=1)
    for number in range(count + 1):
        if number:
            say(f"exports, round {number} of {count}")
        for ending, one in found.items():
            copied = _copy(COLUMNS[ending])
            first, seconds, one.bytes = _download(server, ending, expected)
            if number:
                one.copy_seconds.append(copied)
                one.seconds.append(seconds)
                one.ratios.append(seconds / copied)
                one.first_byte_ms.append(first * 1_000)
    for ending, one in found.items():
        one.growth_mib = _growth(server, ending, expected)
    return found


def _copy(column: str) -> float:
    sql = f"COPY (SELECT {column} FROM usecases_usecasedocument WHERE is_public ORDER BY start DESC, id DESC) TO STDOUT"
    connection.ensure_connection()
    with connection.connection.cursor() as cursor:
        started = time.perf_counter()
        cursor.copy_expert(sql, _Sink(), size=_PIECE)
        return time.perf_counter() - started


def _download(
    server: Server, ending: str, expected: int, look: Callable[[], None] = lambda: None
) -> tuple[float, float, int]:
    """(seconds to the first byte of the body, seconds in all, bytes)."""
    place = urlsplit(server.origin)
    line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=600)
    try:
        started = time.perf_counter()
        line.request("GET", f"/api/v1/use-cases.{ending}?sort=newest")
        with line.getresponse() as answer:
            if answer.status != 200:
                raise LookupError(f"the export as {ending} answers {answer.status}")
            piece = answer.read(1)
            first = time.perf_counter() - started
            size = lines = looked = 0
            while piece:
                size += len(piece)
                lines += piece.count(b"\n")
                if size - looked >= _LOOK_EVERY_BYTES:
                    looked = size
                    look()
                piece = answer.read(_PIECE)
            seconds = time.perf_counter() - started
    finally:
        line.close()
    if lines - (ending == "csv") != expected:
        raise LookupError(f"the export as {ending} has {lines:,} lines instead of {expected:,}")
    return first, seconds, size


def _growth(server: Server, ending: str, expected: int) -> float:
    """By how much the server's workers grow at most while they export, MiB."""
    before = most = server.pss_mib()

    def look() -> None:
        nonlocal most
        most = max(most, server.pss_mib())

    _download(server, ending, expected, look)
    return max(most, server.pss_mib()) - before
