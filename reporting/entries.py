"""What reading an entry comes to, and in which shape entries can be kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from reporting.fields import FORMS
from reporting.words import LONGEST

#: How many times a field that can be given several times may be given.
MOST_TIMES = 50


class EntryError(Exception):
    """An entry cannot be read. The message says what is wrong and how to mend it."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Note:
    """Something unusual about an entry that was read, as a question."""

    code: str
    message: str


@dataclass(frozen=True)
class Read:
    """What an entry says.

    Attributes:
        value: None when it says that nothing is known.
        notes: what the member is asked about it.
        has_percent_sign: a number was written with one.
    """

    value: Any = None
    notes: tuple[Note, ...] = ()
    has_percent_sign: bool = False


NOTHING = Read()


def storable(kind: str, entries: Mapping[str, Any]) -> dict[str, Any]:
    """The entries as the database can keep them: texts without NUL and half characters, otherwise as typed.

    Raises: ValidationError for what is no entry at all: unknown fields, nested or endless things.
    """
    form = FORMS[kind].by_name
    return {_known(name, form): _value(value, depth=2) for name, value in entries.items()}


def storable_answers(answers: Mapping[str, str]) -> dict[str, str]:
    """Answers to warnings as the database can keep them."""
    return {_text(name)[:200]: _text(words)[:LONGEST] for name, words in answers.items()}


def _text(text: str) -> str:
    """The text without NUL and half characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _known(name: str, form: Mapping[str, Any]) -> str:
    if name not in form:
        raise ValidationError(_("There is no field “%(name)s”.") % {"name": str(name)[:60]}, code="unknown-field")
    return name


def _value(value: Any, *, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) < 10**30 else str(value)[:LONGEST]
    if isinstance(value, Decimal | date):
        return str(value)[:LONGEST]
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise ValidationError(
                _("A text of %(length)s characters is too long: at most %(most)s.")
                % {"length": len(value), "most": LONGEST},
                code="too-long",
            )
        return _text(value)
    if depth and isinstance(value, list) and len(value) <= MOST_TIMES * 2:
        return [_value(one, depth=depth - 1) for one in value]
    if depth and isinstance(value, Mapping) and len(value) <= MOST_TIMES:
        return {_text(str(name))[:60]: _value(one, depth=depth - 1) for name, one in value.items()}
    raise ValidationError(_("This is neither a text nor a list of texts."), code="not-an-entry")
