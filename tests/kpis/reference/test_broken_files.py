"""Whatever is wrong with a file: one line that says where, what and how to mend it, code 1, and nothing written."""

import pytest

from kpis.models import Kpi, KpiLink, Result
from usecases.models import City, UseCase

pytestmark = pytest.mark.django_db


def only_error(data):
    """The one error of a load that must fail: its place, and what it says."""
    before = [model.objects.count() for model in (City, UseCase, Kpi, Result)]
    outcome = data.load()
    assert outcome.code == 1
    assert len(outcome.errors) == 2, outcome.errors
    assert outcome.errors[1] == "1 error. Nothing was written."
    assert [model.objects.count() for model in (City, UseCase, Kpi, Result)] == before
    place, _colon, says = outcome.errors[0].partition(": ")
    return place, says


# Rows that other rows do not refer to: file, first cell.
CITY = ("cities.csv", "Sharjah")
MILAN = ("usecases.csv", "area-c-milan")
CRASHES = ("results.csv", "bus-reform-seoul")
RIDERS = ("results.csv", "brt-lite-lagos")
TRIPS = ("results.csv", "owl-bus-seoul")
PROV = ("standards.csv", "W3C PROV-O")
FULL = ("kpis.csv", "ALL-PRK-FULL")
HEADINGS = ("kpi_headings.csv", "EC: ICT: ICT: 1C")
LINK = ("kpi_crosswalk.csv", "CK-PRO-01")
NEED = ("standards_gaps.csv", "City as a system of systems")
CELLS = {
    # What is wrong: file, the row's first cell, column, value; then what is said, and how to mend it.
    "no number": (*CITY, "latitude", "north", "“north” is no number", "write digits"),
    "decimal comma": (*CITY, "latitude", "25,3", "“25,3” is no number", "no commas"),
    "thousands": (*CITY, "population", "1,800,000", "is no whole number", "no commas"),
    "year of a spreadsheet": (*MILAN, "started_year", "2012.0", "no whole number", "digits only"),
    "not a number": (*CRASHES, "relative_change_percent", "NaN", "is no number", "leave the field"),
    "infinite": (*CRASHES, "relative_change_percent", "-inf", "is no number", "leave the field"),
    "beyond every number": (*RIDERS, "result_value", "1e400", "is no number", "leave the field"),
    "unknown in words": (*RIDERS, "result_value", "n/a", "is no number", "leave the field empty"),
    "other digits": (*CITY, "population", "١٨٠٠٠٠٠", "is no whole number", "digits"),
    "too large": (*RIDERS, "result_value", "1" * 19, "larger than 10^18", "larger unit"),
    "thousands of digits": (*CITY, "population", "9" * 5000, "is not between 0 and", "check the number"),
    "too many decimals": (*CITY, "longitude", "55.412211", "has more than 5 decimals", "round it"),
    "off the earth": (*CITY, "latitude", "90.1", "90.1 is not between -90 and 90", "degrees"),
    "off the map": (*CITY, "longitude", "-181", "-181 is not between -180 and 180", "degrees"),
    "fewer than nobody": (*CITY, "population", "-1", "-1 is not between 0 and", "check the number"),
    "year too early": (*MILAN, "started_year", "1492", "not between 1950 and 2100", "check"),
    "year too late": (*TRIPS, "measured_year", "20150", "not between 1950 and 2100", "check"),
    "year of an edition": (*PROV, "year", "13", "13 is not between 1900 and 2100", "check"),
    "required": (*CITY, "source", "", "the field is empty", "fill it in"),
    "required number": (*CITY, "latitude", "", "the field is empty", "fill it in"),
    "too long": (*CITY, "source", "s" * 501, "has 501 characters", "shorten it to 500"),
    "too long in a list": (*MILAN, "technologies", "t" * 121, "121 characters", "to 120"),
    "blank at the end": (*CITY, "source", "GeoNames ", "begins or ends with a blank", "delete the blank"),
    "lost letter": (*MILAN, "problem", "Citt\ufffd", "a letter was lost", "put the letter back"),
    "unknown choice": (*MILAN, "stage", "scald", "“scald” is not known here", "did you mean “scaled”?"),
    "unknown vertical": (*FULL, "vertical", "mobilty", "is not known here", "did you mean “mobility”?"),
    "unknown in a list": (*PROV, "nfr", "trust;privcy", "“privcy” is not", "did you mean “privacy”?"),
    "unknown region": (*CITY, "region", "Eurpe", "“Eurpe” is not known here", "did you mean “Europe”?"),
    "region of the country": (*CITY, "region", "Europe", "puts AE into Northern Africa and Western Asia", "one region"),
    "unknown country": (*CITY, "country_iso2", "XX", "“XX” is no country's code", "two letters of ISO 3166-1"),
    "old code of a country": (*CITY, "country_iso2", "UK", "“UK” is no country's code", "did you mean “GB”?"),
    "name of a country": (*CITY, "country_iso2", "Norway", "is no country's code", "did you mean “NO”?"),
    "small letters": (*CITY, "country_iso2", "ae", "“ae” is no country's code", "did you mean “AE”?"),
    "no web address": (*PROV, "url", "javascript:alert(1)", "is no web address", "https://"),
    "gap in a list": (*MILAN, "technologies", "cameras;;payment", "has a gap", "a;b;c"),
    "twice in a list": (*MILAN, "organisations", "AMAT;AMAT", "“AMAT” stands twice", "delete one"),
    "spelt two ways": (*MILAN, "organisations", "City of Milan;ITÜ", "“ITÜ” is spelt “ITU”", "same way"),
    "ended before it began": (*MILAN, "ended_year", "2001", "before it started in 2012", "correct"),
    "city that is not there": (*MILAN, "city", "Milano", "no Milano in IT", "did you mean “Milan”?"),
    "city abroad": (*MILAN, "country_iso2", "FR", "no Milan in FR", "there is one in IT"),
    "standard that is not there": (
        "usecases.csv",
        "noiseability-edinburgh",
        "standards",
        "OASC MIM11",
        "“OASC MIM11” is not in standards.csv",
        "did you mean “OASC MIM1”?",
    ),
    "use case that is not there": (
        *TRIPS,
        "usecase_slug",
        "owl-bus-soul",
        "“owl-bus-soul” is not in usecases.csv",
        "did you mean “owl-bus-seoul”?",
    ),
    "indicator that is not there": (
        *TRIPS,
        "kpi_code",
        "ALL-XYZ",
        "“ALL-XYZ” is not in kpis.csv",
        "add it to kpis.csv",
    ),
    "standard of a need": (
        *NEED,
        "related_standards",
        "ISO 37105",
        "“ISO 37105” is not in standards.csv",
        "did you mean “ISO 37105:2019”?",
    ),
    "score of a need": (*NEED, "resilience", "6", "not between 0 and 5", "check"),
    "unknown unit": (*FULL, "unit", "percnt", "no unit is called “percnt”", "did you mean “percent”?"),
    "no unit at all": (*FULL, "unit", "9**9**9**9", "“9**9**9**9” names no unit", "join unit names"),
    "empty unit": (*FULL, "unit", "", "the field is empty", "fill it in"),
    "unknown unit of a value": (*RIDERS, "unit", "rides/day", "no unit is called “rides”", "units.txt"),
    "value without unit": (*RIDERS, "unit", "", "a value needs its unit", "dimensionless"),
    "baseline alone": (*TRIPS, "result_value", "", "neither a result nor a relative change", "one of"),
    "half a formula": (*HEADINGS, "scale", "", "needs numerator, denominator and a scale", "all three"),
    "scale of nothing": (*HEADINGS, "scale", "-100", "-100 is not above 0", "multiplied by"),
    "range upside down": (*HEADINGS, "valid_max", "-1", "-1 is not above 0", "larger number"),
    "no goal": (*HEADINGS, "sdg", "18.1", "“18.1” is no goal", "6.2.1"),
    "level": (*HEADINGS, "hkpi_level", "technolgy", "is not known here", "did you mean “technology”?"),
    "headings without source": (*HEADINGS, "source", "", "name no source", "where they come from"),
    "headings of no indicator": (*HEADINGS, "code", "ALL-XYZ", "“ALL-XYZ” is not in kpis.csv", "add it"),
    "link to no indicator": (*LINK, "other_code", "ALL-XYZ", "“ALL-XYZ” is not in kpis.csv", "add it"),
    "method": (*TRIPS, "method", "modelled", "“modelled” is not known", "did you mean “model”?"),
}


