"""A result as a headline: right words for every indicator, the numbers of the data, nothing that breaks out of HTML."""

import csv
import re
from decimal import Decimal

import pytest
from django.conf import settings
from django.utils import translation

from alliance.core.templatetags.numbers import change_words
from kpis.findings import PHRASES, finding
from kpis.models import Kpi, Result

TEXT = (settings.DATA_DIR / "kpis.csv").read_text(encoding="utf-8")
PILOT = [row for row in csv.DictReader(TEXT.splitlines()) if row["set"] == "ALL"]


def made(code="ALL-TRV-TIME", *, unit="minute", name="An indicator", **fields) -> Result:
    """A result as the database would give it; nothing is stored."""
    result = Result(kpi=Kpi(code=code, name=name, unit=unit, direction="decrease"), unit=fields.pop("in_unit", unit))
    result.change_percent = None
    for field, value in fields.items():
        setattr(result, field, value)
    return result


def test_every_pilot_indicator_has_words_and_no_other():
    assert len(PILOT) == 63
    assert {row["code"] for row in PILOT} == set(PHRASES)


@pytest.mark.parametrize("row", PILOT, ids=lambda row: row["code"])
def test_the_words_fit_a_fall_a_rise_and_a_value(row):
    def said(**fields):
        return finding(made(row["code"], unit=row["unit"], name=row["name"], **fields)).text

    fall, rise = said(change_percent=Decimal(-43)), said(change_percent=Decimal(12))
    assert re.match(r"43% (less|fewer|lower|shorter|slower) \w", fall), fall
    assert re.match(r"12% (more|higher|longer|faster) \w", rise), rise
    # Both end alike: only the direction is another one.
    assert fall.split(" ", 2)[2] == rise.split(" ", 2)[2]
    many, one = said(result_value=Decimal("12345.500000")), said(result_value=Decimal("1.000000"))
    assert many.startswith("12,345.5"), many
    assert one.startswith("1"), one
    assert "%(" not in fall + rise + many + one
    assert ": " not in fall + rise + many


def test_few_and_less_are_not_mixed_up():
    """Fewer goes with things that are counted, less with amounts: no plural follows "less"."""
    for code, phrase in PHRASES.items():
        last_word_of_head = str(phrase.change).removeprefix("%(change)s ").split(" ")[0]
        if phrase.words.startswith("less"):
            assert not last_word_of_head.endswith("s"), (code, phrase.change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("-43", "43% less travel time"),
        ("10.769230769231", "11% more travel time"),
        ("-9.6", "10% less travel time"),
        ("-0.4", "0.4% less travel time"),
        ("400", "400% more travel time"),
        ("1234.5", "1,235% more travel time"),
        ("0", "No change: An indicator"),
        ("0.01", "Less than 0.1% change: An indicator"),
    ],
)
def test_changes_are_rounded_and_signed_by_words(change, said):
    assert finding(made(change_percent=Decimal(change))).text == said


def test_a_value_alone_is_said_with_its_unit():
    rate = "count/(100000*person)/year"
    result = made("ALL-SAF-TRAFDEATHPOP", unit=rate, result_value=Decimal("6.200000"))
    assert finding(result).text == "6.2 road deaths per 100,000 people a year"
    assert finding(result).html == "<strong>6.2</strong> road deaths per 100,000 people a year"
    one = made("ALL-SAF-TRAFDEATH", unit="count/year", result_value=Decimal("1.000000"))
    assert finding(one).text == "1 road death a year"


def test_a_value_in_another_unit_than_the_indicators_is_not_said_in_its_words():
    """14,500 rounds a month are not 14,500 rounds a week."""
    result = made(
        "ALL-WST-TRIPS",
        unit="count/week",
        in_unit="count/month",
        name="Waste collection rounds",
        result_value=Decimal(14500),
    )
    assert finding(result).text == "14,500 a month: Waste collection rounds"


def test_an_indicator_without_words_of_its_own_is_named():
    unknown = {"code": "EC: P: EM: 1C", "name": "Unemployment Rate", "unit": "percent"}
    assert finding(made(**unknown, change_percent=Decimal(-12))).text == "12% lower: Unemployment Rate"
    assert finding(made(**unknown, result_value=Decimal("4.50"))).text == "4.5%: Unemployment Rate"


def test_names_are_escaped_and_the_number_is_strong():
    html = finding(made("NEW", name="<script>alert(1)</script> & co", change_percent=Decimal(-5))).html
    assert html == "<strong>5% lower</strong>: &lt;script&gt;alert(1)&lt;/script&gt; &amp; co"


def test_a_change_weighs_more_than_a_value():
    result = made(result_value=Decimal(10), baseline_value=Decimal(20), change_percent=Decimal(-50))
    assert finding(result).text == "50% less travel time"


def test_a_result_that_says_nothing_is_refused():
    with pytest.raises(ValueError):
        finding(made())


def test_numbers_follow_the_language():
    with translation.override("de"):
        said = finding(made("ALL-WAT-SAVED", unit="m**3/year", result_value=Decimal("9000000.5"))).text
    assert said.startswith("9.000.000,5 ")


@pytest.mark.usefixtures("reference_data")
def test_every_loaded_result_is_said_with_the_numbers_of_its_row():
    results = list(Result.objects.select_related("kpi", "use_case"))
    assert len(results) > 80
    for result in results:
        said = finding(result).text
        if result.change_percent is not None:
            assert said.startswith(change_words(result.change_percent, PHRASES[result.kpi.code].words)), said
        else:
            leading = re.match(r"[\d,.]*\d", said)
            assert leading, said
            assert Decimal(leading[0].replace(",", "")) == result.result_value
