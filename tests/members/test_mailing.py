"""A mail is written with its cause, and leaves once: whatever happens to the worker or the mail server."""

import os
import random
import signal
import smtplib
import subprocess
import sys
from datetime import timedelta
from email import message_from_bytes

import pytest
import time_machine
from django.conf import settings as portal_settings
from django.core.mail.backends.locmem import EmailBackend as MemoryBackend
from django.db import connection, transaction
from django.utils import timezone

from alliance.members import mailing, sending, tasks
from alliance.members.models import Mail, MailState
from tests.core.servers import wait_for
from tests.events.documents_cases import second_session
from tests.usecases.recipes import visitor_of_staff

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture(autouse=True)
def _templates(settings, tmp_path):
    """A mail of the test's own."""
    (tmp_path / "greeting_subject.txt").write_text("{% load i18n %}{% translate 'January' %}:\n {{ name }}\n")
    (tmp_path / "greeting_body.txt").write_text("Hello {{ name }}, see {{ origin }}/x/\n")
    settings.TEMPLATES = [
        {**settings.TEMPLATES[0], "DIRS": [*settings.TEMPLATES[0]["DIRS"], tmp_path]},
    ]


def queue(reference: object = 1, *, to: str = "ada@example.org", language: str = "en", name: str = "<Ada> & Co"):
    return mailing.queue(
        to=to,
        purpose="greeting",
        reference=str(reference),
        template="greeting",
        context={"name": name},
        language=language,
    )


class Refusing(MemoryBackend):
    """A mail server that says no, as the test tells it to."""

    error: Exception | None = None

    def send_messages(self, messages):
        if Refusing.error is not None:
            raise Refusing.error
        return super().send_messages(messages)


@pytest.fixture
def server(settings, monkeypatch):
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    monkeypatch.setattr(Refusing, "error", None)
    return Refusing


# --- writing ---------------------------------------------------------------------------------------------------------
def test_a_mail_is_plain_text_in_the_readers_language_and_one_line_of_subject(db):
    mail = queue(language="es")
    assert mail.subject == "enero: <Ada> & Co"
    assert queue(2).subject == "January: <Ada> & Co"
    assert mail.body == f"Hello <Ada> & Co, see {portal_settings.PORTAL_ORIGIN}/x/\n"
    assert mail.headers["Content-Language"] == "es"
    assert queue(3, language="xx").headers["Content-Language"] == "en"


def test_the_same_mail_is_written_once(db):
    assert queue(1, name="first").pk == queue(1, name="second").pk
    assert queue(1, to="bob@example.org").pk != queue(2).pk
    assert Mail.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_mail_lives_and_dies_with_the_transaction_of_its_cause(monkeypatch):
    woken = []
    monkeypatch.setattr(tasks.send_mails, "delay", lambda: woken.append(Mail.objects.count()))
    with transaction.atomic():
        queue()
        transaction.set_rollback(True)
    assert (Mail.objects.count(), woken) == (0, [])
    with transaction.atomic():
        queue(1)
        queue(2)
        assert woken == []
    assert woken == [2], "one message wakes the worker for both, after they are there"


# --- sending ---------------------------------------------------------------------------------------------------------
def test_what_is_sent_is_sent_once_and_no_longer_kept(db, mails):
    first, second = queue(1), queue(2, to="bob@example.org")
    tasks.send_mails()
    tasks.send_mails()
    assert [one.to for one in mails] == [["ada@example.org"], ["bob@example.org"]]
    assert mails[0].extra_headers["Message-ID"] == sending.message_id(first)
    assert sending.message_id(first).startswith(f"<greeting.1.{first.pk}@")
    assert mails[0].extra_headers["Auto-Submitted"] == "auto-generated"
    second.refresh_from_db()
    assert (second.state, second.subject, second.body, second.attempts) == (MailState.SENT, "", "", 1)
    assert second.sent_at is not None
    assert queue(1).pk == first.pk
    tasks.send_mails()
    assert len(mails) == 2


