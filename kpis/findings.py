"""A result as a headline: "43% less time searching for parking", "6.2 road deaths per 100,000 people a year".

Words are written for the pilot indicators, which have no published wording of their own. Every other indicator, and
every value in a unit that its indicator does not have, is named after a colon, so that the sentence is right for any
name: "12% lower: Unemployment Rate". The numbers are those of the data, rounded as `change_words` and `measure` do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from alliance.core import units
from alliance.core.templatetags.numbers import as_decimal, change_words, is_nothing, measure, number, percent
from kpis.models import Kpi, Result

# Private-use characters: no text holds them, and escaping leaves them alone.
_START, _STOP = "\ue000", "\ue001"


@dataclass(frozen=True)
class Phrase:
    """How one indicator is said.

    Attributes:
        words: the pair for a fall and a rise, as `change_words` takes it.
        change: a sentence with %(change)s, "43% less".
        level: a sentence with %(number)s, a value in the indicator's own unit; a pair bends with the number. None where
            the value and the indicator's name say it best.
    """

    words: str
    change: Promise | str
    level: Promise | str | None = None


_LESS, _FEWER, _LOWER, _SHORTER = "less/more", "fewer/more", "lower/higher", "shorter/longer"

#: By code of the indicator. A test compares the codes with `data/kpis.csv`.
PHRASES: Mapping[str, Phrase] = {
    # lighting
    "ALL-LGT-ELEC": Phrase(
        _LESS,
        gettext_lazy("%(change)s electricity used for street lighting"),
        gettext_lazy("%(number)s kWh of electricity a year for street lighting"),
    ),
    "ALL-LGT-COST": Phrase(
        _LOWER,
        gettext_lazy("%(change)s electricity costs of street lighting"),
        gettext_lazy("%(number)s USD a year for the electricity of street lighting"),
    ),
    "ALL-LGT-MAINT": Phrase(
        _LOWER,
        gettext_lazy("%(change)s maintenance costs of street lighting"),
        gettext_lazy("%(number)s USD a year for the maintenance of street lighting"),
    ),
    "ALL-LGT-REPAIR": Phrase(
        _FEWER,
        gettext_lazy("%(change)s street lighting repairs"),
        ngettext_lazy("%(number)s street lighting repair a year", "%(number)s street lighting repairs a year", "count"),
    ),
    "ALL-LGT-CO2AVOID": Phrase(
        _FEWER,
        gettext_lazy("%(change)s emissions avoided by renewed lighting"),
        gettext_lazy("%(number)s t of emissions avoided a year by renewed lighting"),
    ),
    # mobility
    "ALL-PRK-SEARCH": Phrase(
        _LESS,
        gettext_lazy("%(change)s time searching for parking"),
        ngettext_lazy(
            "%(number)s minute of searching for parking", "%(number)s minutes of searching for parking", "count"
        ),
    ),
    "ALL-PRK-VKT": Phrase(
        _LESS,
        gettext_lazy("%(change)s driving in search of parking"),
        gettext_lazy("%(number)s km a day driven in search of parking"),
    ),
    "ALL-PRK-CITE": Phrase(
        _FEWER,
        gettext_lazy("%(change)s parking citations"),
        ngettext_lazy("%(number)s parking citation a year", "%(number)s parking citations a year", "count"),
    ),
    "ALL-PRK-FULL": Phrase(
        _LESS,
        gettext_lazy("%(change)s time with no free space on a block"),
        gettext_lazy("%(number)s of the time without a free space on a block"),
    ),
    "ALL-TRV-TIME": Phrase(
        _LESS,
        gettext_lazy("%(change)s travel time"),
        ngettext_lazy("%(number)s minute of travel time", "%(number)s minutes of travel time", "count"),
    ),
    "ALL-TRV-WAIT": Phrase(
        _LESS,
        gettext_lazy("%(change)s waiting at signals"),
        ngettext_lazy("%(number)s minute of waiting at signals", "%(number)s minutes of waiting at signals", "count"),
    ),
    "ALL-TRV-SPEED": Phrase(
        _LOWER,
        gettext_lazy("%(change)s travel speed"),
        gettext_lazy("%(number)s km/h travel speed"),
    ),
    "ALL-TRV-VOL": Phrase(
        _LESS,
        gettext_lazy("%(change)s motor traffic"),
        ngettext_lazy("%(number)s motor vehicle a day", "%(number)s motor vehicles a day", "count"),
    ),
    "ALL-TRV-CO2": Phrase(
        _LOWER,
        gettext_lazy("%(change)s greenhouse gas emissions of traffic"),
        gettext_lazy("%(number)s t of greenhouse gases from traffic a year"),
    ),
    "ALL-MOB-EVSHARE": Phrase(
        _LOWER,
        gettext_lazy("%(change)s share of electric vehicles in the fleet"),
        gettext_lazy("%(number)s of the fleet is electric"),
    ),
    "ALL-MOB-CARTRIPSAVOID": Phrase(
        _FEWER,
        gettext_lazy("%(change)s car trips avoided"),
        ngettext_lazy("%(number)s car trip avoided a year", "%(number)s car trips avoided a year", "count"),
    ),
    "ALL-PT-RIDERS": Phrase(
        _FEWER,
        gettext_lazy("%(change)s public transport passengers"),
        ngettext_lazy(
            "%(number)s public transport passenger a day", "%(number)s public transport passengers a day", "count"
        ),
    ),
    "ALL-PT-RATING": Phrase(
        _LOWER,
        gettext_lazy("%(change)s rating by passengers"),
        gettext_lazy("%(number)s out of 7 in the passengers’ rating"),
    ),
    "ALL-PT-ENERGYCOST": Phrase(
        _LOWER,
        gettext_lazy("%(change)s energy costs of running the vehicles"),
        gettext_lazy("%(number)s USD per km for the energy of the vehicles"),
    ),
    # waste
    "ALL-WST-TRIPS": Phrase(
        _FEWER,
        gettext_lazy("%(change)s waste collection rounds"),
        ngettext_lazy("%(number)s waste collection round a week", "%(number)s waste collection rounds a week", "count"),
    ),
    "ALL-WST-COST": Phrase(
        _LOWER,
        gettext_lazy("%(change)s operating costs of waste collection"),
        gettext_lazy("%(number)s USD a year for the operation of waste collection"),
    ),
    "ALL-WST-STAFF": Phrase(
        _FEWER,
        gettext_lazy("%(change)s staff needed for waste collection"),
        ngettext_lazy(
            "%(number)s person needed for waste collection", "%(number)s people needed for waste collection", "count"
        ),
    ),
    # water
    "ALL-WAT-NRW": Phrase(
        _LOWER,
        gettext_lazy("%(change)s share of water that earns no revenue"),
        gettext_lazy("%(number)s of the water earns no revenue"),
    ),
    "ALL-WAT-INPUT": Phrase(
        _LESS,
        gettext_lazy("%(change)s water put into the supply zone"),
        gettext_lazy("%(number)s m³ of water a year put into the supply zone"),
    ),
    "ALL-WAT-SAVED": Phrase(
        _LESS,
        gettext_lazy("%(change)s water saved a year"),
        gettext_lazy("%(number)s m³ of water saved a year"),
    ),
    "ALL-WAT-SAVEDCUM": Phrase(
        _LESS,
        gettext_lazy("%(change)s water saved in total"),
        gettext_lazy("%(number)s m³ of water saved in total"),
    ),
    "ALL-WAT-USE": Phrase(
        _LESS,
        gettext_lazy("%(change)s water used on the site"),
        ngettext_lazy(
            "%(number)s litre of water a day used on the site",
            "%(number)s litres of water a day used on the site",
            "count",
        ),
    ),
    "ALL-WAT-CSO": Phrase(
        _LESS,
        gettext_lazy("%(change)s combined sewer overflow"),
        gettext_lazy("%(number)s m³ of combined sewer overflow a year"),
    ),
    "ALL-WAT-ECOLI": Phrase(
        _LESS,
        gettext_lazy("%(change)s E. coli in the river"),
        gettext_lazy("%(number)s E. coli per litre in the river"),
    ),
    "ALL-WAT-FETCH": Phrase(
        _LESS,
        gettext_lazy("%(change)s time to fetch water"),
        ngettext_lazy("%(number)s minute to fetch water", "%(number)s minutes to fetch water", "count"),
    ),
    # energy and buildings
    "ALL-ENR-OUTAGE": Phrase(
        _LESS,
        gettext_lazy("%(change)s time without power"),
        ngettext_lazy("%(number)s minute a year without power", "%(number)s minutes a year without power", "count"),
    ),
    "ALL-ENR-CO2AVOID": Phrase(
        _FEWER,
        gettext_lazy("%(change)s emissions avoided by energy measures"),
        gettext_lazy("%(number)s t of emissions avoided by energy measures"),
    ),
    "ALL-BLD-ENERGY": Phrase(
        _LESS,
        gettext_lazy("%(change)s energy bought per floor area"),
        gettext_lazy("%(number)s kWh of energy bought per m² a year"),
    ),
    "ALL-BLD-CO2": Phrase(
        _LOWER,
        gettext_lazy("%(change)s emissions of regulated buildings"),
        gettext_lazy("%(number)s t of emissions a year from regulated buildings"),
    ),
    # safety
    "ALL-EMG-RESP": Phrase(
        _SHORTER,
        gettext_lazy("%(change)s emergency response time"),
        ngettext_lazy(
            "%(number)s minute until emergency help arrives",
            "%(number)s minutes until emergency help arrives",
            "count",
        ),
    ),
    "ALL-SAF-CRIME": Phrase(
        _LESS,
        gettext_lazy("%(change)s recorded crime"),
        ngettext_lazy("%(number)s recorded crime a year", "%(number)s recorded crimes a year", "count"),
    ),
    "ALL-SAF-CRASH": Phrase(
        _FEWER,
        gettext_lazy("%(change)s road crashes"),
        ngettext_lazy("%(number)s road crash a year", "%(number)s road crashes a year", "count"),
    ),
    "ALL-SAF-TRAFDEATH": Phrase(
        _FEWER,
        gettext_lazy("%(change)s road deaths"),
        ngettext_lazy("%(number)s road death a year", "%(number)s road deaths a year", "count"),
    ),
    "ALL-SAF-TRAFDEATHPOP": Phrase(
        _FEWER,
        gettext_lazy("%(change)s road deaths per 100,000 people"),
        ngettext_lazy(
            "%(number)s road death per 100,000 people a year",
            "%(number)s road deaths per 100,000 people a year",
            "count",
        ),
    ),
    "ALL-SAF-TRAFDEATHRATE": Phrase(
        _FEWER,
        gettext_lazy("%(change)s road deaths per vehicle"),
        ngettext_lazy(
            "%(number)s road death per 10,000 vehicles a year",
            "%(number)s road deaths per 10,000 vehicles a year",
            "count",
        ),
    ),
    # health
    "ALL-HLT-INHALER": Phrase(
        _LESS,
        gettext_lazy("%(change)s use of rescue inhalers"),
        ngettext_lazy(
            "%(number)s use of a rescue inhaler per person a year",
            "%(number)s uses of a rescue inhaler per person a year",
            "count",
        ),
    ),
    "ALL-HLT-SYMPTOMFREE": Phrase(
        _FEWER,
        gettext_lazy("%(change)s symptom-free days"),
        ngettext_lazy("%(number)s symptom-free day a year", "%(number)s symptom-free days a year", "count"),
    ),
    "ALL-HLT-EXPIRED": Phrase(
        _FEWER,
        gettext_lazy("%(change)s blood units expired"),
        ngettext_lazy("%(number)s blood unit expired a year", "%(number)s blood units expired a year", "count"),
    ),
    "ALL-HLT-INFANT": Phrase(
        _LOWER,
        gettext_lazy("%(change)s infant mortality"),
        ngettext_lazy("%(number)s infant death per 1,000 births", "%(number)s infant deaths per 1,000 births", "count"),
    ),
    "ALL-HLT-DEATHSAVOID": Phrase(
        _FEWER,
        gettext_lazy("%(change)s deaths avoided"),
        ngettext_lazy("%(number)s death avoided a year", "%(number)s deaths avoided a year", "count"),
    ),
    "ALL-COV-SAMPLES": Phrase(
        _FEWER,
        gettext_lazy("%(change)s test samples transported"),
        ngettext_lazy("%(number)s test sample transported", "%(number)s test samples transported", "count"),
    ),
    "ALL-COV-DOSES": Phrase(
        _FEWER,
        gettext_lazy("%(change)s vaccine doses delivered"),
        ngettext_lazy("%(number)s vaccine dose delivered", "%(number)s vaccine doses delivered", "count"),
    ),
    "ALL-COV-TRACETIME": Phrase(
        _LESS,
        gettext_lazy("%(change)s time to trace contacts"),
        ngettext_lazy("%(number)s minute to trace contacts", "%(number)s minutes to trace contacts", "count"),
    ),
    "ALL-COV-APPS": Phrase(
        _FEWER,
        gettext_lazy("%(change)s applications by others on open health data"),
        ngettext_lazy(
            "%(number)s application by others on open health data",
            "%(number)s applications by others on open health data",
            "count",
        ),
    ),
    "ALL-COV-R": Phrase(
        _FEWER,
        gettext_lazy("%(change)s people infected by one case"),
        ngettext_lazy("%(number)s person infected by one case", "%(number)s people infected by one case", "count"),
    ),
    "ALL-COV-FOOTFALL": Phrase(
        _FEWER,
        gettext_lazy("%(change)s pedestrians counted"),
        ngettext_lazy("%(number)s pedestrian counted a day", "%(number)s pedestrians counted a day", "count"),
    ),
    "ALL-COV-ADOPTION": Phrase(
        _LOWER,
        gettext_lazy("%(change)s share of people using the health application"),
        gettext_lazy("%(number)s of people use the health application"),
    ),
    # governance and inclusion
    "ALL-GOV-LEADTIME": Phrase(
        _FEWER,
        gettext_lazy("%(change)s days gained in finding violations"),
        ngettext_lazy(
            "%(number)s day gained in finding violations", "%(number)s days gained in finding violations", "count"
        ),
    ),
    "ALL-GOV-REVENUE": Phrase(
        _LOWER,
        gettext_lazy("%(change)s own-source or property revenue"),
        gettext_lazy("%(number)s USD a year of own-source or property revenue"),
    ),
    "ALL-GOV-PERMITS": Phrase(
        _FEWER,
        gettext_lazy("%(change)s permits granted"),
        ngettext_lazy("%(number)s permit granted a year", "%(number)s permits granted a year", "count"),
    ),
    "ALL-GOV-RESOLVED": Phrase(
        _LOWER,
        gettext_lazy("%(change)s share of citizen reports resolved"),
        gettext_lazy("%(number)s of citizen reports resolved"),
    ),
    "ALL-SCO-USERS": Phrase(
        _FEWER,
        gettext_lazy("%(change)s registered users"),
        ngettext_lazy("%(number)s registered user", "%(number)s registered users", "count"),
    ),
    "ALL-SCO-VISITS": Phrase(
        _FEWER,
        gettext_lazy("%(change)s visits to a public information service"),
        ngettext_lazy(
            "%(number)s visit to a public information service",
            "%(number)s visits to a public information service",
            "count",
        ),
    ),
    "ALL-SCO-TIMESAVED": Phrase(
        _LOWER,
        gettext_lazy("%(change)s share of users who say that they save time"),
        gettext_lazy("%(number)s of users say that they save time"),
    ),
    "ALL-SCO-SPENDLESS": Phrase(
        _LOWER,
        gettext_lazy("%(change)s share of users who say that they spend less"),
        gettext_lazy("%(number)s of users say that they spend less"),
    ),
    # environment, deployment
    "ALL-ENV-NO2": Phrase(
        _LESS,
        gettext_lazy("%(change)s nitrogen dioxide at the roadside"),
        gettext_lazy("%(number)s µg/m³ of nitrogen dioxide at the roadside"),
    ),
    "ALL-ENV-NONCOMP": Phrase(
        _FEWER,
        gettext_lazy("%(change)s vehicles below the emission standard"),
        ngettext_lazy(
            "%(number)s vehicle a day below the emission standard",
            "%(number)s vehicles a day below the emission standard",
            "count",
        ),
    ),
    "ALL-DEP-DEVICES": Phrase(
        _FEWER,
        gettext_lazy("%(change)s devices deployed"),
        ngettext_lazy("%(number)s device deployed", "%(number)s devices deployed", "count"),
    ),
}


@dataclass(frozen=True)
class Finding:
    """The headline of a result. `text` is plain; `html` has the number in `<strong>`."""

    text: str
    html: SafeString

    def __str__(self) -> str:
        return self.text

    def __html__(self) -> SafeString:
        return self.html


def finding(result: Result) -> Finding:
    """Say what a result found: its change when one is known, else the value.

    The result's indicator must be loaded. A change of nothing reads "No change: <indicator>".
    """
    change = as_decimal(result.change_percent)
    marked = _change(result.kpi, change) if change is not None else _level(result)
    text = marked.replace(_START, "").replace(_STOP, "")
    html = escape(marked).replace(_START, "<strong>").replace(_STOP, "</strong>")
    return Finding(text, mark_safe(html))  # noqa: S308  (escaped in the line above)


def _strong(text: str) -> str:
    return f"{_START}{text}{_STOP}"


def _named(lead: str, kpi: Kpi) -> str:
    """The form that is right for any name of an indicator."""
    # Translators: a finding without words of its own, say "12% lower: Unemployment Rate".
    return _("%(finding)s: %(indicator)s") % {"finding": _strong(lead), "indicator": kpi.name}


def _change(kpi: Kpi, change: Decimal) -> str:
    phrase = PHRASES.get(kpi.code)
    if change == 0:
        return _named(_("No change"), kpi)
    if is_nothing(change):  # rounds to nothing, and is not nothing
        return _named(_("Less than %(least)s change") % {"least": percent(Decimal("0.1"))}, kpi)
    if phrase is None:
        return _named(change_words(change, _LOWER), kpi)
    return str(phrase.change) % {"change": _strong(change_words(change, phrase.words))}


def _level(result: Result) -> str:
    kpi, value = result.kpi, as_decimal(result.result_value)
    if value is None:  # the database refuses a result that says neither change nor value
        raise ValueError(f"Result {result.pk} has neither a change nor a value.")
    phrase = PHRASES.get(kpi.code)
    if phrase is None or phrase.level is None or result.unit != kpi.unit:
        return _named(measure(value, result.unit), kpi)
    shown = measure(value, units.PERCENT) if kpi.unit == units.PERCENT else number(value)
    whole = int(abs(value)) if value == value.to_integral_value() else units.FRACTION
    return str(phrase.level % {"number": _strong(shown), "count": whole})
