"""Bad inputs of `corpus/`: each with the finding that it must lead to, at every door.

A door takes the entries of a report and tells what was found: it is a function of `(kind, entries, author)` that
returns `(level, field, code, message)` of each finding, in English. Tests of a door are one line: `@bad_inputs("api")`.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alliance.members.models import User
from reporting.checking import Checked, Finding
from tests.reporting import recipes

Found = tuple[str, str, str, str]
Door = Callable[[str, dict[str, Any], User], Iterable[Found]]

#: Not every door can be handed everything: a form gives texts only, a sheet no unknown fields.
DOORS = ("check", "api", "form", "sheet")


@dataclass(frozen=True)
class BadInput:
    """Entries with one thing wrong, and the finding that tells it.

    Attributes:
        entries: what differs from valid ones (`recipes.VALID`).
        says: part of the message: how it is mended.
    """

    name: str
    kind: str
    entries: dict[str, Any]
    field: str
    level: str
    code: str
    says: str
    doors: tuple[str, ...] = DOORS

    @property
    def whole(self) -> dict[str, Any]:
        return {**recipes.VALID[self.kind], **self.entries}


def _read(kind: str) -> list[BadInput]:
    file = Path(__file__).parent / "corpus" / f"{kind}.json"
    rows = json.loads(file.read_text(encoding="utf-8"))
    return [BadInput(kind=kind, **{**row, "doors": tuple(row.get("doors", DOORS))}) for row in rows]


CORPUS = [*_read("use-case"), *_read("result")]


def bad_inputs(door: str) -> pytest.MarkDecorator:
    """Run a test with each input that this door can be handed, as `bad`."""
    inputs = [one for one in CORPUS if door in one.doors]
    return pytest.mark.parametrize("bad", inputs, ids=[one.name.replace(" ", "-") for one in inputs])


def told(findings: Iterable[Finding]) -> list[Found]:
    """Findings as a door tells them."""
    return [(one.level.value, one.field, one.code, str(one.message)) for one in findings]


def assert_caught(bad: BadInput, found: Iterable[Found]) -> None:
    """The finding is there, and says how to mend it."""
    found = list(found)
    messages = [
        message for level, field, code, message in found if (level, field, code) == (bad.level, bad.field, bad.code)
    ]
    assert messages, f"{bad.entries} must lead to {bad.level} {bad.code} at {bad.field!r}, but: {found}"
    assert bad.says in messages[0]


def assert_same(bad: BadInput, found: Iterable[Found], checked: Checked) -> None:
    """A door tells exactly what the check does."""
    assert sorted(found) == sorted(told(checked.findings))
