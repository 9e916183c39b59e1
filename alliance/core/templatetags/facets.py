"""A facet: its values as boxes to tick."""

from functools import lru_cache
from html import escape
from urllib.parse import quote

from django import template
from django.utils.formats import localize
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from alliance.core.facets import Option
from alliance.core.templatetags.numbers import number
from alliance.core.templatetags.site import hx
from alliance.core.views import ShownFacet

register = template.Library()


@register.simple_tag
def facet_box(facet: ShownFacet, target: str = "") -> SafeString:
    """A facet with its values, the most frequent of them or all.

    Written here and not in a template: a page has more than a hundred values, which would be half of its time.

    Args:
        target: the id to swap with htmx.
    """
    language, label = get_language(), escape(str(facet.label))
    is_open = " open" if facet.is_open else ""
    hint = f'<p class="hint">{escape(str(facet.help_text))}</p>' if facet.help_text else ""
    values = "".join(_item(facet.name, option, language) for option in facet.options)
    return mark_safe(  # noqa: S308  (all texts are escaped)
        f'<details class="facet" id="filter-{escape(facet.name)}"{is_open}><summary>{label}</summary><fieldset>'
        f'<legend class="sr">{label}</legend>{hint}<ul class="plain">{values}</ul>{_more(facet, target)}'
        "</fieldset></details>"
    )


def _more(facet: ShownFacet, target: str) -> str:
    """The way to the values that are not shown, or back."""
    if facet.hidden:
        words = ngettext("%(n)s more", "%(n)s more", facet.hidden) % {"n": localize(facet.hidden)}
        return _link(facet.more_query, words, target)
    if not facet.is_expanded:
        return ""
    hint = ""
    if facet.left_out:
        words = ngettext(
            "%(n_text)s rarer value is not shown: other filters lead to it.",
            "%(n_text)s rarer values are not shown: other filters lead to them.",
            facet.left_out,
        ) % {"n_text": number(facet.left_out)}
        hint = f'<p class="hint">{escape(words)}</p>'
    return hint + _link(facet.less_query, _("Fewer"), target)


def _link(query: str, words: str, target: str) -> str:
    url = f"?{query}"
    return f'<a class="more" href="{escape(url)}"{hx(target, url)}>{escape(words)}</a>'


def _item(name: str, option: Option, language: str | None) -> str:
    state = " checked" if option.chosen else "" if option.count else " disabled"
    return (
        f'{_box(name, option.value)}{state}><span class="name">{_escaped(str(option.label))}</span>'
        f'<span class="n">{_count(option.count, language)}</span></label></li>'
    )


@lru_cache(maxsize=5_000)
def _box(name: str, value: str) -> str:
    """The item up to the state of its box. Remembered, as the two below: pages have the same values."""
    name = escape(name)
    anchor = f"{name}-{quote(value, safe='')}"
    return f'<li><label for="{anchor}"><input type="checkbox" id="{anchor}" name="{name}" value="{escape(value)}"'


@lru_cache(maxsize=5_000)
def _escaped(label: str) -> str:
    return escape(label)


@lru_cache(maxsize=10_000)
def _count(count: int, language: str | None) -> str:
    """A count in the current language, which is named to be part of what is remembered."""
    return number(count)
