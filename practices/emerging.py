"""Which use cases look like one practice that has no name yet: pure functions, the same answer for the same cases.

Likeness of two cases of one field is a weighted sum of three shares, so that each part of it can be told:

- technologies and indicators: what both have of what either has, the rarer the more it counts (weighted Jaccard);
- words: the cosine of their tf-idf vectors (Salton and Buckley, Information Processing & Management 24 (1988), 513-523,
  with `1 + ln tf` and `ln((1 + N) / (1 + df))`).

Groups come from average linkage (Sokal and Michener, Univ. Kansas Science Bulletin 38 (1958), 1409-1438): the two
groups whose cases are most alike on average are joined, again and again, until none are alike enough. Ties go by name.
"""

import heapq
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log, sqrt

#: Parts of the likeness; they add up to 1.
WEIGHTS = {"technologies": 0.40, "words": 0.40, "kpis": 0.20}
#: Groups are joined while their cases are on average so much alike.
THRESHOLD = 0.12
#: Most words that are told of what two cases share.
MOST_WORDS = 6
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Case:
    """A use case, by public keys. `words` as `words_of` makes them."""

    slug: str
    vertical: str
    city: str
    technologies: frozenset[str]
    kpis: frozenset[str]
    words: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a likeness: its points, and what is shared, the rarest first."""

    name: str
    points: float
    shared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that look like one practice. `reasons`: slug -> parts that add up to its mean likeness to the others."""

    vertical: str
    cases: tuple[str, ...]
    likeness: float
    reasons: Mapping[str, tuple[Part, ...]]


def words_of(text: str, without: Iterable[str] = ()) -> dict[str, int]:
    """How often each word occurs: of three letters or more, without accents and plural s, and without given names."""
    names = {word for name in without for word in _plain(name)}
    return dict(Counter(word for word in _plain(text) if word not in names))


def _plain(text: str) -> list[str]:
    letters = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return [word[:-1] if len(word) > 4 and word.endswith("s") else word for word in _WORD.findall(kept)]


@dataclass(frozen=True, slots=True)
class Corpus:
    """How much each technology, indicator and word tells: much where few cases have it, nothing where most do."""

    rarity: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, cases: Collection[Case]) -> "Corpus":
        counts: dict[str, Counter[str]] = {name: Counter() for name in WEIGHTS}
        for case in cases:
            for name, counted in counts.items():
                counted.update(set(getattr(case, name)))
        total = len(cases)
        # What more than half of the cases have tells nothing: "and", "with", "city".
        return cls(
            {
                name: {
                    key: log((1 + total) / (1 + count)) if 2 * count <= total else 0.0 for key, count in counted.items()
                }
                for name, counted in counts.items()
            }
        )

    def vector(self, case: Case) -> dict[str, float]:
        """The tf-idf vector of a case's words, of length 1."""
        rarity = self.rarity["words"]
        weights = {word: (1 + log(count)) * rarity.get(word, 0.0) for word, count in case.words.items()}
        length = sqrt(sum(weight**2 for weight in weights.values()))
        return {word: weight / length for word, weight in weights.items() if weight} if length else {}

    def jaccard(self, name: str, one: Collection[str], other: Collection[str]) -> float:
        """Share of what both have in what either has, weighted by rarity: 0 to 1."""
        rarity = self.rarity[name]
        either = sum(rarity.get(key, 0.0) for key in {*one, *other})
        return sum(rarity.get(key, 0.0) for key in set(one) & set(other)) / either if either else 0.0


