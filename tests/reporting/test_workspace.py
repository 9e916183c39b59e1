"""The workspace: what is mine, what waits for me, what was said, what my records are used in; nothing of others."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from alliance.members.models import Invitation, Membership, Role, User
from reporting.states import State
from tests.kpis import recipes as kpi_recipes
from tests.reporting import recipes
from tests.usecases import recipes as use_case_recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]

HOME = "/workspace/"


def shown(client, user) -> str:
    client.force_login(user)
    return client.get(HOME).content.decode()


def test_visitors_sign_in_first(client):
    assert client.get(HOME).url == f"{reverse('account_login')}?next={HOME}"


def test_without_an_organisation_the_way_in_is_told(client):
    user = User.objects.create_user("nobody@example.org", "long enough for a test")
    text = shown(client, user)
    assert "You belong to no member organisation yet" in text
    assert reverse("reporting:new") not in text
    refused = client.get(reverse("reporting:new"))
    assert refused.status_code == 403
    assert "For whom do you report?" in refused.content.decode()


def test_a_reader_is_told_what_is_missing(client):
    user = recipes.member(role=Role.READER)
    text = shown(client, user)
    assert "ask an owner of your organisation for the role of a contributor" in text
    assert client.get(reverse("reporting:new")).status_code == 403


def test_an_empty_workspace_says_how_to_begin(client):
    assert "Ten answers make a use case that others can find" in shown(client, recipes.member())


def test_reports_stand_where_they_stand(client):
    draft = recipes.use_case_report(title="A draft of ours")
    sent = recipes.use_case_report(author=draft.author, title="With the editors now", submit=True)
    waiting = recipes.use_case_report(author=draft.author, title="Waits for our answer", submit=True)
    waiting.state = State.CHANGES_REQUESTED
    waiting.save()
    waiting.comments.create(field="title", text="Shorter?", author=None)
    client.force_login(draft.author)
    answer = client.get(HOME)
    workspace = answer.context["workspace"]
    assert [report.pk for report in workspace.drafts] == [draft.pk]
    assert [report.pk for report in workspace.sent] == [sent.pk]
    assert [(report.pk, report.open_comments) for report in workspace.waiting] == [(waiting.pk, 1)]
    text = answer.content.decode()
    assert text.index("Waits for our answer") < text.index("A draft of ours") < text.index("With the editors now")


def test_nothing_of_another_organisation_is_there(client):
    recipes.use_case_report(title="Their secret bins")
    user = recipes.member()
    assert "Their secret bins" not in shown(client, user)


@pytest.mark.parametrize("name", ["report", "submit", "thanks", "close", "page", "presence"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_address_tells_that_there_is_such_a_report(client, name, method):
    report = recipes.use_case_report()
    client.force_login(recipes.member())
    arguments = [report.key, "basics"] if name in ("page", "presence") else [report.key]
    answer = getattr(client, method)(reverse(f"reporting:{name}", args=arguments), {"title": "Mine now"})
    assert answer.status_code in (404, 405)
    assert report.entries["title"] not in answer.content.decode()
    report.refresh_from_db()
    assert report.entries["title"] == recipes.USE_CASE["title"]


def test_a_reader_reads_and_does_not_write(client):
    report = recipes.use_case_report()
    client.force_login(recipes.member(organisation=report.organisation, role=Role.READER))
    assert client.get(report.get_absolute_url()).status_code == 200
    for name, arguments in (("page", [report.key, "basics"]), ("submit", [report.key])):
        assert client.get(reverse(f"reporting:{name}", args=arguments)).status_code == 403
        assert client.post(reverse(f"reporting:{name}", args=arguments), {"title": "x"}).status_code == 403
    assert client.post(reverse("reporting:close", args=[report.key])).status_code == 403


def test_invitations_wait(client):
    user = recipes.member(email="ana@example.org")
    other = recipes.organisation(name="Water Works of Testing")
    fields = {"organisation": other, "email": "Ana@example.org", "expires_at": timezone.now() + timedelta(days=1)}
    Invitation.objects.create(token_digest="1" * 64, **fields)
    assert "Water Works of Testing asks you to join." in shown(client, user)
    Invitation.objects.update(revoked_at=timezone.now())
    assert "asks you to join" not in shown(client, user)


def test_use_of_my_records_is_told_with_numbers(client):
    user = recipes.member()
    own = Membership.objects.get(user=user).organisation
    kpi = kpi_recipes.kpi(name="Time to walk to a tree")
    case = use_case_recipes.use_case(organisations=[own.name])
    case.participations.update(organisation=own)
    kpi_recipes.result(kpi=kpi, use_case=case)
    for _n in range(2):
        kpi_recipes.result(kpi=kpi)
    kpi_recipes.result(kpi=kpi, state="draft")
    text = shown(client, user)
    assert "Time to walk to a tree" in text
    assert "1 of the 3 results is yours" in text
    assert f"{reverse('reporting:new_result')}?use_case={case.slug}" in text


def test_a_result_begins_with_its_use_case(client):
    client.force_login(recipes.member())
    answer = client.get(f"{reverse('reporting:new_result')}?use_case=surtrac-pittsburgh")
    (control,) = [one for one in answer.context["form"].controls if one.name == "use_case"]
    assert control.value == "surtrac-pittsburgh"
    assert "Pittsburgh" in control.understood


def test_with_several_organisations_one_is_chosen(client):
    user = recipes.member()
    second = recipes.organisation(name="Another City")
    Membership.objects.create(user=user, organisation=second, role=Role.CONTRIBUTOR)
    client.force_login(user)
    page = client.get(reverse("reporting:new"))
    assert 'name="organisation"' in page.content.decode()
    client.post(reverse("reporting:new"), {"title": "Ours", "organisation": second.slug, "seen": "{}"})
    assert second.reports.get().author == user


def test_the_header_leads_members_to_it(client):
    assert f'href="{HOME}"' not in client.get("/standards/").content.decode()
    assert f'href="{HOME}"' in shown(client, recipes.member())


@pytest.mark.parametrize("kind", ["city", "kpi", "use-case", "standard", "organisation"])
def test_lists_while_typing_show_what_is_public_and_what_is_mine(client, kind):
    texts = {"city": "Medel", "kpi": "travel time", "use-case": "bins", "standard": "37120", "organisation": "City of"}
    own = recipes.use_case_report(title="Bins of our own")
    recipes.use_case_report(title="Bins of theirs")
    client.force_login(own.author)
    answer = client.get(reverse("reporting:suggestions", args=[kind]), {"q": texts[kind]}).json()["options"]
    assert answer
    words = [label for _value, label in answer]
    if kind == "use-case":
        assert "Bins of our own" in words
        assert "Bins of theirs" not in words
    assert client.get(reverse("reporting:suggestions", args=[kind]), {"q": " "}).json() == {"options": []}
    assert client.get(reverse("reporting:suggestions", args=["secrets"])).status_code == 404
    client.logout()
    assert client.get(reverse("reporting:suggestions", args=[kind]), {"q": "x"}).status_code == 302


def test_the_number_of_queries_does_not_grow(client, django_assert_max_num_queries):
    author = recipes.member()
    for n in range(12):
        recipes.use_case_report(author=author, title=f"Bins {n}")
    client.force_login(author)
    client.get(HOME)
    with django_assert_max_num_queries(25):
        client.get(HOME)


def test_an_editor_without_an_organisation_is_led_to_the_reports_that_wait(client):
    editor = recipes.editor()
    report = recipes.use_case_report(submit=True)
    report.assigned_to = editor
    report.save()
    text = shown(client, editor)
    assert f"{reverse('review:queue')}?whose=mine" in text
    assert "1 report" in text
    assert "You belong to no member organisation yet" not in text
    assert reverse("review:queue") not in shown(client, recipes.member()).partition("<footer")[0]
