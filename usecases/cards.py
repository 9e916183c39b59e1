"""The cards of a list page.

Written here and not in a template: ten of them would be a third of the time that the page takes. What is the same for
all of them is asked once a page.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alliance.core.keyed import KeyedRows
from alliance.core.search import has_marks, marked_html
from alliance.core.templatetags.charts import grade, strip
from alliance.core.templatetags.numbers import number
from usecases.comparison import years_words
from usecases.models import Stage, Status, UseCase, VerticalCode
from usecases.places import country_name

_SNIPPETS = {
    "solution": lambda: "",
    "problem": lambda: _("What was wrong"),
    "lessons": lambda: _("What others can learn"),
    "technologies": lambda: _("Technologies"),
}


@dataclass(frozen=True)
class Card:
    """What a card shows of a use case. The texts in which a search marked its matches are empty without one."""

    pk: int
    slug: str
    title: str
    status: str
    stage: str
    solution: str
    started_year: int | None
    ended_year: int | None
    vertical: str
    city: str
    country_code: str
    country: str
    title_marked: str = ""
    city_marked: str = ""
    solution_marked: str = ""
    problem_marked: str = ""
    lessons_marked: str = ""
    technologies_marked: str = ""


_COLUMNS = (
    *("pk", "slug", "title", "status", "stage", "solution", "started_year", "ended_year"),
    *("vertical__code", "city__name", "city__country__code", "city__country__name"),
)
_MARKED = tuple(name for name in Card.__dataclass_fields__ if name.endswith("_marked"))
_every = KeyedRows(lambda keys: UseCase.objects.filter(pk__any_of=keys).values_list(*_COLUMNS))
_public = KeyedRows(
    lambda keys: UseCase.objects.filter(pk__any_of=keys, status=Status.PUBLISHED).values_list(*_COLUMNS)
)


def cards_of(keys: Sequence[int], *, drafts: bool) -> list[Card]:
    """The cards of the use cases with these primary keys, in the same order. One query.

    Args: drafts: with those that are not published.
    """
    found = {row[0]: row for row in (_every if drafts else _public).of(keys)}
    return [Card(*found[key]) for key in keys if key in found]


def card_of(case: UseCase) -> Card:
    """The card of a use case that was searched for."""
    marked: dict[str, Any] = {name: getattr(case, name, "") or "" for name in _MARKED}
    return Card(
        *(case.pk, case.slug, case.title, case.status, case.stage, case.solution, case.started_year, case.ended_year),
        *(case.vertical.code, case.city.name, case.city.country.code, case.city.country.name),
        **marked,
    )


def cards_html(cards: Iterable[Card], headlines: Any, *, pick: bool, picked: Collection[int]) -> SafeString:
    """List items, one a use case.

    Args:
        headlines: by primary key the surest result of a case as `result` with `finding` and `count`, nothing for a
            case without results; and their common `scale`.
        pick: with a box to tick for comparing, but for those whose primary keys are `picked` already.
    """
    writer = _Writer(headlines, pick=pick, picked=picked)
    return mark_safe("".join(writer.write(card) for card in cards))  # noqa: S308  (all texts are escaped)


class _Writer:
    def __init__(self, headlines: Mapping[int, Any], *, pick: bool, picked: Collection[int]) -> None:
        self.headlines, self.pick, self.picked = headlines, pick, picked
        self.address = reverse("usecases:list")
        self.comma = escape(_(", "))
        self.year_not_stated, self.compare = escape(_("year not stated")), escape(_("compare"))
        self.no_change = escape(_("No value from before is reported, so no change can be drawn."))
        self.no_result = escape(_("No measured result is published yet."))

    def write(self, case: Card) -> str:
        headline = self.headlines.get(case.pk)
        title = escape(case.title)
        shown = marked_html(case.title_marked) if case.title_marked else title
        city = marked_html(case.city_marked) if case.city_marked else escape(case.city)
        status = ""
        if case.status != Status.PUBLISHED:
            status = f' <span class="tag">{escape(str(Status(case.status).label))}</span>'
        meta = [
            escape(str(VerticalCode(case.vertical).label)),
            escape(str(Stage(case.stage).label)),
            escape(years_words(case)) or self.year_not_stated,
        ]
        if headline:
            meta.append(self._count(headline.count))
        box = ""
        if self.pick and case.pk not in self.picked:
            box = (
                f' <label class="pick"><input type="checkbox" name="u" value="{escape(case.slug)}" form="compare"> '
                f'{self.compare}<span class="sr"> <bdi>{title}</bdi></span></label>'
            )
        return (
            f'<li>\n<article class="case"><div><p class="place"><bdi>{city}</bdi>{self.comma}'
            f"{escape(country_name(case.country_code, case.country))}</p>\n"
            f'<h3><a href="{self.address}{escape(case.slug)}/"><bdi>{shown}</bdi></a>{status}</h3>\n'
            f'<p class="what">{self._text(case)}</p>\n'
            f'<p class="meta">{" · ".join(meta)}{box}</p></div>\n'
            f'<div class="case-result">{self._result(headline)}</div></article>\n</li>'
        )

    @staticmethod
    def _text(case: Card) -> str:
        """What the city did; in a search the first text that holds a match, with what it is about."""
        for name, label in _SNIPPETS.items():
            text = getattr(case, f"{name}_marked")
            if has_marks(text):
                words = label()
                told = f'<span class="quiet">{escape(_("%(label)s:") % {"label": words})}</span> ' if words else ""
                return f"{told}<bdi>{marked_html(text)}</bdi>"
        return f"<bdi>{escape(case.solution)}</bdi>"

    @staticmethod
    def _count(count: int) -> str:
        return escape(ngettext("%(n_text)s result", "%(n_text)s results", count) % {"n_text": number(count)})

    def _result(self, headline: Any) -> str:
        """A line that says the number hides the drawing of it."""
        if not headline:
            return f'<p class="small quiet">{self.no_result}</p>'
        result = headline.result
        if result.change_percent is None:
            drawn = f'<p class="small quiet">{self.no_change}</p>'
        else:
            drawn = strip(result, self.headlines.scale, decorative=True)  # type: ignore[attr-defined]
        sure = grade(result.grade, result.method_words)
        return f'<p class="headline">{headline.finding.html}</p>{drawn}{sure}'
