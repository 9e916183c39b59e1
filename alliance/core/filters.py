"""Filters that serve a page, the API, the exports and the map alike: facets with live counts, ranges, search, sorting.

A facet's values widen (a or b); facets among each other narrow. A facet's counts leave its own choice out, so that they
say what a click would give. A floor extends the filterset of a lower floor by subclassing it; the composition root
uses the richest.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Expression, QuerySet
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alliance.core import search as text_search
from alliance.core.counting import Counts, Question, ask_again, read_counts
from alliance.core.facets import Facet, FacetView, Names, Option, unknown_values
from alliance.core.pagination import full_order
from alliance.core.plain import UNSURE, Kept, Marks, Shape, Written, flat, shape_of

#: The attribute of a request that tells the state of the data which its rows were chosen from.
DATA = "portal_data"
#: Parameters that lose their sense when a filter changes.
VOLATILE = ("page", "cursor")
#: A facet with more values is counted for its most frequent ones, unless all are asked for.
MOST_COUNTED = 24
#: More than these are never listed.
MOST_LISTED = 500
#: Searches, by their rows and words, that had too many matches to look for other choices among them.
_everyday: Kept[bool] = Kept(1_000)
#: Statements that count, by what they count and by the shape of the request.
_counting: Kept[Written] = Kept(500)


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

    def plain(self, given: list[str], names: Names | None) -> Any:
        """The text of a request as its field would clean it; else `UNSURE`."""
        text = given[0].strip() if len(given) == 1 else ""
        return text if 0 < len(text) <= text_search.MAXIMUM_LENGTH and "\0" not in text else UNSURE

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
    _form_class: type["FilterForm"]
    #: Facets that a page shows first; the others follow in the order of their declaration.
    first_facets: tuple[str, ...] = ()

    def __init__(self, data=None, queryset=None, *, request=None, prefix=None):
        # Instead of the base class's, which copies every filter to its ground: a third of a fast answer's time.
        self.is_bound = True
        self.data = data if data is not None else QueryDict()
        self.queryset = self._meta.model._default_manager.all() if queryset is None else queryset
        self.request, self.form_prefix = request, prefix

    @cached_property
    def filters(self) -> dict[str, django_filters.Filter]:
        """The filters, which know this filterset."""
        found = {name: copy.copy(one) for name, one in self.base_filters.items()}
        for one in found.values():
            one.model, one.parent = self.queryset.model, self
        return found

    @classmethod
    def get_form_class(cls) -> type["FilterForm"]:
        """The filters' form, and a field for the order. Made once: the fields hold nothing of a request."""
        if "_form_class" not in cls.__dict__:
            fields = {name: one.field for name, one in cls.base_filters.items()}
            if cls.sorts:
                choices = [(name, sort.label) for name, sort in cls.sorts.items()]
                fields["sort"] = _SortField(choices=choices, required=False, label=gettext_lazy("Sort by"))
            cls._form_class = type(f"{cls.__name__}Form", (FilterForm,), {})
            cls._form_class.base_fields = _Shared(fields)
        return cls._form_class

    @cached_property
    def form(self) -> "FilterForm":
        form = self.get_form_class()(self.data, prefix=self.form_prefix)
        form.filterset = self
        return form

    @cached_property
    def names(self) -> Names | None:
        """The remembered names of facet values; none where the request has not asked for the state of the data."""
        data = getattr(self.request, DATA, None)
        return Names(data) if data else None

    @cached_property
    def plain_values(self) -> dict[str, Any] | None:
        """The choices where every one is valid and can be told without the form; else None."""
        found: dict[str, Any] = {}
        for name, given in self.data.lists():
            one, value = self.base_filters.get(name), UNSURE
            if one is None and not (name == "sort" and self.sorts):
                continue
            if given == [""]:
                continue
            if one is None:
                value = given[0] if len(given) == 1 and given[0] in self.sorts else UNSURE
            elif plain := getattr(one, "plain", None):
                value = plain(given, self.names)
            if value is UNSURE:
                return None
            if value != []:
                found[name] = value
        return found

    @cached_property
    def values(self) -> dict[str, Any]:
        """The valid choices. What is invalid is left out here and named in `form.errors`."""
        if self.plain_values is not None:
            return self.plain_values
        self.form.is_valid()
        return {name: value for name, value in self.form.cleaned_data.items() if value not in (None, "", [])}

    @property
    def asked(self) -> str:
        """The search as it was asked; empty without one."""
        return " ".join((self.values.get("q") or "").split()) if "q" in self.base_filters else ""

    @cached_property
    def search(self) -> text_search.Search | None:
        """How `q` was understood, or None without one."""
        if not self.asked:
            return None
        return text_search.understand(self.queryset, self.asked, self.base_filters["q"].searchable)

    # --- SQL that is written once for all requests of one shape

    @cached_property
    def shape(self) -> Shape | None:
        """What requests have in common whose SQL differs in the given values alone; None where it is no use to know.

        Besides it the SQL depends on this class, on what the rows are drawn from (`source` of the queryset), and on
        whether the search is of stop words alone.
        """
        return self.shape_over(getattr(self.queryset, "source", None))

    def shape_over(self, source: str | None) -> Shape | None:
        """The same over other rows."""
        if self.plain_values is None or source is None:
            return None
        words = self.reading.stop_words_only if self.reading else None
        return (("", (type(self), source, words)), *shape_of(self.plain_values))

    @property
    def given(self) -> list[Any]:
        """The given values, in the order of the marks of `marked`."""
        values = {name: value for name, value in sorted(self.values.items()) if name != "sort"}
        if self.reading:
            values["q"] = [self.reading.text, self.reading.wanted]
        return flat(values.values())

    def marked(self) -> tuple["PortalFilterSet", Marks]:
        """A filterset of the same shape with marks for values."""
        marks, marked = Marks(), type(self)(queryset=self.queryset)
        marked.values = {}
        for name, value in sorted(self.values.items()):
            if name == "q" and self.reading:
                text, wanted = marks.of([self.reading.text, self.reading.wanted])
                marked.search = text_search.MarkedSearch(
                    text, text, stop_words_only=self.reading.stop_words_only, marked=wanted
                )
                marked.values[name] = text
            else:
                marked.values[name] = value if name == "sort" else marks.of(value)
        return marked, marks

    @property
    def reading(self) -> text_search.Search | None:
        """`search` where it is known already; else the words as they stand, which most often are right: see `found`."""
        if "search" not in self.__dict__ and self.asked and text_search.may_stand(self.asked):
            return text_search.Search(self.asked, self.asked)
        return self.search

    def found(self, reading: text_search.Search | None, *, any_row: bool) -> bool:
        """Note what was found by a reading. Returns: False when `search` is another one, by which to look again.

        A row that has all the words proves that each of them is known: no question is needed to understand them.
        """
        if any_row and "search" not in self.__dict__:
            self.search = reading
        if self.search == reading:
            return True
        self.__dict__.pop("shape", None)
        return False

    # --- rows

    def filtered(self, without: str = "") -> QuerySet:
        """The rows that all valid filters leave, in no order; `without` names one filter to leave out."""
        if without not in self._narrowed:
            self._narrowed[without] = self._narrow(without)
        return self._narrowed[without]

    @cached_property
    def _narrowed(self) -> dict[str, QuerySet]:
        """A page asks for the same rows several times."""
        return {}

    def _narrow(self, without: str) -> QuerySet:
        rows = self.queryset
        # The search last: its column costs most to look at.
        for name, one in sorted(self.filters.items(), key=lambda item: isinstance(item[1], SearchFilter)):
            if name != without:
                rows = one.filter(rows, self.values.get(name))
        return rows

    @cached_property
    def qs(self) -> QuerySet:
        """The rows, filtered and in order."""
        return self.ordered(self.filtered())

    @cached_property
    def listed(self) -> QuerySet:
        """The rows as pages list them: `qs`, or of a search with very many matches those that are ranked."""
        if not self.ranked_at_most:
            return self.qs
        usual = self.sorts[self.default_sort]
        first = self.filtered().annotate(**usual.annotations()).order_by(*full_order(usual.keys)).values("pk")
        # Whether they match is not asked again: that would look at all matches.
        rows = self.queryset.filter(pk__in=first[: self.ranked_at_most])
        return self.ordered(text_search.ranked(rows, self.search))

    @cached_property
    def ranked_at_most(self) -> int | None:
        """How many matches are ranked, where a search has too many for all of them."""
        if self.sort_name != "relevance" or not text_search.has_stored_vector(self.queryset):
            return None
        counts = self.__dict__.get("counts")
        if counts:
            too_many = counts.total > text_search.MOST_RANKED
        else:
            too_many = text_search.are_more_than(text_search.MOST_RANKED, self.filtered())
        return text_search.RANKED_AT_MOST if too_many else None

    def note_none_or_too_many(self) -> None:
        """For who has looked for all matches to rank them, and knows that there are none or too many."""
        if text_search.are_more_than(0, self.filtered()):
            self.ranked_at_most = text_search.RANKED_AT_MOST

    @property
    def sort_name(self) -> str:
        """The order in force: as asked; else the best match first in a search; else the default."""
        asked = self.values.get("sort")
        if asked and not (self.sorts[asked].needs_search and not self.asked):
            return asked
        if self.asked and "relevance" in self.sorts:
            return "relevance"
        return self.default_sort

    @property
    def sort(self) -> Sort:
        return self.sorts[self.sort_name]

    def ordered(self, rows: QuerySet) -> QuerySet:
        return rows.annotate(**self.sort.annotations()).order_by(*full_order(self.sort.keys))

    def sort_options(self) -> list[tuple[str, object, bool]]:
        """(name, label, chosen) of each order that makes sense now."""
        return [
            (name, sort.label, name == self.sort_name)
            for name, sort in self.sorts.items()
            if self.asked or not sort.needs_search
        ]

    # What the page shows of the filters.

    @property
    def facet_filters(self) -> dict[str, Facet]:
        """The facets, those first that a page shows first."""
        facets = {name: one for name, one in self.base_filters.items() if isinstance(one, Facet)}
        first = {name: facets[name] for name in self.first_facets if name in facets}
        return first | facets

    def count(self, names: Iterable[str], *, limits: Mapping[str, int], for_page: bool = False) -> Counts:
        """The total, and the rows by each value of these facets: one statement.

        Args:
            limits: facet -> how many of its values, the most frequent first.
            for_page: with the number of all rows, and what `summed` says.
        """
        names = [*names]
        while True:
            reading = self.reading
            if self.shape is None:
                return self._question(names, limits, for_page=for_page).answer()
            words = (self.queryset.source, reading.text) if reading else None
            # Without a search there is nothing to look for first; with everyday words too much.
            if words and words not in _everyday:
                counts = self._counted(names, limits, for_page, among_few=True)
                if counts.total:
                    self.found(reading, any_row=True)
                    return counts
            counts = self._counted(names, limits, for_page)
            if self.found(reading, any_row=counts.total > 0):
                if words and counts.total:
                    _everyday.get(words, lambda: True)
                return counts

    def _counted(
        self, names: Sequence[str], limits: Mapping[str, int], for_page: bool, among_few: bool = False
    ) -> Counts:
        """Args: among_few: only if the search, taken by itself, has few matches; else nothing is found."""
        key = (self.shape, *names, *limits.items(), for_page, among_few)
        statement = _counting.get(key, lambda: self._count_statement(names, limits, for_page, among_few))
        rows = ask_again(statement.sql, statement.filled(self.given))
        return read_counts(rows, names, with_everything=for_page)

    def _count_statement(
        self, names: Sequence[str], limits: Mapping[str, int], for_page: bool, among_few: bool
    ) -> Written:
        marked, marks = self.marked()
        question = marked._question(names, limits, for_page=for_page)
        if among_few:
            marked.look_among_few(names)
        return Written.of(question.statement(), marks)

    def look_among_few(self, names: Iterable[str]) -> None:
        """Look for the search first, and for all other choices among its matches; find nothing if they are many.

        For a rare word that is quicker than to read the index of another choice too, which the planner likes to do.

        Args: names: facets whose columns are read.
        """
        read = {self.base_filters[name] for name in (*names, *self.values) if name not in ("q", "sort")}
        columns = {one.value if isinstance(one, Facet) else one.field_name for one in read}
        searched = self.filters["q"].filter(self.queryset, self.values["q"])
        every = self.queryset.model._meta.pk.name
        columns |= {every, self.summed} - {""}
        few = self.queryset.out_of_few(searched, sorted(columns), text_search.MOST_RANKED)
        self.queryset, self.search, self._narrowed = few, None, {}
        self.values = {name: value for name, value in self.values.items() if name != "q"}

    def _question(self, names: Sequence[str], limits: Mapping[str, int], *, for_page: bool) -> Question:
        facets = self.facet_filters
        return Question(
            rows=self.queryset,
            filtered=self.filtered,
            facets=facets,
            chosen={name: value for name, value in self.values.items() if name in facets},
            wanted={name: facets[name] for name in names},
            limits=limits,
            facets_only=all(name in facets or name == "sort" for name in self.values),
            with_everything=for_page,
            summed=self.summed if for_page else "",
        )

    #: A column of the rows that a page adds up over those that match; empty for none.
    summed = ""
    #: Facets of which the page shows all values.
    expanded: tuple[str, ...] = ()

    @cached_property
    def counts(self) -> Counts:
        """What a page shows: of long facets the most frequent values alone."""
        names = [*self.facet_filters]
        limits = {name: MOST_LISTED if name in self.expanded else MOST_COUNTED for name in names}
        return self.count(names, limits=limits, for_page=True)

    def facets(self) -> list[FacetView]:
        """Every facet with its counts."""
        return [self.facet_view(name, self.counts) for name in self.facet_filters]

    def facet_view(self, name: str, counted: Counts) -> FacetView:
        """A facet that was counted."""
        facet, chosen, counts = self.base_filters[name], self.values.get(name) or [], counted.by_value[name]
        labels = facet.labels([*counts, *(value for value in chosen if value not in counts)], self.names)
        values = list(labels) if facet.choices else [value for value in counts if value in labels]
        values += [value for value in chosen if value not in values]
        options = [Option(value, labels.get(value, value), counts.get(value, 0), value in chosen) for value in values]
        if not facet.ordered:
            options.sort(key=lambda option: (-option.count, option.label))
        known = max(counted.known[name], len(options))
        return FacetView(name, facet.label, facet.help_text, options, known)

    def chips(self) -> list[Chip]:
        """Each chosen filter, with the query string that removes it alone."""
        found = []
        for name, one in self.filters.items():
            value = self.values.get(name)
            if value in (None, "", []):
                continue
            if isinstance(one, Facet):
                labels = one.labels(value, self.names)
                found += [Chip(name, one.label, labels[item], self.query_without(name, item)) for item in value]
            else:
                found.append(Chip(name, one.label, str(value), self.query_without(name)))
        return found

    def query_without(self, *names: str, **kwargs) -> str:
        """The current query string without a filter: `query_without("q")`, `query_without("vertical", "water")`."""
        name, *rest = names
        pairs = [(key, value) for key, values in self.data.lists() if key not in VOLATILE for value in values]
        return urlencode([(key, value) for key, value in pairs if key != name or (rest and value != rest[0])])

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


class _Shared(dict):
    """Fields that all forms of a class share: none of them is changed by a form."""

    def __deepcopy__(self, memo: Any) -> "_Shared":
        return self


class FilterForm(forms.Form):
    """The form of a filterset."""

    filterset: PortalFilterSet

    def clean(self) -> dict[str, Any]:
        """Name the values that a facet does not have."""
        for name, facet in self.filterset.filters.items():
            values = self.cleaned_data.get(name) if isinstance(facet, Facet) else None
            if values and (unknown := unknown_values(facet, values, self.filterset.names)):
                self.add_error(name, unknown)
        return self.cleaned_data


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
