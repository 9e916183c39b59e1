"""Every cell of every loaded file is found in the database, compared by hand and not by the loader's own code."""

import csv
from decimal import Decimal

import pytest
from django.conf import settings

from kpis.models import Kpi, KpiLink, Result, ResultState
from standards.models import Edition
from usecases.models import City, Status, UseCase

pytestmark = pytest.mark.django_db


def rows_of(file):
    with (settings.DATA_DIR / file).open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def as_text(value):
    return "" if value is None else str(value)


def same(cell, value):
    """Numbers by their value, everything else letter by letter."""
    if isinstance(value, Decimal):
        return cell != "" and Decimal(cell) == value
    return cell == as_text(value)


def assert_arrives(row, found):
    assert found.keys() == row.keys(), "a column of the file is not compared"
    different = {column: (row[column], found[column]) for column in row if not same(row[column], found[column])}
    assert different == {}


def test_cities():
    cities = {(city.name, city.country.code): city for city in City.objects.select_related("country__region")}
    for row in rows_of("cities.csv"):
        city = cities[row["name"], row["country_iso2"]]
        assert_arrives(
            row,
            {
                "name": city.name,
                "country_iso2": city.country.code,
                "latitude": city.latitude,
                "longitude": city.longitude,
                "population": city.population,
                "region": city.country.region.name,
                "source": city.source,
            },
        )


def test_standards():
    editions = {
        edition.designation: edition for edition in Edition.objects.select_related("standard__body", "supersedes")
    }
    for row in rows_of("standards.csv"):
        edition = editions[row["designation"]]
        standard = edition.standard
        assert row["designation"].startswith(standard.designation)
        assert_arrives(
            row,
            {
                "designation": edition.designation,
                "title": edition.title,
                "body": standard.body.name,
                "year": edition.year,
                "status": edition.status,
                "kind": standard.kind,
                "interoperability_layer": standard.layer,
                "verticals": ";".join(standard.verticals),
                "nfr": ";".join(standard.aspects),
                "supersedes": edition.supersedes_designation,
                "url": edition.url,
                "summary": standard.summary,
                "rfp_use": standard.rfp_use,
                "source": edition.source,
            },
        )
        assert standard.title == row["title"]
        predecessor = editions.get(row["supersedes"])
        assert edition.supersedes == predecessor


def test_indicators():
    kpis = {kpi.code: kpi for kpi in Kpi.objects.select_related("vertical")}
    for row in rows_of("kpis.csv"):
        kpi = kpis[row["code"]]
        assert_arrives(
            row,
            {
                "code": kpi.code,
                "name": kpi.name,
                "set": kpi.kpi_set,
                "dimension": kpi.dimension,
                "sub_dimension": kpi.sub_dimension,
                "vertical": kpi.vertical.code,
                "unit": kpi.unit,
                "direction": kpi.direction,
                "kind": kpi.kind,
                "definition": kpi.definition,
                "source": kpi.source,
            },
        )


def test_headings_of_indicators():
    kpis = {kpi.code: kpi for kpi in Kpi.objects.all()}
    rows = list(rows_of("kpi_headings.csv"))
    assert len(rows) == len(kpis)
    for row in rows:
        kpi = kpis[row["code"]]
        assert_arrives(
            row,
            {
                "code": kpi.code,
                "numerator": kpi.numerator,
                "denominator": kpi.denominator,
                "scale": kpi.scale,
                "formula": kpi.formula,
                "rationale": kpi.rationale,
                "sdg": kpi.sdg,
                "valid_min": kpi.valid_min,
                "valid_max": kpi.valid_max,
                "hkpi_level": kpi.level,
                "source": kpi.headings_source,
            },
        )


def test_links_between_indicators():
    links = {(link.kpi.code, link.other.code): link for link in KpiLink.objects.select_related("kpi", "other")}
    rows = list(rows_of("kpi_crosswalk.csv"))
    assert len(rows) == len(links)
    for row in rows:
        link = links[row["code"], row["other_code"]]
        assert_arrives(
            row,
            {
                "code": link.kpi.code,
                "other_code": link.other.code,
                "relation": link.relation,
                "reason": link.reason,
                "said_by": link.said_by,
                "source": link.source,
            },
        )


def test_use_cases():
    use_cases = {case.slug: case for case in UseCase.objects.for_documents()}
    for row in rows_of("usecases.csv"):
        case = use_cases[row["slug"]]
        uses = sorted(case.standard_uses.all(), key=lambda use: row["standards"].find(use.edition.designation))
        technologies = {technology.name for technology in case.technologies.all()}
        assert len(technologies) == len(row["technologies"].split(";"))
        assert_arrives(
            row,
            {
                "slug": case.slug,
                "title": case.title,
                "city": case.city.name,
                "country_iso2": case.city.country.code,
                "latitude": case.latitude,
                "longitude": case.longitude,
                "vertical": case.vertical.code,
                "stage": case.stage,
                "started_year": case.started_year,
                "ended_year": case.ended_year,
                "problem": case.problem,
                "solution": case.solution,
                "technologies": ";".join(name for name in row["technologies"].split(";") if name in technologies),
                "standards": ";".join(use.edition.designation for use in uses),
                "organisations": ";".join(part.organisation.name for part in case.participations.all()),
                "lessons": "".join(lesson.advice for lesson in case.lessons.all()),
                "covid_relevance": case.covid_relevance,
                "source": case.source,
            },
        )
        assert case.status == Status.PUBLISHED
        assert {use.source for use in uses} <= {row["source"]}


def test_results():
    """Two rows may share use case and indicator, so each row must find one result of its own."""
    remaining = list(Result.objects.select_related("use_case", "kpi"))
    for row in rows_of("results.csv"):
        mine = [
            result
            for result in remaining
            if (result.use_case.slug, result.kpi.code, result.sample_size, as_text(result.measured_year))
            == (row["usecase_slug"], row["kpi_code"], row["sample_size"], row["measured_year"])
        ]
        assert len(mine) == 1
        result = mine[0]
        assert_arrives(
            row,
            {
                "usecase_slug": result.use_case.slug,
                "kpi_code": result.kpi.code,
                "baseline_value": result.baseline_value,
                "result_value": result.result_value,
                "unit": result.unit,
                "relative_change_percent": result.relative_change_percent,
                "sample_size": result.sample_size,
                "measured_year": result.measured_year,
                "method": result.method,
                "source": result.source,
                "note": result.note,
            },
        )
        assert result.state == ResultState.ACCEPTED
        remaining.remove(result)
    assert remaining == []
