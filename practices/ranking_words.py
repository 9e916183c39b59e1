"""The sentences of the lines of a score, and the names of its criteria."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from alliance.core.templatetags.numbers import as_decimal, digits, percent, rounded

CRITERION_WORDS: dict[str, Promise] = {
    "certainty": _("Certainty"),
    "effect": _("Effect"),
    "cities": _("Number of cities"),
    "recency": _("Recency"),
    "fit": _("Fit"),
    "cost": _("Cost"),
}

#: Code of a line -> what its points come from.
REASONS: dict[str, Promise] = {
    "grade-points": _("Grade %(grade)s of 4, %(step)s points each"),
    "low-points": _(
        "The lower end of the interval (%(low)s as a log ratio) is %(times)s times what is usual (%(usual)s)"
    ),
    "grade": _("Grade %(grade)s of 4, times %(weight)s"),
    "low": _("The lower end of the interval is %(times)s times what is usual, times %(weight)s"),
    "cities": _("Measured in %(cities)s cities, times %(weight)s"),
    "recency": _("The newest result is of %(year)s, times %(weight)s"),
    "recency-unknown": _("No source tells the year of a result"),
    "fit": _("%(share)s of its cities are like yours, times %(weight)s"),
    # Whether, not how much: costs are stated in other currencies, years and scopes, so that they cannot be compared.
    "cost-stated": _("A source states what it cost, times %(weight)s"),
    "cost-not-stated": _("No source states what it cost"),
}

_PLACES = {"low": 3, "times": 2, "usual": 3}


def criterion(name: str) -> str:
    """A criterion in the reader's language."""
    return str(CRITERION_WORDS.get(name, name))


def reason(line: Mapping[str, Any]) -> str:
    """What the points of a line come from, in the reader's language; of a run before codes, as it was kept."""
    if "code" not in line:
        return str(line.get("because", ""))
    return str(REASONS[line["code"]]) % {name: _shown(name, value) for name, value in line["params"].items()}


def _shown(name: str, value: Any) -> str:
    amount = as_decimal(value)
    if amount is None or name == "year":
        return str(value)
    return percent(rounded(amount * 100, 0)) if name == "share" else digits(rounded(amount, _PLACES.get(name, 2)))
