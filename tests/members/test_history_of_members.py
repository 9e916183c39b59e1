"""Histories of applications and memberships are told to editors; they give nobody what the chair or owners give."""

import pytest
from django.contrib.auth.models import Permission

from alliance.events.models import Change
from alliance.members import belonging, joining
from alliance.members.models import ApplicationState, Membership, User
from tests.members import join_recipes as recipes

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor(client):
    return recipes.signed_in(client, recipes.person("edith", is_staff=True))


def first_change(table: str, pk: int) -> int:
    return Change.objects.filter(table=table, record_id=pk).order_by("position").first().position


def test_a_decision_is_told_but_not_undone_by_an_editor(editor):
    application = recipes.waiting()
    joining.reject(application=application, actor=recipes.chair(), reason="No results yet.")
    page = editor.get(f"/history/application/{application.pk}/").content.decode()
    assert "No results yet." in page
    assert application.key not in page
    assert "/restore/" not in page
    back = f"/history/application/{application.pk}/restore/{first_change('members_application', application.pk)}/"
    assert editor.get(back).status_code == 404
    assert editor.post(back, {"seen": "1-1-1"}).status_code == 404
    application.refresh_from_db()
    assert application.state == ApplicationState.REJECTED


def test_a_membership_that_is_over_does_not_come_back(editor):
    works = recipes.member(olga="owner", carl="owner")
    carl = Membership.objects.get(user__email="carl@example.org")
    belonging.end(membership=carl, actor=User.objects.get(email="olga@example.org"))
    position = first_change("members_membership", carl.pk)
    for path in (f"/history/membership/{carl.pk}/restore/{position}/", f"/history/organisation/{works.pk}/"):
        page = editor.get(path)
        assert page.status_code == 404 or "Carl" not in page.content.decode().split("<main")[1].split("</main")[0]
    page = editor.get(f"/history/membership/{carl.pk}/").content.decode()
    assert "/restore/" not in page


@pytest.mark.parametrize(("name", "may"), [("editor", False), ("chair", True)])
def test_only_the_chair_says_in_the_admin_who_is_a_member(client, name, may):
    user = recipes.person(name, is_staff=True, is_superuser=name == "chair")
    user.user_permissions.set(Permission.objects.filter(codename__in=["change_organisation", "view_organisation"]))
    works = recipes.member()
    page = recipes.signed_in(client, user).get(f"/admin/members/organisation/{works.pk}/change/").content.decode()
    assert ('name="member_since"' in page) is may
    assert 'name="name"' in page
