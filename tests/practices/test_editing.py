"""Editors decide on a page of their own: state, harm, split, merge. Nothing is lost between two of them."""

import threading

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client

from kpis.models import Verification
from practices import editing, services, upkeep
from practices.models import Challenge, FormerAddress, Implementation, Practice
from tests.events.documents_cases import settle
from tests.practices import recipes
from tests.usecases import recipes as use_case_recipes

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor():
    return recipes.person(is_staff=True)


@pytest.fixture
def practice():
    return recipes.practice([-50, -51, -49, -50, -52, -48], name="Paint")


def decide(client, practice, **sent):
    return client.post(f"/practices/{practice.slug}/decide/", sent)


def slugs(practice):
    return list(practice.implementations.order_by("pk").values_list("use_case__slug", flat=True))


def at_once(*deeds):
    """Do all in threads of their own, begun together. Returns: what each returned, or the error it raised."""
    start, outcomes = threading.Barrier(len(deeds)), []

    def run(deed):
        try:
            start.wait(10)
            outcomes.append(deed())
        except Exception as error:
            outcomes.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[deed]) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


# --- the page --------------------------------------------------------------------------------------------------------
def test_editors_alone_see_and_use_the_page_and_the_token_is_asked_for(client, practice, editor):
    address = f"/practices/{practice.slug}/decide/"
    for user in (None, recipes.person(), recipes.person("Testville")):
        if user:
            client.force_login(user)
        assert client.get(address).status_code == 403
        for deed in ("state", "harm", "split", "merge"):
            assert client.post(address, {"deed": deed, "state": "withdrawn", "reason": "x"}).status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(editor)
    assert strict.post(address, {"state": "withdrawn", "reason": "x"}).status_code == 403
    practice.refresh_from_db()
    assert practice.state == "accepted"
    client.force_login(editor)
    page = client.get(address).content.decode()
    for words in ("New state", "Harm that is confirmed", "Name of the new practice", "Merge into"):
        assert words in page, words


@pytest.mark.parametrize(
    "sent",
    [
        {"deed": "state", "state": "merged", "reason": "x"},
        {"deed": "state", "state": "accepted", "reason": ""},
        {"deed": "state", "state": "accepted", "reason": "N\x00L"},
        {"deed": "state", "state": "accepted", "reason": "x" * 5_000},
        {"deed": "state", "state": "accepted", "reason": "x", "seen": "9" * 40},
        {"deed": "none of them"},
        {"deed": "harm", "harm": "x" * 5_000},
        {"deed": "merge", "into": "no-such", "reason": "x"},
        {"deed": "merge", "into": "x\x00", "reason": "x"},
        {"deed": "split", "name": "x", "reason": "x", "use_cases": ["no-such"]},
        {"deed": "split", "name": "x", "reason": "x", "use_cases": ["x\x00"]},
        {"deed": "split", "name": "x" * 200, "reason": "x"},
    ],
)
def test_bad_input_is_told_and_changes_nothing(client, practice, editor, sent):
    client.force_login(editor)
    before = Practice.objects.get(pk=practice.pk)
    assert decide(client, practice, **sent).status_code in (409, 422)
    after = Practice.objects.get(pk=practice.pk)
    assert (after.version, after.state, after.implementations.count()) == (before.version, before.state, 6)


@pytest.mark.parametrize("key", ["0", "-1", "x", "9" * 40, "\x00", "²"])
def test_an_answer_to_no_challenge_or_to_another_practices_is_not_found(client, practice, editor, key):
    client.force_login(editor)
    assert decide(client, practice, challenge=key, state="upheld", answer="Yes.").status_code == 404


def test_a_challenge_is_answered_below_its_own_practice_alone(client, practice, editor):
    other = recipes.practice()
    one = services.open_challenge(practice=other, challenge=Challenge(subject="rule", reason="Why?"), actor=editor)
    client.force_login(editor)
    assert decide(client, practice, challenge=one.pk, state="upheld", answer="Yes.").status_code == 404
    one.refresh_from_db()
    assert one.state == "open"


# --- harm ------------------------------------------------------------------------------------------------------------
def test_confirmed_harm_is_shown_beside_the_effect_and_caps_the_grade_until_it_is_taken_back(client, editor):
    practice = recipes.practice()
    for change in (-50, -51, -49, -50, -52, -48, -50, -49):
        recipes.measure(practice, change, method="control group", verification=Verification.INDEPENDENT)
    upkeep.rebuild()
    before = Practice.objects.get(pk=practice.pk).evidence.body["certainty"]
    client.force_login(editor)
    assert decide(client, practice, deed="harm", harm="Two people fell.", seen=practice.version).status_code == 302
    upkeep.rebuild()
    fresh = Practice.objects.get(pk=practice.pk)
    assert fresh.evidence.body["certainty"]["grade"] <= min(2, before["grade"])
    assert before["grade"] > 2, "or the cap would not be seen"
    page = client.get(practice.get_absolute_url()).content.decode()
    assert "Two people fell." in page
    decide(client, practice, deed="harm", harm="", seen=fresh.version)
    upkeep.rebuild()
    assert Practice.objects.get(pk=practice.pk).evidence.body["certainty"] == before
    with pytest.raises(PermissionDenied):
        editing.confirm_harm(practice=practice, harm="x", actor=recipes.person("Testville"))


