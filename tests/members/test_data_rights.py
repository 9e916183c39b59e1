"""People take along what is held about them, and are forgotten without evidence losing its author."""

import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.db import connection
from django.db.models import FileField
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from model_bakery import baker

from alliance.events.models import Change
from alliance.members import archive, erasing, inquiries, interests, personal_data
from alliance.members.models import (
    Application,
    Inquiry,
    Interest,
    Invitation,
    Mail,
    Membership,
    Notification,
    Organisation,
    Role,
    User,
)
from reporting.models import Attachment, Comment
from tests.members.conftest import PASSWORD
from tests.members.test_contact import KEYS, asked
from tests.reporting import recipes as reports

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
NAME, ADDRESS, SECOND = "Zebedee Quillfeather", "zebedee@quill.example", "Z.Q+private@elsewhere.example"
#: Nothing of this may be left anywhere.
TRACES = ["zebedee", "quillfeather", "quill.example", "elsewhere.example", "tell-tale"]


@pytest.fixture
def person(db) -> User:
    user = User.objects.create_user(ADDRESS, PASSWORD, name=NAME)
    EmailAddress.objects.create(user=user, email=ADDRESS, verified=True, primary=True)
    EmailAddress.objects.create(user=user, email=SECOND, verified=True)
    return user


@pytest.fixture
def club(db, ada) -> Organisation:
    organisation = Organisation.objects.create(slug="club", name="Cycling club", member_since="2026-01-01")
    Membership.objects.create(user=ada, organisation=organisation, role=Role.OWNER)
    return organisation


def application(**fields) -> Application:
    told = {
        "key": next(KEYS),
        "person_name": NAME,
        "email": ADDRESS,
        "organisation_name": "Somebody",
        "kind": "municipality",
        "country": "PL",
        "reason": "tell-tale reason",
        "details": {"q": "tell-tale detail"},
        "website": "https://quill.example/",
    }
    return Application.objects.create(**{**told, **fields})


def rows_everywhere(person: User, club: Organisation, ada: User, settings, tmp_path) -> None:
    """At least one row of every model that names a person or holds an address, made as the portal makes it where the
    words matter, and by rote elsewhere."""
    settings.MEDIA_ROOT = tmp_path
    Membership.objects.create(user=person, organisation=club, role=Role.CONTRIBUTOR)
    interests.declare(actor=person, kind="funded-by", about=club, note="tell-tale note")
    Interest.objects.get().save()
    now = timezone.now()
    joined = application(user=person, state="accepted", verified_at=now, decided_at=now, decision="x")
    joined.person_name = f"{NAME} the second"
    joined.decision = "tell-tale decision"
    joined.save()
    application(email=SECOND.upper(), kind="individual", organisation_name=NAME).save()
    inquiry = asked(email=ADDRESS.upper(), name=NAME, subject="tell-tale subject", text="tell-tale text")
    inquiries.answer(inquiry=inquiry, actor=User.objects.create_superuser("boss@example.org"), text="Dear Mr tell-tale")
    own = asked(user=person, email="third@elsewhere.example", text="tell-tale")
    inquiries.add_question(inquiry=own, text="tell-tale again", received_id="<1@quill.example>")
    baker.make(Invitation, email=ADDRESS, organisation=club, expires_at=timezone.now() + timedelta(days=1))
    Notification.objects.create(user=ada, kind="x", reference="1", path="/", values={"person": NAME, "n": 1})
    body = f"{NAME} has joined. Write to <{ADDRESS}>."
    Mail.objects.create(to="ada@example.org", purpose="joined", reference="1", subject=NAME, body=body)
    LogEntry.objects.create(
        user=ada,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(person.pk),
        object_repr=NAME,
        action_flag=CHANGE,
        change_message=f"was {ADDRESS}",
    )
    by_rote = {"reporting.Registration": {"starts_on": now.date(), "due_on": now.date() + timedelta(days=9)}}
    for model, link in personal_data.links():
        if model._default_manager.filter(**{link.name: person}).exists():
            continue
        filled = {link.name: person, **by_rote.get(model._meta.label, {})}
        for field in model._meta.concrete_fields:
            if field.name == "organisation":
                filled[field.name] = club
            elif field.is_relation and not field.null and field.name not in filled:
                # Of the reference data: what is made by rote breaks the constraints of tables that are not meant here.
                if (one := field.related_model._default_manager.first()) is not None:
                    filled[field.name] = one
            elif isinstance(field, FileField):
                filled[field.name] = ContentFile(b"my file", name="mine.txt")
        baker.make(model, **filled, _fill_optional=False)


