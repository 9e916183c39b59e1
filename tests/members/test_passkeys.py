"""Passkeys and security keys, in a real browser under the portal's content security policy."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator

from alliance.members.models import User
from tests.members.conftest import PASSWORD
from usecases.models import City, Country, Region

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ada(transactional_db) -> User:
    user = User.objects.create_user("ada@example.org", PASSWORD, name="Ada")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def sign_in(page) -> None:
    page.goto("/accounts/login/")
    page.fill("input[name=login]", "ada@example.org")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/")
    # Whoever changes how they sign in proves once more that it is they.
    page.goto("/accounts/reauthenticate/?next=/accounts/2fa/")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/accounts/2fa/")


def sign_out(page) -> None:
    page.goto("/accounts/logout/")
    page.locator("main form button").click()
    page.wait_for_url("**/")


def add_key(page, *, passwordless: bool) -> None:
    page.goto("/accounts/2fa/webauthn/add/")
    if passwordless:
        page.check("input[name=passwordless]")
    page.click("#mfa_webauthn_add")
    page.wait_for_url(lambda url: "webauthn/add" not in url)


def who(page) -> str | None:
    """The address of who is signed in."""
    page.goto("/accounts/email/")
    return "ada@example.org" if "ada@example.org" in page.inner_text("main") else None


def test_a_passkey_replaces_the_password(browser_page, ada):
    with browser_page() as page:
        sign_in(page)
        add_key(page, passwordless=True)
        assert Authenticator.objects.filter(type="webauthn").get().wrap().is_passwordless
        sign_out(page)
        assert who(page) is None
        page.goto("/accounts/login/")
        page.click("#passkey_login")
        page.wait_for_url(lambda url: "login" not in url)
        assert who(page) == "ada@example.org"
        page.goto("/accounts/2fa/webauthn/")
        assert "Passkey" in page.inner_text("main")


def test_a_security_key_is_asked_for_after_the_password(browser_page, ada):
    with browser_page() as page:
        sign_in(page)
        add_key(page, passwordless=False)
        sign_out(page)
        page.goto("/accounts/login/")
        page.fill("input[name=login]", "ada@example.org")
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url("**/accounts/2fa/authenticate/**")
        assert who(page) is None
        page.goto("/accounts/2fa/authenticate/")
        page.click("#mfa_webauthn_authenticate")
        page.wait_for_url(lambda url: "authenticate" not in url)
        assert who(page) == "ada@example.org"


def test_a_key_can_be_renamed_and_removed(browser_page, ada):
    with browser_page() as page:
        sign_in(page)
        add_key(page, passwordless=True)
        key = Authenticator.objects.get(type="webauthn")
        page.goto(f"/accounts/2fa/webauthn/keys/{key.pk}/edit/")
        page.fill("input[name=name]", "The blue one")
        page.click("#mfa_webauthn_edit")
        page.wait_for_url("**/accounts/2fa/webauthn/")
        assert "The blue one" in page.inner_text("main")
        page.goto(f"/accounts/2fa/webauthn/keys/{key.pk}/remove/")
        page.locator("main form button[type=submit]").click()
        page.wait_for_url("**/accounts/2fa/**")
        assert not Authenticator.objects.filter(type="webauthn").exists()


def test_a_key_that_does_not_know_its_owner_is_explained_in_words(browser_page, ada):
    with browser_page(knows_its_owner=False) as page:
        page.goto("/accounts/login/")
        trouble = page.locator("[data-passkey-trouble]")
        assert not trouble.is_visible()
        page.click("#passkey_login")
        trouble.wait_for(state="visible")
        assert "was not used" in trouble.inner_text()
        assert who(page) is None


def test_at_another_address_the_page_names_the_right_one(browser_page, ada, settings):
    with browser_page() as page:
        settings.PORTAL_ORIGIN = "http://portal.example"
        page.goto("/accounts/login/")
        page.click("#passkey_login")
        trouble = page.locator("[data-passkey-trouble]")
        trouble.wait_for(state="visible")
        assert "http://portal.example" in trouble.inner_text()


def test_the_admin_works_under_the_policy(browser_page, ada):
    User.objects.update(is_staff=True, is_superuser=True)
    region = Region.objects.create(slug="test-europe", name="Test Europe")
    country, _created = Country.objects.get_or_create(code="PT", defaults={"name": "Portugal", "region": region})
    City.objects.create(
        slug="new-lisbon",
        name="New Lisbon",
        country=country,
        latitude=38,
        longitude=-9,
        source="https://source.example",
    )
    with browser_page() as page:
        sign_in(page)
        for path in ("/admin/", "/admin/usecases/usecase/", "/admin/usecases/usecase/add/", "/admin/members/user/add/"):
            assert page.goto(path).status == 200
        page.goto("/admin/usecases/usecase/add/")
        page.locator("#id_title").press_sequentially("Quiet buses at night")
        assert page.input_value("#id_slug") == "quiet-buses-at-night"
        page.locator(".field-city .select2-selection").click()
        page.locator(".select2-dropdown .select2-search__field").fill("New Lisbon")
        page.locator(".select2-results__option", has_text="New Lisbon").click()
        assert page.locator(".field-city .select2-selection").inner_text().strip().endswith("New Lisbon")


def test_account_pages_stand_under_the_policy_and_axe(browser_page, ada):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = {}
    with browser_page() as page:
        paths = ["login/", "signup/", "password/reset/"]
        for path in paths:
            page.goto(f"/accounts/{path}")
            found[path] = axe.Axe().run(page).response["violations"]
        sign_in(page)
        for path in (
            "email/",
            "password/change/",
            "2fa/",
            "2fa/totp/activate/",
            "2fa/webauthn/add/",
            "sessions/",
            "logout/",
        ):
            page.goto(f"/accounts/{path}")
            found[path] = axe.Axe().run(page).response["violations"]
    assert {
        path: [(v["id"], v["nodes"][0]["html"]) for v in violations] for path, violations in found.items() if violations
    } == {}
