"""The admin: every page of every model answers, and lists cost the same for ten rows as for a thousand."""

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from alliance.core.admin import COUNTED_EXACTLY, QuickAdmin, QuickPaginator
from alliance.members.models import Interest, Organisation, TopicEditor, User
from kpis.models import Kpi, Result
from practices.models import Challenge, Practice
from reporting.models import Registration, VerificationCheck
from standards.models import Standard
from tests.members import join_recipes
from usecases.models import City, Status, Technology, UseCase

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
LABELS = [model._meta.label for model in MODELS]


@pytest.fixture
def chair(db) -> User:
    return User.objects.create_superuser("chair@example.org", name="The Chair")


@pytest.fixture
def office(client, chair):
    """A client that is signed in as a superuser."""
    client.force_login(chair, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def accounts(chair, reference_data):
    """A few rows of each table that the reference data leaves empty."""
    from allauth.account.models import EmailAddress
    from allauth.mfa.models import Authenticator
    from allauth.usersessions.models import UserSession

    Group.objects.create(name="Editors")
    TopicEditor.objects.create(topic="press", user=chair)
    works = join_recipes.member(olga="owner", carl="contributor")
    for n in range(2):
        join_recipes.waiting(organisation_name=f"Prova {n}")
        other = join_recipes.member(f"other-{n}", **{f"p{n}": "owner"})
        Interest.objects.create(kind="vendor-of", organisation=works, about=other)
    result = Result.objects.first()
    for n in range(2):
        VerificationCheck.objects.create(result=result, level=2, what="Its source", checked_on="2026-05-01")
        Registration.objects.create(
            organisation=works,
            title=f"Pilot {n}",
            city=City.objects.first(),
            vertical=result.use_case.vertical,
            kpi=result.kpi,
            unit=result.kpi.unit,
            expected_change_percent=-10,
            comparison="Two places",
            stop_rule="When it fails",
            starts_on="2027-01-01",
            due_on="2028-01-01",
        )
    practice = Practice.objects.order_by("pk").first()
    Challenge.objects.create(practice=practice, subject="grade", reason="It is too high.", signed="A reader")
    for number, user in enumerate([chair, *(User.objects.create_user(f"m{n}@example.org") for n in range(4))]):
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "JBSWY3DPEHPK3PXP"})
        UserSession.objects.create(user=user, session_key=str(number) * 32, ip="127.0.0.1", user_agent="test")


def page(model, name: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=arguments)


def test_every_model_of_ours_is_there():
    ours = {
        "kpis.Kpi", "kpis.Result", "members.Organisation", "members.User", "standards.Body", "standards.Edition",
        "standards.Standard", "usecases.City", "usecases.Country", "usecases.Lesson", "usecases.Participation",
        "usecases.Region", "usecases.StandardUse", "usecases.Technology", "usecases.UseCase", "usecases.Vertical",
    }  # fmt: skip
    assert ours <= set(LABELS)


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_each_page_answers(office, reference_data, accounts, model):
    listed = office.get(page(model, "changelist"))
    assert listed.status_code == 200
    assert office.get(page(model, "changelist") + "?q=water").status_code == 200
    row = model._default_manager.order_by("pk").first()
    assert row is not None, "nothing to look at"
    changed = office.get(page(model, "change", row.pk))
    assert changed.status_code == 200
    added = office.get(page(model, "add"))
    may_add = admin.site._registry[model].has_add_permission(listed.wsgi_request)
    assert added.status_code == (200 if may_add else 403)
    for answer in (listed, changed, *([added] if may_add else [])):
        html = answer.content.decode()
        assert not re.search(r"<script\b(?![^>]*(?:src=|json))|<style\b|<[a-z][^>]*\s(?:style|on[a-z]+)\s*=", html)


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_each_list_sorts_by_each_column(office, reference_data, accounts, model):
    columns = admin.site._registry[model].get_list_display(None)
    for index in range(len(columns)):
        assert office.get(page(model, "changelist") + f"?o={index + 1}").status_code == 200


MANY = [model for model in MODELS if model._meta.label not in ("auth.Group", "usecases.Vertical", "usecases.Region")]


@pytest.mark.parametrize("model", MANY, ids=[model._meta.label for model in MANY])
def test_a_list_costs_the_same_for_any_number_of_rows(office, reference_data, accounts, monkeypatch, model):
    """The number of queries of a page with two rows is that of a page with fifty."""
    url = page(model, "changelist")
    office.get(url)  # content types and the session are known from here on

    def queries(rows: int) -> int:
        monkeypatch.setattr(type(admin.site._registry[model]), "list_per_page", rows)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            answer = office.get(url)
        assert answer.status_code == 200
        assert answer.context["cl"].list_per_page == rows
        return len(captured)

    few, many = queries(1), queries(50)
    assert few == many


def test_lists_do_not_count_the_whole_table():
    slow = [
        label for label, model in zip(LABELS, MODELS, strict=True) if admin.site._registry[model].show_full_result_count
    ]
    assert slow in ([], ["auth.Group"])
    assert all(
        isinstance(admin.site._registry[model], QuickAdmin) and not admin.site._registry[model].date_hierarchy
        for model in MODELS
        if model is not Group
    )


