"""The world on one sheet: Equal Earth, land only, the places of the use cases as dots.

Projection: Bojan Šavrič, Tom Patterson, Bernhard Jenny, "The Equal Earth map projection", International Journal of
Geographical Information Science 33(3), 2019 (online 2018), equations 5 to 7. `static/img/world.svg` was drawn with the
same constants from Natural Earth (see `static/vendor/README.md`); `static/js/map.js` repeats them for the live map.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

A1, A2, A3, A4 = 1.340264, -0.081106, 0.000893, 0.003796
M = math.sqrt(3) / 2
#: A cut through the Bering Strait keeps every coast whole.
CENTRAL_MERIDIAN = 11.0
WIDTH, HEIGHT = 1200, 571
PIXELS, ORIGIN_X, ORIGIN_Y = 239.34, 597.6, 318.38

#: Land in cells of 25 by 25 pixels, a row a word, a bit a cell, from the upper left: words read best over water.
CELL = 25
LAND = tuple(
    int(row, 16)
    for row in """
        0001f8800000 03fde0efff80 04f301fffc80 00ff03fffe00 01fc03d7fe00 01f8043ffc80 01f0071ffc00 018007fbfe00
        00900feefc00 00c00ffc4900 00000ff44c00 001c07f80000 001e00f80200 001f80f00460 001f80f00010 000f80f00060
        000780e001e0 000700e803e0 0007006003e0 000600000040 000400000000 000200000000 000000000000
    """.split()  # noqa: SIM905 - a picture in words, not a list of strings
)

#: Letters of the labels, in the map's own pixels.
NAME_CHARACTER, TEXT_CHARACTER, LINE_HEIGHT, CLEARANCE = 7.9, 7.0, 17.0, 8.0


def equal_earth(latitude: float, longitude: float) -> tuple[float, float]:
    """Project degrees onto the plane.

    Returns: x and y as multiples of the globe's radius, y upwards; x is 0 at the central meridian.
    Raises: ValueError for a latitude outside -90 to 90 or a longitude outside -180 to 180.
    """
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError(f"No such place on earth: {latitude}, {longitude}")
    turned = (longitude - CENTRAL_MERIDIAN + 180) % 360 - 180
    theta = math.asin(M * math.sin(math.radians(latitude)))
    square = theta * theta
    sixth = square**3
    x = math.radians(turned) * math.cos(theta) / (M * (A1 + 3 * A2 * square + sixth * (7 * A3 + 9 * A4 * square)))
    y = theta * (A1 + A2 * square + sixth * (A3 + A4 * square))
    return x, y


def on_sheet(latitude: Any, longitude: Any) -> tuple[float, float]:
    """Pixels of the sheet of `WIDTH` by `HEIGHT`, from its upper left corner, for degrees of any number type."""
    x, y = equal_earth(float(latitude), float(longitude))
    return round(ORIGIN_X + PIXELS * x, 1), round(ORIGIN_Y - PIXELS * y, 1)


@dataclass(frozen=True)
class Place:
    """A city on the sheet. ``label`` is a line under its name; only labelled places are named on the map."""

    name: str
    x: float
    y: float
    url: str = ""
    has_result: bool = False
    label: str = ""


def as_place(value: Any) -> Place:
    """Read a place from a mapping or an object with ``name``, ``latitude``, ``longitude`` and, if known, the rest."""
    if isinstance(value, Place):
        return value
    read = value.get if isinstance(value, dict) else lambda key, default=None: getattr(value, key, default)
    url = read("url") or (value.get_absolute_url() if hasattr(value, "get_absolute_url") else "")
    x, y = on_sheet(read("latitude"), read("longitude"))
    return Place(
        name=str(read("name")),
        x=x,
        y=y,
        url=str(url),
        has_result=bool(read("has_result", False)),
        label=str(read("label") or ""),
    )


@dataclass(frozen=True)
class Note:
    """A label with its leader: from the place to ``x``, ``y``; ``side`` is 1 when the words run to the right."""

    place: Place
    x: float
    y: float
    side: int

    @property
    def text_x(self) -> float:
        return self.x + 6 * self.side

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, upper, right and lower edge of the words."""
        width = max(len(self.place.name) * NAME_CHARACTER, len(self.place.label) * TEXT_CHARACTER)
        left = self.text_x if self.side > 0 else self.text_x - width
        return left, self.y - 15, left + width, self.y - 15 + 2 * LINE_HEIGHT


