"""The commands that compute anew what is kept beside the records, and say what differed."""

import sys
import time
from typing import Any, Protocol

from django.core.management.base import BaseCommand, CommandParser

from alliance.events.upkeep import Progress

TOLD_EVERY_SECONDS = 2.0


class Report(Protocol):
    """What a check found."""

    @property
    def is_clean(self) -> bool: ...

    def sentences(self) -> list[str]: ...


class RebuildCommand(BaseCommand):
    """Repairs, or only looks with `--check`: then the exit code is 1 when something differs.

    Attributes:
        counted: what progress counts, in the plural.
    """

    counted = ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only look; the exit code is 1 when something differs")

    def work(self, progress: Progress, *, check: bool) -> Report:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        told = time.monotonic()

        def tell(done: int, expected: int) -> None:
            nonlocal told
            if options["verbosity"] and time.monotonic() - told >= TOLD_EVERY_SECONDS:
                told = time.monotonic()
                self.stdout.write(f"{done:,} of {expected:,} {self.counted}")

        report = self.work(tell, check=options["check"])
        if options["verbosity"] or not report.is_clean:
            for sentence in report.sentences():
                self.stdout.write(sentence)
        if report.is_clean:
            return
        if options["check"]:
            self.stderr.write(f"Run {self.name} to repair this.")
            sys.exit(1)
        self.stdout.write("All of this is repaired.")

    @property
    def name(self) -> str:
        return type(self).__module__.rpartition(".")[2]
