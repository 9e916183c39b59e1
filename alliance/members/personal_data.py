"""Where the database holds something about a person: found from the models themselves, so that nothing is forgotten."""

from collections.abc import Iterator
from typing import Any

from allauth.account.models import EmailAddress
from django.apps import apps
from django.db import models
from django.db.models import Q, QuerySet

from alliance.members.models import ApplicationMessage, InquiryMessage, User

Rows = QuerySet[Any]


def links() -> Iterator[tuple[type[models.Model], models.ForeignKey]]:
    """Every foreign key that names a person. Where it is CASCADE, the row is the person's own; where it is SET_NULL,
    the person wrote or did something that others need."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and field.related_model is User:
                yield model, field


def is_own(field: models.ForeignKey) -> bool:
    """Whether rows go with the person."""
    return field.remote_field.on_delete is models.CASCADE


def address_fields() -> Iterator[tuple[type[models.Model], models.Field]]:
    """Every field that holds an e-mail address, besides the accounts' own."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, models.EmailField) and model is not User:
                yield model, field


def addresses_of(user: User) -> list[str]:
    """The addresses that are known to be the person's, in small letters: what was only claimed is not."""
    told = dict(EmailAddress.objects.filter(user=user).values_list("email", "verified"))
    verified = {address.lower() for address, is_verified in told.items() if is_verified}
    if user.email not in told:
        verified.add(user.email.lower())
    return sorted(verified)


def _with_address(field: models.Field, addresses: list[str]) -> Q:
    condition = Q(pk=None)
    for address in addresses:
        condition |= Q(**{f"{field.name}__iexact": address})
    return condition


def rows_about(user: User) -> Iterator[tuple[type[models.Model], str, Rows]]:
    """Every row about a person: model, the field by which it is found, rows.

    Conversations that the person began are found as a whole.
    """
    addresses = addresses_of(user)
    for model, link in links():
        yield model, link.name, model._default_manager.filter(**{link.name: user})
    for model, field in address_fields():
        yield model, field.name, model._default_manager.filter(_with_address(field, addresses))
    for message, thread in ((InquiryMessage, "inquiry"), (ApplicationMessage, "application")):
        asked = Q(**{f"{thread}__user": user})
        for address in addresses:
            asked |= Q(**{f"{thread}__email__iexact": address})
        yield message, thread, message._default_manager.filter(asked)
