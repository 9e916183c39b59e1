"""Applications, as the chair sees and decides them."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import View

from alliance.core.countries import country_name
from alliance.members import joining, policies
from alliance.members.join_forms import DecisionForm, MessageForm
from alliance.members.join_views import told
from alliance.members.models import Application, ApplicationState

PAGE_SIZE = 50
DECIDED = (ApplicationState.ACCEPTED, ApplicationState.REJECTED, ApplicationState.WITHDRAWN)


@method_decorator(never_cache, name="dispatch")
class ChairView(View):
    """A page of the chair; everybody else gets 403."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not policies.may_decide(request.user):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)


class ApplicationListView(ChairView):
    """What waits, oldest first; below `?decided=yes` what was decided, newest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        is_decided = request.GET.get("decided") == "yes"
        if is_decided:
            rows = Application.objects.filter(state__in=DECIDED).order_by("-updated_at", "-pk")
        else:
            rows = Application.objects.filter(state=ApplicationState.WAITING).order_by("verified_at", "pk")
        page = Paginator(rows.select_related("decided_by"), PAGE_SIZE).get_page(request.GET.get("page"))
        unconfirmed = Application.objects.filter(state=ApplicationState.UNVERIFIED).count()
        listed = [(application, country_name(application.country)) for application in page]
        context = {"page_obj": page, "listed": listed, "is_decided": is_decided, "unconfirmed": unconfirmed}
        return render(request, "members/join/application_list.html", context)


class ApplicationDecisionView(ChairView):
    """One application: accept, reject, or ask."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        application = self.application(pk)
        return self.page(application)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        application, do = self.application(pk), request.POST.get("do")
        asks = do == "ask"
        decision = DecisionForm(None if asks else request.POST, application=application)
        question = MessageForm(request.POST if asks else None)
        if not (question if asks else decision).is_valid():
            return self.page(application, decision, question)
        try:
            if asks:
                joining.ask(application=application, actor=request.user, text=question.cleaned_data["text"])
                messages.success(request, _("The question was sent."))
            elif do == "accept":
                joining.accept(application=application, actor=request.user, **decision.cleaned_data)
                messages.success(request, _("Accepted. The applicant is invited as the owner."))
            elif do == "reject":
                reason = decision.cleaned_data["reason"]
                joining.reject(application=application, actor=request.user, reason=reason)
                messages.success(request, _("Not accepted. The applicant is told why."))
            else:
                return self.page(application, decision, question, status=HTTPStatus.BAD_REQUEST)
        except joining.DecidedMeanwhile as meanwhile:
            return self.page(meanwhile.application, decision, question, status=HTTPStatus.CONFLICT, is_late=True)
        except ValidationError as error:
            # An error of a field that this form does not have is one of the form as a whole.
            decision.add_error(None, ValidationError(error.messages))
            return self.page(application, decision, question)
        return redirect("membership:detail", pk)

    @staticmethod
    def application(pk: int) -> Application:
        rows = Application.objects.select_related("organisation", "decided_by").exclude(
            state=ApplicationState.UNVERIFIED
        )
        application = rows.filter(pk=pk).first()
        if application is None:
            raise Http404
        return application

    def page(
        self,
        application: Application,
        decision: DecisionForm | None = None,
        question: MessageForm | None = None,
        *,
        status: int = HTTPStatus.OK,
        is_late: bool = False,
    ) -> HttpResponse:
        context = {
            **told(application),
            "decision": decision or DecisionForm(application=application),
            "question": question or MessageForm(),
            "others": joining.others_for(application),
            "same_name": joining.similar_organisations(application.organisation_name),
            "is_late": is_late,
        }
        return render(self.request, "members/join/application_decision.html", context, status=status)
