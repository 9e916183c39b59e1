"""Who may say that a result was checked, at which level, and what readers see of it."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse

from alliance.members.models import Interest, Notification
from kpis.models import Result, Verification
from reporting import reviewing, verifying
from tests.reporting import recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]

EVIDENCE, PEER, INDEPENDENT = verifying.LEVELS


@pytest.fixture
def result() -> Result:
    report = recipes.submitted(recipes.result_report(source=""))
    return reviewing.accept_report(report=report, actor=recipes.editor(), version=report.version).result


@pytest.fixture
def university():
    return recipes.organisation(name="University of Testing", slug="uni-of-testing", kind="academia")


def check(result, actor, level, organisation=None):
    return verifying.check_result(
        result=result, actor=actor, level=level, what="The table against the export.", organisation=organisation
    )


def test_levels_rise_one_after_the_other_and_never_fall(result, university):
    editor, peer = recipes.editor(), recipes.member()
    assert result.verification == Verification.DECLARED
    check(result, editor, EVIDENCE)
    check(result, peer, PEER, recipes.organisation_of(peer))
    scientist = recipes.member(organisation=university)
    verifying.name_checker(result=result, actor=editor, organisation=university)
    check(result, scientist, INDEPENDENT, university)
    check(result, editor, EVIDENCE)
    result.refresh_from_db()
    assert result.verification == Verification.INDEPENDENT
    assert result.checks.count() == 4


def test_the_page_says_who_when_and_what_and_the_api_the_level(client, result):
    peer = recipes.member()
    check(result, peer, PEER, recipes.organisation_of(peer))
    page = client.get(result.get_absolute_url()).content.decode()
    assert "The table against the export." in page
    assert recipes.organisation_of(peer).name in page
    assert client.get(reverse("api:result-detail", args=[result.slug])).json()["verification"] == 2


def test_nobody_checks_what_the_own_organisation_or_a_tied_one_took_part_in(result, university):
    own = recipes.member(organisation=result.reported_by)
    vendor = recipes.member()
    Interest.objects.create(organisation=recipes.organisation_of(vendor), kind="vendor-of", about=result.reported_by)
    partner = recipes.member(organisation=result.use_case.organisations.first())
    result.use_case.organisations.update(member_since="2020-01-01")
    owner_of_interest = recipes.member()
    Interest.objects.create(user=owner_of_interest, kind="employed-by", about=result.reported_by)
    for user in (own, vendor, partner, owner_of_interest):
        with pytest.raises(PermissionDenied):
            check(result, user, PEER, recipes.organisation_of(user))
    editor = recipes.editor()
    Interest.objects.create(user=editor, kind="other", about=result.reported_by)
    with pytest.raises(PermissionDenied):
        check(result, editor, EVIDENCE)
    with pytest.raises(PermissionDenied):
        verifying.name_checker(result=result, actor=editor, organisation=university)


def test_a_peer_writes_for_a_member(result):
    reader = recipes.member(role="reader")
    outsider = recipes.member(organisation=recipes.organisation(member_since=None))
    other = recipes.member()
    for user in (reader, outsider):
        with pytest.raises(PermissionDenied):
            check(result, user, PEER, recipes.organisation_of(user))
    with pytest.raises(PermissionDenied):
        check(result, other, PEER)
    with pytest.raises(PermissionDenied):
        check(result, other, PEER, recipes.organisation_of(reader))
    with pytest.raises(PermissionDenied):
        check(result, other, EVIDENCE)


def test_only_who_was_named_verifies_independently(result, university):
    editor, scientist = recipes.editor(), recipes.member(organisation=university)
    with pytest.raises(PermissionDenied):
        check(result, scientist, INDEPENDENT, university)
    with pytest.raises(PermissionDenied):
        verifying.name_checker(result=result, actor=scientist, organisation=university)
    verifying.name_checker(result=result, actor=editor, organisation=university)
    verifying.name_checker(result=result, actor=editor, organisation=university)
    assert Notification.objects.filter(user=scientist, kind="result-mandate").count() == 1
    # An interest that is declared afterwards counts as well.
    Interest.objects.create(organisation=university, kind="funded-by", about=result.reported_by)
    with pytest.raises(PermissionDenied):
        check(result, scientist, INDEPENDENT, university)


@pytest.mark.parametrize("kind", ["municipality", "large-corporation", ""])
def test_a_vendor_or_a_city_is_not_named(result, kind):
    with pytest.raises(ValidationError):
        verifying.name_checker(result=result, actor=recipes.editor(), organisation=recipes.organisation(kind=kind))


def test_the_form_notes_a_check_and_refuses_what_is_not_allowed(client, result):
    peer = recipes.member()
    client.force_login(peer)
    address = reverse("review:check", args=[result.slug])
    sent = {
        "level": int(PEER),
        "organisation": recipes.organisation_of(peer).pk,
        "what": "Read it.",
        "checked_on": "2026-01-02",
    }
    assert client.post(address, {**sent, "level": int(INDEPENDENT)}).status_code == 400
    assert client.post(address, {**sent, "checked_on": "2999-01-02"}).status_code == 400
    assert client.post(address, {**sent, "what": " "}).status_code == 400
    assert client.post(address, sent).status_code == 302
    assert result.checks.get().what == "Read it."
    client.force_login(recipes.member(organisation=result.reported_by))
    assert client.post(address, sent).status_code == 403
    client.logout()
    assert client.post(address, sent).status_code == 302
    assert result.checks.count() == 1
