"""The dot and the charts made of it, as SVG from the server.

Geometry stands in attributes (percent across, pixels down), colour in classes (`static/css/charts.css`), so that the
strict content security policy holds. Each drawing has a name with its numbers, or is hidden beside the same numbers in
text: pass ``decorative=True`` where the numbers stand next to it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, get_language_bidi, ngettext
from django.utils.translation import gettext as _

from alliance.core.charts import (
    DOT,
    MOST_DOTS,
    NARROWEST,
    Point,
    Scale,
    as_point,
    axis_labels,
    bar_widths,
    columns,
    dodge,
    scale_for,
)
from alliance.core.evidence import Grade
from alliance.core.templatetags.numbers import as_decimal, digits, measure, percent, rounded, signed_percent

register = template.Library()

CLASS_OF_EFFECT = {"better": "b", "worse": "w", "neutral": "x"}
#: Width of a plot cell on a narrow screen and of the axis above the list, in CSS pixels.
PLOT_WIDTH, AXIS_WIDTH = 208, 240
#: Above the dots, for the reader's own one and its word, in CSS pixels.
YOU_HEIGHT = 34
LETTERS = "ABCD"

register.filter("scale_for", scale_for)


def at(x: float) -> str:
    """A place across, in percent with one decimal at most."""
    return f"{round(x, 1):g}%"


def image(body: str, *, height: int, name: str, css: str = "", decorative: bool = False) -> SafeString:
    """An ``<svg>`` of the page's own width with its accessible name, or hidden from assistive technology."""
    css_attribute = f' class="{css}"' if css else ""
    label = ' aria-hidden="true"' if decorative else f' role="img" aria-label="{conditional_escape(name)}"'
    return mark_safe(f'<svg{css_attribute} width="100%" height="{height}"{label}>{body}</svg>')  # noqa: S308


def line(css: str, x1: float, x2: float, y1: str, y2: str) -> str:
    return f'<line class="{css}" x1="{at(x1)}" x2="{at(x2)}" y1="{y1}" y2="{y2}"/>'


def tick_text(value: float, scale: Scale) -> str:
    """The label of a tick: zero reads "no change" where it ends the scale, and 0 between the two directions."""
    if value == 0:
        return _("no change") if value in (scale.minimum, scale.maximum) else digits(rounded(_exact(0), 0))
    return signed_percent(value)


def _exact(value: Any) -> Decimal:
    known = as_decimal(value)
    if known is None:
        raise ValueError(f"Not a number: {value!r}")
    return known


def spoken(point: Point) -> str:
    """The point in words, for its accessible name: what it stands for, the change, the interval when there is one."""
    if point.change_percent is None:
        text = _("change not known")
    elif point.interval is None:
        text = signed_percent(point.change_percent)
    else:
        values = {
            "change": signed_percent(point.change_percent),
            "low": signed_percent(point.interval[0]),
            "high": signed_percent(point.interval[1]),
        }
        if point.imputed:
            text = _("%(change)s, assumed interval %(low)s to %(high)s") % values
        else:
            text = _("%(change)s, interval %(low)s to %(high)s") % values
    return f"{point.name}: {text}" if point.name else text


def mark(point: Point, scale: Scale, y: str) -> str:
    """Stem or interval, then the dot; beyond the scale an arrow at the edge, the dot just inside it."""
    if point.change_percent is None:
        return ""
    css = CLASS_OF_EFFECT[point.effect]
    x = scale.position(point.change_percent)
    if point.interval is None:
        parts = line(f"stem {css}", scale.zero, x, y, y)
    else:
        style = f"ci {css} imputed" if point.imputed else f"ci {css}"
        parts = line(style, scale.position(point.interval[0]), scale.position(point.interval[1]), y, y)
    side = scale.beyond(point.change_percent)
    if side:
        arrow = "M-5-5 1 0-5 5" if side > 0 else "M5-5-1 0 5 5"
        inside = -15 if side > 0 else 15
        dot = f'<use class="{css}" href="#g{point.grade}" x="{inside}"/><path class="beyond {css}" d="{arrow}"/>'
    else:
        dot = f'<use class="{css}" href="#g{point.grade}"/>'
    # A nested svg takes the place in percent; what is inside keeps its pixels.
    return f'{parts}<svg x="{at(x)}" y="{y}">{dot}</svg>'


