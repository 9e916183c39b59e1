"""What is measured, and the goal of each operation."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench import aggregates, exports, freshness, imports, steps, synthesis, together, writes
from bench.addresses import API, Addresses, Supply, supply
from bench.groups import GROUPS
from bench.measure import Measure, Results
from bench.servers import Server, ServerError
from bench.writers import WriterError

FACETS = "/api/v1/facets/use-cases/"
#: A page that lies deep, by its number.
DEEP_PAGE = 1_000


@dataclass(frozen=True)
class Row:
    """An operation, its goal, and what was measured; `value` is None when it could not be."""

    group: str
    operation: str
    goal: float | None
    value: float | None
    unit: str = "times"
    #: The value must be at least the goal; else at most.
    at_least: bool = True
    note: str = ""
    details: dict[str, float] = field(default_factory=dict)

    @property
    def is_reached(self) -> bool | None:
        """None for a row without a goal."""
        if self.goal is None:
            return None
        if self.value is None:
            return False
        return self.value >= self.goal if self.at_least else self.value <= self.goal


# --- what is asked ---------------------------------------------------------------------------------------------------
def measures(addresses: Addresses, groups: Sequence[str]) -> list[Measure]:
    """Those that the groups need, each beside what it is compared with."""

    def deep(origin: str) -> Supply:
        return supply([addresses.deep_page(origin, DEEP_PAGE)])

    def of(make: Callable[..., Supply], *arguments: object) -> Callable[[str], Supply]:
        return lambda origin: make(*arguments)

    everything = [
        Measure("page", "portal", of(addresses.pages, API), is_fresh=True),
        Measure("live", "limit", of(addresses.pages, "/live")),
        Measure("documents", "limit", of(addresses.pages, "/documents")),
        Measure("naive", "naive", of(addresses.pages, "/bench/naive/use-cases/")),
        *(Measure(name, "naive", of(addresses.pages, steps.address(name))) for name in steps.STEPS),
        Measure("page 304", "portal", of(addresses.pages, API), is_conditional=True),
        Measure("empty view", "portal", of(supply, ["/bench/empty/"])),
        Measure("page 1", "portal", of(supply, [f"{API}?page_size=50"])),
        Measure("page 1,000", "portal", deep),
        Measure("facets", "portal", of(addresses.facets, FACETS), is_fresh=True),
        Measure("facets again", "portal", of(addresses.facets, FACETS), repeats=20),
        Measure("facets limit", "limit", of(addresses.facets, "/facets")),
        Measure("counts", "portal", of(addresses.facets_without_text, FACETS), is_fresh=True),
        Measure("counts limit", "limit", of(addresses.facets_without_text, "/cube")),
        Measure("search", "portal", of(addresses.searches, API), is_fresh=True),
        Measure("search again", "portal", of(addresses.searches, API), repeats=20),
        Measure("search limit", "limit", of(addresses.searches, "/search")),
        Measure("everyday search", "portal", of(addresses.everyday_searches), clients=(1,), passes=3),
        Measure("html", "portal", of(addresses.html), is_fresh=True),
        Measure("html again", "portal", of(addresses.html), repeats=20),
        *_insight_measures(addresses),
    ]
    wanted = {name for group in groups for name in GROUPS[group]}
    return [one for one in everything if one.name in wanted]


def _insight_measures(addresses: Addresses) -> Iterator[Measure]:
    """Each of the portal's answers for the first time and again, and the bare queries by the same addresses."""
    for name, server, make, base in (
        ("explore", "portal", addresses.explored, "/kpis/explore/"),
        ("distribution", "portal", addresses.explored, "/api/v1/kpis/{kpi}/distribution/"),
        ("explore limit", "limit", addresses.explored, "/explore"),
        ("cells", "portal", addresses.cells, "/api/v1/aggregates/"),
        ("cells limit", "limit", addresses.cells, "/cells"),
    ):
        yield Measure(name, server, lambda origin, make=make, base=base: make(base), is_fresh=True)  # type: ignore[misc]
        yield Measure(f"{name} again", server, lambda origin, make=make, base=base: make(base), repeats=20)  # type: ignore[misc]


# --- what comes out --------------------------------------------------------------------------------------------------
def rows(results: Results, groups: Iterable[str]) -> Iterator[Row]:
    """The rows of the groups that are made of requests."""
    for group, make in _MADE.items():
        if group in groups:
            yield from make(results, group)


def _row(group: str, operation: str, goal: float | None, value: Callable[[], float], **more: object) -> Row:
    try:
        return Row(group, operation, goal, value(), **more)  # type: ignore[arg-type]
    except LookupError as problem:
        return Row(group, operation, goal, None, **{**more, "note": str(problem)})  # type: ignore[arg-type]


