"""Every address of the portal. Pages have a language in front of the path, except in English; programs have none."""

from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import include, path
from django.views.generic import TemplateView

from alliance import views
from alliance.core import styleguide
from alliance.members.operations_views import RetryMailsView
from kpis.use_case_filters import MeasuredUseCaseFilter
from reporting.file_views import give_out
from standards.views import StandardListView
from usecases.asking import AskCityView
from usecases.standard_filters import UsedStandardFilter
from usecases.views import UseCaseListView

handler400 = "alliance.core.errors.bad_request"
handler403 = "alliance.core.errors.permission_denied"
handler404 = "alliance.core.errors.not_found"
handler500 = "alliance.core.errors.server_error"

urlpatterns = [
    path("api/", include("alliance.api")),
    path("admin/", admin.site.urls),
    path("language/", include("django.conf.urls.i18n")),
    path("favicon.ico", views.favicon),
    path("files/<str:key>/<str:name>", give_out, name="file"),
    *i18n_patterns(
        path("", views.HomeView.as_view(), name="home"),
        path("search/", views.SearchView.as_view(), name="search"),
        path("map/", views.MapView.as_view(filterset_class=MeasuredUseCaseFilter), name="map"),
        # The lists of a lower floor with the filters that higher floors add; they stand before the floor's own address.
        # They have names of their own, by which links to other languages are made.
        path("use-cases/", UseCaseListView.as_view(filterset_class=MeasuredUseCaseFilter), name="use_cases"),
        path("standards/", StandardListView.as_view(filterset_class=UsedStandardFilter), name="standards"),
        path("use-cases/", include("usecases.urls")),
        path("standards/", include("standards.urls")),
        path("practices/", include("practices.urls")),
        path("kpis/", include("kpis.urls")),
        path("results/", include("kpis.result_urls")),
        path("cities/", include("usecases.city_urls")),
        path("organisations/", include("usecases.organisation_urls")),
        path("join/", include("alliance.members.join_urls")),
        path("membership/", include("alliance.members.membership_urls")),
        path("workspace/organisations/", include("alliance.members.own_organisation_urls")),
        path("workspace/tokens/", include("alliance.members.token_urls")),
        path("workspace/", include("reporting.urls")),
        path("review/", include("reporting.review_urls")),
        path("promises/", include("reporting.promise_urls")),
        path("history/", include("alliance.events.urls")),
        path("operations/mails/again/", RetryMailsView.as_view(), name="retry_mails"),
        path("operations/", include("alliance.events.operations_urls")),
        path("", include("alliance.members.notice_urls")),
        path("accounts/interests/", include("alliance.members.interest_urls")),
        path("accounts/data/", include("alliance.members.data_urls")),
        path("contact/city/", AskCityView.as_view(), name="ask_city"),
        path("contact/", include("alliance.members.contact_urls")),
        path("accounts/", include("alliance.members.urls")),
        path("accounts/", include("allauth.urls")),
        path(
            "styleguide/",
            TemplateView.as_view(template_name="styleguide.html", extra_context={"sample": styleguide.context}),
            name="styleguide",
        ),
        prefix_default_language=False,
    ),
]
