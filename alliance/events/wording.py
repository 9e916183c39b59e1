"""Changes in words: labels of fields, names of what a key leads to, differences between texts, and who did it."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import formats, timezone
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _

from alliance.core.templatetags.numbers import digits
from alliance.events.history import Entry, Image, Part, State, Subject
from alliance.events.models import Change, Operation

SAME, ADDED, REMOVED, LEFT_OUT = "same", "added", "removed", "left-out"
#: Counted on with every write: no news.
COUNTED = ("version", "created_at", "updated_at")
#: From so many characters on, two texts are compared word by word.
LONG = 60
#: Of words that stayed, so many are shown beside those that changed.
NEIGHBOURS = 12
#: Texts with more pairs of words than this are shown one after the other.
MOST_PAIRS = 4_000_000
#: A row: its model and its primary key.
Key = tuple[type[models.Model], int]
_WORD = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True)
class Piece:
    """A stretch of text that stayed, came, went, or is left out because it stayed."""

    kind: str
    text: str


@dataclass(frozen=True)
class FieldChange:
    """What became of one field."""

    label: str
    pieces: Sequence[Piece]
    #: The pieces are one running text; else each stands for itself.
    is_text: bool = False


@dataclass(frozen=True)
class RowChange:
    """What became of one row: `kind` is an `Operation` or "lost", `what` and `name` are the row in words."""

    kind: str
    what: str
    name: str
    fields: Sequence[FieldChange]
    is_record: bool = False


def kept_fields(model: type[models.Model]) -> list[models.Field]:
    """The fields that people fill in, without those that nobody else may see."""
    secret = getattr(model, "secret_fields", ())
    return [
        field
        for field in model._meta.concrete_fields
        if not field.generated and not field.primary_key and field.name not in COUNTED and field.name not in secret
    ]


def differing(model: type[models.Model], one: Image | None, other: Image | None) -> list[models.Field]:
    """Fields with another value. A column that one of the two does not have yet is not compared."""
    if one is None or other is None:
        return kept_fields(model) if one is not other else []
    return [
        field
        for field in kept_fields(model)
        if field.column in one and field.column in other and one[field.column] != other[field.column]
    ]


# --- texts -----------------------------------------------------------------------------------------------------------
def compare_texts(old: str, new: str) -> list[Piece]:
    """What stayed, went and came, word by word; long stretches that stayed are shortened."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    if len(before) * len(after) > MOST_PAIRS:
        return [Piece(REMOVED, old), Piece(ADDED, new)]
    pieces: list[Piece] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    steps = matcher.get_opcodes()
    for number, (operation, i, j, m, n) in enumerate(steps, start=1):
        if operation == "equal":
            pieces += _shortened(before[i:j], is_first=number == 1, is_last=number == len(steps))
            continue
        pieces += [
            Piece(kind, "".join(words)) for kind, words in ((REMOVED, before[i:j]), (ADDED, after[m:n])) if words
        ]
    return pieces


def _shortened(words: Sequence[str], *, is_first: bool, is_last: bool) -> list[Piece]:
    head = [] if is_first else words[: 2 * NEIGHBOURS]
    tail = [] if is_last else words[-2 * NEIGHBOURS :]
    if len(head) + len(tail) + NEIGHBOURS >= len(words):
        return [Piece(SAME, "".join(words))]
    pieces = [Piece(SAME, "".join(head)), Piece(LEFT_OUT, ""), Piece(SAME, "".join(tail))]
    return [piece for piece in pieces if piece.text or piece.kind == LEFT_OUT]


# --- names -----------------------------------------------------------------------------------------------------------
def instance_of(model: type[models.Model], image: Image) -> models.Model:
    """The row as an object that is not saved. Values that the model no longer understands stay as they are."""
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.generated or field.column not in image:
            continue
        try:
            values[field.attname] = field.to_python(image[field.column])
        except ValidationError:
            values[field.attname] = image[field.column]
    return model(**values)


