"""Fields of the public JSON, and the choice of some of them by `?fields=` and `?omit=`.

Rules for every resource: what is not known is null, never an empty text; measured values and sums of money are decimal
texts, so that nothing is lost on the way; coordinates and whole numbers are numbers; names are in English and codes
are stable; addresses are absolute.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any, ClassVar

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alliance.core.errors import ParameterError
from alliance.core.facets import did_you_mean

FIELDS, OMIT = "fields", "omit"


class TextOrNull(serializers.CharField):
    """A text; null when it is not known."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"read_only": True, "allow_null": True, **kwargs})

    def to_representation(self, value: Any) -> str | None:
        return str(value) if value else None


class CodeField(serializers.ChoiceField):
    """A code out of a list; null when it is not known. Codes in `unknown` also mean that."""

    def __init__(self, choices: Any, *, nullable: bool = False, unknown: Sequence[str] = (), **kwargs: Any):
        self.unknown = {"", None, *unknown}
        listed = [(value, label) for value, label in choices.choices if value not in self.unknown]
        super().__init__(listed, **{"read_only": True, "allow_null": nullable or bool(unknown), **kwargs})

    def to_representation(self, value: Any) -> Any:
        return None if value in self.unknown else value


@extend_schema_field({"type": "string", "format": "decimal", "pattern": r"^-?\d+(\.\d+)?$"})
class DecimalText(serializers.Field):
    """A decimal number as a text without trailing zeros, such as "27" or "-2.5"; null when it is not known."""

    def __init__(self, *, places: int | None = None, **kwargs: Any):
        """Args: places: decimals to round to, halves away from zero; all when left out."""
        self.places = places
        super().__init__(**{"read_only": True, "allow_null": True, **kwargs})

    def to_representation(self, value: Decimal) -> str:
        return decimal_text(value, self.places)


def decimal_text(value: Decimal, places: int | None = None) -> str:
    """A decimal number in digits, without exponent and without trailing zeros."""
    if places is not None:
        value = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class AnswerSerializer(serializers.Serializer):
    """What the portal asked about an unusual value, and what was answered."""

    question = serializers.CharField(read_only=True)
    answer = serializers.CharField(read_only=True)


@extend_schema_field(AnswerSerializer(many=True))
class Answers(serializers.Field):
    """Questions and answers, as a column of JSON holds them: mappings of two texts."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"read_only": True, **kwargs})

    def to_representation(self, value: list[dict[str, str]]) -> list[dict[str, str]]:
        return [{"question": one["question"], "answer": one["answer"]} for one in value]


@extend_schema_field(OpenApiTypes.DOUBLE)
class Coordinate(serializers.Field):
    """A latitude or longitude in degrees (WGS 84), as a number with at most five decimals."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"read_only": True, **kwargs})

    def to_representation(self, value: Decimal) -> float:
        return float(value)


@extend_schema_field(OpenApiTypes.URI)
class PageAddress(serializers.Field):
    """The absolute address of the record's page for people, in English."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"read_only": True, "source": "*", **kwargs})

    def to_representation(self, row: Any) -> str:
        # Without this the address would lead to the page in the language of whoever asks.
        with translation.override("en"):
            return f"{settings.PORTAL_ORIGIN}{row.get_absolute_url()}"


@extend_schema_field(OpenApiTypes.URI)
class ApiAddress(serializers.Field):
    """The absolute address of a record, or of a list about it, in this API."""

    def __init__(self, view_name: str, *, key: str = "slug", parameter: str = "", **kwargs: Any):
        """
        Args:
            view_name: such as `use-case-detail`, or with `parameter` a list such as `use-case-list`.
            key: the attribute that names the record.
            parameter: the list's filter by it.
        """
        self.view_name, self.key, self.parameter = view_name, key, parameter
        super().__init__(**{"read_only": True, "source": "*", **kwargs})

    def to_representation(self, row: Any) -> str:
        value = getattr(row, self.key)
        if self.parameter:
            address = reverse(f"api:{self.view_name}")
            return f"{settings.PORTAL_ORIGIN}{address}?{urlencode({self.parameter: value})}"
        return f"{settings.PORTAL_ORIGIN}{reverse(f'api:{self.view_name}', args=[value])}"


class EnglishName(serializers.CharField):
    """The name of a code in English, whatever language the request asks for."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"read_only": True, "source": "*", **kwargs})

    def to_representation(self, row: Model) -> str:
        with translation.override("en"):
            return str(row)


