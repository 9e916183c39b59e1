"""The history of a record, the way back to an earlier state, and what was deleted: for editors."""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView

from alliance.events.history import LARGEST_ID, Entry, Stamp, State, Subject, parts_of, record_models
from alliance.events.models import Change, Operation
from alliance.events.restoring import ChangedMeanwhileError, NotRestorableError, changed_states, restore
from alliance.events.wording import Names, RowChange, Wording, actors, moment, net

PAGE_SIZE = 50


@method_decorator(never_cache, name="dispatch")
class EditorView(TemplateView):
    """A page that editors alone may see; everybody else gets 403."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not (request.user.is_active and request.user.is_staff):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def page(self) -> int:
        """The page asked for. Raises: Http404 when that is no page number."""
        asked = self.request.GET.get("page") or "1"
        if not (asked.isascii() and asked.isdigit() and len(asked) < 10 and int(asked)):
            raise Http404(_("A page is a whole number from 1."))
        return int(asked)


class SubjectView(EditorView):
    """A page about one record, there or deleted. 404 when neither the tables nor the log know it."""

    @cached_property
    def subject(self) -> Subject:
        model = record_models().get(self.kwargs["model"])
        if model is None or self.kwargs["pk"] > LARGEST_ID:
            raise Http404(_("There is no such record."))
        return Subject(model, self.kwargs["pk"])

    @cached_property
    def record(self) -> models.Model | None:
        return self.subject.model._base_manager.filter(pk=self.subject.pk).first()

    @property
    def address(self) -> str:
        return reverse("events:history", args=[self.kwargs["model"], self.subject.pk])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        url = getattr(self.record, "get_absolute_url", None)
        return super().get_context_data(
            kind=capfirst(str(self.subject.model._meta.verbose_name)),
            record=self.record,
            record_url=url() if url else "",
            history_url=self.address,
            **kwargs,
        )


@dataclass(frozen=True)
class Step:
    """What one transaction did, in words. `restore_url` leads back to the state after it; empty when there is none."""

    at: datetime
    who: str
    request: str
    changes: list[RowChange]
    restore_url: str


class HistoryView(SubjectView):
    """Everything that happened to a record and its parts, newest first; the changes of one transaction together.

    Context: kind, name, record, record_url, history_url, page_obj, steps, oldest_url (back to what was before the log).
    """

    template_name = "events/history.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        paginator = Paginator(range(self.subject.count()), PAGE_SIZE)
        if paginator.count == 0 and self.record is None:
            raise Http404(_("There is no such record."))
        if self.page > paginator.num_pages:
            raise Http404(_("There is no such page."))
        page = paginator.page(self.page)
        groups = self.subject.entries(page.start_index() - 1 if paginator.count else 0, PAGE_SIZE)
        states = [net(group) for group in groups]
        images = [(one.model, image) for group in states for one in group for image in (one.then, one.now)]
        wording = Wording(self.subject, images)
        who = actors(entry.actor for group in groups for entry in group)
        steps = [
            Step(
                at=group[0].at,
                who=_(", ").join(dict.fromkeys(who[entry.actor] for entry in group)),
                request=group[0].request,
                changes=wording.changes(rows),
                restore_url=self._restore_url(group, is_newest=page.number == 1 and group is groups[0]),
            )
            for group, rows in zip(groups, states, strict=True)
        ]
        return super().get_context_data(
            name=str(self.record) if self.record is not None else self._last_name(groups, wording.names),
            page_obj=page,
            steps=steps,
            oldest_url="" if page.has_next() else self._oldest_url(states),
            **kwargs,
        )

    def _restore_url(self, group: list[Entry], *, is_newest: bool) -> str:
        """The newest state is the one that is there; a state without the record cannot be gone back to."""
        gone = (Operation.DELETE, Operation.TRUNCATE)
        own = [entry for entry in group if (entry.model, entry.record_id) == self.subject.key]
        if is_newest or (own and own[-1].operation in gone) or any(entry.is_lost for entry in own):
            return ""
        return self._address_of(group[-1].position)

    def _oldest_url(self, states: list[list[State]]) -> str:
        """Back to what was before the first entry, if the record was there by then."""
        own = [one for group in states for one in group if (one.model, one.record_id) == self.subject.key]
        if not states or (own and own[-1].then is None):
            return ""
        return self._address_of(0)

    def _address_of(self, position: int) -> str:
        if not self.subject.model.is_restorable:
            return ""
        return reverse("events:restore", args=[self.kwargs["model"], self.subject.pk, position])

    def _last_name(self, groups: list[list[Entry]], names: Names) -> str:
        """What a deleted record was called at the end, as far as this page of its history tells."""
        images = (
            entry.before or entry.after
            for group in groups
            for entry in reversed(group)
            if (entry.model, entry.record_id) == self.subject.key
        )
        image = next(filter(None, images), None)
        return names.of_row(self.subject.model, image) if image else f"{self.subject.pk}"


class RestoreView(SubjectView):
    """GET shows what going back to an earlier state would change, POST does it.

    Answers to POST: 302 done; 409 a rule of today stands against it, nothing was written; 412 somebody wrote meanwhile:
    the page shows that, and asks again.

    Context, besides that of a record's page: name, version_name, changes (now -> then), stamp, hindrances, meanwhile.
    """

    template_name = "events/restore.html"

    @cached_property
    def subject(self) -> Subject:
        if not super().subject.model.is_restorable:
            raise Http404(_("Records of this kind are not brought back to an earlier state."))
        return super().subject

    @cached_property
    def entry(self) -> Change | None:
        """The entry after which the record was as wanted; None: before the first one."""
        position = self.kwargs["position"]
        if position == 0:
            return None
        entry = Change.objects.filter(pk=position).first() if position <= LARGEST_ID else None
        if entry is None:
            raise Http404(_("There is no such change."))
        return entry

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.answer()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        seen = Stamp.read(request.POST.get("seen", ""))
        if seen is None:
            return self.answer(status=HTTPStatus.BAD_REQUEST)
        self._check_there()
        try:
            restore(self.subject, self.kwargs["position"], seen=seen)
        except ChangedMeanwhileError:
            return self.answer(status=HTTPStatus.PRECONDITION_FAILED, meanwhile=self._changes(seen.last, back=False))
        except NotRestorableError as error:
            return self.answer(status=HTTPStatus.CONFLICT, hindrances=error.hindrances)
        messages.success(request, _("Done. The record is back in its earlier state."))
        return HttpResponseRedirect(self.address)

    def answer(self, *, status: int = HTTPStatus.OK, **context: Any) -> HttpResponse:
        """The page: what would change, what somebody did meanwhile, what stands against it."""
        stamp = self.subject.stamp()  # first, so that what is written while the page is made is noticed
        self._check_there()
        context = self.get_context_data(
            stamp=stamp,
            version_name=self._version_name(),
            changes=self._changes(self.kwargs["position"], back=True),
            **context,
        )
        return self.render_to_response(context, status=status)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            name=str(self.record) if self.record is not None else self._then_name(), **kwargs
        )

    @cached_property
    def _states(self) -> list[State]:
        return self.subject.states(self.kwargs["position"])

    @property
    def _own(self) -> State | None:
        return next((one for one in self._states if (one.model, one.record_id) == self.subject.key), None)

    def _check_there(self) -> None:
        """Raises: Http404 when the change is none of this record's, or the record was not there then."""
        if self.entry is not None and not self.subject.has(self.entry.position):
            raise Http404(_("There is no such change of this record."))
        if self._own is None or (self._own.then is None and not self._own.is_lost):
            raise Http404(_("The record was not there then."))

    def _version_name(self) -> str:
        entry = self.entry
        if entry is None:
            return _("As it was before the first change in the log")
        values = {"moment": moment(entry.at), "who": actors([entry.actor])[entry.actor]}
        return _("As it was after the change of %(moment)s by %(who)s") % values

    def _then_name(self) -> str:
        then = self._own.then if self._own else None
        if then is None:
            return str(self.subject.pk)
        return Names([(self.subject.model, then)]).of_row(self.subject.model, then)

    def _changes(self, position: int, *, back: bool) -> list[RowChange]:
        states = changed_states(self.subject, position)
        if back:
            states = [one.reversed() for one in states]
        wording = Wording(self.subject, [(one.model, image) for one in states for image in (one.now, one.then)])
        return wording.changes(states)