class Names:
    """What the keys in some images lead to: one query for each model, and one for all that is deleted."""

    def __init__(self, images: Iterable[tuple[type[models.Model], Image | None]]) -> None:
        wanted: dict[type[models.Model], set[int]] = {}
        for model, image in images:
            for field in model._meta.concrete_fields:
                if image is not None and field.is_relation and image.get(field.column) is not None:
                    wanted.setdefault(field.related_model, set()).add(image[field.column])
        self._there = {model: model._base_manager.in_bulk(keys) for model, keys in wanted.items()}
        self._gone = self._find_gone({model: keys - self._there[model].keys() for model, keys in wanted.items()})

    @staticmethod
    def _find_gone(missing: Mapping[type[models.Model], set[int]]) -> dict[Key, models.Model]:
        tables = {model._meta.db_table: model for model, keys in missing.items() if keys}
        if not tables:
            return {}
        entries = Change.objects.filter(
            record_id__in=set().union(*missing.values()), table__in=tables, operation=Operation.DELETE
        )
        return {
            (tables[entry.table], entry.record_id): instance_of(tables[entry.table], entry.before)
            for entry in entries.order_by("position")
        }

    def is_gone(self, model: type[models.Model], key: int) -> bool:
        """Whether no row has this key any more."""
        return key not in self._there[model]

    def instance(self, model: type[models.Model], key: int) -> models.Model | None:
        """The row, or a deleted one as it was at the end; None when nothing is known of it."""
        return self._there[model].get(key) or self._gone.get((model, key))

    def of(self, model: type[models.Model], key: int) -> str:
        """The row in words."""
        name = str(self.instance(model, key) or "") or _("no. %(number)s") % {"number": key}
        return _("%(name)s (deleted)") % {"name": name} if self.is_gone(model, key) else name

    def of_row(self, model: type[models.Model], image: Image, part: Part | None = None) -> str:
        """A row in words; of a part, without the name of the record that it belongs to."""
        if part is not None and part.other is not None:
            return self.of(part.other.related_model, image[part.other.column])
        row = instance_of(model, image)
        for field in model._meta.concrete_fields:
            if field.is_relation and image.get(field.column) is not None:
                target = self.instance(field.related_model, image[field.column])
                field.set_cached_value(row, target or field.related_model(pk=image[field.column]))
        name = str(row)
        if part is not None and (owner := str(getattr(row, part.field.name))):
            name = name.replace(owner, "").strip(" :,") or name
        return Truncator(name).chars(120)

    def value(self, field: models.Field, raw: Any) -> str:
        """A value in words; empty when there is none."""
        if raw is None or raw == "" or raw == []:
            return ""
        if field.is_relation:
            return self.of(field.related_model, raw)
        if isinstance(raw, list):
            base = getattr(field, "base_field", None)
            return _(", ").join(self.value(base, one) if base else str(one) for one in raw)
        if field.choices:
            return str(dict(field.flatchoices).get(raw, raw))
        if isinstance(raw, bool):
            return _("yes") if raw else _("no")
        return _plain(field, raw)


def _plain(field: models.Field, raw: Any) -> str:
    try:
        value = field.to_python(raw)
    except ValidationError:
        return str(raw)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date | time):
        return formats.localize(value)
    if isinstance(value, Decimal):
        return digits(value)
    return str(value)


def _label(field: models.Field) -> str:
    return str(capfirst(str(field.verbose_name)))


def moment(value: datetime) -> str:
    """A time as the reader's language writes it."""
    return formats.date_format(timezone.localtime(value), "DATETIME_FORMAT")


