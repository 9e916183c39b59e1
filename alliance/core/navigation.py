"""The ways through the portal, as data: a new room adds its entry here and shows up in header and footer."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

VISITORS, MEMBERS, STAFF, CHAIRS = "visitors", "members", "staff", "chairs"


@dataclass(frozen=True)
class Entry:
    """A link by the name of its route, or by its path where no route has it; for all, or for some only."""

    label: str | Promise
    route: str
    audience: str = ""


#: Links of the header, in order. Each must resolve.
HEADER = (
    Entry(_("Use cases"), "usecases:list"),
    Entry(_("What works"), "practices:list"),
    Entry(_("Standards"), "standards:list"),
    Entry(_("Indicators"), "kpis:list"),
    Entry(_("Map"), "map"),
    Entry(_("Workspace"), "reporting:workspace", MEMBERS),
)

#: Columns of the footer. A route that is not there (yet) is left out, and so is a column without links.
FOOTER = (
    (
        pgettext_lazy("column of the footer", "Find"),
        (
            Entry(_("Use cases"), "usecases:list"),
            Entry(_("What works"), "practices:list"),
            Entry(_("Standards"), "standards:list"),
            Entry(_("Indicators"), "kpis:list"),
            Entry(_("Results"), "results:list"),
            Entry(_("Cities"), "cities:list"),
            Entry(_("Organisations"), "organisations:list"),
            Entry(_("World map"), "map"),
            Entry(_("Search everything"), "search"),
        ),
    ),
    (
        pgettext_lazy("column of the footer", "Take part"),
        (
            Entry(_("Your workspace"), "reporting:workspace", MEMBERS),
            Entry(_("Become a member"), "join:join"),
            Entry(_("Your organisations"), "own_organisations:list", MEMBERS),
            Entry(_("Propose a practice"), "practices:propose", MEMBERS),
            Entry(_("Ask the Alliance"), "contact:ask"),
            Entry(_("Create an account"), "account_signup", VISITORS),
            Entry(_("Sign in"), "account_login", VISITORS),
            Entry(_("Your account"), "account_email", MEMBERS),
            Entry(_("Sign out"), "account_logout", MEMBERS),
            Entry(_("Review"), "review:queue", STAFF),
            Entry(_("Inquiries"), "contact:inquiries", STAFF),
            Entry(_("Applications"), "membership:list", CHAIRS),
            Entry(_("Administration"), "admin:index", STAFF),
            Entry(_("Deleted records"), "events:deleted", STAFF),
            Entry(_("Operations"), "operations:overview", STAFF),
        ),
    ),
    (
        pgettext_lazy("column of the footer", "For programs"),
        (
            Entry(_("REST API"), "api:root"),
            Entry(_("Its documentation"), "api:docs"),
            Entry(_("Status"), "/readyz"),
        ),
    ),
    (
        pgettext_lazy("column of the footer", "How it is made"),
        (Entry(_("Style guide"), "styleguide"),),
    ),
)
