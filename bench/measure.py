"""Interleaved rounds: in each, every measure gets its windows, one after another, so that all meet the same machine."""

import http.client
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from django.core.cache import cache

from bench import load
from bench.addresses import Supply, fetch
from bench.load import Request, Window
from bench.servers import Server, database_cpu

#: More than any server here answers in a second.
_FASTEST = 5_000
#: A 304 has headers only.
_LARGEST_304_BYTES = 2_000
#: No window in which nothing is answered is made longer than that.
_LONGEST_SECONDS = 10.0


@dataclass
class Measure:
    """What is asked of which server.

    Attributes:
        clients: how many at once, a window for each.
        supply: given the server's origin, the requests.
        is_fresh: caches are emptied before each window, so that every address is met for the first time.
        repeats: only so many addresses, asked for again and again.
        is_conditional: with the `ETag` of each address; the answers must be 304.
        passes: instead of a window of some seconds, all addresses one after another, so often, caches emptied before.
    """

    name: str
    server: str
    supply: Callable[[str], Supply]
    clients: Sequence[int] = (1, 16)
    is_fresh: bool = False
    repeats: int = 0
    is_conditional: bool = False
    passes: int = 0


@dataclass(frozen=True)
class Sample:
    """A window, and the CPU that the server and PostgreSQL spent on each of its requests."""

    window: Window
    server_ms: float
    database_ms: float


@dataclass
class Results:
    """Samples by (measure, clients), a round each; and why a measure could not be taken."""

    samples: dict[tuple[str, int], list[Sample]] = field(default_factory=lambda: defaultdict(list))
    failed: dict[str, str] = field(default_factory=dict)

    def of(self, name: str, clients: int) -> list[Sample]:
        """Raises: LookupError with the reason when there are none."""
        if name in self.failed:
            raise LookupError(f"{name}: {self.failed[name]}")
        found = self.samples.get((name, clients))
        if not found:
            raise LookupError(f"{name}: not measured")
        return found

    def rate(self, name: str, clients: int = 16) -> float:
        """Requests a second, the median of the rounds."""
        return statistics.median(one.window.rate for one in self.of(name, clients))

    def p50(self, name: str, clients: int) -> float:
        return statistics.median(one.window.p50_ms for one in self.of(name, clients))

    def p99(self, name: str, clients: int) -> float:
        return statistics.median(one.window.p99_ms for one in self.of(name, clients))

    def cpu(self, name: str, clients: int = 1) -> float:
        """Milliseconds a request, server and PostgreSQL together."""
        return statistics.median(one.server_ms + one.database_ms for one in self.of(name, clients))

    def ratio(self, name: str, other: str, clients: int = 16) -> float:
        """How many times the rate of `other`: the median of the ratios within each round."""
        pairs = zip(self.of(name, clients), self.of(other, clients), strict=False)
        return statistics.median(one.window.rate / (two.window.rate or 1e-9) for one, two in pairs)


def prepare(measures: Sequence[Measure], servers: dict[str, Server], results: Results) -> dict[str, Supply]:
    """The addresses of each measure, each server warmed with them. What cannot be asked goes to `results.failed`."""
    supplies: dict[str, Supply] = {}
    for one in measures:
        origin = servers[one.server].origin
        try:
            supply = one.supply(origin)
            if one.repeats:
                supply = replace(supply, requests=supply.requests[: one.repeats])
            if one.is_conditional:
                supply = _with_etags(origin, supply)
            if not supply.requests:
                raise LookupError("the data set is too small to ask for it")
            answer = fetch(origin, supply.requests[0])
            wanted = 304 if one.is_conditional else 200
            if answer.status != wanted:
                raise LookupError(f"{supply.requests[0].path} answers {answer.status} instead of {wanted}")
        except (LookupError, OSError, http.client.HTTPException) as problem:
            results.failed[one.name] = str(problem) or type(problem).__name__
            continue
        supplies[one.name] = supply
    return supplies


def _with_etags(origin: str, supply: Supply) -> Supply:
    found = []
    for one in supply.requests[:200]:
        etag = fetch(origin, one).headers.get("ETag")
        if etag is None:
            raise LookupError(f"{one.path} has no ETag")
        found.append(Request(one.path, etag))
    return Supply(found)


def rounds(
    measures: Sequence[Measure],
    servers: dict[str, Server],
    *,
    count: int,
    seconds: float,
    say: Callable[[str], None],
) -> Results:
    """Take every measure in every round."""
    results = Results()
    supplies = prepare(measures, servers, results)
    for number in range(count + 1):
        if number:
            say(f"round {number} of {count}")
        for one in measures:
            if one.name not in supplies or one.name in results.failed:
                continue
            for clients in one.clients:
                # The first round warms connections, plans and caches, and is thrown away.
                length = seconds if number else min(1.0, seconds / 3)
                sample = _answered(one, servers[one.server], supplies[one.name], clients, length)
                if problem := _problem(one, sample.window):
                    results.failed[one.name] = problem
                    break
                if number:
                    results.samples[one.name, clients].append(sample)
    return results


def _answered(one: Measure, server: Server, supply: Supply, clients: int, seconds: float) -> Sample:
    """A window; a longer one where a busy machine answered nothing in so short a time."""
    sample = _window(one, server, supply, clients, seconds)
    while not sample.window.requests and not sample.window.errors and seconds < _LONGEST_SECONDS:
        seconds *= 4
        sample = _window(one, server, supply, clients, seconds)
    return sample


def _problem(one: Measure, window: Window) -> str:
    """Why a window does not count; empty when it does."""
    if window.errors:
        return f"{window.errors} of {window.requests} requests failed"
    if not window.requests:
        return "no request was answered"
    if one.is_conditional and window.bytes / window.requests > _LARGEST_304_BYTES:
        return "the answers were not 304"
    return ""


def _window(one: Measure, server: Server, supply: Supply, clients: int, seconds: float) -> Sample:
    requests = supply.take(max(100, round(_FASTEST * seconds)))
    if one.is_fresh or one.passes:
        cache.clear()
    before, database_before = server.cpu_seconds(), database_cpu()
    if one.passes:
        window = load.once(server.origin, supply.requests, passes=one.passes, between=cache.clear)
    else:
        window = load.run(server.origin, requests, clients=clients, seconds=seconds)
    spent = server.cpu_seconds() - before
    database = sum(now - database_before.get(pid, 0.0) for pid, now in database_cpu().items())
    each = 1_000 / (window.requests or 1)
    return Sample(window, spent * each, database * each)
