"""Pages of promises: the public list with those overdue first, one promise beside its result, and making one."""

from datetime import date
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView

from alliance.core.whole_numbers import whole_number
from alliance.members.member_pages import MemberView
from kpis.models import Result
from reporting import promising
from reporting.models import Registration
from reporting.promise_forms import PromiseForm

PAGE_SIZE = 50


def _rows() -> Any:
    return Registration.objects.select_related(
        "organisation", "city__country__region", "vertical", "kpi", "result__kpi", "result__use_case"
    )


class PromiseListView(TemplateView):
    """All sealed promises: those overdue first, then those due next, then those answered."""

    template_name = "reporting/promises/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        today = timezone.now().date()
        sealed = list(_rows().filter(sealed_at__isnull=False).order_by("due_on", "pk"))
        groups = {
            "overdue": [one for one in sealed if one.result is None and one.due_on < today],
            "waiting": [one for one in sealed if one.result is None and one.due_on >= today],
            "answered": [one for one in reversed(sealed) if one.result is not None],
        }
        page = Paginator([one for rows in groups.values() for one in rows], PAGE_SIZE).get_page(
            self.request.GET.get("page")
        )
        for one in page:
            one.kept = promising.kept(one)
            one.days_overdue = (today - one.due_on).days if one in groups["overdue"] else 0
        own = Registration.objects.none()
        user = self.request.user
        if user.is_authenticated:
            own = _rows().filter(organisation__in=promising.organisations_of(user), sealed_at=None)
        counts = {name: len(rows) for name, rows in groups.items()}
        return super().get_context_data(page=page, counts=counts, drafts=own, today=today, **kwargs)


class PromiseView(TemplateView):
    """One promise: what was sealed, how to check the seal, and what came of it."""

    template_name = "reporting/promises/detail.html"

    @method_decorator(never_cache)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def one(self) -> Registration:
        visible = Registration.objects.visible_to(self.request.user)
        return get_object_or_404(_rows().filter(pk__in=visible.values("pk")), key=self.kwargs["key"])

    @cached_property
    def is_own(self) -> bool:
        user = self.request.user
        return user.is_authenticated and promising.organisations_of(user).contains(self.one.organisation)

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        if not request.user.is_authenticated:
            raise Http404
        actor = request.user
        try:
            if "seal" in request.POST:
                seen = whole_number(request.POST.get("version", "")) or 0
                promising.seal(registration=self.one, actor=actor, version=seen)
                messages.success(request, _("The promise is sealed and public."))
            elif "result" in request.POST:
                result = get_object_or_404(Result.objects.visible_to(None), slug=request.POST["result"])
                promising.answer(registration=self.one, result=result, actor=actor)
            else:
                raise Http404
        except promising.PromiseRefusedError as refusal:
            del self.one
            context = self.get_context_data(refusal=str(refusal))
            return self.render_to_response(context, status=HTTPStatus.CONFLICT)
        return HttpResponseRedirect(reverse("promises:detail", args=[key]))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        one = self.one
        today: date = timezone.now().date()
        return super().get_context_data(
            one=one,
            is_own=self.is_own,
            kept=promising.kept(one),
            is_overdue=one.sealed_at is not None and one.result is None and one.due_on < today,
            is_intact=one.sealed_at is None or promising.is_intact(one),
            sealed_text=promising.sealed_text(one) if one.sealed_at else "",
            answers=promising.answers(one) if self.is_own and one.sealed_at and one.result is None else [],
            can_seal=self.is_own and one.sealed_at is None and one.starts_on >= today,
            **kwargs,
        )


class NewPromiseView(MemberView, TemplateView):
    """The form of a new promise."""

    template_name = "reporting/promises/form.html"

    @cached_property
    def registration(self) -> Registration:
        return Registration()

    @property
    def initial_registration(self) -> Registration | None:
        return self.registration if self.registration.pk else None

    def form(self, data: Any = None) -> PromiseForm:
        own = promising.organisations_of(self.user)
        return PromiseForm(data, organisations=own, registration=self.initial_registration)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = self.form(request.POST)
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if form.is_valid():
            try:
                saved = promising.save_draft(
                    registration=form.fill(self.registration),
                    actor=self.user,
                    version=whole_number(request.POST.get("version", "")),
                )
            except promising.PromiseRefusedError as refusal:
                form.add_error(None, str(refusal))
                status = HTTPStatus.CONFLICT
            else:
                return HttpResponseRedirect(reverse("promises:detail", args=[saved.key]))
        return self.render_to_response(self.get_context_data(form=form), status=status)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs.setdefault("form", self.form())
        return super().get_context_data(registration=self.initial_registration, **kwargs)


class EditPromiseView(NewPromiseView):
    """The same for a promise that is not sealed yet."""

    @cached_property
    def registration(self) -> Registration:
        own = promising.organisations_of(self.user)
        return get_object_or_404(_rows().filter(organisation__in=own, sealed_at=None), key=self.kwargs["key"])