def groups_of(cases: Sequence[Case], corpus: Corpus, *, fewest_cases: int = 2, fewest_cities: int = 2) -> list[Group]:
    """The groups of cases of one field, the most alike first.

    Args:
        cases: those to group, each slug once.
        corpus: of all published cases, so that what is common among few cases is not taken for rare.
    """
    found = []
    for vertical in sorted({case.vertical for case in cases}):
        rows = sorted((case for case in cases if case.vertical == vertical), key=lambda case: case.slug)
        vectors = [corpus.vector(case) for case in rows]
        likeness = {
            (a, b): sum(part.points for part in _parts(rows[a], rows[b], vectors[a], vectors[b], corpus))
            for a, b in combinations(range(len(rows)), 2)
        }
        for members in _linked(len(rows), likeness):
            chosen = [rows[at] for at in members]
            if len(chosen) >= fewest_cases and len({case.city for case in chosen}) >= fewest_cities:
                found.append(_group(vertical, members, rows, vectors, likeness, corpus))
    return sorted(found, key=lambda group: (-group.likeness, group.cases))


def _parts(
    one: Case, other: Case, vector: Mapping[str, float], other_vector: Mapping[str, float], corpus: Corpus
) -> list[Part]:
    products = {word: weight * other_vector[word] for word, weight in vector.items() if word in other_vector}
    words = sorted(products, key=lambda word: (-products[word], word))[:MOST_WORDS]
    shares = {
        "technologies": corpus.jaccard("technologies", one.technologies, other.technologies),
        "words": sum(products[word] for word in sorted(products)),
        "kpis": corpus.jaccard("kpis", one.kpis, other.kpis),
    }
    shared = {
        "technologies": _rarest(one.technologies & other.technologies, corpus.rarity["technologies"]),
        "words": tuple(words),
        "kpis": _rarest(one.kpis & other.kpis, corpus.rarity["kpis"]),
    }
    return [Part(name, WEIGHTS[name] * shares[name], shared[name]) for name in WEIGHTS]


def _rarest(keys: Iterable[str], rarity: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(sorted(keys, key=lambda key: (-rarity.get(key, 0.0), key)))


def _linked(count: int, likeness: Mapping[tuple[int, int], float]) -> list[list[int]]:
    """Average linkage of cases 0 to count - 1, by the update of Lance and Williams (1967).

    Returns: members of each group of more than one, in order.
    """
    members = {at: [at] for at in range(count)}
    near = {pair: value for pair, value in likeness.items() if value > 0}
    queue = [(-value, pair) for pair, value in near.items() if value >= THRESHOLD]
    heapq.heapify(queue)
    while queue:
        value, (a, b) = heapq.heappop(queue)
        if a not in members or b not in members or near.get((a, b)) != -value:
            continue
        size_a, size_b = len(members[a]), len(members[b])
        joined = members.pop(b)
        for other in members:
            if other == a:
                continue
            to_a = near.pop((min(a, other), max(a, other)), 0.0)
            to_b = near.pop((min(b, other), max(b, other)), 0.0)
            mean = (size_a * to_a + size_b * to_b) / (size_a + size_b)
            if mean > 0:
                pair = (min(a, other), max(a, other))
                near[pair] = mean
                if mean >= THRESHOLD:
                    heapq.heappush(queue, (-mean, pair))
        members[a] = sorted(members[a] + joined)
    return [found for found in members.values() if len(found) > 1]


def _group(
    vertical: str,
    members: Sequence[int],
    rows: Sequence[Case],
    vectors: Sequence[Mapping[str, float]],
    likeness: Mapping[tuple[int, int], float],
    corpus: Corpus,
) -> Group:
    reasons = {}
    for at in members:
        others = [other for other in members if other != at]
        told = [_parts(rows[at], rows[other], vectors[at], vectors[other], corpus) for other in others]
        reasons[rows[at].slug] = tuple(
            Part(name, sum(parts[k].points for parts in told) / len(others), _most_shared(parts[k] for parts in told))
            for k, name in enumerate(WEIGHTS)
        )
    pairs = list(combinations(sorted(members), 2))
    mean = sum(likeness[pair] for pair in pairs) / len(pairs)
    return Group(vertical, tuple(rows[at].slug for at in members), mean, reasons)


def _most_shared(parts: Iterable[Part]) -> tuple[str, ...]:
    count = Counter(key for part in parts for key in part.shared)
    return tuple(sorted(count, key=lambda key: (-count[key], key))[:MOST_WORDS])
