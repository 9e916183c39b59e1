"""Facets: filters by several values of one column, whose values are shown with counts."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Choices, QuerySet
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from alliance.core.plain import UNSURE

#: The parameter of the API that names facets to count.
FACET = "facet"
#: More values than this in one facet is no choice any more.
MOST_VALUES = 60
#: Names of one facet that are looked up at once, and the most that a process remembers.
NAMED_AT_ONCE, MOST_NAMES = 500, 20_000


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence with the closest known word, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return _("Did you mean “%(word)s”?") % {"word": close[0]} if close else ""


class FacetField(forms.Field):
    """A list of values of one facet. Whether each is known, the form asks of the facet: see `unknown_values`."""

    widget = forms.MultipleHiddenInput

    def clean(self, value) -> list[str]:
        values = list(dict.fromkeys(text for text in value or [] if text != ""))
        if len(values) > MOST_VALUES:
            raise ValidationError(
                ngettext("Choose at most %(n)d value.", "Choose at most %(n)d values.", MOST_VALUES)
                % {"n": MOST_VALUES},
                code="too_many",
            )
        if any("\0" in text for text in values):
            raise ValidationError(_("Null characters are not allowed."), code="null_characters_not_allowed")
        return values


@lru_cache(maxsize=200)
def _choice_names(choices: type[Choices], language: str | None) -> dict[str, str]:
    """The names of codes in the current language, which is named to be part of what is remembered."""
    return {str(value): str(name) for value, name in choices.choices}


class Facet(django_filters.Filter):
    """A filter by several values, one column holding a row's value."""

    field_class = FacetField
    #: A row can have several values.
    is_list = False

    def __init__(
        self,
        value: str,
        *,
        label,
        choices: type[Choices] | None = None,
        rows: Callable[[], QuerySet] | None = None,
        key: str = "slug",
        texts: Callable[[], Iterable[str]] | None = None,
        ordered: bool = False,
        help_text="",
    ):
        """
        Args:
            value: field path that gives a row's value.
            choices: the values and their names; or
            rows, key: a queryset of the objects that are the values, and the field that holds their public key; or
            texts: the values where they are plain words.
            ordered: keep the order of `choices` (sizes, grades) instead of largest count first.
        """
        self.value, self.choices, self.ordered = value, choices, ordered
        self.rows, self.key, self.texts = rows, key, texts
        self.help_text = help_text
        super().__init__(label=label, help_text=help_text)

    def may_exceed(self, number: int) -> bool:
        """Whether there may be more values than that."""
        return self.choices is None or len(self.choices) > number

    def labels(self, values: Iterable[str] | None, names: "Names | None" = None) -> dict[str, str]:
        """Names by value: of the given ones, or of all. `names` remembers those that come from the database."""
        if self.choices is not None:
            return dict(_choice_names(self.choices, get_language()))
        if values is not None and names is not None:
            return names.of(self, values)
        return self.looked_up(values)

    def looked_up(self, values: Iterable[str] | None) -> dict[str, str]:
        """Names by value, from the database."""
        if self.rows is None:
            return {text: text for text in (self.texts or list)()}
        rows = self.rows() if values is None else self.rows().filter(**{f"{self.key}__in": list(values)})
        return {getattr(row, self.key): str(row) for row in rows}

    def plain(self, given: list[str], names: "Names | None") -> Any:
        """The values of a request, if all of them are known; else `UNSURE`."""
        values = list(dict.fromkeys(text for text in given if text))
        if len(values) > MOST_VALUES:
            return UNSURE
        known = self.labels(values, names)
        return values if all(value in known for value in values) else UNSURE

    def filter(self, qs: QuerySet, value: list[str]) -> QuerySet:
        return qs.filter(**{f"{self.value}__in": value}) if value else qs


class ArrayFacet(Facet):
    """A facet of which a row can have several values, held in an array column."""

    is_list = True

    def filter(self, qs: QuerySet, value: list[str]) -> QuerySet:
        return qs.filter(**{f"{self.value}__overlap": value}) if value else qs


class Data(Protocol):
    """What a request knows of the state of all data, asked before anything else is read."""

    stamp: str

    def is_changed_since(self, stamp: str, tables: Iterable[str]) -> bool:
        """Whether rows of these tables were changed since the data had that stamp."""
        ...


@dataclass
class _Known:
    """Remembered names of one facet in one language; `is_whole` when there are no others."""

    table: str
    names: dict[str, str]
    is_whole: bool = False


class Names:
    """The names of facet values, remembered by this process until one of their tables changes.

    What is looked up after a request has asked for the state of the data is at least as new as that state.
    """

    _shared: tuple[str, dict[tuple[Callable, str, str | None], _Known]] = ("", {})

    def __init__(self, data: Data) -> None:
        stamp, known = Names._shared
        if stamp != data.stamp:
            if known and data.is_changed_since(stamp, {one.table for one in [*known.values()]}):
                known = {}
            Names._shared = (data.stamp, known)
        self._known = known

    @classmethod
    def forget(cls) -> None:
        """Remember nothing: for who takes committed changes back."""
        cls._shared = ("", {})

    def of(self, facet: Facet, values: Iterable[str]) -> dict[str, str]:
        """Names by value; what is no value of the facet is left out."""
        rows, place = facet.rows, (facet.rows, facet.key, get_language())
        if rows is None:
            return facet.looked_up(values)
        one = self._known.get(place)  # type: ignore[arg-type]
        if one is None:
            # Most facets have few values: all are named at once.
            names = {getattr(row, facet.key): str(row) for row in rows()[: NAMED_AT_ONCE + 1]}
            one = _Known(rows().model._meta.db_table, names, len(names) <= NAMED_AT_ONCE)
            self._known[place] = one  # type: ignore[index]
        names, values = one.names, list(values)
        if not one.is_whole and (missing := [value for value in values if value not in names]):
            found = facet.looked_up(missing)
            if len(names) + len(found) > MOST_NAMES:
                one.names = {}
            one.names.update(found)
            names = {**names, **found}
        return {value: names[value] for value in values if value in names}


def unknown_values(facet: Facet, values: list[str], names: Names | None) -> list[ValidationError]:
    """An error for each value that the facet does not have, with the closest one that it has."""
    known = facet.labels(values, names)
    unknown = [value for value in values if value not in known]
    everything = facet.labels(None) if unknown else {}
    return [
        ValidationError(
            " ".join(
                filter(
                    None,
                    [
                        _("There is no “%(value)s” here.") % {"value": text[:80]},
                        did_you_mean(text[:80], everything),
                    ],
                )
            ),
            code="unknown_value",
        )
        for text in unknown[:5]
    ]


@dataclass(frozen=True)
class Option:
    """One value of a facet as the page shows it."""

    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True)
class FacetView:
    """A facet with its counted values: all, or the most frequent of `known` ones and those chosen."""

    name: str
    label: object
    help_text: object
    options: list[Option]
    known: int

    @property
    def chosen(self) -> list[Option]:
        return [option for option in self.options if option.chosen]
