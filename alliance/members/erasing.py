"""Erasing a person: what is the person's own goes, what the person wrote for others stays under a pseudonym.

Evidence does not break: reports, reviews and checks keep an author, `Former member 12`, of whom nothing is known any
more. The change log keeps who (`user 12`), when and which row, without the words that were personal.
"""

import re

from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from alliance.core.models import Record
from alliance.core.postgresql import statement_timeout
from alliance.events import forgetting
from alliance.members import belonging, personal_data
from alliance.members.models import (
    Application,
    ApplicationMessage,
    Digest,
    Inquiry,
    InquiryMessage,
    InquiryState,
    Interest,
    Invitation,
    Mail,
    Membership,
    Notification,
    Organisation,
    OrganisationKind,
    Role,
    User,
)

#: What stands instead of words that were the person's.
ERASED = "Erased at the person's request."
#: Rows of the person that are not deleted: old records name them. They end, and lose their notes.
_ENDED = (Membership, Interest)
#: Models whose texts are scrubbed by functions of their own.
_TOLD_ELSEWHERE = {Application, Inquiry, LogEntry, Notification, User}


class HandOverFirstError(ValidationError):
    """The person is the last owner of organisations that others need."""

    def __init__(self, organisations: list[Organisation]) -> None:
        names = "; ".join(one.name for one in organisations)
        super().__init__(
            _("You are the last owner of %(names)s. Make somebody else an owner first, or ask the chair to.")
            % {"names": names}
        )


def pseudonym_of(user: User) -> str:
    """The name under which what a person wrote stays."""
    return f"Former member {user.pk}"


def address_of(user: User) -> str:
    """An address that is nobody's (RFC 2606)."""
    return f"former-member-{user.pk}@erased.invalid"


def owned_alone(user: User) -> tuple[list[Organisation], list[Organisation]]:
    """Organisations whose last owner a person is: those to hand over, and those that are the person itself."""
    to_hand_over: list[Organisation] = []
    itself: list[Organisation] = []
    for membership in Membership.objects.current(user, Role.OWNER).select_related("organisation"):
        organisation = membership.organisation
        if not belonging.is_last_owner(membership):
            continue
        others = Membership.objects.current().filter(organisation=organisation).exclude(user=user)
        is_itself = organisation.kind == OrganisationKind.INDIVIDUAL and not others.exists()
        (itself if is_itself else to_hand_over).append(organisation)
    return to_hand_over, itself


def erase(*, user: User) -> None:
    """Erase a person. It cannot be undone. Raises: HandOverFirstError."""
    # The log is read as a whole, which may take longer than a page may.
    with statement_timeout(0), transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        Organisation.objects.select_for_update().filter(memberships__user=user)
        to_hand_over, itself = owned_alone(user)
        if to_hand_over:
            raise HandOverFirstError(to_hand_over)
        addresses = personal_data.addresses_of(user)
        given = _addresses_given(user)
        _scrub_organisations(user, itself)
        _scrub_applications(user, addresses)
        _scrub_inquiries(user, addresses)
        _end(user)
        _forget_mentions(user, addresses)
        _forget_in_dialogue(user, addresses)
        _delete_own(user, addresses)
        _pseudonymise(user)
        for address in addresses:
            forgetting.replace(address, address_of(user))
        # Others may share these: only what was sent to them goes.
        for address in given:
            Mail.objects.filter(to__iexact=address).delete()


def _addresses_given(user: User) -> set[str]:
    """Addresses that the person gave with questions and applications, and that are none of the account."""
    return {
        address.lower()
        for model in (Inquiry, Application)
        for address in model._default_manager.filter(user=user).values_list("email", flat=True)
    }


def _end(user: User) -> None:
    Membership.objects.current(user).update(ended_at=timezone.now())
    interests = Interest.objects.filter(user=user)
    interests.current().update(ended_on=timezone.now().date())
    interests.update(note="")
    ids = list(interests.values_list("pk", flat=True))
    forgetting.overwrite(Interest._meta.db_table, ids, {"note": ""})