def _page(r: Results, group: str) -> Iterator[Row]:
    row = partial(_row, group)
    yield row("API page against live JSON", 1.5, lambda: r.ratio("page", "live"))
    yield row("API page against ready documents served bare", 0.35, lambda: r.ratio("page", "documents"))
    yield row(
        "API page, p99 at 16 clients against live JSON",
        1.0,
        lambda: r.p99("page", 16) / r.p99("live", 16),
        at_least=False,
    )
    yield row("API page against the naive list", None, lambda: r.ratio("page", "naive"))
    yield row("API page, CPU a request", None, lambda: r.cpu("page"), unit="ms")


def _ladder(r: Results, group: str) -> Iterator[Row]:
    """How many times the naive list each step reaches."""
    for name in GROUPS[group][1:]:
        yield _row(group, f"{name} against naive DRF", None, partial(r.ratio, name, "naive"))


def _not_modified(r: Results, group: str) -> Iterator[Row]:
    yield _row(group, "304 against live JSON", 2.8, lambda: r.ratio("page 304", "live"))
    yield _row(group, "304 against an empty DRF view", 0.8, lambda: r.ratio("page 304", "empty view"))


def _repeated(r: Results, group: str) -> Iterator[Row]:
    yield _row(group, "facets again against the first time", 2.0, lambda: r.ratio("facets again", "facets"))
    yield _row(group, "search again against the first time", 2.0, lambda: r.ratio("search again", "search"))


def _depth(r: Results, group: str) -> Iterator[Row]:
    yield _row(group, "page 1,000 against page 1, time", 1.2, lambda: r.ratio("page 1", "page 1,000"), at_least=False)


def _facets(r: Results, group: str) -> Iterator[Row]:
    yield _row(group, "facets with text and region against one scan", 0.5, lambda: r.ratio("facets", "facets limit"))
    yield _row(group, "facets without text against a cube", 0.5, lambda: r.ratio("counts", "counts limit"))


def _search(r: Results, group: str) -> Iterator[Row]:
    yield _row(group, "ranked search against GIN and ts_rank", 0.5, lambda: r.ratio("search", "search limit"))
    yield _row(
        group,
        "search for everyday words, p99 alone",
        150.0,
        lambda: r.p99("everyday search", 1),
        unit="ms",
        at_least=False,
    )


def _html(r: Results, group: str) -> Iterator[Row]:
    yield _row(
        group,
        "HTML list, first time: CPU against the API page",
        8.0,
        lambda: r.cpu("html") / r.cpu("page"),
        at_least=False,
    )
    yield _row(group, "HTML list again against the first time", 5.0, lambda: r.ratio("html again", "html"))


def _insight(r: Results, group: str) -> Iterator[Row]:
    names = {
        "explore": ("explore", "explore limit"),
        "distribution": ("API of a distribution", "explore limit"),
        "cells": ("API of aggregates", "cells limit"),
    }
    for name, (words, limit) in names.items():
        for when in ("", " again"):
            told = "first time" if not when else "again"
            yield _row(
                group,
                f"{words}, {told}, against the bare query",
                0.5,
                partial(r.ratio, f"{name}{when}", f"{limit}{when}"),
            )


_MADE = {
    "page": _page,
    "ladder": _ladder,
    "not-modified": _not_modified,
    "repeated": _repeated,
    "depth": _depth,
    "facets": _facets,
    "search": _search,
    "html": _html,
    "insight": _insight,
}


