"""What a person sees while the commands work: one line per step, alive on a terminal, plain elsewhere."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

_SIGNS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_CLEAR_LINE = "\r\x1b[2K"
QUIET_SECONDS = 1.0


class Console:
    """Writes to one stream. `step` tells what is being done; nothing else may write meanwhile."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self.lively = self.stream.isatty()
        self._writing = threading.Lock()

    def say(self, text: str = "") -> None:
        with self._writing, contextlib.suppress(BrokenPipeError):
            encoding = self.stream.encoding or "utf-8"
            self.stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
            self.stream.flush()

    @contextlib.contextmanager
    def step(self, text: str, *, ending: bool = True) -> Iterator[None]:
        """Name a step; once it has taken a second, show that it goes on, and at its end how long it took.

        Args:
            ending: False when the caller says itself how the step ended.
        """
        begun = time.monotonic()
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(text, begun, done), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
        # Not reached when the step failed: then the closing sentence speaks.
        seconds = time.monotonic() - begun
        if ending and (seconds >= QUIET_SECONDS or self.lively):
            self.say(f"{text}: done in {seconds:.1f} s")

    def _watch(self, text: str, begun: float, done: threading.Event) -> None:
        if done.wait(0 if self.lively else QUIET_SECONDS):
            return
        if not self.lively:
            self.say(f"{text} ...")
            done.wait()
            return
        turn = 0
        while True:
            sign = _SIGNS[turn % len(_SIGNS)] if self.stream.encoding.lower().startswith("utf") else "*"
            with self._writing:
                self.stream.write(f"{_CLEAR_LINE}{sign} {text} ({time.monotonic() - begun:.0f} s)")
                self.stream.flush()
            turn += 1
            if done.wait(0.1):
                break
        with self._writing:
            self.stream.write(_CLEAR_LINE)
            self.stream.flush()


def sentence(text: str, stream: TextIO | None = None) -> None:
    """The last word of a command that failed."""
    stream = stream or sys.stderr
    with contextlib.suppress(BrokenPipeError):
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        stream.flush()