# --- rows ------------------------------------------------------------------------------------------------------------
class Wording:
    """Says what became of rows of one subject.

    Args:
        images: all that will be asked about.
    """

    def __init__(self, subject: Subject, images: Iterable[tuple[type[models.Model], Image | None]]) -> None:
        self.subject, self.names = subject, Names(images)

    def changes(self, rows: Iterable[State]) -> list[RowChange]:
        """What differs between two moments of some rows (`then` -> `now`): the record first, then its parts by kind."""
        told: list[RowChange] = []
        links: dict[type[models.Model], list[State]] = {}
        for row in rows:
            part = self.subject.part_of_model.get(row.model)
            if part is not None and part.other is not None and not row.is_lost:
                links.setdefault(row.model, []).append(row)
            elif row.is_lost or differing(row.model, row.then, row.now):
                told.append(self.row(row))
        fields = [change for model, of_model in links.items() if (change := self._links(model, of_model))]
        if fields:
            told = self._with_links(told, fields)
        return sorted(told, key=lambda row: (not row.is_record, row.what))

    def row(self, row: State) -> RowChange:
        """What became of one row."""
        model, was, became = row.model, row.then, row.now
        part = self.subject.part_of_model.get(model)
        image = became or was
        kind = (
            "lost" if row.is_lost else Operation.INSERT if was is None
            else Operation.DELETE if became is None else Operation.UPDATE
        )  # fmt: skip
        return RowChange(
            kind=str(kind),
            what=capfirst(str(part.label if part and part.label else model._meta.verbose_name)),
            name=self.names.of_row(model, image, part) if image is not None else "",
            fields=[] if row.is_lost else self._fields(model, was, became),
            is_record=(model, row.record_id) == self.subject.key,
        )

    def _fields(self, model: type[models.Model], was: Image | None, became: Image | None) -> list[FieldChange]:
        """Of a row that came or went all that it holds, else what changed."""
        if was is not None and became is not None:
            told = (
                self.field(field, was[field.column], became[field.column]) for field in differing(model, was, became)
            )
            return [change for change in told if change]
        image, part = was or became or {}, self.subject.part_of_model.get(model)
        values = (
            (field, self.names.value(field, image.get(field.column)))
            for field in kept_fields(model)
            if part is None or field != part.field
        )
        return [FieldChange(_label(field), [Piece(SAME, text)]) for field, text in values if text]

    def field(self, field: models.Field, old: Any, new: Any) -> FieldChange | None:
        """What became of one value; None when both are empty."""
        label = _label(field)
        before, after = self.names.value(field, old), self.names.value(field, new)
        if not before and not after:
            return None
        is_text = isinstance(field, models.CharField | models.TextField) and not field.choices
        if is_text and before and after and max(len(before), len(after)) >= LONG:
            return FieldChange(label, compare_texts(before, after), is_text=True)
        pieces = [Piece(kind, text) for kind, text in ((REMOVED, before), (ADDED, after)) if text]
        return FieldChange(label, pieces)

    def _links(self, model: type[models.Model], rows: Iterable[State]) -> FieldChange | None:
        part = self.subject.part_of_model[model]
        removed: set[int] = set()
        added: set[int] = set()
        for row in rows:
            was, became = (
                (image or {})[part.other.column] if self.subject.owns(model, image) else None
                for image in (row.then, row.now)
            )
            if was != became:
                removed |= {was} - {None}
                added |= {became} - {None}
        ends = part.other.related_model
        pieces = [
            Piece(kind, name)
            for kind, keys in ((REMOVED, removed - added), (ADDED, added - removed))
            for name in sorted(self.names.of(ends, key) for key in keys)
        ]
        return FieldChange(capfirst(str(part.label)), pieces) if pieces else None

    def _with_links(self, told: list[RowChange], fields: list[FieldChange]) -> list[RowChange]:
        record = next((row for row in told if row.is_record), None)
        if record is None:
            what = capfirst(str(self.subject.model._meta.verbose_name))
            return [*told, RowChange(Operation.UPDATE, what, "", fields, is_record=True)]
        return [replace(row, fields=[*row.fields, *fields]) if row is record else row for row in told]


def net(entries: Sequence[Entry]) -> list[State]:
    """What the entries of one transaction did to each row altogether: `then` is before, `now` is after."""
    first: dict[Key, Entry] = {}
    last: dict[Key, Entry] = {}
    for entry in entries:
        key = (entry.model, entry.record_id)
        first.setdefault(key, entry)
        last[key] = entry
    return [
        State(*key, now=last[key].after, then=first[key].before, is_lost=first[key].is_lost or last[key].is_lost)
        for key in first
    ]


# --- who -------------------------------------------------------------------------------------------------------------
def actors(texts: Iterable[str]) -> dict[str, str]:
    """Who wrote, in words; at most one query."""
    texts = set(texts)
    keys = {text: int(text[5:]) for text in texts if re.fullmatch(r"user [0-9]{1,18}", text)}
    people = get_user_model()._base_manager.in_bulk(set(keys.values())) if keys else {}
    told = {}
    for text in texts:
        kind, _space, rest = text.partition(" ")
        if text in keys:
            person = people.get(keys[text])
            told[text] = _("user no. %(number)s, whose account is gone") % {"number": rest}
            if person is not None:
                # The e-mail address is shown to nobody else.
                told[text] = person.get_full_name() or _("user no. %(number)s") % {"number": rest}
        elif text == "visitor":
            told[text] = _("somebody who was not signed in")
        elif kind == "command":
            told[text] = _("the command %(name)s") % {"name": rest}
        elif kind == "task":
            told[text] = _("the background task %(name)s") % {"name": rest}
        elif kind == "sql":
            told[text] = _("SQL as %(name)s") % {"name": rest}
        else:
            told[text] = text
    return told