def left_over() -> dict[str, list[str]]:
    """Table -> rows in which a trace is left, over every table of the database."""
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t WHERE t::text ~* %s', ["|".join(TRACES)])
            if rows := [row for (row,) in cursor.fetchall()]:
                found[table] = rows
    return found


# --- erasure ---------------------------------------------------------------------------------------------------------
def test_nothing_personal_is_left_in_any_table_or_in_the_log(person, club, ada, settings, tmp_path):
    rows_everywhere(person, club, ada, settings, tmp_path)
    for model, link in personal_data.links():
        assert model._default_manager.filter(**{link.name: person}).exists(), f"no row to test with: {model.__name__}"
    held = left_over()
    assert {"members_user", "members_application", "members_inquiry", "members_inquirymessage", "members_mail",
            "members_interest", "members_invitation", "members_notification", "account_emailaddress",
            "django_admin_log", "events_change"} <= set(held)  # fmt: skip
    authored = {
        (model, link.name): model._default_manager.filter(**{link.name: person}).count()
        for model, link in personal_data.links()
        if not personal_data.is_own(link)
    }
    log_length = Change.objects.count()

    erasing.erase(user=person)

    assert left_over() == {}
    assert Change.objects.count() >= log_length, "entries stay, without the words"
    for (model, name), count in authored.items():
        assert model._default_manager.filter(**{name: person.pk}).count() >= count, f"lost its author: {model.__name__}"
    for model, link in personal_data.links():
        if personal_data.is_own(link) and model not in (Membership, Interest):
            assert not model._default_manager.filter(**{link.name: person.pk}).exists(), model.__name__
    for model, field in personal_data.address_fields():
        for address in (ADDRESS, SECOND):
            assert not model._default_manager.filter(**{f"{field.name}__iexact": address}).exists()


def test_the_person_is_a_pseudonym_that_cannot_sign_in(person, club, ada, client):
    Membership.objects.create(user=person, organisation=club, role=Role.CONTRIBUTOR)
    erasing.erase(user=person)
    person.refresh_from_db()
    assert str(person) == f"Former member {person.pk}"
    assert (person.is_active, person.is_staff, person.has_usable_password()) == (False, False, False)
    assert not Membership.objects.current(person).exists()
    assert Membership.objects.filter(user=person).exists(), "old records name it"
    client.post("/accounts/login/", {"login": ADDRESS, "password": PASSWORD})
    assert "_auth_user_id" not in client.session
    assert User.objects.create_user(ADDRESS).pk != person.pk, "the address is free again"


def test_the_log_still_tells_who_did_what(person, client):
    actor = f"user {person.pk}"
    Change.objects.create(table="members_membership", record_id=1, operation="I", actor=actor, request="r")
    erasing.erase(user=person)
    assert Change.objects.filter(actor=actor).exists()


def test_others_are_left_alone(person, ada, club):
    other = asked(email="ada@example.org", text="Mine")
    application(person_name="Ada", email="ada@example.org", reason="Ours")
    body = "Quillfeathers and zebedeeish"
    Mail.objects.create(to="ada@example.org", purpose="x", reference="1", subject="s", body=body)
    before = Change.objects.filter(before__isnull=False).values_list("position", "before")
    kept = dict(before)
    erasing.erase(user=person)
    assert {position: dict(before)[position] for position in kept} == kept
    assert other.messages.get().text == "Mine"
    assert Application.objects.get().reason == "Ours"
    assert Mail.objects.get(purpose="x").body == body
    assert User.objects.get(email="ada@example.org").is_active