@pytest.mark.parametrize("case", CELLS, ids=str)
def test_one_wrong_cell(data, case):
    file, first_cell, column, value, what, mend = CELLS[case]
    key = data.rows(file)[0][0]
    row = data.row_of(file, **{key: first_cell})
    data.set(file, row, **{column: value})

    place, says = only_error(data)

    assert place == f"{file}:{row}:{column}"
    assert what in says
    assert mend in says.split(what)[1]


def test_baseline_without_result(data):
    row = data.row_of("results.csv", usecase_slug="bus-reform-seoul")
    data.set("results.csv", row, baseline_value="12", unit="count/year")
    mend = "add the result, or move it to the note"
    assert only_error(data) == (f"results.csv:{row}:result_value", f"there is a baseline without a result: {mend}")


@pytest.mark.parametrize(
    ("change", "fits"), [("-50", True), ("-50.0", True), ("-49.6", False), ("50", False), ("-45", False)]
)
def test_relative_change_follows_from_the_values(data, change, fits):
    row = data.row_of("results.csv", usecase_slug="bus-reform-seoul")
    data.set(
        "results.csv", row, baseline_value="1000", result_value="500", unit="count/year", relative_change_percent=change
    )
    if fits:
        assert data.load("--check").code == 0
        return
    place, says = only_error(data)
    assert place == f"results.csv:{row}:relative_change_percent"
    assert says.startswith(f"{change} percent does not follow from 1000 before and 500 after: correct it")


