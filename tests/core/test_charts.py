"""The dot and the charts made of it: numbers in the right places, names with the numbers, nothing inline."""

import itertools
import re
from decimal import Decimal
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from alliance.core import charts, units
from alliance.core.charts import Point, Scale, as_point, axis_labels, bar_widths, columns, dodge, scale_for
from alliance.core.templatetags import charts as tags
from alliance.core.templatetags import numbers

CASES = Scale(-100, 25, (-100, -50, 0, 25))
CHANGES = st.floats(-5_000, 5_000, allow_nan=False)


def parse(svg):
    return ElementTree.fromstring(f"<g>{svg}</g>")


def place_of_dot(svg):
    """(x of the mark, grade, effect class) of each dot."""
    return [
        (holder.get("x"), holder.find("use").get("href"), holder.find("use").get("class"))
        for holder in parse(svg).iter("svg")
        if holder.find("use") is not None
    ]


# --- scales ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("values", "ends", "ticks"),
    [
        ([-84, 10.8], (-100, 25), (-100, -50, 0, 25)),
        ([-43, -30, -23, -16], (-50, 0), (-50, -25, 0)),
        ([Decimal("-9.6")], (-10, 0), (-10, -5, 0)),
        ([12], (0, 15), (0, 5, 10, 15)),
        ([-3, 640], (-50, 200), (-50, 0, 100, 200)),
        ([-250], (-100, 0), (-100, -75, -50, -25, 0)),
        ([], (-50, 50), (-50, -25, 0, 25, 50)),
        ([None, 0], (-50, 50), (-50, -25, 0, 25, 50)),
    ],
)
def test_a_scale_has_zero_and_round_ends(values, ends, ticks):
    scale = scale_for(values)
    assert (scale.minimum, scale.maximum) == ends
    assert scale.ticks == ticks


@given(st.lists(CHANGES, max_size=30))
def test_every_change_is_on_its_scale_or_beyond_the_limits(values):
    scale = scale_for(values)
    assert 0 in scale.ticks
    assert 2 <= len(scale.ticks) <= 6
    assert charts.LIMITS[0] <= scale.minimum <= 0 <= scale.maximum <= charts.LIMITS[1]
    for value in values:
        assert 0 <= scale.position(value) <= 100
        if charts.LIMITS[0] <= value <= charts.LIMITS[1]:
            assert scale.beyond(value) == 0


def test_an_interval_widens_the_scale():
    assert scale_for([Point(-10, interval=(-48, 5))]).minimum == -50


def test_a_scale_without_zero_is_refused():
    with pytest.raises(ValueError, match="holds 0"):
        Scale(10, 20, (10, 20))


def test_positions_on_the_scale_of_the_list():
    assert CASES.zero == 80
    assert CASES.position(Decimal("-43")) == pytest.approx(45.6)
    assert CASES.position(-300) == 0
    assert CASES.position(300) == 100


@given(st.lists(CHANGES, min_size=1, max_size=8), st.integers(150, 700))
def test_axis_labels_never_touch_and_always_say_zero(values, width):
    scale = scale_for(values)
    labels = axis_labels([(tick, tags.tick_text(tick, scale)) for tick in scale.ticks], scale, width=width)
    assert any(label.x == scale.zero for label in labels)
    spans = []
    for label in labels:
        length, x = charts.text_width(label.text), label.x / 100 * width
        start = {"start": x, "end": x - length, "mid": x - length / 2}[label.anchor]
        spans.append((start, start + length))
    assert all(after[0] - before[1] >= charts.GAP - 1e-9 for before, after in itertools.pairwise(spans))


def test_marks_that_are_not_seen_take_no_room_on_an_axis():
    assert charts.text_width("\u2066\u221243%\u2069") == charts.text_width("\u221243%")


# --- dots and columns -----------------------------------------------------------------------------------------------
@given(st.lists(st.floats(0, 100), max_size=60))
def test_stacked_dots_do_not_touch(positions):
    gap = charts.DOT / charts.NARROWEST * 100
    levels = dodge(positions, gap=gap)
    for i, x in enumerate(positions):
        for j in range(i):
            assert levels[i] != levels[j] or abs(x - positions[j]) >= gap


