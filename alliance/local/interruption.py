"""Ctrl-C and termination as a request that is noticed between two steps.

A signal that raised in the middle of starting a process would lose that process. So handlers only take a note, and
every wait of this package asks `check()`.
"""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator

_requested: int | None = None
_shielded = False


def _take_note(number: int, _frame: object) -> None:
    global _requested
    _requested = number


def listen() -> None:
    """From now on SIGINT, SIGTERM and SIGHUP are noticed by `check()`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue  # started with nohup
        signal.signal(number, _take_note)


def requested() -> int | None:
    """The last signal that asked this command to end; None when none did."""
    return _requested


def forget() -> None:
    """Take the request back, once somebody else has been told."""
    global _requested
    _requested = None


def check() -> None:
    """Raises: KeyboardInterrupt once a person or the system has asked this command to end."""
    if _requested is not None and not _shielded:
        raise KeyboardInterrupt


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """While stopping, a further request changes nothing: stopping is what it asks for."""
    global _shielded
    before, _shielded = _shielded, True
    try:
        yield
    finally:
        _shielded = before


def wait(seconds: float) -> None:
    """Sleep, and notice a request within a tenth of a second."""
    until(lambda: False, seconds=seconds, pause=0.1)


def until(condition: Callable[[], bool], *, seconds: float, pause: float = 0.05) -> bool:
    """Ask until the condition holds. Returns: whether it did within the given time."""
    end = time.monotonic() + seconds
    while not condition():
        check()
        left = end - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
    return True
