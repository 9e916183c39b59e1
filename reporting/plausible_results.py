"""What is impossible or unusual about a result: unit, range, change, dates, comparison, and what others reported."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from alliance.core import units
from kpis.models import DataQuality, Direction, Kpi
from reporting.fields import ComparisonDesign, Outcome, SideEffects
from reporting.findings import Finding, error, warning
from reporting.known import Earlier, Statistics
from reporting.look import Look, told
from reporting.models import Report
from reporting.plausible_units import conversion, is_implied, limits
from reporting.reading_dates import PartialDate
from usecases.models import UseCase

#: Fewer results of others than this say nothing about what is usual.
ENOUGH_RESULTS = 5
#: A value so many times beyond all others, or a change so many times larger than all others, is asked about.
FAR_VALUE, FAR_CHANGE = 10, 3
#: After is so many times before, or the other way round: often two units.
HUNDREDFOLD = 100
#: A pilot that failed seldom improves its indicator by more than so many percent.
LARGE_IMPROVEMENT = 20


def of_result(look: Look) -> Iterator[Finding]:
    """All that is to be said about a result."""
    yield from _completeness(look)
    factor = None
    if look["kpi"] is not None:
        unit_findings, factor = _unit(look)
        yield from unit_findings
        yield from _ranges(look, factor)
        yield from _others(look, factor)
    yield from _change(look)
    yield from _dates(look)
    yield from _comparison(look)
    yield from _consequences(look)
    yield from _told_before(look)


# --- values ----------------------------------------------------------------------------------------------------------
def _completeness(look: Look) -> Iterator[Finding]:
    if look.is_open("result_value", "relative_change_percent"):
        if look.is_open("baseline_value"):
            message = _("Give the value after the change, or the change in percent.")
            yield error("result_value", "no-value", message)
        else:
            message = _("There is a value before, but none after: give it, or the change in percent.")
            yield error("result_value", "baseline-alone", message)


def _unit(look: Look) -> tuple[list[Finding], Decimal | None]:
    """What is wrong with the unit, and by how much a value is multiplied to be in that of the indicator."""
    kpi: Kpi = look["kpi"]
    valued = [name for name in ("baseline_value", "result_value") if look[name] is not None]
    signed = [name for name in (*valued, "spread") if name in look.percent_signs]
    unit = look["unit"]
    names = {"kpi": kpi.name, "wanted": units.words_for(kpi.unit) or kpi.unit}
    if unit is None and "unit" not in look.wrong and valued:
        if signed:
            unit = look.values["unit"] = "percent"
        elif is_implied(kpi.unit):
            unit = look.values["unit"] = kpi.unit
        else:
            message = _("Say in which unit the values are: “%(kpi)s” is told in %(wanted)s.") % names
            return [error("unit", "unit-missing", message)], None
    if unit is None:
        return [], None
    factor = conversion(unit, kpi.unit)
    names["unit"] = units.words_for(unit) or unit
    if factor is None:
        message = _(
            "%(unit)s cannot be converted into %(wanted)s, in which “%(kpi)s” is told: choose another unit, convert "
            "the values, or give only the change in percent."
        )
        return [error("unit", "unit-incompatible", message % names)], None
    if signed and conversion(unit, "percent") is None:
        message = _("A percent sign, but the unit is %(unit)s: leave the sign out, or set the unit to percent.") % names
        return [error(signed[0], "percent-in-other-unit", message)], None
    return [], factor


def _ranges(look: Look, factor: Decimal | None) -> Iterator[Finding]:
    kpi: Kpi = look["kpi"]
    low, high = limits(kpi)
    for name in ("baseline_value", "result_value"):
        value = look[name]
        if value is None or factor is None:
            continue
        value *= factor
        if low is not None and value < low:
            yield error(
                name,
                "value-too-low",
                _("%(value)s is impossible: “%(kpi)s” cannot be below %(low)s. Check the sign.")
                % {"value": told(value), "kpi": kpi.name, "low": told(low)},
            )
        if high is not None and value > high:
            yield error(
                name,
                "value-too-high",
                _("%(value)s is impossible: “%(kpi)s” cannot be above %(high)s. Check the point and the unit.")
                % {"value": told(value), "kpi": kpi.name, "high": told(high)},
            )
    change = look["relative_change_percent"]
    if change is not None and low == 0 and change < -100:
        yield error(
            "relative_change_percent",
            "change-too-low",
            _("A fall by %(change)s %% is impossible: nothing can fall by more than all of it.")
            % {"change": told(-change)},
        )
    shares = [look[name] for name in ("baseline_value", "result_value") if look[name] is not None]
    is_share = kpi.unit == "percent" and factor == 1 and not look.percent_signs & {"baseline_value", "result_value"}
    if is_share and shares and any(shares) and all(0 <= value <= 1 for value in shares):
        share = max(shares)
        yield warning(
            "result_value" if look["result_value"] is not None else "baseline_value",
            "share-as-fraction",
            _("%(value)s is at most one percent. Do you mean %(percent)s %%?")
            % {"value": told(share), "percent": told(share * 100)},
        )


def _others(look: Look, factor: Decimal | None) -> Iterator[Finding]:
    """Against what others reported for the same indicator."""
    kpi: Kpi = look["kpi"]
    others: Statistics = look.known.statistics(kpi)
    for name in ("baseline_value", "result_value"):
        value = look[name]
        if value is None or factor is None or others.values < ENOUGH_RESULTS:
            continue
        value = abs(value * factor)
        low, high = others.low or Decimal(0), others.high or Decimal(0)
        if value > high * FAR_VALUE or (value and value * FAR_VALUE < low):
            yield warning(
                name,
                "unusual-value",
                _(
                    "%(n)s values of others for “%(kpi)s” lie between %(low)s and %(high)s %(unit)s; "
                    "yours is %(value)s. Is that so?"
                )
                % {
                    "n": others.values,
                    "kpi": kpi.name,
                    "low": told(low),
                    "high": told(high),
                    "unit": units.words_for(kpi.unit),
                    "value": told(value),
                },
            )
    change = change_of(look)
    if change is not None and others.changes >= ENOUGH_RESULTS and abs(change) > FAR_CHANGE * others.largest_change:
        yield warning(
            "relative_change_percent" if look["relative_change_percent"] is not None else "result_value",
            "unusual-change",
            _(
                "The largest of %(n)s changes that others reported for “%(kpi)s” is %(largest)s %%; "
                "yours is %(change)s %%. Is that so?"
            )
            % {
                "n": others.changes,
                "kpi": kpi.name,
                "largest": told(others.largest_change),
                "change": told(round(change, 1)),
            },
        )


# --- the change ------------------------------------------------------------------------------------------------------
def change_of(look: Look) -> Decimal | None:
    """Relative change in percent: as reported, else from the two values."""
    if look["relative_change_percent"] is not None:
        return look["relative_change_percent"]
    baseline, result = look["baseline_value"], look["result_value"]
    return (result - baseline) * 100 / baseline if baseline and baseline > 0 and result is not None else None


def _change(look: Look) -> Iterator[Finding]:
    baseline, result = look["baseline_value"], look["result_value"]
    reported, change = look["relative_change_percent"], change_of(look)
    place = "relative_change_percent" if reported is not None else "result_value"
    if reported is not None and 0 < abs(reported) < 1 and "relative_change_percent" not in look.percent_signs:
        yield warning(
            place,
            "change-as-fraction",
            _("%(change)s is less than one percent. Do you mean %(percent)s %%?")
            % {"change": told(reported), "percent": told(reported * 100)},
        )
    if reported is not None and _contradicts(baseline, result, reported):
        yield warning(
            place,
            "change-contradicts-values",
            _(
                "From %(before)s to %(after)s is %(computed)s %%, but you report %(reported)s %%. "
                "Is it told against something else, such as a control group?"
            )
            % {
                "before": told(baseline),
                "after": told(result),
                "computed": told(round((result - baseline) * 100 / baseline, 1)),
                "reported": told(reported),
            },
        )
    if baseline and result and not 1 / HUNDREDFOLD < result / baseline < HUNDREDFOLD and result / baseline > 0:
        yield warning(
            "result_value",
            "hundredfold",
            _("%(before)s before and %(after)s after: are both in the same unit?")
            % {"before": told(baseline), "after": told(result)},
        )
    if change is None:
        return
    if change == 0 and look["outcome"] != Outcome.UNCHANGED:
        yield warning(place, "no-change", _("Before and after are the same. Did nothing change?"))
    yield from _direction(look, change, place)


def _contradicts(baseline: Decimal | None, result: Decimal | None, reported: Decimal) -> bool:
    """Whether two values and their change disagree by more than all three can have been rounded."""
    if baseline is None or result is None or baseline <= 0 or result < 0:
        return False
    least, most = baseline - _half(baseline), baseline + _half(baseline)
    lowest = (result - _half(result)) * 100 / most - 100
    highest = (result + _half(result)) * 100 / least - 100 if least > 0 else None
    rounding = _half(reported)
    return reported + rounding < lowest or (highest is not None and reported - rounding > highest)


def _half(number: Decimal) -> Decimal:
    """Half of the last place that was written: 12.5 may be anything from 12.45 to 12.55."""
    return Decimal(5).scaleb(min(0, int(number.as_tuple().exponent)) - 1)


def _direction(look: Look, change: Decimal, place: str) -> Iterator[Finding]:
    kpi: Kpi | None = look["kpi"]
    if kpi is None or kpi.direction == Direction.NONE or change == 0:
        return
    is_better = (change > 0) == (kpi.direction == Direction.INCREASE)
    if not is_better and look["outcome"] not in (Outcome.FAILED, Outcome.STOPPED):
        message = (
            _("You report %(change)s %% for “%(kpi)s”, where more is better. Did it get worse?")
            if kpi.direction == Direction.INCREASE
            else _("You report +%(change)s %% for “%(kpi)s”, where less is better. Did it get worse?")
        )
        yield warning(place, "against-direction", message % {"change": told(round(change, 1)), "kpi": kpi.name})
    if is_better and look["outcome"] == Outcome.FAILED and abs(change) >= LARGE_IMPROVEMENT:
        yield warning(
            "outcome",
            "failed-but-better",
            _("It failed, yet “%(kpi)s” got better by %(change)s %%. What failed?")
            % {"kpi": kpi.name, "change": told(round(abs(change), 1))},
        )
    if look["outcome"] == Outcome.UNCHANGED and abs(change) >= LARGE_IMPROVEMENT:
        yield warning(
            "outcome",
            "unchanged-but-changed",
            _("It changed nothing that could be measured, yet the change is %(change)s %%. Which of them is right?")
            % {"change": told(round(change, 1))},
        )


# --- dates -----------------------------------------------------------------------------------------------------------
def _dates(look: Look) -> Iterator[Finding]:
    before, after = look["baseline_on"], look["result_on"]
    for name, day in (("baseline_on", before), ("result_on", after)):
        if day is not None and day > look.today:
            yield error(
                name,
                "date-in-future",
                _("%(day)s has not come yet: give the day on which it was measured.") % {"day": _told_date(day)},
            )
    if before and after and _is_after(before, after):
        yield error(
            "result_on",
            "dates-out-of-order",
            _("The value after is dated %(after)s, earlier than the one before, %(before)s: swap or mend the dates.")
            % {"after": _told_date(after), "before": _told_date(before)},
        )
    elif before and after and before > after:
        # `2021-05` before, `2021` after: both are told as vaguely as the vaguer one.
        look.values["baseline_on"] = PartialDate.of(after.year, after.month if after.precision == "month" else None)
    if after is None and "result_on" not in look.wrong and look["result_value"] is not None:
        yield warning("result_on", "no-date", _("When was it measured? The year is enough."))
    use_case = look["use_case"]
    started = use_case.started_year if isinstance(use_case, UseCase) else None
    if after and started and after.year < started:
        yield warning(
            "result_on",
            "before-start",
            _("The use case started in %(started)s, the result is of %(year)s. Is the date right?")
            % {"started": started, "year": after.year},
        )


def _is_after(one: date, other: date) -> bool:
    """Whether one date is later, as far as the vaguer of the two tells."""
    precisions = {getattr(one, "precision", "day"), getattr(other, "precision", "day")}
    length = 1 if "year" in precisions else 2 if "month" in precisions else 3
    return one.timetuple()[:length] > other.timetuple()[:length]


def _told_date(day: date) -> str:
    precision = getattr(day, "precision", "day")
    return day.isoformat()[: {"year": 4, "month": 7, "day": 10}[precision]]


# --- comparison, sample, consequences --------------------------------------------------------------------------------
def _comparison(look: Look) -> Iterator[Finding]:
    spread, kind, reason = look["spread"], look["spread_kind"], look["spread_unknown"]
    if look["sample_n"] == 0:
        message = _("None were measured? Give the number, or leave it empty where it is not known.")
        yield error("sample_n", "sample-zero", message)
    if spread is not None:
        if spread < 0:
            yield error("spread", "spread-negative", _("A spread cannot be negative: write it without minus."))
        if look.is_open("spread_kind"):
            message = _("Say which spread it is: standard deviation, standard error, or half of an interval.")
            yield error("spread_kind", "spread-without-kind", message)
        if reason:
            message = _("You give a spread and also say why it is not known: empty one of them.")
            yield error("spread_unknown", "spread-and-reason", message)
    elif kind and "spread" not in look.wrong:
        message = _("You say which spread it is, but not how large: give the number, or empty the choice.")
        yield error("spread", "spread-kind-alone", message)
    elif look.is_open("spread", "spread_unknown"):
        message = _("How far do the single measurements lie apart? If that is not known, say why.")
        yield warning("spread_unknown", "spread-not-told", message)
    if (
        look["comparison"] == ComparisonDesign.NONE
        and look["baseline_value"] is not None
        and look["result_value"] is not None
    ):
        message = _("You give a value before and one after, so it was compared. Is it “Before and after”?")
        yield warning("comparison", "compared-after-all", message)
    if look["comparison"] == ComparisonDesign.MODEL and look["data_quality"] == DataQuality.MEASURED:
        message = _("The result is modelled, but the figures are measured. Which of them is right?")
        yield warning("data_quality", "modelled-or-measured", message)


def _consequences(look: Look) -> Iterator[Finding]:
    if look["side_effects"] == SideEffects.SEEN and look.is_open("side_effects_note"):
        yield warning("side_effects_note", "side-effects-untold", _("Which side effects were seen?"))
    if look["side_effects"] in (SideEffects.NONE_FOUND, SideEffects.NOT_LOOKED_FOR) and look["side_effects_note"]:
        message = _("You describe side effects, but say that none were seen. Which of them is right?")
        yield warning("side_effects", "side-effects-told", message)


# --- the same again --------------------------------------------------------------------------------------------------
def _told_before(look: Look) -> Iterator[Finding]:
    """The same indicator of the same use case and date: in public, in another report, in an earlier row."""
    use_case, kpi = look["use_case"], look["kpi"]
    if use_case is None or kpi is None:
        return
    on = look["result_on"]
    own = look.report.pk if look.report else None
    corrected = look.report.corrects_result_id if look.report else None
    if isinstance(use_case, UseCase) and corrected is None:
        for earlier in look.known.results_of(use_case, kpi):
            if not (own and earlier.report == own) and _may_be_same(earlier, on):
                yield warning("kpi", "duplicate-result", _twice(kpi, use_case, on))
                return
    for pk, earlier_kpi, day in look.known.own_results_of(use_case):
        if pk != own and earlier_kpi == kpi.pk and _same_day(on, day):
            message = _("You report “%(kpi)s” of this use case and date already. Is this another measurement?")
            yield warning("kpi", "duplicate-report", message % {"kpi": kpi.name})
            return
    key = (use_case.pk, isinstance(use_case, Report), kpi.pk, on)
    if key in look.known.told:
        message = _("An earlier row tells “%(kpi)s” of the same use case and date. Is this another measurement?")
        yield warning("kpi", "duplicate-row", message % {"kpi": kpi.name})
    look.known.told.add(key)


def _twice(kpi: Kpi, use_case: UseCase, on: date | None) -> str:
    message = (
        _("A result for “%(kpi)s” of “%(use_case)s” in %(year)s is public already. Is this another measurement?")
        if on
        else _("A result for “%(kpi)s” of “%(use_case)s” is public already. Is this another measurement?")
    )
    return message % {"kpi": kpi.name, "use_case": use_case.title, "year": on.year if on else ""}


def _may_be_same(earlier: Earlier, on: date | None) -> bool:
    return on is None or earlier.year is None or earlier.year == on.year


def _same_day(one: Any, other: Any) -> bool:
    return one is None or other is None or not (_is_after(one, other) or _is_after(other, one))
