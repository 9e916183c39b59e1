"""Applications for membership: made, confirmed by e-mail, talked about, withdrawn, decided."""

from datetime import timedelta
from typing import Any

from django.contrib.postgres.search import TrigramSimilarity
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from alliance.core.verticals import VerticalCode
from alliance.events import forgetting
from alliance.members import invitations, mailing, notices, policies
from alliance.members.models import (
    Application,
    ApplicationMessage,
    ApplicationState,
    Mail,
    Organisation,
    Role,
)

_SALT = "alliance.members.joining.confirm"
CONFIRMED_WITHIN_SECONDS = 14 * 86_400
#: Longer than the link works.
UNCONFIRMED_FOR = timedelta(days=30)
#: Known organisations that are offered for a name, at least this similar (pg_trgm, 0 to 1).
OFFERED, LEAST_SIMILARITY = 6, 0.35
#: Mails that ask for the same confirmation.
MOST_CONFIRMATION_MAILS = 5
#: Messages of an applicant that the chair has not answered.
MOST_UNANSWERED = 10
OPEN = (ApplicationState.UNVERIFIED, ApplicationState.WAITING)


class DecidedMeanwhile(Exception):  # noqa: N818  (what happened, not a fault)
    """The application does not wait any more: decided by somebody else, or withdrawn."""

    def __init__(self, application: Application) -> None:
        self.application = application
        super().__init__(application.state)


# --- what applicants choose from -------------------------------------------------------------------------------------
def similar_organisations(name: str) -> QuerySet[Organisation]:
    """Known organisations that may be meant by a name, the closest first."""
    close = Q(similarity__gte=LEAST_SIMILARITY) | Q(name__unaccent__iexact=name)
    if len(name) >= 4:
        close |= Q(name__unaccent__icontains=name)
    return (
        Organisation.objects.annotate(similarity=TrigramSimilarity("name", name))
        .filter(close)
        .order_by("-similarity", "name")[:OFFERED]
    )


# --- paths -----------------------------------------------------------------------------------------------------------
def path_of(application: Application) -> str:
    """The applicant's own page, in the applicant's language."""
    with translation.override(application.language):
        return reverse("join:application", args=[application.key])


def confirmation_path(application: Application) -> str:
    token = signing.dumps([application.pk, application.email], salt=_SALT)
    with translation.override(application.language):
        return reverse("join:confirm", args=[token])


