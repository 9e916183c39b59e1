"""What every page needs: the ways through the portal, its languages, breadcrumbs, page numbers."""

from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django import template
from django.conf import settings
from django.core.paginator import Page
from django.forms import BoundField
from django.http import HttpRequest
from django.template import Context
from django.urls import NoReverseMatch, reverse, translate_url
from django.utils.encoding import escape_uri_path, iri_to_uri
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, get_language_info

from alliance.core.navigation import CHAIRS, FOOTER, HEADER, MEMBERS, STAFF, VISITORS, Entry

register = template.Library()


def _url(entry: Entry) -> str:
    return entry.route if entry.route.startswith("/") else reverse(entry.route)


def _current(request: HttpRequest | None, url: str) -> str:
    """The value of ``aria-current``: "page" on the page itself, "true" on the pages below it, else nothing."""
    if request is None or not request.path.startswith(url):
        return ""
    return "page" if request.path == url else "true"


@register.simple_tag(takes_context=True)
def navigation(context: Context) -> list[dict[str, Any]]:
    """Links of the header with `label`, `url` and `current`.

    Raises: NoReverseMatch when an entry of the header leads nowhere.
    """
    request, audiences = context.get("request"), _audiences(context)
    return [
        {"label": entry.label, "url": url, "current": _current(request, url)}
        for entry, url in ((entry, _url(entry)) for entry in HEADER if entry.audience in audiences)
    ]


def _audiences(context: Context) -> set[str]:
    user = context.get("user")
    audiences = {"", MEMBERS if getattr(user, "is_authenticated", False) else VISITORS}
    if user is not None and getattr(user, "is_staff", False):
        audiences.add(STAFF)
        # Asked of editors alone: permissions cost other readers a query on each page.
        if user.has_perm("members.chair"):
            audiences.add(CHAIRS)
    return audiences


@register.simple_tag(takes_context=True)
def site_footer(context: Context) -> SafeString:
    """The footer, which is the same for all readers of a kind in a language, and written once for them."""
    user = context.get("user")
    kind = (get_language(), getattr(user, "is_authenticated", False), getattr(user, "is_staff", False))
    found = _footers.get(kind)
    if found is None or settings.DEBUG:
        footer = context.template.engine.get_template("_footer.html")  # type: ignore[union-attr]
        found = _footers[kind] = footer.render(Context({"user": user}))
    return found


_footers: dict[tuple[str | None, bool, bool], SafeString] = {}


@register.simple_tag(takes_context=True)
def footer_columns(context: Context) -> list[dict[str, Any]]:
    """Columns of the footer with `title` and `links`, as far as they are there and meant for this reader."""
    audiences = _audiences(context)
    columns = []
    for title, entries in FOOTER:
        links = []
        for entry in entries:
            if entry.audience not in audiences:
                continue
            try:
                links.append({"label": entry.label, "url": _url(entry)})
            except NoReverseMatch:
                continue
        if links:
            columns.append({"title": title, "links": links})
    return columns


@register.simple_tag(takes_context=True)
def translated_url(context: Context, language: str, absolute: bool = False) -> str:
    """The address of the current page in another language, with its query; the home page where there is none."""
    request = context.get("request")
    if request is None:
        return "/"
    url = _translated(request.path, language, get_language())
    if query := request.META.get("QUERY_STRING", ""):
        url = f"{url}?{iri_to_uri(query)}"
    return f"{settings.PORTAL_ORIGIN}{url}" if absolute else url


@lru_cache(maxsize=2_000)
def _translated(path: str, language: str, current: str | None) -> str:
    """The address of a page in another language; it is read in the current one, which is named to be remembered."""
    return translate_url(escape_uri_path(path), language)


@register.simple_tag
def other_languages() -> list[dict[str, Any]]:
    """Every language but the current one, with `code`, `name` (in itself) and `bidi`."""
    current = get_language()
    languages = []
    for code, _name in settings.LANGUAGES:
        if code != current:
            info = get_language_info(code)
            languages.append({"code": code, "name": info["name_local"], "bidi": info["bidi"]})
    return languages


@register.inclusion_tag("_breadcrumbs.html")
def breadcrumbs(*parts: Any) -> dict[str, Any]:
    """The way to the current page: pairs of name and address, then the name of the page itself.

    ``{% breadcrumbs cases_label cases_url use_case.title %}``; the home page stands first by itself.
    Raises: ValueError when a name or an address is missing.
    """
    if len(parts) % 2 == 0:
        raise ValueError("Breadcrumbs are pairs of name and address, and the name of the page at the end.")
    steps = [{"name": parts[i], "url": parts[i + 1]} for i in range(0, len(parts) - 1, 2)]
    return {"steps": steps, "here": parts[-1]}


@register.simple_tag
def page_numbers(page: Page) -> list[int | str]:
    """Numbers near the current page, the first and the last; an ellipsis stands for those between."""
    return list(page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1))


@register.simple_tag(takes_context=True)
def query_with(context: Context, **changes: Any) -> str:
    """The query of this page with parameters set, or left out where they are nothing.

    As `querystring`, which copies the whole query for it; a list page has many such links.
    """
    pairs = []
    for name, values in context["request"].GET.lists():
        if name not in changes:
            pairs += [(name, value) for value in values]
        elif (changed := changes.pop(name)) is not None:
            pairs.append((name, changed))
    pairs += [(name, changed) for name, changed in changes.items() if changed is not None]
    return f"?{urlencode(pairs)}"


@register.simple_tag
def hx(target: str, url: str) -> SafeString:
    """Attributes that let htmx fetch a part of the page; without it, the link loads the whole page.

    The server answers with the element of the id ``target`` names (say ``#found``); the address follows. A request
    that is still under way is given up, so that the last click wins. Nothing without a target.
    """
    if not target:
        return SafeString("")
    return mark_safe(  # noqa: S308  (both are escaped)
        f' hx-get="{conditional_escape(url)}" hx-target="{conditional_escape(target)}" hx-swap="outerHTML" '
        'hx-push-url="true" hx-sync="body:replace"'
    )


@register.filter
def field_anchor(field: BoundField) -> str:
    """The id that a link of the error summary leads to: the field, or the first choice of a group."""
    if field.id_for_label:
        return field.id_for_label
    choices = getattr(field.field.widget, "choices", None)
    return f"{field.auto_id}_0" if choices else field.auto_id
