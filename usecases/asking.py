"""A question to whoever runs a use case, through the portal."""

import re
from typing import Any

from django.conf import settings
from django.db.models import Case, IntegerField, Value, When
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from alliance.members import inquiries
from alliance.members.contact_forms import AskForm, CityForm
from alliance.members.contact_views import AskView
from alliance.members.models import InquiryTopic, Membership, Organisation
from usecases.models import ParticipationRole, UseCase

_LANGUAGES = "|".join(code for code, _name in settings.LANGUAGES)
_PATH = re.compile(rf"(?:/(?:{_LANGUAGES}))?/use-cases/([-\w]{{1,200}})/")


def page_path(use_case: UseCase) -> str:
    """The page of a use case without a language in front: what questions about it are found by."""
    with translation.override(settings.LANGUAGE_CODE):
        return reverse("usecases:detail", args=[use_case.slug])


def recipient(use_case: UseCase) -> Organisation | None:
    """Whom a question goes to: the member that runs the use case, else any member that takes part; None: nobody is a
    member with people who answer."""
    answering = Membership.objects.current(None, *inquiries.ANSWERING).filter(user__is_active=True)
    runs = Case(
        When(participations__role=ParticipationRole.LEAD, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    return (
        Organisation.objects.filter(
            participations__use_case=use_case, member_since__isnull=False, pk__in=answering.values("organisation")
        )
        .order_by(runs, "participations__position", "pk")
        .first()
    )


class AskCityView(AskView):
    """A question about a use case: `?about=<path of its page>`. 404 for a page that is none, or not public.

    Context: form, use_case, organisation (None: the editors answer).
    """

    template_name = "usecases/ask_city.html"
    form_class = CityForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        found = _PATH.fullmatch(request.GET.get("about", ""))
        use_case = found and UseCase.objects.visible_to(request.user).filter(slug=found[1]).first()
        if not use_case:
            raise Http404(_("Ask from the page of a use case."))
        self.use_case, self.organisation = use_case, recipient(use_case)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(use_case=self.use_case, organisation=self.organisation, **kwargs)

    def told(self, form: AskForm) -> dict[str, Any]:
        return {
            "topic": InquiryTopic.CITY,
            "organisation": self.organisation,
            "about_path": page_path(self.use_case),
            "may_be_published": form.cleaned_data["may_be_published"],
        }