def application_of(token: str, *, lock: bool = False) -> Application | None:
    """The application whose address a link confirms; None when the link is forged or too old."""
    try:
        primary_key, email = signing.loads(token, salt=_SALT, max_age=CONFIRMED_WITHIN_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    rows = Application.objects.select_for_update() if lock else Application.objects.all()
    return rows.filter(pk=primary_key, email=email).first()


# --- the applicant ---------------------------------------------------------------------------------------------------
@transaction.atomic
def apply(*, key: str, user: Any, language: str, **fields: Any) -> Application:
    """Write an application. The same key again gives the one that there is.

    Args:
        key: 43 characters that nobody can guess; the applicant's page is found by it.
        user: who is signed in, or nobody. An address that this person has confirmed needs no confirmation.
        fields: of `Application`.
    """
    known = user if user is not None and user.is_authenticated else None
    is_confirmed = known is not None and invitations.is_address_of(known, fields["email"])
    application, is_new = Application.objects.get_or_create(
        key=key,
        defaults={
            **fields,
            "user": known,
            "language": language,
            "state": ApplicationState.WAITING if is_confirmed else ApplicationState.UNVERIFIED,
            "verified_at": timezone.now() if is_confirmed else None,
        },
    )
    if not is_new:
        return application
    if is_confirmed:
        _tell_chairs(application)
    else:
        _ask_for_confirmation(application, 1)
    return application


def _ask_for_confirmation(application: Application, number: int) -> None:
    # Nothing that the sender wrote stands in a mail to an address that is not confirmed.
    mailing.queue(
        to=application.email,
        purpose="application-confirm",
        reference=f"{application.pk}.{number}",
        template="members/mail/application_confirm",
        context={"path": confirmation_path(application), "days": CONFIRMED_WITHIN_SECONDS // 86_400},
        language=application.language,
    )


@transaction.atomic
def ask_again(*, application: Application) -> bool:
    """Send the mail with the link once more. False: it was sent often enough, or is not needed."""
    application = Application.objects.select_for_update().get(pk=application.pk)
    mails = Mail.objects.filter(purpose="application-confirm", reference__startswith=f"{application.pk}.")
    sent = mails.count()
    if application.state != ApplicationState.UNVERIFIED or sent >= MOST_CONFIRMATION_MAILS:
        return False
    _ask_for_confirmation(application, sent + 1)
    return True


@transaction.atomic
def forget_unconfirmed() -> int:
    """Delete applications whose address nobody confirmed, in the log too. Returns: how many."""
    rows = Application.objects.filter(
        state=ApplicationState.UNVERIFIED, created_at__lt=timezone.now() - UNCONFIRMED_FOR
    ).select_for_update()
    ids = list(rows.values_list("pk", flat=True))
    Application.objects.filter(pk__in=ids).delete()
    forgotten = ("key", "email", "person_name", "organisation_name", "reason", "website", "place")
    forgetting.overwrite(Application._meta.db_table, ids, dict.fromkeys(forgotten, "") | {"details": {}})
    return len(ids)


@transaction.atomic
def confirm(*, token: str) -> Application | None:
    """Confirm the address of an application; it waits for the chair from now on. Again, it changes nothing.

    Returns: the application; None when the link is forged or too old.
    """
    application = application_of(token, lock=True)
    if application is not None and application.state == ApplicationState.UNVERIFIED:
        application.state, application.verified_at = ApplicationState.WAITING, timezone.now()
        application.save(update_fields=["state", "verified_at"])
        _tell_chairs(application)
        mailing.queue(
            to=application.email,
            purpose="application-received",
            reference=str(application.pk),
            template="members/mail/application_received",
            context={"organisation": application.organisation_name, "path": path_of(application)},
            language=application.language,
        )
    return application


@transaction.atomic
def withdraw(*, application: Application) -> Application:
    """The applicant takes the application back. Again, it changes nothing.

    Raises: DecidedMeanwhile when the chair was quicker.
    """
    application = Application.objects.select_for_update().get(pk=application.pk)
    if application.state == ApplicationState.WITHDRAWN:
        return application
    if application.state not in OPEN:
        raise DecidedMeanwhile(application)
    application.state = ApplicationState.WITHDRAWN
    application.save(update_fields=["state"])
    return application


@transaction.atomic
def answer(*, application: Application, text: str) -> ApplicationMessage:
    """The applicant writes to the chair. Raises: DecidedMeanwhile; ValidationError when too much waits for a reply."""
    application = Application.objects.select_for_update().get(pk=application.pk)
    if application.state != ApplicationState.WAITING:
        raise DecidedMeanwhile(application)
    newest = list(application.messages.order_by("-created_at", "-pk")[:MOST_UNANSWERED])
    if len(newest) == MOST_UNANSWERED and all(message.from_applicant for message in newest):
        raise ValidationError(_("The chair has not answered yet. Your earlier messages are all here."))
    message = ApplicationMessage.objects.create(application=application, from_applicant=True, text=text)
    notices.tell(
        policies.chairs(),
        kind="application-answered",
        reference=str(message.pk),
        path=f"/membership/{application.pk}/",
        values={"organisation": application.organisation_name},
    )
    return message


# --- the chair -------------------------------------------------------------------------------------------------------
def _tell_chairs(application: Application) -> None:
    notices.tell(
        policies.chairs(),
        kind="application-waits",
        reference=str(application.pk),
        path=f"/membership/{application.pk}/",
        values={"organisation": application.organisation_name},
    )


def _waiting(application: Application, actor: policies.Someone) -> Application:
    """The application, locked. Raises: PermissionDenied; DecidedMeanwhile."""
    if not policies.may_decide(actor):
        raise PermissionDenied
    application = Application.objects.select_for_update().get(pk=application.pk)
    if application.state != ApplicationState.WAITING:
        raise DecidedMeanwhile(application)
    if application.user_id == actor.pk or invitations.is_address_of(actor, application.email):
        raise PermissionDenied(_("Nobody decides on an application of their own."))
    return application


@transaction.atomic
def ask(*, application: Application, actor: policies.Someone, text: str) -> ApplicationMessage:
    """The chair asks the applicant something. Raises: PermissionDenied; DecidedMeanwhile."""
    application = _waiting(application, actor)
    message = ApplicationMessage.objects.create(application=application, author=actor, text=text)
    mailing.queue(
        to=application.email,
        purpose="application-question",
        reference=str(message.pk),
        template="members/mail/application_question",
        context={"organisation": application.organisation_name, "text": text, "path": path_of(application)},
        language=application.language,
    )
    return message


def _decide(application: Application, actor: policies.Someone, state: str, reason: str) -> None:
    application.state, application.decision = state, reason
    application.decided_at, application.decided_by = timezone.now(), actor
    application.full_clean()
    application.save()


@transaction.atomic
def reject(*, application: Application, actor: policies.Someone, reason: str) -> Application:
    """Say no, and why. Raises: PermissionDenied; DecidedMeanwhile; ValidationError without a reason."""
    application = _waiting(application, actor)
    _decide(application, actor, ApplicationState.REJECTED, _required(reason))
    mailing.queue(
        to=application.email,
        purpose="application-decided",
        reference=str(application.pk),
        template="members/mail/application_rejected",
        context={
            "organisation": application.organisation_name,
            "reason": application.decision,
            "path": path_of(application),
        },
        language=application.language,
    )
    return application


@transaction.atomic
def accept(*, application: Application, actor: policies.Someone, reason: str, name: str = "") -> Application:
    """Make the organisation a member, new or known, and invite the applicant as its owner.

    Args:
        name: of a new organisation, where it should be another than the applicant wrote.
    Raises: PermissionDenied; DecidedMeanwhile; ValidationError without a reason, or when the organisation is a member.
    """
    application = _waiting(application, actor)
    reason = _required(reason)
    organisation = _organisation_for(application, name.strip() or application.organisation_name)
    if organisation.member_since is not None:
        raise ValidationError(
            _("%(name)s is a member already: its owners invite people. Reject, and say so."),
            params={"name": organisation.name},
        )
    organisation.member_since = timezone.localdate()
    for field, value in (
        ("kind", application.kind),
        ("country", application.country),
        ("place", application.place),
        ("url", application.website),
    ):
        if not getattr(organisation, field):
            setattr(organisation, field, value)
    organisation.full_clean()
    try:
        with transaction.atomic():
            organisation.save()
    except IntegrityError as error:  # another chair was as quick with the same name
        raise ValidationError(_("The portal knows this organisation since a moment ago. Accept once more.")) from error
    application.organisation = organisation
    _decide(application, actor, ApplicationState.ACCEPTED, reason)
    _invitation, token = invitations.make(
        organisation=organisation, email=application.email, role=Role.OWNER, invited_by=actor
    )
    mailing.queue(
        to=application.email,
        purpose="application-decided",
        reference=str(application.pk),
        template="members/mail/application_accepted",
        context={
            "organisation": organisation.name,
            "reason": reason,
            "path": invitations.path_of(token, application.language),
            "days": invitations.VALID_FOR.days,
        },
        language=application.language,
    )
    return application


def _required(reason: str) -> str:
    if not reason.strip():
        raise ValidationError(_("Say why: the applicant reads it."))
    return reason.strip()


def _organisation_for(application: Application, name: str) -> Organisation:
    """The organisation that the application means, locked; a new one that is not saved yet when none has the name."""
    locked = Organisation.objects.select_for_update()
    if application.organisation_id:
        return locked.get(pk=application.organisation_id)
    return locked.filter(name__iexact=name).first() or Organisation(name=name, slug=free_slug(name))


def free_slug(name: str) -> str:
    """A slug that no organisation has."""
    stem = slugify(name)[:100].strip("-") or "organisation"
    taken = set(Organisation.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    number = 1
    slug = stem
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug


def others_for(application: Application) -> QuerySet[Application]:
    """Other applications that mean the same organisation."""
    same = Q(organisation_name__iexact=application.organisation_name)
    if application.organisation_id:
        same |= Q(organisation=application.organisation_id)
    return Application.objects.filter(same).exclude(pk=application.pk).exclude(state=ApplicationState.UNVERIFIED)


def topics_of(application: Application) -> list[str]:
    """The names of the topics that were ticked."""
    return [str(VerticalCode(code).label) for code in application.topics]


notices.register("application-waits", _("%(organisation)s asks to become a member."))
notices.register("application-answered", _("%(organisation)s has answered about its application."))
