"""Serializers of long rows of numbers: what is a number already is not asked of a field of DRF for each row."""

from collections.abc import Callable
from functools import cached_property, partial
from operator import attrgetter
from typing import Any

from rest_framework import serializers

from alliance.core.fields import Document

#: Their values are in the rows as they are given out.
_PLAIN = (serializers.FloatField, serializers.IntegerField, serializers.CharField, serializers.ListField)


class NumbersDocument(Document):
    """The same JSON as any document, made faster: plain values are taken as they are, a record that many rows name is
    written once."""

    def to_representation(self, row: Any) -> dict[str, Any]:
        return {name: make(row) for name, make in self._makers}

    @cached_property
    def _makers(self) -> list[tuple[str, Callable[[Any], Any]]]:
        return [(str(field.field_name), self._maker(field)) for field in self._readable_fields]

    @staticmethod
    def _maker(field: serializers.Field) -> Callable[[Any], Any]:
        if type(field) in _PLAIN and field.source == field.field_name:
            return attrgetter(str(field.source))
        written: dict[Any, Any] | None = {} if isinstance(field, serializers.Serializer) else None
        return partial(_written, field, written)


def _written(field: serializers.Field, written: dict[Any, Any] | None, row: Any) -> Any:
    value = field.get_attribute(row)
    if value is None:
        return None
    key = getattr(value, "pk", None)
    if written is None or key is None:
        return field.to_representation(value)
    if key not in written:
        written[key] = field.to_representation(value)
    return written[key]