@dataclass(frozen=True)
class Column:
    """One column of the flat exports (CSV, XLSX, properties of GeoJSON), read from the public JSON."""

    name: str
    #: Dotted path into the public JSON; a list on the way gives the values of all its entries.
    path: str
    #: A decimal text that spreadsheets should get as a number.
    is_number: bool = False
    #: What stands between the values of a list.
    between: str = "; "

    @property
    def field(self) -> str:
        """The top-level field of the public JSON that the column needs."""
        return self.path.partition(".")[0]

    def read(self, document: Any) -> Any:
        """The column's value: a text, number, boolean, or None."""
        found = _follow(document, self.path.split("."))
        if isinstance(found, list):
            return self.between.join(str(value) for value in found if value is not None) or None
        return found


def _follow(value: Any, path: Sequence[str]) -> Any:
    for index, step in enumerate(path):
        if isinstance(value, list):
            return [_follow(one, path[index:]) for one in value]
        if value is None:
            return None
        value = value[step]
    return value


class Document(serializers.Serializer):
    """The public JSON of a record. The one place where a row becomes what the API, the exports and the feed give out.

    Only ever read: with `only`, a list of top-level names, it leaves the others out.
    """

    #: What is fetched beside the row for the sake of one field: relation -> top-level field.
    relations: ClassVar[Mapping[str, str]] = {}
    #: How the public JSON lies flat in a table.
    columns: ClassVar[Sequence[Column]] = ()

    def __init__(self, *args: Any, only: Iterable[str] | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if only is not None:
            kept = set(only)
            for name in [name for name in self.fields if name not in kept]:
                self.fields.pop(name)

    @classmethod
    @cache
    def names(cls) -> list[str]:
        """The top-level names, in the order in which they appear."""
        return list(cls().fields)

    @classmethod
    def lean(cls, rows: QuerySet, only: Iterable[str] | None) -> QuerySet:
        """The rows without fetching what only other fields need."""
        if only is None:
            return rows
        kept, lookups = set(only), rows._prefetch_related_lookups
        needed = [
            lookup
            for lookup in lookups
            if cls.relations.get(lookup if isinstance(lookup, str) else lookup.prefetch_to, "") in kept
        ]
        return rows.prefetch_related(None).prefetch_related(*needed) if len(needed) < len(lookups) else rows


def read_selection(query: QueryDict, known: Sequence[str], errors: list[ParameterError]) -> list[str] | None:
    """The names that `?fields=` and `?omit=` leave, in the order of `known`; None for all. Faults go to `errors`."""
    asked = {name: _names(query, name) for name in (FIELDS, OMIT)}
    before = len(errors)
    for parameter, names in asked.items():
        for name in [name for name in names or [] if name not in known][:10]:
            hint = did_you_mean(name[:60], known) or f"Known are: {', '.join(known)}."
            errors.append(ParameterError(parameter, f"There is no field “{name[:60]}”. {hint}", "unknown_field"))
    if len(errors) > before or asked == {FIELDS: None, OMIT: None}:
        return None
    kept = [
        name
        for name in known
        if (asked[FIELDS] is None or name in asked[FIELDS]) and not (asked[OMIT] and name in asked[OMIT])
    ]
    if not kept:
        errors.append(ParameterError(OMIT if asked[OMIT] else FIELDS, "This leaves no field at all.", "nothing_left"))
    return kept


def _names(query: QueryDict, parameter: str) -> list[str] | None:
    texts = [text for text in query.getlist(parameter) if text.strip()]
    if not texts:
        return None
    return list(dict.fromkeys(name for text in texts for part in text.split(",") if (name := part.strip())))
