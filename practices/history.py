"""Why a practice stood where: its places over the rankings, each with the changes of records that led to it.

A run keeps the kind of its cause; the changes themselves are in the change log, between the run and the one before.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, OuterRef, Q, Subquery
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from alliance.events.models import Change, Operation
from kpis.models import Result, ResultState
from practices.models import Challenge, ChallengeState, Implementation, Practice, RankingRun, Score
from usecases.models import UseCase

#: Places that are shown, and changes of one of them.
MOST_PLACES, MOST_CHANGES = 20, 6
#: Changes that are read for all places together.
MOST_READ = 2_000
#: Causes that are a change of a record, as a run keeps them.
OF_RECORDS = frozenset(
    {"correction or new result", "new or changed link", "challenge", "changed practice", "new practice"}
)
_RESULT, _LINK, _CHALLENGE, _PRACTICE = (
    model._meta.db_table for model in (Result, Implementation, Challenge, Practice)
)


@dataclass(frozen=True)
class Event:
    """A change in words: what, of what, and where it can be seen. `model`, `pk`: of the record, for its history."""

    words: str
    title: str
    url: str
    at: datetime
    model: str
    pk: int


@dataclass
class Place:
    """A practice's place in a run and what led to it."""

    score: Score
    events: list[Event] = field(default_factory=list)
    more: int = 0


def history_of(practice: Practice) -> list[Place]:
    """Places over the runs in which the place changed, the newest first. A fixed number of queries."""
    before = RankingRun.objects.filter(pk__lt=OuterRef("run_id")).order_by("-pk").values("created_at")[:1]
    scores = Score.objects.filter(practice=practice).exclude(cause="").select_related("run").defer("run__inputs")
    places = [Place(one) for one in scores.annotate(since=Subquery(before)).order_by("-run_id")[:MOST_PLACES]]
    wanted = [one for one in places if one.score.cause in OF_RECORDS]
    if not wanted:
        return places
    found = _events(practice, wanted)
    for place in wanted:
        since = getattr(place.score, "since", None)
        led = [one for one in found if (since is None or one.at > since) and one.at <= place.score.run.created_at]
        place.events, place.more = led[:MOST_CHANGES], max(0, len(led) - MOST_CHANGES)
    return places


def _events(practice: Practice, places: Iterable[Place]) -> list[Event]:
    """Changes of what the practice rests on since the oldest of these places, the newest first."""
    since = [getattr(one.score, "since", None) for one in places]
    entries = Change.objects.all()
    if None not in since:
        entries = entries.filter(at__gt=min(one for one in since if one))
    results = Result.objects.filter(use_case__implementations__practice=practice)
    keys = {
        _PRACTICE: [practice.pk],
        _RESULT: list(results.values_list("pk", flat=True)),
        _LINK: list(practice.implementations.values_list("pk", flat=True)),
        _CHALLENGE: list(practice.challenges.values_list("pk", flat=True)),
    }
    found = Q()
    for table, records in keys.items():
        found |= Q(table=table, record_id__in=records)
    # By itself, as the index of what links were of is found by these very words.
    was_of = RawSQL("((before->>'practice_id')::bigint)", [], output_field=BigIntegerField())
    gone = entries.filter(table=_LINK, before__isnull=False).annotate(was_of=was_of).filter(was_of=practice.pk)
    rows = {one.pk: one for some in (entries.filter(found), gone) for one in some.order_by("-position")[:MOST_READ]}
    changes = sorted(rows.values(), key=lambda one: -one.position)
    return _Names.of(practice, changes).told(changes)


