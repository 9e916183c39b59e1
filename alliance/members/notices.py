"""What people are told of what happened to what is theirs: in the workspace, and by mail as often as they like."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.functional import Promise

from alliance.members import tasks
from alliance.members.models import Digest, Notification, User

#: Kind -> its sentence in the reader's language, with `%(name)s` for each value.
_sentences: dict[str, str | Promise] = {}


def register(kind: str, sentence: str | Promise) -> None:
    """Make a kind of notification known, when its app is loaded. A kind has one sentence; a second one replaces it."""
    _sentences[kind] = sentence


def tell(
    users: Iterable[User | int],
    *,
    kind: str,
    reference: str,
    path: str,
    values: Mapping[str, str | int],
) -> None:
    """Tell people something, once, in the running transaction.

    Args:
        users: people or their ids; those whose account is closed hear nothing.
        kind: a registered one.
        reference: what makes this happening one: told again to the same person under the same kind and reference,
            nothing new is written.
        path: of the page where it can be seen, without a language in front and without the portal's address.
        values: what the sentence of the kind needs, as plain text or numbers.
    Raises: KeyError when the kind is not registered, or a value of its sentence is missing.
    """
    str(_sentences[kind]) % dict(values)
    ids = {user if isinstance(user, int) else user.pk for user in users}
    active = User.objects.filter(pk__in=ids, is_active=True).values_list("pk", flat=True)
    with transaction.atomic():
        Notification.objects.bulk_create(
            [
                Notification(user_id=pk, kind=kind, reference=reference, path=path, values=dict(values))
                for pk in sorted(active)
            ],
            ignore_conflicts=True,
        )
        transaction.on_commit(tasks.send_digests.delay)


def sentence_of(notification: Notification) -> str:
    """What happened, in the language that is active; the bare kind when the software no longer knows it."""
    sentence = _sentences.get(notification.kind)
    if sentence is None:
        return notification.kind
    try:
        return str(sentence) % notification.values
    except (KeyError, TypeError, ValueError):  # a sentence that has other values now than when this was told
        return notification.kind


def path_of(notification: Notification, language: str) -> str:
    """The page's path in a language. Programs' addresses and the administration have none in front."""
    if language == settings.LANGUAGE_CODE or notification.path.startswith(("/api/", "/admin/")):
        return notification.path
    return f"/{language}{notification.path}"


def unread_of(user: Any) -> int:
    """How many notifications a user has not read."""
    return Notification.objects.filter(user=user, read_at=None).count()


@transaction.atomic
def choose(*, user: User, digest: str, language: str | None = None) -> None:
    """Set how often a person hears by mail, and in which language.

    Raises: ValueError for a choice that there is not.
    """
    if digest not in Digest.values or (language is not None and language not in dict(settings.LANGUAGES)):
        raise ValueError(digest, language)
    chosen = {"digest": digest} if language is None else {"digest": digest, "language": language}
    User.objects.filter(pk=user.pk).update(**chosen)
    transaction.on_commit(tasks.send_digests.delay)