# --- split and merge -------------------------------------------------------------------------------------------------
def test_a_split_keeps_address_history_and_the_other_cases(client, practice, editor):
    upkeep.rebuild()
    runs = practice.scores.count()
    chosen = slugs(practice)[:3]
    client.force_login(editor)
    answer = decide(client, practice, deed="split", name="Paint at night", reason="At night.", use_cases=chosen)
    fresh = Practice.objects.get(name="Paint at night")
    assert answer["Location"] == fresh.get_absolute_url() == "/practices/paint-at-night/"
    assert slugs(fresh) == chosen
    assert len(slugs(practice)) == 3
    assert practice.scores.count() == runs > 0
    assert fresh.state_reason == "At night."
    upkeep.rebuild()
    assert client.get(fresh.get_absolute_url()).status_code == 200
    assert client.get(practice.get_absolute_url()).status_code == 200
    assert fresh.evidence.body["families"][0]["pooled"]["cities"] == 3


def test_a_split_of_all_or_of_a_single_case_is_refused_in_words(client, practice, editor):
    client.force_login(editor)
    answer = decide(client, practice, deed="split", name="All", reason="x", use_cases=slugs(practice))
    assert answer.status_code == 409
    assert "Each of the two needs a use case." in answer.content.decode()
    assert 'value="All"' in answer.content.decode(), "what was entered is kept"
    single = recipes.practice([-5])
    assert "two or more use cases" in client.get(f"/practices/{single.slug}/decide/").content.decode()


def test_merging_keeps_addresses_and_what_was_merged_is_closed(client, practice, editor):
    other = recipes.practice([-20], name="Other")
    FormerAddress.objects.create(slug="once-other", practice=other)
    client.force_login(editor)
    assert decide(client, other, deed="merge", into=practice.slug, reason="Same.")["Location"].endswith(
        practice.get_absolute_url()
    )
    assert client.get(other.get_absolute_url())["Location"] == practice.get_absolute_url()
    assert client.get("/practices/once-other/")["Location"] == practice.get_absolute_url()
    for deed in ({"deed": "state", "state": "accepted", "reason": "x"}, {"deed": "harm", "harm": "x"}):
        assert decide(client, other, **deed).status_code == 409
    assert "was merged into another" in client.get(f"/practices/{other.slug}/decide/").content.decode()


@pytest.mark.parametrize("state", ["withdrawn", "proposed"])
def test_nothing_is_merged_into_what_visitors_do_not_see(practice, editor, state):
    hidden = recipes.practice([-20], name="Hidden", state=state)
    with pytest.raises(services.RefusedError, match="cannot be merged"):
        editing.merge(practice=practice, into=hidden, reason="Same.", actor=editor)
    practice.refresh_from_db()
    assert practice.state == "accepted"


def test_a_former_address_of_a_practice_that_was_merged_twice_still_leads(client, practice, editor):
    first, second = recipes.practice([-1], name="First"), recipes.practice([-2], name="Second")
    FormerAddress.objects.create(slug="once-first", practice=first)
    editing.merge(practice=first, into=second, reason="Same.", actor=editor)
    editing.merge(practice=second, into=practice, reason="Same.", actor=editor)
    for address in ("/practices/once-first/", first.get_absolute_url(), second.get_absolute_url()):
        assert client.get(address)["Location"] == practice.get_absolute_url(), address


def test_another_slug_in_the_admin_keeps_the_old_address(client, practice):
    admin = recipes.person(is_staff=True, is_superuser=True)
    client.force_login(admin)
    page = client.get(f"/admin/practices/practice/{practice.pk}/change/")
    form = page.context["adminform"].form
    sent = {name: form[name].value() or "" for name in form.fields} | {"slug": "paint-renamed", "_save": "Save"}
    old = practice.get_absolute_url()
    answer = client.post(f"/admin/practices/practice/{practice.pk}/change/", sent)
    assert answer.status_code == 302, answer.context["errors"] if answer.context else answer.content[:500]
    assert client.get(old)["Location"] == "/practices/paint-renamed/"
    assert client.get("/practices/paint-renamed/").status_code == 200
    client.post(f"/admin/practices/practice/{practice.pk}/change/", sent | {"slug": practice.slug})
    assert client.get(old).status_code == 200, "an address taken back is the practice's own again"
    assert client.get("/practices/paint-renamed/")["Location"] == old


