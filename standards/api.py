"""Standards bodies and standards, as programs read them."""

from rest_framework import serializers

from alliance.core.api import Resource, column
from alliance.core.fields import ApiAddress, CodeField, Document, PageAddress, TextOrNull
from alliance.core.verticals import VerticalCode
from alliance.events.api import DocumentResource
from standards.filters import BodyFilter, StandardFilter
from standards.models import Access, Aspect, Body, EditionStatus, IprTerms, Layer, Standard, StandardKind


class BodyShortSerializer(serializers.Serializer):
    """A body where another record names it."""

    slug = serializers.SlugField(read_only=True)
    name = serializers.CharField(read_only=True)


class BodySerializer(Document):
    """A standards body."""

    slug = serializers.SlugField(read_only=True)
    name = serializers.CharField(read_only=True)
    url = PageAddress(help_text="Its standards, as a page.")
    api_url = ApiAddress("body-detail")
    standards = ApiAddress("standard-list", parameter="body", help_text="Its standards, as a list of this API.")
    updated_at = serializers.DateTimeField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    columns = (column("slug"), column("name"), column("url"), column("updated_at"))


class EditionSerializer(serializers.Serializer):
    """One published text of a standard."""

    designation = serializers.CharField(read_only=True, help_text="With year or version.")
    title = serializers.CharField(read_only=True)
    year = serializers.IntegerField(read_only=True)
    status = CodeField(EditionStatus)
    supersedes = TextOrNull(
        source="supersedes_designation", help_text="The earlier document, as the source names it; null: none named."
    )
    url = TextOrNull(help_text="Its page at the publisher; null: not known.")
    source = serializers.CharField(read_only=True, help_text="Where title and year were checked.")


class StandardSerializer(Document):
    """A standard or specification through all its editions."""

    slug = serializers.SlugField(read_only=True)
    designation = serializers.CharField(read_only=True, help_text="Without year or version.")
    title = serializers.CharField(read_only=True, help_text="Of the newest edition.")
    url = PageAddress()
    api_url = ApiAddress("standard-detail")
    body = BodyShortSerializer(read_only=True)
    kind = CodeField(StandardKind)
    layer = CodeField(Layer, help_text="Layer of the European Interoperability Framework.")
    verticals = serializers.ListField(child=CodeField(VerticalCode), read_only=True, help_text="Codes of the fields.")
    aspects = serializers.ListField(child=CodeField(Aspect), read_only=True, help_text="Non-functional concerns.")
    summary = TextOrNull()
    rfp_use = TextOrNull(help_text="What to ask for in a tender.")
    access = CodeField(Access, nullable=True, help_text="What reading it costs; null: not known.")
    ipr_terms = CodeField(IprTerms, nullable=True, help_text="Terms for essential patents; null: not known.")
    editions = EditionSerializer(many=True, read_only=True, help_text="The newest first.")
    use_cases = ApiAddress("use-case-list", parameter="standard", help_text="The use cases that name it.")
    updated_at = serializers.DateTimeField(read_only=True)
    version = serializers.IntegerField(read_only=True)

    relations = {"editions": "editions"}
    columns = (
        column("slug"),
        column("designation"),
        column("title"),
        column("body", "body.name"),
        column("kind"),
        column("layer"),
        column("verticals"),
        column("aspects"),
        column("summary"),
        column("rfp_use"),
        column("access"),
        column("ipr_terms"),
        column("editions", "editions.designation"),
        column("edition_years", "editions.year"),
        column("edition_statuses", "editions.status"),
        column("sources", "editions.source"),
        column("url"),
        column("updated_at"),
    )


class BodyResource(Resource):
    serializer_class = BodySerializer
    filterset_class = BodyFilter
    resource, url_name, singular, plural = "bodies", "body", "standards body", "standards bodies"
    summary = "Who publishes standards."
    one_row = True

    def get_queryset(self):
        return Body.objects.all()


class StandardResource(DocumentResource):
    serializer_class = StandardSerializer
    filterset_class = StandardFilter
    resource, url_name, singular, plural = "standards", "standard", "standard", "standards"
    summary = "Standards and specifications that matter to cities, each with all its editions."

    def get_queryset(self):
        return Standard.objects.select_related("body").prefetch_related("editions")


resources = [StandardResource, BodyResource]