@register.simple_tag
def dot(grade: int, size: str = "") -> SafeString:
    """The dot alone, beside text that says the grade. ``size`` is empty, ``big`` or ``inline``."""
    if size not in ("", "big", "inline"):
        raise ValueError(f"No such size of a dot: {size!r}")
    css = f"pip {size}".strip()
    return mark_safe(  # noqa: S308
        f'<svg class="{css}" viewBox="-8 -8 16 16" width="16" height="16" aria-hidden="true">'
        f'<use href="#g{Grade(int(grade)).value}"/></svg>'
    )


@register.simple_tag
def grade(grade: int, label: Any = "") -> SafeString:
    """Dot, words and number: how sure one can be. Without words of its own the grade's own words."""
    known = Grade(int(grade))
    return _grade(known, conditional_escape(label or known.label), get_language())


@lru_cache(maxsize=200)
def _grade(known: Grade, label: SafeString, language: str | None) -> SafeString:
    """The same in the current language, which is named to be part of what is remembered."""
    of_four = _("%(grade)s of 4") % {"grade": known.value}
    return format_html(
        '<span class="grade">{}<span>{} <span class="of"><bdi aria-hidden="true">{}/4</bdi>'
        '<span class="sr">{}</span></span></span></span>',
        dot(known.value),
        label,
        known.value,
        of_four,
    )


@register.simple_tag
def strip(points: Any, scale: Scale, name: str = "", decorative: bool = False) -> SafeString:
    """The line of the case list: axis, zero, stem, dot. Nothing when no change is known."""
    known = [p for p in _points(points) if p.change_percent is not None]
    if not known:
        return mark_safe("")
    body = line("axis", 0, 100, "14", "14") + line("zero", scale.zero, scale.zero, "6", "22")
    body += "".join(mark(point, scale, "14") for point in known)
    words = "" if decorative else name or "; ".join(spoken(point) for point in known)
    return image(body, height=28, name=words, css="strip", decorative=decorative)


def _points(points: Any) -> list[Point]:
    """One point or several, however they are given; a sequence that begins with a number is one point."""
    if points is None:
        return []
    if isinstance(points, Mapping) or hasattr(points, "change_percent"):
        return [as_point(points)]
    items = list(points)
    if items and (items[0] is None or isinstance(items[0], (int, float, Decimal))):
        return [as_point(items)]
    return [as_point(item) for item in items]


def _axis_texts(scale: Scale, *, width: float, y: int) -> str:
    parts = []
    for label in axis_labels([(tick, tick_text(tick, scale)) for tick in scale.ticks], scale, width=width):
        css = f' class="{label.anchor}"' if label.anchor != "start" else ""
        parts.append(f'<text{css} x="{at(label.x)}" y="{y}">{conditional_escape(label.text)}</text>')
    return "".join(parts)


@register.simple_tag
def axis(scale: Scale, title: str = "") -> SafeString:
    """The head row of the case list: one axis for all rows below. Hidden: each row says its number."""
    words = conditional_escape(title or _("Change measured"))
    place = 'class="end" x="100%"' if get_language_bidi() else 'x="0"'
    body = f'<text {place} y="11">{words}</text>{_axis_texts(scale, width=AXIS_WIDTH, y=30)}'
    svg = image(body, height=34, name="", decorative=True)
    return format_html('<div class="axis-row" aria-hidden="true"><span></span>{}</div>', svg)


@register.simple_tag
def plot_head(scale: Scale) -> SafeString:
    """Content of the head cell over a column of plots: ``<th scope="col" class="plot">`` goes around it."""
    words = _("Drawn from %(low)s to %(high)s") % {
        "low": tick_text(scale.minimum, scale),
        "high": tick_text(scale.maximum, scale),
    }
    svg = image(_axis_texts(scale, width=PLOT_WIDTH, y=14), height=20, name="", decorative=True)
    return format_html('<span class="sr">{}</span>{}', words, svg)


@register.simple_tag
def plot_cell(point: Any, scale: Scale, name: str = "", decorative: bool = False) -> SafeString:
    """One row's drawing in a chart table: grid, zero line, stem or interval, dot. Grid only, without a change."""
    grid = "".join(line("axis", x, x, "0", "103%") for tick in scale.ticks if tick for x in (scale.position(tick),))
    body = grid + line("zero", scale.zero, scale.zero, "0", "103%")
    points = [p for p in _points(point) if p.change_percent is not None]
    body += "".join(mark(p, scale, "50%") for p in points)
    words = name or "; ".join(spoken(p) for p in points)
    return image(body, height=52, name=words, decorative=decorative or not points)


