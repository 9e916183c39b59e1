"""Full-text search in PostgreSQL: weights, exact words, phrases, `-word`, typing errors, highlighting.

A model says what of it is searched (`Searchable`); everything else is the same for all. English words are stemmed and
every word is also kept as written, both without accents (text search configurations `portal_en`, `portal_simple`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchRank, SearchVector
from django.db import connection
from django.db.models import BigIntegerField, Expression, F, Func, QuerySet, TextField, Value
from django.db.models.functions import Cast, Coalesce
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

STEMMED, EXACT = "portal_en", "portal_simple"
#: The longest query that is searched; a longer one is refused with a sentence.
MAXIMUM_LENGTH = 300
#: A word that occurs nowhere is read as the closest word in use, if at least this similar (pg_trgm, 0 to 1).
LEAST_SIMILARITY = 0.34

# Private-use characters: no text holds them, and escaping leaves them alone.
_START, _STOP = "\ue000", "\ue001"
_WORD = re.compile(
    r"(?P<minus>(?<!\S)-)?(?P<quoted>\"[^\"]*\"?)|(?P<negated>(?<!\S)-\S+)|(?P<word>[^\W_][\w'’.-]*)", re.U
)


class _TsVectorWords(Func):
    """The words of a vector, one row each."""

    function = "tsvector_to_array"
    template = "unnest(%(function)s(%(expressions)s))"
    output_field = TextField()
    set_returning = True


class _LexemeCount(Func):
    """How many words a query holds after stop words are gone."""

    function = "numnode"


@dataclass(frozen=True)
class Searchable:
    """What of a model is searched: text expressions by weight, `A` (heaviest) to `D`."""

    texts: Mapping[str, tuple[str | Expression, ...]]

    def vector(self, *configs: str) -> Expression:
        """The weighted `tsvector` of a row in the given configurations (default: stemmed and exact)."""
        parts = [
            SearchVector(*self._expressions(texts), config=config, weight=weight)
            for config in configs or (STEMMED, EXACT)
            for weight, texts in self.texts.items()
        ]
        vector = parts[0]
        for part in parts[1:]:
            vector = vector + part
        return vector

    @staticmethod
    def _expressions(texts: tuple[str | Expression, ...]) -> list[Expression]:
        return [
            Coalesce(F(text) if isinstance(text, str) else text, Value(""), output_field=TextField()) for text in texts
        ]


@dataclass(frozen=True)
class Search:
    """A query as it was understood: what was asked, what is searched, and which words were read differently."""

    asked: str
    text: str
    corrections: tuple[tuple[str, str], ...] = ()
    stop_words_only: bool = False

    @property
    def query(self) -> SearchQuery:
        """The query for matching: stemmed, unless it holds nothing but stop words."""
        return SearchQuery(self.text, config=EXACT if self.stop_words_only else STEMMED, search_type="websearch")

    @property
    def exact(self) -> SearchQuery:
        """The same words as written."""
        return SearchQuery(self.text, config=EXACT, search_type="websearch")


def understand(rows: QuerySet, asked: str, searchable: Searchable) -> Search:
    """Read `asked` against the words that `rows` use: a word that none of them knows becomes the closest that one does.

    Only rows handed in are looked at, so that a correction tells nothing of what the reader may not see.
    """
    asked = " ".join(asked.split())
    words = _plain_words(asked)
    corrections = _corrections(rows, words, searchable) if words else ()
    text = asked
    for wrong, right in corrections:
        text = re.sub(rf"(?<![\w-]){re.escape(wrong)}(?!\w)", right, text)
    search = Search(asked, text, corrections)
    with connection.cursor() as cursor:
        cursor.execute("SELECT numnode(websearch_to_tsquery(%s::regconfig, %s))", [STEMMED, text])
        stop_words_only = cursor.fetchone()[0] == 0
    return Search(asked, text, corrections, stop_words_only) if stop_words_only else search


def matching(rows: QuerySet, search: Search, searchable: Searchable) -> QuerySet:
    """The rows that match, with `relevance` (an integer: larger is better) for sorting.

    Source: PostgreSQL `ts_rank`; exact words weigh half as much again as stems.
    """
    if not _has_stored_vector(rows):
        rows = rows.alias(search_vector=searchable.vector())
    rank = SearchRank(F("search_vector"), search.query) + SearchRank(F("search_vector"), search.exact) * Value(0.5)
    # A whole number, because a cursor must compare it for equality.
    relevance = Cast(rank * Value(1_000_000.0), BigIntegerField())
    return rows.filter(search_vector=search.query).annotate(relevance=relevance)


def _has_stored_vector(rows: QuerySet) -> bool:
    """Whether the rows are ready documents, which keep their vector."""
    return any(field.name == "search_vector" for field in rows.model._meta.fields)


def headlines(search: Search, title: str, texts: Mapping[str, str | Expression]) -> dict[str, Expression]:
    """Annotations that mark the matches: the whole `title` as `title_marked`, each text as its best 30 words."""
    common = {"config": STEMMED, "start_sel": _START, "stop_sel": _STOP}
    marked: dict[str, Expression] = {"title_marked": SearchHeadline(title, search.query, highlight_all=True, **common)}
    for name, text in texts.items():
        marked[name] = SearchHeadline(text, search.query, max_words=30, min_words=15, **common)
    return marked


def marked_html(text: str) -> SafeString:
    """Text from `headlines` as HTML: escaped, matches in `<mark>`."""
    safe = escape(text).replace(_START, "<mark>").replace(_STOP, "</mark>")
    return mark_safe(safe)  # noqa: S308  (escaped in the line above)


def has_marks(text: str) -> bool:
    """Whether `headlines` marked anything in this text."""
    return _START in text


def _plain_words(asked: str) -> list[str]:
    """The words that may hold a typing error: not negated, not quoted, four letters or more, no operator."""
    found = (match["word"] for match in _WORD.finditer(asked))
    return list(dict.fromkeys(word for word in found if word and len(word) >= 4 and word.lower() != "or"))[:8]


def _corrections(rows: QuerySet, words: list[str], searchable: Searchable) -> tuple[tuple[str, str], ...]:
    stored = _has_stored_vector(rows)
    plain = rows.order_by().alias(_vector=F("search_vector") if stored else searchable.vector())
    sql, parameters = plain.annotate(_found=F("_vector")).values("_found").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH vectors AS MATERIALIZED (SELECT * FROM ({sql}) AS rows(vector)) "  # noqa: S608  (the ORM's own SQL)
            "SELECT asked FROM unnest(%s::text[]) AS asked WHERE NOT EXISTS (SELECT FROM vectors WHERE "
            "vector @@ plainto_tsquery(%s::regconfig, asked) OR vector @@ plainto_tsquery(%s::regconfig, asked)) "
            "AND numnode(plainto_tsquery(%s::regconfig, asked)) > 0",
            [*parameters, words, STEMMED, EXACT, STEMMED],
        )
        unknown = [row[0] for row in cursor.fetchall()]
        if not unknown:
            return ()
        if stored:
            vocabulary = rows.vocabulary()
        else:
            vocabulary = rows.order_by().annotate(_word=_TsVectorWords(searchable.vector(EXACT))).values("_word")
        sql, parameters = vocabulary.query.sql_with_params()
        cursor.execute(
            f"WITH words AS MATERIALIZED (SELECT DISTINCT word FROM ({sql}) AS rows(word)) "  # noqa: S608  (as above)
            "SELECT asked, best.word FROM unnest(%s::text[]) AS asked CROSS JOIN LATERAL ("
            "SELECT word FROM words WHERE similarity(word, unaccent(lower(asked))) >= %s "
            "ORDER BY similarity(word, unaccent(lower(asked))) DESC, word LIMIT 1) AS best",
            [*parameters, unknown, LEAST_SIMILARITY],
        )
        best = dict(cursor.fetchall())
    return tuple((word, best[word]) for word in unknown if word in best)
