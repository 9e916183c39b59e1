"""What is wrong with the entries of a report, and what is only unusual: the same for forms, sheets and the API.

An error explains and must be mended before the report can be submitted. A warning asks; the member can answer it
("yes, really, because ..."), and the answer travels with the record.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from alliance.core.facets import did_you_mean
from alliance.members.models import Organisation
from kpis.models import Kpi
from reporting import parts, plausibility
from reporting.entries import MOST_TIMES, EntryError, Read
from reporting.fields import FORMS, RESULT, Field, Form
from reporting.findings import Checked as Checked
from reporting.findings import Finding as Finding
from reporting.findings import Level as Level
from reporting.findings import error, warning
from reporting.known import Known
from reporting.models import Report
from reporting.reading import read


def check(
    kind: str,
    entries: Mapping[str, Any],
    *,
    organisation: Organisation | None,
    report: Report | None = None,
    known: Known | None = None,
) -> Checked:
    """Read all entries of a report and say what is wrong with them.

    Args:
        kind: of `reporting.models.Kind`.
        entries: as in `Report.entries`: texts (a program may also give numbers and booleans) and lists of mappings.
        organisation: who reports; its own drafts may be named.
        report: whose entries these are, so that it is not taken for an earlier report of the same.
        known: of a whole sheet, so that each question is asked once; see `Known.prepare`.
    """
    form, known = FORMS[kind], known or Known(organisation)
    checked = Checked()
    percent_signs: set[str] = set()
    known_names = form.by_name
    for name in entries:
        if name not in known_names:
            checked.findings.append(_unknown(str(name), form))
    for one in form.fields:
        entry = _calculated(one, entries, known, checked)
        if one.is_repeated:
            value: Any = _several(one, entry, known, checked)
        elif (found := _single(one, entry, one.name, known, checked)) is None:
            value = None
        else:
            value = found.value
            if found.has_percent_sign:
                percent_signs.add(one.name)
        if value is not None and value != []:
            checked.values[one.name] = value
        elif one.required and not checked.of(one.name):
            checked.findings.append(_missing(one, entry, one.name))
    checked.findings += plausibility.findings(
        kind, checked, known, report=report, percent_signs=frozenset(percent_signs)
    )
    place = {one.name: position for position, one in enumerate(form.fields)}
    checked.findings.sort(key=lambda finding: place.get(finding.field.partition(".")[0], len(place)))
    return checked


def _calculated(one: Field, entries: Mapping[str, Any], known: Known, checked: Checked) -> Any:
    """The entry; where it is a value written as its parts, what they give. The indicator was read before."""
    entry, kpi = entries.get(one.name), checked.values.get("kpi")
    if one.name not in parts.VALUES or not isinstance(entry, str) or not isinstance(kpi, Kpi):
        return entry
    try:
        unit = read(RESULT["unit"], entries.get("unit"), known).value
        return parts.of_quotient(kpi, unit, entry)
    except EntryError as fault:
        if fault.code in parts.CODES:
            checked.findings.append(error(one.name, fault.code, fault.message))
            return None
        return entry  # the unit cannot be read, which is said there


def _single(one: Field, entry: Any, place: str, known: Known, checked: Checked) -> Read | None:
    """What an entry says; None where it cannot be read, which is noted."""
    try:
        found = read(one, entry, known)
    except EntryError as fault:
        checked.findings.append(error(place, fault.code, fault.message))
        return None
    checked.findings += [warning(place, note.code, note.message) for note in found.notes]
    return found


def _several(one: Field, entry: Any, known: Known, checked: Checked) -> list[dict[str, Any]]:
    """What is given several times: a list of mappings, of texts for the first part, or a text with semicolons."""
    if entry is None or entry == "":
        return []
    if isinstance(entry, str):
        entry = [part for part in re.split(r"[;\n؛]", entry) if part.strip()]
    if isinstance(entry, Mapping):
        entry = [entry]
    if not isinstance(entry, list):
        checked.findings.append(error(one.name, "not-a-list", _("Give a list here, or names with semicolons between.")))
        return []
    if len(entry) > MOST_TIMES:
        message = _("At most %(most)s are taken here; there are %(n)s. Keep the most important ones.")
        checked.findings.append(error(one.name, "too-many", message % {"most": MOST_TIMES, "n": len(entry)}))
        return []
    found = []
    for position, given in enumerate(entry):
        if not isinstance(given, Mapping):
            given = {one.parts[0].name: given}
        if any(value not in (None, "") for value in given.values()) and (
            values := _once(one, given, f"{one.name}.{position}", known, checked)
        ):
            found.append(values)
    return found


def _once(one: Field, given: Mapping[str, Any], place: str, known: Known, checked: Checked) -> dict[str, Any]:
    """The values of one time; those that are wrong are noted and not there."""
    asked = {part.name: part for part in one.parts}
    for name in given:
        if name not in asked:
            hint = did_you_mean(str(name)[:60], asked) or _("Known are: %(names)s.") % {"names": ", ".join(asked)}
            message = _("There is no field “%(name)s” here. %(hint)s") % {"name": str(name)[:60], "hint": hint}
            checked.findings.append(error(place, "unknown-field", message))
    values = {}
    for part in one.parts:
        where = f"{place}.{part.name}"
        found = _single(part, given.get(part.name), where, known, checked)
        if found is not None and found.value is not None:
            values[part.name] = found.value
        elif part.required and not checked.of(where):
            checked.findings.append(_missing(part, given.get(part.name), where))
    return values


def _missing(one: Field, entry: Any, place: str) -> Finding:
    if isinstance(entry, str) and entry.strip():
        message = _("“%(label)s” is needed; “%(text)s” says that it is not known.")
        return error(place, "required", message % {"label": one.label, "text": entry.strip()[:20]})
    hint = f" {one.help}" if one.help else ""
    return error(place, "required", _("“%(label)s” is needed: fill it in.") % {"label": one.label} + hint)


def _unknown(name: str, form: Form) -> Finding:
    hint = did_you_mean(name[:60], form.by_name) or _("Known are: %(names)s.") % {"names": ", ".join(form.by_name)}
    message = _("There is no field “%(name)s”. %(hint)s") % {"name": name[:60], "hint": hint}
    return error(name[:60], "unknown-field", message)
