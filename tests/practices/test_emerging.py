"""Emerging practices are found among use cases that are in none, told with reasons, and decided by editors once."""

import threading
from datetime import UTC, datetime

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import Count

from alliance.events.models import Run
from practices import desk, discovery, editing, emerging, services, tasks, upkeep
from practices.emerging import Case, Corpus, groups_of, words_of
from practices.models import Evidence, Implementation, Practice, Suggestion
from tests.kpis import recipes as kpi_recipes
from tests.practices import recipes
from tests.usecases import recipes as use_case_recipes

BENCHES = {"technologies": ["Solar bench"], "solution": "Benches gather sunlight and count who sits on them."}


def case(slug, technologies=(), words="", kpis=(), vertical="mobility", city=""):
    return Case(slug, vertical, city or slug, frozenset(technologies), frozenset(kpis), words_of(words))


def three(**more):
    """Three use cases, each of a city of its own, that look like one practice, among others that do not."""
    for name in ("Quiet asphalt", "Drone post", "Kerb radar", "Tram ballet", "Ferry bell", "Snow oven"):
        use_case_recipes.use_case(technologies=[name], problem=name[::-1], solution=name)
    return [use_case_recipes.use_case(**BENCHES, **more) for _n in range(3)]


@pytest.fixture
def editor(db):
    return recipes.person(is_staff=True)


@pytest.fixture
def suggestion(db):
    three()
    discovery.search()
    return Suggestion.objects.get()


# --- the method ------------------------------------------------------------------------------------------------------
def test_words_are_plain_and_leave_out_names():
    assert words_of("Lámparas, lamps; a LAMP in Málaga!", ["Málaga"]) == {"lampara": 1, "lamp": 2}


def test_cases_that_share_what_is_rare_are_a_group_and_what_all_share_tells_nothing():
    cases = [
        case("a", ["bench", "cloud"], "benches gather sunlight"),
        case("b", ["bench", "cloud"], "sunlight for benches"),
        case("c", ["cloud"], "buses arrive earlier"),
        case("d", ["cloud"], "doctors answer calls"),
    ]
    groups = groups_of(cases, Corpus.of(cases))
    assert [group.cases for group in groups] == [("a", "b")]
    assert all(part.points == 0 for one in "ab" for part in groups[0].reasons[one] if part.shared == ("cloud",))
    assert groups == groups_of(list(reversed(cases)), Corpus.of(cases)), "the order of the input does not matter"


def test_the_parts_of_each_case_add_up_to_its_likeness_and_those_to_the_groups():
    cases = [case(name, ["bench", name], f"benches {name}", ["K1"]) for name in ("ab", "cd", "ef")]
    cases += [case(f"other{n}", [f"t{n}"], f"word{'x' * n}") for n in range(9)]
    group = groups_of(cases, Corpus.of(cases))[0]
    assert group.cases == ("ab", "cd", "ef")
    means = [sum(part.points for part in parts) for parts in group.reasons.values()]
    assert sum(means) / 3 == pytest.approx(group.likeness)
    assert 0 < group.likeness < 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"city": "same"}, "one city is no pattern"), ({"vertical": "water"}, "another field is another practice")],
)
def test_one_city_or_two_fields_make_no_group(changes, why):
    cases = [case("a", ["bench"], "benches", city="same"), case("b", ["bench"], "benches", **{"city": "b", **changes})]
    cases += [case(f"other{n}", [f"t{n}"]) for n in range(9)]
    assert groups_of(cases, Corpus.of(cases)) == [], why


def test_average_linkage_agrees_with_scipy():
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    squareform = pytest.importorskip("scipy.spatial.distance").squareform
    from random import Random

    random = Random(7)
    count = 40
    likeness = {(a, b): random.random() ** 3 for a in range(count) for b in range(a + 1, count)}
    matrix = [[0.0 if a == b else 1 - likeness[min(a, b), max(a, b)] for b in range(count)] for a in range(count)]
    tree = hierarchy.linkage(squareform(matrix), "average")
    labels = hierarchy.fcluster(tree, 1 - emerging.THRESHOLD, "distance")
    expected = {frozenset(at for at in range(count) if labels[at] == label) for label in set(labels)}
    assert {frozenset(found) for found in emerging._linked(count, likeness)} == {
        one for one in expected if len(one) > 1
    }


# --- real use cases --------------------------------------------------------------------------------------------------
#: Practices whose use cases the search puts together again from the real data when they are in none.
FOUND_AGAIN = {
    "renewed-street-lighting-with-remote-management",
    "smart-bins-with-route-planning",
    "adaptive-traffic-signals",
}


