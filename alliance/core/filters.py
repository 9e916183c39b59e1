"""Filters that serve a page, the API, the exports and the map alike: facets with live counts, ranges, search, sorting.

A facet's values widen (a or b); facets among each other narrow. A facet's counts leave its own choice out, so that they
say what a click would give. A floor extends the filterset of a lower floor by subclassing it; the composition root
uses the richest.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Choices, Count, Expression, F, Func, Model, QuerySet, TextField
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alliance.core import search as text_search

#: More values than this in one facet is no choice any more.
MOST_VALUES = 60


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence with the closest known word, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return _("Did you mean “%(word)s”?") % {"word": close[0]} if close else ""


class FacetField(forms.Field):
    """A list of values of one facet, each of them known."""

    widget = forms.MultipleHiddenInput

    def __init__(self, *, labels: Callable[[Iterable[str] | None], Mapping[str, str]], **kwargs):
        super().__init__(**kwargs)
        self.labels = labels

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
        known = self.labels(values) if values else {}
        unknown = [text for text in values if text not in known]
        if unknown:
            everything = self.labels(None)
            raise ValidationError(
                [
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
            )
        return values


class Facet(django_filters.Filter):
    """A filter by several values, one column or expression holding a row's value."""

    field_class = FacetField

    def __init__(
        self,
        value: str | Expression,
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
            value: field path or expression that gives a row's value.
            choices: the values and their names; or
            rows, key: a queryset of the objects that are the values, and the field that holds their public key; or
            texts: the values where they are plain words.
            ordered: keep the order of `choices` (sizes, grades) instead of largest count first.
        """
        self.value, self.choices, self.ordered = value, choices, ordered
        self.rows, self.key, self.texts = rows, key, texts
        self.help_text = help_text
        super().__init__(label=label, labels=self.labels, help_text=help_text)

    def labels(self, values: Iterable[str] | None) -> dict[str, str]:
        """Names by value: of the given ones, or of all."""
        if self.choices is not None:
            return {str(value): str(name) for value, name in self.choices.choices}
        if self.rows is None:
            return {text: text for text in (self.texts or list)()}
        rows = self.rows() if values is None else self.rows().filter(**{f"{self.key}__in": list(values)})
        return {getattr(row, self.key): str(row) for row in rows}

    @property
    def _alias(self) -> str:
        return f"facet_{self.field_name}"

    def filter(self, qs: QuerySet, value: list[str]) -> QuerySet:
        if not value:
            return qs
        if isinstance(self.value, str):
            return qs.filter(**{f"{self.value}__in": value})
        return qs.alias(**{self._alias: self.value}).filter(**{f"{self._alias}__in": value})

    def counts(self, qs: QuerySet) -> dict[str, int]:
        """Rows of `qs` by value."""
        expression = F(self.value) if isinstance(self.value, str) else self.value
        rows = qs.order_by().values(facet_value=expression).annotate(facet_n=Count("pk", distinct=True))
        return {row["facet_value"]: row["facet_n"] for row in rows if row["facet_value"] is not None}


class ThroughFacet(Facet):
    """A facet of which a row can have several values, held in rows of another table."""

    def __init__(self, through: Callable[[], QuerySet], owner: str, value: str | Expression, **kwargs):
        """
        Args:
            through: the rows that hold the values, such as the accepted results.
            owner: their field that points to the filtered row.
            value: their field path or expression that gives the value.
        """
        self.through, self.owner = through, owner
        super().__init__(value, **kwargs)

    def _rows(self) -> QuerySet:
        expression = F(self.value) if isinstance(self.value, str) else self.value
        return self.through().order_by().annotate(facet_value=expression)

    def filter(self, qs: QuerySet, value: list[str]) -> QuerySet:
        if not value:
            return qs
        return qs.filter(pk__in=self._rows().filter(facet_value__in=value).values(self.owner))

    def counts(self, qs: QuerySet) -> dict[str, int]:
        rows = (
            self._rows()
            .filter(**{f"{self.owner}__in": qs.order_by().values("pk")})
            .values("facet_value")
            .annotate(facet_n=Count(self.owner, distinct=True))
        )
        return {row["facet_value"]: row["facet_n"] for row in rows if row["facet_value"] is not None}


class _Unnest(Func):
    function = "unnest"
    output_field = TextField()
    set_returning = True


class ArrayFacet(Facet):
    """A facet of which a row can have several values, held in an array column."""

    def filter(self, qs: QuerySet, value: list[str]) -> QuerySet:
        return qs.filter(**{f"{self.value}__overlap": value}) if value else qs

    def counts(self, qs: QuerySet) -> dict[str, int]:
        rows = qs.order_by().values(facet_value=_Unnest(F(self.value))).annotate(facet_n=Count("pk"))
        return {row["facet_value"]: row["facet_n"] for row in rows}


class SearchFilter(django_filters.CharFilter):
    """`q`: full-text search; the filterset keeps how the query was understood in `search`."""

    def __init__(self, searchable: text_search.Searchable, **kwargs):
        self.searchable = searchable
        super().__init__(
            label=gettext_lazy("Search"),
            max_length=text_search.MAXIMUM_LENGTH,
            help_text=gettext_lazy("Words, “a phrase”, -without. Accents and typing errors are forgiven."),
            **kwargs,
        )

    def filter(self, qs: QuerySet, value: str) -> QuerySet:
        search = self.parent.search
        return text_search.matching(qs, search, self.searchable) if search else qs


@dataclass(frozen=True)
class Sort:
    """An order of the rows: keys with `-` for descending, none of them ever null. The primary key breaks ties."""

    label: object
    keys: tuple[str, ...]
    annotations: Callable[[], dict[str, Expression]] = field(default=dict)
    #: Only offered with a search.
    needs_search: bool = False


@dataclass(frozen=True)
class Option:
    """One value of a facet as the page shows it."""

    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True)
class FacetView:
    """A facet with its counted values."""

    name: str
    label: object
    help_text: object
    options: list[Option]

    @property
    def chosen(self) -> list[Option]:
        return [option for option in self.options if option.chosen]


@dataclass(frozen=True)
class Chip:
    """One chosen filter: what it says, and the query string without it."""

    name: str
    label: object
    value: str
    query: str


class PortalFilterSet(django_filters.FilterSet):
    """The query parameters of a list, at every door. Subclasses give filters, `sorts` and `default_sort`."""

    sorts: Mapping[str, Sort] = {}
    default_sort = ""
    #: Facets that a page shows first; the others follow in the order of their declaration.
    first_facets: tuple[str, ...] = ()

    def __init__(self, data=None, queryset=None, *, request=None, prefix=None):
        super().__init__(
            data=data if data is not None else QueryDict(), queryset=queryset, request=request, prefix=prefix
        )

    def get_form_class(self):
        """The filters' form, and a field for the order."""
        form = super().get_form_class()
        choices = [(name, sort.label) for name, sort in self.sorts.items()]
        return type(
            form.__name__,
            (form,),
            {"sort": _SortField(choices=choices, required=False, label=gettext_lazy("Sort by"))} if choices else {},
        )

    @cached_property
    def values(self) -> dict:
        """The valid choices. What is invalid is left out here and named in `form.errors`."""
        self.form.is_valid()
        return dict(self.form.cleaned_data)

    @cached_property
    def search(self) -> text_search.Search | None:
        """How `q` was understood, or None without one."""
        asked = (self.values.get("q") or "").strip()
        search_filter = self.filters.get("q")
        if not asked or search_filter is None:
            return None
        return text_search.understand(self.queryset, asked, search_filter.searchable)

    def filtered(self, without: str = "") -> QuerySet:
        """The rows that all valid filters leave, in no order; `without` names one filter to leave out."""
        rows = self.queryset
        for name, one in self.filters.items():
            if name != without:
                rows = one.filter(rows, self.values.get(name))
        return rows

    @cached_property
    def qs(self) -> QuerySet:
        """The rows, filtered and in order."""
        return self.ordered(self.filtered())

    @property
    def sort_name(self) -> str:
        """The order in force: as asked; else the best match first in a search; else the default."""
        asked = self.values.get("sort")
        if asked and not (self.sorts[asked].needs_search and not self.search):
            return asked
        if self.search and "relevance" in self.sorts:
            return "relevance"
        return self.default_sort

    @property
    def sort(self) -> Sort:
        return self.sorts[self.sort_name]

    def ordered(self, rows: QuerySet) -> QuerySet:
        return rows.annotate(**self.sort.annotations()).order_by(*self.sort.keys, "pk")

    def sort_options(self) -> list[tuple[str, object, bool]]:
        """(name, label, chosen) of each order that makes sense now."""
        return [
            (name, sort.label, name == self.sort_name)
            for name, sort in self.sorts.items()
            if self.search or not sort.needs_search
        ]

    # What the page shows of the filters.

    def facets(self) -> list[FacetView]:
        """Every facet with its counts. One query a facet, and one more for the names of its values."""
        facets = [name for name, one in self.filters.items() if isinstance(one, Facet)]
        first = [name for name in self.first_facets if name in facets]
        return [self._facet(name, self.filters[name]) for name in dict.fromkeys([*first, *facets])]

    def _facet(self, name: str, facet: Facet) -> FacetView:
        chosen = self.values.get(name) or []
        counts = {str(value): n for value, n in facet.counts(self.filtered(without=name)).items()}
        labels = facet.labels(None if facet.choices else {*counts, *chosen})
        values = list(labels) if facet.choices else [value for value in counts if value in labels]
        values += [value for value in chosen if value not in values]
        options = [Option(value, labels.get(value, value), counts.get(value, 0), value in chosen) for value in values]
        if not facet.ordered:
            options.sort(key=lambda option: (-option.count, option.label))
        return FacetView(name, facet.label, facet.help_text, options)

    def chips(self) -> list[Chip]:
        """Each chosen filter, with the query string that removes it alone."""
        found = []
        for name, one in self.filters.items():
            value = self.values.get(name)
            if value in (None, "", []):
                continue
            if isinstance(one, Facet):
                labels = one.labels(value)
                found += [Chip(name, one.label, labels[item], self.query_without(name, item)) for item in value]
            else:
                found.append(Chip(name, one.label, str(value), self.query_without(name)))
        return found

    def query_without(self, *names: str, **kwargs) -> str:
        """The current query string without a filter: `query_without("q")`, `query_without("vertical", "water")`."""
        name, *rest = names
        data = self.data.copy() if isinstance(self.data, QueryDict) else QueryDict(mutable=True)
        for volatile in ("page", "cursor"):
            data.pop(volatile, None)
        if rest:
            data.setlist(name, [value for value in data.getlist(name) if value != rest[0]])
        else:
            data.pop(name, None)
        return data.urlencode()

    def loosened(self) -> list[tuple[Chip, int]]:
        """For an empty list: each filter whose removal would bring rows back, with how many, most first."""
        found = {}
        for chip in self.chips():
            if chip.name not in found:
                found[chip.name] = self.filtered(without=chip.name).count()
        hints = [
            (Chip(chip.name, chip.label, chip.value, self.query_without(chip.name)), found[chip.name])
            for chip in {chip.name: chip for chip in self.chips()}.values()
            if found[chip.name]
        ]
        return sorted(hints, key=lambda hint: -hint[1])


class _SortField(forms.ChoiceField):
    """An order by its name; an unknown one names the known ones."""

    default_error_messages = {
        "invalid_choice": gettext_lazy("There is no order “%(value)s”."),
    }

    def validate(self, value):
        if value and not self.valid_value(value):
            names = ", ".join(name for name, _label in self.choices)
            raise ValidationError(
                format_lazy("{} {}", self.error_messages["invalid_choice"], _("Choose one of: %(names)s.")),
                code="invalid_choice",
                params={"value": value[:80], "names": names},
            )


def model_name(model: type[Model]) -> str:
    """The plural name of a model in the reader's language."""
    return str(model._meta.verbose_name_plural)
