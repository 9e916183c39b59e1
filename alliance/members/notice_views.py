"""Pages of notifications: the list, how they come by mail, and the link that ends the mails."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import ListView, UpdateView, View

from alliance.members import digests, notices
from alliance.members.models import Digest, Notification, User


@method_decorator(never_cache, name="dispatch")
class NoticeListView(LoginRequiredMixin, ListView):
    """What a person was told, newest first. POST marks one as read, or all that are older than the page.

    Context: items (notification, sentence, path).
    """

    template_name = "members/notices/list.html"
    paginate_by = 25

    def get_queryset(self) -> QuerySet[Notification]:
        return Notification.objects.filter(user=self.request.user)

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        language = get_language() or settings.LANGUAGE_CODE
        context["items"] = [
            (one, notices.sentence_of(one), notices.path_of(one, language)) for one in context["object_list"]
        ]
        context["unread_count"] = notices.unread_of(self.request.user)
        # What arrives while the page is read has not been seen.
        context["newest"] = max((one.pk for one in context["object_list"]), default=0)
        return context

    def post(self, request: HttpRequest) -> HttpResponse:
        unread = self.get_queryset().filter(read_at=None)
        one, until = request.POST.get("one", ""), request.POST.get("until", "")
        if one.isdecimal():
            unread = unread.filter(pk=int(one[:18]))
        elif until.isdecimal():
            unread = unread.filter(pk__lte=int(until[:18]))
        else:
            unread = unread.none()
        unread.update(read_at=timezone.now())
        page = request.POST.get("page", "")
        return HttpResponseRedirect(reverse("notices:list") + (f"?page={page}" if page.isdecimal() else ""))


class PreferencesForm(forms.ModelForm):
    """How often, and in which language."""

    class Meta:
        model = User
        fields = ["digest", "language"]
        widgets = {"digest": forms.RadioSelect}
        help_texts = {
            "digest": gettext_lazy("One mail with all that is new since the last one, and none when nothing is."),
        }


@method_decorator(never_cache, name="dispatch")
class PreferencesView(LoginRequiredMixin, UpdateView):
    """How often a person hears by mail."""

    form_class = PreferencesForm
    template_name = "members/notices/preferences.html"

    def get_object(self, queryset: QuerySet[User] | None = None) -> User:
        # Not request.user: what a form with mistakes leaves on it would show in the page's header.
        return User.objects.get(pk=self.request.user.pk)

    def form_valid(self, form: PreferencesForm) -> HttpResponse:
        notices.choose(user=self.object, **form.cleaned_data)
        messages.success(self.request, _("Saved."))
        return HttpResponseRedirect(reverse("notices:preferences"))


@method_decorator([never_cache, csrf_exempt], name="dispatch")
class StopView(View):
    """Ends the mails of whoever the link was sent to. GET asks, because programs look at links ahead of people; POST
    does it, also from a mail program that offers one click (RFC 8058) and knows nothing of our cookies."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        return self.page(request, digests.user_of(token), is_done=False)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        user = digests.user_of(token)
        if user is not None:
            notices.choose(user=user, digest=Digest.NEVER)
        return self.page(request, user, is_done=True)

    @staticmethod
    def page(request: HttpRequest, user: User | None, *, is_done: bool) -> HttpResponse:
        context = {"reader": user, "is_done": is_done}
        response = render(request, "members/notices/stop.html", context, status=200 if user else 410)
        response["Referrer-Policy"] = "strict-origin"
        response["X-Robots-Tag"] = "noindex"
        return response
