"""The picture of a distribution: every point, the quartiles as a box, the interval of the median, one scale for all.

One drawing, in two frames: on the page in the page's colours and width, and as a file of its own (SVG, PNG) whose
colours stand in it. Percent across, pixels down, as in `alliance.core.templatetags.charts`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_bidi, ngettext
from django.utils.translation import gettext as _

from alliance.core.charts import DOT, NARROWEST, Scale, axis_labels, dodge
from alliance.core.templatetags.charts import CLASS_OF_EFFECT, at, line, tick_text
from alliance.core.templatetags.numbers import number
from kpis.insight.distribution import Distribution, Group, Measured

if TYPE_CHECKING:
    import typst

#: Pixels: of the line with the words of a group, of the columns of a crowded group, of the box, and below it.
WORDS_HEIGHT, COLUMNS_HEIGHT, BOX_HEIGHT, BETWEEN = 24, 64, 14, 22
#: Of the file, in pixels.
FILE_WIDTH, MARGIN, HEAD_HEIGHT, FOOT_HEIGHT = 800, 24, 64, 44
DRAWING_WIDTH = FILE_WIDTH - 2 * MARGIN
LONGEST_TITLE = 84
FONT = Path(settings.BASE_DIR) / "static" / "fonts"

#: The light colours of `static/css/tokens.css` and what `charts.css` makes of the classes; a test compares the colours.
COLOURS = {
    "paper": "#fdfdfb", "ink": "#14211e", "ink-2": "#47554f", "rule": "#c3cec6", "mist-2": "#dde5de",
    "better": "#0a6b6d", "worse": "#b0441a", "neutral": "#5d6a65", "you": "#f2b632",
}  # fmt: skip
_STYLE = """
text{{font-family:"DejaVu Sans",sans-serif;font-size:13px;fill:{ink-2};
paint-order:stroke;stroke:{paper};stroke-width:3px}}
.strong{{fill:{ink}}} .mid{{text-anchor:middle}} .end{{text-anchor:end}}
.axis{{stroke:{rule};stroke-width:1}} .zero{{stroke:{ink};stroke-width:1}}
.b{{color:{better}}} .w{{color:{worse}}} .x{{color:{neutral}}}
.b .pip-o,.b .beyond{{stroke:{better}}} .w .pip-o,.w .beyond{{stroke:{worse}}} .x .pip-o,.x .beyond{{stroke:{neutral}}}
.b .pip-f{{fill:{better}}} .w .pip-f{{fill:{worse}}} .x .pip-f{{fill:{neutral}}}
.pip-o{{fill:{paper};stroke-width:1.5}} .beyond{{fill:none;stroke-width:2}} .column{{fill:{neutral}}}
.quartiles{{fill:{mist-2};stroke:{neutral};stroke-width:1}} .median{{stroke:{ink};stroke-width:3}}
.median-interval{{stroke:{ink};stroke-width:1.5}}
.you-dot{{fill:{you};stroke:{ink};stroke-width:1.5}} .you-line{{stroke:{ink};stroke-width:1.5}}
"""
_DOTS = {
    1: '<circle class="pip-o" r="6"/><path class="pip-f" d="M0 0V-6A6 6 0 0 1 6 0Z"/>',
    2: '<circle class="pip-o" r="6"/><path class="pip-f" d="M0-6A6 6 0 0 1 0 6Z"/>',
    3: '<circle class="pip-o" r="6"/><path class="pip-f" d="M0 0V-6A6 6 0 1 1-6 0Z"/>',
    4: '<circle class="pip-o" r="6"/><circle class="pip-f" r="6"/>',
}


@dataclass(frozen=True)
class Row:
    """What is drawn of one group.

    Attributes:
        you: the reader's own change, in percent, better is positive.
        is_named: its name and number stand above it.
    """

    group: Group
    you: float | None = None
    is_named: bool = True


@dataclass(frozen=True)
class Drawing:
    """The drawing without its frame, its height in pixels, its name and its description in words."""

    body: str
    height: int
    title: str
    description: str


def draw(distribution: Distribution, *, you: float | None = None, width: int = NARROWEST) -> Drawing | None:
    """Draw all groups over one scale; None without any known value.

    Args:
        you: the reader's own change, in percent, better is positive.
        width: in pixels, at which the words of the axis must not touch.
    """
    rows = [Row(group, you) for group in distribution.groups if group.n]
    return _drawn(rows, distribution, _title(distribution), width) if rows else None


def draw_group(group: Group, distribution: Distribution, *, width: int) -> Drawing | None:
    """Draw one group alone, over the scale of all; None without any known value. Its name stands elsewhere."""
    if not group.n:
        return None
    title = _("%(indicator)s: %(group)s") % {"indicator": distribution.kpi.name, "group": group.label}
    return _drawn([Row(group, is_named=False)], distribution, title, width)


def _drawn(rows: Sequence[Row], distribution: Distribution, title: str, width: int) -> Drawing:
    scale, top, parts = distribution.scale, 0, []
    for row in rows:
        body, height = _row(row, scale, top, width)
        parts.append(body)
        top += height
    grid = "".join(line("axis", x, x, "0", str(top)) for tick in scale.ticks if tick for x in (scale.position(tick),))
    grid += line("zero", scale.zero, scale.zero, "0", str(top + 4))
    words = "; ".join(spoken(row.group, distribution) for row in rows)
    axis = _axis(distribution, top + 20, width)
    return Drawing(grid + "".join(parts) + axis, top + 26, title, words)


def _title(distribution: Distribution) -> str:
    values = {"indicator": distribution.kpi.name, "group": str(distribution.group_by.label).lower()}
    if distribution.group_by == "all":
        if distribution.is_change:
            return _("%(indicator)s: every known change") % values
        return _("%(indicator)s: every known value") % values
    if distribution.is_change:
        return _("%(indicator)s: change by %(group)s") % values
    return _("%(indicator)s: value by %(group)s") % values


def _row(row: Row, scale: Scale, top: int, width: int) -> tuple[str, int]:
    """The words, the dots, and below them the box of one group. Returns: the drawing and its height."""
    group, begun, body = row.group, top, ""
    if row.is_named:
        place = 'class="strong end" x="100%"' if get_language_bidi() else 'class="strong" x="0"'
        body = f'<text {place} y="{top + 15}">{conditional_escape(_words(group))}</text>'
        top += WORDS_HEIGHT
    if group.columns:
        ground = top + COLUMNS_HEIGHT
        body += _columns(group.columns, ground)
    else:
        places = [scale.position(point.value) for point in group.points]
        levels = dodge(places, gap=DOT / width * 100)
        ground = top + DOT * (max(levels) + 1)
        for point, x, level in zip(group.points, places, levels, strict=True):
            body += _dot(point, scale, x, ground - DOT / 2 - DOT * level)
    end = ground
    if group.is_summarised:
        body += _box(group, scale, ground + 4)
        end += 4 + BOX_HEIGHT
    if row.you is not None:
        x = scale.position(row.you)
        body += line("you-line", x, x, str(top - 2), str(end))
        body += f'<svg x="{at(x)}" y="{top + 5}"><circle class="you-dot" r="7"/></svg>'
    return body, end + BETWEEN - begun


def _dot(point: Measured, scale: Scale, x: float, y: float) -> str:
    css = CLASS_OF_EFFECT[point.effect]
    side = scale.beyond(point.value)
    if side:
        arrow = "M-5-5 1 0-5 5" if side > 0 else "M5-5-1 0 5 5"
        inside = -15 if side > 0 else 15
        return (
            f'<svg x="{at(x)}" y="{y:g}"><use class="{css}" href="#g{point.grade}" x="{inside}"/>'
            f'<path class="beyond {css}" d="{arrow}"/></svg>'
        )
    return f'<svg x="{at(x)}" y="{y:g}"><use class="{css}" href="#g{point.grade}"/></svg>'


def _columns(totals: Sequence[int], ground: int) -> str:
    width = 100 / len(totals)
    return "".join(
        f'<rect class="column" x="{at(index * width + 0.3)}" width="{at(width - 0.6)}" '
        f'y="{ground - total / max(totals) * COLUMNS_HEIGHT:g}" height="{total / max(totals) * COLUMNS_HEIGHT:g}"/>'
        for index, total in enumerate(totals)
        if total
    )


def _box(group: Group, scale: Scale, top: int) -> str:
    """The middle half as a box, the median as a stroke across it, its interval as a line with ends."""
    numbers = group.numbers
    left, right = scale.position(numbers["lower_quartile"]), scale.position(numbers["upper_quartile"])
    middle, bottom = top + BOX_HEIGHT / 2, top + BOX_HEIGHT
    body = (
        f'<rect class="quartiles" x="{at(left)}" width="{at(max(right - left, 0.1))}" y="{top}" height="{BOX_HEIGHT}"/>'
    )
    if group.has_interval:
        low, high = scale.position(numbers["median_low"]), scale.position(numbers["median_high"])
        body += line("median-interval", low, high, f"{middle:g}", f"{middle:g}")
        body += "".join(line("median-interval", x, x, f"{middle - 4:g}", f"{middle + 4:g}") for x in (low, high))
    x = scale.position(numbers["median"])
    return body + line("median", x, x, str(top - 2), f"{bottom + 2:g}")


def _axis(found: Distribution, y: int, width: int) -> str:
    parts, scale = [], found.scale
    texts = [(tick, tick_text(tick, scale) if found.is_change else found.tell(tick)) for tick in scale.ticks]
    for label in axis_labels(texts, scale, width=width):
        css = f' class="{label.anchor}"' if label.anchor != "start" else ""
        parts.append(f'<text{css} x="{at(label.x)}" y="{y}">{conditional_escape(label.text)}</text>')
    return "".join(parts)


def _words(group: Group) -> str:
    results = ngettext("%(n)s result", "%(n)s results", group.n) % {"n": number(group.n)}
    return f"{group.label} · {results}"


def spoken(group: Group, found: Distribution) -> str:
    """The numbers of a group in words: for who hears the picture."""
    words, numbers = _words(group), group.numbers
    if not group.is_summarised:
        changes = ", ".join(found.tell(one.value) for one in group.points)
        return _("%(group)s: %(changes)s, too few for a median") % {"group": words, "changes": changes}
    values = {
        "group": words,
        "median": found.tell(numbers["median"]),
        "low": found.tell(numbers["minimum"]),
        "high": found.tell(numbers["maximum"]),
    }
    text = _("%(group)s: median %(median)s, from %(low)s to %(high)s") % values
    if group.has_interval:
        text += _(", 95%% interval of the median %(low)s to %(high)s") % {
            "low": found.tell(numbers["median_low"]),
            "high": found.tell(numbers["median_high"]),
        }
    return text


# --- frames ----------------------------------------------------------------------------------------------------------
def on_page(drawing: Drawing, name: str = "picture") -> SafeString:
    """The drawing in the width and the colours of the page, with title and description. Args: name: of its ids."""
    return mark_safe(  # noqa: S308
        f'<svg class="strip groups" width="100%" height="{drawing.height}" role="img" '
        f'aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{conditional_escape(drawing.title)}</title>'
        f'<desc id="{name}-description">{conditional_escape(drawing.description)}</desc>{drawing.body}</svg>'
    )


def as_svg(drawing: Drawing, note: str) -> str:
    """A file of its own. Args: note: the line below, such as source and date."""
    height = HEAD_HEIGHT + drawing.height + FOOT_HEIGHT
    dots = "".join(f'<g id="g{grade}">{shape}</g>' for grade, shape in _DOTS.items())
    title = drawing.title if len(drawing.title) <= LONGEST_TITLE else drawing.title[: LONGEST_TITLE - 1] + "…"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{FILE_WIDTH}" height="{height}" '
        f'viewBox="0 0 {FILE_WIDTH} {height}" role="img" aria-labelledby="title description">'
        f'<title id="title">{conditional_escape(drawing.title)}</title>'
        f'<desc id="description">{conditional_escape(drawing.description)}</desc>'
        f"<style>{_STYLE.format_map(COLOURS)}</style><defs>{dots}</defs>"
        f'<rect width="{FILE_WIDTH}" height="{height}" fill="{COLOURS["paper"]}"/>'
        f'<text class="strong" x="{MARGIN}" y="36">{conditional_escape(title)}</text>'
        f'<svg x="{MARGIN}" y="{HEAD_HEIGHT}" width="{DRAWING_WIDTH}" height="{drawing.height}" overflow="visible">'
        f"{drawing.body}</svg>"
        f'<text x="{MARGIN}" y="{height - 16}">{conditional_escape(note)}</text></svg>'
    )


def as_png(drawing: Drawing, note: str) -> bytes:
    """The same as pixels, at twice the size, by typst with the portal's own font."""
    import typst  # some megabytes, which a web process that makes none does without

    # What `currentColor` would colour is coloured by classes: typst draws no inherited colour through `use`.
    svg = re.sub(r'<use class="(\w)" href="#g(\d)"( x="-?\d+")?/>', _drawn_dot, as_svg(drawing, note))
    document = (
        "#set page(width: auto, height: auto, margin: 0pt)\n"
        f'#image(bytes(sys.inputs.picture), format: "svg", width: {FILE_WIDTH}pt)\n'
    )
    found = typst.compile(
        document.encode(),
        format="png",
        ppi=144,
        font_paths=_fonts(),
        sys_inputs={"picture": svg},
    )
    if not isinstance(found, bytes):
        raise TypeError("A picture is one page.")
    return found


@lru_cache(maxsize=1)
def _fonts() -> "typst.Fonts":
    """The portal's own, read once a process."""
    import typst

    return typst.Fonts(include_system_fonts=False, font_paths=[FONT])


def _drawn_dot(match: re.Match[str]) -> str:
    css, grade, shift = match[1], int(match[2]), match[3]
    moved = f' transform="translate({shift.split(chr(34))[1]} 0)"' if shift else ""
    return f'<g class="{css}"{moved}>{_DOTS[grade]}</g>'
