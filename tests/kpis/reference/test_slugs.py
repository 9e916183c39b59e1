import pytest

from kpis.reference.slugs import allot, slugify


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("ITU-T Y.4903/L.1603", "itu-t-y-4903-l-1603"),
        ("EC: ICT: ICT: 1C", "ec-ict-ict-1c"),
        ("Vitória-Gasteiz (ES)", "vitoria-gasteiz-es"),
        ("Łódź, Ørsted & Straße", "lodz-orsted-strasse"),
        ("東京", "city"),
        ("--", "city"),
    ],
)
def test_slugs_are_plain_ascii(text, slug):
    assert slugify(text, "city") == slug


def test_equal_wishes_are_numbered_in_order():
    assert allot(["a", "b", "a", "a"], 10, lambda slugs: set()) == ["a", "b", "a-2", "a-3"]


def test_slugs_of_other_rows_are_avoided():
    others = {"a", "a-2", "c"}
    assert allot(["a", "b"], 10, lambda slugs: slugs & others) == ["a-3", "b"]


def test_slugs_keep_within_their_length():
    assert allot(["abc-defgh"] * 3, 5, lambda slugs: set()) == ["abc-d", "abc-2", "abc-3"]
    assert allot(["abcd-efgh"], 5, lambda slugs: set()) == ["abcd"]
