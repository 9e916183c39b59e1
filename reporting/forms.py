"""The pages of a report as forms, made of `reporting.fields`: what they show, and what was typed into them.

Nothing is refused here: whatever was typed is kept as it was typed. `reporting.checking` says what is wrong with it.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from functools import cached_property
from typing import Any

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from reporting import merging
from reporting.checking import Checked, Finding, Level
from reporting.fields import FORMS, Field, Page, Type
from reporting.suggestions import LISTED, Suggestion

Words = str | Promise

#: More choices than this are a list to open.
MOST_RADIOS = 6
#: Longer texts get several lines.
LONGEST_LINE = 300
#: Fields that stand side by side, by the name of the first.
PAIRS = {
    "baseline_value": "baseline_on",
    "result_value": "result_on",
    "cost_amount": "cost_currency",
    "spread": "spread_kind",
}
YES_NO = (("yes", _("Yes")), ("no", _("No")), ("", _("Not known")))
_INPUT_MODES = {
    Type.YEAR: "numeric",
    Type.NUMBER: "decimal",
    Type.COUNT: "numeric",
    Type.PERCENT: "text",  # the keys for decimals have no minus on many telephones
    Type.ADDRESS: "url",
}
#: In front of the names of answers to warnings, and of picked suggestions.
ANSWER, PICK = "answer.", "pick."


@dataclass(frozen=True)
class Warned:
    """A warning with the member's answer to it."""

    finding: Finding
    answer: str

    @property
    def name(self) -> str:
        return ANSWER + self.finding.key

    @property
    def id(self) -> str:
        return element_id(self.name)


@dataclass(frozen=True)
class Control:
    """One entry of the form: what is asked, what was typed, what was found.

    Attributes:
        name: of the HTML control; in what is given several times `standards.0.standard`.
        is_paired: it stands beside another one.
        understood: how the text was read, where it names something that the portal knows.
        suggestions: what it may have meant, to choose from.
    """

    field: Field
    name: str
    value: str
    errors: list[Finding]
    warnings: list[Warned]
    is_paired: bool = False
    understood: str = ""
    suggestions: list[Suggestion] = attribute(default_factory=list)
    #: Of the unit: those that the indicator can be measured in.
    options: list[Suggestion] = attribute(default_factory=list)

    @property
    def id(self) -> str:
        return element_id(self.name)

    @property
    def anchor(self) -> str:
        """Where a link of the error summary leads to: the control, or the first choice of several."""
        return f"{self.id}_0" if self.kind == "radios" else self.id

    @property
    def is_optional(self) -> bool:
        return not self.field.required

    @cached_property
    def kind(self) -> str:
        """Which control: `radios`, `select`, `textarea` or `input`."""
        if self.field.type == Type.YES_NO:
            return "radios"
        if self.field.type == Type.CHOICE:
            is_short = len(self.field.choices or ()) <= MOST_RADIOS
            return "radios" if is_short and not self.is_paired and "." not in self.name else "select"
        return "textarea" if self.field.type == Type.TEXT and self.field.maximum_length > LONGEST_LINE else "input"

    @cached_property
    def choices(self) -> list[tuple[str, Words, bool]]:
        """Code, words, and whether it is chosen. What was typed and is none of them stands there as well."""
        known: list[tuple[str, Words]] = list(self.field.choices.choices if self.field.choices else YES_NO)
        if self.value and self.value not in [code for code, _words in known]:
            known.insert(0, (self.value, f"“{self.value}”"))
        return [(code, words, code == self.value) for code, words in known]

    @property
    def rows(self) -> int:
        return 4 if self.field.maximum_length > 1_000 else 3

    @property
    def input_mode(self) -> str:
        return _INPUT_MODES.get(self.field.type, "")

    @property
    def list_kind(self) -> str:
        """Which list helps while typing; empty: none."""
        return self.field.type if self.field.type in LISTED else ""

    @property
    def described_by(self) -> str:
        ids = [f"{self.id}-findings"]
        if self.understood:
            ids.insert(0, f"{self.id}-understood")
        if self.field.help:
            ids.insert(0, f"{self.id}-help")
        return " ".join(ids)


@dataclass(frozen=True)
class Row:
    """One of the times that something is given."""

    number: int
    controls: list[Control]


@dataclass(frozen=True)
class Rows:
    """Something that can be given several times."""

    field: Field
    rows: list[Row]
    findings: list[Finding]

    @property
    def id(self) -> str:
        return element_id(self.field.name)


def shown_text(value: Any) -> str:
    """An entry as a text: programs and sheets also give numbers and truth values."""
    if value is None:
        return ""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def rows_of(repeated: Field, value: Any) -> list[Mapping[str, Any]]:
    """What was given several times as rows; sheets and programs also give one text with semicolons, or names alone."""
    if isinstance(value, str):
        value = re.split(r"[;\n؛]", value)
    if isinstance(value, Mapping):
        value = [value]
    given = [
        one if isinstance(one, Mapping) else {repeated.parts[0].name: shown_text(one).strip()} for one in value or []
    ]
    return [row for row in given if any(row.values())]


def element_id(name: str) -> str:
    """The id of a control, from its name."""
    return "id_" + re.sub(r"[^\w]+", "-", name)


@dataclass(frozen=True)
class EntryPage:
    """One page of the form, ready to be shown.

    Attributes:
        groups: controls that stand alone or side by side, and what can be given several times.
        findings: those that are shown, in the order of the page.
    """

    page: Page
    groups: list[list[Control] | Rows]
    findings: list[Finding]

    @property
    def controls(self) -> list[Control]:
        """All of them, also those in rows."""
        found: list[Control] = []
        for group in self.groups:
            found += [one for row in group.rows for one in row.controls] if isinstance(group, Rows) else group
        return found

    @property
    def errors(self) -> list[Finding]:
        return [one for one in self.findings if one.level == Level.ERROR]

    @property
    def links(self) -> list[tuple[str, Finding]]:
        """For the error summary: id of the control, and the finding."""
        anchors = {one.name: one.anchor for one in self.controls}
        anchors |= {group.field.name: group.id for group in self.groups if isinstance(group, Rows)}
        return [(anchors.get(one.field, "main"), one) for one in self.errors]