@dataclass(frozen=True)
class _Names:
    """The records that changes are of, as they are now."""

    practice: Practice
    results: Mapping[int, Result]
    links: Mapping[int, Implementation]
    challenges: Mapping[int, Challenge]
    use_cases: Mapping[int, UseCase]

    @classmethod
    def of(cls, practice: Practice, changes: Iterable[Change]) -> "_Names":
        """Four queries."""
        keys: dict[str, set[int]] = defaultdict(set)
        for one in changes:
            keys[one.table].add(one.record_id or 0)
            if one.table == _LINK and one.before:
                keys["use_case"].add(one.before["use_case_id"])
        links = Implementation.objects.select_related("use_case").in_bulk(list(keys[_LINK]))
        keys["use_case"] |= {one.use_case_id for one in links.values()}
        results = Result.objects.select_related("kpi", "use_case__city")
        return cls(
            practice,
            results.in_bulk(list(keys[_RESULT])),
            links,
            Challenge.objects.select_related("practice").in_bulk(list(keys[_CHALLENGE])),
            UseCase.objects.visible_to(None).in_bulk(
                list(keys["use_case"] | {one.use_case_id for one in links.values()})
            ),
        )

    def told(self, changes: Iterable[Change]) -> list[Event]:
        """In words, the newest first as they come; what visitors never saw is left out."""
        after: dict[tuple[str, int], Mapping[str, Any] | None] = {}
        events = []
        for one in changes:
            key = (one.table, one.record_id or 0)
            event = self._event(one, after.get(key))
            after[key] = one.before
            if event is not None:
                events.append(event)
        return events

    def _event(self, one: Change, after: Mapping[str, Any] | None) -> Event | None:
        """`after`: the row as it was after the change; None: as it is now."""
        make = {
            _RESULT: self._of_result,
            _LINK: self._of_link,
            _CHALLENGE: self._of_challenge,
            _PRACTICE: self._of_practice,
        }
        return make[one.table](one, after)

    def _of_result(self, one: Change, after: Mapping[str, Any] | None) -> Event | None:
        result = self.results.get(one.record_id or 0)
        if result is None:
            return None
        state = after["state"] if after else result.state
        was_public = (one.before or {}).get("state") == ResultState.ACCEPTED
        if not was_public and state != ResultState.ACCEPTED:
            return None
        words = _("New result") if not was_public else _("Result corrected")
        if was_public and state != ResultState.ACCEPTED:
            words = _("Result taken back")
        is_public = result.state == ResultState.ACCEPTED
        title = f"{result.use_case.city.name}: {result.kpi.name}"
        return Event(words, title, result.get_absolute_url() if is_public else "", one.at, "result", result.pk)

    def _of_link(self, one: Change, after: Mapping[str, Any] | None) -> Event | None:
        link = self.links.get(one.record_id or 0)
        known = one.before["use_case_id"] if one.before else after["use_case_id"] if after else None
        case = self.use_cases.get(link.use_case_id if link else known or 0)
        if case is None:
            return None
        was_here = bool(one.before) and (one.before or {})["practice_id"] == self.practice.pk
        now = after["practice_id"] if after else link.practice_id if link else None
        told = _("Link of a use case changed") if was_here else _("Use case linked")
        if one.operation == Operation.DELETE or now != self.practice.pk:
            told = _("Use case taken away")
        return Event(told, case.title, case.get_absolute_url(), one.at, "implementation", one.record_id or 0)

    def _of_challenge(self, one: Change, after: Mapping[str, Any] | None) -> Event | None:
        challenge = self.challenges.get(one.record_id or 0)
        if challenge is None:
            return None
        is_open = (after["state"] if after else challenge.state) == ChallengeState.OPEN
        words = _("Challenge opened") if is_open else _("Challenge answered")
        url = f"{challenge.practice.get_absolute_url()}#challenges"
        return Event(words, challenge.get_subject_display(), url, one.at, "challenge", challenge.pk)

    def _of_practice(self, one: Change, after: Mapping[str, Any] | None) -> Event | None:
        words = _("New practice") if one.operation == Operation.INSERT else _("The practice was edited")
        return Event(words, "", "", one.at, "practice", one.record_id or 0)