def test_relative_change_from_nothing(data):
    row = data.row_of("results.csv", usecase_slug="bus-reform-seoul")
    data.set("results.csv", row, baseline_value="0", result_value="5", unit="count/year")
    assert only_error(data)[0] == f"results.csv:{row}:relative_change_percent"


@pytest.mark.parametrize(
    ("file", "column", "key"),
    [
        ("cities.csv", "name", "Abu Dhabi, AE"),
        ("standards.csv", "designation", "BSI PAS 181:2014"),
        ("kpis.csv", "code", "EC: ICT: ICT: 1C"),
        ("usecases.csv", "slug", "sfpark-san-francisco"),
        ("standards_gaps.csv", "title", "Converged reference architecture for city platforms"),
        ("results.csv", "kpi_code", "sfpark-san-francisco, ALL-PRK-SEARCH with this year, samp..."),
    ],
)
def test_duplicate_key(data, file, column, key):
    line = data.append(file, like=2)
    place, says = only_error(data)
    assert place == f"{file}:{line}:{column}"
    assert says == f"“{key}” stands in row 2 already: delete one of the two, or rename it"


def test_file_is_missing(data):
    (data.path / "kpis.csv").unlink()
    assert only_error(data) == ("kpis.csv:-:-", f"the file is missing: put it into {data.path}, or give --dir")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_file_is_empty(data, content):
    data.write_bytes("cities.csv", content)
    assert only_error(data) == ("cities.csv:-:-", "the file is empty: put its header and its rows back")


def test_folder_is_missing(data):
    data.path = data.path / "nowhere"
    outcome = data.load()
    assert outcome.code == 1
    assert outcome.errors[0] == f"{data.path}:-:-: there is no such folder: give --dir the folder with the CSV files"


def test_file_in_latin_1(data):
    data.set("cities.csv", 5, source="GéoNames")
    data.write_bytes("cities.csv", data.bytes("cities.csv").decode().encode("latin-1", errors="replace"))
    says = "the byte 0xe9 is not UTF-8: save it as CSV in UTF-8, with commas between the fields"
    assert only_error(data) == ("cities.csv:5:-", says)


def test_file_in_utf_16(data):
    data.write_bytes("cities.csv", data.bytes("cities.csv").decode().encode("utf-16"))
    place, says = only_error(data)
    assert place == "cities.csv:1:-"
    assert says.startswith("the file is in UTF-16: save it as CSV in UTF-8")


def test_byte_order_mark_and_windows_line_ends_are_accepted(data):
    for file in ("cities.csv", "usecases.csv", "results.csv"):
        data.write_bytes(file, b"\xef\xbb\xbf" + data.bytes(file).replace(b"\n", b"\r\n"))
    outcome = data.load()
    assert outcome.code == 0
    assert outcome.output.splitlines()[-1] == "0 changes."


def test_nul_byte(data):
    data.write_bytes("results.csv", data.bytes("results.csv").replace(b"pilot in East", b"pilot\x00in East"))
    row = data.bytes("results.csv").split(b"\x00")[0].count(b"\n") + 1
    place, says = only_error(data)
    assert place == f"results.csv:{row}:-"
    assert says.startswith("there is a NUL byte: delete it, or save it as CSV")