def test_columns_count_each_place_once():
    assert columns([0, 4.9, 5, 100], count=20) == [2, 1, *[0] * 16, 0, 1]


def test_points_are_read_from_what_others_have():
    expected = Point(-43.0, "better", 4)
    assert as_point((Decimal(-43), "better", 4)) == expected
    assert as_point({"change_percent": -43, "effect": "better", "grade": 4}) == expected
    assert as_point(SimpleNamespace(change_percent=Decimal(-43), effect="better", grade=4, other=1)) == expected


@pytest.mark.parametrize("wrong", [{"grade": 5}, {"grade": 0}, {"effect": "good"}])
def test_an_unknown_grade_or_effect_is_refused(wrong):
    with pytest.raises(ValueError):
        Point(-1, **wrong)


# --- drawings -------------------------------------------------------------------------------------------------------
def test_the_strip_has_zero_stem_and_dot_in_place():
    svg = tags.strip(Point(-43, "better", 4), CASES)
    root = parse(svg)
    lines = {line.get("class"): line for line in root.iter("line")}
    assert lines["zero"].get("x1") == lines["zero"].get("x2") == "80%"
    assert (lines["stem b"].get("x1"), lines["stem b"].get("x2")) == ("80%", "45.6%")
    assert place_of_dot(svg) == [("45.6%", "#g4", "b")]
    assert root[0].get("aria-label") == "−43%"
    assert root[0].get("role") == "img"
    assert not list(root.iter("path"))


@pytest.mark.parametrize(("change", "edge", "inside"), [(640, "100%", "-15"), (-180, "0%", "15")])
def test_beyond_the_scale_an_arrow_stands_at_the_edge(change, edge, inside):
    svg = tags.strip(Point(change, "neutral", 2), CASES)
    holder = next(s for s in parse(svg).iter("svg") if s.get("x"))
    assert holder.get("x") == edge
    assert holder.find("use").get("x") == inside
    assert holder.find("path").get("class") == "beyond x"
    assert f"{abs(change)}%" in parse(svg)[0].get("aria-label")


def test_an_interval_takes_the_place_of_the_stem_and_is_dotted_when_assumed():
    reported = tags.strip(Point(-60, "better", 2, (-75, -40)), CASES)
    assumed = tags.strip(Point(-60, "better", 2, (-75, -40), True), CASES)
    assert 'class="ci b" x1="20%" x2="48%"' in reported
    assert "stem" not in reported
    assert 'class="ci b imputed"' in assumed
    assert parse(reported)[0].get("aria-label") == "−60%, interval −75% to −40%"
    assert parse(assumed)[0].get("aria-label") == "−60%, assumed interval −75% to −40%"


def test_without_a_known_change_no_strip_is_drawn_but_the_table_keeps_its_grid():
    assert tags.strip(Point(None), CASES) == ""
    cell = tags.plot_cell(Point(None), CASES)
    assert 'aria-hidden="true"' in cell
    assert not place_of_dot(cell)
    assert 'class="zero"' in cell


def test_a_decorative_drawing_is_hidden_instead_of_named():
    svg = tags.strip(Point(-43), CASES, decorative=True)
    assert 'aria-hidden="true"' in svg
    assert "aria-label" not in svg


def test_the_name_of_a_point_is_escaped():
    svg = tags.plot_cell(Point(-43, name='<b>"x"</b>'), CASES)
    assert parse(svg)[0].get("aria-label") == '<b>"x"</b>: −43%'


def test_the_head_of_a_plot_says_the_scale_in_words():
    head = tags.plot_head(scale_for([-43]))
    assert "Drawn from −50% to no change" in head
    assert [t.text for t in parse(head).iter("text")] == ["−50%", "−25%", "no change"]


def test_the_axis_of_the_list_carries_the_labels_of_the_scale():
    assert [t.text for t in parse(tags.axis(CASES)).iter("text")] == ["Change measured", "−100%", "−50%", "0", "+25%"]


def test_grade_says_words_and_number_and_hides_the_dot():
    html = tags.grade(3, "Compared with the trend before")
    assert 'href="#g3"' in html
    assert "Compared with the trend before" in html
    assert '<bdi aria-hidden="true">3/4</bdi><span class="sr">3 of 4</span>' in html
    assert "Trend or comparison study" in tags.grade(3)


