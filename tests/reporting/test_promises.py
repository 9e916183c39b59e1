"""A promise is sealed before the pilot starts, changed by nobody afterwards, and shown beside its result."""

import hashlib
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from alliance.members.models import Membership, Organisation, User
from kpis.models import Kpi, Result
from reporting import promising
from reporting.models import Registration
from reporting.promising import PromiseRefusedError
from usecases.models import City, Vertical

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]

FORM = {
    "organisation": "testing",
    "title": "Prices that follow demand",
    "city": "San Francisco",
    "vertical": "mobility",
    "kpi": "ALL-PRK-SEARCH",
    "baseline_value": "11,5",
    "unit": "minute",
    "baseline_on": "2026-05-01",
    "expected_change_percent": "-30 %",
    "comparison": "Two districts without it, 200 drives each",
    "stop_rule": "When more than 5 % of the shops close",
}


def form(**changed: str) -> dict[str, str]:
    today = timezone.now().date()
    dates = {"starts_on": str(today + timedelta(days=30)), "due_on": str(today + timedelta(days=400))}
    return {**FORM, **dates, **changed}


@pytest.fixture
def organisation(db) -> Organisation:
    return Organisation.objects.create(name="City of Testing", slug="testing", member_since="2020-01-01")


@pytest.fixture
def ada(organisation) -> User:
    user = User.objects.create_user("ada@example.org")
    Membership.objects.create(user=user, organisation=organisation, role="contributor")
    return user


@pytest.fixture
def promise(organisation, ada) -> Registration:
    today = timezone.now().date()
    return Registration.objects.create(
        organisation=organisation,
        author=ada,
        title="Prices that follow demand",
        city=City.objects.get(name="San Francisco"),
        vertical=Vertical.objects.get(code="mobility"),
        kpi=Kpi.objects.get(code="ALL-PRK-SEARCH"),
        unit="minute",
        baseline_value=Decimal("11.5"),
        expected_change_percent=Decimal(-30),
        comparison="Two districts without it",
        stop_rule="When shops close",
        starts_on=today,
        due_on=today + timedelta(days=100),
    )


def sealed(promise: Registration) -> Registration:
    return promising.seal(registration=promise, actor=promise.author, version=promise.version)


def test_a_promise_is_entered_like_a_report_and_sealed(client, ada):
    client.force_login(ada)
    answer = client.post(reverse("promises:new"), form())
    one = Registration.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, reverse("promises:detail", args=[one.key]))
    assert (one.baseline_value, one.expected_change_percent, one.unit) == (Decimal("11.5"), Decimal(-30), "minute")
    client.post(answer["Location"], {"seal": "1", "version": str(one.version)})
    one.refresh_from_db()
    assert one.sealed_at is not None
    client.logout()
    page = client.get(answer["Location"]).content.decode()
    assert one.seal in page
    assert "Prices that follow demand" in client.get(reverse("promises:list")).content.decode()


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"kpi": "xyzzy"}, "kpi", "No indicator is called"),
        ({"city": "Atlantis"}, "city", "No city on our map"),
        ({"unit": "tonne"}, "unit", "cannot be converted"),
        ({"expected_change_percent": "a lot"}, "expected_change_percent", "a lot"),
        ({"due_on": "2020-01-01"}, "due_on", "after the start"),
        ({"stop_rule": ""}, "stop_rule", "required"),
    ],
)
def test_what_cannot_be_read_is_told_at_its_field_and_kept(client, ada, changed, field, words):
    client.force_login(ada)
    answer = client.post(reverse("promises:new"), form(**changed))
    assert answer.status_code == 422
    assert words in " ".join(answer.context["form"].errors[field])
    assert "Two districts without it, 200 drives each" in answer.content.decode()
    assert not Registration.objects.exists()


def test_the_seal_is_the_hash_of_the_text_that_is_shown(promise):
    one = sealed(promise)
    assert one.seal == hashlib.sha256(promising.sealed_text(one).encode()).hexdigest()
    one.refresh_from_db()
    assert promising.is_intact(one)
    one.title = "Something else"
    assert not promising.is_intact(one)


