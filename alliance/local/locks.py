"""File locks that the system gives back when their holder dies, however it dies."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from . import interruption
from .problems import Problem


def take(path: Path, *, shared: bool = False) -> IO[str] | None:
    """Take the lock, or return None when somebody else has it. Close the file to give it back."""
    file = path.open("a")
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def free(path: Path) -> bool:
    """Whether nobody has the lock."""
    if not path.exists():
        return True
    file = take(path, shared=True)
    if file is None:
        return False
    file.close()
    return True


@contextlib.contextmanager
def held(path: Path, *, seconds: float = 120) -> Iterator[None]:
    """Hold the lock for a short work that must not happen twice at once.

    Raises: Problem when another command keeps it that long.
    """
    taken: list[IO[str]] = []

    def attempt() -> bool:
        if file := take(path):
            taken.append(file)
        return bool(taken)

    if not interruption.until(attempt, seconds=seconds):
        raise Problem(
            f"Another ./portal command of this checkout has been busy for {seconds:.0f} s: "
            "let it end, or stop it, and run again."
        )
    with taken[0]:
        yield
