"""Use cases side by side: one row a property, and whether the cases differ in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.db import models
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alliance.core.templatetags.numbers import number
from usecases.models import UseCase

MOST_COMPARED = 4
LETTERS = "ABCD"

Words = str | Promise


class Agreement(models.TextChoices):
    """How the cases stand to each other in one property."""

    SAME = "same", gettext_lazy("same")
    DIFFERS = "differs", gettext_lazy("differs")
    PARTLY_KNOWN = "partly-known", gettext_lazy("not known for all")
    UNKNOWN = "unknown", gettext_lazy("not known")


@dataclass(frozen=True)
class Part:
    """One value of a cell, with its page when it has one."""

    text: str
    url: str = ""


@dataclass(frozen=True)
class Row:
    """One property of each case. An empty cell means that no source states it."""

    label: Words
    cells: Sequence[Sequence[Part]]
    is_prose: bool = False

    @property
    def agreement(self) -> Agreement:
        """Told texts always differ, so they are not marked; of the rest, only what is known is compared."""
        known = [frozenset(part.text for part in cell) for cell in self.cells if cell]
        if not known:
            return Agreement.UNKNOWN
        if len(set(known)) > 1:
            return Agreement.DIFFERS
        return Agreement.SAME if len(known) == len(self.cells) else Agreement.PARTLY_KNOWN

    @property
    def differs(self) -> bool:
        return self.agreement == Agreement.DIFFERS


@dataclass(frozen=True)
class ComparedCase:
    """A case with the letter that stands for it in the table and the picture."""

    letter: str
    use_case: UseCase


@dataclass(frozen=True)
class CaseComparison:
    """Up to four cases, property by property."""

    cases: Sequence[ComparedCase]
    rows: Sequence[Row]
    texts: Sequence[Row]


class Dated(Protocol):
    """What has a first and a last year, as far as they are known."""

    @property
    def started_year(self) -> int | None: ...

    @property
    def ended_year(self) -> int | None: ...


def years_words(use_case: Dated) -> str:
    """ "2011 to 2013", "since 2012", "until 2015"; empty when no year is known."""
    if use_case.started_year and use_case.ended_year:
        if use_case.started_year == use_case.ended_year:
            return str(use_case.started_year)
        return _("%(first)s to %(last)s") % {"first": use_case.started_year, "last": use_case.ended_year}
    if use_case.started_year:
        return _("since %(year)s") % {"year": use_case.started_year}
    if use_case.ended_year:
        return _("until %(year)s") % {"year": use_case.ended_year}
    return ""


def cost_words(use_case: UseCase) -> str:
    """ "2,300,000 USD"; empty when no source states it."""
    if use_case.cost_amount is None:
        return ""
    return _("%(amount)s %(currency)s") % {
        "amount": number(use_case.cost_amount),
        "currency": use_case.cost_currency,
    }


def _one(text: object, url: str = "") -> list[Part]:
    return [Part(str(text), url)] if text not in (None, "") else []


def _city(row: UseCase) -> list[Part]:
    return _one(row.city.name, row.city.get_absolute_url())


def _population(row: UseCase) -> list[Part]:
    return _one(number(row.city.population)) if row.city.population is not None else []


def _organisations(row: UseCase) -> list[Part]:
    return [Part(one.organisation.name, one.organisation.get_absolute_url()) for one in row.participations.all()]


def _technologies(row: UseCase) -> list[Part]:
    return [Part(technology.name, technology.get_absolute_url()) for technology in row.technologies.all()]


def _standards(row: UseCase) -> list[Part]:
    return [Part(str(use.edition or use.standard), use.standard.get_absolute_url()) for use in row.standard_uses.all()]


def _field(row: UseCase) -> list[Part]:
    return _one(row.vertical, f"{reverse('usecases:list')}?vertical={row.vertical.code}")


def yes_no_words(value: bool | None) -> str:
    """ "yes", "no"; empty when not known."""
    return "" if value is None else _("yes") if value else _("no")


ROWS: tuple[tuple[Words, Callable[[UseCase], list[Part]]], ...] = (
    (gettext_lazy("City"), _city),
    (gettext_lazy("Country"), lambda row: _one(row.city.country)),
    (gettext_lazy("Region"), lambda row: _one(row.city.country.region)),
    (gettext_lazy("Population of the city"), _population),
    (gettext_lazy("Field"), _field),
    (gettext_lazy("Stage"), lambda row: _one(row.get_stage_display())),
    (gettext_lazy("When"), lambda row: _one(years_words(row))),
    (gettext_lazy("Cost"), lambda row: _one(cost_words(row))),
    (gettext_lazy("City in from the outset"), lambda row: _one(yes_no_words(row.city_from_outset))),
    (gettext_lazy("COVID-19"), lambda row: _one(row.get_covid_relevance_display())),
    (gettext_lazy("Who"), _organisations),
    (gettext_lazy("Technologies"), _technologies),
    (gettext_lazy("Standards named"), _standards),
)
TEXTS: tuple[tuple[Words, Callable[[UseCase], list[Part]]], ...] = (
    (gettext_lazy("What was wrong"), lambda row: _one(row.problem)),
    (gettext_lazy("What the city did"), lambda row: _one(row.solution)),
    (gettext_lazy("What others can learn"), lambda row: [Part(lesson.advice) for lesson in row.lessons.all()]),
)


def compare(use_cases: Sequence[UseCase]) -> CaseComparison:
    """Put the cases side by side. Needs rows of `for_documents` and asks nothing more.

    Raises: ValueError for more than four.
    """
    if len(use_cases) > MOST_COMPARED:
        raise ValueError(f"At most {MOST_COMPARED} cases stand side by side, not {len(use_cases)}.")
    return CaseComparison(
        [ComparedCase(letter, row) for letter, row in zip(LETTERS, use_cases, strict=False)],
        [Row(label, [read(row) for row in use_cases]) for label, read in ROWS],
        [Row(label, [read(row) for row in use_cases], is_prose=True) for label, read in TEXTS],
    )