def test_semicolons_between_the_fields(data):
    data.write_bytes("kpis.csv", data.bytes("kpis.csv").replace(b",", b";"))
    place, says = only_error(data)
    assert place == "kpis.csv:1:-"
    assert says.startswith("the fields are not separated by commas: save it as CSV")


def test_unknown_column_names_the_closest_missing_one(data):
    data.write_bytes("cities.csv", data.bytes("cities.csv").replace(b"population", b"populaton", 1))
    assert data.load().errors == [
        "cities.csv:1:population: the column is missing: add it, also when all its fields are empty",
        "cities.csv:1:populaton: no column is called so: did you mean “population”? Otherwise delete it; the columns "
        "are name, country_iso2, latitude, longitude, population, region, source",
        "2 errors. Nothing was written.",
    ]


def test_further_column(data):
    rows = data.rows("cities.csv")
    data.write("cities.csv", [[*rows[0], "mayor"], *([*row, ""] for row in rows[1:])])
    place, says = only_error(data)
    assert place == "cities.csv:1:mayor"
    assert says.startswith("no column is called so: delete it; the columns are name, country_iso2,")


def test_column_twice(data):
    rows = data.rows("cities.csv")
    data.write("cities.csv", [[*row, row[0]] for row in rows])
    assert only_error(data) == ("cities.csv:1:name", "the column stands twice in the header: delete one of them")


def test_columns_in_another_order_are_accepted(data):
    data.write("cities.csv", [row[::-1] for row in data.rows("cities.csv")])
    assert data.load().output.splitlines()[-1] == "0 changes."


@pytest.mark.parametrize(("change", "mend"), [(1, "put quotes around a field"), (-1, "add the commas")])
def test_wrong_number_of_fields(data, change, mend):
    rows = data.rows("cities.csv")
    rows[4] = [*rows[4], "x"] if change > 0 else rows[4][:-1]
    data.write("cities.csv", rows)
    place, says = only_error(data)
    assert place == "cities.csv:5:-"
    assert says.startswith(f"the row has {7 + change} fields, the header 7: {mend}")


def test_empty_row_between_others(data):
    rows = data.rows("cities.csv")
    data.write("cities.csv", [*rows[:3], [""] * 7, *rows[3:]])
    assert only_error(data) == ("cities.csv:4:-", "the row is empty: delete the line")


def test_quotes_that_are_never_closed(data):
    content = data.bytes("results.csv")
    data.write_bytes("results.csv", content + b'owl-bus-seoul,ALL-PT-RIDERS,,1,count/day,,,2015,model,x,"never\nclosed')
    row = content.count(b"\n") + 1
    place, says = only_error(data)
    assert place == f"results.csv:{row}:-"
    assert says.startswith("a quoted field that begins here is never closed: close it")


def test_text_behind_quotes(data):
    data.write_bytes("cities.csv", data.bytes("cities.csv").replace(b"\nDubai,", b'\n"Du"bai,', 1))
    place, says = only_error(data)
    assert place == "cities.csv:3:-"
    assert says.startswith("text follows the closing quote of a field: write")


def test_rows_are_counted_as_an_editor_counts(data):
    """Fields over several lines, and blank lines, move what follows."""
    row = data.row_of("usecases.csv", slug="surtrac-pittsburgh")
    data.set("usecases.csv", row - 1, problem="one\ntwo\r\nthree")
    text = data.bytes("usecases.csv").replace(b"\nsurtrac-pittsburgh,", b"\n\n\nsurtrac-pittsburgh,")
    data.write_bytes("usecases.csv", text.replace(b"mobility,scaled,2012,,Fixed", b"mobility,scald,2012,,Fixed"))
    place, says = only_error(data)
    assert place == f"usecases.csv:{row + 4}:stage"
    assert says.startswith("“scald” is not known here: did you mean “scaled”?")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"furlong_x = 3 nosuchunit\n", "nosuchunit"),
        (b"meter = [length_of_ours]\n", "is a unit already"),
        (b"x = [\n", "Cannot define"),
        (b"\xff\xfe = 1\n", "utf-8"),
    ],
)
def test_broken_units_file(data, line, what):
    data.write_bytes("units.txt", data.bytes("units.txt") + line)
    place, says = only_error(data)
    assert place == "units.txt:-:-"
    assert what in says


def test_units_file_is_missing(data):
    (data.path / "units.txt").unlink()
    assert only_error(data)[0] == "units.txt:-:-"


