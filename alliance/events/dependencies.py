"""What documents depend on, and which of them an entry of the log may have changed."""

from dataclasses import dataclass
from typing import Any

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    Expression,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import Exact

from alliance.events.models import Change, Operation


@dataclass(frozen=True)
class Dependency:
    """A table whose rows show in documents, and how to find the documents from an entry of the log.

    Attributes:
        model: of the rows.
        path: from the record to the row, as a query writes it; empty for the record itself.
        owner_column: of a row that points to its record: where the row as it was names the record.
        watched: the columns that filters, order or search read; a change of others leaves the narrow columns right.
            None: all.
    """

    model: type[Model]
    path: str
    owner_column: str = ""
    watched: tuple[str, ...] | None = None
    #: It shows in narrow columns alone: a change of columns that are not watched changes nothing.
    in_body: bool = True

    @property
    def table(self) -> str:
        return self.model._meta.db_table


def along(model: type[Model], path: str, watched: tuple[str, ...] | None, *, in_body: bool) -> list[Dependency]:
    """What a path of relations from a model ends in; the tables on the way have paths of their own."""
    *before, last = path.split("__")
    for step in before:
        model = _relation(model, step).related_model
    relation = _relation(model, last)
    target = relation.related_model
    if relation.many_to_many:
        through = relation.remote_field.through if hasattr(relation, "remote_field") else relation.through
        owner = relation.m2m_column_name()
        return [Dependency(through, "", owner), Dependency(target, path, watched=watched)]
    if relation.one_to_many:
        return [Dependency(target, "", relation.field.column, watched, in_body)]
    return [Dependency(target, path, watched=watched, in_body=in_body)]


def affected(model: type[Model], one: Dependency, entries: QuerySet[Change]) -> list[QuerySet]:
    """Queries of (id, narrow, position): the records whose documents entries of that table may have changed, and where
    in the log each of these stands; without a position where a relation leads from the entry to the record."""
    rows = model._base_manager.order_by()
    entries = entries.filter(record_id__isnull=False).annotate(_narrow=_is_narrow(one))
    if not one.in_body:
        entries = entries.filter(_narrow=True)
    if one.owner_column:
        was = Cast(KeyTextTransform(one.owner_column, "before"), BigIntegerField())
        now = Subquery(one.model._base_manager.filter(pk=OuterRef("record_id")).values(one.owner_column))
        return [
            entries.filter(before__isnull=False).annotate(_id=was).values_list("_id", "_narrow", "position"),
            entries.annotate(_id=now).values_list("_id", "_narrow", "position"),
        ]
    if not one.path:
        return [entries.values_list("record_id", "_narrow", "position")]
    found = []
    # One pass for entries that change narrow columns, one for those that do not.
    for narrow in (True, False) if one.watched is not None and one.in_body else (True,):
        ids = entries.filter(_narrow=narrow).values("record_id")
        value = Value(narrow, BooleanField())
        reached = rows.filter(**{f"{one.path}__in": ids}).annotate(_narrow=value, _position=NOWHERE)
        found.append(reached.values_list("pk", "_narrow", "_position"))
    return found


TRUE = Value(True, BooleanField())
#: In place of a position in the log.
NOWHERE = Cast(Value(None), BigIntegerField())


def _text(value: Expression | Subquery) -> Expression:
    return Coalesce(value, Value(""), output_field=TextField())


def _is_narrow(one: Dependency) -> Expression:
    """Whether an entry changes what lists filter, sort or search by."""
    if one.watched is None:
        return TRUE
    changed = ~Q(operation=Operation.UPDATE)
    for name in one.watched:
        now = one.model._base_manager.filter(pk=OuterRef("record_id")).values_list(Cast(name, TextField()))
        changed |= ~Q(Exact(_text(KeyTextTransform(name, "before")), _text(Subquery(now))))
    return Case(When(changed, then=TRUE), default=Value(False), output_field=BooleanField())


def _relation(model: type[Model], name: str) -> Any:
    """A relation by its field's name, its accessor's or its query name."""
    for one in model._meta.related_objects:
        if name in (one.get_accessor_name(), one.name):
            return one
    return model._meta.get_field(name)
