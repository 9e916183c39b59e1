"""Organisations, as programs read them."""

from rest_framework import serializers

from alliance.core.api import column
from alliance.core.fields import ApiAddress, CodeField, Document, PageAddress, TextOrNull
from alliance.events.api import DocumentResource
from alliance.members.filters import OrganisationFilter
from alliance.members.models import Organisation, OrganisationKind


class OrganisationSerializer(Document):
    """Who runs, pays for, supplies or studies use cases."""

    slug = serializers.SlugField(read_only=True)
    name = serializers.CharField(read_only=True)
    url = PageAddress()
    api_url = ApiAddress("organisation-detail")
    kind = CodeField(OrganisationKind, nullable=True, help_text="Null: no source tells.")
    website = TextOrNull(source="url", help_text="Its own site; null: not known.")
    country = TextOrNull(help_text="ISO 3166-1 alpha-2; null: not known.")
    place = TextOrNull(help_text="City; null: not known, or the whole country.")
    about = TextOrNull(help_text="In its own words; null: it has written none.")
    member_since = serializers.DateField(read_only=True, allow_null=True, help_text="Null: not a member.")
    use_cases = ApiAddress("use-case-list", parameter="organisation", help_text="The use cases it takes part in.")
    updated_at = serializers.DateTimeField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    columns = (
        column("slug"),
        column("name"),
        column("kind"),
        column("website"),
        column("country"),
        column("place"),
        column("member_since"),
        column("url"),
        column("updated_at"),
    )


class OrganisationResource(DocumentResource):
    serializer_class = OrganisationSerializer
    filterset_class = OrganisationFilter
    resource, url_name, singular, plural = "organisations", "organisation", "organisation", "organisations"
    summary = "Cities, companies, universities and agencies that take part in use cases."
    one_row = True

    def get_queryset(self):
        return Organisation.objects.all()


resources = [OrganisationResource]
