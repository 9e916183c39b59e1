"""What binds people and organisations to others is declared, shown, and ended without being forgotten."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.template import Context, Template

from alliance.members import interests, policies
from alliance.members.models import Interest, InterestKind, Membership, Organisation, Role, User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
PAGE = "/accounts/interests/"


@pytest.fixture
def acme(db) -> Organisation:
    return Organisation.objects.create(slug="acme", name="Acme Lamps", member_since="2026-01-01")


@pytest.fixture
def town(db) -> Organisation:
    return Organisation.objects.create(slug="town", name="Town of X")


@pytest.fixture
def owner(acme) -> User:
    user = User.objects.create_user("owner@acme.example", name="Olga")
    Membership.objects.create(user=user, organisation=acme, role=Role.OWNER)
    return user


@pytest.fixture
def signed_in(client, ada):
    client.force_login(ada, backend=BACKEND)
    return client


def shown(user=None, organisation=None) -> str:
    text = Template("{% load interests %}{% interests_of user organisation %}")
    return text.render(Context({"user": user, "organisation": organisation})).strip()


def test_a_person_declares_and_ends_an_interest(signed_in, ada, town):
    told = {"kind": "vendor-of", "about": " town of  x ", "note": "Lamps", "started_on": "2025-01-31"}
    answer = signed_in.post(PAGE, told)
    assert answer.status_code == 302
    interest = Interest.objects.get()
    assert (interest.user, interest.about, interest.kind) == (ada, town, InterestKind.VENDOR_OF)
    assert "Town of X" in signed_in.get(PAGE).content.decode()
    assert policies.conflicted(ada, [town])
    signed_in.post(PAGE, {"end": interest.pk})
    interest.refresh_from_db()
    assert interest.ended_on is not None
    assert not policies.conflicted(ada, [town])
    assert "until" in signed_in.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("own of", "Similar ones: Town of X."),
        ("No such", "No organisation of this name"),
        ("", "This field is required"),
    ],
)
def test_a_name_that_is_none_is_answered_with_similar_ones(signed_in, town, name, sentence):
    page = signed_in.post(PAGE, {"kind": "vendor-of", "about": name})
    assert page.status_code == 200
    assert sentence in page.content.decode()
    assert not Interest.objects.exists()


def test_the_same_interest_is_declared_once_and_none_in_oneself(owner, acme, town):
    interests.declare(actor=owner, kind="vendor-of", about=town, organisation=acme)
    with pytest.raises(ValidationError, match="declared already"):
        interests.declare(actor=owner, kind="vendor-of", about=town, organisation=acme)
    with pytest.raises(ValidationError, match="in itself"):
        interests.declare(actor=owner, kind="vendor-of", about=acme, organisation=acme)


def test_an_organisation_declares_through_its_owners(client, owner, acme, town, ada):
    page = f"{PAGE}acme/"
    client.force_login(ada, backend=BACKEND)
    assert client.get(page).status_code == 404
    with pytest.raises(PermissionDenied):
        interests.declare(actor=ada, kind="vendor-of", about=town, organisation=acme)
    client.force_login(owner, backend=BACKEND)
    client.post(page, {"kind": "vendor-of", "about": "Town of X"})
    interest = Interest.objects.get()
    assert (interest.organisation, interest.user) == (acme, None)
    with pytest.raises(PermissionDenied):
        interests.end(interest=interest, actor=ada)


def test_nobody_ends_what_another_has_declared(client, signed_in, owner, town):
    interest = interests.declare(actor=owner, kind="vendor-of", about=town)
    assert signed_in.post(PAGE, {"end": interest.pk}).status_code == 404
    with pytest.raises(PermissionDenied):
        interests.end(interest=interest, actor=User.objects.get(email="ada@example.org"))
    interest.refresh_from_db()
    assert interest.ended_on is None


def test_the_public_page_of_each_side_shows_it(client, owner, acme, town):
    assert "It has declared none." in client.get("/organisations/acme/").content.decode()
    interests.declare(actor=owner, kind="vendor-of", about=town, organisation=acme, note="LED")
    page = client.get("/organisations/acme/").content.decode()
    assert "Sells to" in page
    assert "Town of X" in page
    assert f"{PAGE}acme/" not in page
    assert "Acme Lamps" in client.get("/organisations/town/").content.decode()
    client.force_login(owner, backend=BACKEND)
    assert f"{PAGE}acme/" in client.get("/organisations/acme/").content.decode()


def test_beside_what_is_submitted_or_reviewed_both_the_persons_and_the_organisations_stand(owner, acme, town, ada):
    assert shown() == ""
    assert "None declared." in shown(ada, acme)
    interests.declare(actor=ada, kind="funded-by", about=town)
    interests.declare(actor=owner, kind="vendor-of", about=town, organisation=acme)
    text = shown(ada, acme)
    assert "Ada" in text
    assert "Acme Lamps" in text
    assert text.count("Town of X") == 2
    assert "ada@example.org" not in text
    assert "Acme" not in shown(ada)


def test_an_address_is_no_name(town, db):
    nameless = User.objects.create_user("nameless@example.org")
    interests.declare(actor=nameless, kind="funded-by", about=town)
    assert "nameless@example.org" not in shown(nameless)
