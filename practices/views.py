"""Pages of practices: the ranking, one practice, its challenges, proposals."""

import csv
import io
import zipfile
from dataclasses import asdict, fields, replace
from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView, View

from alliance.core.charts import scale_for
from alliance.members.models import Organisation, User
from alliance.members.policies import is_editor
from alliance.members.spam import Limit, is_over
from kpis.insight.views import refused
from practices import brief, movers, pages, ranking, services
from practices.candidates import rerun
from practices.forms import AnswerForm, ChallengeForm, ProposalForm, WeightsForm
from practices.history import history_of
from practices.models import Evidence, Practice, PracticeState, RankingRun
from practices.ranking import Candidate
from practices.rules import FOLDER, rule
from practices.subgroups import subgroups_of

#: Challenges and proposals of one person an hour.
LIMIT = Limit("person", 10)


class PracticeListView(TemplateView):
    """The ranking, by the stated rule or by the reader's own weights."""

    template_name = "practices/practice_list.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        context = self.get_context_data(**kwargs)
        return self.render_to_response(context, status=HTTPStatus.BAD_REQUEST if context["form"].errors else 200)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = WeightsForm(self.request.GET)
        form.is_valid()
        run = RankingRun.objects.first()
        practices = Practice.objects.public().select_related("primary_kpi", "vertical").order_by("name")
        rows = {row.practice.slug: row for row in pages.rows_of(practices)}
        weights = form.weights if run else {}
        candidates = [Candidate(**one) for one in run.rows if one["slug"] in rows] if run else []
        if weights and run:
            candidates = [self._fitted(one, rows[one.slug], form.cleaned_data) for one in candidates]
            order = ranking.rank_weighted(candidates, weights, run.as_of.year)
            moving = movers.movers(candidates, weights, run.as_of.year)
        elif run:
            section = rule(run.rule_version).sections["ranking"]
            order = ranking.rank(candidates, section)
            moving = movers.default_movers(candidates, section)
        else:
            order, moving = [], set()
        for one in order:
            row = rows[one.slug]
            row.place, row.band, row.total, row.moves = one.place, one.band, one.total, one.slug in moving
            row.lines = [asdict(line) for line in one.lines]
        ranked = [rows[one.slug] for one in order if one.place is not None]
        placed = {row.practice.slug for row in ranked}
        apart = sorted(
            (row for row in rows.values() if row.practice.slug not in placed),
            key=lambda row: (-row.measured_cities, row.practice.name),
        )
        return super().get_context_data(
            form=form,
            weights=weights,
            run=run,
            ranked=ranked,
            apart=apart,
            moving=[row for row in ranked if row.moves],
            scale=scale_for(row.point for row in ranked if row.point),
            may_propose=self.request.user.is_authenticated,
            is_editor=is_editor(self.request.user),
            **kwargs,
        )

    @staticmethod
    def _fitted(one: Candidate, row: pages.Row, given: dict[str, Any]) -> Candidate:
        """With the share of its measured cities that are of the reader's region and size, as far as chosen."""
        region, size = given.get("region"), given.get("size")
        places = [row.body["places"][city["city"]] for city in row.body["families"][0]["cities"]]
        if not places or not (region or size):
            return one
        alike = sum((not region or place[0] == region.slug) and (not size or place[1] == size) for place in places)
        return replace(one, fit=alike / len(places))


def find(slug: str, user: Any) -> Practice | str:
    """The practice at an address, or the address that stands for it now. Raises: Http404."""
    rows = Practice.objects.visible_to(user).select_related("primary_kpi", "vertical", "merged_into")
    practice = rows.filter(slug=slug).first()
    if practice is not None and practice.merged_into is None:
        return practice
    led_from = Q(merged__slug=slug) | Q(former_addresses__slug=slug) | Q(merged__former_addresses__slug=slug)
    moved = Practice.objects.public().filter(led_from).first()
    if moved is None:
        raise Http404
    return cast(str, moved.slug)


class PracticeView(TemplateView):
    """One practice: what a mayor asks, then the evidence."""

    template_name = "practices/practice_detail.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        found = find(kwargs["slug"], request.user)
        if isinstance(found, str):
            return redirect("practices:detail", found, permanent=True)
        evidence = Evidence.objects.filter(practice=found).first()
        page = pages.page_of(found, evidence) if evidence else None
        challenges = list(found.challenges.select_related("use_case"))
        latest = pages.latest_run()
        context = self.get_context_data(
            practice=found,
            page=page,
            subgroups=subgroups_of(page) if page else [],
            evidence=evidence,
            challenges=challenges,
            open_challenges=sum(one.state == "open" for one in challenges),
            history=history_of(found),
            score=found.scores.filter(run=latest).first() if latest else None,
            run=latest,
            is_editor=is_editor(request.user),
            answer_form=AnswerForm(),
        )
        return self.render_to_response(context)


