"""Pages on which people and organisations declare their interests."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.generic import FormView

from alliance.core.whole_numbers import whole_number
from alliance.members import interests, policies
from alliance.members.models import Interest, InterestKind, Organisation

#: So many names are offered when what was typed is the name of none.
_OFFERED = 6


class InterestForm(forms.Form):
    """An interest. The other organisation is found by its name; similar names are told when it is not."""

    kind = forms.ChoiceField(label=gettext_lazy("What binds you"), choices=InterestKind)
    about = forms.CharField(
        label=gettext_lazy("To which organisation"),
        max_length=200,
        help_text=gettext_lazy("Its name as in the list of organisations."),
    )
    started_on = forms.DateField(
        label=gettext_lazy("Since"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    note = forms.CharField(label=gettext_lazy("In a few words"), max_length=300, required=False)

    def clean_about(self) -> Organisation:
        name = " ".join(self.cleaned_data["about"].split())
        found = Organisation.objects.filter(name__iexact=name).first()
        if found is not None:
            return found
        similar = Organisation.objects.filter(name__icontains=name).order_by("name")[:_OFFERED]
        names = "; ".join(one.name for one in similar)
        if names:
            raise ValidationError(_("No organisation has this name. Similar ones: %(names)s.") % {"names": names})
        raise ValidationError(_("No organisation of this name is on record here. Look it up in the list."))


@method_decorator(never_cache, name="dispatch")
class InterestsView(LoginRequiredMixin, FormView):
    """Interests of the person, or of an organisation that the person manages. POST with `end` ends one.

    Context: organisation (None: the person's own), current, ended, form.
    """

    template_name = "members/interests/declare.html"
    form_class = InterestForm
    organisation: Organisation | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if (slug := kwargs.get("slug")) is not None and request.user.is_authenticated:
            self.organisation = get_object_or_404(Organisation, slug=slug)
            if not policies.may_manage(request.user, self.organisation):
                raise Http404
        return super().dispatch(request, *args, **kwargs)

    def own(self) -> Any:
        declared = Interest.objects.select_related("about")
        if self.organisation is not None:
            return declared.filter(organisation=self.organisation)
        return declared.filter(user=self.request.user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            organisation=self.organisation,
            current=self.own().filter(ended_on=None),
            ended=self.own().exclude(ended_on=None),
            **kwargs,
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = request.POST.get("end", "")
        if asked:
            interest = get_object_or_404(self.own(), pk=whole_number(asked))
            interests.end(interest=interest, actor=request.user)
            messages.success(request, _("Ended as of today. It stays on record, because it counted until now."))
            return HttpResponseRedirect(request.path)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: InterestForm) -> HttpResponse:
        try:
            interests.declare(actor=self.request.user, organisation=self.organisation, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error.messages)
            return self.form_invalid(form)
        messages.success(self.request, _("Declared. It is shown beside what you submit, review and check."))
        return HttpResponseRedirect(self.request.path)
