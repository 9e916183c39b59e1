"""The least that is valid; a test states what matters to it."""

from decimal import Decimal
from itertools import count

from django.utils import timezone

from alliance.members.models import Organisation, User
from usecases.models import City, Country, Lesson, Participation, Region, Status, Technology, UseCase, Vertical

_number = count(1)


def visitor_of_staff() -> User:
    """Somebody who may see drafts."""
    n = next(_number)
    return User.objects.create_user(email=f"editor-{n}@example.org", password="long enough for a test", is_staff=True)


def city(**fields) -> City:
    n = next(_number)
    region, _created = Region.objects.get_or_create(slug="test-region", defaults={"name": "Test region"})
    country, _created = Country.objects.get_or_create(code="XA", defaults={"name": "Testland", "region": region})
    values = {
        "slug": f"town-{n}",
        "name": f"Town {n}",
        "country": country,
        "latitude": Decimal("12.5"),
        "longitude": Decimal("-71.25"),
        "source": "https://example.org/cities",
    }
    return City.objects.create(**values | fields)


def use_case(*, technologies=(), organisations=(), lessons=(), **fields) -> UseCase:
    """A published use case; names of technologies, organisations and lessons come as texts."""
    n = next(_number)
    vertical = fields.pop("vertical", "mobility")
    place = fields.pop("city", None) or city()
    values = {
        "slug": f"case-{n}",
        "title": f"Case {n}",
        "status": Status.PUBLISHED,
        "city": place,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "stage": "pilot",
        "problem": "Something was wrong.",
        "solution": "The city did something.",
        "source": "https://example.org/case",
    } | fields
    values.setdefault("published_at", None if values["status"] == Status.DRAFT else timezone.now())
    row = UseCase.objects.create(vertical=Vertical.objects.get_or_create(code=vertical)[0], **values)
    for name in technologies:
        slug = name.lower().replace(" ", "-")
        row.technologies.add(Technology.objects.get_or_create(slug=slug, defaults={"name": name})[0])
    for position, name in enumerate(organisations):
        slug = name.lower().replace(" ", "-")
        organisation = Organisation.objects.get_or_create(slug=slug, defaults={"name": name})[0]
        Participation.objects.create(use_case=row, organisation=organisation, position=position)
    for position, advice in enumerate(lessons):
        Lesson.objects.create(use_case=row, position=position, advice=advice)
    return row
