"""The list of use cases as one would usually write it with DRF and django-filter: nothing of the portal's own ways."""

import django_filters
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import generics, pagination, serializers

from alliance.members.models import Organisation
from standards.models import Standard
from usecases.models import City, Country, Lesson, Participation, Region, StandardUse, Technology, UseCase, Vertical


class RegionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Region
        fields = ["slug", "name"]


class CountrySerializer(serializers.ModelSerializer):
    region = RegionSerializer()

    class Meta:
        model = Country
        fields = ["code", "name", "region"]


class CitySerializer(serializers.ModelSerializer):
    country = CountrySerializer()

    class Meta:
        model = City
        fields = ["slug", "name", "country", "population", "size_band"]


class VerticalSerializer(serializers.ModelSerializer):
    name = serializers.CharField(source="get_code_display")

    class Meta:
        model = Vertical
        fields = ["code", "name"]


class TechnologySerializer(serializers.ModelSerializer):
    class Meta:
        model = Technology
        fields = ["slug", "name"]


class OrganisationSerializer(serializers.ModelSerializer):
    class Meta:
        model = Organisation
        fields = ["slug", "name", "kind"]


class ParticipationSerializer(serializers.ModelSerializer):
    organisation = OrganisationSerializer()

    class Meta:
        model = Participation
        fields = ["organisation", "role"]


class StandardSerializer(serializers.ModelSerializer):
    class Meta:
        model = Standard
        fields = ["slug", "designation", "title", "layer"]


class StandardUseSerializer(serializers.ModelSerializer):
    standard = StandardSerializer()
    edition = serializers.CharField(source="edition.designation", default=None)

    class Meta:
        model = StandardUse
        fields = ["standard", "edition", "state", "problems_met", "source"]


class LessonSerializer(serializers.ModelSerializer):
    class Meta:
        model = Lesson
        fields = ["context", "cause", "effect", "advice", "confidence", "source"]


class UseCaseSerializer(serializers.ModelSerializer):
    vertical = VerticalSerializer()
    city = CitySerializer()
    technologies = TechnologySerializer(many=True)
    participations = ParticipationSerializer(many=True)
    standard_uses = StandardUseSerializer(many=True)
    lessons = LessonSerializer(many=True)

    class Meta:
        model = UseCase
        fields = [
            "slug",
            "title",
            "status",
            "vertical",
            "city",
            "latitude",
            "longitude",
            "stage",
            "started_year",
            "ended_year",
            "problem",
            "solution",
            "technologies",
            "participations",
            "standard_uses",
            "lessons",
            "covid_relevance",
            "cost_amount",
            "cost_currency",
            "city_from_outset",
            "alliance_from_outset",
            "source",
            "published_at",
            "updated_at",
            "version",
        ]


class UseCaseFilter(django_filters.FilterSet):
    q = django_filters.CharFilter("title", "icontains")
    vertical = django_filters.CharFilter("vertical__code")
    region = django_filters.CharFilter("city__country__region__slug")
    stage = django_filters.CharFilter("stage")
    sort = django_filters.OrderingFilter(fields={"started_year": "newest"})


class Pages(pagination.PageNumberPagination):
    page_size = 50


class UseCaseView(generics.ListAPIView):
    permission_classes = []
    serializer_class = UseCaseSerializer
    filterset_class = UseCaseFilter
    filter_backends = [DjangoFilterBackend]
    pagination_class = Pages
    queryset = (
        UseCase.objects.filter(status="published")
        .select_related("vertical", "city__country__region")
        .prefetch_related(
            "technologies",
            "participations__organisation",
            "standard_uses__standard",
            "standard_uses__edition",
            "lessons",
        )
        .order_by("-started_year", "pk")
    )