def test_a_claim_is_committed_before_the_mail_leaves(db, server, monkeypatch):
    seen = []
    monkeypatch.setattr(
        Refusing, "send_messages", lambda self, messages: seen.append(Mail.objects.get().state) or len(messages)
    )
    queue()
    sending.send_waiting()
    assert seen == [MailState.SENDING]


def test_two_workers_do_not_take_the_same_mail(db):
    queue(1)
    queue(2)
    first, second = sending.claim(), sending.claim()
    assert {first.reference, second.reference} == {"1", "2"}
    assert sending.claim() is None


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_another_worker_claims_just_now_is_passed_over():
    queue(1)
    queue(2)
    with second_session() as other, other.cursor() as cursor:
        cursor.execute("BEGIN; SELECT 1 FROM members_mail WHERE reference = '1' FOR UPDATE")
        assert sending.claim().reference == "2"
        assert sending.claim() is None
        cursor.execute("ROLLBACK")


def test_a_worker_that_died_leaves_its_mail_to_the_next_one_under_the_same_id(db, mails):
    mail = queue()
    taken = sending.claim()
    assert sending.send_waiting() == 0, "it may still be on its way"
    with time_machine.travel(timezone.now() + sending.LEASE + timedelta(seconds=1), tick=False):
        assert sending.send_waiting() == 1
    assert mails[0].extra_headers["Message-ID"] == sending.message_id(mail)
    sending.note_failure(taken, OSError("late"), is_final=True)
    assert Mail.objects.get().state == MailState.SENT, "who has lost the claim says nothing any more"


# --- failing ---------------------------------------------------------------------------------------------------------
def test_a_server_that_is_gone_is_tried_again_later_and_later_and_in_the_end_given_up(db, server, mails):
    queue(1)
    queue(2)
    server.error = ConnectionRefusedError("no server for ada@example.org")
    now = timezone.now()
    assert sending.send_waiting() == 0
    first, second = Mail.objects.order_by("pk")
    assert (first.state, first.attempts) == (MailState.WAITING, 1)
    assert first.error == "ConnectionRefusedError: no server for the address"
    assert now + timedelta(seconds=55) < first.send_after < now + timedelta(seconds=90)
    assert second.attempts == 0, "the server is not asked for every mail while it is gone"
    pauses = [sending.pause_after(n) for n in range(1, sending.ATTEMPTS)]
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[5]
    assert timedelta(hours=18) < sum(pauses, timedelta()) < timedelta(hours=36)
    moment = now
    with time_machine.travel(now, tick=False) as traveller:
        for _ in range(2 * sending.ATTEMPTS + 1):
            moment += timedelta(hours=5)
            traveller.move_to(moment)
            sending.send_waiting()
            sending.send_waiting()
        server.error = None
        assert sending.send_waiting() == 0
        assert set(Mail.objects.values_list("state", flat=True)) == {MailState.FAILED}
        assert sending.retry_failed() == 2
        assert sending.send_waiting() == 2


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (smtplib.SMTPRecipientsRefused({"ada@example.org": (550, b"no such user")}), MailState.FAILED),
        (smtplib.SMTPRecipientsRefused({"ada@example.org": (450, b"greylisted")}), MailState.WAITING),
        (smtplib.SMTPDataError(554, b"spam"), MailState.FAILED),
        (smtplib.SMTPDataError(451, b"later"), MailState.WAITING),
        (smtplib.SMTPAuthenticationError(535, b"bad password"), MailState.WAITING),
        (TimeoutError("timed out"), MailState.WAITING),
    ],
    ids=["no such user", "greylisted", "refused content", "later", "our password", "timeout"],
)
def test_what_is_refused_for_good_is_given_up_and_the_rest_waits(db, server, error, state):
    queue()
    server.error = error
    sending.send_waiting()
    mail = Mail.objects.get()
    assert mail.state == state
    assert type(error).__name__ in mail.error
    assert "ada@example.org" not in mail.error