def test_real_use_cases_taken_out_of_their_practices_are_found_again(reference_data):
    assert discovery.search().groups == 0, "each of them is in a practice"
    several = Practice.objects.annotate(links=Count("implementations")).filter(links__gt=1)
    kept = {one.slug: set(one.implementations.values_list("use_case__slug", flat=True)) for one in several}
    Implementation.objects.all().delete()
    report = discovery.search()
    assert report.groups == report.suggested == Suggestion.objects.count()
    # A use case may carry out several practices: a suggestion is right when some practice had all its use cases.
    found = [set(one.slugs) for one in Suggestion.objects.all()]
    right = [slugs for slugs in found if any(slugs <= cases for cases in kept.values())]
    assert len(right) / len(found) >= 0.75
    for slug in FOUND_AGAIN:
        assert any(len(slugs & kept[slug]) >= 2 for slugs in right), slug


def test_use_cases_of_one_practice_alone_are_found_among_all_others(reference_data):
    links = Implementation.objects.filter(practice__slug="renewed-street-lighting-with-remote-management")
    cases = set(links.values_list("use_case__slug", flat=True))
    Implementation.objects.filter(use_case__slug__in=cases).delete()
    discovery.search()
    assert max(len(set(one.slugs) & cases) for one in Suggestion.objects.all()) >= len(cases) - 1


# --- the job ---------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_job_tells_what_it_found_and_twice_it_changes_nothing():
    three()
    tasks.search_practices()
    kept = list(Suggestion.objects.values())
    assert len(kept) == 1
    run = Run.objects.filter(task=tasks.SEARCH).first()
    assert run.state == "done"
    assert "1 groups were suggested" in run.findings[1]
    tasks.search_practices()
    assert list(Suggestion.objects.values()) == kept


def test_the_schedule_has_the_search(settings):
    assert tasks.search_practices.name in {one["task"] for one in settings.CELERY_BEAT_SCHEDULE.values()}


@pytest.mark.django_db
def test_what_is_in_a_practice_or_not_published_is_not_suggested():
    cases = three()
    Implementation.objects.create(practice=recipes.practice(), use_case=cases[0], reason="It does this.")
    type(cases[1]).objects.filter(pk=cases[1].pk).update(status="withdrawn")
    assert discovery.search().suggested == 0


def test_an_open_suggestion_tells_how_alike_its_cases_are_today(suggestion, editor):
    before = suggestion.likeness
    changed = use_case_recipes.UseCase.objects.filter(slug=suggestion.slugs[0])
    changed.update(solution="Benches gather sunlight, count who sits on them, and sing.")
    assert discovery.search().suggested == 0
    assert Suggestion.objects.get().likeness != before
    editing.reject_suggestion(suggestion=suggestion, reason="No.", actor=editor)
    kept = Suggestion.objects.get().cases
    changed.update(solution="Benches gather sunlight and count who sits on them.")
    discovery.search()
    assert Suggestion.objects.get().cases == kept, "what was decided stays as it was decided about"


def test_a_suggestion_that_its_cases_bear_no_more_is_taken_back(suggestion):
    link = Implementation(practice=recipes.practice(), reason="It does this.")
    link.use_case = use_case_recipes.UseCase.objects.get(slug=suggestion.slugs[0])
    link.save()
    report = discovery.search()
    assert (report.suggested, report.taken_back) == (1, 1)
    assert len(Suggestion.objects.get().slugs) == 2


@pytest.mark.django_db
def test_too_many_of_a_field_are_told_and_the_newest_compared(monkeypatch):
    three()
    older = use_case_recipes.use_case(**BENCHES, published_at=datetime(2020, 1, 1, tzinfo=UTC))
    free = discovery.search().free
    monkeypatch.setattr(discovery, "MOST_OF_A_FIELD", free - 1)
    report = discovery.search()
    assert (report.free, report.left_out) == (free, 1)
    assert "The oldest 1 use cases were left out" in report.sentences()[2]
    assert older.slug not in Suggestion.objects.get().slugs


# --- the editors -----------------------------------------------------------------------------------------------------
def test_editors_alone_see_suggestions_with_reasons_that_add_up(client, suggestion, editor):
    for user in (None, recipes.person("Testville")):
        if user:
            client.force_login(user)
        for address in ("/practices/desk/", suggestion.get_absolute_url()):
            assert client.get(address).status_code == 403
            assert client.post(suggestion.get_absolute_url(), {"deed": "reject", "reason": "x"}).status_code == 403
    client.force_login(editor)
    assert "Solar bench" in client.get("/practices/desk/").content.decode()
    page = client.get(suggestion.get_absolute_url()).content.decode()
    for words in ("Solar bench", "Technologies", "sunlight", "Together"):
        assert words in page, words
    for one in desk.told([suggestion])[0].cases:
        assert one.likeness == pytest.approx(sum(part.points for part in one.parts))


def accepted(client, suggestion, **changes):
    form = client.get(suggestion.get_absolute_url()).context["accept_form"]
    sent = {name: form[name].value() for name in form.fields}
    sent = {name: getattr(value, "pk", value) or "" for name, value in sent.items()}
    kpi = sent["primary_kpi"] or kpi_recipes.kpi().pk
    sent |= {"summary": "Benches that count.", "reason": "A pattern.", "primary_kpi": kpi}
    return client.post(suggestion.get_absolute_url(), sent | changes)


