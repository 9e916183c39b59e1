"""The members' side of an organisation: roles, leaving, passing it on; it never loses its last owner."""

import threading

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import timezone

from alliance.events.models import Change
from alliance.members import belonging
from alliance.members.models import Membership, Organisation, Role, User
from tests.members import join_recipes as recipes
from usecases.models import Participation, UseCase

pytestmark = pytest.mark.django_db
PATH = "/workspace/organisations/works/"


@pytest.fixture
def works():
    return recipes.member(olga="owner", carl="contributor", rita="reader")


def user(name: str) -> User:
    return User.objects.get(email=f"{name}@example.org")


def belongs(name: str) -> Membership:
    return Membership.objects.get(user__email=f"{name}@example.org")


def roles(organisation) -> dict[str, str]:
    return {one.user.email.split("@")[0]: one.role for one in belonging.people_of(organisation)}


ACTORS = ("olga", "carl", "rita", "stranger", "editor", "chair", "visitor")


def actor(name: str):
    if name == "visitor":
        return AnonymousUser()
    found = User.objects.filter(email=f"{name}@example.org").first()
    return found or recipes.person(name, is_staff=name == "editor", is_superuser=name == "chair")


#: Action -> who may do it.
TABLE = {
    "change a role": (
        lambda by: belonging.change_role(membership=belongs("rita"), actor=by, role="contributor"),
        {"olga", "chair"},
    ),
    "take out": (lambda by: belonging.end(membership=belongs("rita"), actor=by), {"olga", "chair", "rita"}),
    "transfer": (lambda by: belonging.transfer(membership=belongs("carl"), actor=by), {"olga"}),
    "edit": (
        lambda by: belonging.edit(
            organisation=Organisation.objects.get(slug="works"),
            actor=by,
            version=Organisation.objects.get(slug="works").version,
            words={"about": "We build."},
        ),
        {"olga", "chair"},
    ),
}


@pytest.mark.parametrize("action", TABLE)
@pytest.mark.parametrize("name", ACTORS)
def test_who_may_do_what(works, action, name):
    do, allowed = TABLE[action]
    by = actor(name)
    if name in allowed:
        do(by)
    else:
        before = list(Membership.objects.order_by("pk").values())
        with pytest.raises(PermissionDenied):
            do(by)
        assert list(Membership.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("name", ACTORS)
def test_to_others_the_page_is_not_there(client, works, name):
    if name != "visitor":
        recipes.signed_in(client, actor(name))
    expected = {"visitor": 302, "stranger": 404, "editor": 404}.get(name, 200)
    for path in (PATH, f"{PATH}words/"):
        answer = client.get(path)
        no_words = path != PATH and name in ("carl", "rita")
        assert answer.status_code == (404 if no_words else expected)
        assert "no-store" in answer["Cache-Control"]
    status = client.post(PATH, {"do": "invite", "email": "x@example.org", "role": "owner"}).status_code
    assert status == {"stranger": 404, "editor": 404, "carl": 403, "rita": 403}.get(name, 302)


def test_readers_see_the_people_but_no_addresses(client, works):
    recipes.signed_in(client, user("rita"))
    page = client.get(PATH).content.decode().split("<main")[1].split("</main")[0]
    assert "Olga" in page
    assert "Carl" in page
    assert "@example.org" not in page
    assert 'value="invite"' not in page
    assert 'value="remove"' not in page


def test_an_owner_changes_roles_and_takes_people_out(client, works):
    recipes.signed_in(client, user("olga"))
    client.post(PATH, {"do": "role", "id": belongs("rita").pk, "role": "owner"})
    client.post(PATH, {"do": "remove", "id": belongs("carl").pk})
    assert roles(works) == {"olga": "owner", "rita": "owner"}
    assert belongs("carl").ended_at is not None
    assert user("rita").notifications.get().kind == "role-changed"
    assert user("carl").notifications.get().kind == "membership-ended"


@pytest.mark.parametrize("do", ["leave", "remove", "role"])
def test_the_last_owner_stays_until_there_is_another(client, works, do):
    recipes.signed_in(client, user("olga"))
    data = {"do": do, "id": belongs("olga").pk, "role": "reader"}
    page = client.post(PATH, data, follow=True).content.decode()
    assert "This is the last owner" in page
    assert roles(works)["olga"] == "owner"
    belonging.change_role(membership=belongs("carl"), actor=user("olga"), role=Role.OWNER)
    client.post(PATH, data)
    assert roles(works).get("olga") == ("reader" if do == "role" else None)


def test_an_owner_whose_account_is_closed_does_not_count(works):
    belonging.change_role(membership=belongs("carl"), actor=user("olga"), role=Role.OWNER)
    User.objects.filter(email="carl@example.org").update(is_active=False)
    with pytest.raises(belonging.LastOwnerError):
        belonging.end(membership=belongs("olga"), actor=user("olga"))


@pytest.mark.parametrize("by", ["olga", "chair"])
def test_nobody_takes_out_the_last_owner(works, by):
    with pytest.raises(belonging.LastOwnerError):
        belonging.end(membership=belongs("olga"), actor=actor(by))


def test_passing_it_on_and_leaving(client, works):
    recipes.signed_in(client, user("olga"))
    client.post(PATH, {"do": "transfer", "id": belongs("carl").pk})
    assert roles(works) == {"carl": "owner", "olga": "contributor", "rita": "reader"}
    client.post(PATH, {"do": "leave"})
    assert roles(works) == {"carl": "owner", "rita": "reader"}
    assert client.get(PATH).status_code == 404


def test_it_is_not_passed_to_a_closed_account(works):
    User.objects.filter(email="carl@example.org").update(is_active=False)
    with pytest.raises(ValidationError):
        belonging.transfer(membership=belongs("carl"), actor=user("olga"))
    assert roles(works)["olga"] == "owner"


def test_leaving_leaves_the_records_with_the_organisation(works, reference_data):
    use_case = UseCase.objects.first()
    Participation.objects.create(use_case=use_case, organisation=works)
    belonging.end(membership=belongs("carl"), actor=user("carl"))
    assert works.use_cases.get() == use_case
    assert Membership.objects.filter(user=user("carl"), organisation=works).exists()


@pytest.mark.django_db(transaction=True)
def test_memberships_are_in_the_log(client, works):
    recipes.signed_in(client, user("olga"))
    client.post(PATH, {"do": "role", "id": belongs("rita").pk, "role": "owner"})
    change = Change.objects.filter(table="members_membership", record_id=belongs("rita").pk).order_by("position").last()
    assert change.operation == "U"
    assert change.actor == f"user {user('olga').pk}"


@pytest.mark.parametrize("asked", ["", "0", "-1", "1e3", "9" * 30, "٣", "x"])
def test_rows_that_are_not_there_are_not_found(client, works, asked):
    recipes.signed_in(client, user("olga"))
    for do in ("role", "remove", "transfer", "take-back"):
        assert client.post(PATH, {"do": do, "id": asked, "role": "owner"}).status_code == 404


def test_another_organisation_s_people_are_out_of_reach(client, works):
    other = recipes.member("other", oscar="owner", otto="reader")
    recipes.signed_in(client, user("olga"))
    for do in ("role", "remove", "transfer"):
        assert client.post(PATH, {"do": do, "id": belongs("otto").pk, "role": "owner"}).status_code == 404
    assert roles(other) == {"oscar": "owner", "otto": "reader"}


def test_a_role_that_there_is_not_changes_nothing(client, works):
    recipes.signed_in(client, user("olga"))
    client.post(PATH, {"do": "role", "id": belongs("rita").pk, "role": "king"})
    assert roles(works)["rita"] == "reader"
    assert client.post(PATH, {"do": "dance"}).status_code == 400


def test_who_has_left_is_not_changed_any_more(works):
    rita = belongs("rita")
    Membership.objects.filter(pk=rita.pk).update(ended_at=timezone.now())
    with pytest.raises(ValidationError):
        belonging.change_role(membership=rita, actor=user("olga"), role=Role.OWNER)


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_leave_at_once_do_not_leave_nobody():
    works = recipes.member(olga="owner", carl="owner")
    start = threading.Barrier(2)

    def leave(name):
        try:
            start.wait(10)
            belonging.end(membership=belongs(name), actor=user(name))
        except belonging.LastOwnerError:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=leave, args=(name,)) for name in ("olga", "carl")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(roles(works).values()) == ["owner"]


