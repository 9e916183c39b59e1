"""Invitations: a link in a mail, once, for two weeks, with an account or without one."""

import re
import threading
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.utils import timezone

from alliance.members import invitations, sending
from alliance.members.models import Invitation, Mail, Membership, Organisation, Role, User
from tests.members import join_recipes as recipes
from tests.members.conftest import PASSWORD, link_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def works():
    return recipes.member(olga="owner", carl="contributor")


@pytest.fixture
def olga(works):
    return User.objects.get(email="olga@example.org")


@pytest.fixture
def link(works, olga, mails):
    """What stands in the mail to zoe@example.org."""
    invitations.invite(organisation=works, actor=olga, email="zoe@example.org", role="contributor", language="en")
    sending.send_waiting()
    return link_in(mails[-1], "/join/invitation/")


def role_of(email: str, organisation) -> str | None:
    found = Membership.objects.current().filter(user__email=email, organisation=organisation).first()
    return found and found.role


def test_the_token_is_in_the_mail_only(link):
    token = link.rstrip("/").rsplit("/", 1)[1]
    invitation = Invitation.objects.get()
    assert invitation.token_digest == invitations.digest_of(token)
    for row in (*Invitation.objects.values(), *Mail.objects.values()):
        assert token not in str(row)


def test_it_is_valid_for_two_weeks(client, link):
    recipes.signed_in(client, recipes.person("zoe"))
    with time_machine.travel(timezone.now() + timedelta(days=14, seconds=1), tick=False):
        client.force_login(User.objects.get(email="zoe@example.org"), backend=recipes.BACKEND)
        assert client.get(link).status_code == 410
        assert client.post(link).status_code == 410
    with time_machine.travel(timezone.now() + timedelta(days=13), tick=False):
        client.force_login(User.objects.get(email="zoe@example.org"), backend=recipes.BACKEND)
        assert client.get(link).status_code == 200


def test_a_person_with_an_account_takes_it(client, works, link):
    zoe = recipes.person("zoe")
    recipes.signed_in(client, zoe)
    assert client.get(link).status_code == 200
    assert role_of("zoe@example.org", works) is None
    answer = client.post(link, {"do": "take"})
    assert answer["Location"] == "/workspace/organisations/works/"
    assert role_of("zoe@example.org", works) == Role.CONTRIBUTOR
    assert Invitation.objects.get().accepted_by == zoe


def test_it_works_once(client, works, link):
    zoe = recipes.person("zoe")
    recipes.signed_in(client, zoe)
    client.post(link)
    client.post(link)
    assert Membership.objects.filter(user=zoe).count() == 1
    recipes.signed_in(client, recipes.person("mallory"))
    assert client.get(link).status_code == 410
    assert client.post(link, {"other_address": "yes"}).status_code == 410
    assert role_of("mallory@example.org", works) is None


def test_a_link_that_was_used_does_not_bring_back_who_was_taken_out(client, works, link):
    zoe = recipes.person("zoe")
    recipes.signed_in(client, zoe)
    client.post(link)
    Membership.objects.filter(user=zoe).update(ended_at=timezone.now())
    assert client.post(link).status_code == 410
    assert role_of("zoe@example.org", works) is None


@pytest.mark.parametrize("token", ["x", "a" * 43, "é" * 20, "../../admin", "0" * 3_000])
def test_a_forged_token_opens_nothing(client, link, token):
    assert client.get(f"/join/invitation/{token}/").status_code in (404, 410)
    assert client.post(f"/join/invitation/{token}/").status_code in (404, 410)


def test_who_has_no_account_makes_one_and_is_led_back(client, works, link, mails):
    page = client.get(link).content.decode()
    assert "Create an account" in page
    answer = client.post(link, {"do": "sign-up"})
    signup = answer["Location"]
    assert signup.startswith("/accounts/signup/?next=")
    page = client.get(signup).content.decode()
    assert re.search(r'value="zoe@example\.org"', page)
    sent = len(mails)
    data = {"email": "zoe@example.org", "password1": PASSWORD, "password2": PASSWORD, "next": link}
    answer = client.post(signup, data)
    assert answer["Location"] == link
    # Reading the mail with the link has confirmed the address already.
    assert len(mails) == sent
    client.post(link)
    assert role_of("zoe@example.org", works) == Role.CONTRIBUTOR


def test_the_link_confirms_no_other_address(client, link):
    signup = client.post(link, {"do": "sign-up"})["Location"]
    data = {"email": "boss@example.org", "password1": PASSWORD, "password2": PASSWORD, "next": link}
    client.post(signup, data)
    addresses = dict(EmailAddress.objects.values_list("email", "verified"))
    assert addresses["boss@example.org"] is False
    assert addresses["zoe@example.org"] is True


