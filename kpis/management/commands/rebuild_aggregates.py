"""Compute every aggregate of results anew, or only look whether all are right."""

import sys
import time

from django.core.management.base import BaseCommand, CommandParser

from kpis import tasks

TOLD_EVERY_SECONDS = 2.0


class Command(BaseCommand):
    help = "Compute every aggregate of results anew from the records; say what differed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only look; the exit code is 1 when something differs")

    def handle(self, *args, **options) -> None:
        told = time.monotonic()

        def tell(done: int, expected: int) -> None:
            nonlocal told
            if options["verbosity"] and time.monotonic() - told >= TOLD_EVERY_SECONDS:
                told = time.monotonic()
                self.stdout.write(f"{done:,} of {expected:,} indicators")

        report = tasks.examine(tell) if options["check"] else tasks.rebuild(tell)
        if options["verbosity"] or not report.is_clean:
            for sentence in report.sentences():
                self.stdout.write(sentence)
        if report.is_clean:
            return
        if options["check"]:
            self.stderr.write("Run rebuild_aggregates to repair this.")
            sys.exit(1)
        self.stdout.write("All of this is repaired.")
