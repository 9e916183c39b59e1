"""Texts as people type and paste them: cleaned of what is not seen, and made alike for comparison."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

#: Longest text that an entry may have, whatever its field; each field's own limit is lower.
LONGEST = 20_000

# Embeddings, overrides and isolates of direction: they can make a text read other than it is.
_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# Zero-width space, joiner, byte order mark, soft hyphen, marks of direction: they come along when text is copied.
_UNSEEN = "\u200b\u200e\u200f\u2060\ufeff\u00ad\u061c"
_ALIKE = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th"})

#: What a spreadsheet shows in place of a value that it cannot compute.
SHEET_ERRORS = frozenset(
    ("#div/0!", "#ref!", "#value!", "#name?", "#num!", "#null!", "#spill!", "#calc!", "#####", "########")
)

_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_SPACES = re.compile(r"\s+")


def clean(text: str, *, several_lines: bool = False) -> str:
    """The text without what is not seen, its spaces made one; line breaks stay where `several_lines` says so."""
    if text.isascii() and text.isprintable() and "  " not in text:  # nearly every entry
        return text.strip()
    text = unicodedata.normalize("NFC", text)
    unseen = _BIDI if several_lines else _BIDI + _UNSEEN
    text = "".join(letter for letter in text if letter not in unseen)
    if several_lines:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return re.sub(r"\n{3,}", "\n\n", "\n".join(_SPACES.sub(" ", line).strip() for line in lines)).strip()
    return _SPACES.sub(" ", text).strip()


def forbidden(text: str) -> str:
    """The first character that no text may hold, as `U+0007`; empty when there is none."""
    if text.isascii() and text.isprintable():
        return ""
    for letter in text:
        category = unicodedata.category(letter)
        if (category == "Cc" and letter not in "\t\n\r\x85") or category in ("Cs", "Co", "Cn"):
            return f"U+{ord(letter):04X}"
    return ""


@lru_cache(maxsize=50_000)
def alike(text: str) -> str:
    """The text as it is compared: lower case, without accents, width or other dress, spaces made one."""
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(letter for letter in text if not unicodedata.combining(letter)).translate(_ALIKE)
    return _SPACES.sub(" ", text.replace("’", "'")).strip()


@lru_cache(maxsize=50_000)
def tokens(text: str) -> tuple[str, ...]:
    """The words and numbers of a text: `ISO 37120:2014, 5.1` and `iso37120-2014/5.1` are the same."""
    return tuple(_TOKEN.findall(alike(text)))


#: What stands in a field of which nothing is known; compared as `alike` writes it.
NOTHING = frozenset(
    alike(text)
    for text in (
        *("", "-", "--", "---", "–", "—", "?", "??", ".", "..", "…", "/"),
        *("n/a", "na", "n.a.", "n. a.", "#n/a", "nan", "null", "none", "nil", "not available", "not applicable"),
        *("unknown", "not known", "unk", "tbd", "tbc", "to be defined", "missing", "no data", "not measured"),
        *("no disponible", "desconocido", "se desconoce", "sin datos", "s/d", "n/d", "nd", "no aplica", "ninguno"),
        *("k.a.", "k. a.", "keine angabe", "unbekannt", "inconnu", "non disponible"),
        *("لا يوجد", "غير معروف", "غير متوفر", "لا ينطبق"),
    )
)


def is_nothing(text: str) -> bool:
    """Whether an entry says that nothing is known."""
    return alike(text) in NOTHING


def shorten(text: str, length: int = 60) -> str:
    """The beginning of a text, to name it in a sentence."""
    text = clean(text)
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def listed(names: Iterable[str]) -> str:
    """Names for a sentence: “a”, “b”, “c”."""
    return ", ".join(f"“{name}”" for name in names)
