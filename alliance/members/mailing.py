"""Mails are written into the database in the transaction of their cause, and sent by the worker afterwards."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.template import Context
from django.template.loader import get_template
from django.utils import translation

from alliance.members import tasks
from alliance.members.models import Mail

_WOKEN, _WOKEN_SECONDS = "members-mailer-woken", 5
_SUBJECT_LENGTH = Mail._meta.get_field("subject").max_length or 200


def render(template: str, context: Mapping[str, Any], language: str) -> str:
    """A plain text template in a language; nothing is escaped, because no program reads a mail as HTML."""
    with translation.override(language):
        # `get_template().render` would escape: autoescape belongs to the engine, not to the name of the file.
        return get_template(template).template.render(  # type: ignore[attr-defined]
            Context({"origin": settings.PORTAL_ORIGIN, **context}, autoescape=False)
        )


def queue(
    *,
    to: str,
    purpose: str,
    reference: str,
    template: str,
    context: Mapping[str, Any],
    language: str,
    headers: Mapping[str, str] | None = None,
) -> Mail:
    """Write one mail in the running transaction. The worker sends it when that is committed, and never otherwise.

    Args:
        purpose, reference: what it is about, such as `application-decided` and `17`; asked for again with the same
            three, address, purpose and reference, nothing new is written.
        template: path without ending: `<template>_subject.txt` and `<template>_body.txt` are rendered with `context`
            and `origin`, the portal's address without a slash at the end.
        language: of the reader, one of LANGUAGES; others get the portal's own.
        headers: further ones, such as `Reply-To`.
    Returns: the mail, new or old.
    """
    if language not in dict(settings.LANGUAGES):
        language = settings.LANGUAGE_CODE
    with transaction.atomic():
        mail = Mail.objects.filter(to=to, purpose=purpose, reference=reference).first()
        if mail is None:
            subject = " ".join(render(f"{template}_subject.txt", context, language).split())
            mail, _is_new = Mail.objects.get_or_create(
                to=to,
                purpose=purpose,
                reference=reference,
                defaults={
                    "subject": subject[:_SUBJECT_LENGTH],
                    "body": render(f"{template}_body.txt", context, language).strip() + "\n",
                    "headers": {"Content-Language": language, **(headers or {})},
                },
            )
        transaction.on_commit(wake)
    return mail


def wake() -> None:
    """Let the worker look at once. One message at a time waits; when it is lost, the sweep finds the work."""
    if cache.add(_WOKEN, 1, _WOKEN_SECONDS):
        tasks.send_mails.delay()


def slept() -> None:
    """The worker looks now: who writes from now on may wake it again."""
    cache.delete(_WOKEN)
