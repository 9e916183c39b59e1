"""Joining, as applicants and people who are invited see it."""

from http import HTTPStatus
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView, View

from alliance.core.countries import country_name
from alliance.members import invitations, joining
from alliance.members.join_forms import ApplicationForm, MessageForm
from alliance.members.member_kinds import KINDS, MemberKind, answers
from alliance.members.models import Application, ApplicationState, Invitation
from alliance.members.private_pages import secret_page


class JoinView(TemplateView):
    """What membership means, for each kind."""

    template_name = "members/join/join.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(kinds=KINDS.values(), **kwargs)


@method_decorator(never_cache, name="dispatch")
class ApplyView(View):
    """The form of one kind."""

    def get(self, request: HttpRequest, kind: str) -> HttpResponse:
        user = request.user
        known = {"person_name": user.name, "email": user.email} if user.is_authenticated else {}
        return self.page(self.kind(kind), ApplicationForm(request=request, kind=self.kind(kind), initial=known))

    def post(self, request: HttpRequest, kind: str) -> HttpResponse:
        form = ApplicationForm(request.POST, request=request, kind=self.kind(kind))
        if not form.is_valid():
            return self.page(form.kind, form)
        application = joining.apply(
            key=form.key, user=request.user, language=get_language() or "en", **form.application_fields()
        )
        return redirect("join:application", application.key)

    @staticmethod
    def kind(code: str) -> MemberKind:
        if code not in KINDS:
            raise Http404
        return KINDS[code]

    def page(self, kind: MemberKind, form: ApplicationForm) -> HttpResponse:
        context = {"kind": kind, "form": form}
        return render(self.request, "members/join/apply.html", context, status=form.status)


@method_decorator(secret_page, name="dispatch")
class ApplicationView(View):
    """The applicant's own page: where the application stands, and what can be done about it."""

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        return self.page(self.application(key), MessageForm())

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        application = self.application(key)
        do = request.POST.get("do")
        form = MessageForm(request.POST if do == "answer" else None)
        try:
            if do == "withdraw":
                joining.withdraw(application=application)
            elif do == "send-again":
                self.send_again(application)
            elif do == "answer":
                if not form.is_valid():
                    return self.page(application, form)
                joining.answer(application=application, text=form.cleaned_data["text"])
                messages.success(request, _("Your message was sent."))
            else:
                return self.page(application, form, status=HTTPStatus.BAD_REQUEST)
        except joining.DecidedMeanwhile as meanwhile:
            # What was written stays in the form.
            return self.page(meanwhile.application, form, status=HTTPStatus.CONFLICT, is_late=True)
        except ValidationError as error:
            form.add_error(None, error)
            return self.page(application, form)
        return redirect("join:application", key)

    def send_again(self, application: Application) -> None:
        if joining.ask_again(application=application):
            messages.success(self.request, _("The mail was sent once more."))
        else:
            messages.warning(self.request, _("The mail was sent several times. Look among unwanted mail, too."))

    @staticmethod
    def application(key: str) -> Application:
        application = Application.objects.filter(key=key).first()
        if application is None:
            raise Http404
        return application

    def page(
        self, application: Application, form: MessageForm, *, status: int = HTTPStatus.OK, is_late: bool = False
    ) -> HttpResponse:
        context = {**told(application), "form": form, "is_late": is_late}
        return render(self.request, "members/join/application.html", context, status=status)


def told(application: Application) -> dict[str, Any]:
    """What a page shows of an application."""
    return {
        "application": application,
        "kind": KINDS[application.kind],
        "answers": answers(application.kind, application.details),
        "topics": joining.topics_of(application),
        "country": country_name(application.country),
        "talk": application.messages.all(),
        "is_open": application.state in joining.OPEN,
        "states": ApplicationState,
    }


@method_decorator(secret_page, name="dispatch")
class ConfirmView(View):
    """GET asks, POST confirms: programs that look at links ahead of people confirm nothing."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self.page(joining.application_of(token))

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        application = joining.confirm(token=token)
        if application is None:
            return self.page(None)
        return HttpResponseRedirect(joining.path_of(application))

    def page(self, application: Application | None) -> HttpResponse:
        status = HTTPStatus.OK if application else HTTPStatus.GONE
        context = {"application": application, "states": ApplicationState}
        return render(self.request, "members/join/confirm.html", context, status=status)


@method_decorator(secret_page, name="dispatch")
class InvitationView(View):
    """A person takes an invitation: with the account that is signed in, or with a new one that leads back here."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self.page(invitations.find(token), token)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        invitation = invitations.find(token)
        if invitation is None or not self.is_for(invitation):
            return self.page(invitation, token)
        if not request.user.is_authenticated:
            if request.POST.get("do") == "sign-up":
                # Whoever has the link has read mail to this address: it needs no second confirmation.
                get_adapter(request).stash_verified_email(request, invitation.email)
                return self.lead("account_signup", token)
            return self.lead("account_login", token)
        if not self.is_own(invitation) and request.POST.get("other_address") != "yes":
            return self.page(invitation, token, status=HTTPStatus.CONFLICT)
        try:
            membership = invitations.take(token=token, user=request.user)
        except invitations.Gone:
            return self.page(invitations.find(token), token)
        messages.success(request, _("You belong to %(name)s now.") % {"name": membership.organisation.name})
        return redirect("own_organisations:detail", membership.organisation.slug)

    def lead(self, route: str, token: str) -> HttpResponse:
        """To a page of accounts, and back here from there."""
        return HttpResponseRedirect(f"{reverse(route)}?{urlencode({'next': reverse('join:invitation', args=[token])})}")

    def is_for(self, invitation: Invitation) -> bool:
        """Whether it is open, or was taken by the same person, who still belongs to the organisation."""
        return invitations.is_open(invitation) or invitations.was_taken_by(invitation, self.request.user)

    def is_own(self, invitation: Invitation) -> bool:
        return self.request.user.is_authenticated and invitations.is_address_of(self.request.user, invitation.email)

    def page(self, invitation: Invitation | None, token: str, status: int = HTTPStatus.OK) -> HttpResponse:
        is_there = invitation is not None and self.is_for(invitation)
        context: dict[str, Any] = {"invitation": invitation if is_there else None}
        if invitation is not None and is_there:
            known = EmailAddress.objects.filter(email__iexact=invitation.email, verified=True).exists()
            context |= {"is_own": self.is_own(invitation), "has_account": known}
        status = status if is_there else HTTPStatus.GONE
        return render(self.request, "members/join/invitation.html", context, status=status)
