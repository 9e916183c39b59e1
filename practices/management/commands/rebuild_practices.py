"""Compute the evidence of every practice anew, and say what differed from what following the changes made."""

import sys

from django.core.management.base import BaseCommand, CommandParser

from practices import tasks


class Command(BaseCommand):
    help = "Compute evidence and ranking of all practices anew; say what differed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only look; the exit code is 1 when something differs")

    def handle(self, *args, **options) -> None:
        report = tasks.examine(check=options["check"])
        if options["verbosity"] or report.differing:
            for sentence in report.sentences():
                self.stdout.write(sentence)
        if report.differing and options["check"]:
            sys.exit(1)
