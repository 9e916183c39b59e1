"""The practices that the portal opens with are drawn from its use cases, all of them, and say why."""

import csv
from collections import Counter

import pytest
from django.conf import settings

from practices.rules import rule
from practices.synthesis import Effect, NotEnough, Refusal, effect_of, synthesise


def rows(file):
    with (settings.DATA_DIR / file).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_use_case_carries_out_a_practice_and_every_practice_has_a_use_case():
    links = rows("implementations.csv")
    assert {link["usecase_slug"] for link in links} == {case["slug"] for case in rows("usecases.csv")}
    assert {link["practice_slug"] for link in links} == {practice["slug"] for practice in rows("practices.csv")}
    assert max(Counter((link["practice_slug"], link["usecase_slug"]) for link in links).values()) == 1
    assert all(link["reason"].endswith(".") for link in links)


def test_a_practice_is_judged_by_what_its_use_cases_report_where_they_report_a_change():
    directions = {kpi["code"]: kpi["direction"] for kpi in rows("kpis.csv")}
    changes = {}
    for result in rows("results.csv"):
        if result["relative_change_percent"] or (result["baseline_value"] and result["result_value"]):
            changes.setdefault(result["usecase_slug"], set()).add(result["kpi_code"])
    judged_by_another = set()
    for practice in rows("practices.csv"):
        cases = [row["usecase_slug"] for row in rows("implementations.csv") if row["practice_slug"] == practice["slug"]]
        assert directions[practice["primary_kpi"]] in {"increase", "decrease"}, practice["slug"]
        reported = set().union(*(changes.get(case, set()) for case in cases))
        if reported and practice["primary_kpi"] not in reported:
            judged_by_another.add(practice["slug"])
    # What these use cases report a change of came from something else that they did too.
    assert judged_by_another == {
        "cashless-fares",
        "health-vouchers-with-digital-records",
        "open-crowding-information",
        "optimised-running-of-public-buildings",
        "real-time-bus-operation",
        "renewable-district-heat",
        "shared-sensor-platform",
    }


def number(text):
    return float(text) if text else None


@pytest.fixture(scope="module")
def synthesised():
    """Practice -> what the primary results of the real data add up to."""
    use_cases = {case["slug"]: case for case in rows("usecases.csv")}
    directions = {kpi["code"]: kpi["direction"] for kpi in rows("kpis.csv")}
    found = {}
    for practice in rows("practices.csv"):
        cases = {row["usecase_slug"] for row in rows("implementations.csv") if row["practice_slug"] == practice["slug"]}
        told = [
            effect_of(
                baseline=number(row["baseline_value"]),
                after=number(row["result_value"]),
                change_percent=number(row["relative_change_percent"]),
                direction=directions[row["kpi_code"]],
                imputation=rule("2026-1").imputation,
                design=row["method"],
                result=at,
                use_case=row["usecase_slug"],
                city=use_cases[row["usecase_slug"]]["city"],
            )
            for at, row in enumerate(rows("results.csv"))
            if row["usecase_slug"] in cases and row["kpi_code"] == practice["primary_kpi"]
        ]
        assert all(isinstance(one, Effect | Refusal) for one in told)
        effects = [one for one in told if isinstance(one, Effect)]
        found[practice["slug"]] = synthesise(effects, correlation=rule("2026-1").correlation)
    return found


def test_what_the_real_results_add_up_to(synthesised):
    pooled = {slug: one for slug, one in synthesised.items() if not isinstance(one, NotEnough)}
    assert set(pooled) == {"renewed-street-lighting-with-remote-management"}
    (lighting,) = pooled.values()
    assert {effect.city for effect in lighting.effects} == {"Los Angeles", "Buenos Aires", "Oslo"}
    assert lighting.imputed == 1
    assert lighting.estimate > 0
    # Three cities without a reported spread: the interval cannot rule out that nothing changed.
    assert lighting.interval.low < 0


def test_two_use_cases_of_one_city_are_one_city(synthesised):
    assert synthesised["pressure-management-against-water-losses"].cities == 1
    assert synthesised["congestion-charging"].missing == 1