def test_an_address_that_was_only_claimed_gives_no_power_over_what_belongs_to_it(person):
    theirs = asked(email="victim@example.org", text="Private")
    EmailAddress.objects.create(user=person, email="victim@example.org", verified=False)
    assert "Private" not in "".join(read(archive.write(person)).values())
    erasing.erase(user=person)
    assert theirs.messages.get().text == "Private"
    assert Inquiry.objects.get(pk=theirs.pk).email == "victim@example.org"


def test_a_last_owner_hands_over_first(person, ada):
    town = Organisation.objects.create(slug="town", name="Town of X", kind="municipality")
    Membership.objects.create(user=person, organisation=town, role=Role.OWNER)
    heir = Membership.objects.create(user=ada, organisation=town, role=Role.READER)
    with pytest.raises(erasing.HandOverFirstError, match="Town of X"):
        erasing.erase(user=person)
    person.refresh_from_db()
    assert person.name == NAME
    heir.role = Role.OWNER
    heir.save()
    erasing.erase(user=person)
    town.refresh_from_db()
    assert town.name == "Town of X"


def test_a_member_that_is_the_person_alone_becomes_the_pseudonym(person):
    itself = Organisation.objects.create(
        slug="zebedee-quillfeather", name=NAME, kind="individual", about="tell-tale", url="https://quill.example/"
    )
    Membership.objects.create(user=person, organisation=itself, role=Role.OWNER)
    itself.about = "tell-tale again"
    itself.save()
    erasing.erase(user=person)
    itself.refresh_from_db()
    assert itself.name == f"Former member {person.pk}"
    assert set(left_over()) <= {"members_organisationdocument", "events_word"}, "made anew by the follower of the log"


# --- the archive -----------------------------------------------------------------------------------------------------
def read(stream) -> dict[str, str]:
    with stream, zipfile.ZipFile(io.BytesIO(stream.read())) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name).decode() for name in opened.namelist()}


def test_the_archive_holds_every_row_that_names_the_person_and_no_secret(person, club, ada, settings, tmp_path):
    rows_everywhere(person, club, ada, settings, tmp_path)
    files = read(archive.write(person))
    for model, _by, rows in personal_data.rows_about(person):
        told = {row["id"] for row in json.loads(files[f"{model._meta.label}.json"])} if rows.exists() else set()
        assert set(rows.values_list("pk", flat=True)) <= told, model.__name__
    everything = "\n".join(files.values())
    for trace in ("tell-tale text", "tell-tale detail", "Dear Mr tell-tale", SECOND):
        assert trace in everything
    assert "my file" in files[next(name for name in files if name.startswith("files/"))]
    person.refresh_from_db()
    assert person.password not in everything
    assert "ada@example.org" not in files["members.User.json"]
    assert not re.search(r'"(?:password|secret_digest|token_digest|session_key|data|key)":', everything)
    assert f"members.Inquiry.json: {len(json.loads(files['members.Inquiry.json']))}" in files["README.txt"]


def test_files_that_are_too_large_are_named(person, club, ada, settings, tmp_path, monkeypatch):
    rows_everywhere(person, club, ada, settings, tmp_path)
    monkeypatch.setattr(archive, "LARGEST_FILES_BYTES", 3)
    files = read(archive.write(person))
    assert not [name for name in files if name.startswith("files/")]
    assert "too large" in files["README.txt"]


# --- pages -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def signed_in(client, person):
    client.post("/accounts/login/", {"login": ADDRESS, "password": PASSWORD})
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302
    return client


def age_session(client) -> None:
    """The last proof of identity is long ago."""
    session = client.session
    session["account_authentication_methods"] = [{**one, "at": 0} for one in session["account_authentication_methods"]]
    session.save()


