"""The public JSON of aggregates, written by PostgreSQL a page at a time: the same bytes as the serializer's."""

from collections.abc import Mapping
from typing import Any, cast

from django.conf import settings
from django.db import connection
from django.db.models import Case, Expression, F, FloatField, Func, IntegerField, TextField, Value, When
from django.db.models.functions import Cast, Coalesce
from django.urls import reverse
from django.utils import translation
from rest_framework import serializers

from alliance.core.fields import Document
from alliance.core.plain import Kept
from alliance.events.paging import TextPagination
from alliance.events.rendering import AsText, Compiler, JsonString, Place, joined
from kpis.aggregate_models import Aggregate, Measure

_NULL = Value("null", TextField())
_MARK = "xq0qx"
#: Statements that write texts: one for each class of serializers and origin of addresses.
_statements: Kept[str] = Kept(8)

#: As Python writes a float: with a point; with an exponent from 1e16 on, where PostgreSQL has one from 1e15 on.
_PYTHON_FLOAT = (
    "CASE WHEN {0} = trunc({0}) AND abs({0}) < 1e15 THEN ({0})::text || '.0' "
    "WHEN abs({0}) >= 1e15 AND abs({0}) < 1e16 THEN "
    "CASE WHEN {0} = trunc({0}) THEN ({0})::text::numeric::text || '.0' ELSE ({0})::text::numeric::text END "
    "ELSE ({0})::text END"
)


class FloatText(Func):
    """A float as Python writes it; null where it is null."""

    template = f"({_PYTHON_FLOAT.format('%(expressions)s')})"
    output_field = TextField()


class FloatsText(Func):
    """An array of floats as a list of JSON."""

    template = (
        f"'[' || array_to_string(ARRAY(SELECT {_PYTHON_FLOAT.format('one')} "
        "FROM unnest(%(expressions)s) WITH ORDINALITY AS every(one, place) ORDER BY place), ',') || ']'"
    )
    output_field = TextField()


def _present(column: str, then: Expression, default: Expression = _NULL) -> Case:
    return Case(When(**{f"{column}__isnull": False}, then=then), default=default, output_field=TextField())


def _or_all(column: str) -> Expression:
    """The code of a dimension, as keys of cells name it."""
    return Coalesce(F(column), Value("all"), output_field=TextField())


def _design(then: Expression, default: Expression) -> Case:
    return Case(When(design="", then=default), default=then, output_field=TextField())


def _parameters(before: str = "", after: str = "") -> list[Expression]:
    """The cell as parameters of an address, each with this before and after it; without what is all of it."""
    found = [
        _present(column, joined([Value(f"{before}{name}="), F(column), Value(after)]), Value(""))
        for name, column in (("vertical", "vertical__code"), ("region", "region__slug"))
    ]
    return [*found, _design(joined([Value(f"{before}design="), F("design"), Value(after)]), Value(""))]


def _share(name: str) -> Expression:
    share = FloatText(Cast(F(name), FloatField()) / Cast(F("n"), FloatField()))
    return Case(When(n=0, then=_NULL), default=Coalesce(share, _NULL), output_field=TextField())


