"""What is impossible about a report, and what is only unusual, once its entries are read.

The impossible is an error and says how to mend it; the unusual is a question that the member can answer.
"""

from collections.abc import Iterator
from decimal import Decimal
from difflib import SequenceMatcher

from django.utils.translation import gettext as _

from reporting.findings import Checked, Finding, Level, error, warning
from reporting.known import Known, NewCity
from reporting.look import Look
from reporting.models import Kind, Report
from reporting.plausible_results import of_result
from reporting.words import alike, shorten
from usecases.models import Stage, UseCase

#: More than any city has spent on one thing; above it the database keeps no amounts.
MOST_EXPENSIVE = Decimal(10) ** 12
#: A description shorter than this tells nobody anything.
SHORTEST_DESCRIPTION = 15


def findings(
    kind: str, checked: Checked, known: Known, *, report: Report | None, percent_signs: frozenset[str]
) -> list[Finding]:
    """All that is to be said about values that were read; `checked` tells what was not readable."""
    wrong = frozenset(one.field.partition(".")[0] for one in checked.findings if one.level == Level.ERROR)
    look = Look(checked.values, known, report, percent_signs, wrong)
    return [*(of_result(look) if kind == Kind.RESULT else of_use_case(look)), *of_cost(look)]


def of_cost(look: Look) -> Iterator[Finding]:
    """An amount, and what it is paid in."""
    amount, currency = look["cost_amount"], look["cost_currency"]
    if amount is None:
        if currency and "cost_amount" not in look.wrong:
            yield warning(
                "cost_currency", "currency-without-cost", _("A currency, but no amount. Is the cost not known?")
            )
        return
    if amount < 0:
        yield error("cost_amount", "cost-negative", _("A cost cannot be negative: write it without minus."))
    elif amount == 0:
        yield warning("cost_amount", "cost-zero", _("Was it free? Leave the cost empty if it is only not known."))
    elif amount >= MOST_EXPENSIVE:
        yield error("cost_amount", "cost-too-large", _("This is more than any city has: check the number of digits."))
    if look.is_open("cost_currency"):
        yield error(
            "cost_currency",
            "cost-without-currency",
            _("Say in which currency the cost is: three letters, such as EUR."),
        )


def of_use_case(look: Look) -> Iterator[Finding]:
    """Years, descriptions, and whether the same was reported before."""
    started, ended, year = look["started_year"], look["ended_year"], look.today.year
    for name, value in (("started_year", started), ("ended_year", ended)):
        if value is not None and value > year:
            yield error(
                name,
                "year-in-future",
                _("%(year)s has not come yet. What is only planned can be registered as a promise.") % {"year": value}
                if name == "started_year"
                else _("%(year)s has not come yet: leave the end empty while it goes on.") % {"year": value},
            )
    if started and ended and ended < started:
        yield error(
            "ended_year",
            "years-out-of-order",
            _("It cannot end in %(ended)s before it starts in %(started)s: mend one of the years.")
            % {"ended": ended, "started": started},
        )
    if look["stage"] == Stage.ENDED and look.is_open("ended_year"):
        yield warning("ended_year", "ended-without-year", _("It has ended; in which year?"))
    if ended and look["stage"] not in (Stage.ENDED, None):
        yield warning(
            "stage",
            "running-after-end",
            _("It ended in %(year)s, but its stage is “%(stage)s”. Does it still run?")
            % {"year": ended, "stage": Stage(look["stage"]).label},
        )
    yield from _of_descriptions(look)
    yield from _of_organisations(look)
    yield from _told_before(look)


def _of_descriptions(look: Look) -> Iterator[Finding]:
    problem, solution = look["problem"], look["solution"]
    for name, text in (("problem", problem), ("solution", solution)):
        if text is not None and len(text) < SHORTEST_DESCRIPTION:
            yield warning(
                name,
                "short-description",
                _("“%(text)s”: will a reader from another city understand it? A sentence is enough.") % {"text": text},
            )
    if problem and solution and alike(problem) == alike(solution) and len(problem) >= SHORTEST_DESCRIPTION:
        yield warning(
            "solution", "same-description", _("What was wrong and what was done say the same. What did the city do?")
        )


def _of_organisations(look: Look) -> Iterator[Finding]:
    for name, part in (("organisations", "organisation"), ("standards", "standard")):
        seen: set[str] = set()
        for position, one in enumerate(look[name] or ()):
            said = str(one.get(part, ""))
            if said and said in seen:
                yield error(
                    f"{name}.{position}.{part}",
                    "named-twice",
                    _("“%(name)s” is named twice: take one of them out.")
                    % {"name": shorten(said if name == "organisations" else one[part].standard.designation)},
                )
            seen.add(said)


def _told_before(look: Look) -> Iterator[Finding]:
    """Public use cases and own reports of the same city with nearly the same title."""
    title, city = look["title"], look["city"]
    if not title or city is None:
        return
    own = look.report.pk if look.report else None
    same = (look.report.corrects_use_case_id, look.report.use_case_id) if look.report else ()
    if not isinstance(city, NewCity):
        for row in look.known.use_cases_in(city):
            if row.pk not in same and _is_similar(title, row.title):
                yield warning("title", "similar-use-case", _similar(title, row))
                return
    for report in look.known.own_use_cases:
        if report.pk != own and _is_similar(title, str(report.entries.get("title", ""))):
            yield warning(
                "title",
                "similar-report",
                _("You report “%(title)s” already. Is this another use case?") % {"title": shorten(str(report))},
            )
            return


def _similar(title: str, row: UseCase) -> str:
    return _("“%(other)s” in %(city)s is on record already. Is yours another one?") % {
        "other": row.title,
        "city": row.city,
    }


def _is_similar(one: str, other: str) -> bool:
    one, other = alike(one), alike(other)
    if not one or not other:
        return False
    words, others = set(one.split()), set(other.split())
    shared = len(words & others) / min(len(words), len(others))
    return (
        one == other
        or (shared >= 0.8 and len(words & others) >= 2)
        or (shared > 0 and SequenceMatcher(None, one, other).ratio() >= 0.85)
    )