def test_accepted_as_edited_it_is_emerging_and_shown_as_such(client, suggestion, editor):
    client.force_login(editor)
    answer = accepted(client, suggestion, name="Benches that count who sits", reason_2="")
    practice = Practice.objects.get(name="Benches that count who sits")
    assert answer["Location"] == practice.get_absolute_url()
    assert practice.state == "emerging"
    assert set(practice.implementations.values_list("use_case__slug", flat=True)) == set(suggestion.slugs[:2])
    assert "technologies: Solar bench" in practice.implementations.first().reason
    upkeep.rebuild()
    client.logout()
    assert "Emerging" in client.get(practice.get_absolute_url()).content.decode()
    assert "Emerging" in client.get("/practices/").content.decode()
    assert discovery.search().suggested == 0


def test_with_three_measured_cities_it_is_accepted_at_once_and_judged_by_their_indicator(client, editor):
    kpi = kpi_recipes.kpi()
    for one in three():
        kpi_recipes.result(use_case=one, kpi=kpi, relative_change_percent=-20, measured_year=2025)
    discovery.search()
    client.force_login(editor)
    accepted(client, Suggestion.objects.get(), name="Benches")
    practice = Practice.objects.get(name="Benches")
    assert (practice.state, practice.primary_kpi) == ("accepted", kpi)


def test_an_emerging_practice_with_a_finding_by_now_is_shown_to_the_editors(client, editor):
    practice = recipes.practice([-20, -21, -22], state="emerging", name="Grown up")
    upkeep.rebuild()
    assert Evidence.objects.filter(practice=practice).exists()
    client.force_login(editor)
    assert "Grown up" in client.get("/practices/desk/").content.decode()


def test_rejected_with_a_reason_it_is_not_suggested_again_for_the_same_use_cases(client, suggestion, editor):
    client.force_login(editor)
    address = suggestion.get_absolute_url()
    assert client.post(address, {"deed": "reject", "reason": ""}).status_code == 422
    client.post(address, {"deed": "reject", "reason": "Benches are no pattern."})
    assert discovery.search().suggested == 0
    assert "Benches are no pattern." in client.get("/practices/desk/").content.decode()
    use_case_recipes.use_case(**BENCHES)
    assert discovery.search().suggested == 1, "another set is another question"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "N\x00L"},
        {"name": "x" * 200},
        {"summary": "x" * 5_000},
        {"reason": ""},
        {"primary_kpi": "999999999999999999999"},
        {"primary_kpi": "x\x00"},
        {"reason_0": "", "reason_1": "", "reason_2": ""},
        {"reason_0": "x" * 5_000},
    ],
)
def test_bad_input_is_told_and_makes_nothing(client, suggestion, editor, changes):
    client.force_login(editor)
    before = Practice.objects.count()
    assert accepted(client, suggestion, **changes).status_code == 422
    assert Practice.objects.count() == before
    assert Suggestion.objects.get().state == "open"


def test_a_decision_stands_and_needs_an_editor(suggestion, editor):
    with pytest.raises(PermissionDenied):
        editing.reject_suggestion(suggestion=suggestion, reason="No.", actor=recipes.person("Testville"))
    editing.reject_suggestion(suggestion=suggestion, reason="No.", actor=editor)
    with pytest.raises(services.RefusedError):
        editing.reject_suggestion(suggestion=suggestion, reason="Again.", actor=editor)


@pytest.mark.django_db(transaction=True)
def test_of_two_editors_at_once_one_decides():
    cases = three()
    discovery.search()
    suggestion = Suggestion.objects.get()
    kpi = kpi_recipes.kpi()
    editors = [recipes.person(is_staff=True) for _n in range(4)]
    start, outcomes = threading.Barrier(4), []

    def accept(actor):
        practice = Practice(name="Benches", summary="They count.", vertical=cases[0].vertical, primary_kpi=kpi)
        try:
            start.wait(10)
            reasons = dict.fromkeys(suggestion.slugs, "It does.")
            editing.accept_suggestion(
                suggestion=suggestion, practice=practice, reasons=reasons, reason="A pattern.", actor=actor
            )
            outcomes.append("made")
        except services.RefusedError:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=accept, args=[one]) for one in editors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "refused", "refused", "refused"]
    assert Practice.objects.filter(name="Benches").count() == 1


def test_the_desk_asks_the_same_number_of_queries_for_more(client, editor, django_assert_max_num_queries):
    three()
    discovery.search()
    client.force_login(editor)
    with django_assert_max_num_queries(18):
        client.get("/practices/desk/")
    for name in ("Wind fence", "Talking kerb", "Paper drone"):
        for _n in range(3):
            use_case_recipes.use_case(technologies=[name], problem=name, solution=name)
    assert discovery.search().suggested >= 3
    with django_assert_max_num_queries(18):
        client.get("/practices/desk/")
