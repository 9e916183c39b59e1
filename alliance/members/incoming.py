"""Mail that answers a ticket: read, judged, and added to the thread.

Refused is what is not a person's answer to a mail of ours: another signature or sender than we wrote to, what programs
send by themselves (answers of absence, reports of failed delivery, lists, our own mail), and what is too large. A mail
that was taken is not taken again, however often the mail system hands it over.
"""

import hashlib
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses
from html.parser import HTMLParser

from django.db import transaction

from alliance.members import inquiries, tickets
from alliance.members.models import Inquiry, InquiryMessage, User

LARGEST_BYTES = 2_000_000
_BULK = {"bulk", "list", "junk", "auto_reply"}
#: The first line of what was answered to, in the ways of mail programs; after it nothing is new.
_QUOTED_FROM = re.compile(
    r"^\s*(?:-{2,}\s*(?:original message|forwarded message|mensaje original|الرسالة الأصلية)\s*-{2,}|_{10,}"
    r"|(?:on|am|el|le|em)\s.{4,300}(?:wrote|schrieb|escribió|a écrit|escreveu)\s?:|.{0,200}كتب.{0,100}:"
    r"|(?:from|von|de|من)\s?:\s.{0,200}@.{0,200})\s*$",
    re.IGNORECASE,
)
_TWO_LINES = re.compile(
    r"^((?:on|am|el|le|em)\s[^\n]{4,200})\n([^\n]{0,200}(?:wrote|schrieb|escribió|écrit|escreveu)\s?:)", re.I | re.M
)


class Refused(Exception):  # noqa: N818
    """Not taken. `is_silent`: nobody is told, because a program sent it; `is_foreign`: it is not for the sender."""

    def __init__(self, reason: str, *, is_silent: bool = False, is_foreign: bool = False) -> None:
        super().__init__(reason)
        self.is_silent, self.is_foreign = is_silent, is_foreign


def receive(data: bytes, recipient: str = "") -> InquiryMessage | None:
    """Take one mail as it came.

    Args: recipient: whom the mail system got it for; empty: as its headers say.
    Returns: the message that it became; None when it was taken before.
    Raises: Refused.
    """
    if len(data) > LARGEST_BYTES:
        raise Refused(f"The mail is larger than {LARGEST_BYTES // 1_000_000} MB. Send text without attachments.")
    mail = message_from_bytes(data, policy=policy.default)
    if reason := program_of(mail):
        raise Refused(f"A program sent this by itself: {reason}.", is_silent=True)
    inquiry, sender = ticket_of(mail, recipient)
    received_id = id_of(mail, data)
    if InquiryMessage.objects.filter(received_id=received_id).exists():
        return None
    text = new_text(mail)
    if not text:
        raise Refused("The mail holds no text of its own. Write above what you answer to.")
    with transaction.atomic():
        inquiry = inquiries.lock(inquiry)  # two deliveries of one mail at once: the second sees what the first wrote
        if InquiryMessage.objects.filter(received_id=received_id).exists():
            return None
        if sender is None:
            try:
                return inquiries.add_question(inquiry=inquiry, text=text, received_id=received_id)
            except inquiries.TooManyMessages as error:
                raise Refused("Too many mails in an hour for one ticket.", is_silent=True) from error
        return inquiries.answer(inquiry=inquiry, actor=sender, text=text, received_id=received_id)


def _values(mail: EmailMessage, name: str) -> list[str]:
    """The values of a header; one that cannot be read is none."""
    try:
        return [str(value) for value in mail.get_all(name, [])]
    except (ValueError, LookupError, IndexError, AttributeError):
        return []