# --- its own words ---------------------------------------------------------------------------------------------------
def words(**more):
    return {"about": "We build.", "url": "https://works.example/", "country": "PT", "place": "Prova", **more}


def test_owners_write_the_organisation_s_own_words(client, works):
    recipes.signed_in(client, user("olga"))
    assert client.post(f"{PATH}words/", words(version=works.version)).status_code == 302
    works.refresh_from_db()
    assert (works.about, works.url, works.country) == ("We build.", "https://works.example/", "PT")


def test_who_saves_second_sees_both_texts_and_loses_nothing(client, works):
    recipes.signed_in(client, user("olga"))
    old = works.version
    client.post(f"{PATH}words/", words(version=old))
    answer = client.post(f"{PATH}words/", words(version=old, about="We build bridges."))
    page = answer.content.decode()
    assert answer.status_code == 412
    assert page.count("We build bridges.") >= 2
    assert "We build.</bdi>" in page
    works.refresh_from_db()
    assert works.about == "We build."
    again = client.post(f"{PATH}words/", words(version=works.version, about="We build bridges."))
    assert again.status_code == 302


@pytest.mark.parametrize(
    ("field", "value"),
    [("url", "javascript:alert(1)"), ("country", "XX"), ("about", "a" * 4_001), ("place", "a\nb"), ("version", "x")],
)
def test_words_that_cannot_be_saved_are_told(client, works, field, value):
    recipes.signed_in(client, user("olga"))
    answer = client.post(f"{PATH}words/", words(version=works.version) | {field: value})
    assert answer.status_code == 200
    assert field in answer.context["form"].errors
    works.refresh_from_db()
    assert works.about == ""


def test_the_list_of_one_s_own_organisations(client, works):
    recipes.member("other", oscar="owner")
    recipes.signed_in(client, user("rita"))
    page = client.get("/workspace/organisations/").content.decode()
    assert PATH in page
    assert "/workspace/organisations/other/" not in page


def test_a_page_costs_as_many_queries_for_many_people(client, works, django_assert_max_num_queries):
    recipes.signed_in(client, user("olga"))
    client.get(PATH)
    with django_assert_max_num_queries(20) as few:
        client.get(PATH)
    for number in range(10):
        Membership.objects.create(user=recipes.person(f"p{number}"), organisation=works, role="reader")
    with django_assert_max_num_queries(len(few)):
        client.get(PATH)
