"""What is held about me: to see, to take along, to erase."""

from typing import Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib.auth import logout
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ValidationError
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.generic import FormView, TemplateView, View

from alliance.members import archive, erasing
from alliance.members.personal_data import rows_about


@method_decorator(never_cache, name="dispatch")
class OverviewView(LoginRequiredMixin, TemplateView):
    """How much is held, table by table. Context: counts (name of the rows, how many)."""

    template_name = "members/data/overview.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        counts: dict[str, int] = {}
        for model, _by, rows in rows_about(self.request.user):
            name = str(model._meta.verbose_name_plural)
            counts[name] = counts.get(name, 0) + rows.count()
        shown = sorted((name, count) for name, count in counts.items() if count)
        return super().get_context_data(counts=shown, **kwargs)


@method_decorator([never_cache, reauthentication_required], name="dispatch")
class ArchiveView(View):
    """The archive, for who has just proved to be the person."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return FileResponse(archive.write(request.user), as_attachment=True, filename="my-data.zip")


class EraseForm(forms.Form):
    """No way back, so it is asked in words."""

    sure = forms.BooleanField(label=_("Erase my account. I know that this cannot be undone."))


@method_decorator([never_cache, reauthentication_required], name="dispatch")
class EraseView(FormView):
    """Asks, and erases. Context: to_hand_over, itself."""

    template_name = "members/data/erase.html"
    form_class = EraseForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        to_hand_over, itself = erasing.owned_alone(self.request.user)
        return super().get_context_data(to_hand_over=to_hand_over, itself=itself, **kwargs)

    def form_valid(self, form: EraseForm) -> HttpResponse:
        try:
            erasing.erase(user=self.request.user)
        except ValidationError as error:
            form.add_error(None, error.messages)
            return self.form_invalid(form)
        logout(self.request)
        return HttpResponseRedirect(reverse("data:erased"))


class ErasedView(TemplateView):
    """Farewell."""

    template_name = "members/data/erased.html"