def test_nobody_gets_an_address_that_leads_elsewhere():
    made = [services.free_slug(name) for name in ("Propose", "Rankings", "desk", "Suggestions", "…", "ممارسة")]
    assert made == ["propose-2", "rankings-2", "desk-2", "suggestions-2", "practice", "practice"]


# --- two at once -----------------------------------------------------------------------------------------------------
def test_who_decides_by_an_old_page_is_told_and_keeps_what_was_entered(client, practice, editor):
    seen = practice.version
    editing.decide(practice=practice, state="emerging", reason="First.", actor=editor)
    client.force_login(recipes.person(is_staff=True))
    answer = decide(client, practice, deed="state", state="withdrawn", reason="My long reason.", seen=seen)
    assert answer.status_code == 409
    assert "Somebody changed this practice meanwhile" in answer.content.decode()
    assert "My long reason." in answer.content.decode()
    practice.refresh_from_db()
    assert practice.state == "emerging"
    assert f'name="seen" value="{practice.version}"' in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_of_two_splits_at_once_by_the_same_page_one_is_made():
    practice = recipes.practice([-50, -51, -49, -50])
    cases = [link.use_case for link in practice.implementations.all()]
    editors = [recipes.person(is_staff=True) for _n in range(2)]
    outcomes = at_once(
        *(
            lambda editor=editor, half=half: editing.split(
                practice=practice, name="Half", use_cases=half, reason="x", actor=editor, seen=practice.version
            )
            for editor, half in zip(editors, (cases[:2], cases[2:]), strict=True)
        )
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["Practice", "RefusedError"]
    assert practice.implementations.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_practices_merged_into_each_other_at_once_are_one_and_nobody_waits_for_ever():
    first, second = recipes.practice([-1]), recipes.practice([-2])
    editor = recipes.person(is_staff=True)
    outcomes = at_once(
        lambda: editing.merge(practice=first, into=second, reason="x", actor=editor),
        lambda: editing.merge(practice=second, into=first, reason="x", actor=editor),
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["Practice", "RefusedError"]
    assert Practice.objects.filter(pk__in=[first.pk, second.pk], state="merged").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_proposal_and_a_challenge_sent_twice_at_once_are_made_once():
    practice = recipes.practice([-1])
    case = use_case_recipes.use_case()
    member = recipes.person("Testville")

    def propose():
        fresh = Practice(
            name="Benches", summary="They count.", vertical=practice.vertical, primary_kpi=practice.primary_kpi
        )
        return services.propose_practice(practice=fresh, use_case=case, reason="It does.", actor=member)

    def challenge():
        return services.open_challenge(
            practice=practice, challenge=Challenge(subject="rule", reason="Why?"), actor=member
        )

    outcomes = at_once(propose, propose, propose, challenge, challenge, challenge)
    assert not [one for one in outcomes if isinstance(one, Exception)], outcomes
    assert Practice.objects.filter(name="Benches").count() == 1
    assert Implementation.objects.filter(use_case=case).count() == 1
    assert Challenge.objects.filter(practice=practice).count() == 1


@pytest.mark.django_db(transaction=True)
def test_practices_of_one_name_at_once_get_addresses_of_their_own():
    practice = recipes.practice()
    case = use_case_recipes.use_case()
    members = [recipes.person(f"Town {n}") for n in range(4)]

    def propose(member):
        fresh = Practice(name="Benches", summary="x", vertical=practice.vertical, primary_kpi=practice.primary_kpi)
        return services.propose_practice(practice=fresh, use_case=case, reason="It does.", actor=member).slug

    outcomes = at_once(*(lambda member=member: propose(member) for member in members))
    assert sorted(outcomes) == ["benches", "benches-2", "benches-3", "benches-4"]


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_to_a_challenge_at_once_one_stands():
    practice = recipes.practice()
    editors = [recipes.person(is_staff=True) for _n in range(3)]
    one = services.open_challenge(practice=practice, challenge=Challenge(subject="rule", reason="?"), actor=editors[0])
    outcomes = at_once(
        *(
            lambda editor=editor, n=n: services.answer_challenge(
                challenge=one, state="upheld", answer=f"Answer {n}.", actor=editor
            )
            for n, editor in enumerate(editors)
        )
    )
    made = [found for found in outcomes if isinstance(found, Challenge)]
    assert len(made) == 1
    one.refresh_from_db()
    assert one.answer == made[0].answer


@pytest.mark.django_db(transaction=True)
def test_a_split_touches_both_practices_in_the_log():
    practice = recipes.practice([-50, -51, -49, -50, -52, -48])
    settle()
    upkeep.follow()
    cases = [link.use_case for link in practice.implementations.all()[:3]]
    fresh = editing.split(
        practice=practice, name="Half", use_cases=cases, reason="x", actor=recipes.person(is_staff=True)
    )
    settle()
    upkeep.follow()
    assert upkeep.rebuild(check=True).differing == []
    assert fresh.evidence.body["families"][0]["pooled"]["cities"] == 3