@register.simple_tag
def bars(before: Any, after: Any, unit: str = "", effect: str = "better") -> SafeString:
    """Two bars, before and after. Nothing when one is not known or below zero: then the text alone says it.

    A long unit ("per 100,000 people a year") stands once under the bars instead of at each of them.
    """
    first, second = as_decimal(before), as_decimal(after)
    if first is None or second is None:
        return mark_safe("")
    widths = bar_widths(first, second)
    if widths is None:
        return mark_safe("")
    labels = [measure(first, unit), measure(second, unit)]
    name = _("Before %(before)s, after %(after)s") % {"before": labels[0], "after": labels[1]}
    below: str | SafeString = ""
    if max(map(len, labels)) > 12:
        whole = measure(second, unit)
        labels = [digits(first.normalize() + 0), digits(second.normalize() + 0)]
        below = format_html('<p class="bars-unit" aria-hidden="true">{}</p>', whole.removeprefix(labels[1]).strip())
    css = CLASS_OF_EFFECT[effect]
    return format_html("{}{}", _two_bars(widths, labels, name, css), below)


@register.simple_tag
def index_bars(change: Any, effect: str = "better") -> SafeString:
    """Two bars where only the change is known: before is 100. Nothing below -100%."""
    known = as_decimal(change)
    if known is None or known < -100:
        return mark_safe("")
    after = rounded(known + 100, 1)
    widths = bar_widths(100, after) or (0.0, 0.0)
    labels = [digits(_exact(100)), digits(after)]
    name = _("Before %(before)s, after %(after)s") % {"before": labels[0], "after": labels[1]}
    return _two_bars(widths, labels, name, CLASS_OF_EFFECT[effect])


def _two_bars(widths: tuple[float, float], labels: Sequence[str], name: str, css: str) -> SafeString:
    rows = []
    for kind, y, width, label in (
        ("bar-before", 1, widths[0], labels[0]),
        (f"bar-after {css}", 26, widths[1], labels[1]),
    ):
        rows.append(
            f'<rect class="{kind}" x="0" y="{y}" width="{at(width)}" height="16"/>'
            f'<text class="strong" x="{at(width)}" dx="7" y="{y + 12.5:g}">{conditional_escape(label)}</text>'
        )
    return image("".join(rows), height=46, name=name, css="bars")


@register.simple_tag
def count_bar(n: int, maximum: int) -> SafeString:
    """A bar beside a count that stands in text; at least a trace for a count of one."""
    share = 0.0 if not maximum or n <= 0 else max(1.0, n / maximum * 100)
    return image(f'<rect x="0" width="{at(share)}" height="8"/>', height=8, name="", css="count-bar", decorative=True)


@register.simple_tag
def distribution(points: Any, scale: Scale, name: str = "", decorative: bool = False, you: Any = None) -> SafeString:
    """All results of one indicator over one axis: a dot each, stacked where they meet; columns when there are many.

    `you` is the reader's own change, in percent: it stands above the others, with a line down to the axis.
    """
    known = [p for p in _points(points) if p.change_percent is not None]
    if not known:
        return mark_safe("")
    own = as_decimal(you)
    head = 0 if own is None else YOU_HEIGHT
    places = [scale.position(p.change_percent or 0) for p in known]
    words = name or _summary(known)
    if len(known) > MOST_DOTS:
        body = _you(own, scale, 94 + head) + _column_chart(places, scale, 94 + head)
        return image(body, height=118 + head, name=words, css="strip", decorative=decorative)
    # Zero, and the arrow at an edge, need no more room than a dot.
    levels = dodge(places, gap=DOT / NARROWEST * 100)
    ground = head + 18 + DOT * max(levels) + 10
    body = _ground(scale, ground, top=4 + head) + _you(own, scale, ground)
    for point, x, level in sorted(zip(known, places, levels, strict=True), key=lambda item: item[2]):
        css = CLASS_OF_EFFECT[point.effect]
        body += f'<svg x="{at(x)}" y="{ground - 11 - DOT * level}"><use class="{css}" href="#g{point.grade}"/></svg>'
    body += _edges(known, scale, ground)
    return image(body, height=ground + 24, name=words, css="strip", decorative=decorative)


