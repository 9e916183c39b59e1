"""Every word of the portal is said in every language: no catalogue misses one, and none has a slip in it."""

import gettext
import io
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import django
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.translation import to_locale
from django.utils.translation.template import templatize

LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
TEMPLATES = [Path(folder) for engine in settings.TEMPLATES for folder in engine["DIRS"]]
PACKAGES = [path.parent for path in settings.BASE_DIR.glob("*/__init__.py") if path.parent.name != "tests"]

#: Where each function has its words; "c" is the context.
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), (1,)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
#: Whole numbers for which the forms of a plural are told apart; Spanish has one for whole millions.
COUNTS = [*range(201), 1_000_000, 2_000_000]
#: Placeholders of the number itself: "two cities" need not say it.
NUMBER = {"%(n)s", "%(n)d", "%(n_text)s", "%(number)s", "%(count)s", "%(minutes)s"}

Key = tuple[str, str]  # context, words in English


@cache
def catalogue(language: str) -> Catalog:
    path = settings.LOCALE_PATHS[0] / to_locale(language) / "LC_MESSAGES" / "django.po"
    with path.open("rb") as file:
        return read_po(file, locale=to_locale(language), abort_invalid=True)


def key(message: Message) -> Key:
    return message.context or "", message.id if isinstance(message.id, str) else message.id[0]


def entries(language: str) -> list[Message]:
    """All but the head."""
    return [message for message in catalogue(language) if message.id]


def sources() -> Iterator[tuple[Path, str]]:
    """Files that hold words, as Python: a template becomes what makemessages makes of it."""
    for package in PACKAGES:
        for path in package.rglob("*.py"):
            yield path, path.read_text(encoding="utf-8")
    for folder in TEMPLATES:
        for path in (*folder.rglob("*.html"), *folder.rglob("*.txt")):
            # In parentheses, as the blanked-out text around the calls is indented at will.
            yield path, f"(\n{templatize(path.read_text(encoding='utf-8'), origin=str(path))}\n)"


def words_of(path: Path, text: str) -> Iterator[Key]:
    for line, words, _comments, context in extract("python", io.BytesIO(text.encode()), KEYWORDS):
        first = words[0] if isinstance(words, tuple) else words
        assert first, f"{path}:{line}: nothing to translate"
        yield context or "", first


@pytest.fixture(scope="module")
def said() -> dict[Key, Path]:
    """Every string to translate, with a file that says it."""
    return {key: path for path, text in sources() for key in words_of(path, text)}


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[a-z]|\{\w*\}", text))


def tags(text: str) -> list[str]:
    return sorted(re.findall(r"<[^>]+>", text))


def plural_rule(language: str) -> Callable[[int], int]:
    return gettext.c2py(catalogue(language).plural_expr)


def faults(message: Message, counts: dict[int, list[int]]) -> Iterator[str]:
    """What is wrong with one entry.

    Args:
        counts: number of the plural form -> the numbers of `COUNTS` that take it.
    """
    if isinstance(message.id, str):
        if placeholders(message.id) != placeholders(message.string):
            yield "placeholders"
        if tags(message.id) != tags(message.string):
            yield "tags"
        return
    singular, plural = map(placeholders, message.id)
    if len(message.string) != len(counts):
        yield f"{len(message.string)} plural forms instead of {len(counts)}"
    for form, text in enumerate(message.string):
        numbers = counts.get(form, [])
        needed = singular & plural if numbers == [0] else singular if numbers == [1] else plural
        if len(numbers) == 1:
            needed = needed - NUMBER
        if not needed <= placeholders(text) <= singular | plural:
            yield f"placeholders of form {form}"
        if tags(text) != tags(message.id[1]):
            yield f"tags of form {form}"


def test_the_extraction_finds_words_of_each_kind(said):
    """The comparison with the catalogues is worth something only when the words are really found."""
    assert len(said) > 900
    for known in (
        ("", "Use cases"),
        ("unit", "per litre"),
        ("column of the footer", "Find"),
        ("", "%(n_text)s city"),
        ("", "%(label)s:"),
        ("", "year not stated"),
        ("of a measured value", "Change"),
        ("", "The fuller the dot, the surer the result."),
    ):
        assert known in said, known


