"""The values of a facet as boxes to tick."""

from functools import lru_cache
from urllib.parse import quote

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from alliance.core.facets import Option
from alliance.core.templatetags.numbers import number

register = template.Library()


@register.simple_tag
def facet_options(name: str, options: list[Option]) -> SafeString:
    """List items, one a value; a value without a row stays visible and cannot be chosen.

    Written here and not in a template: a page has more than a hundred, which would be half of its time.
    """
    name = escape(name)
    return mark_safe("".join(_item(name, option) for option in options))  # noqa: S308  (all texts are escaped)


@lru_cache(maxsize=10_000)
def _count(count: int, language: str | None) -> str:
    """A count in the current language, which is named to be part of what is remembered."""
    return number(count)


def _item(name: str, option: Option) -> str:
    anchor = f"{name}-{quote(option.value, safe='')}"
    state = " checked" if option.chosen else "" if option.count else " disabled"
    count = _count(option.count, get_language())
    return (
        f'<li><label for="{anchor}"><input type="checkbox" id="{anchor}" name="{name}" value="{escape(option.value)}"'
        f'{state}><span class="name">{escape(option.label)}</span><span class="n">{count}</span>'
        "</label></li>"
    )
