"""What pages say about use cases: years, sources, cards."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from alliance.core.templatetags.sources import reference
from usecases import comparison
from usecases.cards import Card, cards_html
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


@register.simple_tag
def case_cards(cards: Iterable[Card], headlines: Any, picked: Collection[int] = (), pick: bool = False) -> SafeString:
    """List items: see `usecases.cards`. With `pick` there is a box to tick for comparing, but for those picked."""
    return cards_html(cards, headlines, pick=pick, picked=picked)


@register.simple_tag
def related_cases_of(related: Sequence[Related]) -> list[UseCase]:
    """The use cases alone, for tags that look up something for all of them at once."""
    return [one.use_case for one in related]
