"""Reads what a member typed into an entry: one reader for each type of field, the same at all doors.

A text is never evaluated. What cannot be read raises an `EntryError`, whose sentence says how to mend it; what may mean
something else is read and asked about (`Read.notes`).
"""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db.models import TextChoices
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reporting import reading_dates, reading_numbers, reading_records, reading_units
from reporting.entries import NOTHING, EntryError, Note, Read
from reporting.fields import Field, Type
from reporting.known import Known
from reporting.words import alike, clean, forbidden, is_nothing, listed, shorten

_YES = frozenset(("yes", "y", "true", "1", "1.0", "si", "s", "x", "✓", "✔", "نعم", "صحيح", "ja", "oui"))
_NO = frozenset(("no", "n", "false", "0", "0.0", "لا", "خطا", "nein", "non"))
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
_IS_ADDRESS = URLValidator(schemes=["http", "https"])
#: Types whose readers take numbers and dates as a program gives them.
_TYPED = frozenset((Type.NUMBER, Type.PERCENT, Type.COUNT, Type.DATE, Type.YEAR))
_SEVERAL_LINES = frozenset((Type.TEXT, Type.TECHNOLOGIES))


def read(field: Field, entry: Any, known: Known) -> Read:
    """What an entry says. Raises: EntryError.

    Args:
        entry: of a field that is not repeated: text, number, boolean, date; None or an empty text for nothing.
    """
    if entry is None or entry == "":
        return NOTHING
    if isinstance(entry, list) and field.type == Type.TECHNOLOGIES:
        entry = ";".join(str(one) for one in entry)
    if isinstance(entry, list | Mapping):
        raise EntryError("not-a-text", _("This is asked once: give one text or number, not a list."))
    try:
        key = (field.name, field.type, type(entry), entry)
        if key in known.memory:
            found = known.memory[key]
        else:
            found = known.memory[key] = _read_or_error(field, entry, known)
    except TypeError:  # what has no hash is no text either
        raise EntryError("not-a-text", _("This is asked once: give one text or number, not a list.")) from None
    if isinstance(found, EntryError):
        raise found
    return found


def _read_or_error(field: Field, entry: Any, known: Known) -> Read | EntryError:
    try:
        if field.type in _TYPED and not isinstance(entry, str):
            return _READERS[field.type](entry, field, known)
        if isinstance(entry, bool) and field.type != Type.YES_NO:
            raise EntryError("not-a-text", _("Yes or no says nothing here: write a text."))
        text = _text(str(entry), field)
        return _READERS[field.type](text, field, known) if text else NOTHING
    except EntryError as error:
        return error


def _text(entry: str, field: Field) -> str:
    """The text, cleaned. Raises: EntryError."""
    if bad := forbidden(entry):
        raise EntryError(
            "control-character",
            _("This holds a character that cannot be printed (%(character)s): delete the text and type it anew.")
            % {"character": bad},
        )
    text = clean(entry, several_lines=field.type in _SEVERAL_LINES)
    if len(text) > field.maximum_length:
        raise EntryError(
            "too-long",
            ngettext(
                "This has %(n)s character, %(most)s are kept: shorten it.",
                "This has %(n)s characters, %(most)s are kept: shorten it.",
                len(text),
            )
            % {"n": len(text), "most": field.maximum_length},
        )
    return text


# --- texts -----------------------------------------------------------------------------------------------------------
def _line(text: str, field: Field, known: Known) -> Read:
    return NOTHING if is_nothing(text) else Read(text)


def _yes_no(text: str, field: Field, known: Known) -> Read:
    said = alike(text)
    if said in _YES or said in _NO:
        return Read(said in _YES)
    if is_nothing(text):
        return NOTHING
    message = _("“%(text)s” is neither yes nor no: write one of them.")
    raise EntryError("not-yes-or-no", message % {"text": shorten(text, 40)})


