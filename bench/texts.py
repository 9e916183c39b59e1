"""Titles and texts of made-up use cases: words drawn by Zipf's law, so that some are everywhere and most are rare."""

import csv
import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

VOCABULARY = 20_000
_CONSONANTS = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "tr", "pl"]
_SYLLABLES = [consonant + vowel for consonant in _CONSONANTS for vowel in "aeiou"]
_ENDINGS = ["n", "r", "l", "m", "nt", "rk", "st", "nd", "x", "th"]
_PLAIN_WORD = re.compile(r"[a-z]{5,}")


class Texts(NamedTuple):
    """What a use case says."""

    title: str
    problem: str
    solution: str
    advice: str


def vocabulary(seed: int) -> list[str]:
    """`VOCABULARY` different words, the most frequent first: those of the real use cases, then made-up ones."""
    with (Path(settings.DATA_DIR) / "usecases.csv").open(encoding="utf-8") as file:
        counted = Counter(
            word
            for row in csv.DictReader(file)
            for word in _PLAIN_WORD.findall(f"{row['problem']} {row['solution']} {row['lessons']}".lower())
        )
    found = dict.fromkeys(sorted(counted, key=lambda word: (-counted[word], word)))
    chance = random.Random(seed)
    while len(found) < VOCABULARY:
        word = "".join(chance.choices(_SYLLABLES, k=chance.choice((2, 2, 3)))) + chance.choice(_ENDINGS)
        found.setdefault(word)
    return list(found)


def texts(seed: int, count: int) -> Iterator[Texts]:
    """The texts of `count` use cases; the same for the same seed."""
    words = vocabulary(seed)
    weights = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))
    chance = random.Random(seed + 1)
    for _ in range(count):
        lengths = (chance.randint(4, 9), chance.randint(8, 24), chance.randint(12, 40), chance.randint(6, 20))
        drawn = iter(chance.choices(words, cum_weights=weights, k=sum(lengths)))
        yield Texts(*(_sentence([next(drawn) for _ in range(length)]) for length in lengths))


def _sentence(words: list[str]) -> str:
    return " ".join(words).capitalize()
