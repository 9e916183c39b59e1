"""The writers beside the readers of `bench/together.py`: a process of its own, so that neither waits for the other's
turn in one interpreter, which readers would measure as time that the portal takes."""

import multiprocessing
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

#: A fresh process: one that is forked would share the connections of this one.
CONTEXT: SpawnContext = multiprocessing.get_context("spawn")
_START_SECONDS = 60


class WriterError(Exception):
    """The writers have ended before they were told to."""


def numbers(count: int) -> Any:
    """Whole numbers that both processes see, all 0. Each has one writer, who sets it in one piece."""
    return CONTEXT.Array("q", count, lock=False)


@contextmanager
def writing(ids: Sequence[int], committed: Any, *, writers: int, changes_a_second: float) -> Iterator[SpawnProcess]:
    """Inside, each writer changes records of its own, so many a second.

    Args:
        ids: of the use cases; committed: `numbers`, in the same order: of each one's last committed change.
    Raises: WriterError.
    """
    ready, stop = CONTEXT.Event(), CONTEXT.Event()
    process = CONTEXT.Process(target=_work, args=([*ids], committed, writers, changes_a_second, ready, stop))
    process.start()
    try:
        if not ready.wait(_START_SECONDS):
            raise WriterError("the writers do not start")
        yield process
    finally:
        stop.set()
        process.join(_START_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
    if process.exitcode != 0:
        raise WriterError(f"the writers ended with code {process.exitcode}")


def _work(ids: list[int], committed: Any, writers: int, changes_a_second: float, ready: Any, stop: Any) -> None:
    """The process: one thread a writer."""
    import django

    django.setup()
    ready.set()
    pause = 1 / changes_a_second
    with ThreadPoolExecutor(writers) as pool:
        running = [
            pool.submit(_write, ids, committed, range(n, len(ids), writers), random.Random(n), pause, stop)
            for n in range(writers)
        ]
        wait(running, return_when=FIRST_EXCEPTION)
        stop.set()
    for one in running:
        one.result()  # raises what broke a writer, which ends the process with code 1


def _write(ids: list[int], committed: Any, mine: range, chance: random.Random, pause: float, stop: Any) -> None:
    """Change one record after another, each in a transaction of its own, and wake the worker as a request does."""
    from django.db import connection
    from django.db.models import F

    from alliance.events import tasks
    from usecases.models import UseCase

    due = time.monotonic()
    try:
        while not stop.wait(max(0.0, due - time.monotonic())):
            due += pause
            place = chance.choice(mine)
            number = committed[place] + 1
            UseCase.objects.filter(pk=ids[place]).update(title=f"Change {number}", version=F("version") + 1)
            committed[place] = number
            tasks.wake()
    finally:
        connection.close()
