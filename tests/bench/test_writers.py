"""The writers beside the readers: what breaks them is told, and is not taken for a quiet minute."""

import pytest

from bench import writers


def test_writers_that_cannot_write_are_told_of(monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "bench.settings")
    monkeypatch.setenv("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")
    with (
        pytest.raises(writers.WriterError, match="code 1"),
        writers.writing([1, 2, 3, 4], writers.numbers(4), writers=4, changes_a_second=40) as process,
    ):
        process.join(60)
