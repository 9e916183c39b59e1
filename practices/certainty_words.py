"""The sentences of the certainty grade, and of results that cannot be combined."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from alliance.core.templatetags.numbers import as_decimal, digits, percent, rounded
from alliance.members.models import Organisation
from practices.certainty import Certainty
from practices.effects import Why
from usecases.models import City
from usecases.places import region_name

CERTAINTY_WORDS: dict[int, Promise] = {
    Certainty.HIGH: _("High certainty"),
    Certainty.MODERATE: _("Moderate certainty"),
    Certainty.LOW: _("Low certainty"),
    Certainty.VERY_LOW: _("Very low certainty"),
}

#: What a grade means for a reader who must decide.
CERTAINTY_EXPLANATION: dict[int, Promise] = {
    Certainty.HIGH: _("Further results will hardly change what is known of the effect."),
    Certainty.MODERATE: _("Further results may well change the size of the effect."),
    Certainty.LOW: _("Further results will probably change the size of the effect, and may change its direction."),
    Certainty.VERY_LOW: _("What is known of the effect is a first hint. Measure it when you try it."),
}

LINE_SENTENCES: dict[str, Promise] = {
    "start-4": _("Most of the weight lies on comparisons with a control: it starts at high."),
    "start-3": _("Most of the weight lies on trends or comparisons with another place: it starts at moderate."),
    "start-2": _("Most of the weight lies on comparisons of before and after: it starts at low."),
    "start-1": _("Most of the weight lies on figures that are stated or modelled: it starts at very low."),
    "inconsistency-heterogeneous": _(
        "The cities differ by more than chance explains: %(i_squared)s of the variation is not chance."
    ),
    "inconsistency-contradicting": _("Cities with %(share)s of the weight found the opposite."),
    "imprecision-crosses-zero": _("The interval holds “no effect”."),
    "imprecision-wide": _("The interval is wide: its ends differ by more than a factor of four."),
    "imprecision-few-cities": _("Only %(cities)s cities have measured it."),
    "age-old": _("Half of the results are %(median_age)s years old or older."),
    "age-unknown": _("The year is not known of %(share)s of the results."),
    "indirectness-one-region": _("All results come from one region of the world: %(regions)s."),
    "domination-city": _("One city has %(share)s of the weight: %(name)s."),
    "domination-reporter": _("One organisation reported %(share)s of the weight: %(name)s."),
    "domination-supplier": _("One supplier took part in %(share)s of the weight: %(name)s."),
    "missing-negative": _(
        "None of %(results)s results shows no change or a worse one. Such results may have stayed unpublished."
    ),
    "imputed-stable": _(
        "No spread was reported for %(share)s of the weight. Other assumptions lead to the same conclusion."
    ),
    "imputed-unstable": _(
        "No spread was reported for %(share)s of the weight, and other assumptions lead to another conclusion."
    ),
    "challenges-open": _("Challenges that are not answered yet: %(challenges)s."),
    "large-effect": _("The effect is large, even at the end of the interval that is nearer to none."),
    "verified": _("Somebody independent checked %(share)s of the weight."),
    "bounds-lowest": _("No grade lies below very low."),
    "bounds-highest": _("No grade lies above high."),
    "caps-cities": _("Too few cities have measured it for a mean: very low at most."),
    "caps-stated": _("Every result is stated by those who run or supply it, or modelled: very low at most."),
    "caps-harm": _("An editor confirmed harm: low at most."),
}

WHY_WORDS: dict[str, Promise] = {
    Why.NO_DIRECTION: _("Neither more nor less of this indicator is better, so no effect can be told."),
    Why.NO_BASELINE: _("There is no value from before, and no reported change."),
    Why.NOT_FINITE: _("The value is infinite or no number."),
    Why.ZERO_BASELINE: _("The value before was zero, so there is no ratio."),
    Why.ZERO_AFTER: _("The value fell to zero, so the ratio has no logarithm."),
    Why.NEGATIVE: _("A value below zero has no ratio."),
    Why.FELL_BY_ALL: _("A fall by all or more has no ratio."),
}

_SHARES = frozenset({"share", "i_squared"})


def line_sentences(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """The sentences of kept lines, in the reader's language, with names instead of slugs. At most two queries."""
    lines = list(lines)
    cities = [line["inputs"]["name"] for line in lines if line["sentence"] == "domination-city"]
    others = ("domination-reporter", "domination-supplier")
    organisations = [line["inputs"]["name"] for line in lines if line["sentence"] in others]
    names = _names(City, cities) | _names(Organisation, organisations)
    return [line_sentence(line["sentence"], line["inputs"], names) for line in lines]


def _names(model: type[Model], slugs: Sequence[str]) -> dict[str, str]:
    return dict(model._base_manager.filter(slug__in=slugs).values_list("slug", "name")) if slugs else {}


def line_sentence(sentence: str, inputs: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    """The sentence of a line, in the reader's language.

    Args: names: of what slugs stand for; one without a name is told as it is.
    Raises: KeyError for a key that there is not.
    """
    told = {name: (names or {}).get(value, value) if name == "name" else value for name, value in inputs.items()}
    return str(LINE_SENTENCES[sentence]) % {name: _shown(name, value) for name, value in told.items()}


def _shown(name: str, value: Any) -> str:
    if name == "regions":
        return ", ".join(region_name(slug, slug) for slug in value)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if (amount := None if isinstance(value, str) else as_decimal(value)) is None:
        return str(value)
    return percent(rounded(amount * 100, 0)) if name in _SHARES else digits(amount)
