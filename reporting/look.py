"""What a look at a report that was read has before it."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format

from reporting.known import Known
from reporting.models import Report


@dataclass
class Look:
    """What a look at a report has before it.

    Attributes:
        values: what was read.
        wrong: fields that could not be read: nothing more is said about them.
        percent_signs: fields whose numbers were written with a percent sign.
        report: whose values these are; None: of no report yet.
    """

    values: dict[str, Any]
    known: Known
    report: Report | None = None
    percent_signs: frozenset[str] = frozenset()
    wrong: frozenset[str] = frozenset()
    today: date = field(default_factory=timezone.localdate)

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)

    def is_open(self, *names: str) -> bool:
        """Whether none of the fields was given, rightly or wrongly."""
        return not any(name in self.values or name in self.wrong for name in names)


def told(value: Decimal) -> str:
    """A number for a sentence, in the reader's language, without idle zeros."""
    plain = format(round(value, 6).normalize(), "f") if value else "0"
    decimals = len(plain.partition(".")[2])
    return number_format(Decimal(plain), decimal_pos=min(decimals, 4))
