"""Two people edit one draft: they see each other, nobody writes over the other, nothing is lost."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from reporting import merging, presence
from reporting.models import Report
from reporting.services import save_entries, submit_report
from tests.reporting import recipes


def address(report: Report, page: str = "basics") -> str:
    return reverse("reporting:page", args=[report.key, page])


@pytest.fixture
def draft(reference_data):
    return recipes.use_case_report()


@pytest.fixture
def ana(draft):
    return signed_in(draft.author)


@pytest.fixture
def ben(draft):
    return signed_in(recipes.member(organisation=draft.organisation, name="Ben"))


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    client.user = user
    return client


def opened(client: Client, report: Report) -> str:
    """The digests that a page carries for somebody who opens it now."""
    return client.get(address(report)).context["seen"]


def sent(client: Client, report: Report, seen: str, **texts: str):
    return client.post(address(report), {"seen": seen, "action": "save", **texts})


@pytest.mark.django_db
def test_changes_of_different_fields_come_together(draft, ana, ben):
    first, second = opened(ana, draft), opened(ben, draft)
    sent(ana, draft, first, title="Bins that talk", problem=draft.entries["problem"])
    assert sent(ben, draft, second, problem="Rats.", title=draft.entries["title"]).status_code == 302
    draft.refresh_from_db()
    assert (draft.entries["title"], draft.entries["problem"]) == ("Bins that talk", "Rats.")


@pytest.mark.django_db
def test_the_same_change_twice_is_no_conflict(draft, ana, ben):
    seen = opened(ana, draft), opened(ben, draft)
    assert sent(ana, draft, seen[0], title="Bins that talk").status_code == 302
    assert sent(ben, draft, seen[1], title="Bins that talk").status_code == 302


@pytest.mark.django_db
def test_both_texts_of_one_field_are_shown_and_everything_else_is_saved(draft, ana, ben):
    seen = opened(ana, draft), opened(ben, draft)
    sent(ana, draft, seen[0], title="Bins that talk")
    answer = sent(ben, draft, seen[1], title="Bins that sing", problem="Rats.")
    assert answer.status_code == 412
    (choice,) = answer.context["conflicts"]
    assert (choice.conflict.mine, choice.conflict.theirs) == ("Bins that sing", "Bins that talk")
    assert choice.marked.mine == "Bins that <mark>sing</mark>"
    draft.refresh_from_db()
    assert (draft.entries["title"], draft.entries["problem"]) == ("Bins that talk", "Rats.")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("chosen", "kept"),
    [("mine", "Bins that sing"), ("theirs", "Bins that talk"), ("both", "Bins that talk and sing")],
)
def test_what_is_decided_is_saved(draft, ana, ben, chosen, kept):
    seen = opened(ana, draft), opened(ben, draft)
    sent(ana, draft, seen[0], title="Bins that talk")
    answer = sent(ben, draft, seen[1], title="Bins that sing")
    decided = {
        "action": "resolve",
        "seen": answer.context["seen"],
        "mine.title": answer.context["conflicts"][0].mine_json,
        "choice.title": chosen,
        "both.title": "Bins that talk and sing",
    }
    assert ben.post(answer.context["action"], decided).status_code == 302
    draft.refresh_from_db()
    assert draft.entries["title"] == kept


@pytest.mark.django_db
def test_who_decides_nothing_is_asked_again(draft, ana, ben):
    seen = opened(ana, draft), opened(ben, draft)
    sent(ana, draft, seen[0], title="Bins that talk")
    answer = sent(ben, draft, seen[1], title="Bins that sing")
    again = ben.post(
        answer.context["action"],
        {"action": "resolve", "seen": answer.context["seen"], "mine.title": json.dumps("Bins that sing")},
    )
    assert again.status_code == 412
    assert again.context["conflicts"][0].conflict.mine == "Bins that sing"


@pytest.mark.django_db
def test_a_third_text_meanwhile_is_a_new_conflict(draft, ana, ben):
    seen = opened(ana, draft), opened(ben, draft)
    sent(ana, draft, seen[0], title="Bins that talk")
    answer = sent(ben, draft, seen[1], title="Bins that sing")
    sent(ana, draft, opened(ana, draft), title="Bins that dance")
    decided = {
        "action": "resolve",
        "seen": answer.context["seen"],
        "mine.title": json.dumps("Bins that sing"),
        "choice.title": "mine",
    }
    assert ben.post(answer.context["action"], decided).status_code == 412
    draft.refresh_from_db()
    assert draft.entries["title"] == "Bins that dance"


@pytest.mark.django_db
def test_a_page_without_digests_writes_over_nothing(draft, ana):
    answer = sent(ana, draft, "not json", title="Another")
    assert answer.status_code == 412


@pytest.mark.django_db
def test_rows_are_compared_as_a_whole(draft, ana, ben):
    seen = opened(ana, draft)
    page = address(draft, "technology")
    first = {"rows.standards": "1", "standards.0.standard": "ISO 37120", "seen": seen, "action": "save"}
    assert ana.post(page, first).status_code == 302
    second = {"rows.standards": "1", "standards.0.standard": "NGSI-LD", "seen": seen, "action": "save"}
    answer = ben.post(page, second)
    assert answer.status_code == 412
    assert "Standard: NGSI-LD" in answer.content.decode().replace("<mark>", "").replace("</mark>", "")


@pytest.mark.django_db
def test_a_script_hears_of_the_conflict_and_saves_the_rest(draft, ana, ben):
    seen = opened(ana, draft), opened(ben, draft)
    sent(ana, draft, seen[0], title="Bins that talk")
    answer = ben.post(
        address(draft),
        {"seen": seen[1], "title": "Bins that sing", "problem": "Rats."},
        headers={"accept": "application/json"},
    )
    assert (answer.status_code, answer.json()) == (412, {"conflict": True})
    draft.refresh_from_db()
    assert draft.entries["problem"] == "Rats."


@pytest.mark.django_db
def test_what_is_typed_into_a_report_that_was_sent_meanwhile_is_shown_to_copy(draft, ana, ben):
    seen = opened(ana, draft)
    submit_report(report=draft, actor=ben.user, version=draft.version)
    answer = sent(ana, draft, seen, title="Bins that talk")
    assert answer.status_code == 409
    assert "Bins that talk" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.entries == recipes.USE_CASE


@pytest.mark.django_db
def test_a_save_between_looking_and_writing_is_merged(draft, ana, monkeypatch):
    """The version is compared in the transaction that writes."""
    other = recipes.member(organisation=draft.organisation)
    stale = Report.objects.get(pk=draft.pk)
    save_entries(report=draft, actor=other, version=draft.version, entries={"problem": "Rats."})
    seen = merging.seen(merging.texts_of(stale))
    saved = merging.save_merged(report=stale, actor=ana.user, mine={"title": "Bins that talk"}, seen=seen)
    assert saved.conflicts == []
    assert (saved.report.entries["title"], saved.report.entries["problem"]) == ("Bins that talk", "Rats.")


@pytest.mark.django_db
def test_they_see_each_other(draft, ana, ben):
    ana.get(address(draft))
    assert f"{ana.user.name} is on this page too." in ben.get(address(draft)).content.decode()
    call = ana.get(reverse("reporting:presence", args=[draft.key, "basics"])).json()
    assert call == {"others": "Ben is on this page too."}
    assert "Ben is at this report too." in ana.get(address(draft, "money")).content.decode()
    presence.leave(draft, ben.user)
    assert presence.words(draft, ana.user, "basics") == ""


@pytest.mark.django_db
def test_nobodys_address_is_shown(draft, ana):
    nameless = recipes.member(organisation=draft.organisation, name="")
    signed_in(nameless).get(address(draft))
    text = ana.get(address(draft)).content.decode()
    assert "Somebody of your organisation is on this page too." in text
    assert nameless.email not in text


@pytest.mark.django_db
def test_presence_is_told_to_nobody_else(draft, ana):
    stranger = signed_in(recipes.member())
    ana.get(address(draft))
    assert stranger.get(reverse("reporting:presence", args=[draft.key, "basics"])).status_code == 404


TEXTS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "one", "two"]), max_size=3)


@given(before=TEXTS, mine=TEXTS, theirs=TEXTS)
def test_no_text_is_ever_lost(before, mine, theirs):
    """Whatever two people change: each changed text is saved, is the same, or is asked about."""
    current = {**before, **theirs}
    typed = {**before, **mine}
    merged = merging.merge(mine=typed, current=current, seen=merging.seen(before))
    saved = {**current, **merged.texts}
    asked = {one.name: (one.mine, one.theirs) for one in merged.conflicts}
    for name in "abc":
        old, own, other = before.get(name, ""), typed.get(name, ""), current.get(name, "")
        now = saved.get(name, "")
        if own != old and other != old and own != other:
            assert asked[name] == (own, other)
            assert now == other
        else:
            assert name not in asked
            assert now == (own if own != old else other)
