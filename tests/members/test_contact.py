"""A question gets a ticket, goes to whoever answers, and nobody learns the other's address."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone

from alliance.members import inquiries, inquiry_figures, sending
from alliance.members.models import (
    Inquiry,
    InquiryMessage,
    InquiryState,
    InquiryTopic,
    Membership,
    Organisation,
    Role,
    TopicEditor,
    User,
)
from tests.members.conftest import link_in
from tests.members.guarded import hidden_fields, proof_of, send
from usecases.models import Participation, ParticipationRole, UseCase

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
KEYS = iter(f"{number:043d}" for number in range(10_000))
QUESTION = {
    "topic": "api",
    "subject": "How many rows at once?",
    "text": "Is there a limit?",
    "name": "Zoë",
    "email": "zoe@example.org",
}


@pytest.fixture(autouse=True)
def _settings(settings):
    settings.TICKET_ADDRESS = "ticket@portal.example"


def editor(name: str) -> User:
    return User.objects.create_user(f"{name}@alliance.example", name=name.title(), is_staff=True)


def sign(client, user: User):
    client.force_login(user, backend=BACKEND)
    return client


def asked(**fields) -> Inquiry:
    """An open ticket."""
    told = {
        "key": next(KEYS),
        "topic": InquiryTopic.API,
        "subject": "Rows",
        "text": "How many?",
        "email": "zoe@example.org",
        "name": "Zoë",
        "language": "en",
    }
    return inquiries.confirm(inquiry=inquiries.ask(**{**told, **fields}))


@pytest.fixture
def city(db) -> Organisation:
    """A member with somebody who answers, which runs a use case."""
    organisation = Organisation.objects.create(slug="gdansk", name="City of Gdansk", member_since="2026-01-01")
    user = User.objects.create_user("clerk@gdansk.example", name="Clerk")
    Membership.objects.create(user=user, organisation=organisation, role=Role.CONTRIBUTOR)
    return organisation


@pytest.fixture
def clerk(city) -> User:
    return User.objects.get(email="clerk@gdansk.example")


@pytest.fixture
def use_case(reference_data) -> UseCase:
    return UseCase.objects.visible_to(None).order_by("pk").first()


# --- the way of a question -------------------------------------------------------------------------------------------
def test_a_question_is_confirmed_numbered_answered_and_closed(client, db, mails):
    helper = editor("eve")
    assert send(client, "/contact/", QUESTION).headers["Location"] == "/contact/sent/"
    assert client.get("/contact/sent/").status_code == 200
    inquiry = Inquiry.objects.get()
    assert (inquiry.state, inquiry.number) == (InquiryState.UNVERIFIED, None)
    sending.send_waiting()
    (confirm,) = mails
    assert confirm.to == ["zoe@example.org"]
    assert "Is there a limit" not in confirm.subject + confirm.body, "nobody advertises by our mail"
    path = link_in(confirm, "/contact/ticket/")

    page = client.get(path)
    assert page["Referrer-Policy"] == "strict-origin"
    assert page["X-Robots-Tag"] == "noindex"
    assert "no-store" in page["Cache-Control"]
    assert Inquiry.objects.get().state == InquiryState.UNVERIFIED, "looking at the link confirms nothing"
    client.post(path, {"deed": "confirm"})
    client.post(path, {"deed": "confirm"})
    inquiry.refresh_from_db()
    assert inquiry.state == InquiryState.OPEN
    assert inquiry.number
    assert inquiry.assigned_to == helper
    sending.send_waiting()
    assert [one.to[0] for one in mails[1:]] == ["zoe@example.org", "eve@alliance.example"]
    assert f"ticket number {inquiry.number}" in mails[1].body

    desk = f"/contact/inquiries/{inquiry.number}/"
    sign(client, helper)
    assert "Is there a limit?" in client.get(desk).content.decode()
    inquiry.refresh_from_db()
    client.post(desk, {"deed": "answer", "text": "200 rows.", "version": inquiry.version})
    sending.send_waiting()
    answer = mails[-1]
    assert answer.to == ["zoe@example.org"]
    assert "200 rows." in answer.body
    assert "eve@alliance.example" not in str(answer.message())
    assert answer.extra_headers["Reply-To"].startswith(f"ticket+{inquiry.number}.")
    assert answer.extra_headers["References"] == mails[1].extra_headers["References"]

    client.logout()
    page = client.get(path).content.decode()
    assert "200 rows." in page
    assert "Eve" not in page
    client.post(path, {"deed": "write", "text": "And in XLSX?"})
    inquiry.refresh_from_db()
    assert inquiry.state == InquiryState.OPEN
    client.post(path, {"deed": "close"})
    inquiry.refresh_from_db()
    assert inquiry.state == InquiryState.CLOSED


def test_the_same_form_sent_twice_is_one_question(client, db):
    stamp = hidden_fields(client.get("/contact/").content.decode())["stamp"]
    data = {**QUESTION, "stamp": stamp, "proof": proof_of(stamp)}
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        for _ in range(2):
            assert client.post("/contact/", data).status_code == 302
    assert InquiryMessage.objects.count() == 1


def test_programs_that_advertise_are_kept_out(client, db):
    stamp = hidden_fields(client.get("/contact/").content.decode())["stamp"]
    assert client.post("/contact/", {**QUESTION, "stamp": stamp, "proof": "1"}).status_code == 200
    assert client.post("/contact/", QUESTION).status_code == 200
    assert send(client, "/contact/", {**QUESTION, "fax_number": "1"}).status_code == 200
    assert Inquiry.objects.count() == 0


def test_what_nobody_confirms_is_forgotten(db):
    inquiry = inquiries.ask(key=next(KEYS), topic="api", subject="x", text="x", email="x@example.org", language="en")
    assert inquiries.forget_unconfirmed() == 0
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        assert inquiries.forget_unconfirmed() == 1
    assert not Inquiry.objects.filter(pk=inquiry.pk).exists()


@pytest.mark.parametrize("deed", ["write", "agree", "close"])
def test_an_unconfirmed_question_takes_no_further_deeds(client, db, deed):
    inquiry = inquiries.ask(key=next(KEYS), topic="api", subject="x", text="x", email="x@example.org", language="en")
    client.post(inquiries.path_of(inquiry), {"deed": deed, "text": "more"})
    inquiry.refresh_from_db()
    assert (inquiry.state, inquiry.messages.count(), inquiry.may_be_published) == (InquiryState.UNVERIFIED, 1, False)


def test_a_page_that_nobody_has_is_not_found(client, db):
    assert client.get(f"/contact/ticket/{next(KEYS)}/").status_code == 404


def test_numbers_go_up_and_none_is_given_twice(db):
    numbers = [asked().number for _ in range(3)]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]


# --- who answers -----------------------------------------------------------------------------------------------------
def test_a_ticket_goes_to_the_editors_of_its_topic_and_there_to_the_one_with_the_fewest(db):
    ann, bob, cid = editor("ann"), editor("bob"), editor("cid")
    TopicEditor.objects.create(topic=InquiryTopic.PRESS, user=cid)
    assert [asked(topic=InquiryTopic.PRESS).assigned_to for _ in range(2)] == [cid, cid]
    assert [asked().assigned_to for _ in range(4)] == [ann, bob, ann, bob]
    first = Inquiry.objects.filter(assigned_to=bob).first()
    inquiries.answer(inquiry=first, actor=bob, text="Done.")
    assert asked().assigned_to == bob


def test_a_topic_whose_only_editor_has_left_goes_to_all(db):
    gone, ann = editor("gone"), editor("ann")
    TopicEditor.objects.create(topic=InquiryTopic.API, user=gone)
    User.objects.filter(pk=gone.pk).update(is_staff=False)
    assert asked().assigned_to == ann


def test_an_editor_hands_a_ticket_over(client, db, mails):
    ann, bob = editor("ann"), editor("bob")
    inquiry = asked()
    sign(client, ann).post(f"/contact/inquiries/{inquiry.number}/", {"deed": "assign", "editor": bob.pk})
    inquiry.refresh_from_db()
    assert inquiry.assigned_to == bob
    sending.send_waiting()
    assert mails[-1].to == ["bob@alliance.example"]
    assert "How many?" in mails[-1].body


def test_a_note_among_editors_reaches_nobody_else(client, db, mails):
    ann = editor("ann")
    inquiry = asked()
    sending.send_waiting()
    before = len(mails)
    sign(client, ann).post(
        f"/contact/inquiries/{inquiry.number}/",
        {"deed": "answer", "text": "Ask Bob first.", "is_internal": "on", "version": inquiry.version},
    )
    sending.send_waiting()
    inquiry.refresh_from_db()
    assert (len(mails), inquiry.state, inquiry.answered_at) == (before, InquiryState.OPEN, None)
    assert "Ask Bob first." in client.get(f"/contact/inquiries/{inquiry.number}/").content.decode()
    assert "Ask Bob first." not in client.get(inquiries.path_of(inquiry)).content.decode()


def test_two_who_answer_at_once_see_each_other_and_lose_nothing(client, db):
    ann, bob = editor("ann"), editor("bob")
    inquiry = asked()
    inquiries.answer(inquiry=inquiry, actor=bob, text="Bob was quicker.", version=inquiry.version)
    desk = f"/contact/inquiries/{inquiry.number}/"
    late = sign(client, ann).post(desk, {"deed": "answer", "text": "Ann's words", "version": inquiry.version})
    assert late.status_code == 412
    page = late.content.decode()
    assert "Bob was quicker." in page
    assert "Ann&#x27;s words" in page
    assert inquiry.messages.count() == 2
    version = re.search(r'name="version" value="(\d+)"', page)[1]
    assert client.post(desk, {"deed": "answer", "text": "Ann's words", "version": version}).status_code == 302


def test_others_see_no_tickets(client, db, city, clerk):
    editor("ann")
    inquiry = asked()
    desk = f"/contact/inquiries/{inquiry.number}/"
    assert client.get(desk).status_code == 302
    sign(client, User.objects.create_user("member@example.org"))
    assert client.get("/contact/inquiries/").status_code == 403
    assert client.get(desk).status_code == 404
    assert client.post(desk, {"deed": "answer", "text": "x", "version": 1}).status_code == 404
    sign(client, clerk)
    assert "Rows" not in client.get("/contact/inquiries/").content.decode()
    assert client.get(desk).status_code == 404


def test_the_list_puts_what_waits_first_and_filters(client, db, django_assert_max_num_queries):
    ann = editor("ann")
    old = asked(subject="Old one")
    asked(subject="New one", topic=InquiryTopic.PRESS)
    inquiries.answer(inquiry=old, actor=ann, text="Done")
    sign(client, ann)
    page = client.get("/contact/inquiries/").content.decode()
    assert page.index("New one") < page.index("Old one")
    assert "Old one" not in client.get("/contact/inquiries/?state=open").content.decode()
    assert "Old one" not in client.get("/contact/inquiries/?topic=press").content.decode()
    for _ in range(10):
        asked()
    with django_assert_max_num_queries(12):
        client.get("/contact/inquiries/?mine=1")


# --- how quickly -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("asked_at", "due"),
    [
        ("2026-11-23T10:00", "2026-11-26T10:00"),  # Monday
        ("2026-11-26T10:00", "2026-12-01T10:00"),  # Thursday
        ("2026-11-27T10:00", "2026-12-02T10:00"),  # Friday
        ("2026-11-28T10:00", "2026-12-03T00:00"),  # Saturday
        ("2026-11-29T23:59", "2026-12-03T00:00"),  # Sunday
    ],
)
def test_three_working_days_pass_over_the_weekend(asked_at, due):
    def moment(text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert inquiry_figures.due_at(moment(asked_at)) == moment(due)


def test_figures_tell_the_median_and_the_share_by_topic_and_in_public(client, db):
    ann = editor("ann")
    monday = datetime(2026, 11, 2, 9, tzinfo=UTC)

    def ticket(topic, answered_after_hours):
        with time_machine.travel(monday, tick=False):
            inquiry = asked(topic=topic)
        if answered_after_hours is not None:
            with time_machine.travel(monday + timedelta(hours=answered_after_hours), tick=False):
                inquiries.answer(inquiry=inquiry, actor=ann, text="Yes")

    for topic, after in (("api", 2), ("api", 4), ("api", 200), ("press", None)):
        ticket(topic, after)
    with time_machine.travel(monday + timedelta(hours=1), tick=False):
        assert inquiry_figures.figures()[0].count == 3, "what is not due yet does not count"
    with time_machine.travel(monday + timedelta(days=20), tick=False):
        asked()
        everything, *topics = inquiry_figures.figures()
        assert (everything.count, everything.median_hours, everything.in_time, everything.open) == (4, 4, 2, 2)
        assert everything.share == 50
        assert {row.label: (row.count, row.share) for row in topics} == {"API and data": (3, 66), "Press": (1, 0)}
        cache.clear()
        page = client.get("/contact/").content.decode()
        assert "Of 4 questions in the last twelve months, 2 were answered in that time." in page
        assert "within 4 hours" in page
        sign(client, ann)
        assert "66%" in client.get("/contact/inquiries/").content.decode()


def test_without_any_question_the_page_says_so(client, db):
    assert "No question has come yet" in client.get("/contact/").content.decode()


# --- ask this city ---------------------------------------------------------------------------------------------------
CITY_QUESTION = {k: v for k, v in QUESTION.items() if k != "topic"} | {"consent": "on"}


def run_by(use_case: UseCase, organisation: Organisation, role: str = ParticipationRole.LEAD) -> None:
    Participation.objects.create(use_case=use_case, organisation=organisation, role=role, position=90)


def test_a_question_to_a_city_goes_to_its_people_and_reveals_no_address(client, use_case, city, clerk, mails):
    run_by(use_case, city)
    page = client.get(use_case.get_absolute_url()).content.decode()
    path = re.search(r'href="(/contact/city/\?about=[^"]+)"', page)[1]
    assert "City of Gdansk" in client.get(path).content.decode()
    without = {k: v for k, v in CITY_QUESTION.items() if k != "consent"}
    assert send(client, path, without).status_code == 200
    assert Inquiry.objects.count() == 0
    assert send(client, path, CITY_QUESTION).status_code == 302
    inquiry = inquiries.confirm(inquiry=Inquiry.objects.get())
    sending.send_waiting()
    told = mails[-1]
    assert told.to == ["clerk@gdansk.example"]
    assert "zoe@example.org" not in str(told.message())
    desk = f"/contact/inquiries/{inquiry.number}/"
    sign(client, clerk)
    assert "zoe@example.org" not in client.get(desk).content.decode()
    client.post(desk, {"deed": "answer", "text": "We began with 3 streets.", "version": inquiry.version})
    sending.send_waiting()
    assert mails[-1].to == ["zoe@example.org"]
    assert "clerk@gdansk.example" not in str(mails[-1].message())
    client.logout()
    page = client.get(inquiries.path_of(inquiry)).content.decode()
    assert "City of Gdansk" in page
    assert "Clerk" not in page


def test_when_none_is_a_member_the_editors_answer_and_the_page_says_so(client, use_case, db):
    ann = editor("ann")
    path = f"/contact/city/?about=/es{use_case.get_absolute_url()}"
    assert "goes to the editors" in client.get(path).content.decode()
    send(client, path, CITY_QUESTION)
    inquiry = inquiries.confirm(inquiry=Inquiry.objects.get())
    assert (inquiry.organisation, inquiry.assigned_to) == (None, ann)
    assert inquiry.about_path == use_case.get_absolute_url()


def test_who_runs_it_is_asked_before_who_takes_part(use_case, city, clerk):
    from usecases.asking import recipient

    other = Organisation.objects.create(slug="lodz", name="Lodz", member_since="2026-01-01")
    Membership.objects.create(user=clerk, organisation=other, role=Role.OWNER)
    run_by(use_case, other, ParticipationRole.SUPPLIER)
    assert recipient(use_case) == other
    Participation.objects.create(use_case=use_case, organisation=city, role=ParticipationRole.LEAD, position=99)
    assert recipient(use_case) == city
    Membership.objects.filter(organisation=city).update(ended_at=timezone.now())
    assert recipient(use_case) == other, "nobody is left who could answer"


@pytest.mark.parametrize("about", ["", "/use-cases/no-such-case/", "https://evil.example/", "//evil.example", "/x/"])
def test_a_question_is_about_a_page_of_ours(client, reference_data, about):
    assert client.get("/contact/city/", {"about": about}).status_code == 404


def test_an_answer_stands_on_the_page_once_both_sides_agree_and_while_they_do(client, use_case, city, clerk):
    run_by(use_case, city)
    page = use_case.get_absolute_url()
    inquiry = asked(topic="city", organisation=city, about_path=page, text="Which streets?", may_be_published=False)
    desk = f"/contact/inquiries/{inquiry.number}/"
    secret = inquiries.path_of(inquiry)

    def stands() -> bool:
        shown = client.get(page).content.decode()
        assert "Zoë" not in shown
        assert "zoe@example.org" not in shown
        assert ("Which streets?" in shown) == ("Three of them." in shown)
        return "Three of them." in shown

    sign(client, clerk)
    assert "is_public_note" not in client.get(desk).content.decode(), "who asked has not agreed"
    client.post(desk, {"deed": "answer", "text": "Three of them.", "version": inquiry.version})
    message = inquiry.messages.get(from_asker=False)
    assert not stands()
    client.post(secret, {"deed": "agree"})
    assert not stands()
    client.post(desk, {"deed": "publish", "message": message.pk})
    assert stands()
    assert "City of Gdansk" in client.get(page).content.decode()
    client.post(secret, {"deed": "disagree"})
    assert not stands()
    client.post(secret, {"deed": "agree"})
    assert stands()
    client.post(desk, {"deed": "hide", "message": message.pk})
    assert not stands()
