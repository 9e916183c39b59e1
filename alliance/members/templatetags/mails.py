"""How the mails stand, for the page of operations."""

from django import template
from django.db.models import Count, Min, Q

from alliance.members.models import Mail, MailState

register = template.Library()

FAILED_SHOWN = 10


@register.inclusion_tag("members/mail/_queue.html", takes_context=True)
def mail_queue(context) -> dict[str, object]:
    """What waits, since when, and what was given up with its error; addresses only by their domain."""
    unsent = Q(state__in=[MailState.WAITING, MailState.SENDING])
    counts = Mail.objects.aggregate(
        waiting=Count("pk", filter=unsent),
        oldest=Min("created_at", filter=unsent),
        troubled=Count("pk", filter=unsent & ~Q(error="")),
        sent=Count("pk", filter=Q(state=MailState.SENT)),
        failed=Count("pk", filter=Q(state=MailState.FAILED)),
    )
    troubled = Mail.objects.filter(Q(state=MailState.FAILED) | (unsent & ~Q(error=""))).order_by("-updated_at", "-pk")
    return {
        **counts,
        "mails": [(mail, mail.to.rpartition("@")[2]) for mail in troubled[:FAILED_SHOWN]],
        "now": context["now"],
        "csrf_token": context.get("csrf_token"),
    }
