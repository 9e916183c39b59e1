"""A report moves as the table of moves says, and the database itself refuses any other move."""

from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from alliance.members.models import Organisation
from reporting.models import Report
from reporting.states import MOVES, State
from tests.reporting.states import put


@pytest.fixture
def report(db) -> Report:
    organisation = Organisation.objects.create(name="City of Testing", slug="city-of-testing")
    return Report.objects.create(kind="use-case", organisation=organisation, submitted_at=timezone.now())


@pytest.mark.parametrize(("before", "after"), [pair for pair in product(State, State) if pair[0] != pair[1]])
def test_the_database_knows_the_same_moves_as_the_table(report, before, after):
    put(report, before)
    try:
        with transaction.atomic():
            Report.objects.filter(pk=report.pk).update(state=after, submitted_at=timezone.now())
        allowed = True
    except IntegrityError:
        allowed = False
    assert allowed == ((before, after) in MOVES)


def test_a_report_begins_as_a_draft(report):
    with pytest.raises(IntegrityError, match="move_is_known"), transaction.atomic():
        Report.objects.create(
            kind="result", organisation=report.organisation, state=State.ACCEPTED, submitted_at=timezone.now()
        )


def test_the_state_before_cannot_be_invented(report):
    with pytest.raises(IntegrityError, match="move_is_known"), transaction.atomic():
        Report.objects.filter(pk=report.pk).update(state=State.ACCEPTED, previous_state=State.SUBMITTED)
