"""A token lets a program do what its owner may do, no more and no longer; its secret is nowhere in the database."""

from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse
from django.utils import timezone

from alliance.members import tokens
from alliance.members.models import ApiToken, Organisation, Scope, User
from alliance.members.tokens import make_token, recognise, revoke_token
from tests.reporting import recipes

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/reports/"


@pytest.fixture
def ada() -> User:
    return recipes.member()


def made(user: User, **more) -> tuple[ApiToken, str]:
    return make_token(actor=user, **{"name": "figures", "scopes": [Scope.READ, Scope.REPORT], "days": 30, **more})


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def test_a_token_is_recognised_and_its_secret_is_not_kept(ada):
    token, text = made(ada)
    assert text.startswith(f"alliance_{token.key}.")
    secret = text.partition(".")[2]
    assert len(secret) == 43
    assert recognise(text) == token
    kept = ApiToken.objects.filter(pk=token.pk).values().get()
    assert secret not in str(kept)
    assert kept["secret_digest"] != tokens.digest(secret, "another key of the portal")


def test_a_program_acts_as_the_owner(client, ada):
    _token, text = made(ada)
    assert client.get(ADDRESS).status_code == 401
    assert client.get(ADDRESS)["WWW-Authenticate"].startswith("Bearer")
    assert client.get(ADDRESS, headers=bearer(text)).status_code == 200


def test_public_records_are_read_with_a_token_and_kept_by_its_client_alone(client, ada, reference_data):
    answer = client.get("/api/v1/verticals/", headers=bearer(made(ada)[1]))
    assert answer.status_code == 200
    assert "private" in answer["Cache-Control"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text.replace("alliance_", "alliance_0", 1),
        lambda text: text.partition(".")[0],
        lambda text: "alliance_0000000000000000." + text.partition(".")[2],
        lambda text: "",
        lambda text: text + " " + text,
        lambda text: text.upper(),
        lambda text: "ü" * 50,
    ],
)
def test_a_wrong_token_is_refused_even_where_anybody_may_read(client, ada, spoil):
    _token, text = made(ada)
    for address in (ADDRESS, "/api/v1/"):
        answer = client.get(address, headers={"authorization": f"Bearer {spoil(text)}".encode().decode("latin-1")})
        assert answer.status_code == 401
        assert answer["Content-Type"] == "application/problem+json"


def test_it_ends_by_itself(client, ada):
    _token, text = made(ada, days=7)
    with time_machine.travel(timezone.now() + timedelta(days=6, hours=23)):
        assert client.get(ADDRESS, headers=bearer(text)).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1)):
        assert client.get(ADDRESS, headers=bearer(text)).status_code == 401


def test_it_ends_when_it_is_taken_back_and_when_its_owner_goes(client, ada):
    token, text = made(ada)
    _other, other_text = made(ada)
    revoke_token(token=token, actor=ada)
    assert client.get(ADDRESS, headers=bearer(text)).status_code == 401
    assert client.get(ADDRESS, headers=bearer(other_text)).status_code == 200
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert client.get(ADDRESS, headers=bearer(other_text)).status_code == 401


def test_a_token_without_the_scope_is_refused(client, ada):
    _token, reading = made(ada, scopes=[Scope.READ])
    _token, reporting = made(ada, scopes=[Scope.REPORT])
    assert client.get(ADDRESS, headers=bearer(reading)).status_code == 200
    refused = client.post("/api/v1/results/?dry_run=true", {}, content_type="application/json", headers=bearer(reading))
    assert (refused.status_code, "report" in refused.json()["detail"]) == (403, True)
    assert client.get(ADDRESS, headers=bearer(reporting)).status_code == 403


def test_a_token_of_one_organisation_sees_and_writes_no_other(client, ada):
    other = recipes.organisation()
    ada.memberships.create(organisation=other, role="contributor")
    first = Organisation.objects.of(ada).exclude(pk=other.pk).get()
    report = recipes.use_case_report(author=ada)
    assert report.organisation in (first, other)
    bound = other if report.organisation == first else first
    _token, text = made(ada, organisation=bound)
    assert client.get(ADDRESS, headers=bearer(text)).json()["results"] == []
    assert client.get(f"{ADDRESS}{report.key}/", headers=bearer(text)).status_code == 404
    refused = client.post(
        "/api/v1/use-cases/?dry_run=true",
        {**recipes.USE_CASE, "organisation": report.organisation.slug},
        content_type="application/json",
        headers=bearer(text),
    )
    assert [one["code"] for one in refused.json()["errors"]] == ["not-your-organisation"]