def _you(change: Decimal | None, scale: Scale, ground: int) -> str:
    """The reader's own dot, with its word at the side that has room."""
    if change is None:
        return ""
    x = scale.position(change)
    css, shift = ("", -7) if x < 12 else ("end ", 7) if x > 88 else ("mid ", 0)
    return (
        line("you-line", x, x, "24", str(ground))
        + f'<svg x="{at(x)}" y="0"><text class="{css}strong" x="{shift}" y="11">{conditional_escape(_("You"))}</text>'
        + '<circle class="you-dot" cy="24" r="7"/></svg>'
    )


def _ground(scale: Scale, y: int, top: int = 4) -> str:
    parts = line("axis", 0, 100, str(y), str(y))
    parts += "".join(
        line("axis", x, x, str(y), str(y + 5)) for tick in scale.ticks if tick for x in (scale.position(tick),)
    )
    parts += line("zero", scale.zero, scale.zero, str(top), str(y + 5))
    return parts + _axis_texts(scale, width=NARROWEST, y=y + 19)


def _edges(points: Sequence[Point], scale: Scale, ground: int) -> str:
    """Arrows on the axis at the sides where results lie beyond it."""
    parts = ""
    for side, x, arrow in ((-1, 0, "M-9-5-14 0-9 5"), (1, 100, "M9-5 14 0 9 5")):
        if any(scale.beyond(p.change_percent or 0) == side for p in points):
            parts += f'<svg x="{x}%" y="{ground - 11}"><path class="beyond x" d="{arrow}"/></svg>'
    return parts


def _column_chart(places: Sequence[float], scale: Scale, ground: int) -> str:
    totals = columns(places)
    width = 100 / len(totals)
    body = _ground(scale, ground, top=ground - 90)
    for index, total in enumerate(totals):
        height = round(total / max(totals) * 80, 1)
        if total:
            body += (
                f'<rect class="column" x="{at(index * width + 0.3)}" width="{at(width - 0.6)}" '
                f'y="{ground - height:g}" height="{height:g}"/>'
            )
    return body


def _summary(points: Sequence[Point]) -> str:
    changes = sorted(p.change_percent for p in points if p.change_percent is not None)
    return ngettext("%(count)s result: %(low)s", "%(count)s results from %(low)s to %(high)s", len(changes)) % {
        "count": len(changes),
        "low": signed_percent(changes[0]),
        "high": signed_percent(changes[-1]),
    }


@register.simple_tag
def compare_strip(points: Any, scale: Scale, name: str = "", decorative: bool = False) -> SafeString:
    """Up to four cases on one axis, each dot under its letter A to D; those that would touch move up a level.

    A place in the list is a case: one without a result (``None``) keeps its letter for the others.
    """
    given = list(points)[: len(LETTERS)]
    lettered = [
        (letter, as_point(value))
        for letter, value in zip(LETTERS, given, strict=False)
        if value is not None and as_point(value).change_percent is not None
    ]
    if not lettered:
        return mark_safe("")
    places = [scale.position(point.change_percent or 0) for _letter, point in lettered]
    levels = dodge(places, gap=18 / NARROWEST * 100)
    ground = 22 + 30 * max(levels)
    body = line("axis", 0, 100, str(ground), str(ground))
    body += line("zero", scale.zero, scale.zero, str(ground - 8), str(ground + 8))
    for (letter, point), x, level in zip(lettered, places, levels, strict=True):
        css, y = CLASS_OF_EFFECT[point.effect], ground - 30 * level
        if level:
            body += line("leader thin", x, x, str(y + 7), str(ground))
        body += (
            f'<text class="strong mid" x="{at(x)}" y="{y - 11}">{letter}</text>'
            f'<svg x="{at(x)}" y="{y}"><use class="{css}" href="#g{point.grade}"/></svg>'
        )
    body += _axis_texts(scale, width=NARROWEST, y=ground + 24)
    words = name or "; ".join(f"{letter}: {spoken(point)}" for letter, point in lettered)
    return image(body, height=ground + 28, name=words, css="strip", decorative=decorative)


@register.simple_tag
def pips(grade: int, count: int) -> SafeString:
    """A row of equal dots, one a result; hidden beside the count in text."""
    one = format_html(
        '<svg viewBox="-8 -8 16 16" width="17" height="17" aria-hidden="true"><use href="#g{}"/></svg>',
        Grade(int(grade)).value,
    )
    return format_html(
        '<p class="pips" aria-hidden="true">{}</p>', format_html_join("", "{}", ((one,) for _ in range(count)))
    )


@register.filter
def share_text(value: Any) -> str:
    """A share of 0 to 100 as "12%"."""
    known = as_decimal(value)
    return "" if known is None else percent(rounded(known, 1))
