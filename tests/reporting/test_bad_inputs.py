"""What cannot be right is caught with a sentence that says how to mend it; what is right goes through unremarked."""

import pytest

from reporting.checking import check
from tests.reporting import recipes
from tests.reporting.bad_inputs import CORPUS, assert_caught, bad_inputs, told

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


@pytest.mark.parametrize("kind", ["use-case", "result"])
def test_nothing_is_said_against_what_is_right(kind):
    checked = check(kind, recipes.VALID[kind], organisation=None)
    assert checked.findings == []
    assert set(checked.values) == set(recipes.VALID[kind])


def test_the_corpus_is_as_large_as_promised():
    assert len({bad.name for bad in CORPUS}) == len(CORPUS) >= 100


@bad_inputs("check")
def test_a_bad_input_is_caught(bad):
    recipes.use_case_report(title="Secret plans of another city")
    checked = check(bad.kind, bad.whole, organisation=recipes.organisation())
    assert_caught(bad, told(checked.findings))
    assert len(checked.findings) <= 3, "one mistake leads to a shower of findings"
