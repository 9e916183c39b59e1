"""Full-text search in PostgreSQL: weights, exact words, phrases, `-word`, typing errors, highlighting.

A model says what of it is searched (`Searchable`); everything else is the same for all. English words are stemmed and
every word is also kept as written, both without accents (text search configurations `portal_en`, `portal_simple`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.search import SearchHeadline, SearchQuery, SearchRank, SearchVector
from django.db import connection
from django.db.models import BigIntegerField, Case, Expression, F, Func, QuerySet, TextField, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import Exact
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from alliance.core.plain import Kept, Marks, Written

STEMMED, EXACT = "portal_en", "portal_simple"
#: The longest query that is searched; a longer one is refused with a sentence.
MAXIMUM_LENGTH = 300
#: A word that occurs nowhere is read as the closest word in use, if at least this similar (pg_trgm, 0 to 1).
LEAST_SIMILARITY = 0.34

#: Words that are looked at in place of an unknown one.
CLOSEST = 5
#: Where more rows match, only the first `RANKED_AT_MOST` of them in the usual order are ranked and listed by rank.
MOST_RANKED, RANKED_AT_MOST = 5_000, 1_000

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


_OR = re.compile(r"\bor\b", re.I)
_LEFT_OUT = re.compile(r"(?<!\S)-(\"[^\"]*\"?|\S+)")


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
    def wanted(self) -> str:
        """What is ranked by. PostgreSQL ranks all rows alike where a word is left out."""
        return _LEFT_OUT.sub("", self.text).strip() or self.text

    @property
    def ranking(self) -> tuple[SearchQuery, SearchQuery]:
        """`wanted` as stems, and as written."""
        stemmed = EXACT if self.stop_words_only else STEMMED
        return tuple(  # type: ignore[return-value]
            SearchQuery(self.wanted, config=config, search_type="websearch") for config in (stemmed, EXACT)
        )


@dataclass(frozen=True)
class MarkedSearch(Search):
    """A search with marks for its texts: see `alliance.core.plain`."""

    marked: str = ""

    @property
    def wanted(self) -> str:
        return self.marked


def may_stand(asked: str) -> bool:
    """Whether a row that matches the words as they stand proves that each of them is known: all are asked for."""
    return not _OR.search(asked)


def understand(rows: QuerySet, asked: str, searchable: Searchable) -> Search:
    """Read `asked` against the words that `rows` use: a word that none of them knows becomes the closest that one does.

    Only rows handed in are looked at, so that a correction tells nothing of what the reader may not see.
    """
    asked = " ".join(asked.split())
    words = _plain_words(asked)
    # Most queries hold no error: one question to the database for what is asked as it stands.
    stop_words_only, unknown = _read(rows, asked, words, searchable)
    corrections = _corrections(rows, unknown, searchable) if unknown else ()
    if not corrections:
        return Search(asked, asked, (), stop_words_only)
    text = asked
    for wrong, right in corrections:
        text = re.sub(rf"(?<![\w-]){re.escape(wrong)}(?!\w)", right, text)
    stop_words_only, _ = _read(rows, text, [], searchable)
    return Search(asked, text, corrections, stop_words_only)


def matching(rows: QuerySet, search: Search, searchable: Searchable) -> QuerySet:
    """The rows that match, ranked."""
    return ranked(_with_vector(rows, searchable), search).filter(search_vector=search.query)


def ranked(rows: QuerySet, search: Search) -> QuerySet:
    """Rows with a `search_vector`, and `relevance` (an integer: larger is better) for sorting.

    Source: PostgreSQL `ts_rank`; exact words weigh half as much again as stems.
    """
    stemmed, exact = search.ranking
    rank: Combinable = SearchRank(F("search_vector"), stemmed)
    # Fetching a row's vector is most of the work: not twice for the same words. Which they are is seen once, when
    # PostgreSQL plans the query.
    rank = Case(
        When(Exact(stemmed, exact), then=rank * Value(1.5)),
        default=rank + SearchRank(F("search_vector"), exact) * Value(0.5),
    )
    # A whole number, because a cursor must compare it for equality.
    return rows.annotate(relevance=Cast(rank * Value(1_000_000.0), BigIntegerField()))


def are_more_than(number: int, rows: QuerySet) -> bool:
    """Whether more rows match a search than that."""
    sql, parameters = rows.order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        if number:  # What is far beyond it, statistics tell.
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
            if cursor.fetchone()[0][0]["Plan"]["Plan Rows"] > 2 * number:
                return True
        # Planned for all rows, and read no further than needed: planned for some it would be a scan of the table.
        cursor.execute(
            f"WITH matching AS MATERIALIZED ({sql}) SELECT count(*) > %s FROM (SELECT FROM matching LIMIT %s) AS first",
            [*parameters, number, number + 1],
        )
        return cursor.fetchone()[0]


def _with_vector(rows: QuerySet, searchable: Searchable) -> QuerySet:
    return rows if has_stored_vector(rows) else rows.alias(search_vector=searchable.vector())


def has_stored_vector(rows: QuerySet) -> bool:
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


def _read(rows: QuerySet, text: str, words: list[str], searchable: Searchable) -> tuple[bool, list[str]]:
    """Whether a query holds stop words alone, and which of `words` no row knows."""
    source = getattr(rows, "source", None)
    if source is None:
        sql, parameters = _read_sql(rows, text, words, searchable)
    else:
        written = _reading.get((source, len(words)), lambda: _marked_read(rows, len(words), searchable))
        sql, parameters = written.sql, written.filled([text, *words])
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()


#: Statements of `_read`, by what the rows are drawn from and the number of words.
_reading: Kept[Written] = Kept(200)


def _marked_read(rows: QuerySet, number: int, searchable: Searchable) -> Written:
    marks = Marks()
    text, *words = marks.of([""] * (1 + number))
    return Written.of(_read_sql(rows, text, words, searchable), marks)


def _read_sql(rows: QuerySet, text: str, words: list[str], searchable: Searchable) -> tuple[str, list[Any]]:
    known, parameters = _knowing(rows, words, STEMMED, searchable)
    listed = (
        f"ARRAY(SELECT word FROM (VALUES {known}) AS asked(word, known) WHERE NOT known)" if words else "'{}'::text[]"
    )
    sql = f"SELECT numnode(websearch_to_tsquery(%s::regconfig, %s)) = 0, {listed}"
    return sql, [STEMMED, text, *parameters]


def _knowing(rows: QuerySet, words: Iterable[str], config: str, searchable: Searchable) -> tuple[str, list[Any]]:
    """SQL rows of (word, whether a row has it as a stem or as written), and their parameters.

    Rows are counted instead of looked for: for a single one the planner would read them all, hoping to meet it soon.
    So that this need not be done for frequent words, those of the vocabulary are known without it.
    """
    plain = _with_vector(rows.order_by(), searchable)
    listed, parameters = [], []
    for word in words:
        query = SearchQuery(word, config=config) | SearchQuery(word, config=EXACT)
        sql, given = plain.filter(search_vector=query).values("pk").query.sql_with_params()
        conditions = ["numnode(plainto_tsquery(%s::regconfig, %s)) = 0"]
        parameters += [word, config, word]
        if config != EXACT and has_stored_vector(rows):
            used, of_kind = rows.vocabulary().query.sql_with_params()  # type: ignore[attr-defined]
            written = "tsvector_to_array(to_tsvector(%s::regconfig, %s))"
            conditions.append(f"EXISTS (SELECT FROM ({used}) AS used(word) WHERE used.word = ANY({written}))")
            parameters += [*of_kind, EXACT, word]
        known = " ".join(f"WHEN {condition} THEN true" for condition in conditions)
        listed.append(f"(%s, CASE {known} ELSE (SELECT count(*) FROM ({sql}) AS hits) > 0 END)")
        parameters += given
    return ", ".join(listed), parameters


def _corrections(rows: QuerySet, unknown: list[str], searchable: Searchable) -> tuple[tuple[str, str], ...]:
    """For each unknown word the closest one that a row has."""
    if has_stored_vector(rows):
        vocabulary = rows.vocabulary()  # type: ignore[attr-defined]
    else:
        vocabulary = rows.order_by().annotate(word=_TsVectorWords(searchable.vector(EXACT))).values("word")
    sql, parameters = vocabulary.query.sql_with_params()
    with connection.cursor() as cursor:
        # `%%` is what the index of similar words answers; its own limit lies below ours.
        cursor.execute(
            "SELECT asked, close.word FROM unnest(%s::text[]) AS asked CROSS JOIN LATERAL ("
            f"SELECT DISTINCT word, similarity(word, unaccent(lower(asked))) AS alike FROM ({sql}) AS used(word) "
            "WHERE word %% unaccent(lower(asked)) AND similarity(word, unaccent(lower(asked))) >= %s "
            "ORDER BY alike DESC, word LIMIT %s) AS close ORDER BY alike DESC, word",
            [unknown, *parameters, LEAST_SIMILARITY, CLOSEST],
        )
        close: dict[str, list[str]] = {}
        for word, candidate in cursor.fetchall():
            close.setdefault(word, []).append(candidate)
        candidates = {candidate for found in close.values() for candidate in found}
        if not candidates:
            return ()
        known, parameters = _knowing(rows, candidates, EXACT, searchable)
        # Words stay on the list when the last row that had them goes.
        cursor.execute(f"SELECT word FROM (VALUES {known}) AS found(word, known) WHERE known", parameters)
        used = {word for (word,) in cursor.fetchall()}
    best = {word: next((one for one in found if one in used), None) for word, found in close.items()}
    return tuple((word, right) for word in unknown if (right := best.get(word)))