def _address(text: str, field: Field, known: Known) -> Read:
    """An http address. Raises: EntryError."""
    if is_nothing(text):
        return NOTHING
    address = text if _SCHEME.match(text) and not text.lower().startswith("www.") else f"https://{text}"
    parts = _split(address)
    if parts is None or parts.scheme.lower() not in ("http", "https"):
        raise _not_reachable(text)
    if parts.username or parts.password:
        raise EntryError("address-with-password", _("This address holds a name or a password: take it out."))
    try:
        _IS_ADDRESS(address)
        if "." not in (parts.hostname or "") and ":" not in (parts.hostname or ""):
            raise ValidationError("a name of this machine or network only")
    except ValidationError as error:
        raise EntryError(
            "not-an-address",
            _("“%(text)s” is no complete address: copy it from your browser, such as https://example.org/report.")
            % {"text": shorten(text, 40)},
        ) from error
    return Read(address)


def _not_reachable(text: str) -> EntryError:
    message = _("“%(text)s” cannot be opened by others: give an address that begins with https://, or attach the file.")
    return EntryError("address-scheme", message % {"text": shorten(text, 40)})


def _split(address: str) -> Any:
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _source(text: str, field: Field, known: Known) -> Read:
    """An address, or title and year of a report."""
    if is_nothing(text):
        return NOTHING
    if " " not in text and ("://" in text or text.lower().startswith("www.") or _SCHEME.match(text)):
        return _address(text, field, known)
    if re.match(r"(?:[a-z]:\\|\\\\|/home/|/users/)", text, re.I):
        raise _not_reachable(text)
    if not re.search(r"(?:19|20)\d\d", text) and "://" not in text:
        question = _("“%(text)s” is neither an address nor a title with its year. Will others find it by that?")
        return Read(text, (Note("source-not-found-by", question % {"text": shorten(text)}),))
    return Read(text)


# --- choices ---------------------------------------------------------------------------------------------------------
def _choice(text: str, field: Field, known: Known) -> Read:
    """The code, from code or label in any language of the portal. Raises: EntryError."""
    choices = cast(type[TextChoices], field.choices)
    names = _names_of(choices)
    said = _choice_key(text)
    if said in names:
        return Read(names[said])
    if is_nothing(text):
        return NOTHING
    close = get_close_matches(said, list(names), n=1, cutoff=0.6)
    sentence = _("“%(text)s” is none of the answers here.") % {"text": shorten(text, 40)}
    if close:
        label = choices(names[close[0]]).label
        hint = _("Did you mean “%(label)s”?") % {"label": label}
    else:
        hint = _("Choose among: %(labels)s.") % {"labels": listed(str(label) for label in choices.labels)}
    raise EntryError("not-a-choice", f"{sentence} {hint}")


def _choice_key(text: str) -> str:
    return re.sub(r"[\s_–-]+", " ", alike(text)).strip(" .")


@cache
def _names_of(choices: type[TextChoices]) -> Mapping[str, str]:
    """Code, label, and beginning of a label up to its colon, in any language -> code."""
    found = {_choice_key(code): code for code in choices.values}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            for code, label in choices.choices:
                for name in (str(label), str(label).partition(":")[0]):
                    found.setdefault(_choice_key(name), code)
    return found


Reader = Callable[[Any, Field, Known], Read]

_READERS: dict[Type, Reader] = {
    Type.LINE: _line,
    Type.TEXT: _line,
    Type.CHOICE: _choice,
    Type.YES_NO: _yes_no,
    Type.YEAR: lambda entry, field, known: reading_dates.read_year(entry),
    Type.DATE: lambda entry, field, known: reading_dates.read_date(entry),
    Type.NUMBER: lambda entry, field, known: reading_numbers.number(entry, decimal_mark=known.decimal_mark),
    Type.COUNT: lambda entry, field, known: reading_numbers.count(entry, decimal_mark=known.decimal_mark),
    Type.PERCENT: lambda entry, field, known: reading_numbers.percent(entry, decimal_mark=known.decimal_mark),
    Type.UNIT: lambda text, field, known: reading_units.unit(text),
    Type.CURRENCY: lambda text, field, known: reading_units.currency(text),
    Type.ADDRESS: _address,
    Type.SOURCE: _source,
    Type.CITY: lambda text, field, known: reading_records.city(text, known),
    Type.KPI: lambda text, field, known: reading_records.kpi(text, known),
    Type.USE_CASE: lambda text, field, known: reading_records.use_case(text, known),
    Type.STANDARD: lambda text, field, known: reading_records.standard(text, known),
    Type.ORGANISATION: lambda text, field, known: reading_records.organisation(text, known),
    Type.TECHNOLOGIES: lambda text, field, known: reading_records.technologies(text),
}
