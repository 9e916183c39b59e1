"""The public JSON and the CSV line of a record as SQL, compiled from its serializer.

PostgreSQL writes the same bytes as the serializer and the renderer do, for thousands of rows in one statement; tests
compare both for every record. A kind of field that is not known here cannot be compiled, and says so when the portal
starts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    Case,
    CharField,
    Expression,
    F,
    Field,
    ForeignKey,
    Func,
    GeneratedField,
    Model,
    OuterRef,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.fields.related import ManyToManyField
from django.db.models.functions import Coalesce, Round
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from django.utils.http import urlencode
from rest_framework import serializers

from alliance.core import fields
from alliance.core.fields import Column, Document

Texts = Mapping[str, Expression]


# --- pieces of SQL ---------------------------------------------------------------------------------------------------
class Joined(Func):
    """Texts one after the other; none of them may be null."""

    arg_joiner = " || "
    template = "(%(expressions)s)"
    output_field = TextField()


class AsText(Func):
    template = "(%(expressions)s)::text"
    output_field = TextField()


class JsonString(Func):
    """A text as JSON writes it, quotes included."""

    template = "to_json((%(expressions)s)::text)::text"
    output_field = TextField()


class DecimalDigits(Func):
    """As `fields.decimal_text`: digits without exponent and without trailing zeros."""

    template = "trim_scale(%(expressions)s)::text"
    output_field = TextField()


class Degrees(Func):
    """As Python writes a float of at most five decimals: `12.0`, `-3.70256`, `1e-05`."""

    template = (
        "CASE WHEN abs(%(expressions)s) < 0.0001 AND %(expressions)s <> 0 THEN (%(expressions)s)::float8::text "
        "WHEN %(expressions)s = trunc(%(expressions)s) THEN trunc(%(expressions)s)::text || '.0' "
        "ELSE trim_scale(%(expressions)s)::text END"
    )
    output_field = TextField()


class IsoTime(Func):
    """As `datetime.isoformat` with `Z`: microseconds only when there are any."""

    template = (
        "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS') || "
        "CASE WHEN date_part('microseconds', %(expressions)s)::bigint %%%% 1000000 = 0 THEN '' "
        "ELSE to_char(%(expressions)s AT TIME ZONE 'UTC', '.US') END || 'Z'"
    )
    output_field = TextField()


class CsvCell(Func):
    """A text as a cell of a CSV line; SQL function of migration 0002."""

    function = "events_csv_cell"
    output_field = TextField()


class Listed(Func):
    """The texts of related rows in one; nulls are left out."""

    function = "array_to_string"
    output_field = TextField()


class _SafeInScript(Func):
    """U+2028 and U+2029 escaped, as DRF's renderer has it."""

    template = r"replace(replace(%(expressions)s, U&'\2028', '\u2028'), U&'\2029', '\u2029')"
    output_field = TextField()


def joined(parts: Sequence[Expression | F]) -> Expression:
    """The parts as one text, neighbouring constants made one."""
    merged: list[Expression | F] = []
    for part in parts:
        if isinstance(part, Value) and merged and isinstance(merged[-1], Value):
            merged[-1] = Value(f"{merged[-1].value}{part.value}")
        else:
            merged.append(part)
    return cast(Expression, merged[0]) if len(merged) == 1 else Joined(*merged)


_NULL = Value("null", TextField())


# --- compiling -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Place:
    """A row from which fields are read: its model, and how a query on the record's model gets there."""

    model: type[Model]
    path: str = ""
    #: The same from the record itself, whatever subquery this stands in.
    from_record: str = ""

    def __call__(self, name: str) -> F:
        return F(f"{self.path}{name}")

    def related(self, name: str) -> "Place":
        """The row that a foreign key points to."""
        key = self.model._meta.get_field(name)
        if not isinstance(key, ForeignKey):
            raise TypeError(f"{self.model.__name__}.{name} is no foreign key")
        return Place(key.related_model, f"{self.path}{name}__", f"{self.from_record}{name}__")


