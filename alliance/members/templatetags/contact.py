"""Questions and answers that both sides agreed to publish, on the page that was asked about."""

from datetime import datetime, timedelta

from django import template

from alliance.events.templatetags.operations import duration
from alliance.members import inquiries, inquiry_figures
from alliance.members.models import Inquiry, InquiryMessage

register = template.Library()


@register.filter
def hours(span: float) -> str:
    """A span of hours in words, such as "5 hours" or "3 days"."""
    return duration(timedelta(hours=span))


@register.filter
def is_late(inquiry: Inquiry, now: datetime) -> bool:
    """Whether an open ticket should have been answered by now."""
    return inquiry.opened_at is not None and inquiry_figures.due_at(inquiry.opened_at) < now


@register.inclusion_tag("members/contact/_public_notes.html")
def public_notes(path: str) -> dict[str, object]:
    """The notes of a page, by its path without a language in front."""
    notes = inquiries.public_notes(path)
    questions: dict[int, str] = {}
    if notes:
        asked = InquiryMessage.objects.filter(inquiry__in=[one.pk for one, _answers in notes], from_asker=True)
        for message in asked.order_by("-created_at", "-pk"):
            questions[message.inquiry_id] = message.text
    return {"notes": [(inquiry, questions.get(inquiry.pk, ""), answers) for inquiry, answers in notes]}
