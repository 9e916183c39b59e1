"""Practices as they go into the ranking, and the runs that are kept of it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import date
from hashlib import sha256
from typing import Any

from django.db import transaction

from practices.models import Evidence, Practice, RankingRun, Score
from practices.ranking import Candidate, Line, Ranked, rank
from practices.rules import NEWEST, Rule, rule


def candidates() -> list[Candidate]:
    """Every public practice as it goes into the ranking. Two queries, more where what is usual is not known."""
    from practices import parts

    rows = list(
        Evidence.objects.filter(practice__in=Practice.objects.public())
        .order_by("practice__slug")
        .values_list("practice__slug", "practice__primary_kpi_id", "candidate")
    )
    usual, least = parts.usual({kpi for _slug, kpi, _told in rows}), rule().sections["ranking"]["smallest_usual"]
    return [
        Candidate(slug=slug, usual=max(least, usual[kpi]) if kpi in usual else 1.0, **told) for slug, kpi, told in rows
    ]


def told(line: Line) -> dict[str, Any]:
    """A line of a score, ready for JSON."""
    return {"name": line.name, "points": line.points, "code": line.code, "params": dict(line.params)}


def inputs_hash(rows: Iterable[Candidate], used: Rule) -> str:
    told = json.dumps([used.digest, [asdict(one) for one in rows]], sort_keys=True)
    return sha256(told.encode()).hexdigest()


@transaction.atomic
def make_run(as_of: date, causes: dict[str, str]) -> RankingRun | None:
    """Rank, and keep the run, unless nothing that counts has changed since the last one."""
    used = rule()
    rows = candidates()
    digest = inputs_hash(rows, used)
    last = RankingRun.objects.defer("inputs").first()
    if last is not None and last.inputs_hash == digest:
        return None
    before = {} if last is None else dict(last.scores.values_list("practice__slug", "place"))
    run = RankingRun.objects.create(
        as_of=as_of,
        rule_version=used.version,
        inputs_hash=digest,
        inputs={one.name: [getattr(row, one.name) for row in rows] for one in fields(Candidate)},
        causes=causes,
    )
    keys = dict(Practice.objects.filter(slug__in=[one.slug for one in rows]).values_list("slug", "pk"))
    Score.objects.bulk_create(
        [
            Score(
                run=run,
                practice_id=keys[one.slug],
                place=one.place,
                band=one.band,
                total=one.total,
                lines=[told(line) for line in one.lines],
                cause=_cause(one, before, causes, last),
            )
            for one in rank(rows, used.sections["ranking"])
        ],
        batch_size=500,
    )
    return run


def _cause(one: Ranked, before: Mapping[str, int | None], causes: Mapping[str, str], last: RankingRun | None) -> str:
    """Why a practice stands elsewhere than before; empty when it does not."""
    if last is None:
        return "first ranking"
    if one.slug not in before:
        return causes.get(one.slug, "new practice")
    if before[one.slug] == one.place:
        return ""
    if last.rule_version != NEWEST:
        return "rule"
    return causes.get(one.slug, "other practices moved")


def rerun(run: RankingRun) -> list[Ranked]:
    """The order of a run, computed again from what it kept."""
    return rank([Candidate(**one) for one in run.rows], rule(run.rule_version).sections["ranking"])
