"""How a result was measured and what else happened, in the codes that members report it by."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from alliance.core.evidence import Grade, Method


class ComparisonDesign(TextChoices):
    """How a result was compared, in the words of evidence synthesis."""

    RANDOMISED = "randomised", _("Randomised: chance decided who got it")
    MATCHED = "matched-comparison", _("Beside a comparable place or group")
    TIME_SERIES = "interrupted-time-series", _("Against the trend of many points before")
    BEFORE_AFTER = "before-after", _("Before and after")
    MODEL = "model", _("Modelled, not measured")
    NONE = "none", _("Not compared")


#: The method of results that members report, which is asked for as a design.
METHOD_OF_DESIGN: dict[str, Method] = {
    ComparisonDesign.RANDOMISED: Method.CONTROL_GROUP,
    ComparisonDesign.MATCHED: Method.COMPARISON_STUDY,
    ComparisonDesign.TIME_SERIES: Method.INTERRUPTED_TIME_SERIES,
    ComparisonDesign.BEFORE_AFTER: Method.BEFORE_AFTER,
    ComparisonDesign.MODEL: Method.MODEL,
    ComparisonDesign.NONE: Method.SELF_REPORTED,
}


class SideEffects(TextChoices):
    """Whether anybody looked for what else changed."""

    SEEN = "seen", _("Seen")
    NONE_FOUND = "none-found", _("Looked for, none found")
    NOT_LOOKED_FOR = "not-looked-for", _("Not looked for")


class Outcome(TextChoices):
    """How a pilot went on. All four are worth as much."""

    CONTINUES = "continues", _("It goes on or was extended")
    UNCHANGED = "unchanged", _("It changed nothing that could be measured")
    FAILED = "failed", _("It failed")
    STOPPED = "stopped", _("It was stopped early")


class Spread(TextChoices):
    """What a stated spread is."""

    STANDARD_DEVIATION = "sd", _("Standard deviation")
    STANDARD_ERROR = "se", _("Standard error")
    INTERVAL = "ci95", _("Half of the width of the 95-percent interval")


class SpreadUnknown(TextChoices):
    """Why a spread is not known."""

    NOT_COMPUTED = "not-computed", _("It was not computed")
    FULL_COUNT = "full-count", _("Everything was counted, there is no sample")
    NOT_TOLD = "not-told", _("Who measured did not tell")
    ONE_VALUE = "one-value", _("It was measured once")


class Design(TextChoices):
    """How a result was compared: the four grades of certainty by name."""

    CONTROL = "control", Grade.CONTROL.label
    TREND = "trend", Grade.TREND.label
    BEFORE_AFTER = "before-after", Grade.BEFORE_AFTER.label
    STATED = "stated", Grade.STATED.label


GRADE_OF_DESIGN: dict[str, Grade] = {
    Design.CONTROL: Grade.CONTROL,
    Design.TREND: Grade.TREND,
    Design.BEFORE_AFTER: Grade.BEFORE_AFTER,
    Design.STATED: Grade.STATED,
}