def test_who_has_an_account_is_led_to_sign_in_and_back(client, link):
    recipes.person("zoe").set_password(PASSWORD)
    user = User.objects.get(email="zoe@example.org")
    user.set_password(PASSWORD)
    user.save()
    page = client.get(link).content.decode()
    assert "Create an account" not in page.split("<main")[1].split("</main")[0]
    login = client.post(link, {"do": "sign-in"})["Location"]
    answer = client.post(login, {"login": "zoe@example.org", "password": PASSWORD, "next": link})
    assert answer["Location"] == link


def test_another_account_is_told_and_the_owners_are(client, works, olga, link):
    recipes.signed_in(client, recipes.person("boss"))
    page = client.get(link).content.decode()
    assert "zoe@example.org" in page
    assert "boss@example.org" in page
    assert client.post(link).status_code == 409
    assert role_of("boss@example.org", works) is None
    client.post(link, {"other_address": "yes"})
    assert role_of("boss@example.org", works) == Role.CONTRIBUTOR
    assert olga.notifications.get().kind == "invitation-taken-by-other-address"


def test_an_invitation_is_taken_back(client, works, olga, link):
    invitation = Invitation.objects.get()
    recipes.signed_in(client, olga)
    client.post("/workspace/organisations/works/", {"do": "take-back", "id": invitation.pk})
    recipes.signed_in(client, recipes.person("zoe"))
    assert client.post(link).status_code == 410
    assert role_of("zoe@example.org", works) is None


def test_a_second_invitation_replaces_the_first(works, olga, link):
    invitations.invite(organisation=works, actor=olga, email="ZOE@example.org", role="reader", language="en")
    assert [one.role for one in invitations.waiting(works)] == ["reader"]


def test_who_belongs_to_it_is_not_invited_again(works, olga):
    with pytest.raises(ValidationError):
        invitations.invite(organisation=works, actor=olga, email="Carl@example.org", role="reader", language="en")


def test_the_higher_role_of_the_two_counts(client, works, olga):
    carl = User.objects.get(email="carl@example.org")
    for role, expected in (("reader", "contributor"), ("owner", "owner")):
        _invitation, token = invitations.make(organisation=works, email="carl@example.org", role=role, invited_by=olga)
        invitations.take(token=token, user=carl)
        assert role_of("carl@example.org", works) == expected


@pytest.mark.parametrize("who", ["carl", "stranger", "editor"])
def test_only_owners_and_the_chair_invite(works, who):
    user = User.objects.filter(email=f"{who}@example.org").first() or recipes.person(who, is_staff=who == "editor")
    with pytest.raises(PermissionDenied):
        invitations.invite(organisation=works, actor=user, email="x@example.org", role="owner", language="en")
    olga = User.objects.get(email="olga@example.org")
    invitation, _token = invitations.make(organisation=works, email="y@example.org", role="reader", invited_by=olga)
    with pytest.raises(PermissionDenied):
        invitations.take_back(invitation=invitation, actor=user)


def test_what_is_no_member_invites_nobody(works, olga):
    works.member_since = None
    works.save()
    with pytest.raises(PermissionDenied):
        invitations.invite(organisation=works, actor=olga, email="x@example.org", role="owner", language="en")


def test_so_many_invitations_wait_at_once(works, olga, monkeypatch):
    monkeypatch.setattr(invitations, "MOST_WAITING", 2)
    for number in range(2):
        invitations.make(organisation=works, email=f"{number}@example.org", role="reader", invited_by=olga)
    with pytest.raises(ValidationError):
        invitations.invite(organisation=works, actor=olga, email="x@example.org", role="reader", language="en")


@pytest.mark.django_db(transaction=True)
def test_who_takes_an_invitation_waits_for_the_organisation_before_holding_anything(works, olga):
    """Whoever invites holds the organisation and then ends earlier invitations: the other way round both would hang."""
    invitation, token = invitations.make(organisation=works, email="zoe@example.org", role="reader", invited_by=olga)
    zoe = recipes.person("zoe")

    def take():
        try:
            invitations.take(token=token, user=zoe)
        finally:
            connection.close()

    taking = threading.Thread(target=take)
    with transaction.atomic(), connection.cursor() as cursor:
        Organisation.objects.select_for_update().get(pk=works.pk)
        taking.start()
        waits = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        found = 0
        while not found and taking.is_alive():
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(waits)
            found = cursor.fetchone()[0]
        assert found == 1
        assert Invitation.objects.select_for_update(nowait=True).get(pk=invitation.pk).accepted_at is None
    taking.join()
    assert role_of("zoe@example.org", works) == "reader"
