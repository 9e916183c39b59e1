"""How sure one can be of a measured result, by how it was compared.

The four grades are those of the portal's dot: its fill says how sure one can be.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Method(models.TextChoices):
    """How a result was obtained, as worded by its source."""

    CONTROL_GROUP = "control group", _("control group")
    SYNTHETIC_CONTROL = "synthetic control", _("synthetic control")
    INTERRUPTED_TIME_SERIES = "interrupted time series", _("interrupted time series")
    COMPARISON_STUDY = "comparison study", _("comparison study")
    BEFORE_AFTER = "before-after", _("before and after")
    ADMINISTRATIVE_DATA = "administrative data", _("administrative data")
    SURVEY = "survey", _("survey")
    STUDY = "study", _("study, design not stated")
    OPERATOR_DATA = "operator data", _("operator data")
    MODEL = "model", _("model")
    SELF_REPORTED = "self-reported", _("self-reported")


class Grade(models.IntegerChoices):
    """How far a comparison rules out other causes: 4 is as sure as one gets here."""

    STATED = 1, _("Stated or modelled")
    BEFORE_AFTER = 2, _("Before and after only")
    TREND = 3, _("Trend or comparison study")
    CONTROL = 4, _("Compared with a control")


GRADE_OF_METHOD: dict[str, Grade] = {
    Method.CONTROL_GROUP: Grade.CONTROL,
    Method.SYNTHETIC_CONTROL: Grade.CONTROL,
    Method.INTERRUPTED_TIME_SERIES: Grade.TREND,
    Method.COMPARISON_STUDY: Grade.TREND,
    Method.BEFORE_AFTER: Grade.BEFORE_AFTER,
    Method.ADMINISTRATIVE_DATA: Grade.BEFORE_AFTER,
    Method.SURVEY: Grade.BEFORE_AFTER,
    Method.STUDY: Grade.BEFORE_AFTER,
    Method.OPERATOR_DATA: Grade.STATED,
    Method.MODEL: Grade.STATED,
    Method.SELF_REPORTED: Grade.STATED,
}

#: The words beside the dot.
METHOD_WORDS: dict[str, object] = {
    Method.CONTROL_GROUP: _("Compared with a control group"),
    Method.SYNTHETIC_CONTROL: _("Compared with a synthetic control"),
    Method.INTERRUPTED_TIME_SERIES: _("Compared with the trend before"),
    Method.COMPARISON_STUDY: _("Compared with another place"),
    Method.BEFORE_AFTER: _("Before and after, no control"),
    Method.ADMINISTRATIVE_DATA: _("Administrative figures"),
    Method.SURVEY: _("Survey"),
    Method.STUDY: _("Study, design not stated"),
    Method.OPERATOR_DATA: _("Figures from the operator"),
    Method.MODEL: _("Modelled, not measured"),
    Method.SELF_REPORTED: _("Stated by those who ran it"),
}

#: What a grade means for a reader who must decide, one sentence each.
GRADE_EXPLANATION: dict[int, object] = {
    Grade.CONTROL: _(
        "A control group or a synthetic control shows what would have happened anyway. "
        "That rules out most other causes."
    ),
    Grade.TREND: _("A trend over time, or another place beside it. Some other causes remain possible."),
    Grade.BEFORE_AFTER: _("Better or worse than before. Other causes cannot be ruled out."),
    Grade.STATED: _(
        "Figures from the operator or supplier, or from a model. Nobody else has checked them, as far as is known."
    ),
}


class Effect(models.TextChoices):
    """Which way a change went, seen from the city; the indicator says which way is better."""

    BETTER = "better", _("better")
    WORSE = "worse", _("worse")
    NEUTRAL = "neutral", _("neither better nor worse, or not known")
