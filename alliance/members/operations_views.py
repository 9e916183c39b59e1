"""What an editor may start in the page of operations that concerns mail."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django.views.generic import View

from alliance.members import mailing, sending


@method_decorator([require_POST, never_cache], name="dispatch")
class RetryMailsView(View):
    """Lets the mails that were given up wait again."""

    def post(self, request: HttpRequest) -> HttpResponse:
        if not (request.user.is_active and request.user.is_staff):
            raise PermissionDenied
        count = sending.retry_failed()
        if count:
            mailing.wake()
            told = ngettext("%(n)d mail waits again.", "%(n)d mails wait again.", count) % {"n": count}
            messages.success(request, told)
        else:
            messages.info(request, _("No mail had failed."))
        return HttpResponseRedirect(reverse("operations:overview"))
