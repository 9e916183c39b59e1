"""Files of reports: given in, taken away, and given out from an address of their own, kept inert by headers."""

from http import HTTPStatus

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from alliance.core import errors
from alliance.members.member_pages import MemberView
from alliance.members.models import User
from reporting import attaching, policies
from reporting.models import Attachment, AttachmentKind, Report
from reporting.services import MoveRefusedError

_MOST_UPLOADED = attaching.MOST_BYTES * 5


class FilesView(MemberView):
    """POST: give files to a report, or take one away. What cannot be taken is named; the others are kept."""

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        user = self.user
        report = get_object_or_404(Report.objects.editable_by(user), key=key)
        if int(request.META.get("CONTENT_LENGTH") or 0) > _MOST_UPLOADED:
            detail = _("At most %(most)s MB are taken at once. Send fewer files, or link to them.")
            most = {"most": _MOST_UPLOADED // 2**20}
            title = _("These files are too large")
            return errors.error_response(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, title, detail % most)
        try:
            if "remove" in request.POST:
                attachment = get_object_or_404(report.attachments, key=request.POST["remove"])
                attaching.remove(attachment=attachment, actor=user)
                messages.success(request, _("“%(name)s” was taken away.") % {"name": attachment.name})
            else:
                self._take(request, report, user)
        except MoveRefusedError as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(f"{reverse('reporting:report', args=[report.key])}#files")

    @staticmethod
    def _take(request: HttpRequest, report: Report, user: User) -> None:
        description = request.POST.get("description", "")
        taken = 0
        for file in request.FILES.getlist("files"):
            try:
                attaching.attach(
                    report=report, actor=user, content=file.read(), name=str(file.name), description=description
                )
                taken += 1
            except attaching.FileRefusedError as refusal:
                messages.error(request, f"{file.name}: {refusal}")
        if taken:
            told = ngettext("%(count)s file is attached.", "%(count)s files are attached.", taken)
            messages.success(request, told % {"count": taken})
        elif not request.FILES:
            messages.error(request, _("Choose a file first."))


@require_safe
def give_out(request: HttpRequest, key: str, name: str) -> HttpResponseBase:
    """A file, to everybody once its report is accepted, before that to those who may see the report."""
    attachment = get_object_or_404(Attachment.objects.select_related("report"), key=key)
    public = attaching.is_public(attachment)
    if not public and not (request.user.is_authenticated and policies.may_see(request.user, attachment.report)):
        raise Http404
    try:
        file = attachment.file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    inline = attachment.kind == AttachmentKind.IMAGE
    response = FileResponse(file, as_attachment=not inline, filename=attachment.name)
    # What a browser makes of it is decided here, not by the file.
    response["Content-Type"] = attachment.content_type
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "public, max-age=300" if public else "private, no-store"
    if not public:
        response["X-Robots-Tag"] = "noindex"
    return response
