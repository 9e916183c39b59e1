"""Names in addresses: plain ASCII, unique, and the same on every machine."""

import re
import unicodedata
from collections.abc import Callable, Iterable

#: Letters that do not come apart into a plain letter and an accent.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)


def slugify(text: str, fallback: str) -> str:
    """`ITU-T Y.4903/L.1603` as `itu-t-y-4903-l-1603`; `fallback` for a text without any letter or digit of ASCII."""
    letters = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
    plain = letters.encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or fallback


def allot(wished: Iterable[str], maximum: int, taken_of: Callable[[set[str]], set[str]]) -> list[str]:
    """One free slug for each wish, in order: the wish itself, else with `-2`, `-3` and so on behind it.

    Args:
        maximum: the most characters of a slug; a longer wish is cut.
        taken_of: which of these slugs other rows of the database have.
    """
    wishes = [wish[:maximum].rstrip("-") for wish in wished]
    taken = taken_of(set(wishes))
    slugs = []
    for wish in wishes:
        slug, number = wish, 1
        while slug in taken:
            number += 1
            suffix = f"-{number}"
            slug = wish[: maximum - len(suffix)].rstrip("-") + suffix
            if slug not in taken:
                taken |= taken_of({slug})
        taken.add(slug)
        slugs.append(slug)
    return slugs
