"""Bring the reference data of `data/` into the database."""

import sys
from pathlib import Path
from typing import NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, IntegrityError, OperationalError, ProgrammingError

from alliance.events import upkeep
from kpis import aggregating
from kpis.reference.load import FURTHER, Report, load_reference_data

#: A changed row is told in one line; a new edition of a file may have thousands.
MOST_CHANGES_SHOWN = 50


class Command(BaseCommand):
    help = "Load the reference data: all or nothing, and only what differs. Rows that are not in the files stay."
    # Runs at every start of the portal; `check` runs with the tests.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dir", type=Path, default=settings.DATA_DIR, help="the folder with the files")
        parser.add_argument("--check", action="store_true", help="say what would change, and keep none of it")

    def handle(self, *args, **options) -> None:
        directory, check_only = options["dir"], options["check"]
        try:
            report = load_reference_data(directory, check_only=check_only)
            if not (check_only or report.errors):
                upkeep.follow()  # the first visitor finds ready documents
                aggregating.follow()
                if any(tally.added or tally.changed for tally in report.tallies):
                    for further in FURTHER.values():
                        further.follow()
        except IntegrityError as error:
            self._stop(f"Somebody changed the same rows at this moment ({_first_line(error)}). Run it again.")
        except ProgrammingError as error:
            self._stop(f"The tables are not those of this version ({_first_line(error)}). Run migrate first.")
        except OperationalError as error:
            self._stop(f"The database does not answer ({_first_line(error)}). Start it, or check DATABASE_URL.")
        except Error as error:
            self._stop(f"The database refused the data ({_first_line(error)}). Nothing was written.")
        if options["verbosity"] or report.errors:
            for warning in report.warnings:
                self.stdout.write(f"Warning: {warning}")
        if report.errors:
            for problem in report.errors:
                self.stderr.write(str(problem))
            count = len(report.errors)
            self._stop(f"{count} {'error' if count == 1 else 'errors'}. Nothing was written.")
        if options["verbosity"]:
            self._tell(report, check_only)

    def _tell(self, report: Report, check_only: bool) -> None:
        changes = [line for tally in report.tallies for line in tally.changes]
        for line in changes[:MOST_CHANGES_SHOWN]:
            self.stdout.write(f"Changed {line}")
        if len(changes) > MOST_CHANGES_SHOWN:
            self.stdout.write(f"... and {len(changes) - MOST_CHANGES_SHOWN} more")
        self.stdout.write(f"{'':26}{'added':>9}{'changed':>9}{'unchanged':>11}   in the database, not in data/")
        for tally in report.tallies:
            self.stdout.write(
                f"{tally.kind:26}{tally.added:9}{tally.changed:9}{tally.unchanged:11}{tally.only_in_database:11}"
            )
        self.stdout.write(f"Needs for standards: {report.gap_count} rows checked, not loaded yet.")
        total = sum(tally.added + tally.changed for tally in report.tallies)
        self.stdout.write(f"{total} {'change' if total == 1 else 'changes'}{' (not kept)' if check_only else ''}.")

    def _stop(self, sentence: str) -> NoReturn:
        self.stderr.write(sentence)
        sys.exit(1)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