def program_of(mail: EmailMessage) -> str:
    """What tells that no person wrote this; empty when nothing does (RFC 3834)."""
    for value in _values(mail, "Auto-Submitted"):
        if value.split(";")[0].strip().lower() != "no":
            return "Auto-Submitted"
    if any(value.strip().lower() in _BULK for value in _values(mail, "Precedence")):
        return "Precedence"
    for name in ("List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond", "X-Auto-Response-From"):
        if mail.get_all(name):
            return name
    if any(value.strip() in ("<>", "") for value in _values(mail, "Return-Path")):
        return "Return-Path"
    if mail.get_content_type() in ("multipart/report", "message/delivery-status"):
        return "a report"
    sender = sender_of(mail)
    if re.match(r"(?:mailer-daemon|postmaster|no-?reply)@", sender, re.IGNORECASE) or tickets.is_ours(sender):
        return "From"
    return ""


def sender_of(mail: EmailMessage) -> str:
    """The one address of From; empty when there is none or more than one."""
    found = [address for _name, address in getaddresses(_values(mail, "From")) if address]
    return found[0].lower() if len(found) == 1 else ""


def ticket_of(mail: EmailMessage, recipient: str) -> tuple[Inquiry, User | None]:
    """The ticket that is answered, and who answers; None: who asked. Raises: Refused.

    The reason is the same whether the ticket, the signature or the sender is wrong: it tells nobody which tickets
    there are.
    """
    wrong = "This is not an address that the portal has given to the sender. Answer from the address that got the mail."
    headers = ("Delivered-To", "X-Original-To", "To", "Cc")
    found = tickets.find([recipient] if recipient else [v for name in headers for v in _values(mail, name)])
    sender = sender_of(mail)
    if found is None or not sender:
        raise Refused(wrong, is_foreign=True)
    number, signature = found
    inquiry = Inquiry.objects.filter(number=number).first()
    if inquiry is None or not tickets.is_signature(signature, number, sender):
        raise Refused(wrong, is_foreign=True)
    if sender == inquiry.email.lower():
        return inquiry, None
    user = User.objects.filter(email__iexact=sender, is_active=True).first()
    if user is None or not inquiries.may_answer(user, inquiry):
        raise Refused(wrong, is_foreign=True)
    return inquiry, user


def id_of(mail: EmailMessage, data: bytes) -> str:
    """What names this mail: its Message-ID, or a digest of all of it."""
    told = " ".join(_values(mail, "Message-ID")).strip()
    if 3 <= len(told) <= 200:
        return told
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


# --- text ------------------------------------------------------------------------------------------------------------
class _Text(HTMLParser):
    """The words of an HTML mail, without what it quotes."""

    BREAKS = frozenset({"p", "div", "br", "li", "tr", "h1", "h2", "h3", "blockquote"})
    LEFT_OUT = frozenset({"script", "style", "head", "title", "blockquote"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.LEFT_OUT:
            self.depth += 1
        if tag in self.BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.LEFT_OUT:
            self.depth = max(0, self.depth - 1)

    def handle_data(self, data: str) -> None:
        if not self.depth:
            self.parts.append(re.sub(r"\s+", " ", data))


def new_text(mail: EmailMessage) -> str:
    """What the sender wrote now: without quotations, signature, control characters; at most LONGEST_TEXT characters."""
    try:
        part = mail.get_body(preferencelist=("plain", "html"))
        content = str(part.get_content()) if part is not None else ""
    except (LookupError, ValueError, AttributeError, TypeError):  # unknown encodings, broken parts
        raise Refused("The text of the mail cannot be read. Send it as plain text.") from None
    if part is not None and part.get_content_type() == "text/html":
        parser = _Text()
        parser.feed(content)
        content = "".join(parser.parts)
    return without_quotation(content)[: inquiries.LONGEST_TEXT].strip()


def without_quotation(text: str) -> str:
    """A text up to the line where what it answers to begins."""
    text = _TWO_LINES.sub(r"\1 \2", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept: list[str] = []
    for line in text.split("\n"):
        if line.rstrip("\n") in ("-- ", "--") or _QUOTED_FROM.match(line[:600]):
            break
        if not line.startswith(">"):
            kept.append(line.rstrip())
    told = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]", "", "\n".join(kept))
    return re.sub(r"\n{3,}", "\n\n", told).strip()
