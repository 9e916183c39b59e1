"""Tickets: a question is asked, confirmed by e-mail, goes to whoever answers, and stands as a thread until it is done.

No side learns the other's address: mails come from the portal, and answers go to the ticket.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from alliance.members import mailing, policies, tickets
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

#: Roles that answer for an organisation.
ANSWERING = (Role.OWNER, Role.CONTRIBUTOR)
#: Who does not confirm the address within this time has not asked.
UNCONFIRMED_FOR = timedelta(days=7)
#: A ticket takes so many messages an hour from who asked: a program that answers itself stops here.
MESSAGES_AN_HOUR = 20
LONGEST_TEXT = 20_000


class ChangedMeanwhile(Exception):  # noqa: N818  (what happened, not a fault)
    """Somebody wrote into the ticket after the page was shown: 412."""


class TooManyMessages(Exception):  # noqa: N818
    """More messages came for one ticket than people write."""


# --- who -------------------------------------------------------------------------------------------------------------
def visible_to(user: Any) -> QuerySet[Inquiry]:
    """Tickets that a person may read and answer: editors all, others those that were asked of their organisations."""
    tickets_ = Inquiry.objects.exclude(state=InquiryState.UNVERIFIED)
    if policies.is_editor(user):
        return tickets_
    return tickets_.filter(organisation__in=Organisation.objects.of(user, *ANSWERING))


def may_answer(user: Any, inquiry: Inquiry) -> bool:
    """Editors, and whoever answers for the organisation that was asked."""
    if inquiry.state == InquiryState.UNVERIFIED:
        return False
    if policies.is_editor(user):
        return True
    if inquiry.organisation is None:
        return False
    return Organisation.objects.of(user, *ANSWERING).filter(pk=inquiry.organisation.pk).exists()


def answers_for(user: User, inquiry: Inquiry) -> Organisation | None:
    """The organisation in whose name a person answers; None: for the Alliance."""
    asked = inquiry.organisation
    if asked is not None and Organisation.objects.of(user, *ANSWERING).filter(pk=asked.pk).exists():
        return asked
    return None


def answering(inquiry: Inquiry) -> list[User]:
    """Whom mail about a ticket goes to: those who answer for the organisation, or the editor whose ticket it is."""
    if inquiry.organisation is not None:
        memberships = Membership.objects.current(None, *ANSWERING).filter(organisation=inquiry.organisation)
        found = list(User.objects.filter(pk__in=memberships.values("user"), is_active=True).order_by("pk"))
        if found:
            return found
    editor = inquiry.assigned_to
    return [editor] if editor is not None and policies.is_editor(editor) else list(editors_of(inquiry.topic))


def editors_of(topic: str) -> QuerySet[User]:
    """The editors of a topic; all editors where none is named."""
    editors = User.objects.filter(is_staff=True, is_active=True)
    named = editors.filter(pk__in=TopicEditor.objects.filter(topic=topic).values("user"))
    return named if named.exists() else editors


def next_editor(topic: str) -> User | None:
    """The editor of a topic with the fewest open tickets."""
    is_open = Q(assigned_inquiries__state=InquiryState.OPEN)
    return editors_of(topic).annotate(load=Count("assigned_inquiries", filter=is_open)).order_by("load", "pk").first()


# --- asking ----------------------------------------------------------------------------------------------------------
@transaction.atomic
def ask(
    *,
    key: str,
    topic: str,
    subject: str,
    text: str,
    email: str,
    language: str,
    name: str = "",
    user: User | None = None,
    organisation: Organisation | None = None,
    about_path: str = "",
    may_be_published: bool = False,
) -> Inquiry:
    """Take a question; its address must be confirmed before anybody sees it. The same key again changes nothing.

    Args:
        key: 43 characters that nobody can guess; the page of who asks is found by it.
        user: who asks, when signed in.
        organisation, about_path: of a question to a city.
    """
    inquiry, is_new = Inquiry.objects.get_or_create(
        key=key,
        defaults={
            "topic": topic,
            "subject": subject,
            "email": email,
            "language": language,
            "name": name,
            "user": user,
            "organisation": organisation,
            "about_path": about_path,
            "may_be_published": may_be_published,
        },
    )
    if is_new:
        InquiryMessage.objects.create(inquiry=inquiry, from_asker=True, author=user, text=text)
        mailing.queue(
            to=email,
            purpose="inquiry-confirm",
            reference=str(inquiry.pk),
            template="members/mail/inquiry_confirm",
            context={"inquiry": inquiry, "path": path_of(inquiry)},
            language=language,
        )
    return inquiry


def path_of(inquiry: Inquiry) -> str:
    """The page of who asked: a secret."""
    return reverse("contact:ticket", args=[inquiry.key])


def lock(inquiry: Inquiry, version: int | None = None) -> Inquiry:
    """The ticket as it is now, until the transaction ends. Raises: ChangedMeanwhile."""
    inquiry = Inquiry.objects.select_for_update(of=("self",)).get(pk=inquiry.pk)
    if version is not None and inquiry.version != version:
        raise ChangedMeanwhile
    return inquiry


@transaction.atomic
def confirm(*, inquiry: Inquiry) -> Inquiry:
    """The address is the asker's: number the ticket and pass it on. A second call changes nothing."""
    inquiry = lock(inquiry)
    if inquiry.state != InquiryState.UNVERIFIED:
        return inquiry
    inquiry.number, inquiry.opened_at = tickets.next_number(), timezone.now()
    inquiry.state = InquiryState.OPEN
    if inquiry.organisation is None:
        inquiry.assigned_to = next_editor(inquiry.topic)
    inquiry.save()
    mailing.queue(
        to=inquiry.email,
        purpose="inquiry-opened",
        reference=str(inquiry.pk),
        template="members/mail/inquiry_opened",
        context={"inquiry": inquiry, "path": path_of(inquiry)},
        language=inquiry.language,
        headers=tickets.reply_headers(inquiry.number, inquiry.email),
    )
    _tell_answering(inquiry, inquiry.messages.get())
    return inquiry