@pytest.mark.parametrize(
    "change",
    [
        {"expected_change_percent": Decimal(-10)},
        {"due_on": date(2099, 1, 1)},
        {"stop_rule": "never"},
        {"seal": "0" * 64},
        {"sealed_at": None, "seal": ""},
    ],
)
def test_nothing_of_a_sealed_promise_can_be_changed_even_in_the_database(promise, change):
    one = sealed(promise)
    with pytest.raises(IntegrityError), transaction.atomic():
        Registration.objects.filter(pk=one.pk).update(**change)


def test_a_pilot_that_has_begun_cannot_be_promised(promise):
    Registration.objects.filter(pk=promise.pk).update(starts_on=timezone.now().date() - timedelta(days=1))
    promise.refresh_from_db()
    with pytest.raises(PromiseRefusedError, match="has started"):
        sealed(promise)


def test_who_seals_must_have_seen_the_newest_text(promise, ada):
    seen = promise.version
    promise.title = "Changed meanwhile"
    promise.save()
    with pytest.raises(PromiseRefusedError, match="Somebody changed"):
        promising.seal(registration=promise, actor=ada, version=seen)


def test_drafts_are_seen_by_the_organisation_alone(promise, client, ada):
    address = reverse("promises:detail", args=[promise.key])
    assert client.get(address).status_code == 404
    client.force_login(User.objects.create_user("eve@example.org"))
    assert client.get(address).status_code == 404
    assert promise.title not in client.get(reverse("promises:list")).content.decode()
    client.force_login(ada)
    assert client.get(address).status_code == 200
    assert promise.title in client.get(reverse("promises:list")).content.decode()


def test_strangers_seal_and_answer_nothing(promise):
    eve = User.objects.create_user("eve@example.org")
    with pytest.raises(PermissionDenied):
        promising.seal(registration=promise, actor=eve, version=promise.version)
    one = sealed(promise)
    with pytest.raises(PermissionDenied):
        promising.answer(registration=one, result=promising.answers(one)[0], actor=eve)


def test_a_result_is_shown_against_the_promise(promise, client, ada):
    one = sealed(promise)
    result = Result.objects.get(use_case__slug="sfpark-san-francisco", kpi=one.kpi)
    client.force_login(ada)
    address = reverse("promises:detail", args=[one.key])
    client.post(address, {"result": result.slug})
    one.refresh_from_db()
    kept = promising.kept(one)
    assert (one.result, kept.promised, kept.measured, kept.is_better) == (result, Decimal(-30), Decimal(-43), True)
    assert kept.share == Decimal(-43) / Decimal(-30) * 100
    page = client.get(address).content.decode()
    assert "−30" in page
    assert "−43" in page


def test_a_result_of_another_indicator_answers_nothing(promise, ada):
    one = sealed(promise)
    other = Result.objects.exclude(kpi=one.kpi).first()
    with pytest.raises(PromiseRefusedError, match="another indicator"):
        promising.answer(registration=one, result=other, actor=ada)


def test_overdue_promises_stand_first_on_the_public_list(promise, client, monkeypatch):
    one = sealed(promise)
    later = timezone.now() + timedelta(days=120)
    monkeypatch.setattr("reporting.promise_views.timezone.now", lambda: later)
    answer = client.get(reverse("promises:list"))
    assert answer.context["counts"] == {"overdue": 1, "waiting": 0, "answered": 0}
    assert list(answer.context["page"]) == [one]
    assert "20 days ago" in answer.content.decode()
    assert list(promising.overdue()) == [one]


def test_the_list_asks_no_more_for_more_promises(promise, client, django_assert_max_num_queries):
    sealed(promise)
    for number in range(12):
        promise.pk, promise.key, promise.title = None, f"promise{number}", f"Pilot {number}"
        promise._state.adding = True
        promise.sealed_at, promise.seal, promise.version = None, "", 1
        promise.save()
        sealed(promise)
    with django_assert_max_num_queries(6):
        client.get(reverse("promises:list"))
