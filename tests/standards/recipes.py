"""The least that is valid; a test states what matters to it."""

from itertools import count

from standards.models import Body, Edition, Standard

_number = count(1)


def standard(*, editions=((2020, "published"),), **fields) -> Standard:
    """A standard with an edition for each pair of year and status."""
    n = next(_number)
    values = {
        "slug": f"test-{n}",
        "designation": f"TEST {n}",
        "title": f"Standard {n}",
        "kind": "framework",
        "layer": "technical",
        "verticals": ["mobility"],
    } | fields
    values["body"] = values.get("body") or Body.objects.get_or_create(slug="test", defaults={"name": "Test body"})[0]
    row = Standard.objects.create(**values)
    for year, status in editions:
        Edition.objects.create(
            standard=row,
            designation=f"{row.designation}:{year}",
            title=row.title,
            year=year,
            status=status,
            source="https://example.org/standards",
        )
    return row
