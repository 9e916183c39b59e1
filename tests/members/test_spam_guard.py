"""Public forms: what programs that advertise run into, and what people do not."""

import time
from datetime import timedelta

import pytest
import time_machine
from django import forms
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.utils import timezone

from alliance.members import spam
from alliance.members.models import User
from tests.members.guarded import proof_of

pytestmark = pytest.mark.usefixtures("_quiet_cache", "few_bits")


class Form(spam.GuardedForm):
    purpose = "test"
    email = forms.EmailField()
    text = forms.CharField(max_length=50)


class OtherForm(Form):
    purpose = "other"


@pytest.fixture
def few_bits(monkeypatch):
    """Proofs that a test finds at once."""
    monkeypatch.setattr(spam, "PROOF_BITS", 8)


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


ENTERED = {"email": "ada@example.org", "text": "Hello"}


def request(address: str = "192.0.2.1", user=None):
    made = RequestFactory().post("/", REMOTE_ADDR=address)
    made.user = user or AnonymousUser()
    return made


def stamp(form: type[Form] = Form) -> str:
    return form(request=request()).initial["stamp"]


def sent(data: dict, form: type[Form] = Form, **who) -> Form:
    return form(data, request=request(**who))


def proven(**more) -> dict:
    """A form with a fresh stamp and its proof."""
    made = stamp()
    return {**ENTERED, "stamp": made, "proof": proof_of(made), **more}


def test_a_form_with_its_proof_is_taken_at_once(clock):
    data = proven()
    clock.shift(spam.QUICKEST)
    assert sent(data).is_valid()


def test_what_people_do_not_see_stays_empty(clock):
    data = proven(fax_number="+1 555")
    clock.shift(10)
    form = sent(data)
    assert not form.is_valid()
    assert "fax_number" in form.errors
    assert form["text"].value() == "Hello"


def test_a_form_is_not_sent_quicker_than_people_type(clock):
    data = proven()
    clock.shift(spam.QUICKEST - 1)
    form = sent(data)
    assert form.has_error("__all__", "guard")
    clock.shift(1)
    assert sent(data).is_valid()


@pytest.mark.parametrize(
    "bad", ["", "x", "a.1:forged", "ü:ü", "9" * 300], ids=["none", "short", "forged", "not ascii", "too long"]
)
def test_a_forged_stamp_is_replaced_and_nothing_is_lost(clock, bad):
    form = sent({**ENTERED, "stamp": bad, "proof": "1"})
    assert not form.is_valid()
    again = form["stamp"].value()
    assert form["proof"].value() == ""
    assert form["text"].value() == "Hello"
    clock.shift(10)
    assert sent({**ENTERED, "stamp": again, "proof": proof_of(again)}).is_valid()


def test_a_stamp_of_another_form_does_not_count(clock):
    made = stamp(OtherForm)
    clock.shift(10)
    assert not sent({**ENTERED, "stamp": made, "proof": proof_of(made)}).is_valid()


def test_a_form_that_was_open_for_more_than_a_day_gets_a_fresh_stamp(clock):
    data = proven()
    clock.shift(timedelta(days=1, seconds=1))
    form = sent(data)
    assert not form.is_valid()
    assert form["stamp"].value() != data["stamp"]


@pytest.mark.parametrize("proof", ["", "0", "-1", "1e3", "٣", " 1"])
def test_a_number_that_proves_nothing_means_waiting(clock, proof, monkeypatch):
    monkeypatch.setattr(spam, "PROOF_BITS", 60)
    data = {**ENTERED, "stamp": stamp(), "proof": proof}
    clock.shift(10)
    form = sent(data)
    assert not form.is_valid()
    assert form.waiting == spam.WAIT


def test_without_a_script_the_form_is_sent_again_after_a_wait(clock):
    data = {**ENTERED, "stamp": stamp()}
    clock.shift(10)
    first = sent(data)
    assert not first.is_valid()
    assert first.waiting == spam.WAIT
    data["step"] = first["step"].value()
    clock.shift(spam.WAIT - 5)
    early = sent(data)
    assert not early.is_valid()
    assert early.waiting == 5
    assert early["step"].value() == data["step"]
    clock.shift(5)
    assert sent(data).is_valid()


def test_the_wait_was_for_this_text_and_this_stamp(clock):
    data = {**ENTERED, "stamp": stamp()}
    clock.shift(10)
    first = sent(data)
    first.is_valid()
    clock.shift(spam.WAIT)
    step = first["step"].value()
    assert not sent({**data, "step": step, "text": "Something else"}).is_valid()
    other = {**data, "step": step, "stamp": stamp()}
    clock.shift(10)
    assert not sent(other).is_valid()
    assert sent({**data, "step": step}).is_valid()


def test_the_wait_is_asked_for_only_when_the_rest_is_right(clock):
    data = {**ENTERED, "stamp": stamp(), "email": "nobody"}
    clock.shift(10)
    form = sent(data)
    assert not form.is_valid()
    assert not form.waiting


def test_who_is_signed_in_has_paid_already(clock, db):
    data = {**ENTERED, "stamp": stamp()}
    clock.shift(10)
    assert sent(data, user=User(pk=1, email="ada@example.org")).is_valid()


def several(count: int, *, email: str = "", address: str = "192.0.2.1") -> Form:
    """Send so many forms; the last one is the answer."""
    for number in range(count):
        form = sent(proven(email=email or f"somebody{number}@example.org"), address=address)
        with time_machine.travel(time.time() + 10, tick=False):
            form.is_valid()
    return form


def test_one_network_sends_so_many_forms_an_hour(clock):
    assert several(spam.FROM_NETWORK.an_hour).is_valid()
    refused = several(1)
    assert not refused.is_valid()
    assert refused.status == 429
    assert several(1, address="192.0.2.2").is_valid()


def test_addresses_of_one_ipv6_line_count_together(clock):
    assert several(spam.FROM_NETWORK.an_hour, address="2001:db8::1").is_valid()
    assert not several(1, address="2001:db8::ffff:2").is_valid()
    assert several(1, address="2001:db8:0:1::2").is_valid()


def test_one_e_mail_address_is_written_to_so_often_an_hour(clock):
    assert several(spam.FOR_ADDRESS.an_hour, email="ada@example.org").is_valid()
    assert several(1, email="ADA@example.org", address="198.51.100.7").status == 429


def test_fewer_forms_without_a_proof_are_taken(clock, monkeypatch):
    monkeypatch.setattr(spam, "WAIT", 0)
    monkeypatch.setattr(spam, "PROOF_BITS", 60)
    answers = []
    for number in range(spam.FROM_NETWORK_UNPROVEN.an_hour + 1):
        data = {**ENTERED, "stamp": stamp(), "email": f"somebody{number}@example.org"}
        clock.shift(10)
        answers.append(sent(data).is_valid())
    assert answers == [True] * spam.FROM_NETWORK_UNPROVEN.an_hour + [False]


def test_the_key_is_secret_and_the_same_each_time(clock):
    data = proven()
    clock.shift(10)
    one, two = sent(data), sent(data)
    assert one.is_valid()
    assert two.is_valid()
    assert one.key == two.key
    assert len(one.key) == 43
    assert data["stamp"].split(".")[0] not in one.key
    other = several(1)
    assert other.key != one.key
