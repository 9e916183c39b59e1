"""Which column of a sheet is which field: the layout of our own sheets, and a guess at those of others.

A field that can be given several times has columns for each time, `standards.1.standard`, `standards.1.state`,
`standards.2.standard`; other people's sheets have one column with semicolons between the names.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any

from django.conf import settings
from django.utils.translation import override

from alliance.members.models import Organisation
from reporting.fields import FORMS, Field
from reporting.models import ColumnMapping
from reporting.sheets.opening import Cell

#: The column by which a row is known again: the key of its report.
REPORT = "report"
#: As often as our own sheets offer to give what can be given several times; more are read as well.
TIMES = 3
MOST_TIMES = 30
_PART = re.compile(r"(?P<field>[a-z_]+)\.(?P<time>[0-9]{1,2})\.(?P<part>[a-z_]+)")


def plain(header: str) -> str:
    """A header without case, accents, units in brackets and punctuation."""
    text = unicodedata.normalize("NFKD", re.sub(r"[(\[].*?[)\]]", " ", header)).casefold()
    kept = "".join(sign if sign.isalnum() else " " for sign in text if not unicodedata.combining(sign))
    return " ".join(kept.split())


@cache
def known_headers(kind: str) -> Mapping[str, str]:
    """Plain header -> column, of every name, synonym and label in the languages of the portal."""
    found: dict[str, str] = {plain(REPORT): REPORT}
    for one in FORMS[kind].fields:
        for text in (one.name, *one.synonyms, *_labels(one)):
            found.setdefault(plain(text), one.name)
    return found


def _labels(one: Field) -> Iterator[str]:
    for language, _name in settings.LANGUAGES:
        with override(language):
            yield str(one.label)


def is_column(kind: str, column: str) -> bool:
    """Whether our sheets may have a column of this name."""
    if column == REPORT or column in FORMS[kind].by_name:
        return True
    return part_of(kind, column) is not None


@lru_cache(maxsize=5_000)
def part_of(kind: str, column: str) -> tuple[str, int, str] | None:
    """Field, time (from 1) and part of a column such as `standards.1.state`."""
    match = _PART.fullmatch(column)
    field = FORMS[kind].by_name.get(match["field"]) if match else None
    if match is None or field is None or not 1 <= int(match["time"]) <= MOST_TIMES:
        return None
    if match["part"] not in {part.name for part in field.parts}:
        return None
    return match["field"], int(match["time"]), match["part"]


def recognise(kind: str, header: str) -> str:
    """The column that a header names by itself; empty when it names none."""
    text = header.strip().casefold()
    if is_column(kind, text):
        return text
    return known_headers(kind).get(plain(header), "")


def guess(kind: str, headers: Sequence[str], organisation: Organisation) -> dict[str, str]:
    """Header -> column: as the organisation chose before, else by name, synonym or label, else by likeness.

    Each column is given once; a header that nothing is known of gets an empty text.
    """
    before = dict(
        ColumnMapping.objects.filter(organisation=organisation, kind=kind, header__in=headers).values_list(
            "header", "field"
        )
    )
    found: dict[str, str] = {header: "" for header in headers if header}
    taken: set[str] = set()

    def give(header: str, column: str) -> None:
        if column and column not in taken and not found[header]:
            found[header] = column
            taken.add(column)

    for header in found:
        give(header, before.get(header, ""))
    for header in found:
        if header not in before:
            give(header, recognise(kind, header))
    for header in found:
        if header not in before:
            like = get_close_matches(plain(header), known_headers(kind), n=1, cutoff=0.84)
            give(header, known_headers(kind)[like[0]] if like else "")
    return found


def remember(kind: str, mapping: Mapping[str, str], organisation: Organisation) -> None:
    """Keep how the organisation names its columns."""
    ColumnMapping.objects.bulk_create(
        [
            ColumnMapping(organisation=organisation, kind=kind, header=header, field=column)
            for header, column in mapping.items()
        ],
        update_conflicts=True,
        unique_fields=["organisation", "kind", "header"],
        update_fields=["field"],
    )


def layout(kind: str, reports: Iterable[Mapping[str, Any]] = ()) -> list[str]:
    """The columns of our own sheets, with room for what these entries hold."""
    times = {one.name: TIMES for one in FORMS[kind].fields if one.is_repeated}
    for entries in reports:
        for name in times:
            given = entries.get(name)
            if isinstance(given, list):
                times[name] = max(times[name], len(given))
    columns = [REPORT]
    for one in FORMS[kind].fields:
        if one.is_repeated:
            columns += [f"{one.name}.{i}.{part.name}" for i in range(1, times[one.name] + 1) for part in one.parts]
        else:
            columns.append(one.name)
    return columns


# --- rows and entries ------------------------------------------------------------------------------------------------
def entries_of(kind: str, cells: Mapping[str, Cell]) -> dict[str, Any]:
    """The entries of a report from the cells of a row, by column. What is empty is left out."""
    entries: dict[str, Any] = {}
    repeated: dict[str, dict[int, dict[str, Cell]]] = {}
    for column, cell in cells.items():
        if cell in ("", []) or column == REPORT:
            continue
        if (place := part_of(kind, column)) is not None:
            name, time, part = place
            repeated.setdefault(name, {}).setdefault(time, {})[part] = cell
            continue
        one = FORMS[kind][column]
        entries[column] = _several(one, cell) if one.is_repeated else cell
    for name, times in repeated.items():
        entries[name] = [*entries.get(name, []), *(times[time] for time in sorted(times))]
    return entries


def _several(one: Field, cell: Cell) -> list[Any]:
    """What one cell says of a field that can be given several times: objects from JSON, or names with semicolons."""
    if isinstance(cell, list):
        first = one.parts[0].name
        return [member if isinstance(member, dict) else {first: member} for member in cell]
    # A lesson is a sentence, in which a semicolon parts nothing.
    names = [str(cell)] if one.name == "lessons" else re.split(r"[;\n]", str(cell))
    return [{one.parts[0].name: name.strip()} for name in names if name.strip()]


def cells_of(kind: str, entries: Mapping[str, Any], key: str, columns: Sequence[str]) -> list[Cell]:
    """The cells of a row from the entries of a report: the opposite of `entries_of`."""
    cells: list[Cell] = []
    for column in columns:
        place = part_of(kind, column)
        if column == REPORT:
            cells.append(key)
        elif place is not None:
            name, time, part = place
            given = entries.get(name)
            one = given[time - 1] if isinstance(given, list) and len(given) >= time else {}
            cells.append(one.get(part, "") if isinstance(one, Mapping) else "")
        else:
            cells.append(entries.get(column, ""))
    return cells


def label_of(kind: str, column: str) -> str:
    """A column in words."""
    if (place := part_of(kind, column)) is not None:
        name, time, part = place
        one = FORMS[kind][name]
        words = next(inner.label for inner in one.parts if inner.name == part)
        return f"{one.label} {time}: {words}"
    return column if column == REPORT else str(FORMS[kind][column].label)
