"""What a member changed between two rounds, or against the public record that is to be corrected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alliance.events.wording import ADDED, LONG, REMOVED, FieldChange, Piece, compare_texts
from reporting.conflicts import plain_text
from reporting.correcting import entries_of_result, entries_of_use_case
from reporting.fields import FORMS, Field, Type
from reporting.models import Report, Round


@dataclass(frozen=True)
class Difference:
    """What changed, field by field.

    Attributes:
        number: of the round that is compared with; 0 for the public record.
    """

    number: int
    fields: Sequence[FieldChange]


def told_text(kind: str, field: Field, value: Any) -> str:
    """An entry as one text; of a choice its words."""
    text = plain_text(kind, field.name, value)
    if field.type == Type.CHOICE and field.choices and text in field.choices.values:
        return str(field.choices(text).label)
    return text


def compare(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """Fields whose text differs, in the order of the form; long texts word by word."""
    changes = []
    for field in FORMS[kind].fields:
        old, new = (told_text(kind, field, entries.get(field.name)) for entries in (before, after))
        if old == new:
            continue
        if old and new and max(len(old), len(new)) >= LONG:
            changes.append(FieldChange(str(field.label), compare_texts(old, new), is_text=True))
        else:
            pieces = [Piece(sort, text) for sort, text in ((REMOVED, old), (ADDED, new)) if text]
            changes.append(FieldChange(str(field.label), pieces))
    return changes


def difference(report: Report, rounds: Sequence[Round], since: int | None = None) -> Difference | None:
    """What the newest round changed against an earlier one, the one before unless `since` names another; in a
    correction's first round against the public record. None where there is nothing to compare with.

    Args:
        rounds: of the report, in their order.
    """
    if not rounds:
        return None
    newest, earlier = rounds[-1], {one.number: one for one in rounds[:-1]}
    if earlier and since != 0:
        chosen = earlier.get(since or 0) or rounds[-2]
        return Difference(chosen.number, compare(report.kind, chosen.entries, newest.entries))
    if report.corrects_use_case is not None:
        before = entries_of_use_case(report.corrects_use_case, report.organisation)
    elif report.corrects_result is not None:
        before = entries_of_result(report.corrects_result)
    else:
        return None
    return Difference(0, compare(report.kind, before, newest.entries))
