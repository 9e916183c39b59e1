"""Where a statement of the catalogues comes from."""

from urllib.parse import urlsplit

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = template.Library()

#: How the data mark what is generally known and was not looked up again; more words may follow.
_BACKGROUND = "background"


@register.filter
def host(url: str) -> str:
    """The name of a page's host, as words of a link: "iso.org"."""
    try:
        return (urlsplit(url).hostname or url).removeprefix("www.")
    except ValueError:
        return url


@register.simple_tag
def reference(text: str) -> SafeString:
    """A source in the words of the data: its address as a link by host, and what follows the address as text."""
    first, _space, rest = text.partition(" ")
    if first.startswith(("https://", "http://")):
        return format_html(
            '<a href="{}" rel="noopener external"><bdi>{}</bdi></a>{}',
            first,
            host(first),
            format_html(' <bdi class="small quiet">{}</bdi>', rest) if rest else "",
        )
    if text.startswith(_BACKGROUND):
        known = text.removeprefix(_BACKGROUND).removeprefix(":").strip()
        words = _("generally known, not looked up again")
        return format_html('<span class="quiet">{}</span>', f"{known} ({words})" if known else words)
    return format_html("<bdi>{}</bdi>", text)