def test_a_mail_that_cannot_be_written_does_not_hold_up_the_others(db, mails):
    queue(1)
    queue(2)
    Mail.objects.filter(reference="1").update(headers={"Reply-To": "a\nb"})
    assert sending.send_waiting() == 1
    assert Mail.objects.get(reference="1").state == MailState.FAILED


def test_a_mail_that_kills_its_worker_is_given_up_at_last(db, mails):
    queue()
    yesterday = timezone.now() - timedelta(days=1)
    Mail.objects.update(state=MailState.SENDING, attempts=sending.ATTEMPTS, claimed_at=yesterday)
    assert sending.send_waiting() == 0
    mail = Mail.objects.get()
    assert (mail.state, mail.error) == (MailState.FAILED, sending.KILLED)


# --- told on /operations/ --------------------------------------------------------------------------------------------
def test_editors_see_what_failed_and_why_and_let_it_be_tried_again(db, client, server, mails):
    queue()
    server.error = smtplib.SMTPDataError(554, b"looks like spam")
    sending.send_waiting()
    assert client.post("/operations/mails/again/").status_code == 403
    client.force_login(visitor_of_staff(), backend=BACKEND)
    page = client.get("/operations/").content.decode()
    assert "looks like spam" in page
    assert "@example.org" in page
    assert "ada@example.org" not in page
    server.error = None
    assert client.post("/operations/mails/again/").status_code == 302
    assert sending.send_waiting() == 1
    assert "looks like spam" not in client.get("/operations/").content.decode()


# --- killed at any moment --------------------------------------------------------------------------------------------
WORKER = """
import django; django.setup()
from django.core.mail.backends.base import BaseEmailBackend
from alliance.members import mail_files, sending
print("ready", flush=True)
sending.send_waiting()
print("done", flush=True)
"""


def start_worker(folder) -> subprocess.Popen:
    database = connection.settings_dict
    address = (
        f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    )
    environment = {k: v for k, v in os.environ.items() if k != "EMAIL_URL"} | {
        "DJANGO_SETTINGS_MODULE": "alliance.settings",
        "DATABASE_URL": address,
        "PORTAL_LOCAL": "1",
        "PORTAL_STATE_DIR": str(folder),
    }
    return subprocess.Popen(
        [sys.executable, "-c", WORKER],
        cwd=portal_settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_again_and_again_loses_nothing_and_sends_nothing_twice(tmp_path, monkeypatch):
    """Real workers, killed without warning at chance moments, write into real files."""
    monkeypatch.setattr(tasks.send_mails, "delay", lambda: None)
    count, kills, chance = 240, 0, random.Random(4)
    with transaction.atomic():
        for number in range(count):
            queue(number, to=f"reader{number}@example.org", name=f"reader {number}")
    while Mail.objects.exclude(state=MailState.SENT).exists():
        worker = start_worker(tmp_path)
        assert worker.stdout.readline() == "ready\n"
        before = Mail.objects.filter(state=MailState.SENT).count()
        if kills < 6:
            goal = min(before + chance.randint(5, 30), count)
            wait_for(lambda goal=goal: Mail.objects.filter(state=MailState.SENT).count() >= goal, 30, "some mails")
            os.killpg(worker.pid, signal.SIGKILL)
            kills += 1
        worker.wait(60)
        worker.stdout.close()
        # The lease of whoever was killed runs out.
        Mail.objects.filter(state=MailState.SENDING).update(claimed_at=timezone.now() - sending.LEASE * 2)
    assert kills == 6
    files = list((tmp_path / "mail").glob("*.eml"))
    written = [message_from_bytes(path.read_bytes()) for path in files]
    assert sorted(one["To"] for one in written) == sorted(f"reader{n}@example.org" for n in range(count))
    assert len({one["Message-ID"] for one in written}) == count
    assert all(f"Hello reader {one['To'][6:].split('@')[0]}," in one.get_payload() for one in written)
