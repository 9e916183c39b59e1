"""A value is looked at beside what others reported; the same is not reported twice; a sheet asks each question once."""

from decimal import Decimal

import pytest

from reporting.checking import check
from reporting.findings import Level
from reporting.known import Known
from tests.kpis import recipes as kpi_recipes
from tests.reporting import recipes
from tests.usecases import recipes as use_case_recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


@pytest.fixture
def kpi():
    """Ten to fourteen minutes, less is better; changes from -10 to -14 percent."""
    one = kpi_recipes.kpi(code="T-WALK", name="Time to walk to a tree", unit="minute", direction="decrease")
    for n in range(5):
        kpi_recipes.result(kpi=one, result_value=10 + n, unit="minute", relative_change_percent=-10 - n)
    return one


def codes(organisation=None, *, report=None, known=None, **entries) -> list[str]:
    given = {**recipes.RESULT, "kpi": "T-WALK", **entries}
    checked = check("result", given, organisation=organisation, report=report, known=known)
    return [finding.code for finding in checked.findings]


def test_a_value_of_another_order_is_asked_about_with_the_numbers(kpi):
    checked = check(
        "result", {**recipes.RESULT, "kpi": "T-WALK", "baseline_value": "", "result_value": "150"}, organisation=None
    )
    (finding,) = checked.findings
    assert (finding.level, finding.key) == (Level.WARNING, "result_value:unusual-value")
    assert finding.message.startswith("5 values of others for “Time to walk to a tree” lie between 10 and 14 minutes")
    assert "yours is 150" in finding.message
    assert codes(baseline_value="", result_value="0.5") == ["unusual-value"]
    assert codes(baseline_value="", result_value="30") == []


def test_values_are_compared_in_the_unit_of_the_indicator(kpi):
    assert codes(baseline_value="", result_value="0.2", unit="hour") == []
    assert codes(baseline_value="", result_value="600", unit="seconds") == []
    assert codes(baseline_value="", result_value="12", unit="days") == ["unusual-value"]


def test_a_change_far_beyond_all_others_is_asked_about(kpi):
    assert codes(baseline_value="", result_value="", relative_change_percent="-43") == ["unusual-change"]
    assert codes(baseline_value="", result_value="", relative_change_percent="-42") == []


def test_few_results_and_hidden_ones_say_nothing(kpi):
    kpi.results.filter(result_value=14).update(state="withdrawn")
    assert codes(baseline_value="", result_value="150") == []


def test_a_unit_that_goes_without_saying_need_not_be_said():
    for code, unit in (("ALL-DEP-DEVICES", "count"), ("ALL-COV-R", "dimensionless")):
        checked = check("result", {**recipes.RESULT, "kpi": code, "unit": ""}, organisation=None)
        assert checked.errors == []
        assert checked.values["unit"] == unit
    checked = check(
        "result",
        {**recipes.RESULT, "kpi": "ALL-WAT-NRW", "unit": "", "baseline_value": "35 %", "result_value": "30%"},
        organisation=None,
    )
    assert (checked.errors, checked.values["unit"]) == ([], "percent")


def test_a_change_that_agrees_within_its_rounding_is_no_contradiction():
    for change in ("-43", "-43.5", "-43.48"):
        assert codes(kpi="ALL-PRK-SEARCH", relative_change_percent=change) == []
    assert codes(kpi="ALL-PRK-SEARCH", relative_change_percent="-42") == ["change-contradicts-values"]


def test_an_outcome_that_explains_a_bad_result_asks_nothing():
    assert codes(kpi="ALL-PRK-SEARCH", result_value="13", outcome="failed") == []
    assert codes(kpi="ALL-PRK-SEARCH", result_value="11.5", outcome="unchanged") == []


def test_dates_are_compared_as_exactly_as_both_are_told():
    checked = check("result", {**recipes.RESULT, "baseline_on": "2022-05", "result_on": "2022"}, organisation=None)
    assert checked.findings == []
    assert checked.values["baseline_on"] <= checked.values["result_on"]


def test_ones_own_report_of_the_same_is_asked_about_but_not_the_report_itself():
    author = recipes.member()
    organisation = recipes.organisation_of(author)
    report = recipes.result_report(author=author)
    again = {"kpi": "time to find parking", "result_on": "May 2022"}
    assert codes(organisation, **again) == ["duplicate-report"]
    assert codes(organisation, report=report, **again) == []
    assert codes(organisation, **{**again, "result_on": "2023-05"}) == []
    assert codes(recipes.organisation(), **again) == []


def test_an_earlier_row_of_the_same_sheet_is_asked_about():
    known = Known(None)
    assert codes(known=known, kpi="ALL-PRK-SEARCH") == []
    assert codes(known=known, kpi="ALL-PRK-SEARCH") == ["duplicate-row"]


def test_ones_own_use_case_can_be_named_before_it_is_public():
    author = recipes.member()
    report = recipes.use_case_report(author=author)
    organisation = recipes.organisation_of(author)
    for name in (report.key, "Bins that say when they are full", "bins that say when they are full"):
        given = {**recipes.RESULT, "use_case": name}
        assert check("result", given, organisation=organisation).values["use_case"] == report
        assert [one.code for one in check("result", given, organisation=None).errors] == ["use-case-unknown"]


def test_a_draft_of_a_public_use_case_is_seen_by_nobody():
    hidden = use_case_recipes.use_case(title="Hidden away", status="draft")
    for name in (hidden.slug, hidden.title, "Hiden away"):
        errors = check("result", {**recipes.RESULT, "use_case": name}, organisation=None).errors
        assert [one.code for one in errors] == ["use-case-unknown"]
        assert "Hidden away" not in errors[0].message.replace(f"“{name}”", "")


def test_the_same_use_case_in_another_draft_is_asked_about():
    author = recipes.member()
    report = recipes.use_case_report(author=author)
    organisation = recipes.organisation_of(author)
    found = check("use-case", recipes.USE_CASE, organisation=organisation).findings
    assert [one.code for one in found] == ["similar-report"]
    assert check("use-case", recipes.USE_CASE, organisation=organisation, report=report).findings == []


@pytest.mark.parametrize("rows", [3, 60])
def test_a_sheet_needs_as_many_queries_for_many_rows_as_for_few(rows, django_assert_max_num_queries):
    cases = [use_case_recipes.use_case() for _n in range(rows)]
    organisation = recipes.organisation()
    entries = [
        {**recipes.RESULT, "use_case": case.slug, "kpi": "ALL-PRK-SEARCH", "result_value": str(6 + n / 100)}
        for n, case in enumerate(cases)
    ]
    known = Known(organisation)
    with django_assert_max_num_queries(6):
        known.prepare("result", entries)
        for one in entries:
            assert check("result", one, organisation=organisation, known=known).findings == []


def test_one_check_needs_few_queries(django_assert_max_num_queries):
    organisation = recipes.organisation()
    with django_assert_max_num_queries(6):
        check("result", recipes.RESULT, organisation=organisation)
    with django_assert_max_num_queries(4):
        check("use-case", recipes.USE_CASE, organisation=organisation)


def test_what_was_read_is_exact():
    checked = check("result", {**recipes.RESULT, "baseline_value": "11,50"}, organisation=None)
    assert checked.values["baseline_value"] == Decimal("11.5")
    assert checked.values["use_case"].slug == "surtrac-pittsburgh"
    assert checked.values["kpi"].code == "ALL-PRK-SEARCH"
    assert checked.values["sample_n"] == 250
