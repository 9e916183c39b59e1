"""Before and after from their parts: filled in as if typed, without a script; what gives no value is explained."""

import json
from decimal import Decimal

import pytest
from django.urls import reverse

from reporting import merging
from reporting.checking import check
from reporting.models import Report
from tests.reporting import recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]
SHARE = {"kpi": "EC: ICT: ICT: 1C", "baseline_value": "", "result_value": "", "unit": "", "spread": "",
         "spread_kind": "", "spread_unknown": "not-computed"}  # fmt: skip
ON_PAGE = ("use_case", "kpi", "baseline_value", "baseline_on", "result_value", "result_on", "unit",
           "relative_change_percent")  # fmt: skip


def begun(client, **entries) -> Report:
    report = recipes.result_report(**{**SHARE, **entries})
    client.force_login(report.author)
    return report


def address(report):
    return reverse("reporting:page", args=[report.key, "measure"])


def press(client, report, typed=None, **parts):
    """Press “Calculate and fill in” with the page as it stands."""
    texts = merging.texts_of(report)
    sent = {name: texts.get(name, "") for name in ON_PAGE} | (typed or {})
    sent |= {f"parts.{name.replace('__', '.')}": value for name, value in parts.items()}
    answer = client.post(address(report), {**sent, "seen": json.dumps(merging.seen(texts)), "action": "calculate"})
    report.refresh_from_db()
    return answer


def told(report):
    return {name: merging.texts_of(report).get(name) for name in ("baseline_value", "result_value", "unit")}


def test_the_form_names_the_parts_of_the_indicator(client):
    html = client.get(address(begun(client))).content.decode()
    assert "Households with internet access, divided by all households, times 100." in html
    assert 'name="parts.result_value.denominator"' in html


def test_an_indicator_without_formula_is_not_asked_for_parts(client):
    assert "parts.result_value" not in client.get(address(begun(client, kpi="ALL-PRK-SEARCH"))).content.decode()


def test_both_values_are_filled_in_and_the_report_can_be_sent(client):
    report = begun(client)
    answer = press(
        client,
        report,
        baseline_value__numerator="41 200",
        baseline_value__denominator="52 000",
        result_value__numerator="46800",
        result_value__denominator="52000",
    )
    assert answer.status_code == 302
    assert told(report) == {"baseline_value": "79.230769", "result_value": "90", "unit": "percent"}
    assert client.get(reverse("reporting:submit", args=[report.key])).context["can_be_sent"]


def test_one_value_alone_leaves_the_other(client):
    report = begun(client, baseline_value="80", unit="percent")
    press(client, report, result_value__numerator="9", result_value__denominator="10")
    assert told(report) == {"baseline_value": "80", "result_value": "90", "unit": "percent"}


def test_it_is_converted_into_the_unit_of_the_other_value(client):
    report = begun(client, baseline_value="0.8", unit="dimensionless")
    press(client, report, result_value__numerator="9", result_value__denominator="10")
    assert told(report) == {"baseline_value": "0.8", "result_value": "0.9", "unit": "dimensionless"}


@pytest.mark.parametrize(
    ("numerator", "denominator", "says"),
    [
        ("1", "0", "divided by zero"),
        ("-1", "5", "cannot be below zero"),
        ("NaN", "5", "Give both parts"),
        ("infinity", "5", "is no number"),
        ("many", "5", "is no number"),
        ("1", "", "Give both parts"),
        ("999999999999999999999", "5", "larger than can be kept"),
    ],
)
def test_what_gives_no_value_is_said_and_nothing_is_lost(client, numerator, denominator, says):
    report = begun(client, baseline_value="80", unit="percent")
    answer = press(client, report, result_value__numerator=numerator, result_value__denominator=denominator)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert says in html
    assert "After:" in html
    assert f'value="{numerator}"' in html
    assert told(report) == {"baseline_value": "80", "result_value": "", "unit": "percent"}


def test_a_unit_that_does_not_convert_is_refused_with_both_names(client):
    report = begun(client, unit="minute")
    html = press(client, report, result_value__numerator="1", result_value__denominator="2").content.decode()
    assert "percent cannot be converted into minute" in html


def test_without_an_indicator_or_parts_nothing_is_calculated(client):
    report = begun(client)
    none = press(client, report, {"kpi": ""}, result_value__numerator="1", result_value__denominator="2")
    assert "Choose the indicator first" in none.content.decode()
    assert "Type the two parts" in press(client, begun(client)).content.decode()


# --- in a sheet and from a program: a value is written as its parts ---------------------------------------------------
def checked(**entries):
    report = recipes.result_report(**{**SHARE, "unit": "percent", **entries})
    return check(report.kind, report.entries, organisation=report.organisation, report=report)


@pytest.mark.parametrize(
    ("written", "value"),
    [("41200/52000", "79.230769"), (" 41 200 ÷ 52 000 ", "79.230769"), ("1.5/2", "75"), ("3/5", "60")],
)
def test_a_value_can_be_written_as_its_parts(written, value):
    found = checked(baseline_value="50", result_value=written)
    assert found.values["result_value"] == Decimal(value)
    assert found.of("result_value") == []


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("41200/0", "Nothing can be divided by zero"),
        ("-2/50", "it cannot be below zero"),
        ("1,234/5000", "1,234"),
        ("1e30/2", "larger than can be kept"),
    ],
)
def test_parts_that_give_no_value_are_explained(written, words):
    found = checked(baseline_value="50", result_value=written)
    assert "result_value" not in found.values
    (finding,) = found.of("result_value")
    assert finding.code == "not-calculable"
    assert words in finding.message


def test_parts_of_a_unit_that_does_not_fit_are_refused_with_both_units():
    (finding,) = checked(baseline_value="50", result_value="1/2", unit="minute").of("result_value")
    assert finding.code == "unit-of-parts"


def test_without_a_formula_two_numbers_are_two_numbers():
    (finding,) = checked(kpi="ALL-PRK-SEARCH", unit="minute", baseline_value="50", result_value="1/2").of(
        "result_value"
    )
    assert finding.code == "number-range"
