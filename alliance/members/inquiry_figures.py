"""How quickly tickets are answered."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.core.cache import cache
from django.utils import timezone

from alliance.members.models import Inquiry, InquiryState, InquiryTopic

#: Working days, Monday to Friday, within which an answer is promised.
PROMISED_DAYS = 3
#: Figures tell of tickets of so many days.
DAYS = 365
_KEPT_SECONDS = 600


@dataclass(frozen=True)
class Figures:
    """How tickets of one topic, or all, were answered.

    Attributes:
        count: tickets whose answer came, or was due; median_hours: to the first answer, None without any.
        in_time: how many of `count` were answered within PROMISED_DAYS.
        open: tickets that wait for an answer now.
    """

    label: str
    count: int
    median_hours: float | None
    in_time: int
    open: int

    @property
    def share(self) -> int | None:
        """In per cent, rounded down."""
        return self.in_time * 100 // self.count if self.count else None


def due_at(opened_at: datetime, days: int = PROMISED_DAYS) -> datetime:
    """When so many working days have passed; what comes on a weekend counts from Monday, 0:00 UTC."""
    moment = opened_at
    if moment.weekday() >= 5:
        moment = (moment + timedelta(days=7 - moment.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    for _ in range(days):
        moment += timedelta(days=1)
        while moment.weekday() >= 5:
            moment += timedelta(days=1)
    return moment


def figures() -> list[Figures]:
    """Of all topics together first, then of each topic that was asked about."""
    since = timezone.now() - timedelta(days=DAYS)
    asked = Inquiry.objects.filter(opened_at__gte=since).exclude(state=InquiryState.UNVERIFIED)
    by_topic: dict[str, list[tuple]] = defaultdict(list)
    for topic, *row in asked.values_list("topic", "state", "opened_at", "answered_at"):
        by_topic[topic].append(tuple(row))
        by_topic[""].append(tuple(row))
    now = timezone.now()
    return [
        _figures(label, by_topic[topic], now)
        for topic, label in (("", ""), *((topic.value, topic.label) for topic in InquiryTopic))
        if topic in by_topic or topic == ""
    ]


def _figures(label: object, rows: Iterable[tuple], now: datetime) -> Figures:
    hours, count, in_time, is_open = [], 0, 0, 0
    for state, opened_at, answered_at in rows:
        is_open += state == InquiryState.OPEN
        due = due_at(opened_at)
        if answered_at is not None:
            hours.append((answered_at - opened_at).total_seconds() / 3_600)
        # What who asked closed without an answer was not left unanswered.
        elif state == InquiryState.CLOSED or due > now:
            continue
        count += 1
        in_time += answered_at is not None and answered_at <= due
    return Figures(str(label), count, median(hours) if hours else None, in_time, is_open)


def public_figures() -> Figures:
    """Of all topics, kept for some minutes: everybody may ask for them."""
    kept = cache.get("inquiry-figures")
    if kept is None:
        kept = figures()[0]
        cache.set("inquiry-figures", kept, _KEPT_SECONDS)
    return kept
