"""A number of thousands of digits where a form names a row or a version is no number, and breaks nothing."""

import pytest
from django.urls import reverse

from alliance.core.whole_numbers import whole_number
from tests.reporting import recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]

LONG = "9" * 5_000


@pytest.mark.parametrize("text", ["", "-1", "1.0", "²", "٣", " 1", "9" * 19, LONG])
def test_no_numbers(text):
    assert whole_number(text) is None


@pytest.mark.parametrize("text", ["0", "7", "9" * 18])
def test_numbers(text):
    assert whole_number(text) == int(text)


@pytest.mark.parametrize("number", [LONG, "٣" * 5_000])
def test_doors_of_members(client, number):
    ada = recipes.member(role="owner")
    promise = recipes.promise(author=ada)
    report = recipes.use_case_report(author=ada, submit=True)
    client.force_login(ada)
    for path, sent in {
        reverse("promises:detail", args=[promise.key]): {"seal": "", "version": number},
        reverse("interests:own"): {"end": number},
        reverse("notices:list"): {"one": number},
        reverse("own_organisations:detail", args=[recipes.organisation_of(ada).slug]): {"do": "end", "id": number},
        reverse("reporting:replies", args=[report.key]): {f"reply.{number}": "x", f"reply-{number}": "x"},
    }.items():
        assert client.post(path, sent).status_code < 500, path


def test_doors_of_editors(client):
    report = recipes.use_case_report(submit=True)
    client.force_login(recipes.editor())
    answer = client.post(reverse("review:report", args=[report.key]), {"version": LONG, "decision": "accept"})
    assert answer.status_code == 412
