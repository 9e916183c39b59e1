"""What may be told already is shown to who reports, before it is sent, and to the editor, after; and two become one."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse

from alliance.events.history import Subject
from alliance.members.models import Interest
from kpis.models import Result, ResultState
from kpis.reference.load import load_reference_data
from reporting import reviewing
from reporting.duplicates import suspects
from reporting.merging_records import merge_use_cases
from reporting.models import Merge
from tests.kpis import recipes as kpi_recipes
from tests.reporting import recipes
from tests.usecases import recipes as case_recipes
from usecases.models import Status, UseCase

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


def accepted(report):
    return reviewing.accept_report(report=report, actor=recipes.editor(), version=report.version)


# --- suspected -------------------------------------------------------------------------------------------------------
def test_a_use_case_of_nearly_the_same_title_in_the_same_city_is_suspected():
    case = accepted(recipes.use_case_report(submit=True)).use_case
    draft = recipes.use_case_report(title="Bins that tell when they are full")
    (found,) = suspects(draft, draft.author)
    assert found.record == case
    assert len(found.reasons) == 3
    other = recipes.use_case_report(title="Trams on the river bank")
    assert suspects(other, other.author) == []


def test_the_same_indicator_and_numbers_of_one_city_are_suspected():
    result = accepted(recipes.result_report(submit=True)).result
    draft = recipes.result_report()
    found = suspects(draft, draft.author)
    assert found[0].record == result
    assert "The numbers are the same." in found[0].reasons
    other = recipes.result_report(kpi="ALL-TRV-CO2", unit="kg", baseline_value="9", result_value="8")
    assert result not in [one.record for one in suspects(other, other.author)]


def test_reports_of_others_are_told_to_the_editor_alone():
    theirs = recipes.use_case_report(submit=True)
    mine = recipes.use_case_report(submit=True)
    draft = recipes.use_case_report()
    assert [one.record for one in suspects(mine, mine.author)] == []
    assert [one.record for one in suspects(draft, draft.author)] == []
    editor = recipes.editor()
    assert [one.record for one in suspects(mine, editor)] == [theirs]
    Interest.objects.create(user=editor, kind="other", about=mine.organisation)
    assert suspects(mine, editor) == []


def test_own_reports_are_told():
    first = recipes.use_case_report()
    second = recipes.use_case_report(author=first.author)
    assert [one.record for one in suspects(second, first.author)] == [first]


def test_a_correction_is_not_suspected_to_be_what_it_corrects():
    from reporting.correcting import start_correction

    report = accepted(recipes.use_case_report(submit=True))
    draft = start_correction(record=report.use_case, organisation=report.organisation, actor=report.author)
    assert suspects(draft, report.author) == []


def test_both_pages_show_them(client):
    case = accepted(recipes.use_case_report(submit=True)).use_case
    report = recipes.use_case_report()
    client.force_login(report.author)
    assert case.get_absolute_url() in client.get(reverse("reporting:submit", args=[report.key])).content.decode()
    report = recipes.submitted(report, answer="Another one.")
    client.force_login(recipes.editor())
    assert case.get_absolute_url() in client.get(reverse("review:report", args=[report.key])).content.decode()


# --- merged ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def pair():
    """Two accounts of one project: they share an organisation, a lesson, and one of their results."""
    kept = case_recipes.use_case(
        title="Kept", organisations=["Ada", "Bob"], lessons=["One", "Two"], technologies=["Sensor"]
    )
    merged = case_recipes.use_case(
        title="Merged", organisations=["Bob", "Cid"], lessons=["two", "Three"], technologies=["Sensor", "Camera"]
    )
    kpi = kpi_recipes.kpi()
    kpi_recipes.result(use_case=kept, kpi=kpi, slug="same-of-kept")
    kpi_recipes.result(use_case=merged, kpi=kpi, slug="same-of-merged")
    kpi_recipes.result(use_case=merged, kpi=kpi, slug="another", relative_change_percent=-20)
    return kept, merged


def merge(kept, merged, actor=None):
    return merge_use_cases(kept=kept, merged=merged, actor=actor or recipes.editor(), reason="One project.")


def test_what_hangs_on_both_is_there_once(pair):
    kept, merged = pair
    merge(kept, merged)
    kept = UseCase.objects.get(pk=kept.pk)
    assert sorted(kept.organisations.values_list("name", flat=True)) == ["Ada", "Bob", "Cid"]
    assert [one.advice for one in kept.lessons.all()] == ["One", "Two", "Three"]
    assert sorted(kept.technologies.values_list("name", flat=True)) == ["Camera", "Sensor"]
    standing = kept.results.filter(state=ResultState.ACCEPTED)
    assert sorted(standing.values_list("slug", flat=True)) == ["another", "same-of-kept"]
    assert Result.objects.get(slug="same-of-merged").superseded_by.slug == "same-of-kept"
    assert Merge.objects.get().reason == "One project."


def test_both_addresses_lead_to_the_kept_one(client, pair):
    kept, merged = pair
    merge(kept, merged)
    page = client.get(merged.get_absolute_url())
    assert (page.status_code, page["Location"]) == (301, kept.get_absolute_url())
    program = client.get(reverse("api:use-case-detail", args=[merged.slug]), {"fields": "slug"})
    assert program.status_code == 301
    assert client.get(program["Location"]).json() == {"slug": kept.slug}
    cited = client.get(reverse("usecases:cite", args=[merged.slug, "bib"]))
    assert cited["Location"] == reverse("usecases:cite", args=[kept.slug, "bib"])
    gone = client.get(reverse("api:result-detail", args=["same-of-merged"]))
    assert gone["Location"].endswith(reverse("api:result-detail", args=["same-of-kept"]))
    assert client.get(reverse("api:use-case-list"), {"q": "Merged"}).json()["results"] == []


def test_an_address_that_was_merged_twice_leads_to_the_last(client, pair):
    kept, merged = pair
    last = case_recipes.use_case()
    merge(kept, merged)
    merge(last, UseCase.objects.get(pk=kept.pk))
    assert client.get(merged.get_absolute_url())["Location"] == last.get_absolute_url()


def test_both_histories_stay(client, pair):
    kept, merged = pair
    before = {case.pk: Subject(UseCase, case.pk).count() for case in pair}
    merge(kept, merged)
    client.force_login(recipes.editor())
    for case in pair:
        assert Subject(UseCase, case.pk).count() > 0
        assert client.get(reverse("events:history", args=["usecase", case.pk])).status_code == 200
    assert set(before) == {kept.pk, merged.pk}


def test_of_two_same_results_the_better_checked_one_stands(pair):
    kept, merged = pair
    Result.objects.filter(slug="same-of-merged").update(verification=2)
    merge(kept, merged)
    assert Result.objects.get(slug="same-of-kept").superseded_by.slug == "same-of-merged"


def test_who_may_not_merge_and_what_cannot_be_merged(pair):
    kept, merged = pair
    tied = recipes.editor()
    Interest.objects.create(user=tied, kind="other", about=merged.organisations.first())
    for user in (tied, recipes.member()):
        with pytest.raises(PermissionDenied):
            merge(kept, merged, user)
    with pytest.raises(ValidationError):
        merge(kept, kept)
    with pytest.raises(ValidationError):
        merge_use_cases(kept=kept, merged=merged, actor=recipes.editor(), reason=" ")
    draft = case_recipes.use_case(status=Status.DRAFT)
    with pytest.raises(ValidationError):
        merge(kept, draft)


def test_the_files_do_not_part_what_was_merged(settings):
    kept, merged = UseCase.objects.filter(results__isnull=False).distinct().order_by("pk")[:2]
    count = Result.objects.count()
    merge(kept, merged)
    report = load_reference_data(settings.DATA_DIR)
    touched = {one.kind: one.added + one.changed for one in report.tallies}
    assert touched.pop("links to practices") <= 1, "the practice of what was merged is that of what was kept"
    assert sum(touched.values()) == 0
    assert Result.objects.count() == count
    assert UseCase.objects.get(pk=merged.pk).status == Status.WITHDRAWN


def test_the_page_shows_both_and_merges_them(client, pair):
    kept, merged = pair
    client.force_login(recipes.editor())
    address = reverse("review:merge")
    looked = client.get(address, {"kept": kept.slug, "merged": f"https://x.org{merged.get_absolute_url()}"})
    assert "Are they one?" in looked.content.decode()
    assert client.post(address, {"kept": kept.slug, "merged": "nonsense", "reason": "x"}).status_code == 400
    done = client.post(address, {"kept": kept.slug, "merged": merged.slug, "reason": "One project."})
    assert done["Location"] == kept.get_absolute_url()
    client.force_login(recipes.member())
    assert client.get(address).status_code == 403
