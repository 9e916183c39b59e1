"""The brief of a practice for a council: one page to print, as an accessible PDF, in the reader's language.

`facts_of` says what stands on it; `brief.typ` sets it. What people wrote reaches the typesetter as data, never as
source, and is cut where it would not leave room for the rest: the page it comes from has all of it.
"""

import json
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.text import Truncator
from django.utils.translation import get_language, get_language_bidi, ngettext
from django.utils.translation import gettext as _

from alliance.core.templatetags.numbers import change_words, number, signed_percent
from kpis.insight.picture import FONT
from practices.models import Evidence, PracticeState
from practices.pages import Drawn, Page

if TYPE_CHECKING:
    import typst

SOURCE = Path(__file__).with_name("brief.typ")
#: Most characters of a text, entries of a list, and cities that are named.
MOST_CHARACTERS, MOST_ENTRIES, MOST_CITIES = 420, 7, 9


def pdf_of(page: Page, evidence: Evidence, address: str) -> bytes:
    """The brief as PDF/UA-1 on one page. The same evidence in the same language gives the same bytes.

    Args: address: of the practice's page, in full.
    """
    import typst  # some megabytes, which a web process that makes none does without

    told = facts_of(page, evidence, address)
    made = typst.compile(
        SOURCE.read_bytes(),
        format="pdf",
        font_paths=_fonts(),
        pdf_standards=["ua-1"],
        timestamp=int(datetime.combine(evidence.as_of, time(), UTC).timestamp()),
        sys_inputs={"data": json.dumps(told, default=str)},
    )
    if not isinstance(made, bytes):
        raise TypeError("A brief is one file.")
    return made


@lru_cache(maxsize=1)
def _fonts() -> "typst.Fonts":
    """The portal's own and the typesetter's, none of the machine's, so that it looks alike everywhere."""
    import typst

    return typst.Fonts(include_system_fonts=False, font_paths=[FONT])


def facts_of(page: Page, evidence: Evidence, address: str) -> dict[str, Any]:
    """Everything that stands on the brief, as plain values for JSON."""
    practice, row = page.practice, page.row
    kicker = [str(practice.vertical)]
    if practice.state != PracticeState.ACCEPTED:
        kicker.append(practice.get_state_display())
    return {
        "lang": (get_language() or "en").split("-")[0],
        "dir": "rtl" if get_language_bidi() else "ltr",
        "title": practice.name,
        "publisher": _("Alliance for Best Practices and Standards in Smart Cities"),
        "kicker": " · ".join(kicker),
        "name": _own(practice.name, 160),
        "finding": _own(str(row.finding) if row.finding else practice.summary),
        "facts": _facts(page),
        "harm": _own(practice.harm_confirmed) if practice.harm_confirmed else None,
        "cities": _cities(page),
        "more": _more_cities(len(page.primary.drawn) - MOST_CITIES),
        "lines": [(sentence, _points(points)) for sentence, points in page.lines],
        "total": (row.certainty, _points(row.body["certainty"]["points"])),
        "sections": [
            {"title": title, "items": items or [_own(_("No source states any."))]}
            for title, items in _sections(page).items()
        ],
        "as_of": _("As of %(date)s, by rule %(rule)s.")
        % {"date": date_format(evidence.as_of, "DATE_FORMAT"), "rule": evidence.rule_version},
        "address": address,
        "address_words": address.split("://", 1)[-1],
        "words": {
            "cities": _("City by city, and taken together"),
            "city": _("City"),
            "change": _("Change"),
            "interval": _("Interval"),
            "why": _("Why “%(certainty)s”") % {"certainty": row.certainty},
            "because": _("Because"),
            "points": _("Points"),
            "harm": _("Harm confirmed by an editor."),
        },
    }


def _facts(page: Page) -> list[list[Any]]:
    """Effect, certainty and cities: large, then what is small below it."""
    row = page.row
    kpi = _own(str(page.practice.primary_kpi.name), 90)
    cities = len(row.body["cities"])
    did_it = ngettext(
        "with it measured; %(n_text)s city did it", "with it measured; %(n_text)s cities did it", cities
    ) % {"n_text": number(cities)}
    measured = ngettext("%(n_text)s city", "%(n_text)s cities", row.measured_cities)
    return [
        [change_words(row.pooled["change_percent"]), kpi, _own(row.interval)]
        if row.pooled
        else [_("No mean yet"), _own(row.missing_words)],
        [row.certainty, _own(page.grade_explanation)],
        [measured % {"n_text": number(row.measured_cities)}, _own(did_it)],
    ]


def _cities(page: Page) -> list[dict[str, Any]]:
    """The cities with the most weight, then their mean, each with the places of its drawing in percent."""
    primary = page.primary
    surest = sorted(primary.drawn, key=lambda one: -(one.weight or 0))[:MOST_CITIES]
    chosen = [one for one in primary.drawn if one in surest]
    if primary.pooled and page.row.point:
        mean = Drawn(_("Taken together"), "", "", primary.pooled["change_percent"], page.row.point)
        return [_city(page, one) for one in chosen] + [_city(page, mean, mean=True)]
    return [_city(page, one) for one in chosen]


def _city(page: Page, one: Drawn, *, mean: bool = False) -> dict[str, Any]:
    scale, point = page.primary.scale, one.point
    change = one.change or 0
    low, high = (point.interval if point and point.interval else None) or (change, change)
    return {
        "name": _own(one.title, 60),
        "change": signed_percent(change),
        "effect": point.effect if point else "neutral",
        "mean": mean,
        "zero": scale.position(0),
        "low": scale.position(low),
        "high": scale.position(high),
        "at": scale.position(change),
    }


def _more_cities(more: int) -> str:
    if more <= 0:
        return ""
    words = ngettext("And %(n)s more city, on the page.", "And %(n)s more cities, on the page.", more)
    return words % {"n": number(more)}


def _sections(page: Page) -> dict[str, list[dict[str, str]]]:
    """Headings and what stands below them."""
    practice = page.practice
    costs = [practice.cost_note] if practice.cost_note else []
    costs = costs or [f"{case.title}: {number(case.cost_amount)} {case.cost_currency}" for case in page.costs]
    standards = ", ".join(dict.fromkeys(use.standard.designation for use in page.standards))
    return {
        _("What it is"): _list([practice.summary]),
        _("Cost"): _list(costs) or [_own(_("no source states what it cost"))],
        _("Conditions of success"): _list([practice.conditions]),
        _("What can go wrong"): _list([practice.risks]),
        _("Standards that its cases rely on"): _list([", ".join(standards)])
        or [_own(_("No source of its cases names a standard."))],
        _("What would change our mind"): _list(page.mind_changers),
    }


def _list(texts: Iterable[str]) -> list[dict[str, str]]:
    return [_own(text) for text in list(filter(str.strip, texts))[:MOST_ENTRIES]]


def _own(text: str, most: int = MOST_CHARACTERS) -> dict[str, str]:
    """A text with its direction: that of its first letter that has one."""
    text = _cut(text, most)
    kinds = (unicodedata.bidirectional(letter) for letter in text)
    first = next((kind for kind in kinds if kind in ("L", "R", "AL")), "L")
    return {"text": text, "dir": "ltr" if first == "L" else "rtl", "lang": "en" if first == "L" else "ar"}


def _cut(text: str, most: int) -> str:
    return Truncator(" ".join(str(text).split())).chars(most)


def _points(points: float) -> str:
    return number(round(points, 1))
