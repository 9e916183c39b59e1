"""Reading one row, cell by cell: what is wrong is noted, and the reading goes on."""

import re
import unicodedata
from collections.abc import Container, Iterable, Sized
from decimal import Decimal
from typing import Protocol

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import models

from kpis.reference.problems import Problems
from kpis.reference.tables import Row

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_INTEGER = re.compile(r"-?[0-9]+")
_NOT_FINITE = re.compile(r"[+-]?(?:inf|infinity|nan)|[+-]?[0-9.]+e\+?[0-9]{3,}", re.I)
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_check_url = URLValidator(schemes=["http", "https"])

UNKNOWN_IS_EMPTY = "leave the field empty when it is not known"


class Lookup(Sized, Container, Iterable, Protocol):
    """A set, or the keys of a dict."""


class Cells:
    """The cells of one row. `fine` tells whether all that was read so far was right."""

    def __init__(self, row: Row, problems: Problems):
        self.row = row
        self.problems = problems
        self.fine = True

    def wrong(self, column: str, what: str, mend: str) -> None:
        self.fine = False
        self.problems.error(self.row.file, self.row.line, column, what, mend)

    def warn(self, column: str, what: str, mend: str) -> None:
        self.problems.warn(self.row.file, self.row.line, column, what, mend)

    def text(self, column: str, field: models.Field | None = None, *, required: bool = True) -> str:
        """The text as it stands, at most as long as `field` holds; "" when it is wrong."""
        text = self.row.cells[column]
        if not text:
            if required:
                self.wrong(column, "the field is empty", "every row needs it: fill it in, or delete the row")
            return ""
        if text != text.strip():
            self.wrong(column, "the text begins or ends with a blank", "delete the blank")
            return ""
        if "\ufffd" in text:
            self.wrong(column, "a letter was lost when the file was saved (�)", "put the letter back")
            return ""
        return text if self._fits(column, text, field) else ""

    def url(self, column: str, field: models.Field) -> str:
        """A web address, or "" when there is none or it is wrong."""
        text = self.text(column, field, required=False)
        try:
            if text:
                _check_url(text)
        except ValidationError:
            self.wrong(column, f"“{_short(text)}” is no web address", "begin with https:// or http://, without blanks")
            return ""
        return text

    def slug(self, column: str, field: models.Field) -> str:
        text = self.text(column, field)
        if text and not _SLUG.fullmatch(text):
            self.wrong(column, f"“{_short(text)}” cannot stand in an address", "use a to z, 0 to 9 and single hyphens")
            return ""
        return text

    def integer(self, column: str, lowest: int, highest: int, *, required: bool = False) -> int | None:
        text = self.text(column, required=required)
        if not text:
            return None
        if not _INTEGER.fullmatch(text):
            self.wrong(
                column,
                f"“{_short(text)}” is no whole number",
                _how_to_write(text, "write digits only, such as 1807000"),
            )
            return None
        # Python refuses to read integers of thousands of digits.
        value = int(text) if len(text) <= 20 else highest + 1
        if not lowest <= value <= highest:
            self.wrong(column, f"{_short(text)} is not between {lowest} and {highest}", "check the number")
            return None
        return value

    def decimal(self, column: str, field: models.DecimalField, *, required: bool = False) -> Decimal | None:
        """A number that the database can hold without rounding it."""
        text = self.text(column, required=required)
        if not text:
            return None
        if not _NUMBER.fullmatch(text):
            mend = _how_to_write(text, "write digits, and a point before decimals, such as 12.5")
            self.wrong(column, f"“{_short(text)}” is no number", mend)
            return None
        whole, _point, decimals = text.lstrip("-").partition(".")
        places, digits = int(field.decimal_places or 0), int(field.max_digits or 0)
        if len(decimals.rstrip("0")) > places:
            self.wrong(column, f"{_short(text)} has more than {places} decimals", "round it")
            return None
        if len(whole.lstrip("0")) > digits - places:
            self.wrong(column, f"{_short(text)} is larger than 10^{digits - places}", "use a larger unit")
            return None
        return Decimal(text)

    def coordinate(self, column: str, field: models.DecimalField, limit: int) -> Decimal:
        """Degrees, from minus to plus `limit`; 0 when it is wrong."""
        value = self.decimal(column, field, required=True)
        if value is not None and abs(value) > limit:
            self.wrong(column, f"{value} is not between -{limit} and {limit}", "write degrees with decimals")
            return Decimal(0)
        return value or Decimal(0)

    def choice(self, column: str, known: Iterable[str], *, required: bool = True) -> str:
        """One of the words that the portal knows for this column."""
        text = self.text(column, required=required)
        return text if text and self._is_known(column, text, list(known)) else ""

    def choices(self, column: str, known: Iterable[str]) -> list[str]:
        words = list(known)
        return [item for item in self.items(column) if self._is_known(column, item, words)]

    def items(self, column: str, field: models.Field | None = None) -> list[str]:
        """A list inside a field, separated by semicolons; each entry once."""
        text = self.text(column, required=False)
        items: list[str] = []
        for item in text.split(";") if text else []:
            if not item or item != item.strip():
                self.wrong(column, f"the list “{_short(text)}” has a gap or a blank", "write a;b;c without blanks")
            elif item in items:
                self.wrong(column, f"“{_short(item)}” stands twice in the list", "delete one of them")
            elif self._fits(column, item, field):
                items.append(item)
        return items

    def refers(self, column: str, value: str, known: Lookup, complete: bool, file: str) -> bool:
        """Whether `value` names a row of `file`; an incomplete file has the benefit of the doubt.

        Args:
            known: the keys of that file. complete: whether all its rows could be read.
        """
        if not value or value in known:
            return bool(value)
        self.fine = False
        if complete:
            mend = self.problems.did_you_mean(value, known, f"add it to {file}")
            self.wrong(column, f"“{_short(value)}” is not in {file}", mend)
        return False

    def first_of(self, column: str, key: object, seen: dict, shown: str) -> bool:
        """Whether no earlier row has this key. `seen` keeps key -> line."""
        earlier = seen.setdefault(key, self.row.line)
        if earlier == self.row.line:
            return True
        self.wrong(column, f"“{_short(shown)}” stands in row {earlier} already", "delete one of the two, or rename it")
        return False

    def _fits(self, column: str, text: str, field: models.Field | None) -> bool:
        maximum = getattr(field, "max_length", None)
        if maximum is None or len(text) <= maximum:
            return True
        self.wrong(column, f"“{_short(text)}” has {len(text)} characters", f"shorten it to {maximum}")
        return False

    def _is_known(self, column: str, text: str, known: list[str]) -> bool:
        if text in known:
            return True
        otherwise = "write one of: " + ", ".join(known)
        self.wrong(column, f"“{_short(text)}” is not known here", self.problems.did_you_mean(text, known, otherwise))
        return False


class Spellings:
    """Finds names that differ only in case, accents or blanks: most likely one thing, spelt twice."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[str, Row]] = {}

    def check(self, cells: Cells, column: str, name: str) -> None:
        spelt, row = self._first.setdefault(_folded(name), (name, cells.row))
        if spelt != name:
            where = f"{row.file}, row {row.line}" if row.file != cells.row.file else f"row {row.line}"
            cells.wrong(column, f"“{_short(name)}” is spelt “{_short(spelt)}” in {where}", "spell both the same way")


def _folded(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


def _how_to_write(text: str, rule: str) -> str:
    if _NOT_FINITE.fullmatch(text):
        return f"a number has an end: {UNKNOWN_IS_EMPTY}"
    if text.casefold() in ("n/a", "na", "-", "?", "unknown", "none", "null"):
        return UNKNOWN_IS_EMPTY
    if "," in text or " " in text or "\u00a0" in text:
        return f"{rule}; no blanks, no commas"
    return f"{rule}; {UNKNOWN_IS_EMPTY}"


def _short(text: str) -> str:
    """Enough of a text to find it in a file, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."
