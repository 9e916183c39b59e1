"""What editors ask stands at the field it is about, and the member answers there, while saving the page."""

import json

import pytest
from django.urls import reverse

from reporting import merging, reviewing
from reporting.models import Comment, Report
from tests.reporting import recipes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]


@pytest.fixture
def asked(client):
    """A use case that was handed back with a question about its title, and its author signed in."""
    report = recipes.use_case_report(submit=True)
    editor = recipes.editor()
    reviewing.comment(report=report, actor=editor, text="Which bins?", field="title")
    report = reviewing.request_changes(report=report, actor=editor, version=report.version)
    client.force_login(report.author)
    return report


def address(report: Report, page: str = "basics") -> str:
    return reverse("reporting:page", args=[report.key, page])


def seen(report: Report) -> str:
    return json.dumps(merging.seen(merging.texts_of(report)))


def answers(report: Report) -> list[str]:
    return list(Comment.objects.filter(report=report).exclude(thread=None).values_list("text", flat=True))


def test_a_question_stands_at_its_field_and_nowhere_else(client, asked):
    text = client.get(address(asked)).content.decode()
    thread = asked.comments.get()
    assert text.index('name="title"') < text.index("Which bins?") < text.index('name="city"')
    assert f'name="reply.{thread.pk}"' in text
    assert "Which bins?" not in client.get(address(asked, "money")).content.decode()


def test_an_answer_is_kept_with_the_page_once(client, asked):
    thread = asked.comments.get()
    sent = {"title": "Park bins", f"reply.{thread.pk}": "Those in parks.", "seen": seen(asked), "action": "next"}
    client.post(address(asked), sent)
    asked.refresh_from_db()
    assert asked.entries["title"] == "Park bins"
    assert answers(asked) == ["Those in parks."]
    client.post(address(asked), {**sent, "seen": seen(asked)})
    assert answers(asked) == ["Those in parks."]


def test_saving_while_typing_does_not_send_half_an_answer(client, asked):
    thread = asked.comments.get()
    sent = {"title": "Park bins", f"reply.{thread.pk}": "Those in", "seen": seen(asked)}
    client.post(address(asked), sent, headers={"accept": "application/json"})
    assert answers(asked) == []


def test_the_page_of_the_report_shows_all_threads_and_takes_a_remark(client, asked):
    thread = asked.comments.get()
    text = client.get(asked.get_absolute_url()).content.decode()
    assert "Which bins?" in text
    assert f"{address(asked)}#id_title" in text
    replies = reverse("reporting:replies", args=[asked.key])
    client.post(replies, {f"reply.{thread.pk}": "Those in parks.", "text": "And thank you."})
    assert answers(asked) == ["Those in parks."]
    assert asked.comments.filter(thread=None, text="And thank you.", author=asked.author).exists()


def test_a_settled_thread_is_not_at_the_field_any_more(client, asked):
    reviewing.resolve(thread=asked.comments.get(), actor=recipes.editor())
    assert "Which bins?" not in client.get(address(asked)).content.decode()
    text = client.get(asked.get_absolute_url()).content.decode()
    assert "Which bins?" in text
    assert "Settled." in text


@pytest.mark.parametrize("number", ["99999999", "1; DROP", "9" * 30, "-1"])
def test_an_answer_to_no_thread_is_left_out(client, asked, number):
    client.post(address(asked), {"title": "Park bins", f"reply.{number}": "Hello", "seen": seen(asked)})
    assert answers(asked) == []


def test_threads_of_another_report_take_no_answer(client, asked):
    other = recipes.use_case_report(submit=True)
    thread = reviewing.comment(report=other, actor=recipes.editor(), text="Where?")
    client.post(address(asked), {f"reply.{thread.pk}": "Hello", "seen": seen(asked)})
    assert not Comment.objects.filter(thread=thread).exists()


def test_no_address_of_a_person_is_shown(client, asked):
    nameless = recipes.editor(name="", email="secret@example.org")
    reviewing.comment(report=_again(asked), actor=nameless, text="Where exactly?", field="city")
    text = client.get(address(asked)).content.decode()
    assert "An editor" in text
    assert "secret@example.org" not in text


def _again(report: Report) -> Report:
    return Report.objects.get(pk=report.pk)


def test_strangers_and_readers_answer_nothing(client, asked):
    thread = asked.comments.get()
    replies = reverse("reporting:replies", args=[asked.key])
    client.force_login(recipes.member())
    assert client.post(replies, {f"reply.{thread.pk}": "x"}).status_code == 404
    client.force_login(recipes.member(organisation=asked.organisation, role="reader"))
    assert client.post(replies, {f"reply.{thread.pk}": "x"}).status_code == 403
    assert answers(asked) == []


def test_what_may_be_the_same_is_shown_before_sending(client):
    report = recipes.use_case_report(
        title="SFpark demand-responsive parking", city="San Francisco", vertical="mobility"
    )
    client.force_login(report.author)
    text = client.get(reverse("reporting:submit", args=[report.key])).content.decode()
    assert "Is it told already?" in text
    assert 'href="/use-cases/sfpark-san-francisco/"' in text
