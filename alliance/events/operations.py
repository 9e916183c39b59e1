"""How the background work stands, and what an editor may start: `/operations/`."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django.views.generic import View

from alliance.core.cache import outage
from alliance.events import figures, runs, tasks
from alliance.events.models import Run, RunState
from alliance.events.states import READER
from alliance.events.views import EditorView

RUNS_SHOWN = 20

#: Names for people; other apps add theirs.
READERS = {READER: gettext_lazy("Ready documents")}
TASKS = {
    runs.FOLLOW: gettext_lazy("Remaking documents"),
    runs.EXAMINE: gettext_lazy("Check of all documents"),
    runs.REBUILD: gettext_lazy("Rebuild of all documents"),
}


@dataclass(frozen=True)
class ShownRun:
    """A run in words.

    Attributes:
        is_cut_off: it says that it is running, but its process is gone.
        is_failing: it failed, and its task has not succeeded since.
        percent: of the work, when it is known how much there is.
    """

    run: Run
    label: str | Promise
    is_cut_off: bool
    is_failing: bool
    took: timedelta
    percent: int | None

    @property
    def is_running(self) -> bool:
        return self.run.state == RunState.RUNNING and not self.is_cut_off

    @property
    def was_cut_off(self) -> bool:
        """Its process ended before it did, whether or not another run has noticed since."""
        return self.is_cut_off or self.run.error == runs.CUT_OFF

    @property
    def can_retry(self) -> bool:
        return (self.is_failing or self.is_cut_off) and self.run.task in tasks.STARTABLE


def shown_runs() -> list[ShownRun]:
    """The newest runs, those that run first."""
    failing = set(runs.failing().values_list("pk", flat=True))
    newest = list(runs.with_life().order_by("-started_at", "-pk")[:RUNS_SHOWN])
    newest.sort(key=lambda run: run.state != RunState.RUNNING)
    now = timezone.now()
    return [
        ShownRun(
            run=run,
            label=TASKS.get(run.task, run.task),
            is_cut_off=run.state == RunState.RUNNING and not run.is_alive,  # type: ignore[attr-defined]
            is_failing=run.pk in failing,
            took=(run.ended_at or now) - run.started_at,
            percent=min(100, run.done * 100 // run.expected) if run.expected else None,
        )
        for run in newest
    ]


class OperationsView(EditorView):
    """Readers of the log, stale documents, worker and queue, last check, runs. htmx asks for the figures alone.

    Context: readers (with label), unsettled, holder, kinds, stale_count, worker, check, runs, now.
    """

    template_name = "events/operations.html"

    def get_template_names(self) -> list[str]:
        return ["events/_operations.html"] if self.request.htmx else [self.template_name]  # type: ignore[attr-defined]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kinds = figures.staleness()
        return super().get_context_data(
            readers=[(READERS.get(one.name, one.name), one) for one in figures.readers()],
            unsettled=figures.unsettled(),
            holder=figures.holder(),
            kinds=kinds,
            stale_count=sum(one.documents - one.ready for one in kinds),
            worker=figures.worker(),
            check=runs.last_check(),
            runs=shown_runs(),
            now=timezone.now(),
            **kwargs,
        )


@method_decorator([require_POST, never_cache], name="dispatch")
class StartView(View):
    """Starts a piece of background work by its name, then leads back. 404 for a name that is none."""

    def post(self, request: HttpRequest) -> HttpResponse:
        if not (request.user.is_active and request.user.is_staff):
            raise PermissionDenied
        task = tasks.STARTABLE.get(request.POST.get("task", ""))
        if task is None:
            raise Http404(_("There is no such work."))
        task.delay()
        if outage.is_on():
            messages.error(request, _("Redis does not answer, so nothing was started. Try again when it is back."))
        else:
            messages.success(
                request, _("The worker was told. It begins when it is free; this page shows its progress.")
            )
        return HttpResponseRedirect(reverse("operations:overview"))
