"""Copies of the real data with one thing broken, and the real command run on them."""

import csv
import io
import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command


@dataclass
class Outcome:
    code: int
    output: str
    errors: list[str]


class DataFolder:
    """A copy of `data/` that a test may change. Row 1 is the header, as in an editor."""

    def __init__(self, path: Path):
        self.path = Path(shutil.copytree(settings.DATA_DIR, path))

    def rows(self, file: str) -> list[list[str]]:
        with (self.path / file).open(encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream))

    def write(self, file: str, rows: list[list[str]]) -> None:
        with (self.path / file).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(rows)

    def records(self, file: str) -> list[dict[str, str]]:
        header, *rows = self.rows(file)
        return [dict(zip(header, row, strict=True)) for row in rows]

    def set(self, file: str, row: int, **cells: str) -> None:
        rows = self.rows(file)
        for column, value in cells.items():
            rows[row - 1][rows[0].index(column)] = value
        self.write(file, rows)

    def append(self, file: str, like: int, **cells: str) -> int:
        """A further row, equal to row `like` but for `cells`. Returns its line."""
        rows = self.rows(file)
        rows.append(list(rows[like - 1]))
        self.write(file, rows)
        self.set(file, len(rows), **cells)
        return len(rows)

    def row_of(self, file: str, **cells: str) -> int:
        """The line of the only row with these cells."""
        found = [
            line
            for line, record in enumerate(self.records(file), start=2)
            if all(record[column] == value for column, value in cells.items())
        ]
        assert len(found) == 1, f"{file} has {len(found)} rows with {cells}"
        return found[0]

    def bytes(self, file: str) -> bytes:
        return (self.path / file).read_bytes()

    def write_bytes(self, file: str, content: bytes) -> None:
        (self.path / file).write_bytes(content)

    def load(self, *flags: str) -> Outcome:
        """Run the command on this folder."""
        output, errors = io.StringIO(), io.StringIO()
        code = 0
        try:
            call_command("load_reference_data", "--dir", str(self.path), *flags, stdout=output, stderr=errors)
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Outcome(code, output.getvalue(), errors.getvalue().splitlines())


def added(outcome: Outcome) -> dict[str, int]:
    """Kind -> rows added, from the printed table."""
    return {kind: numbers[0] for kind, numbers in table(outcome).items()}


def table(outcome: Outcome) -> dict[str, list[int]]:
    """Kind -> added, changed, unchanged, only in the database."""
    found = {}
    for line in outcome.output.splitlines():
        words = line.split()
        if len(words) > 4 and all(word.isdecimal() for word in words[-4:]):
            found[" ".join(words[:-4])] = [int(word) for word in words[-4:]]
    return found
