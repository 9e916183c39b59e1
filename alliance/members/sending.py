"""The worker's side of mail: claims what waits, hands it to the mail server, and writes down how it went.

A claim is committed before the mail leaves. Whoever claims, skips what others claim at the same time. A worker that is
killed leaves its claim behind; once it is older than LEASE, the next worker tries that mail again, under the
same Message-ID. So no mail is lost, and where the receiving end knows mails by their Message-ID (`mail_files` does),
none arrives twice.

What SMTP cannot promise: a worker that dies after the server has taken the mail and before that is written down here
(some milliseconds) cannot be told from one that died just before. The mail is sent again then, rather than lost. Most
mail systems drop the copy because its Message-ID is the same; none is obliged to.
"""

import logging
import re
import smtplib
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from alliance.members.models import Mail, MailState

log = logging.getLogger(__name__)

#: Longer than one delivery may take: EMAIL_TIMEOUT limits each of its some ten steps.
LEASE = timedelta(minutes=10)
#: Tries, some 24 hours in all; the first pause is a minute, each next one twice as long, up to LONGEST_PAUSE.
ATTEMPTS = 15
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=4)
KILLED = "The worker was killed at every attempt."


def pause_after(attempts: int) -> timedelta:
    """How long a mail waits after so many failed attempts."""
    return min(FIRST_PAUSE * 2 ** max(0, attempts - 1), LONGEST_PAUSE)


def message_id(mail: Mail) -> str:
    """The same for every attempt, and different for every mail."""
    host = urlsplit(settings.PORTAL_ORIGIN).hostname or "localhost"
    local = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{mail.purpose}.{mail.reference}.{mail.pk}").strip(".-")
    return f"<{re.sub(r'[.]{2,}', '.', local)}@{host}>"


def message_of(mail: Mail, connection: BaseEmailBackend) -> EmailMessage:
    """The mail as it goes out. Programs that answer by themselves are told that a program wrote (RFC 3834)."""
    headers = {"Message-ID": message_id(mail), "Auto-Submitted": "auto-generated", **mail.headers}
    return EmailMessage(mail.subject, mail.body, to=[mail.to], headers=headers, connection=connection)


def claim() -> Mail | None:
    """Take one mail that is due, and commit that. None: nothing is due."""
    now = timezone.now()
    due = Q(state=MailState.WAITING) & (Q(send_after=None) | Q(send_after__lte=now))
    left_behind = Q(state=MailState.SENDING, claimed_at__lt=now - LEASE)
    with transaction.atomic():
        mail = Mail.objects.select_for_update(skip_locked=True).filter(due | left_behind).order_by("pk").first()
        if mail is None:
            return None
        if mail.attempts >= ATTEMPTS:
            mail.state, mail.error = MailState.FAILED, mail.error or KILLED
        else:
            mail.state, mail.claimed_at, mail.attempts = MailState.SENDING, now, mail.attempts + 1
        mail.save(update_fields=["state", "error", "claimed_at", "attempts"])
    return mail


def send_waiting() -> int:
    """Send every mail that is due; stops when the mail server is gone. Returns: how many were sent."""
    sent = 0
    connection = get_connection()
    try:
        while mail := claim():
            if mail.state == MailState.FAILED:
                log.error("Mail %s is given up: %s", mail.pk, mail.error)
                continue
            try:
                message_of(mail, connection).send()
            except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
                note_failure(mail, error, is_final=is_refused_for_good(error))
            except OSError as error:  # also smtplib.SMTPException
                note_failure(mail, error, is_final=False)
                break
            except (ValueError, LookupError, TypeError) as error:
                # What cannot be put into the form of a mail cannot be tomorrow either.
                note_failure(mail, error, is_final=True)
            else:
                note_sent(mail)
                sent += 1
    finally:
        connection.close()
    return sent


def is_refused_for_good(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) -> bool:
    """Whether the server said 5xx: this address, or this mail, will not be taken at any time."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _text in error.recipients.values())
    return error.smtp_code >= 500


def _mine(mail: Mail):
    """The row, while the claim that this process made is the newest."""
    return Mail.objects.filter(pk=mail.pk, state=MailState.SENDING, attempts=mail.attempts)


def note_sent(mail: Mail) -> None:
    """It is out. What it said is not kept: only that it was sent, so that it is not sent again."""
    _mine(mail).update(
        state=MailState.SENT, sent_at=timezone.now(), subject="", body="", headers={}, error="", send_after=None
    )


def note_failure(mail: Mail, error: Exception, *, is_final: bool) -> None:
    """It is not out: try later, or give it up."""
    told = f"{type(error).__name__}: {_without_address(error, mail.to)}"[:300]
    if is_final or mail.attempts >= ATTEMPTS:
        log.error("Mail %s (%s) is given up: %s", mail.pk, mail.purpose, told)
        _mine(mail).update(state=MailState.FAILED, error=told)
        return
    log.warning("Mail %s (%s) waits after attempt %d: %s", mail.pk, mail.purpose, mail.attempts, told)
    _mine(mail).update(
        state=MailState.WAITING, error=told, send_after=timezone.now() + pause_after(mail.attempts), claimed_at=None
    )


def _without_address(error: Exception, address: str) -> str:
    """The error's text; logs and pages need not name the reader."""
    text = str(error).replace(address, "the address")
    return " ".join(text.split())


def retry_failed() -> int:
    """Let every mail that was given up wait again. Returns: how many."""
    return Mail.objects.filter(state=MailState.FAILED).update(
        state=MailState.WAITING, attempts=0, send_after=None, claimed_at=None
    )