def test_the_pages_are_for_the_person_alone(client, db):
    assert client.get("/accounts/data/").status_code == 302
    for path in ("/accounts/data/archive/", "/accounts/data/erase/"):
        assert client.get(path).status_code == 302
        assert client.post(path).status_code == 302


def test_who_has_not_just_proved_it_is_asked_again(signed_in, person):
    age_session(signed_in)
    assert signed_in.get("/accounts/data/").status_code == 200
    for path in ("/accounts/data/archive/", "/accounts/data/erase/"):
        assert "reauthenticate" in signed_in.get(path)["Location"]
    signed_in.post("/accounts/data/erase/", {"sure": "on"})
    person.refresh_from_db()
    assert person.is_active


def test_the_archive_is_downloaded(signed_in):
    answer = signed_in.get("/accounts/data/archive/")
    assert 'filename="my-data.zip"' in answer["Content-Disposition"]
    assert "no-store" in answer["Cache-Control"]
    assert ADDRESS in read(io.BytesIO(b"".join(answer.streaming_content)))["members.User.json"]


def test_erasing_asks_and_says_farewell(signed_in, person):
    assert signed_in.get("/accounts/data/erase/").status_code == 200
    assert signed_in.post("/accounts/data/erase/", {}).status_code == 200
    person.refresh_from_db()
    assert person.is_active
    answer = signed_in.post("/accounts/data/erase/", {"sure": "on"}, follow=True)
    assert "Your account is erased" in answer.content.decode()
    assert "_auth_user_id" not in signed_in.session
    assert left_over() == {}


def test_a_last_owner_is_told_on_the_page(signed_in, person):
    town = Organisation.objects.create(slug="town", name="Town of X", kind="municipality")
    Membership.objects.create(user=person, organisation=town, role=Role.OWNER)
    assert "Town of X" in signed_in.get("/accounts/data/erase/").content.decode()
    assert "Town of X" in signed_in.post("/accounts/data/erase/", {"sure": "on"}).content.decode()
    person.refresh_from_db()
    assert person.is_active


def test_what_others_said_to_the_person_and_files_lose_the_full_name_and_keep_the_rest(person, reference_data):
    report = reports.use_case_report(submit=True)
    said = Comment.objects.create(report=report, text=f"Dear {NAME}, write to {ADDRESS} which bins. Zebedeeish ones?")
    file = Attachment.objects.create(report=report, kind="pdf", name=f"Plan of {NAME}.pdf", size=1)
    erasing.erase(user=person)
    said.refresh_from_db()
    file.refresh_from_db()
    other = f"Former member {person.pk}"
    assert said.text == f"Dear {other}, write to {other} which bins. Zebedeeish ones?"
    assert file.name == f"Plan of {other}.pdf"


def test_a_name_of_one_word_is_not_taken_from_what_others_say(person, reference_data):
    User.objects.filter(pk=person.pk).update(name="Ana")
    person.refresh_from_db()
    report = reports.use_case_report(submit=True)
    said = Comment.objects.create(report=report, text="Ana street has no bins.")
    erasing.erase(user=person)
    said.refresh_from_db()
    assert said.text == "Ana street has no bins."


def test_an_archive_of_many_rows_is_read_in_portions(person, monkeypatch):
    Notification.objects.bulk_create(
        [Notification(user=person, kind="x", reference=str(number), path="/", values={}) for number in range(7)]
    )
    monkeypatch.setattr(archive, "PORTION", 3)
    with CaptureQueriesContext(connection) as queries:
        files = read(archive.write(person))
    assert len(json.loads(files["members.Notification.json"])) == 7
    whole = [one["sql"] for one in queries if 'FROM "members_notification"' in one["sql"] and '"values"' in one["sql"]]
    assert [sql.count(",", sql.index(" IN (")) for sql in whole] == [2, 2, 0]