class CellCompiler(Compiler):
    """What the serializer of aggregates says, in SQL: its properties of the model are known here by their names."""

    def __init__(self) -> None:
        super().__init__(Aggregate)

    def _json(self, one: serializers.Field, place: Place) -> Expression:
        name = str(one.field_name)
        if place.model is not Aggregate or place.path:
            return super()._json(one, place)
        if name in ("vertical", "region"):
            return _present("vertical__code" if name == "vertical" else "region__slug", super()._json(one, place))
        if isinstance(one, serializers.ListSerializer):
            if name != "counted":
                raise TypeError(f"{name}: this list cannot be compiled")
            return joined([Value("["), self._object(cast(Any, one.child), place.related("kpi")), Value("]")])
        if name.endswith("_interval") and isinstance(one, serializers.Serializer):
            return self._interval(name.removesuffix("_interval"), one)
        if isinstance(one, serializers.FloatField):
            if name.endswith("_share"):
                return _share(name.removesuffix("_share"))
            return Coalesce(FloatText(F(name)), _NULL, output_field=TextField())
        if isinstance(one, serializers.ListField):
            return FloatsText(F(name))
        special = self._special()
        return special[name] if name in special else super()._json(one, place)

    @staticmethod
    def _interval(of: str, one: serializers.Serializer) -> Expression:
        columns = [(name, f"{of}_{name}") for name in one.fields]
        parts: list[Expression] = []
        for name, column in columns:
            parts += [Value(f'{"," if parts else "{"}"{name}":'), FloatText(F(column))]
        known = {f"{column}__isnull": False for _, column in columns}
        return Case(When(**known, then=joined([*parts, Value("}")])), default=_NULL, output_field=TextField())

    @staticmethod
    def _special() -> Mapping[str, Expression]:
        key: list[Any] = [F("kpi__slug"), Value("."), _or_all("vertical__code"), Value("."), _or_all("region__slug")]
        key += [Value("."), _design(cast(Expression, F("design")), Value("all")), Value("."), F("measure")]
        with translation.override("en"):
            before, after = reverse("kpis:computed", args=[_MARK]).split(_MARK)
            api_before, api_after = reverse("api:aggregate-detail", args=[_MARK]).split(_MARK)
        origin = settings.PORTAL_ORIGIN
        url = [Value(f"{origin}{before}"), F("kpi__slug"), Value(f"{after}?"), *_parameters(after="&")]
        inputs = [Value(f"{origin}{reverse('api:result-list')}?kpi="), F("kpi__slug"), *_parameters(before="&")]
        texts = {
            "key": key,
            "url": [*url, Value("measure="), F("measure")],
            "api_url": [Value(f"{origin}{api_before}"), *key, Value(api_after)],
            "inputs": inputs,
        }
        unit = Case(When(measure=Measure.CHANGE, then=Value("percent")), default=F("kpi__unit"))
        return {
            **{name: JsonString(joined(parts)) for name, parts in texts.items()},
            "unit": JsonString(unit),
            "undefined": AsText(F("results") - F("n"), output_field=IntegerField()),
        }


def texts_statement(document: type[Document]) -> str:
    """SQL, in which `%` is doubled, of the number and the JSON of every cell."""

    def write() -> str:
        rows = Aggregate.objects.order_by().annotate(text=CellCompiler().json(document()))
        with connection.cursor() as cursor:
            written = cursor.mogrify(*rows.values_list("pk", "text").query.sql_with_params())
        return written.decode().replace("%", "%%")

    return _statements.get((document, settings.PORTAL_ORIGIN), write)


class CellPagination(TextPagination):
    """Pages of cells whose JSON is written of the rows of the page alone, in the statement that chooses them.

    Sessions keep it prepared: planning it takes longer than running it.
    """

    def __init__(self, document: type[Document]) -> None:
        super().__init__(F("pk"))
        self.document = document

    def write(self) -> None:
        sql, parameters = self.window.values_list(*self.keyset.attributes).query.sql_with_params()
        names = [f"k{place}" for place in range(len(self.keyset.attributes))]
        given = ", ".join(names)
        statement = (
            f"SELECT {given}, texts.text FROM (SELECT chosen.*, row_number() OVER () AS place "
            f"FROM ({sql}) AS chosen({given})) AS page LEFT JOIN ({texts_statement(self.document)}) AS texts(id, text) "
            f"ON texts.id = page.{names[-1]} ORDER BY place"
        )
        if parameters and not connection.is_listened_to:  # type: ignore[attr-defined]  # our own backend
            name = connection.prepared_of_many(statement, len(parameters))  # type: ignore[attr-defined]
            statement = f"EXECUTE {name} ({', '.join(['%s'] * len(parameters))})"
        self.statement = statement, parameters
        if self.with_count:
            self.counting = self.rows.order_by().values("pk").query.sql_with_params()