class BriefView(View):
    """The one-page brief of a practice as PDF, in the reader's language."""

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        if (refusal := refused(request)) is not None:
            return refusal
        found = find(slug, request.user)
        if isinstance(found, str):
            return redirect("practices:brief", found, permanent=True)
        evidence = get_object_or_404(Evidence, practice=found)
        address = f"{settings.PORTAL_ORIGIN}{found.get_absolute_url()}"
        return HttpResponse(
            brief.pdf_of(pages.page_of(found, evidence), evidence, address),
            content_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="brief-{found.slug}.pdf"'},
        )


class ChallengeView(LoginRequiredMixin, TemplateView):
    """Open a challenge."""

    template_name = "practices/challenge_form.html"

    @method_decorator(never_cache)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def practice(self) -> Practice:
        return get_object_or_404(Practice.objects.public(), slug=self.kwargs["slug"])

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = ChallengeForm(request.POST, practice=self.practice)
        actor = cast(User, request.user)
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if is_over(LIMIT, "challenge", str(actor.pk)):
            form.add_error(None, _("That is enough for one hour. Come back a little later."))
            status = HTTPStatus.TOO_MANY_REQUESTS
        elif form.is_valid():
            services.open_challenge(practice=self.practice, challenge=form.save(commit=False), actor=actor)
            messages.success(request, _("Your challenge is public. The editors will answer it there."))
            return HttpResponseRedirect(self.practice.get_absolute_url() + "#challenges")
        return self.render_to_response(self.get_context_data(form=form), status=status)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs.setdefault("form", ChallengeForm(practice=self.practice))
        signed = services.signature(cast(User, self.request.user))
        return super().get_context_data(practice=self.practice, signed=signed, **kwargs)


class ProposeView(LoginRequiredMixin, TemplateView):
    """Propose a practice."""

    template_name = "practices/proposal_form.html"

    @method_decorator(never_cache)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        actor = cast(User, request.user)
        form = ProposalForm(request.POST)
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if is_over(LIMIT, "proposal", str(actor.pk)):
            form.add_error(None, _("That is enough for one hour. Come back a little later."))
            status = HTTPStatus.TOO_MANY_REQUESTS
        elif form.is_valid():
            proposed = services.propose_practice(
                practice=form.save(commit=False),
                use_case=form.cleaned_data["use_case"],
                reason=form.cleaned_data["reason"],
                actor=actor,
            )
            messages.success(request, _("The editors have your proposal. Others see it once it is accepted."))
            return HttpResponseRedirect(proposed.get_absolute_url())
        return self.render_to_response(self.get_context_data(form=form), status=status)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = cast(User, self.request.user)
        kwargs.setdefault("form", ProposalForm())
        is_member = is_editor(user) or Organisation.objects.of(user).exists()
        return super().get_context_data(is_member=is_member, **kwargs)


def inputs_csv(run: RankingRun) -> str:
    """The inputs of a run, one line a practice, numbers in full."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, [one.name for one in fields(Candidate)], lineterminator="\n")
    writer.writeheader()
    for one in run.rows:
        writer.writerow({name: repr(value) if isinstance(value, float) else value for name, value in one.items()})
    return out.getvalue()


class DownloadView(View):
    """A run to check elsewhere: its inputs, its rule, and the script that makes its order of them."""

    def get(self, request: HttpRequest, run: int) -> HttpResponse:
        found = get_object_or_404(RankingRun, pk=run)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inputs.csv", inputs_csv(found))
            archive.writestr("rule.toml", (FOLDER / f"{found.rule_version}.toml").read_bytes())
            archive.writestr("ranking.py", (FOLDER.parent / "ranking.py").read_bytes())
        return HttpResponse(
            packed.getvalue(),
            content_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="ranking-{found.pk}.zip"'},
        )


class RunView(TemplateView):
    """One run: its order as it was kept, and whether it comes out the same again."""

    template_name = "practices/run.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = get_object_or_404(RankingRun, pk=self.kwargs["run"])
        scores = list(run.scores.select_related("practice").order_by("place", "practice__slug"))
        again = {one.slug: (one.place, one.band) for one in rerun(run)}
        visible = [one for one in scores if one.practice.state != PracticeState.PROPOSED]
        return super().get_context_data(
            run=run,
            scores=[one for one in visible if one.place is not None],
            unplaced=sum(one.place is None for one in visible),
            is_reproduced=all(again.get(one.practice.slug) == (one.place, one.band) for one in scores),
        )
