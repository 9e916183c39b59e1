"""Whatever dies while aggregates are computed, no cell stays stale, is lost or counts a result twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.core.cache import cache

from alliance.events import runs
from alliance.events.models import Change, Cursor, Run, RunState
from kpis import aggregating, tasks
from kpis.aggregates import cell
from kpis.models import AggregateInput, Kpi, Result, UncountedInput
from tests.events.documents_cases import settings_url, settle
from tests.kpis import recipes
from tests.kpis.test_aggregates_follow import assert_rebuild_changes_nothing
from usecases.models import UseCase

pytestmark = pytest.mark.django_db(transaction=True)

#: Follows the log, and stops where it is told to until it reads a line.
PROGRAM = """
import sys
import django
django.setup()
from kpis import aggregate_running_sql, aggregating, tasks

def stop(module, name):
    work = getattr(module, name)
    def wait(*args, **more):
        print("there", flush=True)
        sys.stdin.readline()
        return work(*args, **more)
    setattr(module, name, wait)

if sys.argv[1] == "difference":
    aggregating.WHOLE_FROM = 0
stop(*{"inputs": (aggregating, "_follow_inputs"), "cells": (aggregating, "_work_off"),
       "difference": (aggregate_running_sql, "count_cells"),
       "whole": (aggregate_running_sql, "whole_state")}[sys.argv[1]])
tasks.follow_aggregates()
print("done", flush=True)
"""

#: Before the transaction that takes entries ends; after it; before the one that counts them ends, with values and sums
#: written already, or by one pass over all inputs.
PLACES = ("inputs", "cells", "difference", "whole")


@contextmanager
def worker(place: str) -> Iterator[subprocess.Popen]:
    """A process that has come to the place and waits there."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, place],
        env={**os.environ, "DATABASE_URL": settings_url(), "DJANGO_SETTINGS_MODULE": "alliance.settings"},
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert any("there" in line for line in process.stdout), "it came to the place"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


@pytest.fixture
def kpi() -> Kpi:
    """With three results; a fourth one is in the log, and nobody has read of it."""
    made = recipes.kpi()
    for change in (-10, -20, -30):
        recipes.result(kpi=made, relative_change_percent=change)
    settle()
    aggregating.follow()
    recipes.result(kpi=made, relative_change_percent=-40)
    settle()
    return made


def assert_complete(kpi: Kpi) -> None:
    tasks.follow_aggregates()
    assert (cell(kpi).n, cell(kpi).median) == (4, 25.0)
    assert not UncountedInput.objects.exists()
    reader = Cursor.objects.get(reader=aggregating.READER)
    assert reader.rows == Change.objects.count(), "each entry was read once"
    assert_rebuild_changes_nothing()


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_worker_leaves_no_cell_stale(kpi, place):
    with worker(place) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    assert cell(kpi).n == 3, "nothing is half done"
    assert_complete(kpi)


@pytest.mark.parametrize("place", PLACES)
def test_a_second_worker_counts_nothing_twice(kpi, place):
    with worker(place) as process:
        assert aggregating.follow() is None, "one follows at a time"
        tasks.follow_aggregates()
        print("", file=process.stdin, flush=True)
        assert process.stdout is not None
        rest = [line.strip() for line in process.stdout]
        assert "done" in rest
    assert_complete(kpi)


def test_a_lost_message_and_a_redis_that_forgot_everything_lose_nothing(kpi):
    cache.clear()
    assert_complete(kpi)


@pytest.mark.parametrize("place", ["difference", "whole"])
def test_what_is_deleted_while_its_cell_is_computed_is_gone_from_it_after_the_next_look(kpi, place):
    gone = Result.objects.filter(kpi=kpi).order_by("pk").last()
    with worker(place) as process:
        UseCase.objects.filter(pk=gone.use_case_id).delete()
        print("", file=process.stdin, flush=True)
        process.communicate(timeout=60)
    settle()
    tasks.follow_aggregates()
    assert cell(kpi).n == 3
    assert not AggregateInput.objects.filter(result_id=gone.pk).exists()
    assert_rebuild_changes_nothing()


def test_two_corrections_at_the_same_moment_count_once_each(kpi):
    first, second = Result.objects.filter(kpi=kpi).order_by("pk")[:2]
    with worker("inputs") as process:
        for old, change in ((first, -50), (second, -60)):
            new = recipes.result(kpi=kpi, use_case=old.use_case, relative_change_percent=change)
            Result.objects.filter(pk=old.pk).update(state="superseded", superseded_by=new)
        print("", file=process.stdin, flush=True)
        process.communicate(timeout=60)
    settle()
    tasks.follow_aggregates()
    assert (cell(kpi).n, cell(kpi).median) == (4, 45.0)
    assert_rebuild_changes_nothing()


def test_a_failure_is_written_down_and_the_next_run_goes_on(kpi, monkeypatch):
    def fail(*_args, **_more):
        raise RuntimeError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(aggregating, "_one_batch", fail)
        with pytest.raises(RuntimeError):
            tasks.follow_aggregates()
    failed = Run.objects.filter(task=tasks.FOLLOW).first()
    assert (failed.state, failed.error) == (RunState.FAILED, "RuntimeError: no space left")
    assert failed in runs.failing()
    assert_complete(kpi)
    assert failed not in runs.failing()
