"""What checking finds: sentences about entries, each with a code that is the same at all doors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise


class Level(StrEnum):
    """Whether a finding stands in the way."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One sentence about one entry.

    Attributes:
        field: its name; in what is given several times as `standards.0.standard`; empty: several fields together.
        code: the same for the same mistake at all doors; documented in docs/reporting.md.
        message: what is wrong and how to mend it; a warning: what is unusual, as a question.
    """

    level: Level
    field: str
    code: str
    message: str | Promise

    @property
    def key(self) -> str:
        """Under which an answer to a warning is kept in `Report.answers`."""
        return f"{self.field}:{self.code}"


def error(field: str, code: str, message: str | Promise) -> Finding:
    """What must be mended."""
    return Finding(Level.ERROR, field, code, message)


def warning(field: str, code: str, message: str | Promise) -> Finding:
    """What is asked about."""
    return Finding(Level.WARNING, field, code, message)


@dataclass
class Checked:
    """Entries that were read.

    Attributes:
        values: name of the field -> what its reader made of it; fields that are empty or wrong are not there.
        findings: all of them, in the order of the form.
    """

    values: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def errors(self) -> list[Finding]:
        return [one for one in self.findings if one.level == Level.ERROR]

    @property
    def warnings(self) -> list[Finding]:
        return [one for one in self.findings if one.level == Level.WARNING]

    def unanswered(self, answers: Mapping[str, str]) -> list[Finding]:
        """Warnings that nobody has answered yet."""
        return [one for one in self.warnings if not str(answers.get(one.key, "")).strip()]

    def of(self, name: str) -> list[Finding]:
        """What was found about a field or its parts."""
        return [one for one in self.findings if one.field == name or one.field.startswith(f"{name}.")]