def test_the_paginator_estimates_large_tables_and_limits_filtered_counts(db):
    rows = [Technology(slug=f"t-{n}", name=f"technology {n}") for n in range(COUNTED_EXACTLY + 2_000)]
    Technology.objects.bulk_create(rows, batch_size=4_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE usecases_technology")
    everything = QuickPaginator(Technology.objects.order_by("pk"), 50)
    with CaptureQueriesContext(connection) as captured:
        assert everything.count >= COUNTED_EXACTLY + 2_000
    assert not [query for query in captured.captured_queries if "COUNT" in query["sql"]]
    some = QuickPaginator(Technology.objects.filter(slug__startswith="t-"), 50)
    assert some.count == COUNTED_EXACTLY + 1
    assert QuickPaginator(Technology.objects.filter(slug="t-1"), 50).count == 1


def test_references_are_looked_up_and_not_listed():
    """A select box with a hundred thousand options would freeze the browser."""
    small = {"Vertical", "Region", "Group", "Permission"}
    for model, its_admin in admin.site._registry.items():
        looked_up = {*its_admin.autocomplete_fields, *its_admin.raw_id_fields, *its_admin.get_readonly_fields(None)}
        for field in model._meta.get_fields():
            if (field.many_to_one or field.many_to_many) and not field.auto_created and field.editable:
                if its_admin.fields is not None and field.name not in its_admin.fields:
                    continue
                through = getattr(field.remote_field, "through", None)
                if through is not None and not through._meta.auto_created:
                    continue
                assert (
                    field.name in looked_up
                    or field.related_model.__name__ in small
                    or not its_admin.has_change_permission(None)
                ), f"{model.__name__}.{field.name}"


@pytest.mark.parametrize(("field", "model"), [("use_case", Result), ("kpi", Result)])
def test_autocomplete_answers(office, reference_data, field, model):
    answer = office.get(
        reverse("admin:autocomplete"),
        {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field, "term": "a"},
    )
    assert answer.status_code == 200
    assert answer.json()["results"]


def test_saving_counts_the_version_and_keeps_the_rest(office, reference_data):
    organisation = Organisation.objects.order_by("pk").first()
    before = organisation.version
    answer = office.post(
        page(Organisation, "change", organisation.pk),
        {
            "name": organisation.name + " (renamed)",
            "slug": organisation.slug,
            "kind": organisation.kind,
            "url": organisation.url,
        },
    )
    assert answer.status_code == 302
    organisation.refresh_from_db()
    assert organisation.name.endswith(" (renamed)")
    assert organisation.version == before + 1
    assert organisation.updated_at - timezone.now() < timedelta(minutes=1)


def form_of(answer) -> dict[str, object]:
    """What a browser would send back unchanged."""
    data: dict[str, object] = {}
    forms = [answer.context["adminform"].form]
    for inline in answer.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for field in form:
            value = field.value()
            if value is None or value is False:
                continue
            data[field.html_name] = (
                [getattr(v, "pk", v) for v in value] if isinstance(value, (list, QuerySet)) else value
            )
    return data


def test_publishing_a_draft_dates_it_and_taking_it_back_undates_it(office, reference_data):
    case = UseCase.objects.order_by("pk").first()
    url = page(UseCase, "change", case.pk)
    for status, dated in ((Status.DRAFT, False), (Status.PUBLISHED, True), (Status.WITHDRAWN, True)):
        answer = office.post(url, form_of(office.get(url)) | {"status": status})
        assert answer.status_code == 302, answer.context["errors"]
        case.refresh_from_db()
        assert (case.status, case.published_at is not None) == (status, dated)


def test_a_broken_rule_of_the_database_is_a_message_and_not_a_crash(office, reference_data):
    case = UseCase.objects.filter(started_year__isnull=False).first()
    url = page(UseCase, "change", case.pk)
    answer = office.post(url, form_of(office.get(url)) | {"ended_year": case.started_year - 1})
    assert answer.status_code == 200
    assert "cannot end before it starts" in answer.content.decode()
    result = Result.objects.first()
    url = page(Result, "change", result.pk)
    data = form_of(office.get(url)) | {"result_value": "", "baseline_value": "", "relative_change_percent": ""}
    assert "Give a value after the change" in office.post(url, data).content.decode()


def test_a_standard_in_use_cannot_be_deleted(office, reference_data):
    standard = Standard.objects.filter(uses__isnull=False).first()
    answer = office.post(page(Standard, "delete", standard.pk), {"post": "yes"})
    assert answer.status_code == 200
    assert Standard.objects.filter(pk=standard.pk).exists()


def test_a_user_is_made_by_e_mail_address(office):
    answer = office.post(
        page(User, "add"),
        {
            "email": "Editor@Example.org",
            "name": "Ed",
            "usable_password": "true",
            "password1": "long-enough-7-staple",
            "password2": "long-enough-7-staple",
        },
    )
    assert answer.status_code == 302
    assert User.objects.get(email="Editor@example.org").check_password("long-enough-7-staple")


def test_secrets_of_second_factors_are_not_shown(office, accounts):
    from allauth.mfa.models import Authenticator

    html = office.get(
        page(Authenticator, "change", Authenticator.objects.get(user__name="The Chair").pk)
    ).content.decode()
    assert "JBSWY3DPEHPK3PXP" not in html
    assert "The Chair" in html


def test_deleting_a_session_signs_the_person_out(office, accounts):
    from allauth.usersessions.models import UserSession
    from django.test import Client

    other = Client()
    other.force_login(
        User.objects.create_user("ada@example.org"), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    assert other.get(reverse("account_email")).status_code == 200
    session = UserSession.objects.get(user__email="ada@example.org")
    office.post(page(UserSession, "delete", session.pk), {"post": "yes"})
    assert other.get(reverse("account_email")).status_code == 302


def test_the_admin_uses_the_portals_own_sign_in(client, db):
    answer = client.get("/admin/", follow=False)
    assert answer.status_code == 302
    answer = client.get(answer["Location"])
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=%2Fadmin%2F")


def test_members_are_kept_out(client, db):
    client.force_login(
        User.objects.create_user("ada@example.org"), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    assert client.get("/admin/", follow=True).status_code == 403
    assert client.get(page(Kpi, "changelist"), follow=True).status_code == 403
