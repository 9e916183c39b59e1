"""Finds an indicator by what a member calls it: its code, its name in any set, or plain words.

One finder for typing-help, sheets and the API. The catalogue is small (some hundreds), so it is searched in memory.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache

from django.conf import settings
from django.db.models import Count, Max

from kpis.models import Kpi
from reporting.words import tokens

#: Languages of `data/kpi_synonyms.csv` are not told apart: a member may mix them.
SYNONYMS_FILE = "kpi_synonyms.csv"
#: What a word counts by where it stands.
_NAME, _SYNONYM, _DEFINITION = 3.0, 3.0, 1.0
#: Words that tell nothing about what is measured.
_EMPTY_WORDS = frozenset(
    (
        *("a", "an", "and", "are", "as", "at", "by", "for", "from", "in", "into", "of", "on", "or", "per", "the", "to"),
        *("with", "average", "mean", "total", "annual", "number", "percentage", "percent", "share", "rate", "level"),
        *(
            "how",
            "many",
            "much",
            "el",
            "la",
            "los",
            "las",
            "de",
            "del",
            "en",
            "por",
            "con",
            "y",
            "o",
            "un",
            "una",
            "al",
        ),
        *("al", "que", "se", "su", "promedio", "numero", "porcentaje", "tasa", "kpi", "indicator", "indicador"),
        *("city", "ciudad"),
    )
)
#: The best hit is taken for what was meant when it has all words and beats the next one by this factor.
_CLEARLY = 1.25


@dataclass(frozen=True)
class Hit:
    """An indicator that may be meant.

    Attributes:
        score: larger is better; comparable within one search only.
        share: of the words searched for (0 to 1), by how rare they are, how many it has.
        words: the synonym that matched best; empty when it was the name itself.
    """

    kpi: Kpi
    score: float
    share: float
    words: str = ""


@dataclass(frozen=True)
class _Entry:
    kpi: Kpi
    names: tuple[str, ...]  # synonyms, as written
    weights: dict[str, float]  # stem of a word -> what it counts
    length: int  # of its name, in words


@dataclass
class Index:
    """The catalogue, ready for searching."""

    exact: dict[tuple[str, ...], list[Kpi]] = field(default_factory=dict)
    entries: list[_Entry] = field(default_factory=list)
    rarity: dict[str, float] = field(default_factory=dict)
    by_start: dict[str, list[str]] = field(default_factory=dict)

    def named(self, text: str) -> list[Kpi]:
        """Those whose code, slug, name or synonym this is; a code beats a name, a name a synonym."""
        return self.exact.get(tokens(text[:300]), [])

    def search(self, text: str, *, limit: int = 10) -> list[Hit]:
        """Those that plain words may mean, the likeliest first."""
        if named := self.named(text):
            return [Hit(kpi, 1_000.0, 1.0) for kpi in named[:limit]]
        words = _meaningful(tokens(text[:300]))[:12]
        if not words:
            return []
        close = {word: self._close(word) for word in words}
        known = [word for word in words if close[word]]
        if not known:
            return []
        possible = sum(max(self.rarity[one] for one in close[word]) for word in known)
        possible += len(words) - len(known)
        hits = []
        for entry in self.entries:
            score = covered = 0.0
            for word in known:
                found = [(one, likeness) for one, likeness in close[word].items() if one in entry.weights]
                if not found:
                    continue
                one, likeness = max(found, key=lambda pair: pair[1] * entry.weights[pair[0]])
                score += self.rarity[one] * entry.weights[one] * likeness
                covered += self.rarity[one] * likeness
            if score:
                # Of two that have the same words the one with fewer others is meant.
                score /= 1 + 0.05 * entry.length
                hits.append(Hit(entry.kpi, score, min(1.0, covered / possible), _best_words(entry, words)))
        hits.sort(key=lambda hit: (-hit.score, hit.kpi.code))
        return hits[:limit]

    def _close(self, word: str) -> dict[str, float]:
        """Words of the catalogue that are this one, begin like it, or nearly are it -> likeness, 0 to 1."""
        found = {}
        for one in self.by_start.get(word[:1], ()):
            if one == word:
                found[one] = 1.0
            elif len(word) >= 4 and (one.startswith(word) or word.startswith(one)) and min(len(one), len(word)) >= 4:
                found[one] = 0.85
            elif len(word) >= 3 and abs(len(word) - len(one)) <= 2 and _ratio(word, one) >= 0.82:
                found[one] = 0.7
        return found


def index() -> Index:
    """The index of the catalogue as it is now: one small query tells whether it changed."""
    state = Kpi.objects.aggregate(rows=Count("pk"), newest=Max("updated_at"), last=Max("pk"))
    return _index(state["rows"], state["newest"], state["last"])


def search(text: str, *, limit: int = 10) -> list[Hit]:
    """Indicators that `text` may mean, the likeliest first; at most `limit`."""
    return index().search(text, limit=limit)


def search_kpis(text: str, *, limit: int = 10) -> list[Kpi]:
    """Like `search`, without scores."""
    return [hit.kpi for hit in search(text, limit=limit)]


def clearly_meant(hits: list[Hit]) -> Kpi | None:
    """The first of the hits where it is beyond comparison."""
    if not hits or hits[0].share < 0.8:
        return None
    return hits[0].kpi if len(hits) == 1 or hits[0].score >= _CLEARLY * hits[1].score else None


@lru_cache(maxsize=2)
def synonyms() -> dict[str, tuple[str, ...]]:
    """Code of an indicator -> what else people call it. From `data/kpi_synonyms.csv`."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    with (settings.DATA_DIR / SYNONYMS_FILE).open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found[row["code"]] += [words.strip() for words in row["words"].split(";") if words.strip()]
    return {code: tuple(words) for code, words in found.items()}


