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
