"""Two people edit one report: what each changed is kept, and where both changed the same, a person decides.

A form carries a digest of every text that it showed. A text whose digest is still that of the saved one was changed by
nobody else meanwhile; so texts of different fields are brought together without asking.
"""

import difflib
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from alliance.members.models import User
from reporting.models import Report
from reporting.services import VersionConflictError, save_entries

#: In front of the keys of answers to warnings, which are merged like entries.
ANSWER = "answer:"
_ATTEMPTS = 5
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


def digest(value: Any) -> str:
    """A short name of a text or of rows; what is empty has the same one, however it is written."""
    text = json.dumps(value or "", sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def texts_of(report: Report) -> dict[str, Any]:
    """Entries and answers in one mapping."""
    return {**report.entries, **{ANSWER + key: text for key, text in report.answers.items()}}


def seen(texts: Mapping[str, Any]) -> dict[str, str]:
    """The digests that a form carries; of what is empty none."""
    return {name: digest(value) for name, value in texts.items() if value}


@dataclass(frozen=True)
class Conflict:
    """Two people changed the same since one of them looked."""

    name: str
    mine: Any
    theirs: Any

    @property
    def is_text(self) -> bool:
        return isinstance(self.mine, str) and isinstance(self.theirs, str)


@dataclass(frozen=True)
class Merge:
    """What can be saved at once, and what a person must decide."""

    texts: dict[str, Any] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)


def merge(*, mine: Mapping[str, Any], current: Mapping[str, Any], seen: Mapping[str, str]) -> Merge:
    """Bring together what was typed and what is saved.

    Args:
        mine: what the form holds; current: what is saved now; seen: digests of what the form showed at first.
    """
    merged = Merge()
    nothing = digest("")
    for name, value in mine.items():
        saved, before = current.get(name, type(value)()), seen.get(name, nothing)
        if (not value and not saved) or value == saved or digest(value) == before:
            continue
        if digest(saved) == before:
            merged.texts[name] = value
        else:
            merged.conflicts.append(Conflict(name, value, saved))
    return merged


@dataclass(frozen=True)
class Saved:
    """A report after saving, and what is not saved yet because somebody else changed the same."""

    report: Report
    conflicts: list[Conflict]


def save_merged(*, report: Report, actor: User, mine: Mapping[str, Any], seen: Mapping[str, str]) -> Saved:
    """Save what was typed, together with what others saved meanwhile; never over it.

    Raises: PermissionDenied; MoveRefusedError when the report cannot be edited now; VersionConflictError when others
        save faster than this can merge.
    """
    for attempt in range(_ATTEMPTS):
        merged = merge(mine=mine, current=texts_of(report), seen=seen)
        if not merged.texts:
            return Saved(report, merged.conflicts)
        answers = {name.removeprefix(ANSWER): text for name, text in merged.texts.items() if name.startswith(ANSWER)}
        entries = {name: text for name, text in merged.texts.items() if not name.startswith(ANSWER)}
        try:
            saved = save_entries(report=report, actor=actor, version=report.version, entries=entries, answers=answers)
        except VersionConflictError as conflict:
            if attempt == _ATTEMPTS - 1:
                raise
            report = conflict.current
        else:
            return Saved(saved, merged.conflicts)
    raise AssertionError("the last attempt returns or raises")


@dataclass(frozen=True)
class Marked:
    """Two texts with what only one of them has in `<mark>`."""

    mine: SafeString
    theirs: SafeString


def marked(mine: str, theirs: str) -> Marked:
    """Compare two texts word by word."""
    first, second = _WORDS.findall(mine), _WORDS.findall(theirs)
    left, right = [], []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        left.append(_piece("".join(first[a:b]), different=kind != "equal"))
        right.append(_piece("".join(second[c:d]), different=kind != "equal"))
    return Marked(mark_safe("".join(left)), mark_safe("".join(right)))  # noqa: S308  (escaped by `_piece`)


def _piece(text: str, *, different: bool) -> str:
    return f"<mark>{escape(text)}</mark>" if different and text else escape(text)
