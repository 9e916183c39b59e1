"""Where two people changed the same: how it is shown, and what was decided."""

import contextlib
import json
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from reporting import forms, merging
from reporting.fields import FORMS


@dataclass(frozen=True)
class Choice:
    """One field that two people changed, for the page on which one of them decides."""

    conflict: merging.Conflict
    label: str
    mine: str
    theirs: str

    @classmethod
    def of(cls, kind: str, conflict: merging.Conflict) -> "Choice":
        known = FORMS[kind].by_name.get(conflict.name)
        label = str(known.label) if known else _("Answer to a question")
        mine, theirs = (plain_text(kind, conflict.name, value) for value in (conflict.mine, conflict.theirs))
        return cls(conflict, label, mine, theirs)

    @property
    def marked(self) -> merging.Marked:
        return merging.marked(self.mine, self.theirs)

    @property
    def name(self) -> str:
        return self.conflict.name

    @property
    def id(self) -> str:
        return forms.element_id(self.conflict.name)

    @property
    def mine_json(self) -> str:
        return json.dumps(self.conflict.mine)


def plain_text(kind: str, name: str, value: Any) -> str:
    """An entry as one text, rows included."""
    field = FORMS[kind].by_name.get(name)
    if field is None or not field.is_repeated:
        return forms.shown_text(value)
    parts = {part.name: str(part.label) for part in field.parts}
    rows = (
        "\n".join(f"{parts.get(part, part)}: {forms.shown_text(text)}" for part, text in row.items())
        for row in forms.rows_of(field, value)
    )
    return "\n\n".join(rows)


def decided(data: QueryDict) -> tuple[dict[str, Any], set[str]]:
    """What was decided on the page of a conflict: for each field one's own text or one made of both; and the names
    of those that nobody decided, whose own text is among the first."""
    texts: dict[str, Any] = {}
    undecided = set()
    for sent in data:
        name = sent.removeprefix("mine.")
        if name == sent:
            continue
        choice = data.get(f"choice.{name}", "")
        if choice == "both":
            texts[name] = data.get(f"both.{name}", "").replace("\r\n", "\n").strip()
        elif choice != "theirs":
            with contextlib.suppress(ValueError):
                texts[name] = json.loads(data.get(sent, ""))
            undecided |= set() if choice else {name}
    return texts, undecided
