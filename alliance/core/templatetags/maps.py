"""The world map and its small crops as SVG. The land is one file that the browser keeps (`static/img/world.svg`)."""

from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from alliance.core.maps import HEIGHT, WIDTH, Note, Place, as_place, as_places, crop, place_notes

register = template.Library()


def _land() -> SafeString:
    return format_html('<use class="land" href="{}#land"/>', static("img/world.svg"))


def _city(place: Place) -> str:
    css = "city" if place.has_result else "city none"
    name = conditional_escape(place.name)
    circle = f'<circle class="{css}" cx="{place.x:g}" cy="{place.y:g}" r="5"/>'
    if not place.url:
        return circle
    # For the mouse; the keyboard and the screen reader have the list beside the map.
    return f'<a href="{conditional_escape(place.url)}" tabindex="-1"><title>{name}</title>{circle}</a>'


def _note(note: Note) -> str:
    end = " end" if note.side < 0 else ""
    return (
        f'<g class="note"><path class="leader" d="M{note.place.x:g} {note.place.y:g}L{note.x:g} {note.y:g}"/>'
        f'<text class="strong{end}" x="{note.text_x:g}" y="{note.y - 3:g}">{conditional_escape(note.place.name)}</text>'
        f'<text class="name{end}" x="{note.text_x:g}" y="{note.y + 14:g}">{conditional_escape(note.place.label)}</text>'
        "</g>"
    )


@register.simple_tag
def world_map(places: Any, name: str = "") -> SafeString:
    """The sheet with a full dot for a city with a result and a ring for one without.

    With a ``name`` it is an image of that name and holds no links. Without one it is hidden from assistive technology
    and each dot links to its city: then a list of the same cities must stand beside it.
    """
    drawn = as_places(places)
    notes = "".join(_note(note) for note in place_notes(drawn))
    if name:
        label = f'role="img" aria-label="{conditional_escape(name)}"'
        drawn = [Place(p.name, p.x, p.y, "", p.has_result, p.label) for p in drawn]
    else:
        label = 'aria-hidden="true"'
    cities = "".join(_city(place) for place in drawn)
    # Leaders lie under the dots, words above them: neither covers a place.
    return mark_safe(  # noqa: S308
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" {label}>{_land()}{notes}{cities}</svg>'
    )


@register.simple_tag
def locator(place: Any, name: str = "") -> SafeString:
    """A small piece of the sheet around one place."""
    known = as_place(place)
    left, upper, width, height = crop(known.x, known.y)
    words = name or _("%(place)s on the map of the world") % {"place": known.name}
    return format_html(
        '<svg viewBox="{} {} {} {}" width="{}" height="{}" role="img" aria-label="{}">{}'
        '<circle class="city here" cx="{}" cy="{}" r="7"/></svg>',
        left, upper, width, height, width, height, words, _land(), f"{known.x:g}", f"{known.y:g}",
    )  # fmt: skip
