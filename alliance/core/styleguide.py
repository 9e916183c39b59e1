"""Sample values for the living style guide: real results of the reference data, so that each part looks as it will."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.utils.translation import gettext as _

from alliance.core.charts import Point, scale_for
from alliance.core.evidence import GRADE_EXPLANATION, Grade
from alliance.core.facets import Option
from alliance.core.filters import Chip
from alliance.core.views import ShownFacet

COLOURS = (
    ("paper", "Ground"),
    ("mist", "Second ground, notices"),
    ("mist-2", "Land, track, range"),
    ("rule", "Lines between rows"),
    ("edge", "Borders of controls"),
    ("ink-2", "Quiet text"),
    ("ink", "Text, zero lines"),
    ("link", "Links, main button"),
    ("better", "Effect: better"),
    ("worse", "Effect: worse"),
    ("neutral", "Effect: neither"),
    ("you", "You: your city, your choice"),
    ("error", "Something must be mended"),
)
SPACES = (("s1", 4), ("s2", 8), ("s3", 12), ("s4", 16), ("s6", 24), ("s8", 32), ("s12", 48))

PLACES = (
    ("San Francisco", 37.77493, -122.41942, True, "43% less searching"),
    ("Fortaleza", -3.71722, -38.54306, True, "57% fewer road deaths"),
    ("Buenos Aires", -34.61315, -58.37723, True, "50% less lighting power"),
    ("Muhanga", -2.08453, 29.75324, True, "67% less expired blood"),
    ("Cape Town", -33.92584, 18.42322, True, "40% less water supplied"),
    ("Melbourne", -37.814, 144.96332, True, "84% fewer bin collections"),
    ("Helsinki", 60.16952, 24.93545, False, ""),
    ("Oslo", 59.91273, 10.74609, True, ""),
    ("Pune", 18.51957, 73.85535, False, ""),
    ("Seoul", 37.566, 126.9784, True, ""),
    ("Marrakesh", 31.63416, -7.99994, False, ""),
    ("Nairobi", -1.28333, 36.81667, True, ""),
)

ROWS = (
    ("Time searching for a space", "about five minutes less, pilot areas", Point(-43, "better", 4)),
    ("Distance driven while searching", "distance driven while circling", Point(-30, "better", 4)),
    ("Travel speed", "reported with an interval, as an example", Point(10.8, "better", 2, (4, 17))),
    ("Electricity for lights", "interval assumed from the design", Point(-63.3, "better", 2, (-75, -46), True)),
    ("Energy used at night", "worse, as an example", Point(18, "worse", 1)),
    ("Visits to the portal", "beyond the scale, as an example", Point(640, "neutral", 2)),
    ("Road deaths", "6.2 per 100,000 people a year, no baseline", Point(None, "neutral", 2)),
)

TRAVEL_TIME = (-32, -26, -25.8, -25, -22, -20, -20, -18, -12, -9.6, -3, 2)


class SampleForm(forms.Form):
    """One field of each kind, as any form of the portal draws it."""

    city = forms.CharField(label="City", help_text="As your statistics office spells it.")
    year = forms.IntegerField(
        label="Year", min_value=1950, error_messages={"min_value": "Enter a year as four digits, like 2019"}
    )
    stage = forms.ChoiceField(label="Stage", choices=[("pilot", "Pilot"), ("launched", "Launched")])
    design = forms.ChoiceField(
        label="What was it compared with?",
        widget=forms.RadioSelect,
        choices=[("control", "A similar place that stayed as it was"), ("before", "The same place before")],
        error_messages={"required": "Say what the change was compared with"},
    )
    note = forms.CharField(label="What got worse?", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    known = forms.BooleanField(label="The numbers are right", required=False)


def context() -> dict[str, Any]:
    """Everything that `styleguide.html` shows, by name."""
    cases = scale_for([-84, 10.8])
    rows = scale_for([-75, 18])
    travel = [
        Point(change, "better" if change < 0 else "worse", index % 4 + 1) for index, change in enumerate(TRAVEL_TIME)
    ]
    form = SampleForm({"sample-city": "Nairobi", "sample-year": "19", "sample-stage": "pilot"}, prefix="sample")
    form.is_valid()
    return {
        "colours": COLOURS,
        "spaces": SPACES,
        "grades": [
            {"grade": grade.value, "label": grade.label, "explanation": GRADE_EXPLANATION[grade], "count": count}
            for grade, count in zip(sorted(Grade, reverse=True), (5, 4, 51, 26), strict=True)
        ],
        "case_scale": cases,
        "points": [Point(-43, "better", 4), Point(-10, "better", 2), Point(10.8, "better", 2), Point(18, "worse", 1)],
        "beyond": Point(640, "neutral", 2),
        "rows": [{"name": name, "note": note, "point": point} for name, note, point in ROWS],
        "row_scale": rows,
        "travel": travel,
        "travel_scale": scale_for(travel),
        "many": [Point(((i * 37) % 120) - 90, "neutral", 2) for i in range(400)],
        "many_scale": scale_for([-90, 30]),
        "compared": [Point(-32, "better", 2), Point(-26, "better", 2), None, Point(-20, "better", 4)],
        "compared_scale": scale_for([-32, -20]),
        "before_rounds": Decimal(17),
        "after_rounds": Decimal(5),
        "before_deaths": Decimal("14.9"),
        "after_deaths": Decimal("6.4"),
        "fields": [("Mobility", 19), ("Health", 17), ("Water", 11), ("Governance", 9), ("Education", 0)],
        "places": [
            {"name": name, "latitude": lat, "longitude": lon, "has_result": has, "label": label}
            for name, lat, lon, has, label in PLACES
        ],
        "place": {"name": "San Francisco", "latitude": 37.77493, "longitude": -122.41942},
        "chips": [
            Chip("vertical", _("Field"), "Mobility", ""),
            Chip("has_results", _("Measured"), "with results", ""),
        ],
        "facet": ShownFacet(
            name="vertical",
            label=_("Field"),
            help_text="",
            options=[
                Option("mobility", "Mobility", 15, True),
                Option("health", "Health", 13, False),
                Option("education", "Education", 0, False),
            ],
            hidden=13,
            left_out=0,
            is_open=True,
            is_expanded=False,
            more_query="more=vertical",
            less_query="",
        ),
        "hints": [(Chip("region", _("Region"), "Oceania", ""), 15)],
        "page_obj": Paginator(range(400), 25).get_page(5),
        "form": form,
    }
