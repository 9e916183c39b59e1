"""How the ready documents of standards are made."""

from django.db.models import BooleanField, OuterRef, Value

from alliance.events.documents import Kind, listed
from standards.api import StandardSerializer
from standards.documents import StandardDocument
from standards.models import Edition, Standard
from standards.search import SEARCHABLE

STANDARDS = Kind(
    name="standards",
    model=Standard,
    document=StandardDocument,
    serializer=StandardSerializer,
    columns={
        "slug": "slug",
        "designation": "designation",
        "title": "title",
        "body_slug": "body__slug",
        "kind": "kind",
        "layer": "layer",
        "verticals": "verticals",
        "aspects": "aspects",
        "statuses": listed(Edition.objects.filter(standard=OuterRef("pk")), "status"),
    },
    is_public=Value(True, output_field=BooleanField()),
    searchable=SEARCHABLE,
    watched={"body": ("slug", "name")},
).register()
