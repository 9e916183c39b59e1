"""What pages say about use cases: years, sources, snippets of a search."""

from collections.abc import Sequence
from dataclasses import dataclass

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from alliance.core.search import has_marks, marked_html
from alliance.core.templatetags.sources import reference
from usecases import comparison
from usecases.models import UseCase
from usecases.queries import Related

register = template.Library()


@register.filter
def years(use_case: UseCase) -> str:
    """When it ran: "2011 to 2013", "since 2012"; empty when not known."""
    return comparison.years_words(use_case)


@register.filter
def cost(use_case: UseCase) -> str:
    """What it cost, with the currency; empty when not known."""
    return comparison.cost_words(use_case)


@register.filter
def yes_no(value: bool | None) -> str:
    """ "yes" or "no"; empty when not known."""
    return comparison.yes_no_words(value)


@register.simple_tag
def source(text: str) -> SafeString:
    """A source as a link by its host, or as text when it is no web address; "not stated" when there is none."""
    if not text:
        return format_html('<span class="quiet">{}</span>', _("not stated"))
    return format_html('<span class="source">{}</span>', reference(text))


@dataclass(frozen=True)
class Snippet:
    """What a card shows of a case in a search. `label` says where the text stands, unless it is what the city did."""

    html: SafeString
    label: str = ""


@register.filter
def snippet(use_case: UseCase) -> Snippet:
    """What the city did; in a search the first text that holds a match, with the matches marked."""
    marked = {name: getattr(use_case, f"{name}_marked", "") or "" for name in _SNIPPETS}
    for name, text in marked.items():
        if has_marks(text):
            return Snippet(marked_html(text), str(_SNIPPETS[name]()))
    return Snippet(format_html("{}", use_case.solution))


_SNIPPETS = {
    "solution": lambda: "",
    "problem": lambda: _("What was wrong"),
    "lessons": lambda: _("What others can learn"),
    "technologies": lambda: _("Technologies"),
}


@register.simple_tag
def related_cases_of(related: Sequence[Related]) -> list[UseCase]:
    """The use cases alone, for tags that look up something for all of them at once."""
    return [one.use_case for one in related]
