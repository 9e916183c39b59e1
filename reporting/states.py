"""Where a report stands, and which moves there are: this table is the only one.

The database refuses any other move (the constraint `reporting_report_move_is_known`); docs/reporting.md draws it.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where a report stands."""

    DRAFT = "draft", _("Draft")
    SUBMITTED = "submitted", _("Submitted")
    CHANGES_REQUESTED = "changes-requested", _("Changes requested")
    ACCEPTED = "accepted", _("Accepted")
    SUPERSEDED = "superseded", _("Superseded")
    REJECTED = "rejected", _("Not accepted")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Party(models.TextChoices):
    """Who makes a move."""

    MEMBER = "member", _("the member who reports")
    EDITOR = "editor", _("an editor")
    PORTAL = "portal", _("the portal, when a correction is accepted or taken back")


#: (from, to) -> who moves a report so.
MOVES: dict[tuple[State, State], Party] = {
    (State.DRAFT, State.SUBMITTED): Party.MEMBER,
    (State.DRAFT, State.WITHDRAWN): Party.MEMBER,
    (State.SUBMITTED, State.CHANGES_REQUESTED): Party.EDITOR,
    (State.SUBMITTED, State.ACCEPTED): Party.EDITOR,
    (State.SUBMITTED, State.REJECTED): Party.EDITOR,
    (State.SUBMITTED, State.WITHDRAWN): Party.MEMBER,
    (State.CHANGES_REQUESTED, State.SUBMITTED): Party.MEMBER,
    (State.CHANGES_REQUESTED, State.REJECTED): Party.EDITOR,
    (State.CHANGES_REQUESTED, State.WITHDRAWN): Party.MEMBER,
    (State.ACCEPTED, State.SUPERSEDED): Party.PORTAL,
    (State.ACCEPTED, State.WITHDRAWN): Party.EDITOR,
    (State.SUPERSEDED, State.ACCEPTED): Party.PORTAL,
    (State.WITHDRAWN, State.DRAFT): Party.MEMBER,
}

#: In these the member may change the entries.
EDITABLE = (State.DRAFT, State.CHANGES_REQUESTED)
#: In these it is the editors' turn, or was.
REVIEWED = (State.SUBMITTED, State.CHANGES_REQUESTED, State.ACCEPTED, State.SUPERSEDED, State.REJECTED)


def is_allowed(before: str, after: str, party: Party) -> bool:
    """Whether this party may move a report so."""
    return MOVES.get((State(before), State(after))) == party