@lru_cache(maxsize=1)
def _index(*_state: object) -> Index:
    made = Index()
    ranked: dict[tuple[str, ...], dict[int, tuple[int, Kpi]]] = {}

    def name(words: str, kpi: Kpi, rank: int) -> None:
        if key := tokens(words):
            ranked.setdefault(key, {}).setdefault(kpi.pk, (rank, kpi))

    for kpi in Kpi.objects.select_related("vertical").order_by("code"):
        others = synonyms().get(kpi.code, ())
        name(kpi.code, kpi, 0)
        name(kpi.slug, kpi, 0)
        for short in _short_codes(kpi.code):
            name(short, kpi, 1)
        name(kpi.name, kpi, 2)
        for words in others:
            name(words, kpi, 3)
        weights: dict[str, float] = {}
        for texts, weight in (
            ((kpi.definition, kpi.dimension, kpi.sub_dimension), _DEFINITION),
            (others, _SYNONYM),
            ((kpi.name,), _NAME),
        ):
            for word in {word for text in texts for word in _meaningful(tokens(text))}:
                weights[word] = max(weight, weights.get(word, 0))
        made.entries.append(_Entry(kpi, others, weights, len(tokens(kpi.name))))
    for key, found in ranked.items():
        best = min(rank for rank, _kpi in found.values())
        made.exact[key] = [kpi for rank, kpi in found.values() if rank == best]
    used: defaultdict[str, int] = defaultdict(int)
    for entry in made.entries:
        for word in entry.weights:
            used[word] += 1
    made.rarity = {word: math.log(1 + len(made.entries) / n) for word, n in used.items()}
    starts: defaultdict[str, list[str]] = defaultdict(list)
    for word in sorted(used):
        starts[word[:1]].append(word)
    made.by_start = dict(starts)
    return made


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()


def _short_codes(code: str) -> Iterable[str]:
    """`ISO37120:2014/5.1` also without its year, `ALL-PRK-SEARCH` without its set."""
    if "/" in code and ":" in code:
        yield code.partition(":")[0] + "/" + code.partition("/")[2]
    if code.startswith("ALL-"):
        yield code.removeprefix("ALL-")


def _meaningful(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(_stem(word) for word in words if word not in _EMPTY_WORDS and len(word) > 1))


def _stem(word: str) -> str:
    """The word without the ending of its plural."""
    for ending, kept in (("ies", "y"), ("ces", "z"), ("sses", "ss"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith(("ss", "us", "is")):
            return word[: len(word) - len(ending)] + kept
    return word


def _best_words(entry: _Entry, words: list[str]) -> str:
    """The synonym that has most of the words, unless the name has as many."""
    wanted = set(words)
    best, most = "", len(wanted & set(_meaningful(tokens(entry.kpi.name))))
    for one in entry.names:
        if (n := len(wanted & set(_meaningful(tokens(one))))) > most:
            best, most = one, n
    return best
