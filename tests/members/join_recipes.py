"""The least that is a valid application, a chair, and an organisation with its people."""

import itertools
from datetime import date
from typing import Any

from allauth.account.models import EmailAddress

from alliance.members import joining
from alliance.members.member_kinds import CHOICE, KINDS, NUMBER
from alliance.members.models import Application, Membership, Organisation, User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
_keys = (f"{number:043d}" for number in itertools.count(1))


def entries(kind: str = "municipality", **more: Any) -> dict[str, Any]:
    """What a person enters into the form of a kind."""
    answers = {
        f"about_{one.name}": {NUMBER: "52000", CHOICE: one.choices[0][0] if one.choices else ""}.get(
            one.form, f"Our {one.name}"
        )
        for one in KINDS[kind].questions
    }
    name = {} if KINDS[kind].is_person else {"organisation_name": "Vila Nova da Prova"}
    return {
        "person_name": "Zoë Silva",
        "email": "zoe@example.org",
        **name,
        "country": "PT",
        "place": "Prova",
        "website": "",
        "reason": "We changed our street lights and measured it.",
        "topics": ["lighting", "energy"],
        **answers,
        **more,
    }


def application(**more: Any) -> Application:
    """One whose address is not confirmed yet."""
    fields = {
        "kind": "municipality",
        "person_name": "Zoë Silva",
        "email": "zoe@example.org",
        "organisation_name": "Vila Nova da Prova",
        "country": "PT",
        "reason": "We measured something.",
        "details": {"population": "52000"},
        **more,
    }
    language = fields.pop("language", "en")
    return joining.apply(key=next(_keys), user=None, language=language, **fields)


def waiting(**more: Any) -> Application:
    """One that waits for the chair."""
    made = application(**more)
    token = joining.confirmation_path(made).rstrip("/").rsplit("/", 1)[1]
    confirmed = joining.confirm(token=token)
    assert confirmed is not None
    return confirmed


def person(name: str = "ada", **fields: Any) -> User:
    """Somebody with an account and a confirmed address."""
    user = User.objects.create_user(f"{name}@example.org", name=name.title(), **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def chair(name: str = "chair") -> User:
    return person(name, is_superuser=True)


def member(slug: str = "works", **people: str) -> Organisation:
    """An organisation that is a member; `ada="owner"` makes a person of that name and role."""
    organisation = Organisation.objects.create(slug=slug, name=slug.title(), member_since=date(2026, 1, 1))
    for name, role in people.items():
        user = User.objects.filter(email=f"{name}@example.org").first() or person(name)
        Membership.objects.create(user=user, organisation=organisation, role=role)
    return organisation


def signed_in(client, user: User):
    client.force_login(user, backend=BACKEND)
    return client
