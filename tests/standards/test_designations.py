import csv

import pytest
from django.conf import settings

from standards.designations import split_designation


@pytest.mark.parametrize(
    ("full", "standard", "edition"),
    [
        ("ISO 37120:2018", "ISO 37120", "2018"),
        ("ISO 52000-1:2017", "ISO 52000-1", "2017"),
        ("ISO/IEC 13818-1:2019/Amd 1:2020", "ISO/IEC 13818-1", "2019/Amd 1:2020"),
        ("ITU-T Y.4903/L.1603 (10/2016)", "ITU-T Y.4903/L.1603", "(10/2016)"),
        ("ITU-T X.1303 bis (03/2014)", "ITU-T X.1303 bis", "(03/2014)"),
        ("ITU-T Y.Suppl.58 (2025)", "ITU-T Y.Suppl.58", "(2025)"),
        ("ETSI EN 301 549 V3.2.1 (2021-03)", "ETSI EN 301 549", "V3.2.1 (2021-03)"),
        ("ETSI TS 103 410-10 V2.1.1 (2024-10)", "ETSI TS 103 410-10", "V2.1.1 (2024-10)"),
        ("IEEE 2413-2019", "IEEE 2413", "2019"),
        ("IEEE 802.15.4-2020", "IEEE 802.15.4", "2020"),
        ("OGC 18-088", "OGC 18-088", ""),
        ("OGC 12-000r2", "OGC 12-000r2", ""),
        ("W3C DCAT 3", "W3C DCAT 3", ""),
        ("IETF RFC 2018", "IETF RFC 2018", ""),
        ("OASC MIM1", "OASC MIM1", ""),
        ("ISO 16484-5", "ISO 16484-5", ""),
        ("IEC 62443-3300", "IEC 62443-3300", ""),
        ("", "", ""),
    ],
)
def test_split(full, standard, edition):
    assert split_designation(full) == (standard, edition)


def test_the_year_of_every_edition_mark_is_the_year_of_its_row():
    """Over the whole catalogue: a mark that holds a year holds that of the row, so nothing was cut in a wrong place."""
    with (settings.DATA_DIR / "standards.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    marked = [(row, split_designation(row["designation"])) for row in rows]
    wrong = [row["designation"] for row, parts in marked if parts.edition and row["year"] not in parts.edition]
    assert wrong == []
    assert sum(bool(parts.edition) for _row, parts in marked) > len(rows) * 0.8
