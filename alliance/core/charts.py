"""Geometry of the portal's charts: where a dot stands on a scale, which labels fit, how dots make way for each other.

Everything here is numbers. `templatetags/charts.py` turns them into SVG: percent across, pixels down, so that letters
keep their size at every width.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Number = Decimal | float | int

#: Narrowest drawing that must stay readable, in CSS pixels: a phone of 320 with its gutters.
NARROWEST = 288
#: Widths in CSS pixels of the characters of axis labels, 13 px tall, in the widest common system face (DejaVu Sans);
#: letters and all others take the last one. The marks that keep a number together in Arabic are not seen.
WIDTHS = {
    "%": 12.4,
    **dict.fromkeys("\u2212+", 10.9),
    **dict.fromkeys(",. \u00a0", 4.2),
    **dict.fromkeys("0123456789", 8.3),
    **dict.fromkeys("\u2066\u2067\u2068\u2069", 0.0),
}
LETTER = 8.0
#: Between two labels, in CSS pixels.
GAP = 3
#: Diameter of a dot with the gap to its neighbour, in CSS pixels.
DOT = 14
#: Beyond a doubling of a doubling the eye compares nothing; the number stays in the text.
LIMITS = (-100.0, 200.0)
STEPS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
HALVED = {2: 1, 10: 5, 50: 25, 100: 50, 1_000: 500, 10_000: 5_000}
#: More dots than this are drawn as columns.
MOST_DOTS = 150


@dataclass(frozen=True)
class Point:
    """One measured result on a scale of relative change.

    ``change_percent`` is negative for less; ``None`` when no change is known. ``effect`` is ``better``, ``worse`` or
    ``neutral``; ``grade`` runs from 1 to 4 and fills the dot. ``interval`` is in percent as well, ``imputed`` when no
    source reports it. ``name`` says what the dot stands for.
    """

    change_percent: float | None
    effect: str = "neutral"
    grade: int = 1
    interval: tuple[float, float] | None = None
    imputed: bool = False
    name: str = ""

    def __post_init__(self) -> None:
        if self.grade not in (1, 2, 3, 4):
            raise ValueError(f"A grade runs from 1 to 4, not {self.grade!r}.")
        if self.effect not in ("better", "worse", "neutral"):
            raise ValueError(f"An effect is better, worse or neutral, not {self.effect!r}.")


def as_point(value: Any) -> Point:
    """Read a point from a `Point`, a mapping, a sequence in the order of its fields, or an object with its names.

    Raises: ValueError for an unknown grade or effect; AttributeError or KeyError when the change is missing.
    """
    if isinstance(value, Point):
        return value
    if isinstance(value, Mapping):
        given = dict(value)
        change = given["change_percent"]
    elif isinstance(value, Sequence) and not isinstance(value, str):
        names = ("change_percent", "effect", "grade", "interval", "imputed", "name")
        given = dict(zip(names, value, strict=False))
        change = given["change_percent"]
    else:
        change = value.change_percent
        given = {
            name: getattr(value, name)
            for name in ("effect", "grade", "interval", "imputed", "name")
            if getattr(value, name, None) is not None
        }
    interval = given.get("interval")
    return Point(
        change_percent=None if change is None else float(change),
        effect=str(given.get("effect") or "neutral"),
        grade=int(given.get("grade") or 1),
        interval=None if interval is None else (float(interval[0]), float(interval[1])),
        imputed=bool(given.get("imputed", False)),
        name=str(given.get("name") or ""),
    )


@dataclass(frozen=True)
class Scale:
    """A scale of relative change in percent. It always holds 0."""

    minimum: float
    maximum: float
    ticks: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.minimum <= 0 <= self.maximum or self.minimum == self.maximum:
            raise ValueError(f"A scale holds 0 and has a length: {self.minimum} to {self.maximum}.")

    def position(self, value: Number) -> float:
        """Place across in percent, 0 to 100; what lies outside stands at the edge."""
        share = (float(value) - self.minimum) / (self.maximum - self.minimum) * 100
        return min(100.0, max(0.0, share))

    @property
    def zero(self) -> float:
        return self.position(0)

    def beyond(self, value: Number) -> int:
        """-1 when the value lies below the scale, 1 when above, 0 when it is on it (or off by a rounding error)."""
        slack = (self.maximum - self.minimum) * 1e-9
        return -1 if float(value) < self.minimum - slack else int(float(value) > self.maximum + slack)


def _numbers(values: Iterable[Any]) -> Iterator[float]:
    for value in values:
        if value is None:
            continue
        if isinstance(value, (int, float, Decimal)):
            yield float(value)
            continue
        point = as_point(value)
        if point.change_percent is not None:
            yield point.change_percent
            yield from point.interval or ()


def scale_for(values: Iterable[Any], *, limits: tuple[float, float] = LIMITS) -> Scale:
    """Make one scale for everything that a page compares.

    Args:
        values: changes in percent (``None`` is left out) or points, whose intervals count as well.
        limits: the scale never reaches further; what does, gets an arrow at the edge.
    Returns: a scale with 0, round ends and two to six round ticks; -50 to 50 when nothing is known.
    """
    known = [0.0, *_numbers(values)]
    low, high = max(min(known), limits[0]), min(max(known), limits[1])
    if low == high:
        low, high = -50.0, 50.0
    step = next(
        (s for s in STEPS if math.ceil(high / s) - math.floor(low / s) <= 4),
        STEPS[-1],
    )
    end = HALVED.get(step, step)
    minimum = max(math.floor(low / end) * end, limits[0])
    maximum = min(math.ceil(high / end) * end, limits[1])
    inner = [float(i * step) for i in range(math.ceil(minimum / step), math.floor(maximum / step) + 1)]
    return Scale(float(minimum), float(maximum), tuple(sorted({*inner, float(minimum), float(maximum)})))


def text_width(text: str) -> float:
    """An upper guess of the width of an axis label, in CSS pixels."""
    return sum(WIDTHS.get(character, LETTER) for character in text)


@dataclass(frozen=True)
class Label:
    """A word on an axis: place across in percent and the side it is anchored at."""

    x: float
    anchor: str
    text: str


def axis_labels(texts: Sequence[tuple[float, str]], scale: Scale, *, width: float) -> list[Label]:
    """Choose the tick labels that fit side by side into ``width`` pixels.

    Zero goes first, then the ends, then the rest from the low side; a label that would touch one already set is
    left out, its grid line stays.
    """
    order = sorted(texts, key=lambda item: (item[0] != 0, item[0] not in (scale.minimum, scale.maximum), item[0]))
    taken: list[tuple[float, float]] = []
    labels: list[Label] = []
    for value, text in order:
        x = scale.position(value)
        length = text_width(text)
        if x <= 0:
            start, anchor = 0.0, "start"
        elif x >= 100:
            start, anchor = width - length, "end"
        else:
            start, anchor = x / 100 * width - length / 2, "mid"
        if any(start < stop + GAP and start + length + GAP > begin for begin, stop in taken):
            continue
        taken.append((start, start + length))
        labels.append(Label(x, anchor, text))
    return sorted(labels, key=lambda label: label.x)


def dodge(positions: Sequence[float], *, gap: float) -> list[int]:
    """Give each place across (in percent) a level, 0 at the bottom, so that no two of a level are nearer than gap."""
    levels: dict[int, int] = {}
    last: list[float] = []
    for index in sorted(range(len(positions)), key=lambda i: (positions[i], i)):
        level = next((i for i, x in enumerate(last) if positions[index] - x >= gap), len(last))
        if level == len(last):
            last.append(positions[index])
        else:
            last[level] = positions[index]
        levels[index] = level
    return [levels[i] for i in range(len(positions))]


def columns(positions: Sequence[float], *, count: int = 20) -> list[int]:
    """Count the places across (0 to 100 percent) in equal columns; 100 belongs to the last."""
    totals = [0] * count
    for x in positions:
        totals[min(count - 1, int(x / 100 * count))] += 1
    return totals


def bar_widths(before: Number, after: Number, *, most: float = 68.0) -> tuple[float, float] | None:
    """Lengths of the two bars in percent; the longer one takes ``most``, so that its label has room.

    Returns: ``None`` when a value lies below zero, or both are zero: then no bar can be drawn.
    """
    a, b = float(before), float(after)
    if a < 0 or b < 0 or a == b == 0:
        return None
    longest = max(a, b)
    return a / longest * most, b / longest * most
