"""What a load into empty tables brings."""

import re

import pytest

from alliance.members.models import Organisation
from kpis.models import Kpi, Result
from standards.models import Body, Edition, Standard
from tests.kpis.reference.files import table
from usecases.models import City, Country, Participation, Region, StandardUse, Technology, UseCase, Vertical

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("empty_database")
def test_everything_is_added_and_counted(data):
    outcome = data.load()

    assert outcome.code == 0
    records = {
        file: len(data.records(f"{file}.csv")) for file in ("cities", "standards", "kpis", "usecases", "results")
    }
    rows = table(outcome)
    assert rows["cities"] == [records["cities"], 0, 0, 0]
    assert rows["editions"] == [records["standards"], 0, 0, 0]
    assert rows["indicators"] == [records["kpis"], 0, 0, 0]
    assert rows["links between indicators"] == [len(data.records("kpi_crosswalk.csv")), 0, 0, 0]
    assert rows["use cases"] == [records["usecases"], 0, 0, 0]
    assert rows["results"] == [records["results"], 0, 0, 0]
    counted = {
        "fields": Vertical, "regions": Region, "countries": Country, "cities": City, "bodies": Body,
        "standards": Standard, "editions": Edition, "use cases": UseCase, "technologies": Technology,
        "technologies of use cases": UseCase.technologies.through, "organisations": Organisation,
        "participations": Participation, "uses of standards": StandardUse, "indicators": Kpi, "results": Result,
    }  # fmt: skip
    assert {kind: rows[kind][0] for kind in counted} == {kind: model.objects.count() for kind, model in counted.items()}
    total = sum(numbers[0] for numbers in rows.values())
    assert outcome.output.splitlines()[-2:] == [
        "Needs for standards: 31 rows checked, not loaded yet.",
        f"{total} changes.",
    ]
    assert set(Result.objects.values_list("version", flat=True)) == {1}
    assert set(Edition.objects.values_list("version", flat=True)) == {1}


@pytest.mark.usefixtures("empty_database")
def test_check_writes_nothing(data):
    outcome = data.load("--check")
    assert outcome.output.splitlines()[-1].endswith(" changes (not kept).")
    assert table(outcome)["cities"][0] == len(data.records("cities.csv"))
    assert not City.objects.exists()
    assert not Vertical.objects.exists()


def test_incompatible_unit_is_told_and_kept_as_reported(data):
    row = data.row_of("results.csv", usecase_slug="electric-buses-santiago", kpi_code="ALL-PT-ENERGYCOST")
    warnings = [line for line in data.load().output.splitlines() if line.startswith("Warning: ")]
    assert warnings == [
        f"Warning: results.csv:{row}:unit: CLP/km cannot be converted to USD/km, the unit of ALL-PT-ENERGYCOST: "
        "it is kept as reported, and stays apart from other results of this indicator"
    ]
    assert Result.objects.get(kpi__code="ALL-PT-ENERGYCOST").unit == "CLP/km"


def test_addresses(db):
    assert Kpi.objects.get(code="EC: ICT: ICT: 1C").slug == "ec-ict-ict-1c"
    assert Kpi.objects.get(code="ISO37120:2014/5.1").slug == "iso37120-2014-5-1"
    assert City.objects.get(name="Sharjah").slug == "sharjah-ae"
    assert Standard.objects.get(designation="ISO 37120").slug == "iso-37120"
    assert Standard.objects.get(designation="ITU-T Y.4903/L.1603").slug == "itu-t-y-4903-l-1603"
    assert Body.objects.get(name="ISO/IEC").slug == "iso-iec"
    slugs = [
        slug
        for model in (Kpi, City, Standard, Body, Region, Technology, Organisation, Result)
        for slug in model.objects.values_list("slug", flat=True)
    ]
    assert [slug for slug in slugs if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)] == []


@pytest.mark.usefixtures("empty_database")
def test_addresses_do_not_depend_on_the_run(data):
    """Two fresh databases give every row the same address; equal wishes are numbered in the order of the file."""
    data.append("cities.csv", like=data.row_of("cities.csv", name="Sharjah"), name="Shárjah")
    data.load()
    results = Result.objects.filter(use_case__slug="growsmarter-stockholm").order_by("pk")
    assert list(results.values_list("slug", "sample_size")) == [
        ("growsmarter-stockholm-all-bld-energy", "building 6F"),
        ("growsmarter-stockholm-all-bld-energy-2", "building 7G"),
    ]
    assert City.objects.get(name="Shárjah").slug == "sharjah-ae-2"


def test_a_standard_shows_its_newest_edition(data):
    row = data.row_of("standards.csv", designation="ISO 37120:2018")
    data.append("standards.csv", row, designation="ISO 37120:2014", year="2014", title="The older", supersedes="")
    data.append("standards.csv", row, designation="ISO 37120:2027", year="2027", title="The newer", kind="framework",
                supersedes="ISO 37120:2018")  # fmt: skip
    assert data.load().code == 0
    standard = Standard.objects.get(designation="ISO 37120")
    assert (standard.title, standard.kind) == ("The newer", "framework")
    chain = Edition.objects.get(designation="ISO 37120:2027")
    assert chain.supersedes.designation == "ISO 37120:2018"
    assert chain.supersedes.supersedes.designation == "ISO 37120:2014"
    assert [edition.year for edition in standard.editions.all()] == [2027, 2018, 2014]