def test_a_template_is_read_as_makemessages_reads_it():
    text = "{% blocktranslate count n=n trimmed %}\n   {{ n }} pipe\n{% plural %}{{ n }} pipes{% endblocktranslate %}"
    made = "(\n" + templatize(f"  don't ({text}\n <p>{{% translate 'Valve' context 'of a pipe' %}} 1.5 #") + "\n)"
    assert list(words_of(Path("a.html"), made)) == [("", "%(n)s pipe"), ("of a pipe", "Valve")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_of_the_portal_is_in_the_catalogue(said, language):
    there = {key(message) for message in entries(language)}
    missing = sorted(
        f"{path.relative_to(settings.BASE_DIR)}: {words!r}" for words, path in said.items() if words not in there
    )
    assert not missing, "run makemessages, then translate:\n" + "\n".join(missing)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_no_string_that_the_portal_no_longer_says(said, language):
    unsaid = [repr(key(message)) for message in entries(language) if key(message) not in said]
    assert not unsaid, "run makemessages, or remove:\n" + "\n".join(unsaid)
    assert not catalogue(language).obsolete


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_entry_is_empty_or_unsure(language):
    found = catalogue(language)
    assert not found.fuzzy
    for message in entries(language):
        parts = [message.string] if isinstance(message.string, str) else message.string
        assert all(part and part.strip() for part in parts), message.id
        assert not message.fuzzy, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_tags_and_plural_forms_agree_with_the_source(language):
    rule = plural_rule(language)
    counts: dict[int, list[int]] = {}
    for n in COUNTS:
        counts.setdefault(rule(n), []).append(n)
    assert len(counts) == catalogue(language).num_plurals
    wrong = {message.id: found for message in entries(language) if (found := list(faults(message, counts)))}
    assert wrong == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_spaces_around_a_string_are_those_of_the_source(language):
    """ ", " joins names: without its space they would run together."""
    for message in entries(language):
        if isinstance(message.id, str):
            edges = [
                (len(text) - len(text.lstrip()), len(text) - len(text.rstrip()))
                for text in (message.id, message.string)
            ]
            assert edges[0] == edges[1], message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_head_has_djangos_plural_rule_and_nothing_of_whoever_ran_the_tools(language):
    shipped = Path(django.__file__).parent / "conf/locale" / to_locale(language) / "LC_MESSAGES/django.po"
    with shipped.open("rb") as file:
        rule = gettext.c2py(read_po(file, locale=to_locale(language)).plural_expr)
    ours = plural_rule(language)
    assert [ours(n) for n in COUNTS] == [rule(n) for n in COUNTS]
    path = settings.LOCALE_PATHS[0] / to_locale(language) / "LC_MESSAGES" / "django.po"
    text = path.read_text(encoding="utf-8")
    assert f'"Language: {language}\\n"' in text
    assert '"Content-Type: text/plain; charset=UTF-8\\n"' in text
    assert not re.search(r"[\w.]+@[\w.]+\.\w+|^#: /|FULL NAME|YEAR", text, re.M)


def test_the_checks_find_what_they_look_for():
    counts = {0: [1], 1: COUNTS}
    good = Message(("%(n)s city in %(place)s", "%(n)s cities in %(place)s"), ("una en %(place)s", "%(n)s en %(place)s"))
    assert list(faults(good, counts)) == []
    for id_, string in (
        ("%(a)s", "%(b)s"),
        ("%(a)s", "a"),
        ("{limit} bytes", "bytes"),
        ("<b>a</b>", "<b>a"),
        (good.id, ("una", "%(n)s en %(place)s")),
        (good.id, ("una en %(place)s", "en %(place)s")),
        (good.id, ("una en %(place)s", "%(n)s en %(lugar)s")),
        (good.id, ("una en %(place)s",)),
    ):
        assert list(faults(Message(id_, string), counts)), string
