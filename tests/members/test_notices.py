"""People are told once, in their language, in the workspace and by mail as often as they chose."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext_lazy

from alliance.members import digests, notices, sending
from alliance.members.models import Digest, Mail, Notification, User
from tests.events.documents_cases import second_session

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _kind(monkeypatch):
    monkeypatch.setattr(notices, "_sentences", {"test-moved": gettext_lazy("%(what)s moved in January")})


def tell(user, reference: object = 1, what: str = "“Parking”", path: str = "/use-cases/") -> None:
    notices.tell([user], kind="test-moved", reference=str(reference), path=path, values={"what": what})


def at(hours: float):
    """So many hours after midnight of a Monday."""
    return time_machine.travel(MONDAY + timedelta(hours=hours), tick=False)


def choose(user: User, digest: str, language: str = "en") -> None:
    notices.choose(user=user, digest=digest, language=language)


# --- telling ---------------------------------------------------------------------------------------------------------
def test_the_same_happening_is_told_once_to_each_who_has_an_account(ada):
    bob = User.objects.create_user("bob@example.org")
    gone = User.objects.create_user("gone@example.org", is_active=False)
    for _ in range(2):
        notices.tell([ada, bob.pk, gone], kind="test-moved", reference="1", path="/x/", values={"what": "It"})
    tell(ada, 2)
    assert sorted(Notification.objects.values_list("user__email", "reference")) == [
        ("ada@example.org", "1"),
        ("ada@example.org", "2"),
        ("bob@example.org", "1"),
    ]


def test_who_tells_with_an_unknown_kind_or_without_a_value_hears_it_at_once(ada):
    with pytest.raises(KeyError):
        notices.tell([ada], kind="no-such", reference="1", path="/x/", values={})
    with pytest.raises(KeyError):
        notices.tell([ada], kind="test-moved", reference="1", path="/x/", values={"who": "x"})


def test_a_worker_knows_every_kind_that_the_code_tells():
    """The sentences are registered when the apps are loaded, not when somebody opens a page."""
    code = "import django; django.setup(); from alliance.members import notices; print(*notices._sentences)"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "alliance.settings"}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True
    )
    told = set()
    for app in ("alliance", "reporting", "kpis", "usecases"):
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            told |= set(re.findall(r"notices\.register\(\s*\"([a-z-]+)\"", path.read_text()))
            told |= set(re.findall(r"\bkind=\"([a-z]+-[a-z-]+)\",\s*reference=", path.read_text()))
    assert "role-changed" in told
    assert told <= set(run.stdout.split())


# --- mails -----------------------------------------------------------------------------------------------------------
def test_at_once_means_everything_new_in_one_mail(ada, mails):
    choose(ada, Digest.AT_ONCE)
    tell(ada, 1, "“Parking”")
    tell(ada, 2, "“Light”")
    assert digests.make_all() == 1
    assert digests.make_all() == 0
    sending.send_waiting()
    (message,) = mails
    assert "“Parking” moved" in message.body
    assert "“Light” moved" in message.body
    assert "/use-cases/\n" in message.body
    tell(ada, 3, "“Waste”")
    assert digests.make_all() == 1
    sending.send_waiting()
    assert "“Waste”" in mails[1].body
    assert "“Light”" not in mails[1].body


def test_a_daily_mail_comes_once_after_six(ada, mails):
    choose(ada, Digest.DAILY)
    with at(5):
        tell(ada, 1)
        assert digests.make_all() == 0
    with at(6.1):
        tell(ada, 2)
        assert digests.make_all() == 1, "with all that is new, also what came after six"
        tell(ada, 3)
        assert digests.make_all() == 0
    with at(23):
        assert digests.make_all() == 0
    with at(30):
        assert digests.make_all() == 1
    assert Notification.objects.filter(mail=None).count() == 0
    assert Mail.objects.count() == 2


def test_a_weekly_mail_comes_on_monday(ada):
    choose(ada, Digest.WEEKLY)
    with at(7):
        tell(ada, 1)
        assert digests.make_all() == 0
    with at(6 * 24 + 20):
        assert digests.make_all() == 0
    with at(7 * 24 + 6):
        assert digests.make_all() == 1


def test_never_means_never_and_what_was_read_is_not_mailed(ada, mails):
    choose(ada, Digest.NEVER)
    tell(ada, 1)
    assert digests.make_all() == 0
    choose(ada, Digest.AT_ONCE)
    Notification.objects.update(read_at=MONDAY)
    assert digests.make_all() == 0
    tell(ada, 2)
    assert digests.make_all() == 1


def test_the_mail_speaks_the_readers_language_and_leads_to_pages_in_it(ada, mails):
    choose(ada, Digest.AT_ONCE, "es")
    tell(ada, path="/use-cases/")
    digests.make_all()
    sending.send_waiting()
    assert re.search(r"https?://\S+/es/use-cases/", mails[0].body)
    assert re.search(r"https?://\S+/es/accounts/notices/\n", mails[0].body)


def test_each_notification_is_in_exactly_one_mail_also_when_the_worker_dies_in_between(ada, monkeypatch, mails):
    choose(ada, Digest.AT_ONCE)
    tell(ada, 1)
    whole = digests.mailing.queue

    def dying(**kwargs):
        whole(**kwargs)
        raise SystemExit

    monkeypatch.setattr(digests.mailing, "queue", dying)
    with pytest.raises(SystemExit):
        digests.make_all()
    assert Mail.objects.count() == 0, "a mail without its mark is undone"
    monkeypatch.undo()
    monkeypatch.setattr(notices, "_sentences", {"test-moved": "%(what)s"})
    digests.make_all()
    tell(ada, 2)
    digests.make_all()
    digests.make_all()
    sending.send_waiting()
    assert len(mails) == 2
    assert [one.mail is not None for one in Notification.objects.all()] == [True, True]
    assert len(set(Notification.objects.values_list("mail", flat=True))) == 2


@pytest.mark.django_db(transaction=True)
def test_two_workers_do_not_write_to_the_same_person(monkeypatch):
    monkeypatch.setattr(notices.tasks.send_digests, "delay", lambda: None)
    user = User.objects.create_user("ada@example.org", digest=Digest.AT_ONCE)
    tell(user)
    with second_session() as other, other.cursor() as cursor:
        cursor.execute("SELECT 1 FROM members_user WHERE id = %s FOR NO KEY UPDATE", [user.pk])
        assert digests.make_all() == 0
        tell(user, 2)  # telling does not wait for the mailer
    monkeypatch.setattr(digests.mailing, "wake", lambda: None)
    assert digests.make_all() == 1


def test_a_long_list_is_cut_and_says_so(ada, mails, monkeypatch):
    monkeypatch.setattr(digests, "LISTED", 3)
    choose(ada, Digest.AT_ONCE)
    for number in range(5):
        tell(ada, number, f"[{number}]")
    digests.make_all()
    sending.send_waiting()
    assert [f"[{n}]" in mails[0].body for n in range(5)] == [False, False, True, True, True]
    assert "2 older messages" in mails[0].body


# --- the end of mails ------------------------------------------------------------------------------------------------
def test_one_click_ends_the_mails_without_signing_in(ada, mails):
    choose(ada, Digest.AT_ONCE)
    tell(ada)
    digests.make_all()
    sending.send_waiting()
    headers = mails[0].extra_headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = re.fullmatch(r"<https?://[^/]+(/\S+)>", headers["List-Unsubscribe"])[1]
    assert path in mails[0].body
    stranger = Client(enforce_csrf_checks=True)
    page = stranger.get(path)
    assert page.status_code == 200
    assert page["Referrer-Policy"] == "strict-origin"
    assert "ada@example.org" not in page.content.decode()
    ada.refresh_from_db()
    assert ada.digest == Digest.AT_ONCE, "looking at the link ends nothing"
    assert stranger.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    ada.refresh_from_db()
    assert ada.digest == Digest.NEVER


@pytest.mark.parametrize("change", [lambda p: p[:-2] + "/", lambda p: p.replace("/stop/", "/stop/9")])
def test_a_forged_link_ends_nothing(ada, client, change):
    path = change(digests.stop_path(ada))
    assert client.get(path).status_code == 410
    assert client.post(path).status_code == 410
    ada.refresh_from_db()
    assert ada.digest == Digest.DAILY


# --- pages -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def signed_in(client, ada):
    client.force_login(ada, backend=BACKEND)
    return client


@pytest.mark.parametrize("path", ["/workspace/notices/", "/accounts/notices/"])
def test_the_pages_are_for_people_who_are_signed_in(client, db, path):
    assert client.get(path).status_code == 302


def test_the_list_shows_what_is_ones_own_and_marks_it_read(signed_in, ada):
    bob = User.objects.create_user("bob@example.org")
    tell(bob, 1, "Bob's")
    tell(ada, 1, "<b>Mine</b>")
    tell(ada, 2, "Other")
    page = signed_in.get("/workspace/notices/").content.decode()
    assert "&lt;b&gt;Mine&lt;/b&gt; moved" in page
    assert "Bob" not in page
    mine, his = Notification.objects.get(user=ada, reference="1"), Notification.objects.get(user=bob)
    signed_in.post("/workspace/notices/", {"one": his.pk})
    signed_in.post("/workspace/notices/", {"one": mine.pk})
    unread = Notification.objects.filter(read_at=None)
    told = sorted(unread.values_list("user__email", "reference"))
    assert told == [("ada@example.org", "2"), ("bob@example.org", "1")]
    newest = re.search(r'name="until" value="(\d+)"', signed_in.get("/workspace/notices/").content.decode())[1]
    tell(ada, 3, "Came later")
    signed_in.post("/workspace/notices/", {"until": newest})
    assert list(Notification.objects.filter(user=ada, read_at=None).values_list("reference", flat=True)) == ["3"]
    assert signed_in.post("/workspace/notices/", {"until": "x" * 30}).status_code == 302


def test_the_list_asks_the_same_number_of_questions_for_few_and_for_many(signed_in, ada):
    def questions() -> int:
        with CaptureQueriesContext(connection) as queries:
            signed_in.get("/workspace/notices/")
        return len(queries)

    tell(ada)
    questions()
    few = questions()
    for number in range(2, 22):
        tell(ada, number)
    assert questions() == few


def test_a_sentence_that_the_software_no_longer_knows_breaks_no_page(signed_in, ada, monkeypatch):
    tell(ada)
    monkeypatch.setattr(notices, "_sentences", {})
    assert "test-moved" in signed_in.get("/workspace/notices/").content.decode()


def test_how_often_and_in_which_language_is_chosen_on_a_page(signed_in, ada):
    page = signed_in.get("/accounts/notices/").content.decode()
    assert page.count('type="radio"') == 4
    assert signed_in.post("/accounts/notices/", {"digest": "weekly", "language": "ar"}).status_code == 302
    ada.refresh_from_db()
    assert (ada.digest, ada.language) == (Digest.WEEKLY, "ar")
    assert signed_in.post("/accounts/notices/", {"digest": "hourly", "language": "ar"}).status_code == 200
    ada.refresh_from_db()
    assert ada.digest == Digest.WEEKLY