@dataclass
class Compiler:
    """What a serializer says of a model, in SQL.

    Attributes:
        computed: sources that are no columns (properties of the model) -> how PostgreSQL computes them.
        paths: after compiling, every relation that was followed from the record.
    """

    model: type[Model]
    computed: Texts = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)

    # --- whole records
    def json(self, document: Document) -> Expression:
        """The public JSON."""
        return _SafeInScript(self._object(document, Place(self.model)))

    def csv(self, document: Document) -> Expression:
        """The line of the CSV export, with its end."""
        parts: list[Expression] = []
        for column in document.columns:
            parts += [Value(","), self._cell(document, column)]
        return joined([*parts[1:], Value("\r\n")])

    def _object(self, serializer: serializers.BaseSerializer, place: Place) -> Expression:
        parts: list[Expression] = []
        for name, one in cast(serializers.Serializer, serializer).fields.items():
            parts += [Value(f'{"," if parts else ""}"{name}":'), self._json(one, place)]
        return joined([Value("{"), *parts, Value("}")])

    # --- one field as JSON
    def _json(self, one: serializers.Field, place: Place) -> Expression:
        if isinstance(one, serializers.ListSerializer):
            rows, inner = self._rows(one, place)
            listed = Listed(
                ArraySubquery(rows.values_list(self._object(cast(serializers.BaseSerializer, one.child), inner))),
                Value(","),
            )
            return Joined(Value("["), listed, Value("]"))
        if isinstance(one, serializers.BaseSerializer):
            where = self._follow(place, one.source_attrs)
            found = self._object(one, where)
            if condition := getattr(one, "present_if", None):
                return Case(When(**{f"{where.path}{condition}__isnull": False}, then=found), default=_NULL)
            return found
        text, kind = self._text(one, place)
        if kind is str:
            text = JsonString(text)
        return Coalesce(text, _NULL, output_field=TextField())

    def _rows(self, one: serializers.ListSerializer, place: Place) -> tuple[QuerySet, Place]:
        """The rows of a nested list in their order, and the place of each."""
        if place.path or len(one.source_attrs) != 1:
            raise TypeError(f"{one.field_name}: lists are compiled at the record itself only")
        name = one.source_attrs[0]
        relation = self._relation(name)
        related = relation.related_model
        owner = relation.field.name if relation.one_to_many else relation.related_query_name()
        self.paths.add(name)
        rows = related._base_manager.filter(**{owner: OuterRef("pk")}).order_by(*related._meta.ordering)
        return rows, Place(related, "", f"{name}__")

    def _relation(self, name: str) -> Any:
        found = next(
            (one for one in self.model._meta.related_objects if one.get_accessor_name() == name),
            None,
        )
        return found if found is not None else cast(ManyToManyField, self.model._meta.get_field(name))

    def _follow(self, place: Place, names: list[str]) -> Place:
        for name in names:
            place = place.related(name)
            self.paths.add(place.from_record.removesuffix("__"))
        return place

    # --- one field as text
    def _text(self, one: serializers.Field, place: Place) -> tuple[Expression, type]:
        """The field's value as text, null where it is null; and `str` when JSON puts it in quotes."""
        source = cast(str, one.source)
        if source in self.computed and not place.path:
            column: Any = self.computed[source]
            model_field: Field = column.output_field
        elif source == "*":
            return self._whole(one, place)
        else:
            where = self._follow(place, one.source_attrs[:-1])
            name = one.source_attrs[-1]
            column, model_field = where(name), cast(Field, where.model._meta.get_field(name))
        if isinstance(model_field, GeneratedField):
            model_field = cast(Field, model_field.output_field)
        for known, compiled in _COMPILED.items():
            if isinstance(one, known):
                return compiled(one, column, model_field)
        raise TypeError(f"{one.field_name}: a field of type {type(one).__name__} cannot be compiled")

    def _whole(self, one: serializers.Field, place: Place) -> tuple[Expression, type]:
        """A field that is made from the whole row."""
        if isinstance(one, fields.EnglishName):
            return self._english_name(place), str
        if isinstance(one, fields.PageAddress):
            return self._address(place, lambda row: f"{settings.PORTAL_ORIGIN}{row.get_absolute_url()}"), str
        if isinstance(one, fields.ApiAddress):
            return self._api_address(one, place), str
        raise TypeError(f"{one.field_name}: a field of type {type(one).__name__} cannot be compiled")

    @staticmethod
    def _english_name(place: Place) -> Expression:
        """The name of a code whose choices are known to the software alone."""
        column = next(one for one in place.model._meta.fields if one.choices)
        with translation.override("en"):
            names = [(value, str(label)) for value, label in column.choices or ()]
        return Case(
            *(When(**{f"{place.path}{column.name}": value}, then=Value(name)) for value, name in names),
            default=place(column.name),
            output_field=TextField(),
        )

    def _address(self, place: Place, address: Callable[[Any], str]) -> Expression:
        """An address made from the row's own texts and those of the rows that it points to.

        It is asked of a row that holds marks in place of its texts; what stands between the marks is constant.
        """
        marks: dict[str, str] = {}
        with translation.override("en"):
            text = address(_marked_row(place.model, "", marks))
        parts: list[Expression | F] = []
        for piece in _MARK.split(text):
            if piece in marks:
                *steps, name = marks[piece].split("__")
                parts.append(self._follow(place, steps)(name))
            elif piece:
                parts.append(Value(piece))
        return joined(parts)

    def _api_address(self, one: "fields.ApiAddress", place: Place) -> Expression:
        key = place(one.key)
        if one.parameter:
            address = f"{reverse(f'api:{one.view_name}')}?{urlencode({one.parameter: ''})}"
            return joined([Value(f"{settings.PORTAL_ORIGIN}{address}"), key])
        before, after = _around(f"api:{one.view_name}")
        return joined([Value(f"{settings.PORTAL_ORIGIN}{before}"), key, Value(after)])

    # --- CSV
    def _cell(self, document: Document, column: Column) -> Expression:
        place, holder = Place(self.model), cast(serializers.Serializer, document)
        *steps, last = column.path.split(".")
        for step in steps:
            one = holder.fields[step]
            if isinstance(one, serializers.ListSerializer):
                rows, inner = self._rows(one, place)
                text, _ = self._text(cast(serializers.Serializer, one.child).fields[last], inner)
                return CsvCell(Listed(ArraySubquery(rows.values_list(text)), Value(column.between)))
            place, holder = self._follow(place, one.source_attrs), cast(serializers.Serializer, one)
        one = holder.fields[last]
        if isinstance(one, serializers.ListField):
            codes = self._follow(place, one.source_attrs[:-1])(one.source_attrs[-1])
            return CsvCell(Listed(codes, Value(column.between)))
        text, kind = self._text(one, place)
        return CsvCell(text) if kind is str else Coalesce(text, Value("", TextField()))