def entry_page(
    kind: str,
    page: Page,
    *,
    texts: Mapping[str, Any],
    checked: Checked,
    complain: bool,
    more: str = "",
    suggested: Mapping[str, list[Suggestion]] | None = None,
    understood: Mapping[str, str] | None = None,
    options: Mapping[str, list[Suggestion]] | None = None,
) -> EntryPage:
    """Make a page of a form.

    Args:
        texts: entries and answers, as `reporting.merging.texts_of` gives them.
        checked: of all entries.
        complain: also say what is missing; without it only what is wrong with what was typed.
        more: name of the field that gets one more empty row.
        suggested, understood, options: name of the control -> see `Control`.
    """
    shown: list[Finding] = []

    def control(one: Field, name: str, value: Any, *, is_paired: bool = False) -> Control:
        if one.type in (Type.CHOICE, Type.YES_NO) and name in checked.values:
            value = checked.values[name]  # "sí" is the choice "yes"
        text = shown_text(value)
        found = [finding for finding in checked.findings if finding.field == name and (text or complain)]
        shown.extend(found)
        return Control(
            field=one,
            name=name,
            value=text,
            errors=[finding for finding in found if finding.level == Level.ERROR],
            warnings=[
                Warned(finding, str(texts.get(merging.ANSWER + finding.key, "")))
                for finding in found
                if finding.level == Level.WARNING
            ],
            is_paired=is_paired,
            understood=(understood or {}).get(name, ""),
            suggestions=(suggested or {}).get(name, []),
            options=(options or {}).get(name, []),
        )

    groups: list[list[Control] | Rows] = []
    seconds = set(PAIRS.values())
    fields = FORMS[kind].on(page.name)
    here = {one.name: one for one in fields}
    for one in fields:
        if one.is_repeated:
            given = rows_of(one, texts.get(one.name))
            given = [*given, {}] if not given or more == one.name else given
            rows = [
                Row(i, [control(part, f"{one.name}.{i}.{part.name}", row.get(part.name)) for part in one.parts])
                for i, row in enumerate(given)
            ]
            own = [finding for finding in checked.findings if finding.field == one.name]
            shown.extend(own)
            groups.append(Rows(one, rows, own))
        elif one.name not in seconds:
            second = here.get(PAIRS.get(one.name, ""))
            pair = [one, second] if second else [one]
            is_paired = len(pair) > 1
            groups.append([control(each, each.name, texts.get(each.name), is_paired=is_paired) for each in pair])
    shown.extend(finding for finding in checked.findings if not finding.field)
    return EntryPage(page, groups, shown)


# --- what was typed --------------------------------------------------------------------------------------------------
def typed(kind: str, page: Page, data: QueryDict) -> dict[str, Any]:
    """The texts of a sent page, as typed: entries, rows, and answers to warnings.

    A field that the page did not send is left out; a group of radios without a choice sends nothing and is empty.
    """
    texts: dict[str, Any] = {}
    for one in FORMS[kind].on(page.name):
        if one.is_repeated:
            if f"rows.{one.name}" in data:
                texts[one.name] = _rows(one, data)
        elif picked := _text(data.get(PICK + one.name)):
            texts[one.name] = picked
        elif one.name in data:
            texts[one.name] = _text(data.get(one.name))
    for name in data:
        if name.startswith(ANSWER):
            texts[merging.ANSWER + name.removeprefix(ANSWER)] = _text(data.get(name))
    return texts


def _rows(repeated: Field, data: QueryDict) -> list[dict[str, str]]:
    """Rows with anything in them, in their order; one that is to be removed is left out."""
    numbers = sorted(
        {
            int(match[1])
            for match in (re.fullmatch(rf"{repeated.name}\.(\d{{1,4}})\.\w+", name) for name in data)
            if match
        }
    )
    removed = data.get("action", "").removeprefix(f"remove:{repeated.name}:")
    rows = []
    for number in numbers:
        row = {}
        for part in repeated.parts:
            name = f"{repeated.name}.{number}.{part.name}"
            row[part.name] = _text(data.get(PICK + name)) or _text(data.get(name))
        if any(row.values()) and str(number) != removed:
            rows.append({name: text for name, text in row.items() if text})
    return rows


def _text(value: str | None) -> str:
    """As typed, but with the line breaks of this side, and without what no database keeps."""
    return "" if value is None else value.replace("\r\n", "\n").replace("\0", "").strip()


def seen_from(data: QueryDict) -> dict[str, str]:
    """The digests that a form carried; nothing when they cannot be read."""
    try:
        found = json.loads(data.get("seen", "{}"))
    except ValueError:
        return {}
    return {str(name): str(text) for name, text in found.items()} if isinstance(found, dict) else {}


def names_on(kind: str, page: str) -> set[str]:
    """The names of the entries on a page."""
    return {one.name for one in FORMS[kind].on(page)}


def page_of(kind: str, name: str) -> str:
    """The page on which a field stands, also one of a row (`standards.0.standard`); the first for none."""
    one = FORMS[kind].by_name.get(name.split(".")[0])
    return one.page if one else FORMS[kind].pages[0].name


def with_findings(kind: str, findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Findings by the page on which they can be mended."""
    found: dict[str, list[Finding]] = {}
    for one in findings:
        found.setdefault(page_of(kind, one.field), []).append(one)
    return found