@transaction.atomic
def add_question(*, inquiry: Inquiry, text: str, received_id: str | None = None) -> InquiryMessage:
    """Who asked writes again; a ticket that was answered or closed is open anew.

    Raises: PermissionDenied before the address is confirmed; TooManyMessages.
    """
    inquiry = lock(inquiry)
    if inquiry.state == InquiryState.UNVERIFIED:
        raise PermissionDenied
    an_hour_ago = timezone.now() - timedelta(hours=1)
    if inquiry.messages.filter(from_asker=True, created_at__gt=an_hour_ago).count() >= MESSAGES_AN_HOUR:
        raise TooManyMessages
    message = InquiryMessage.objects.create(
        inquiry=inquiry, from_asker=True, author=inquiry.user, text=text[:LONGEST_TEXT], received_id=received_id
    )
    inquiry.state = InquiryState.OPEN
    inquiry.save()
    _tell_answering(inquiry, message)
    return message


@transaction.atomic
def agree(*, inquiry: Inquiry, may_be_published: bool) -> Inquiry:
    """Who asked says whether question and answer may stand on the page that was asked about; can be taken back."""
    inquiry = lock(inquiry)
    inquiry.may_be_published = may_be_published
    inquiry.save()
    return inquiry


# --- answering -------------------------------------------------------------------------------------------------------
@transaction.atomic
def answer(
    *,
    inquiry: Inquiry,
    actor: User,
    text: str,
    is_internal: bool = False,
    is_public_note: bool = False,
    version: int | None = None,
    received_id: str | None = None,
) -> InquiryMessage:
    """Answer who asked, or leave a note among editors.

    Args: version: of the ticket that the writer saw.
    Raises: PermissionDenied; ChangedMeanwhile.
    """
    inquiry = lock(inquiry, version)
    if not may_answer(actor, inquiry) or (is_internal and not policies.is_editor(actor)):
        raise PermissionDenied
    message = InquiryMessage.objects.create(
        inquiry=inquiry,
        author=actor,
        organisation=answers_for(actor, inquiry),
        text=text[:LONGEST_TEXT],
        is_internal=is_internal,
        is_public_note=is_public_note and not is_internal and bool(inquiry.about_path),
        received_id=received_id,
    )
    if not is_internal:
        inquiry.state, inquiry.answered_at = InquiryState.ANSWERED, inquiry.answered_at or timezone.now()
        mailing.queue(
            to=inquiry.email,
            purpose="inquiry-answer",
            reference=str(message.pk),
            template="members/mail/inquiry_answer",
            context={"inquiry": inquiry, "message": message, "path": path_of(inquiry)},
            language=inquiry.language,
            headers=tickets.reply_headers(inquiry.number or 0, inquiry.email),
        )
    if inquiry.organisation is None and inquiry.assigned_to is None and policies.is_editor(actor):
        inquiry.assigned_to = actor
    inquiry.save()
    return message


