"""How sure one can be of a case's results, in plain words: what the comparison rules out, and what holds it back."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alliance.core.evidence import GRADE_EXPLANATION, GRADE_OF_METHOD, METHOD_WORDS, Grade, Method
from alliance.core.templatetags.numbers import number
from kpis.models import Result, Verification

#: The answer to "How sure can one be?".
ANSWERS: dict[int, Promise] = {
    Grade.CONTROL: gettext_lazy("As sure as one gets here: 4 of 4"),
    Grade.TREND: gettext_lazy("Fairly sure: 3 of 4"),
    Grade.BEFORE_AFTER: gettext_lazy("Only so far: 2 of 4"),
    Grade.STATED: gettext_lazy("Not very: 1 of 4"),
}


@dataclass(frozen=True)
class MethodCount:
    """How many results were obtained in one way."""

    grade: int
    words: object
    count: int


@dataclass(frozen=True)
class Sureness:
    """The answer for a case: by its surest result, and what to keep in mind about all of them."""

    grade: int
    answer: str
    explanation: str
    #: One entry a method, the surest first; more than one says that not every result is as sure as the answer.
    methods: Sequence[MethodCount]
    reservations: Sequence[str]

    @property
    def is_mixed(self) -> bool:
        return len(self.methods) > 1


def sureness(results: Sequence[Result]) -> Sureness:
    """Judge results of one case.

    Raises: ValueError without results, as there is nothing to be sure of.
    """
    if not results:
        raise ValueError("Without results there is nothing to be sure of.")
    counts: dict[str, int] = {}
    for result in results:
        counts[result.method] = counts.get(result.method, 0) + 1
    methods = [
        MethodCount(int(GRADE_OF_METHOD[method]), METHOD_WORDS[method], n)
        for method, n in sorted(counts.items(), key=lambda item: (-GRADE_OF_METHOD[item[0]], -item[1], item[0]))
    ]
    grade = methods[0].grade
    return Sureness(grade, str(ANSWERS[grade]), str(GRADE_EXPLANATION[grade]), methods, _reservations(results))


def _reservations(results: Sequence[Result]) -> list[str]:
    total = len(results)
    told_by_operator = {Method.SELF_REPORTED, Method.OPERATOR_DATA}
    checks = (
        (
            [not result.sample_size for result in results],
            _("The sample is not stated."),
            lambda n: ngettext(
                "The sample of %(n)s of %(total)s results is not stated.",
                "The samples of %(n)s of %(total)s results are not stated.",
                n,
            ),
        ),
        (
            [result.method in told_by_operator for result in results],
            _("Those who run or supply it also report it."),
            lambda n: ngettext(
                "%(n)s of %(total)s results comes from those who run or supply it.",
                "%(n)s of %(total)s results come from those who run or supply it.",
                n,
            ),
        ),
        (
            [result.method == Method.MODEL for result in results],
            _("The figures are modelled, not measured."),
            lambda n: ngettext(
                "%(n)s of %(total)s results is modelled, not measured.",
                "%(n)s of %(total)s results are modelled, not measured.",
                n,
            ),
        ),
        (
            [result.measured_year is None for result in results],
            _("The year of the figures is not stated."),
            lambda n: ngettext(
                "The year of %(n)s of %(total)s results is not stated.",
                "The years of %(n)s of %(total)s results are not stated.",
                n,
            ),
        ),
        (
            [result.change_percent is None for result in results],
            _("The source gives no value from before, so no change is known."),
            lambda n: ngettext(
                "%(n)s of %(total)s results has no value from before, so its change is not known.",
                "%(n)s of %(total)s results have no value from before, so their change is not known.",
                n,
            ),
        ),
        (
            [result.verification == Verification.DECLARED for result in results],
            _("The figures are as the source gives them; nobody has checked them again."),
            lambda n: ngettext(
                "%(n)s of %(total)s results is as its source gives it, not checked again.",
                "%(n)s of %(total)s results are as their sources give them, not checked again.",
                n,
            ),
        ),
    )
    found = []
    for hits, all_of_them, some_of_them in checks:
        n = sum(hits)
        if n == total:
            found.append(all_of_them)
        elif n:
            found.append(some_of_them(n) % {"n": number(n), "total": number(total)})
    return found