# --- exports, writes, memory, readers beside writers -----------------------------------------------------------------
def export_rows(server: Server, *, count: int, say: Callable[[str], None]) -> Iterator[Row]:
    try:
        found = exports.measure(server, count=count, say=say)
    except LookupError as problem:
        yield Row("exports", "exports", 1.5, None, at_least=False, note=str(problem))
        return
    for ending, one in found.items():
        name = ending.upper()
        row = partial(Row, "exports", at_least=False)
        middle = sorted(one.ratios)[len(one.ratios) // 2]
        yield row(f"{name} of all against COPY, time", 1.5, middle, details=one.told())
        yield row(f"{name} of all, first byte", 50.0, max(one.first_byte_ms), unit="ms")
        yield row(f"{name} of all, growth of the workers", 20.0, one.growth_mib, unit="MiB")


def write_rows(*, count: int, say: Callable[[str], None]) -> Iterator[Row]:
    for (way, number), cost in writes.measure(count=count, say=say).items():
        goal = 1.7 if way == "SQL" else 1.3
        yield Row(
            "writes",
            f"insert of {number:,} rows by {way}, logged against bare, time",
            goal,
            cost.ratio,
            at_least=False,
            details=cost.told(),
        )


def import_rows(*, count: int, say: Callable[[str], None]) -> Iterator[Row]:
    row = partial(Row, "import", at_least=False)
    try:
        found = imports.measure(count=count, say=say)
    except LookupError as problem:
        yield row("import of a sheet", 5.0, None, note=str(problem))
        return
    for what, cost in found.items():
        operation = f"{what} of {imports.ROWS:,} rows against COPY and the same checks in SQL, time"
        yield row(operation, 5.0, cost.ratio, details=cost.told())


def aggregate_rows(*, count: int, folder: Path, say: Callable[[str], None]) -> Iterator[Row]:
    found = aggregates.measure(count=count, folder=folder, say=say)
    row = partial(Row, "aggregates", at_least=False)
    size = {"results": float(found.rows), "cells": float(found.cells)}
    yield row(
        "all cells computed, against one GROUP BY with percentile_cont, time",
        1.5,
        found.ratio("full", "group_by"),
        details={**found.told("full", "group_by", "rebuild"), **size},
    )
    yield row(
        "all cells computed, against polars over Parquet, time",
        4.0,
        found.ratio("full", "polars"),
        details=found.told("full", "polars"),
    )
    for way, what in (("_sums", "counts, means, shares"), ("", "all of the touched cells")):
        yield row(
            f"{aggregates.NEW} new results, {what}, against the same with a tenth of the results, time",
            1.3,
            found.ratio(f"update{way}", f"update_of_a_tenth{way}"),
            details=found.told(
                *(f"{size}{step}" for size in ("update", "update_of_a_tenth") for step in ("", *aggregates.STEPS))
            ),
        )
    yield row(
        f"{aggregates.NEW} new results, against a bare pass over the touched cells, time",
        1.5,
        found.ratio("update", "update_bare"),
        details=found.told("update", "update_bare"),
    )
    yield row(
        f"{aggregates.NEW} new results, share of computing all cells, time",
        0.05,
        found.ratio("update", "full"),
        details=found.told("update", "full"),
    )


def synthesis_rows(*, seed: int, scale: float, count: int, say: Callable[[str], None]) -> Iterator[Row]:
    """Of arrays of results, without the database: seconds of the processor."""
    row = partial(Row, "synthesis", at_least=False)
    sizes = [max(1_000, round(results * scale)) for results in (100_000, 1_000_000)]
    found = []
    for size in sizes:
        say(f"synthesis: {size:,} results")
        found.append(synthesis.measured(max(100, round(2_000 * scale)), size, seed, count))
    for one in found:
        yield row(
            f"evidence and order of practices over {one.count:,} results, against NumPy alone, time",
            3.0,
            one.portal / one.numpy,
            details={"portal_ms": one.portal * 1_000, "numpy_ms": one.numpy * 1_000, "means": float(one.means)},
            note=f"largest difference of what both compute: {one.apart:.0e}",
        )
    small, large = found
    yield row(
        f"evidence after {synthesis.NEW} new results, against the same with a tenth of the results, time",
        1.5,
        large.update / small.update,
        details={"update_ms": large.update * 1_000, "update_of_a_tenth_ms": small.update * 1_000},
        note="every update orders all practices anew",
    )


def freshness_rows(
    server: Server, *, folder: Path, environment: Mapping[str, str], say: Callable[[str], None]
) -> Iterator[Row]:
    row = partial(Row, "freshness", unit="s", at_least=False)
    try:
        found = freshness.measure(server, folder=folder, environment=environment, say=say)
    except (LookupError, ServerError) as problem:
        yield row("from accepting a result to the new number on the page", 5, None, note=str(problem))
        return
    yield row(
        "from accepting a result to the new number on the page, idle worker",
        5,
        max(found.idle),
        details={f"time_{n}": seconds for n, seconds in enumerate(found.idle, 1)},
    )
    yield row(
        f"the same while {freshness.IMPORTED:,} results are imported",
        60,
        max(found.busy),
        details={
            **{f"time_{n}": seconds for n, seconds in enumerate(found.busy, 1)},
            "import_seconds": found.import_seconds,
            "all_counted_seconds": found.counted_seconds,
        },
    )


def memory_rows(server: Server) -> Iterator[Row]:
    pids = server.workers()
    yield Row("memory", f"{len(pids)} web workers together, PSS", 200.0, server.pss_mib(), unit="MiB", at_least=False)


def together_rows(
    server: Server, *, folder: Path, environment: Mapping[str, str], seconds: float, say: Callable[[str], None]
) -> Iterator[Row]:
    row = partial(Row, "together", at_least=False)
    try:
        found = together.measure(server, folder=folder, environment=environment, seconds=seconds, say=say)
    except (LookupError, ServerError, WriterError) as problem:
        yield row("readers beside writers", 0, None, note=str(problem))
        return
    details = {
        "answers": len(found.busy.times),
        "changes": found.changes,
        "p99_alone_ms": found.quiet.p99_ms,
        "p99_ms": found.busy.p99_ms,
    }
    stale, failed = found.quiet.stale + found.busy.stale, found.quiet.failed + found.busy.failed
    yield row("readers beside writers, stale", 0, stale, unit="answers", details=details)
    yield row("readers beside writers, failed", 0, failed, unit="answers")
    yield row("readers beside writers, p99 against readers alone", 2.0, found.busy.p99_ms / found.quiet.p99_ms)
    yield row("readers beside writers, missing in the log", 0, found.unlogged, unit="changes")
    yield row(
        "readers beside writers, differing afterwards",
        0,
        found.differing,
        unit="documents",
        details={"compared": found.compared, "behind_seconds": found.behind_seconds},
    )