def test_grade_escapes_its_words():
    assert "<script>" not in tags.grade(2, "<script>")


@pytest.mark.parametrize("grade", [0, 5, 17])
def test_there_are_four_grades(grade):
    with pytest.raises(ValueError):
        tags.dot(grade)


def test_bars_share_one_length_and_carry_their_labels():
    svg = tags.bars(17, 5, "count/week")
    before, after = parse(svg).iter("rect")
    assert (before.get("width"), after.get("width")) == ("68%", "20%")
    assert [t.text for t in parse(svg).iter("text")] == ["17 a week", "5 a week"]
    assert parse(svg)[0].get("aria-label") == "Before 17 a week, after 5 a week"


def test_a_long_unit_stands_once_under_the_bars():
    html = tags.bars(Decimal("14.9"), Decimal("6.4"), "count/(100000*person)/year")
    assert [t.text for t in parse(html).iter("text")] == ["14.9", "6.4"]
    assert parse(html).find("p").text == "per 100,000 people a year"
    assert "after 6.4 per 100,000 people a year" in parse(html)[0].get("aria-label")


@pytest.mark.parametrize(("before", "after"), [(None, 5), (5, None), (-2, 3), (0, 0)])
def test_what_cannot_be_drawn_as_bars_is_not(before, after):
    assert tags.bars(before, after, "minute") == ""


def test_a_change_alone_is_drawn_as_an_index():
    assert [t.text for t in parse(tags.index_bars(Decimal("-62.4"))).iter("text")] == ["100", "37.6"]
    assert tags.index_bars(None) == ""
    assert tags.index_bars(-130) == ""


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_the_longer_bar_leaves_room_for_its_label(before, after):
    widths = bar_widths(before, after)
    if widths is None:
        assert before == after == 0
    else:
        assert max(widths) == pytest.approx(68)
        assert min(widths) >= 0


@pytest.mark.parametrize(("n", "width"), [(19, "100%"), (9, "47.4%"), (0, "0%"), (1, "5.3%")])
def test_the_bar_of_a_count(n, width):
    assert next(parse(tags.count_bar(n, 19)).iter("rect")).get("width") == width


def test_a_distribution_draws_each_result_once_and_sums_up_in_its_name():
    points = [Point(-30, "better", 2), Point(-29.5, "better", 3), Point(5, "worse", 1), Point(None)]
    svg = tags.distribution(points, scale_for([-30, 5]))
    assert [mark[1] for mark in place_of_dot(svg)] == ["#g2", "#g1", "#g3"]
    assert len({holder.get("y") for holder in parse(svg).iter("svg") if holder.find("use") is not None}) == 2
    assert parse(svg)[0].get("aria-label") == "3 results from −30% to +5%"
    assert tags.distribution([], CASES) == ""


def test_very_many_results_become_columns():
    svg = tags.distribution([Point(-50)] * 151, CASES)
    assert not place_of_dot(svg)
    assert len(list(parse(svg).iter("rect"))) == 1
    assert parse(svg)[0].get("aria-label").startswith("151 results")


def test_results_beyond_the_axis_leave_an_arrow_there():
    assert tags.distribution([Point(-50), Point(900)], CASES).count("beyond") == 1


def test_compared_cases_keep_their_letters():
    svg = tags.compare_strip([Point(-32), None, Point(-32.1), Point(-5)], scale_for([-32, -5]))
    letters = [t.text for t in parse(svg).iter("text") if "strong" in t.get("class", "")]
    assert letters == ["A", "C", "D"]
    assert parse(svg)[0].get("aria-label") == "A: −32%; C: −32.1%; D: −5%"
    levels = [s.get("y") for s in parse(svg).iter("svg") if s.find("use") is not None]
    assert levels[0] != levels[1]


