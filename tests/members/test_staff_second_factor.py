"""Editors and the chair have their rights once they have a second factor; until then they are members like others."""

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from alliance.members import policies, second_factor
from alliance.members.models import User
from tests.members.conftest import PASSWORD
from tests.usecases import recipes
from usecases.models import UseCase

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
ROOMS = ["/admin/", "/operations/", "/history/deleted/", "/contact/inquiries/", "/es/operations/", "/ar/operations/"]


@pytest.fixture(autouse=True)
def _required(settings):
    settings.STAFF_SECOND_FACTOR = True


def make(name: str, **fields) -> User:
    return User.objects.create_user(f"{name}@example.org", PASSWORD, **fields)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def give_factor(user: User, kind: str = Authenticator.Type.TOTP) -> None:
    Authenticator.objects.create(user=user, type=kind, data={"secret": "JBSWY3DPEHPK3PXP"})


@pytest.fixture
def editor(db) -> User:
    return make("editor", is_staff=True)


@pytest.fixture
def chair_by_group(db) -> User:
    user = make("chair")
    app, codename = policies.CHAIR.split(".")
    permission, _made = Permission.objects.get_or_create(
        codename=codename,
        content_type__app_label=app,
        defaults={"name": "chair", "content_type": Permission.objects.get(codename="change_user").content_type},
    )
    group = Group.objects.create(name="Chair")
    group.permissions.add(permission)
    user.groups.add(group)
    return user


@pytest.mark.parametrize("room", ROOMS)
def test_who_has_none_is_led_to_where_one_is_set_up(editor, room):
    answer = browser(editor).get(room)
    assert answer.status_code == 302
    assert answer["Location"].endswith("/accounts/2fa/")
    told = browser(editor).get(room, follow=True).content.decode()
    assert any(words in told for words in ("need a second factor", "segundo factor", "عامل ثانٍ"))


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("kind", [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN])
def test_who_has_one_goes_in(room, kind, db):
    user = make("boss", is_staff=True, is_superuser=True)
    give_factor(user, kind)
    assert browser(user).get(room).status_code == 200


def test_recovery_codes_alone_are_no_second_factor(editor):
    give_factor(editor, Authenticator.Type.RECOVERY_CODES)
    assert browser(editor).get("/operations/").status_code == 302


def test_writing_is_refused_too(editor):
    assert browser(editor).post("/operations/start/", {"task": "rebuild_documents"})["Location"].endswith("/2fa/")


def test_members_and_visitors_are_not_asked(db):
    assert browser(make("member")).get("/operations/").status_code == 403
    assert Client().get("/operations/").status_code == 403
    assert Client().get("/contact/inquiries/")["Location"].startswith("/accounts/login/")


def test_the_chair_of_a_group_needs_one_like_everybody_else(chair_by_group):
    assert browser(chair_by_group).get("/membership/applications/")["Location"].endswith("/2fa/")
    user = second_factor.hold_back(User.objects.get(pk=chair_by_group.pk))
    assert not policies.is_chair(user)
    give_factor(chair_by_group)
    assert policies.is_chair(second_factor.hold_back(User.objects.get(pk=chair_by_group.pk)))


def test_in_the_api_and_on_pages_an_editor_without_one_is_a_member_like_others(editor):
    draft = recipes.use_case(status="draft")
    path, page = f"/api/v1/use-cases/{draft.slug}/", draft.get_absolute_url()
    client = browser(editor)
    assert (client.get(path).status_code, client.get(page).status_code) == (404, 404)
    assert "/operations/" not in client.get("/").content.decode()
    give_factor(editor)
    assert (client.get(path).status_code, client.get(page).status_code) == (200, 200)
    assert UseCase.objects.filter(pk=draft.pk).exists()


def test_rights_that_rest_are_not_lost_when_the_person_is_saved(db):
    user = make("boss", is_staff=True, is_superuser=True)
    held = second_factor.hold_back(User.objects.get(pk=user.pk))
    assert (held.is_staff, held.is_superuser) == (False, False)
    assert not held.has_perm("members.change_user")
    held.name = "New name"
    held.save()
    user.refresh_from_db()
    assert (user.name, user.is_staff, user.is_superuser) == ("New name", True, True)


def test_an_editor_can_set_one_up_and_change_the_password_meanwhile(editor):
    client = browser(editor)
    assert client.get("/accounts/2fa/").status_code == 200
    new = "another-long-pass-phrase"
    client.post(
        "/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new}, follow=True
    )
    editor.refresh_from_db()
    assert editor.check_password(new)
    assert editor.is_staff


def test_it_can_be_switched_off(editor, settings):
    settings.STAFF_SECOND_FACTOR = False
    assert browser(editor).get("/operations/").status_code == 200


def test_it_costs_members_and_readers_no_question(db, settings):
    def questions(client: Client) -> int:
        client.get("/contact/sent/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/contact/sent/")
        return len(queries)

    member, reader = browser(make("member")), Client()
    with_it = questions(member), questions(reader)
    settings.STAFF_SECOND_FACTOR = False
    assert with_it == (questions(member), questions(reader))
