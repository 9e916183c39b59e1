"""How to cite a use case: three formats, each valid whatever the title holds."""

import json
import re
from datetime import UTC, date, datetime

import pytest
from django.utils import translation

from tests.usecases import recipes
from usecases.citations import PUBLISHER, Citation
from usecases.models import UseCase

EVIL = 'A & B_{50%} \\cite{x} ~100$ #1 ^2 "quoted"\n}@book{evil,'


def citation(**fields) -> Citation:
    values = {
        "slug": "a-case",
        "title": "A case",
        "city": "Bogotá",
        "address": "https://portal.example/use-cases/a-case/",
        "published": date(2025, 3, 1),
        "changed": date(2026, 11, 24),
        "version": 3,
    }
    return Citation(**values | fields)


def bibtex_fields(text: str) -> dict[str, str]:
    """The fields of one entry, read as BibTeX reads them: by counting braces, escaped or not."""
    head = re.match(r"@misc\{([^,\s]+),\n", text)
    assert head
    fields, position = {"key": head[1]}, head.end()
    while match := re.compile(r"\s*(\w+) = \{").match(text, position):
        depth, start = 1, match.end()
        position = start
        while depth:
            depth += {"{": 1, "}": -1}.get(text[position], 0)
            position += 1
        fields[match[1]] = text[start : position - 1]
        position += text[position] == ","
    assert text[position:] == "\n}\n"
    return fields


def test_plain_is_one_sentence_that_says_version_and_date():
    assert citation().plain == (
        "A case, Bogotá. Use case in: Alliance for Best Practices and Standards in Smart Cities. "
        "Version 3 of 24 November 2026. https://portal.example/use-cases/a-case/"
    )


def test_bibtex_reads_back():
    assert bibtex_fields(citation().bibtex) == {
        "key": "a-case",
        "author": f"{{{PUBLISHER}}}",
        "title": "{A case, Bogotá}",
        "year": "2026",
        "month": "11",
        "howpublished": "Use case",
        "note": "Version 3 of 2026-11-24",
        "url": "https://portal.example/use-cases/a-case/",
    }


def test_no_title_breaks_out_of_its_field():
    fields = bibtex_fields(citation(title=" ".join(EVIL.split())).bibtex)
    assert set(fields) == {"key", "author", "title", "year", "month", "howpublished", "note", "url"}
    title = fields["title"]
    for text in (r"A \& B\_", r"50\%", r"{\textbackslash}cite{\textbraceleft}x{\textbraceright}", r"\$ \#1", "@book"):
        assert text in title, text
    assert title.count("{") == title.count("}")


def test_csl_json_has_the_shape_of_its_schema():
    """Of csl-data.json 1.0.2: names of properties, types, dates as parts. Version is a string there."""
    (entry,) = citation().csl
    assert entry == {
        "id": "a-case",
        "type": "webpage",
        "title": "A case, Bogotá",
        "author": [{"literal": PUBLISHER}],
        "container-title": PUBLISHER,
        "genre": "Use case",
        "version": "3",
        "issued": {"date-parts": [[2026, 11, 24]]},
        "original-date": {"date-parts": [[2025, 3, 1]]},
        "language": "en",
        "URL": "https://portal.example/use-cases/a-case/",
    }
    assert "original-date" not in citation(published=None).csl[0]


@pytest.mark.usefixtures("reference_data")
class TestDoors:
    def test_each_format_is_a_file_of_its_own_type(self, client):
        for extension, content_type, disposition in (
            ("bib", "application/x-bibtex; charset=utf-8", "attachment"),
            ("json", "application/vnd.citationstyles.csl+json", "attachment"),
            ("txt", "text/plain; charset=utf-8", "inline"),
        ):
            response = client.get(f"/use-cases/sfpark-san-francisco/cite.{extension}")
            assert response.status_code == 200
            assert response["Content-Type"] == content_type
            assert response["Content-Disposition"] == f'{disposition}; filename="sfpark-san-francisco.{extension}"'

    def test_the_files_hold_the_case(self, client, settings):
        case = recipes.use_case(title=EVIL)
        UseCase.objects.filter(pk=case.pk).update(updated_at=datetime(2026, 2, 3, tzinfo=UTC), version=7)
        address = f"{settings.PORTAL_ORIGIN}/use-cases/{case.slug}/"
        base = f"/use-cases/{case.slug}/cite."
        one_line = " ".join(EVIL.split())
        fields = bibtex_fields(client.get(base + "bib").content.decode())
        assert fields["url"] == address
        assert fields["note"] == "Version 7 of 2026-02-03"
        (entry,) = json.loads(client.get(base + "json").content)
        assert entry["title"] == f"{one_line}, {case.city.name}"
        assert entry["issued"] == {"date-parts": [[2026, 2, 3]]}
        assert client.get(base + "txt").content.decode().startswith(f"{one_line}, {case.city.name}. Use case in:")

    def test_unknown_formats_and_cases_are_not_found(self, client):
        assert client.get("/use-cases/sfpark-san-francisco/cite.docx").status_code == 404
        assert client.get("/use-cases/no-such-case/cite.bib").status_code == 404

    def test_the_address_is_the_same_in_every_language(self):
        case = UseCase.objects.get(slug="sfpark-san-francisco")
        with translation.override("ar"):
            arabic = Citation.of(case)
        assert arabic == Citation.of(case)
        assert "/ar/" not in arabic.address