@transaction.atomic
def close(*, inquiry: Inquiry, actor: User | None = None) -> Inquiry:
    """It is done; who asked can open it again by writing. Without an actor it is who asked that closes.

    Raises: PermissionDenied.
    """
    inquiry = lock(inquiry)
    if inquiry.state == InquiryState.UNVERIFIED or (actor is not None and not may_answer(actor, inquiry)):
        raise PermissionDenied
    inquiry.state = InquiryState.CLOSED
    inquiry.save()
    return inquiry


@transaction.atomic
def assign(*, inquiry: Inquiry, actor: User, editor: User) -> Inquiry:
    """Hand a ticket to another editor, who gets its last question by mail. Raises: PermissionDenied."""
    inquiry = lock(inquiry)
    if not (policies.is_editor(actor) and policies.is_editor(editor)):
        raise PermissionDenied
    if inquiry.assigned_to != editor:
        inquiry.assigned_to = editor
        inquiry.save()
        _mail_question([editor], inquiry, inquiry.messages.filter(from_asker=True).last())
    return inquiry


@transaction.atomic
def set_public_note(*, message: InquiryMessage, actor: User, is_public_note: bool) -> None:
    """The answering side says whether its answer may stand on the page; can be taken back. Raises: PermissionDenied."""
    inquiry = lock(message.inquiry)
    if message.from_asker or message.is_internal or not may_answer(actor, inquiry):
        raise PermissionDenied
    message.is_public_note = is_public_note
    message.save(update_fields=["is_public_note"])


# --- mails -----------------------------------------------------------------------------------------------------------
def _tell_answering(inquiry: Inquiry, message: InquiryMessage) -> None:
    _mail_question(answering(inquiry), inquiry, message)


def _mail_question(people: Iterable[User], inquiry: Inquiry, message: InquiryMessage | None) -> None:
    for user in people:
        mailing.queue(
            to=user.email,
            purpose="inquiry-question",
            reference=str(message.pk if message else inquiry.pk),
            template="members/mail/inquiry_question",
            context={
                "inquiry": inquiry,
                "message": message,
                "path": reverse("contact:inquiry", args=[inquiry.number]),
            },
            language=user.language,
            headers=tickets.reply_headers(inquiry.number or 0, user.email),
        )


# --- notes on public pages -------------------------------------------------------------------------------------------
def public_notes(path: str) -> list[tuple[Inquiry, list[InquiryMessage]]]:
    """Questions about a page with the answers that both sides agreed to publish, oldest first.

    Returns: each question with its answers.
    """
    agreed = (
        InquiryMessage.objects.filter(
            is_public_note=True, is_internal=False, from_asker=False, inquiry__may_be_published=True
        )
        .filter(inquiry__about_path=path)
        .exclude(inquiry__state=InquiryState.UNVERIFIED)
        .select_related("inquiry", "organisation")
        .order_by("inquiry__opened_at", "created_at", "pk")
    )
    found: dict[int, tuple[Inquiry, list[InquiryMessage]]] = {}
    for message in agreed:
        found.setdefault(message.inquiry_id, (message.inquiry, []))[1].append(message)
    return list(found.values())


def forget_unconfirmed() -> int:
    """Delete what was never confirmed. Returns: how many questions."""
    old = Inquiry.objects.filter(state=InquiryState.UNVERIFIED, created_at__lt=timezone.now() - UNCONFIRMED_FOR)
    return old.delete()[1].get(Inquiry._meta.label, 0)


def topics() -> list[tuple[str, str]]:
    """What the form of /contact/ offers."""
    return [(topic.value, str(topic.label)) for topic in InquiryTopic if topic != InquiryTopic.CITY]