#: Where words may stand beside their place, nearest first: across, down.
OFFSETS = tuple(
    (side * across, down)
    for across, falls in (
        (26, (26, -26)),
        (44, (-30, 30)),
        (28, (48, -48)),
        (66, (-44, 44)),
        (74, (14, -14)),
        (44, (72, -72)),
        (96, (-60, 60)),
        (120, (30, -30)),
        (90, (100, -100)),
    )
    for down in falls
    for side in (1, -1)
)


def land_cells(box: tuple[float, float, float, float]) -> int:
    """How many cells of land a box covers, wholly or in part."""
    columns = range(max(0, int(box[0] // CELL)), min(WIDTH // CELL - 1, int(box[2] // CELL)) + 1)
    rows = range(max(0, int(box[1] // CELL)), min(len(LAND) - 1, int(box[3] // CELL)) + 1)
    return sum(LAND[row] >> (WIDTH // CELL - 1 - column) & 1 for row in rows for column in columns)


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float], gap: float) -> bool:
    return a[0] < b[2] + gap and b[0] < a[2] + gap and a[1] < b[3] + gap and b[1] < a[3] + gap


def _crosses(note: Note, box: tuple[float, float, float, float]) -> bool:
    """Whether the leader runs through a box; looked at every tenth of its length."""
    for step in range(1, 11):
        x = note.place.x + (note.x - note.place.x) * step / 10
        y = note.place.y + (note.y - note.place.y) * step / 10
        if box[0] < x < box[2] and box[1] < y < box[3]:
            return True
    return False


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _leaders_cross(a: Note, b: Note) -> bool:
    p, q, r, s = (a.place.x, a.place.y), (a.x, a.y), (b.place.x, b.place.y), (b.x, b.y)
    return _turn(p, q, r) * _turn(p, q, s) < 0 and _turn(r, s, p) * _turn(r, s, q) < 0


def place_notes(places: Sequence[Place]) -> list[Note]:
    """Find room for the words of the labelled places, in their order.

    No label covers a dot, another label or a leader, or leaves the sheet. Of the spots that remain, near ones over
    water are preferred. A label without a spot is left out, as the list beside the map names every
    place.
    """
    notes: list[Note] = []
    for place in places:
        if not place.label:
            continue
        spots = []
        for rank, (across, down) in enumerate(OFFSETS):
            note = Note(place, round(place.x + across, 1), round(place.y + down, 1), 1 if across > 0 else -1)
            if _is_free(note, places, notes):
                spots.append((land_cells(note.box), rank, note))
        if spots:
            # A cell of land weighs as much as two steps further away.
            notes.append(min(spots, key=lambda spot: (spot[0] * 2 + spot[1], spot[1]))[2])
    return notes


def _is_free(note: Note, places: Sequence[Place], notes: Sequence[Note]) -> bool:
    left, upper, right, lower = note.box
    if left < 4 or right > WIDTH - 4 or upper < 4 or lower > HEIGHT - 4:
        return False
    if any(_overlap(note.box, (p.x - 6, p.y - 6, p.x + 6, p.y + 6), 2) for p in places):
        return False
    return not any(
        _overlap(note.box, other.box, CLEARANCE)
        or _crosses(note, other.box)
        or _crosses(other, note.box)
        or _leaders_cross(note, other)
        for other in notes
    )


def crop(x: float, y: float, *, width: int = 300, height: int = 170) -> tuple[int, int, int, int]:
    """A window of the sheet around a place, kept within the sheet: left, upper, width, height."""
    left = min(max(0, round(x - width * 0.4)), WIDTH - width)
    upper = min(max(0, round(y - height / 2)), HEIGHT - height)
    return left, upper, width, height


def as_places(values: Iterable[Any]) -> list[Place]:
    """Places in drawing order: those without a result first, so that a full dot is never covered by a ring."""
    return sorted((as_place(value) for value in values), key=lambda place: place.has_result)