# --- kinds of fields -------------------------------------------------------------------------------------------------
Compiled = tuple[Expression, type]


def _text_or_null(one: Any, column: Any, _: Field) -> Compiled:
    return _NullIf(AsText(column), Value("")), str


def _code(one: fields.CodeField, column: Any, model_field: Field) -> Compiled:
    kind = str if isinstance(model_field, CharField | TextField) else int
    text: Expression = AsText(column)
    for unknown in sorted(str(code) for code in one.unknown if code is not None):
        if kind is str:
            text = _NullIf(text, Value(unknown))
    return text, kind


class _NullIf(Func):
    function = "NULLIF"
    output_field = TextField()


def _decimal(one: fields.DecimalText, column: Any, _: Field) -> Compiled:
    return DecimalDigits(column if one.places is None else Round(column, one.places)), str


def _codes(one: serializers.ListField, column: Any, _: Field) -> Compiled:
    """A list of codes, which hold no character that JSON escapes."""
    return _CodeList(column), list


class _CodeList(Func):
    template = (
        "CASE WHEN cardinality(%(expressions)s) = 0 THEN '[]' "
        "ELSE '[\"' || array_to_string(%(expressions)s, '\",\"') || '\"]' END"
    )
    output_field = TextField()


class _AnswerList(Func):
    template = (
        "(SELECT '[' || coalesce(string_agg('{\"question\":' || to_json(one->>'question')::text || "
        "',\"answer\":' || to_json(one->>'answer')::text || '}', ',' ORDER BY place), '') || ']' "
        "FROM jsonb_array_elements(%(expressions)s) WITH ORDINALITY AS told(one, place))"
    )
    output_field = TextField()


class _Truth(Func):
    template = "CASE WHEN %(expressions)s THEN 'true' WHEN NOT %(expressions)s THEN 'false' END"
    output_field = TextField()


#: The first that fits counts: narrower kinds stand before wider ones.
_COMPILED: dict[type[serializers.Field], Callable[[Any, Any, Field], Compiled]] = {
    fields.TextOrNull: _text_or_null,
    fields.CodeField: _code,
    fields.DecimalText: _decimal,
    fields.Coordinate: lambda one, column, _: (Degrees(column), float),
    fields.Answers: lambda one, column, _: (_AnswerList(column), list),
    serializers.ListField: _codes,
    serializers.DateTimeField: lambda one, column, _: (IsoTime(column), str),
    serializers.DateField: lambda one, column, _: (AsText(column), str),
    serializers.BooleanField: lambda one, column, _: (_Truth(column), bool),
    serializers.IntegerField: lambda one, column, _: (AsText(column), int),
    serializers.CharField: lambda one, column, _: (AsText(column), str),
}

# --- addresses -------------------------------------------------------------------------------------------------------
_MARK = re.compile(r"(xq\d+qx)")


def _marked_row(model: type[Model], path: str, marks: dict[str, str]) -> Model:
    """A row in memory whose texts are marks; its foreign keys, one step deep, lead to such rows too."""
    values: dict[str, Any] = {}
    for one in model._meta.fields:
        if isinstance(one, CharField):
            mark = f"xq{len(marks)}qx"
            marks[mark] = f"{path}{one.name}"
            values[one.name] = mark
        elif isinstance(one, ForeignKey) and not path:
            values[one.name] = _marked_row(one.related_model, f"{one.name}__", marks)
    return model(**values)


def _around(view_name: str) -> tuple[str, str]:
    """What stands before and after the key in the address of one record."""
    for key in ("xq0qx", "QX"):  # a country's code has two letters
        try:
            before, _, after = reverse(view_name, args=[key]).rpartition(key)
        except NoReverseMatch:
            continue
        return before, after
    raise NoReverseMatch(f"{view_name} takes no text as its key")
