"""Practices, their evidence and rankings for programs. Computed things, so no filters and no writes."""

import json
from pathlib import Path
from typing import Any

from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from alliance.core.api import Endpoint
from practices.certainty_words import line_sentences
from practices.evidence import with_results
from practices.models import Evidence, Practice, RankingRun, Score
from practices.ranking_words import reason
from practices.rules import rule
from practices.serializers import EvidenceSerializer, PracticesSerializer, RankingSerializer
from practices.views import find

#: Real answers, shortened; a test holds them against the description.
EXAMPLES = json.loads(Path(__file__).with_name("api_examples.json").read_text(encoding="utf-8"))


def _answer(serializer: type, example: str) -> OpenApiResponse:
    value = EXAMPLES[example]
    return OpenApiResponse(
        serializer, description="", examples=[OpenApiExample("real", value=value, media_type="application/json")]
    )


def _absolute(request: Request, name: str, key: Any) -> str:
    return request.build_absolute_uri(reverse(name, args=[key]))


class PracticesView(Endpoint):
    """All practices in the order of the newest ranking."""

    operation_id, summary = "practices_list", "List practices in their order"
    description = "Practices in the order of the newest ranking; at the end, by name, those without enough evidence."
    answers = {200: _answer(PracticesSerializer, "practices")}

    def get(self, request: Request) -> Response:
        run = RankingRun.objects.defer("inputs").first()
        scores = {one.practice_id: one for one in Score.objects.filter(run=run)} if run else {}
        bodies = dict(Evidence.objects.values_list("practice_id", "body"))
        rows = Practice.objects.public().select_related("primary_kpi", "vertical").order_by("name", "pk")

        def place(one: Practice) -> tuple[bool, int]:
            score = scores.get(one.pk)
            return (score is None or score.place is None, (score.place if score else 0) or 0)

        found = [
            self._told(request, one, scores.get(one.pk), bodies[one.pk])
            for one in sorted(rows, key=place)
            if one.pk in bodies
        ]
        return Response({"ranking": _absolute(request, "api:ranking", run.pk) if run else None, "results": found})

    @staticmethod
    def _told(request: Request, one: Practice, score: Score | None, body: dict[str, Any]) -> dict[str, Any]:
        primary = body["families"][0]
        return {
            "slug": one.slug,
            "name": one.name,
            "summary": one.summary,
            "vertical": one.vertical.code,
            "state": one.state,
            "primary_kpi": one.primary_kpi.slug,
            "place": score.place if score else None,
            "band": score.band if score else None,
            "certainty": body["certainty"]["grade"],
            "cities": len(primary["cities"]),
            "missing_cities": primary["missing_cities"],
            "change_percent": primary["pooled"] and primary["pooled"]["change_percent"],
            "interval_percent": primary["pooled"] and primary["pooled"]["interval"],
            "use_cases": body["use_cases"],
            "harm_confirmed": one.harm_confirmed,
            "evidence": _absolute(request, "api:practice-evidence", one.slug),
            "page": _absolute(request, "practices:detail", one.slug),
            "brief": _absolute(request, "practices:brief", one.slug),
        }


class EvidenceView(Endpoint):
    """What the results of one practice add up to."""

    operation_id, summary = "practices_evidence", "Read the evidence of one practice"
    has_key = True
    description = (
        "Results by indicator, the primary one first, their effects as log ratios, the mean of cities, and the lines "
        "that add up to the certainty. 301 for a practice that was merged into another."
    )
    query_parameters = (OpenApiParameter("slug", str, OpenApiParameter.PATH, description="The slug of the practice."),)
    answers = {200: _answer(EvidenceSerializer, "evidence")}

    def get(self, request: Request, slug: str) -> Response:
        found = find(slug, None)
        if isinstance(found, str):
            address = _absolute(request, "api:practice-evidence", found)
            return Response({"moved_to": address}, 301, headers={"Location": address})
        evidence = Evidence.objects.filter(practice=found).first()
        if evidence is None:
            raise Http404(f"There is no evidence of “{slug[:80]}” yet.")
        body = with_results(evidence.body, found, rule(evidence.rule_version))
        kept = body["certainty"]["lines"]
        lines = [{**line, "text": text} for line, text in zip(kept, line_sentences(kept), strict=True)]
        return Response(
            {
                "rule_version": evidence.rule_version,
                "inputs_hash": evidence.inputs_hash,
                "as_of": evidence.as_of,
                **body,
                "certainty": {**body["certainty"], "lines": lines},
            }
        )


class RankingView(Endpoint):
    """One ranking with its inputs and the lines of each score."""

    operation_id, summary = "rankings_read", "Read one ranking"
    has_key = True
    description = "The order of one run, its inputs, and the lines that add up to each score."
    query_parameters = (OpenApiParameter("run", int, OpenApiParameter.PATH, description="The number of the run."),)
    answers = {200: _answer(RankingSerializer, "ranking")}

    def get(self, request: Request, run: int) -> Response:
        found = RankingRun.objects.filter(pk=run).first()
        if found is None:
            raise Http404(f"There is no ranking {run}.")
        scores = found.scores.select_related("practice").order_by("place", "practice__slug")
        return Response(
            {
                "run": found.pk,
                "as_of": found.as_of,
                "rule_version": found.rule_version,
                "inputs_hash": found.inputs_hash,
                "download": _absolute(request, "practices:download", found.pk),
                "inputs": found.rows,
                "scores": [
                    {
                        "practice": one.practice.slug,
                        "place": one.place,
                        "band": one.band,
                        "total": one.total,
                        "lines": [
                            {**{key: line[key] for key in line if key != "because"}, "text": reason(line)}
                            for line in one.lines
                        ],
                        "cause": one.cause,
                    }
                    for one in scores
                ],
            }
        )
