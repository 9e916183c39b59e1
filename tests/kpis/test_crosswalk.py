"""Links between indicators: read from both ends, and never against each other, whoever writes them."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from kpis.crosswalk import exact_families, exact_family, linked
from kpis.crosswalk_rules import Link, contradiction
from kpis.models import Direction, Kpi, KpiLink
from usecases.models import Vertical


def make_kpis(count=6, **fields):
    vertical, _made = Vertical.objects.get_or_create(code="water")
    defaults = {"vertical": vertical, "unit": "percent", "direction": Direction.INCREASE, "kpi_set": "U4SSC",
                "dimension": "D", "kind": "core", "definition": "d", "source": "s"}  # fmt: skip
    return [
        Kpi.objects.create(code=f"T-{number}", slug=f"t-{number}", name=f"T {number}", **{**defaults, **fields})
        for number in range(count)
    ]


def link(one, other, relation):
    return KpiLink(kpi=one, other=other, relation=relation, reason="r", said_by="A tester", source="s")


@pytest.fixture
def kpis(db):
    return make_kpis()


def refused(*links):
    """Whether the database refuses the last of the links, and the form with it."""
    *before, last = links
    for one in before:
        one.full_clean()
        one.save()
    with pytest.raises(ValidationError):
        last.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        last.save()
    return True


def test_a_link_is_read_from_both_ends(kpis):
    one, other, third, *_rest = kpis
    link(one, other, "broader").save()
    link(third, one, "close").save()
    assert [(row.relation, row.kpi) for row in linked(one)] == [("close", third), ("broader", other)]
    assert [(row.relation, row.kpi) for row in linked(other)] == [("narrower", one)]


def test_a_family_reaches_over_several_links(kpis):
    one, other, third, fourth, *_rest = kpis
    link(one, other, "exact").save()
    link(third, other, "exact").save()
    link(fourth, other, "close").save()
    assert exact_family(one) == exact_family(third) == [one, other, third]
    assert exact_family(fourth) == [fourth]
    found = exact_families()
    assert found[one.pk] == {one.pk, other.pk, third.pk}
    assert fourth.pk not in found


def test_no_circle_of_broader_ones(kpis):
    one, other, third, *_rest = kpis
    assert refused(link(one, other, "broader"), link(other, third, "broader"), link(third, one, "broader"))


def test_no_circle_read_from_the_other_end(kpis):
    one, other, third, *_rest = kpis
    assert refused(link(one, other, "broader"), link(third, other, "narrower"), link(one, third, "narrower"))


def test_no_circle_over_the_same_indicator(kpis):
    one, other, third, *_rest = kpis
    assert refused(link(one, other, "broader"), link(other, third, "exact"), link(third, one, "broader"))


def test_the_same_is_not_nearly_the_same_nor_broader(kpis):
    one, other, third, *_rest = kpis
    assert refused(link(one, other, "exact"), link(other, third, "exact"), link(one, third, "conflicting"))
    with pytest.raises(IntegrityError), transaction.atomic():
        link(one, third, "close").save()
    with pytest.raises(IntegrityError), transaction.atomic():
        link(third, one, "narrower").save()


def test_a_pair_has_one_link_whichever_way_round(kpis):
    one, other, *_rest = kpis
    assert refused(link(one, other, "close"), link(other, one, "broader"))
    assert refused(link(one, one, "exact"))


def test_the_same_has_the_same_better_direction(kpis):
    one, other, *_rest = kpis
    Kpi.objects.filter(pk=other.pk).update(direction=Direction.DECREASE)
    other.refresh_from_db()
    assert refused(link(one, other, "exact"))


def test_the_direction_of_one_alone_does_not_change(kpis):
    one, other, *_rest = kpis
    link(one, other, "exact").save()
    with pytest.raises(IntegrityError):
        turn(one)
    turn(one, other)
    assert {kpi.direction for kpi in exact_family(one)} == {Direction.DECREASE}


def turn(*kpis):
    """Another better direction for these, checked as at the end of a transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        Kpi.objects.filter(pk__in=[kpi.pk for kpi in kpis]).update(direction=Direction.DECREASE)
        cursor.execute("SET CONSTRAINTS kpis_kpi_same_direction IMMEDIATE")
        cursor.execute("SET CONSTRAINTS kpis_kpi_same_direction DEFERRED")


def test_the_same_has_units_that_convert(kpis):
    one, other, *_rest = kpis
    other.unit = "minute"
    with pytest.raises(ValidationError, match=r"percent cannot be converted into minute"):
        link(one, other, "exact").full_clean()


@given(
    some.lists(
        some.tuples(
            some.integers(0, 4),
            some.integers(0, 4),
            some.sampled_from(["exact", "close", "broader", "narrower", "conflicting"]),
        ),
        max_size=8,
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_refuses_exactly_what_the_rules_refuse(kpis, wanted):
    KpiLink.objects.all().delete()
    standing = []
    directions, units = ({kpi.pk: getattr(kpi, name) for kpi in kpis} for name in ("direction", "unit"))
    for first, second, relation in wanted:
        new = Link(kpis[first].pk, kpis[second].pk, relation)
        says = contradiction(standing, new, directions, units)
        try:
            with transaction.atomic():
                link(kpis[first], kpis[second], relation).save()
        except IntegrityError:
            assert says
        else:
            assert not says
            standing.append(new)


@pytest.mark.django_db(transaction=True)
def test_two_writers_at_once_do_not_close_a_circle():
    one, other, *_rest = make_kpis(2)
    both, outcomes = threading.Barrier(2), []

    def write(narrow, wide):
        try:
            with transaction.atomic():
                both.wait(10)
                link(narrow, wide, "narrower").save()
            outcomes.append("kept")
        except IntegrityError:
            outcomes.append("refused")
        finally:
            connection.close()

    third = make_third()
    link(other, third, "narrower").save()
    writers = [threading.Thread(target=write, args=pair) for pair in ((one, other), (third, one))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(20)
    assert sorted(outcomes) == ["kept", "refused"]


def make_third():
    first = Kpi.objects.order_by("pk").first()
    first.pk, first.code, first.slug, first._state.adding = None, "T-third", "t-third", True
    first.save()
    return first