@dataclass(frozen=True)
class Deletion:
    """One deleted record, in words."""

    kind: str
    name: str
    at: datetime
    who: str
    is_back: bool
    history_url: str


class DeletedView(EditorView):
    """Records that were deleted, newest first; parts of others are in the history of those.

    Context: page_obj, deletions.
    """

    template_name = "events/deleted.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        known = record_models()
        parts = {part.model for model in known.values() for part in parts_of(model)}
        tables = {model._meta.db_table: model for model in known.values() if model not in parts}
        entries = Change.objects.filter(operation=Operation.DELETE, table__in=tables).order_by("-position")
        paginator = Paginator(entries, PAGE_SIZE)
        if self.page > paginator.num_pages:
            raise Http404(_("There is no such page."))
        page = paginator.page(self.page)
        rows = [(tables[entry.table], entry) for entry in page]
        names = Names((model, entry.before) for model, entry in rows)
        who = actors(entry.actor for _model, entry in rows)
        keys: dict[type[models.Model], list[int]] = {}
        for model, entry in rows:
            keys.setdefault(model, []).append(entry.record_id)
        there = {(model, pk) for model, pks in keys.items() for pk in model._base_manager.in_bulk(pks)}
        deletions = [
            Deletion(
                kind=capfirst(str(model._meta.verbose_name)),
                name=names.of_row(model, entry.before),
                at=entry.at,
                who=who[entry.actor],
                is_back=(model, entry.record_id) in there,
                history_url=reverse("events:history", args=[model._meta.model_name, entry.record_id]),
            )
            for model, entry in rows
        ]
        return super().get_context_data(page_obj=page, deletions=deletions, **kwargs)