def test_editions_in_a_circle(data):
    older = data.row_of("standards.csv", designation="ITU-T Y.4903/L.1603 (10/2016)")
    newer = data.row_of("standards.csv", designation="ITU-T Y.4903 (03/2022)")
    data.set("standards.csv", older, supersedes="ITU-T Y.4903 (03/2022)")
    outcome = data.load()
    assert [error.split(": ")[0] for error in outcome.errors[:2]] == [
        f"standards.csv:{row}:supersedes" for row in sorted([older, newer])
    ]
    assert "supersedes itself, directly or through others" in outcome.errors[0]


def test_all_errors_at_once_in_order(data):
    data.set("cities.csv", 2, latitude="x", longitude="y", population="z")
    data.set("usecases.csv", 3, stage="", vertical="nothing")
    data.set("results.csv", 4, measured_year="soon")
    (data.path / "standards_gaps.csv").unlink()
    places = [error.split(": ")[0] for error in data.load().errors]
    assert places == [
        "cities.csv:2:latitude",
        "cities.csv:2:longitude",
        "cities.csv:2:population",
        "results.csv:4:measured_year",
        "standards_gaps.csv:-:-",
        "usecases.csv:3:stage",
        "usecases.csv:3:vertical",
        "7 errors. Nothing was written.",
    ]


def test_a_broken_row_does_not_make_its_references_dangle(data):
    """Only the cause is told: results of a faulty use case, use cases of a faulty city."""
    row = data.row_of("cities.csv", name="Stockholm")
    data.set("cities.csv", row, latitude="99")
    assert only_error(data)[0] == f"cities.csv:{row}:latitude"


def test_a_file_that_cannot_be_read_does_not_make_its_references_dangle(data):
    data.write_bytes("usecases.csv", b"\xff" + data.bytes("usecases.csv"))
    assert only_error(data)[0] == "usecases.csv:1:-"


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ("CK-PRO-01", "An indicator is not linked to itself"),
        ("ISO37120:2014/12.3", "same better direction"),
        ("CK-PEO-02", "percent cannot be converted into count/(100000*person)"),
    ],
)
def test_what_is_no_exact_link(data, other, what):
    row = data.row_of(*LINK[:1], code=LINK[1])
    data.set("kpi_crosswalk.csv", row, other_code=other)
    place, says = only_error(data)
    assert place == f"kpi_crosswalk.csv:{row}:relation"
    assert what in says


def test_a_link_may_not_contradict_the_links_above_it(data):
    """Unemployment of U4SSC and of CITYkeys are both that of ISO: one cannot be broader than the other."""
    row = data.append("kpi_crosswalk.csv", 2, code="CK-PRO-01", other_code="EC: P: EM: 1C", relation="broader")
    place, says = only_error(data)
    assert place == f"kpi_crosswalk.csv:{row}:relation"
    assert "broader than itself" in says


def test_a_pair_has_one_link(data):
    row = data.append("kpi_crosswalk.csv", 2, code="ISO37120:2014/5.1", other_code="EC: P: EM: 1C", relation="close")
    assert only_error(data) == (
        f"kpi_crosswalk.csv:{row}:relation",
        "These two are linked already: correct this row, or the one that it contradicts",
    )


@pytest.mark.usefixtures("reference_data")
def test_a_link_of_the_database_alone_is_not_contradicted(data):
    first, second = (Kpi.objects.get(code=code) for code in ("ISO37120:2014/5.2", "ISO37120:2014/5.4"))
    KpiLink.objects.create(kpi=first, other=second, relation="close", reason="r", said_by="x", source="s")
    data.append("kpi_crosswalk.csv", 2, code="ISO37120:2014/5.4", other_code="ISO37120:2014/5.2", relation="narrower")
    place, says = only_error(data)
    assert place == "kpi_crosswalk.csv:-:-"
    assert "a link of the database alone contradicts it" in says
    assert "/admin/" in says


def test_a_slug_that_cannot_stand_in_an_address(data):
    links = data.rows("implementations.csv")
    data.write("implementations.csv", [row for row in links if row[1] != "led-marrakech"])
    row = data.row_of("usecases.csv", slug="led-marrakech")
    data.set("usecases.csv", row, slug="LED Marrakech!")
    place, says = only_error(data)
    assert place == f"usecases.csv:{row}:slug"
    assert "cannot stand in an address" in says
    assert "a to z" in says
