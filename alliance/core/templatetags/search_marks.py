"""Matches of a search, marked in titles and texts that `alliance.core.search.headlines` annotated."""

from django import template

from alliance.core import search

register = template.Library()

register.filter("marked", search.marked_html)
register.filter("has_marks", search.has_marks)


@register.simple_tag
def first_marked(*texts: str) -> str:
    """The first text that holds a match; an empty text when none does."""
    return next((search.marked_html(text) for text in texts if text and search.has_marks(text)), "")
