"""The members' side of an organisation: its people, its invitations, its own words."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import View

from alliance.core.countries import country_name
from alliance.core.whole_numbers import whole_number
from alliance.members import belonging, invitations, policies
from alliance.members.join_forms import InvitationForm, RoleForm, WordsForm
from alliance.members.models import Invitation, Membership, Organisation, Role


@method_decorator([never_cache, login_required], name="dispatch")
class OwnOrganisationListView(View):
    """The organisations that a person belongs to."""

    def get(self, request: HttpRequest) -> HttpResponse:
        memberships = Membership.objects.current(request.user).select_related("organisation")
        context = {"memberships": memberships.order_by("organisation__name", "pk")}
        return render(request, "members/join/own_organisations.html", context)


@method_decorator([never_cache, login_required], name="dispatch")
class OwnOrganisationView(View):
    """One organisation; to others it is not there (404)."""

    organisation: Organisation

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        found = Organisation.objects.filter(slug=kwargs["slug"]).first()
        if found is None or not policies.may_read(request.user, found):
            raise Http404
        self.organisation = found
        return super().dispatch(request, *args, **kwargs)

    def back(self) -> HttpResponse:
        return redirect("own_organisations:detail", self.organisation.slug)


class PeopleView(OwnOrganisationView):
    """Who belongs to it, and who is invited."""

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self.page()

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        match request.POST.get("do"):
            case "invite":
                return self.invite()
            case "take-back":
                invitation = self.one(Invitation.objects.filter(organisation=self.organisation))
                invitations.take_back(invitation=invitation, actor=request.user)
                messages.success(request, _("The invitation was taken back: its link no longer works."))
                return self.back()
            case "role" | "remove" | "transfer" | "leave" as do:
                return self.change(do)
        return self.page(status=HTTPStatus.BAD_REQUEST)

    def invite(self) -> HttpResponse:
        form = InvitationForm(self.request.POST)
        if not form.is_valid():
            return self.page(form)
        try:
            invitations.invite(
                organisation=self.organisation,
                actor=self.request.user,
                language=get_language() or "en",
                **form.cleaned_data,
            )
        except ValidationError as error:
            form.add_error(None, error)
            return self.page(form)
        messages.success(self.request, _("The invitation was sent to %(email)s.") % form.cleaned_data)
        return self.back()

    def change(self, do: str) -> HttpResponse:
        request = self.request
        rows = Membership.objects.filter(organisation=self.organisation)
        if do == "leave":
            membership = rows.current(request.user).first()
            if membership is None:
                raise Http404
        else:
            membership = self.one(rows)
        try:
            if do == "role":
                form = RoleForm(request.POST)
                role = form.cleaned_data["role"] if form.is_valid() else ""
                belonging.change_role(membership=membership, actor=request.user, role=role)
            elif do == "transfer":
                belonging.transfer(membership=membership, actor=request.user)
            else:
                belonging.end(membership=membership, actor=request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return self.back()
        messages.success(request, _("Saved."))
        return redirect("own_organisations:list") if do == "leave" else self.back()

    def one(self, rows: Any) -> Any:
        """The row that the form names. Raises: Http404."""
        found = rows.filter(pk=whole_number(self.request.POST.get("id", ""))).first()
        if found is None:
            raise Http404
        return found

    def page(self, form: InvitationForm | None = None, status: int = HTTPStatus.OK) -> HttpResponse:
        people = list(belonging.people_of(self.organisation))
        own = next((one for one in people if one.user_id == self.request.user.pk), None)
        may_manage = policies.may_manage(self.request.user, self.organisation)
        context = {
            "organisation": self.organisation,
            "country": country_name(self.organisation.country) if self.organisation.country else "",
            "people": people,
            "own": own,
            "is_last_owner": own is not None and belonging.is_last_owner(own),
            "may_manage": may_manage,
            "may_invite": may_manage and self.organisation.member_since is not None,
            "invitations": list(invitations.waiting(self.organisation)) if may_manage else [],
            "form": form or InvitationForm(),
            "roles": Role.choices,
        }
        return render(self.request, "members/join/own_organisation.html", context, status=status)


class WordsView(OwnOrganisationView):
    """The organisation's own words, for its owners."""

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        shown = {name: getattr(self.organisation, name) for name in (*belonging.OWN_WORDS, "version")}
        return self.page(WordsForm(initial=shown))

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        form = WordsForm(request.POST)
        if not form.is_valid():
            return self.page(form)
        words = dict(form.cleaned_data)
        version = words.pop("version")
        try:
            belonging.edit(organisation=self.organisation, actor=request.user, version=version, words=words)
        except belonging.ChangedMeanwhile as meanwhile:
            return self.changed_meanwhile(form, meanwhile.organisation)
        except ValidationError as error:
            form.add_error(None, ValidationError(error.messages))
            return self.page(form)
        messages.success(request, _("Saved."))
        return self.back()

    def changed_meanwhile(self, form: WordsForm, now: Organisation) -> HttpResponse:
        """Both texts side by side; sent again, the form overwrites what it has shown."""
        theirs = [
            (form[name].label, form.cleaned_data[name], getattr(now, name))
            for name in belonging.OWN_WORDS
            if form.cleaned_data[name] != getattr(now, name)
        ]
        form.data = {**form.data.dict(), "version": str(now.version)}  # type: ignore[attr-defined]
        return self.page(form, status=HTTPStatus.PRECONDITION_FAILED, theirs=theirs)

    def page(self, form: WordsForm, *, status: int = HTTPStatus.OK, **more: Any) -> HttpResponse:
        if not policies.may_manage(self.request.user, self.organisation):
            raise Http404
        context = {"organisation": self.organisation, "form": form, **more}
        return render(self.request, "members/join/own_words.html", context, status=status)
