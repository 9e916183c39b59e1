"""Search over the use cases: weights, stems, exact words, accents, typing errors, phrases, exclusion, marks."""

import pytest
from django.http import QueryDict

from alliance.core import search
from alliance.events.making import make
from alliance.events.reading import visible_documents
from kpis.use_case_filters import MeasuredUseCaseFilter
from usecases.kinds import USE_CASES
from usecases.models import UseCase

pytestmark = pytest.mark.usefixtures("reference_data")


def found(q: str) -> list[str]:
    data = QueryDict(mutable=True)
    data["q"] = q
    return list(MeasuredUseCaseFilter(data, visible_documents(USE_CASES, None)).qs.values_list("slug", flat=True))


def understood(q: str):
    data = QueryDict(mutable=True)
    data["q"] = q
    return MeasuredUseCaseFilter(data, visible_documents(USE_CASES, None)).search


def test_typing_errors_are_forgiven_and_said():
    assert found("sewer snsors") == ["smart-sewers-south-bend"]
    assert understood("sewer snsors").corrections == (("snsors", "sensors"),)


@pytest.mark.parametrize("q", ["bogota", "Bogotá", "BOGOTÁ"])
def test_accents_and_case_do_not_matter(q):
    assert "transmilenio-bogota" in found(q)
    assert understood(q).corrections == ()


def test_stems_match_and_so_do_words_as_written():
    assert found("sewers") == found("sewer")
    assert "brt-lite-lagos" in found("BRT")


def test_a_word_in_the_title_weighs_more_than_one_in_the_text():
    titles = UseCase.objects.in_bulk(found("lighting"), field_name="slug")
    first = found("lighting")[0]
    assert "light" in titles[first].title.lower()


def test_a_phrase_is_found_as_a_phrase():
    phrase, words = set(found('"open data"')), set(found("open data"))
    assert phrase < words


def test_a_word_can_be_left_out():
    assert set(found("water -meters")) < set(found("water"))
    assert not set(found("water -meters")) & set(found("water meters"))


@pytest.mark.parametrize("q", ["the", "of the", "how to"])
def test_stop_words_alone_are_searched_as_written(q):
    assert understood(q).stop_words_only
    found(q)  # no error, whatever it finds


@pytest.mark.parametrize(
    "q", ["'", '"', "&|!():*<->", "-", "- -", "a" * 300, "%", "\\", "日本", "🙂", "or or or", "<script>"]
)
def test_no_query_is_an_error(q):
    assert isinstance(found(q), list)


def test_a_longer_query_is_refused_with_a_sentence():
    data = QueryDict(mutable=True)
    data["q"] = "a" * 10_000
    errors = MeasuredUseCaseFilter(data, visible_documents(USE_CASES, None)).form.errors
    assert list(errors) == ["q"]


def test_null_characters_are_refused():
    data = QueryDict(mutable=True)
    data["q"] = "water\0"
    assert list(MeasuredUseCaseFilter(data, visible_documents(USE_CASES, None)).form.errors) == ["q"]


def test_words_of_hidden_rows_are_not_suggested():
    case = UseCase.objects.filter(slug="smart-sewers-south-bend")
    case.update(title="Xylophonic sewers")
    make(USE_CASES, [case.get().pk])
    assert understood("xylofonic").corrections == (("xylofonic", "xylophonic"),)
    case.update(status="withdrawn")
    assert understood("xylofonic").corrections == ()


def test_matches_are_marked_and_everything_else_is_escaped():
    case = UseCase.objects.get(slug="smart-sewers-south-bend")
    case.title = "Sewers <script>alert(1)</script> & more"
    case.save()
    asked = understood("sewers")
    row = UseCase.objects.annotate(**search.headlines(asked, "title", {"text": "solution"})).get(pk=case.pk)
    html = search.marked_html(row.title_marked)
    assert html.startswith("<mark>Sewers</mark> &lt;script&gt;")
    assert "<script" not in html
