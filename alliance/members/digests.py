"""Notifications by mail: everything since the last one, in one mail, as often as its reader has chosen.

The mail and the mark on each notification that it is in this mail are written in one transaction, so a notification
is in one mail and never in two, wherever the worker is killed; how the mail leaves is told in `sending.py`.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone, translation

from alliance.members import mailing, notices
from alliance.members.models import Digest, Mail, Notification, User

PURPOSE = "digest"
#: Daily ones are made up at this hour (UTC), weekly ones on Mondays at the same.
HOUR = 6
#: What a mail lists; it says how many more there are.
LISTED = 50
_SALT = "alliance.members.digests"


def last_moment(digest: str, now: datetime) -> datetime:
    """The newest moment at which a digest of this rhythm was due, at `now` or before."""
    if digest == Digest.AT_ONCE:
        return now
    moment = now.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    if moment > now:
        moment -= timedelta(days=1)
    return moment - timedelta(days=moment.weekday()) if digest == Digest.WEEKLY else moment


def make_all() -> int:
    """Write every mail that is due. Returns: how many."""
    now, made = timezone.now(), 0
    for digest in (Digest.AT_ONCE, Digest.DAILY, Digest.WEEKLY):
        moment = last_moment(digest, now)
        waiting = Notification.objects.filter(user=OuterRef("pk"), mail=None, read_at=None, created_at__lte=moment)
        due = User.objects.filter(Exists(waiting), digest=digest, is_active=True)
        if digest != Digest.AT_ONCE:
            since = Mail.objects.filter(to=OuterRef("email"), purpose=PURPOSE, created_at__gte=moment)
            due = due.filter(~Exists(since))
        for pk in due.order_by("pk").values_list("pk", flat=True):
            made += make_for(pk, digest)
    return made


@transaction.atomic
def make_for(user_id: int, digest: str) -> bool:
    """Write the mail of one person with all that is unread and in no mail yet. False: another worker does it, or
    there is nothing, or the person has chosen otherwise meanwhile."""
    chosen = Q(pk=user_id, digest=digest, is_active=True)
    user = User.objects.select_for_update(skip_locked=True, no_key=True).filter(chosen).first()
    if user is None:
        return False
    waiting = list(Notification.objects.filter(user=user, mail=None, read_at=None).order_by("pk"))
    if not waiting:
        return False
    mail = mailing.queue(
        to=user.email,
        purpose=PURPOSE,
        reference=f"{user.pk}.{waiting[-1].pk}",
        template="members/mail/digest",
        context=context_of(user, waiting),
        language=user.language,
        headers={
            "List-Unsubscribe": f"<{settings.PORTAL_ORIGIN}{stop_path(user)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    Notification.objects.filter(pk__in=[one.pk for one in waiting]).update(mail=mail)
    return True


def context_of(user: User, waiting: list[Notification]) -> dict[str, object]:
    """What the templates are filled with; the texts are in the reader's language."""
    with translation.override(user.language):
        items = [(notices.sentence_of(one), notices.path_of(one, user.language)) for one in waiting[-LISTED:]]
        return {
            "items": items,
            "count": len(waiting),
            "more": len(waiting) - len(items),
            "all_path": reverse("notices:list"),
            "choose_path": reverse("notices:preferences"),
            "stop_path": stop_path(user),
        }


# --- stop ------------------------------------------------------------------------------------------------------------
def stop_path(user: User) -> str:
    """The path that ends these mails for a person without signing in; it stays valid, as mails are kept for years."""
    return reverse("notices:stop", args=[signing.Signer(salt=_SALT).sign(str(user.pk))])


def user_of(token: str) -> User | None:
    """Whose mails a link ends; None when this portal has not made the link."""
    try:
        pk = signing.Signer(salt=_SALT).unsign(token)
    except signing.BadSignature:
        return None
    return User.objects.filter(pk=pk, is_active=True).first()
