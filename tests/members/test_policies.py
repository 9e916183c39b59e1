"""Who may do what: every role against every action, in one table."""

from datetime import date

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.utils import timezone

from alliance.members import policies
from alliance.members.models import Interest, Membership, Organisation, User

pytestmark = pytest.mark.django_db

PEOPLE = (
    "visitor",
    "nobody's",
    "reader",
    "contributor",
    "owner",
    "former owner",
    "closed owner",
    "other's owner",
    "editor",
    "chair",
    "chair by group",
    "superuser",
)
_BELONGS = {"reader", "contributor", "owner"}
_CHAIRS = {"chair", "chair by group", "superuser"}
#: Action -> who may.
ALLOWED = {
    "is_editor": {"editor", "superuser"},
    "is_chair": _CHAIRS,
    "may_decide": _CHAIRS,
    "may_manage": {"owner", *_CHAIRS},
    "may_report": {"contributor", "owner"},
    "may_read": {*_BELONGS, *_CHAIRS},
}
OF_AN_ORGANISATION = ("may_manage", "may_report", "may_read")


@pytest.fixture
def works():
    return Organisation.objects.create(slug="works", name="Works", member_since=date(2026, 1, 1))


@pytest.fixture
def other():
    return Organisation.objects.create(slug="other", name="Other", member_since=date(2026, 1, 1))


def made(**fields) -> User:
    return User.objects.create_user(f"{User.objects.count()}@example.org", **fields)


@pytest.fixture
def person(request, works, other):
    """The person that the test's parameter names, newly read."""
    name = request.param
    if name == "visitor":
        return AnonymousUser()
    user = made(
        is_staff=name in ("editor", "superuser"), is_superuser=name == "superuser", is_active=name != "closed owner"
    )
    role = name.split()[-1]
    if role in _BELONGS:
        ended = timezone.now() if name.startswith("former") else None
        at = other if name.startswith("other's") else works
        Membership.objects.create(user=user, organisation=at, role=role, ended_at=ended)
    chair = Permission.objects.get(content_type__app_label="members", codename="chair")
    if name == "chair":
        user.user_permissions.add(chair)
    if name == "chair by group":
        group = Group.objects.create(name="Chairs")
        group.permissions.add(chair)
        user.groups.add(group)
    return User.objects.get(pk=user.pk)


@pytest.mark.parametrize("action", ALLOWED)
@pytest.mark.parametrize(("person", "name"), [(name, name) for name in PEOPLE], indirect=["person"], ids=PEOPLE)
def test_the_table(person, name, action, works):
    asked = getattr(policies, action)
    answer = asked(person, works) if action in OF_AN_ORGANISATION else asked(person)
    assert answer is (name in ALLOWED[action])


@pytest.mark.parametrize("person", ["owner"], indirect=True)
def test_an_organisation_that_is_no_member_reports_nothing(person, works):
    works.member_since = None
    works.save()
    assert policies.may_read(person, works)
    assert not policies.may_report(person, works)


@pytest.mark.parametrize(("person", "name"), [(name, name) for name in PEOPLE[1:]], indirect=["person"], ids=PEOPLE[1:])
def test_who_is_told_as_a_chair_is_one(person, name):
    assert (person in policies.chairs()) is policies.is_chair(person) is (name in _CHAIRS)


# --- conflicts of interest -------------------------------------------------------------------------------------------
#: Who declared it -> in whom, and whether the reader, who belongs to "works", must keep out of what "other" did.
DECLARED = {
    "nothing declared": (None, None, False),
    "the person in the other": ("person", "other", True),
    "the own organisation in the other": ("works", "other", True),
    "the other in the own organisation": ("other", "works", True),
    "somebody else in the other": ("stranger", "other", False),
    "the other in a third": ("other", "third", False),
    "the person in a third": ("person", "third", False),
    "a third in the other": ("third", "other", False),
}


@pytest.mark.parametrize("is_over", [False, True], ids=["current", "ended"])
@pytest.mark.parametrize("case", DECLARED)
@pytest.mark.parametrize("person", ["reader"], indirect=True)
def test_declared_interests_keep_out_both_ways(person, case, is_over, works, other):
    whose, about, expected = DECLARED[case]
    third = Organisation.objects.create(slug="third", name="Third")
    places = {"works": works, "other": other, "third": third}
    if whose:
        people = {"person": person, "stranger": made()}
        by = {"user": people[whose]} if whose in people else {"organisation": places[whose]}
        ended = date(2026, 2, 1) if is_over else None
        Interest.objects.create(kind="vendor-of", about=places[about], ended_on=ended, **by)
    assert policies.conflicted(person, [other]) is (expected and not is_over)
    if expected:
        assert policies.conflicted(person, [third.pk, other.pk]) is not is_over


@pytest.mark.parametrize("person", ["reader", "contributor", "owner", "former owner", "editor"], indirect=True)
def test_whoever_belongs_to_an_organisation_keeps_out_of_what_it_did(person, works, other):
    belongs = Membership.objects.current(person).exists()
    assert policies.conflicted(person, [works, other]) is belongs
    assert not policies.conflicted(person, [])


def test_visitors_have_no_conflicts_and_no_rights(works):
    assert not policies.conflicted(AnonymousUser(), [works])
    assert not policies.conflicted(None, [works])


@pytest.mark.parametrize("person", ["owner"], indirect=True)
def test_conflicts_cost_two_queries_at_most(person, other, django_assert_max_num_queries):
    with django_assert_max_num_queries(2):
        policies.conflicted(person, [other])
