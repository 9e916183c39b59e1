"""Background work of accounts."""

import logging

from django.core.management import call_command
from django.db.models import Exists, OuterRef

from alliance.core.tasks import portal_task

log = logging.getLogger(__name__)


@portal_task
def clear_expired_sessions() -> None:
    """Delete sessions that have ended, and the entries of the session lists that point to none."""
    from allauth.usersessions.models import UserSession
    from django.contrib.sessions.models import Session

    call_command("clearsessions")
    alive = Session.objects.filter(session_key=OuterRef("session_key"))
    deleted, _by_model = UserSession.objects.filter(~Exists(alive)).delete()
    log.info("Removed %d entries of ended sessions.", deleted)


@portal_task
def forget_unconfirmed() -> None:
    """Delete questions and applications whose address nobody confirmed."""
    from alliance.members import inquiries, joining

    inquiries.forget_unconfirmed()
    joining.forget_unconfirmed()


@portal_task(expires=60, is_quiet=True)
def send_mails() -> None:
    """Send what waits. Quick when nothing does; two at once share the work."""
    from alliance.members import mailing, sending

    mailing.slept()
    sending.send_waiting()


@portal_task(expires=60, is_quiet=True)
def send_digests() -> None:
    """Make up the mails that people get of their notifications. Quick when none is due."""
    from alliance.members import digests

    digests.make_all()
