"""Answers to tickets come by mail: from whom they were sent to, once, without what they quote, and from no program."""

import io
from email.message import EmailMessage

import pytest
from django.core.management import CommandError, call_command

from alliance.members import incoming, inquiries, tickets
from alliance.members.models import InquiryMessage, InquiryState, InquiryTopic, User
from tests.members.test_contact import asked, city, clerk, editor  # noqa: F401


@pytest.fixture(autouse=True)
def _settings(settings):
    settings.TICKET_ADDRESS = "ticket@portal.example"


@pytest.fixture
def helper(db) -> User:
    return editor("eve")


@pytest.fixture
def inquiry(helper):
    return asked()


def mail(inquiry, sender: str = "zoe@example.org", text: str = "Thank you.", **headers: str) -> EmailMessage:
    """An answer as a mail program writes it; headers by name, `_` for `-`, empty ones left out."""
    message = EmailMessage()
    told = {
        "From": f"Somebody <{sender}>",
        "To": f"Portal <{tickets.reply_address(inquiry.number, sender)}>",
        "Message-ID": "<1@mail.example>",
        "Subject": "Re: Rows",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in told.items():
        if value:
            message[name] = value
    message.set_content(text)
    return message


def received(inquiry) -> list[str]:
    return list(inquiry.messages.exclude(received_id=None).values_list("text", flat=True))


# --- taken -----------------------------------------------------------------------------------------------------------
def test_who_asked_answers_by_mail_and_the_ticket_is_open_again(inquiry, helper):
    inquiries.answer(inquiry=inquiry, actor=helper, text="200")
    message = incoming.receive(mail(inquiry).as_bytes())
    inquiry.refresh_from_db()
    assert (message.text, message.from_asker, inquiry.state) == ("Thank you.", True, InquiryState.OPEN)


def test_an_editor_answers_by_mail_and_so_does_a_city(inquiry, helper, city, clerk):  # noqa: F811
    incoming.receive(mail(inquiry, "eve@alliance.example", "200 rows.").as_bytes())
    inquiry.refresh_from_db()
    assert inquiry.state == InquiryState.ANSWERED
    assert inquiry.messages.last().author == helper
    to_city = asked(topic=InquiryTopic.CITY, organisation=city)
    incoming.receive(mail(to_city, "clerk@gdansk.example", "Three.", Message_ID="<2@mail.example>").as_bytes())
    assert to_city.messages.last().organisation == city


def test_the_same_mail_is_taken_once_however_often_it_is_handed_over(inquiry):
    data = mail(inquiry).as_bytes()
    assert incoming.receive(data) is not None
    assert incoming.receive(data) is None
    nameless = mail(inquiry, text="No name", Message_ID="").as_bytes()
    assert incoming.receive(nameless) is not None
    assert incoming.receive(nameless) is None
    assert received(inquiry) == ["Thank you.", "No name"]


def test_the_mail_system_may_tell_the_recipient_and_change_capitals(inquiry):
    address = tickets.reply_address(inquiry.number, "zoe@example.org")
    assert incoming.receive(mail(inquiry, To="undisclosed@x.example").as_bytes(), address.upper()) is not None


def test_signatures_of_an_older_key_are_still_good(inquiry, settings):
    data = mail(inquiry).as_bytes()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, [settings.SECRET_KEY]
    assert incoming.receive(data) is not None


@pytest.mark.parametrize(
    "quotation",
    [
        "On Tue, 24 Nov 2026 at 10:00, Portal <portal@x.example> wrote:\n> 200 rows.\n> \n> Eve",
        "On Tue, 24 Nov 2026 at 10:00, Portal\n<portal@x.example> wrote:\n> 200 rows.",
        "El mar, 24 nov 2026 a las 10:00, Portal (<portal@x.example>) escribió:\n> 200 rows.",
        "-----Original Message-----\nFrom: Portal\n\n200 rows.",
        "________________________________\nFrom: Portal <portal@x.example>\n200 rows.",
        "From: Portal <portal@x.example>\nSent: Tuesday\n\n200 rows.",
        "-- \nZoe\n200 rows.",
        "> 200 rows.",
    ],
)
def test_what_is_quoted_is_left_out(inquiry, quotation):
    incoming.receive(mail(inquiry, text=f"First line.\n\nFrom here on it works.\n\n{quotation}\n").as_bytes())
    assert received(inquiry) == ["First line.\n\nFrom here on it works."]


def test_html_alone_becomes_words(inquiry):
    message = mail(inquiry)
    message.set_content(
        "<html><head><title>x</title><style>p {}</style></head><body><p>Thank&nbsp;you,<br>all <b>good</b>.</p>"
        "<script>alert(1)</script><blockquote>200 rows.</blockquote></body></html>",
        subtype="html",
    )
    incoming.receive(message.as_bytes())
    (text,) = received(inquiry)
    assert [line.strip() for line in text.splitlines() if line.strip()] == ["Thank you,", "all good."]


def test_a_text_is_cut_and_cleaned(inquiry):
    incoming.receive(mail(inquiry, text="a\x07b" + "x" * 30_000).as_bytes())
    (text,) = received(inquiry)
    assert text.startswith("abx")
    assert len(text) == inquiries.LONGEST_TEXT


# --- refused ---------------------------------------------------------------------------------------------------------
def forged(inquiry):
    number, signature = tickets.find([tickets.reply_address(inquiry.number, "zoe@example.org")])
    return {
        "another signature": mail(inquiry, To=f"ticket+{number}.{'0' * len(signature)}@portal.example"),
        "another ticket": mail(inquiry, To=f"ticket+{number + 1}.{signature}@portal.example"),
        "no signature": mail(inquiry, To=f"ticket+{number}@portal.example"),
        "another host": mail(inquiry, To=f"ticket+{number}.{signature}@elsewhere.example"),
        "a foreign sender with the signature of who asked": mail(
            inquiry, "mallory@evil.example", To=f"ticket+{number}.{signature}@portal.example"
        ),
        "an editor with the signature of who asked": mail(
            inquiry, "eve@alliance.example", To=f"ticket+{number}.{signature}@portal.example"
        ),
        "a sender with a signature of its own who may not answer": mail(inquiry, "member@example.org"),
        "two senders": mail(inquiry, From="zoe@example.org, mallory@evil.example"),
        "no sender": mail(inquiry, From=""),
    }


@pytest.mark.parametrize("name", [
    "another signature", "another ticket", "no signature", "another host",
    "a foreign sender with the signature of who asked", "an editor with the signature of who asked",
    "a sender with a signature of its own who may not answer", "two senders", "no sender",
])  # fmt: skip
def test_who_was_not_written_to_cannot_answer(inquiry, name):
    User.objects.create_user("member@example.org")
    with pytest.raises(incoming.Refused, match="not an address that the portal has given") as refused:
        incoming.receive(forged(inquiry)[name].as_bytes())
    assert refused.value.is_foreign
    assert not refused.value.is_silent


def test_who_may_no_longer_answer_is_refused(inquiry, helper):
    User.objects.filter(pk=helper.pk).update(is_staff=False)
    with pytest.raises(incoming.Refused):
        incoming.receive(mail(inquiry, "eve@alliance.example").as_bytes())


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; x=y"},
        {"Precedence": "bulk"},
        {"Precedence": "auto_reply"},
        {"X_Autoreply": "yes"},
        {"List_Id": "<list.example.org>"},
        {"Return_Path": "<>"},
        {"From": "MAILER-DAEMON@mail.example"},
        {"From": "ticket@portal.example"},
        {"From": "ticket+1.aaaa@portal.example"},
    ],
    ids=str,
)
def test_what_programs_send_by_themselves_is_dropped_silently(inquiry, headers):
    with pytest.raises(incoming.Refused) as refused:
        incoming.receive(mail(inquiry, **headers).as_bytes())
    assert refused.value.is_silent
    assert received(inquiry) == []


