"""The least that is valid; a test states what matters to it."""

from itertools import count

from alliance.members.models import Membership, Organisation, User
from practices.models import Implementation, Practice, PracticeState
from tests.kpis import recipes as kpi_recipes
from tests.usecases import recipes as use_case_recipes

_number = count(1)


def person(organisation: str = "", **fields) -> User:
    """Somebody who can sign in, as a member of an organisation where one is named."""
    user = User.objects.create_user(email=f"person-{next(_number)}@example.org", password="long enough", **fields)
    if organisation:
        slug = organisation.lower().replace(" ", "-")
        there = Organisation.objects.get_or_create(slug=slug, defaults={"name": organisation})[0]
        Membership.objects.create(user=user, organisation=there, role="contributor")
    return user


def practice(changes=(), **fields) -> Practice:
    """An accepted practice; each change in percent is measured by a use case of a city of its own."""
    n = next(_number)
    kpi = fields.pop("primary_kpi", None) or kpi_recipes.kpi()
    values = {
        "slug": f"practice-{n}",
        "name": f"Practice {n}",
        "summary": "Several cities can repeat it.",
        "vertical": kpi.vertical,
        "primary_kpi": kpi,
        "state": PracticeState.ACCEPTED,
    }
    row = Practice.objects.create(**values | fields)
    for change in changes:
        measure(row, change)
    return row


def measure(row: Practice, change: float, **fields):
    """A result of a new use case of the practice, in a city of its own unless one is given."""
    place = {"city": fields.pop("city")} if "city" in fields else {}
    case = use_case_recipes.use_case(**place)
    Implementation.objects.create(practice=row, use_case=case, reason="It does this.")
    values = {"use_case": case, "kpi": row.primary_kpi, "relative_change_percent": change, "measured_year": 2025}
    return kpi_recipes.result(**values | fields)