def test_an_editors_token_has_no_more_rights_than_the_second_factor_gives(client, settings):
    settings.STAFF_SECOND_FACTOR = True
    editor = User.objects.create_user("editor@example.org", "a long password", is_staff=True)
    _token, text = made(editor)
    foreign = recipes.use_case_report()
    assert client.get(f"{ADDRESS}{foreign.key}/", headers=bearer(text)).status_code == 404


def test_use_is_noted_at_most_every_five_minutes(ada, django_assert_num_queries):
    token, text = made(ada)
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as clock:
        ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() + timedelta(days=1))
        recognise(text)
        first = ApiToken.objects.get(pk=token.pk)
        assert first.last_used_at == timezone.now()
        clock.shift(299)
        with django_assert_num_queries(1):
            recognise(text)
        clock.shift(1)
        recognise(text)
        later = ApiToken.objects.get(pk=token.pk)
        assert later.last_used_at == timezone.now()
        assert later.version == first.version


def test_an_old_key_of_the_portal_still_opens(ada, settings):
    _token, text = made(ada)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another secret of the portal " * 3
    assert recognise(text) is not None
    settings.SECRET_KEY_FALLBACKS = []
    assert recognise(text) is None


@pytest.mark.parametrize(
    "more", [{"days": 366}, {"days": 0}, {"scopes": []}, {"scopes": ["everything"]}, {"name": "  "}]
)
def test_what_a_token_cannot_be(ada, more):
    with pytest.raises(ValidationError):
        made(ada, **more)


def test_nobody_makes_a_token_for_another_organisation_or_ends_anothers(ada):
    with pytest.raises(PermissionDenied):
        made(ada, organisation=recipes.organisation())
    token, _text = made(ada)
    with pytest.raises(PermissionDenied):
        revoke_token(token=token, actor=recipes.member())


def test_a_person_has_a_limited_number(ada):
    for _n in range(tokens.MOST_TOKENS):
        token, _text = made(ada)
    with pytest.raises(ValidationError):
        made(ada)
    revoke_token(token=token, actor=ada)
    made(ada)


# --- the page --------------------------------------------------------------------------------------------------------
PASSWORD = "long enough for a test"


@pytest.fixture
def signed_in(client, ada):
    """Signed in, some time ago."""
    ada.set_password(PASSWORD)
    ada.save()
    client.force_login(ada)
    return client


def confirm(client):
    """Say again who it is."""
    return client.post(f"{reverse('account_reauthenticate')}?next=/workspace/tokens/", {"password": PASSWORD})


FORM = {"name": "figures", "scopes": ["read", "report"], "days": "90", "organisation": ""}


def test_the_page_shows_a_token_once(signed_in, ada):
    confirm(signed_in)
    page = signed_in.post("/workspace/tokens/", FORM)
    assert page.status_code == 200
    token = ApiToken.objects.get(user=ada)
    text = page.context["text"]
    assert recognise(text) == token
    assert text in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    again = signed_in.get("/workspace/tokens/").content.decode()
    assert token.key in again
    assert text.partition(".")[2] not in again


def test_the_page_asks_again_who_it_is_before_it_makes_or_ends_one(signed_in, ada):
    token, _text = made(ada)
    assert signed_in.get("/workspace/tokens/").status_code == 200
    for address in (f"/workspace/tokens/{token.key}/revoke/", "/workspace/tokens/"):
        answer = signed_in.post(address, FORM)
        assert answer.status_code == 302
        assert "reauthenticate" in answer["Location"]
    assert ApiToken.objects.get(user=ada).revoked_at is None
    # What was asked for is done once the password has been given.
    page = confirm(signed_in)
    assert page.status_code == 200
    assert recognise(page.context["text"]).user == ada


def test_the_page_takes_a_token_back(signed_in, ada):
    confirm(signed_in)
    token, text = made(ada)
    assert signed_in.post(f"/workspace/tokens/{token.key}/revoke/").status_code == 302
    assert recognise(text) is None
    foreign, foreign_text = made(recipes.member())
    assert signed_in.post(f"/workspace/tokens/{foreign.key}/revoke/").status_code == 404
    assert recognise(foreign_text) == foreign


def test_the_page_is_for_those_who_are_signed_in(client):
    for answer in (client.get("/workspace/tokens/"), client.post("/workspace/tokens/", FORM)):
        assert answer.status_code == 302
        assert "login" in answer["Location"]
