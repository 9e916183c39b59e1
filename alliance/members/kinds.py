"""How the ready documents of organisations are made."""

from django.db.models import BooleanField, Value

from alliance.events.documents import Kind
from alliance.members.api import OrganisationSerializer
from alliance.members.documents import OrganisationDocument
from alliance.members.filters import SEARCHABLE
from alliance.members.models import Organisation

ORGANISATIONS = Kind(
    name="organisations",
    model=Organisation,
    document=OrganisationDocument,
    serializer=OrganisationSerializer,
    columns={"slug": "slug", "name": "name", "kind": "kind"},
    is_public=Value(True, output_field=BooleanField()),
    searchable=SEARCHABLE,
).register()
