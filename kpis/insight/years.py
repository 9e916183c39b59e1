"""The picture of an indicator over the years: a true axis of time across, changes up, a result a dot, a median a line.

Percent across, pixels down, as in `kpis.insight.picture`; years run from the start of the line, as words do.
"""

from django.utils.html import conditional_escape
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from alliance.core.charts import NARROWEST, Scale, axis_labels
from alliance.core.templatetags.charts import CLASS_OF_EFFECT, at, line, tick_text
from kpis.insight.distribution import UNKNOWN, Distribution, Group
from kpis.insight.picture import Drawing, spoken

#: Pixels: of the field of dots, above it, below it for the years, between two named changes.
HEIGHT, ABOVE, BELOW, LEADING = 220, 22, 30, 22
#: Percent of the width before the first year, where the changes are named, and after the last.
BEFORE, AFTER = 18.0, 5.0
#: Years that are named, at most: four digits each.
MOST_NAMED = 6
#: Half of the stroke of a median and of the box of its quartiles, in percent.
HALF = 1.6


def draw(found: Distribution) -> Drawing | None:
    """The groups of years over time; None below two known years. `found` is grouped by year."""
    years = {int(group.value): group for group in found.groups if group.value != UNKNOWN and group.n}
    if len(years) < 2:
        return None
    first, last = min(years), max(years)
    parts = [_ground(found.scale), _named(first, last)]
    parts += [_year(group, found.scale, _across(year, first, last)) for year, group in years.items()]
    title = _("%(indicator)s: changes over the years") % {"indicator": found.kpi.name}
    words = "; ".join(spoken(group, found) for group in years.values())
    return Drawing("".join(parts), ABOVE + HEIGHT + BELOW, title, words)


def _across(year: float, first: int, last: int) -> float:
    share = BEFORE + (year - first) / (last - first) * (100 - BEFORE - AFTER)
    return 100 - share if get_language_bidi() else share


def _up(value: float, scale: Scale) -> float:
    """Pixels from the top."""
    return ABOVE + HEIGHT * (1 - scale.position(value) / 100)


def _ground(scale: Scale) -> str:
    """A line and its words each tick."""
    parts: list[str] = []
    named: list[float] = []
    for tick in sorted(scale.ticks, key=lambda tick: (tick != 0, -abs(tick))):  # zero and the ends first
        y = _up(tick, scale)
        parts.append(line("axis" if tick else "zero", 0, 100, f"{y:g}", f"{y:g}"))
        if any(abs(y - other) < LEADING for other in named):
            continue
        named.append(y)
        place = 'class="end" x="100%"' if get_language_bidi() else 'x="0"'
        parts.append(f'<text {place} y="{y - 4:g}">{conditional_escape(tick_text(tick, scale))}</text>')
    return "".join(parts)


def _named(first: int, last: int) -> str:
    """Years below: the first, the last, and between them those in equal steps, as many as fit into a phone."""
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if (last - first) / s <= MOST_NAMED - 1)
    round_ones = [year for year in range(first + 1, last) if year % step == 0]
    named = [first, *(year for year in round_ones if min(year - first, last - year) >= 0.8 * step), last]
    texts = [(float(year), str(year)) for year in named]
    across = Scale(0.0, 100.0, ())
    placed = axis_labels([(_across(year, first, last), text) for year, text in texts], across, width=NARROWEST)
    bottom = ABOVE + HEIGHT
    return "".join(
        f'<text class="mid" x="{at(label.x)}" y="{bottom + 20}">{label.text}</text>'
        + line("axis", label.x, label.x, f"{bottom}", f"{bottom + 5}")
        for label in placed
    )


def _year(group: Group, scale: Scale, x: float) -> str:
    numbers, body = group.numbers, ""
    if group.is_summarised:
        top, bottom = _up(numbers["upper_quartile"], scale), _up(numbers["lower_quartile"], scale)
        body += (
            f'<rect class="quartiles" x="{at(x - HALF)}" width="{at(2 * HALF)}" y="{top:g}" '
            f'height="{max(bottom - top, 1):g}"/>'
        )
    for point in group.points:
        css, y = CLASS_OF_EFFECT[point.effect], _up(point.value, scale)
        body += f'<svg x="{at(x)}" y="{y:g}"><use class="{css}" href="#g{point.grade}"/></svg>'
    if group.is_summarised:
        y = _up(numbers["median"], scale)
        body += line("median", x - HALF - 0.6, x + HALF + 0.6, f"{y:g}", f"{y:g}")
    return body