def test_our_own_mail_that_comes_back_is_dropped(inquiry, settings, mails):
    from alliance.members import sending

    sending.send_waiting()
    for message in mails:
        with pytest.raises(incoming.Refused) as refused:
            incoming.receive(message.message().as_bytes())
        assert refused.value.is_silent


def test_a_person_who_says_that_no_program_wrote_is_heard(inquiry):
    assert incoming.receive(mail(inquiry, Auto_Submitted="no").as_bytes()) is not None


def test_a_program_that_hides_what_it_is_stops_after_some_mails(inquiry):
    for number in range(inquiries.MESSAGES_AN_HOUR - 1):
        incoming.receive(mail(inquiry, Message_ID=f"<{number}@loop.example>").as_bytes())
    with pytest.raises(incoming.Refused, match="Too many"):
        incoming.receive(mail(inquiry, Message_ID="<last@loop.example>").as_bytes())


def test_too_large_empty_and_broken_mails_are_refused_with_a_sentence(inquiry):
    with pytest.raises(incoming.Refused, match="larger than 2 MB"):
        incoming.receive(mail(inquiry, text="x" * incoming.LARGEST_BYTES).as_bytes())
    with pytest.raises(incoming.Refused, match="no text of its own"):
        incoming.receive(mail(inquiry, text="> only what you wrote\n").as_bytes())
    broken = mail(inquiry).as_bytes().replace(b'charset="utf-8"', b'charset="no-such"')
    with pytest.raises(incoming.Refused, match="cannot be read"):
        incoming.receive(broken)
    for data in (b"", b"\xff\xfe\x00", b"From: =?x?\n\n", b"To: (((((\nFrom: <\n\nx"):
        with pytest.raises(incoming.Refused):
            incoming.receive(data)
    assert received(inquiry) == []


def test_without_a_ticket_address_no_mail_is_taken_and_none_is_asked_for(inquiry, settings):
    data = mail(inquiry).as_bytes()
    settings.TICKET_ADDRESS = ""
    assert "Reply-To" not in tickets.reply_headers(inquiry.number, "zoe@example.org")
    with pytest.raises(incoming.Refused):
        incoming.receive(data)


# --- the command -----------------------------------------------------------------------------------------------------
class Input:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def piped(monkeypatch, data: bytes) -> int:
    """The exit status that the mail system sees."""
    monkeypatch.setattr("sys.stdin", Input(data))
    try:
        call_command("receive_mail", stdout=io.StringIO(), stderr=io.StringIO())
    except CommandError as error:
        return error.returncode
    return 0


def test_the_mail_system_hears_what_to_do(inquiry, monkeypatch):
    good = mail(inquiry).as_bytes()
    assert [piped(monkeypatch, good), piped(monkeypatch, good)] == [0, 0]
    assert InquiryMessage.objects.exclude(received_id=None).count() == 1
    assert piped(monkeypatch, mail(inquiry, Precedence="bulk").as_bytes()) == 0
    assert piped(monkeypatch, mail(inquiry, "mallory@evil.example").as_bytes()) == 77
    assert piped(monkeypatch, b"x" * (incoming.LARGEST_BYTES + 5)) == 65
