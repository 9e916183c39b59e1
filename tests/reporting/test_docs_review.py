"""The picture of the states in the documentation is the table of moves."""

import re

from django.conf import settings

from reporting.states import MOVES


def test_the_picture_shows_every_move_and_no_other():
    text = (settings.BASE_DIR / "docs" / "review.md").read_text()
    drawn = re.findall(r"^    (\w+) --> (\w+): (\w+)$", text, re.MULTILINE)
    assert {(one.replace("_", "-"), other.replace("_", "-"), party) for one, other, party in drawn} == {
        (before.value, after.value, party.value) for (before, after), party in MOVES.items()
    }
