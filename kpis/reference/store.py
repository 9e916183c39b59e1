"""Bringing rows into the database: compare in memory by natural key, write only what differs, in bulk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Generic, TypeVar, cast

from django.db import models

from kpis.reference.slugs import allot

BATCH = 2_000
#: Up to so many keys are asked for by name; beyond, reading the whole table is cheaper.
MOST_KEYS_BY_NAME = 5_000

Key = tuple[Any, ...]  # the values of the key's fields; all can be hashed
ModelType = TypeVar("ModelType", bound=models.Model)


@dataclass
class Tally:
    """What became of one kind of record. `changes` has one line for each changed row."""

    kind: str
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    only_in_database: int = 0
    changes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record as the files have it.

    Args:
        owned: field (a foreign key by its `..._id`) -> value. The files own these: a differing row is changed.
        first: field -> value for a new row only; afterwards it belongs to the editors.
        wished_slug: what a new row's slug is made of.
        named: what a person calls the row.
    """

    owned: Mapping[str, Any]
    first: Mapping[str, Any] = field(default_factory=dict)
    wished_slug: str = ""
    named: str = ""


class Store(Generic[ModelType]):
    """The rows of one model that the files speak of.

    Args:
        key_fields: the fields of the natural key; the first one is what the database is asked by.
    """

    def __init__(self, model: type[ModelType], kind: str, *key_fields: str):
        self.model = model
        self.key_fields = key_fields
        self.tally = Tally(kind)
        self.rows: dict[Key, ModelType] = {}

    def bring(self, wanted: Mapping[Key, Wanted]) -> dict[Key, ModelType]:
        """Add what is missing, change what differs, leave the rest. Returns key -> row of all that the files have."""
        existing = self._existing(wanted)
        self._change([(existing[key], key, wanted[key]) for key in wanted if key in existing])
        self._add({key: wish for key, wish in wanted.items() if key not in existing})
        self.rows |= {key: existing[key] for key in wanted if key in existing}
        return self.rows

    def finish(self) -> Tally:
        """Count the rows that are in the database alone. Call it after the last `bring`."""
        self.tally.only_in_database = self._manager().count() - len(self.rows)
        return self.tally

    def rows_of_files(self) -> models.QuerySet[ModelType]:
        """The rows that may be those of the files."""
        return self._manager().all()

    def _manager(self) -> models.Manager[ModelType]:
        return self.model._default_manager

    def _existing(self, wanted: Iterable[Key]) -> dict[Key, ModelType]:
        name = self.key_fields[0]
        values = {key[0] for key in wanted}
        query = self.rows_of_files().order_by("pk")
        if len(values) <= MOST_KEYS_BY_NAME:
            query = query.filter(**{f"{name}__in": values})
        found: dict[Key, ModelType] = {}
        for row in query:
            # Where a key is not unique in the database, the oldest row is the one the files brought.
            found.setdefault(tuple(getattr(row, name) for name in self.key_fields), row)
        return found

    def _change(self, pairs: Iterable[tuple[ModelType, Key, Wanted]]) -> None:
        changed: list[tuple[tuple[str, ...], ModelType]] = []
        for row, key, wish in pairs:
            differing = [name for name, value in wish.owned.items() if getattr(row, name) != value]
            if not differing:
                self.tally.unchanged += 1
                continue
            for name in differing:
                change = f"{_shown(getattr(row, name))} -> {_shown(wish.owned[name])}"
                self.tally.changes.append(f"{self.tally.kind}: {wish.named or key[0]}: {name}: {change}")
                setattr(row, name, wish.owned[name])
            self.tally.changed += 1
            changed.append((tuple(differing), row))
        changed.sort(key=lambda pair: pair[0])
        for names, group in groupby(changed, key=lambda pair: pair[0]):
            # The queryset's update() counts each row's version on and dates it.
            self._manager().bulk_update([row for _names, row in group], names, batch_size=BATCH)

    def _add(self, missing: Mapping[Key, Wanted]) -> None:
        rows: list[Any] = [
            self.model(**{**dict(zip(self.key_fields, key, strict=True)), **wish.owned, **wish.first})
            for key, wish in missing.items()
        ]
        wishes = [wish.wished_slug for wish in missing.values()]
        if any(wishes):
            slugs = cast(models.SlugField, self.model._meta.get_field("slug"))
            maximum = slugs.max_length or 0
            for row, slug in zip(rows, allot(wishes, maximum, self._taken), strict=True):
                row.slug = slug
        self._manager().bulk_create(rows, batch_size=BATCH)
        self.tally.added += len(rows)
        self.rows |= dict(zip(missing, rows, strict=True))

    def _taken(self, slugs: set[str]) -> set[str]:
        return set(self._manager().filter(slug__in=slugs).values_list("slug", flat=True))


def _shown(value: object) -> str:
    text = "(empty)" if value in (None, "", []) else " ".join(str(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