def _delete_own(user: User, addresses: list[str]) -> None:
    keys = list(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    for model, link in personal_data.links():
        if personal_data.is_own(link) and model not in _ENDED:
            model._default_manager.filter(**{link.name: user}).delete()
    for address in addresses:
        Mail.objects.filter(to__iexact=address).delete()
        Invitation.objects.filter(email__iexact=address).delete()


def _pseudonymise(user: User) -> None:
    user.email, user.name = address_of(user), pseudonym_of(user)
    user.is_active = user.is_staff = user.is_superuser = False
    user.digest, user.last_login = Digest.NEVER, None
    user.set_unusable_password()
    user.groups.clear()
    user.user_permissions.clear()
    user.save()


def _asked_by(user: User, addresses: list[str], link: str = "") -> Q:
    found = Q(**{f"{link}user": user})
    for address in addresses:
        found |= Q(**{f"{link}email__iexact": address})
    return found


def _scrub_applications(user: User, addresses: list[str]) -> None:
    """What was said to become a member; the organisation, its kind and its country stay."""
    mine = Application.objects.filter(_asked_by(user, addresses))
    ids = list(mine.values_list("pk", flat=True))
    scrubbed = {
        "person_name": pseudonym_of(user),
        "email": address_of(user),
        "reason": ERASED,
        "details": {},
        "website": "",
        "place": "",
    }
    of_individuals = list(mine.filter(kind=OrganisationKind.INDIVIDUAL).values_list("pk", flat=True))
    ApplicationMessage.objects.filter(application__in=ids).update(text=ERASED)
    decided = list(mine.exclude(decision="").values_list("pk", flat=True))
    mine.filter(pk__in=decided).update(decision=ERASED)
    Application.objects.filter(pk__in=of_individuals).update(organisation_name=pseudonym_of(user))
    Application.objects.filter(pk__in=ids).update(**scrubbed, user=user)
    forgetting.overwrite(Application._meta.db_table, ids, scrubbed)
    forgetting.overwrite(Application._meta.db_table, decided, {"decision": ERASED})
    forgetting.overwrite(Application._meta.db_table, of_individuals, {"organisation_name": pseudonym_of(user)})


def _scrub_inquiries(user: User, addresses: list[str]) -> None:
    """What the person asked, with the answers, which were written to the person; figures keep the dates."""
    mine = Inquiry.objects.filter(_asked_by(user, addresses))
    ids = list(mine.values_list("pk", flat=True))
    mine.filter(state=InquiryState.UNVERIFIED).delete()
    messages = InquiryMessage.objects.filter(inquiry__in=ids)
    # Mails to those who answer hold the question until they are sent.
    references = [str(pk) for pk in messages.values_list("pk", flat=True)]
    Mail.objects.filter(purpose="inquiry-question", reference__in=references).delete()
    messages.update(text=ERASED, is_public_note=False, received_id=None)
    Inquiry.objects.filter(pk__in=ids).update(
        name=pseudonym_of(user),
        email=address_of(user),
        subject=ERASED,
        may_be_published=False,
        state=InquiryState.CLOSED,
        user=user,
    )
    InquiryMessage.objects.filter(author=user).update(received_id=None)


def _scrub_organisations(user: User, itself: list[Organisation]) -> None:
    """A member that was the person alone keeps its place under the pseudonym."""
    for organisation in itself:
        scrubbed = {
            "name": pseudonym_of(user),
            "slug": f"former-member-{user.pk}-{organisation.pk}",
            "url": "",
            "about": "",
            "place": "",
        }
        if len(itself) > 1:
            scrubbed["name"] += f" ({organisation.pk})"
        Organisation.objects.filter(pk=organisation.pk).update(**scrubbed, member_since=None)
        forgetting.overwrite(Organisation._meta.db_table, [organisation.pk], scrubbed)


def _forget_mentions(user: User, addresses: list[str]) -> None:
    """Notifications and mails to others that name the person, and what the administration wrote down."""
    names = [name for name in (user.name, *addresses) if name]
    for name in names:
        for notification in Notification.objects.filter(values__icontains=name).exclude(user=user):
            notification.values = {
                key: pseudonym_of(user) if str(value).casefold() == name.casefold() else value
                for key, value in notification.values.items()
            }
            notification.save(update_fields=["values"])
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names), re.IGNORECASE)

    def without(text: str) -> str:
        return pattern.sub(pseudonym_of(user), text)

    mails = Q()
    entries = Q(object_id=str(user.pk), content_type__app_label=User._meta.app_label, content_type__model="user")
    for name in names:
        mails |= Q(subject__icontains=name) | Q(body__icontains=name) | Q(error__icontains=name)
        entries |= Q(object_repr__icontains=name) | Q(change_message__icontains=name)
    for mail in Mail.objects.filter(mails):
        mail.subject, mail.body, mail.error = without(mail.subject), without(mail.body), without(mail.error)
        mail.save(update_fields=["subject", "body", "error"])
    for entry in LogEntry.objects.filter(entries):
        entry.object_repr, entry.change_message = without(entry.object_repr), without(entry.change_message)
        entry.save(update_fields=["object_repr", "change_message"])


def _forget_in_dialogue(user: User, addresses: list[str]) -> None:
    """What people said to each other, and called their files: the full name and the addresses go from the texts, which
    stay. Reports and records themselves are evidence, and stay as they are; a name of one word is many people's."""
    names = [*addresses, *([user.name] if len(user.name.split()) > 1 else [])]
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names), re.IGNORECASE)
    linked = {model for model, link in personal_data.links() if not personal_data.is_own(link)}
    for model in sorted(linked - _TOLD_ELSEWHERE, key=lambda one: one._meta.label):
        if issubclass(model, Record):
            continue
        fields = [
            field
            for field in model._meta.concrete_fields
            if isinstance(field, models.CharField | models.TextField)
            and not (isinstance(field, models.EmailField) or field.choices or field.unique)
        ]
        mentions = Q()
        for field in fields:
            for name in names:
                mentions |= Q(**{f"{field.name}__icontains": name})
        for row in model._default_manager.filter(mentions) if mentions else ():
            texts = {
                field.name: pattern.sub(pseudonym_of(user), getattr(row, field.name))[: field.max_length]
                for field in fields
            }
            model._default_manager.filter(pk=row.pk).update(**texts)