DRAWINGS = [
    lambda: tags.strip(Point(-43, "better", 4, (-50, -30), True), CASES),
    lambda: tags.strip([Point(640), (Decimal(3), "worse", 1)], CASES),
    lambda: tags.axis(CASES),
    lambda: tags.plot_head(CASES),
    lambda: tags.plot_cell(Point(-43), CASES),
    lambda: tags.grade(2),
    lambda: tags.dot(4, "big"),
    lambda: tags.bars(100, 40, "kWh/m**2/year"),
    lambda: tags.index_bars(-20, "worse"),
    lambda: tags.count_bar(3, 7),
    lambda: tags.distribution([Point(-3), Point(-3)], CASES),
    lambda: tags.distribution([Point(-3)] * 200, CASES),
    lambda: tags.compare_strip([Point(-3), Point(-4)], CASES),
    lambda: tags.pips(2, 3),
    lambda: numbers.unknown(),
]


@pytest.mark.parametrize("draw", DRAWINGS)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_drawing_is_well_formed_named_or_hidden_and_without_inline_style(draw, language):
    with translation.override(language):
        html = draw()
    assert " style=" not in html
    assert "<style" not in html
    assert not re.search(r"\son\w+=", html)
    for svg in parse(html).iter("svg"):
        if svg.get("x") is None:  # nested ones only place their mark
            assert svg.get("aria-hidden") == "true" or (svg.get("role") == "img" and svg.get("aria-label"))


def test_geometry_does_not_follow_the_language():
    with translation.override("ar"):
        assert place_of_dot(tags.strip(Point(-43.25, "better", 4), CASES)) == [("45.4%", "#g4", "b")]


# --- numbers in words -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("-43"), "−43%"),
        (Decimal("10.84"), "+10.8%"),
        (-9.65, "−9.7%"),
        (0, "0%"),
        (Decimal("-0.04"), "0%"),
        (1234.5, "+1,234.5%"),
        (None, ""),
        ("nan", ""),
        ("many", ""),
    ],
)
def test_signed_percent(value, text):
    assert numbers.signed_percent(value) == text


@pytest.mark.parametrize(
    ("value", "words", "text"),
    [
        (-43, "less/higher", "43% less"),
        (10.8, "less/higher", "11% higher"),
        (-17.6, "fewer/more", "18% fewer"),
        (30, "shorter/longer", "30% longer"),
        (-0.4, "lower/higher", "0.4% lower"),
        (0.01, "less/higher", "no change"),
        (None, "less/higher", ""),
    ],
)
def test_change_words(value, words, text):
    assert numbers.change_words(value, words) == text


def test_a_word_without_translation_is_refused():
    with pytest.raises(ValueError, match="smaller"):
        numbers.change_words(-3, "smaller/higher")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (17, "count", "17"),
        (Decimal("1"), "minute", "1 minute"),
        (Decimal("9.0"), "minute", "9 minutes"),
        (Decimal("1.5"), "hour", "1.5 hours"),
        (Decimal("6.2"), "count/(100000*person)/year", "6.2 per 100,000 people a year"),
        (Decimal("1200000"), "USD/year", "1,200,000 USD a year"),
        (Decimal("1E+6"), "m**3/year", "1,000,000 m³ a year"),
        (Decimal("12.50"), "microgram/m**3", "12.5 µg/m³"),
        (45, "percent", "45%"),
        (1, "boolean", "yes"),
        (0, "boolean", "no"),
        (-2, "delta_degC", "−2 °C"),
        (3, "furlong", "3 furlong"),
        (None, "minute", ""),
    ],
)
def test_measure(value, unit, text):
    assert numbers.measure(value, unit) == text


def test_every_unit_of_the_data_has_words(settings):
    import csv

    used = set()
    for name in ("kpis.csv", "results.csv"):
        with (settings.DATA_DIR / name).open(encoding="utf-8", newline="") as file:
            used |= {row["unit"] for row in csv.DictReader(file)} - {""}
    assert len(used) > 40
    assert sorted(unit for unit in used if not units.is_known(unit)) == []
    for unit in used:
        assert "*" not in units.words_for(unit)


def test_in_arabic_a_sign_stays_before_its_number():
    with translation.override("ar"):
        text = numbers.signed_percent(Decimal("-1234.5"))
    assert text.startswith("\u2066−")
    assert text.endswith("\u2069")
    assert "1,234.5" in text


def test_unknown_is_said_quietly():
    assert numbers.unknown() == '<span class="quiet">not stated</span>'
    assert numbers.unknown("<i>") == '<span class="quiet">&lt;i&gt;</span>'
