"""The threads of a report beside the fields that they are about, and answers in place."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.http import QueryDict
from django.utils.functional import Promise

from alliance.core.whole_numbers import whole_number
from alliance.members.models import User
from reporting.fields import FORMS
from reporting.forms import page_of
from reporting.models import Comment, Report
from reporting.reviewing import comment

#: In front of the names of answers.
REPLY = "reply."


@dataclass
class Thread:
    """A remark and what was answered."""

    first: Comment
    replies: list[Comment] = field(default_factory=list)

    @property
    def all(self) -> list[Comment]:
        return [self.first, *self.replies]

    @property
    def is_open(self) -> bool:
        return self.first.resolved_at is None

    @property
    def name(self) -> str:
        """Of the control with the answer."""
        return f"{REPLY}{self.first.pk}"

    @property
    def label(self) -> str | Promise:
        """The words of the field; empty for the report as a whole."""
        known = FORMS[self.first.report.kind].by_name.get(self.first.field)
        return known.label if known else ""

    @property
    def page(self) -> str:
        """On which the field stands."""
        return page_of(self.first.report.kind, self.first.field)


def threads_of(report: Report) -> list[Thread]:
    """All threads, the open ones first, then by date. One query."""
    found: dict[int, Thread] = {}
    for one in report.comments.select_related("author", "report"):
        if one.thread_id is None:
            found[one.pk] = Thread(one)
        elif one.thread_id in found:
            found[one.thread_id].replies.append(one)
    return sorted(found.values(), key=lambda thread: not thread.is_open)


def by_field(threads: list[Thread]) -> dict[str, list[Thread]]:
    """The open ones, by the field that they are about."""
    found: dict[str, list[Thread]] = {}
    for thread in threads:
        if thread.is_open:
            found.setdefault(thread.first.field, []).append(thread)
    return found


def replies_in(data: QueryDict) -> Mapping[int, str]:
    """Primary key of the thread -> the answer that was sent."""
    sent = {name.removeprefix(REPLY): str(text).strip() for name, text in data.items() if name.startswith(REPLY)}
    return {thread: text for key, text in sent.items() if (thread := whole_number(key)) is not None and text}


def reply(*, report: Report, actor: User, answers: Mapping[int, str]) -> int:
    """Keep answers in their threads; the same one sent twice is kept once. Returns: how many are new.

    Raises: PermissionDenied; ValidationError.
    """
    made = 0
    for thread in report.comments.filter(pk__in=answers, thread=None):
        text = answers[thread.pk]
        if not thread.replies.filter(author=actor, text=text).exists():
            comment(report=report, actor=actor, text=text, thread=thread)
            made += 1
    return made
