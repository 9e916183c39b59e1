"""Numbers as people write them: `1 234,5`, `1.234,56`, `−43 %`, `١٢٫٥`; and what to do about what is no number."""

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from reporting.entries import NOTHING, EntryError, Note, Read
from reporting.words import SHEET_ERRORS, alike, clean, is_nothing, shorten

#: As the database keeps values: 18 digits before the point, 6 after it.
LARGEST, DECIMALS = Decimal(10) ** 18, Decimal("0.000001")
LONGEST_NUMBER = 60

_MINUS = "-−–‒‐‑﹣－"
_SIGNS = str.maketrans(dict.fromkeys(_MINUS, "-") | {"＋": "+", "٫": ".", "٬": "'", "’": "'", "٪": "%", "％": "%"})
_MINUS_WORDS = re.compile(r"^(?:minus|menos|ناقص)\s+", re.I)
_PERCENT = re.compile(r"^%\s*|\s*(?:%|percent|per cent|pct\.?|por ciento|بالمئة|في المئة)$", re.I)
_PLAIN = re.compile(r"[+-]?\d+(?:\.\d+)?")
_SCIENTIFIC = re.compile(r"([+-]?\d+(?:[.,]\d+)?)[eE]([+-]?\d{1,2})")
_GROUPED = {
    "space": re.compile(r"\d{1,3}(?: \d{3})+"),
    "'": re.compile(r"\d{1,3}(?:'\d{3})+"),
    # Also lakh and crore: 12,34,567.
    ",": re.compile(r"\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})*,\d{3}"),
    ".": re.compile(r"\d{1,3}(?:\.\d{3})+"),
}
_YES_NO = frozenset(("yes", "no", "true", "false", "si", "نعم", "لا"))


def number(entry: Any, *, decimal_mark: str = "") -> Read:
    """A decimal number.

    Args:
        decimal_mark: `.` or `,` where the other entries of the sheet show which one it uses.
    Raises: EntryError.
    """
    if isinstance(entry, bool):
        raise EntryError("not-a-number", _("Yes or no is no number: write 1 for yes and 0 for no."))
    if isinstance(entry, int | float | Decimal):
        return Read(_fitting(Decimal(str(entry)), str(entry)))
    text = clean(str(entry))
    if _PLAIN.fullmatch(text) and text.isascii() and not _is_unclear(text, decimal_mark):
        return Read(_fitting(Decimal(text), text))
    return _written(text, decimal_mark)


def percent(entry: Any, *, decimal_mark: str = "") -> Read:
    """A number of percent, with or without its sign."""
    return number(entry, decimal_mark=decimal_mark)


def count(entry: Any, *, decimal_mark: str = "") -> Read:
    """A whole number that is not negative. Raises: EntryError."""
    read = number(entry, decimal_mark=decimal_mark)
    if read.value is None:
        return read
    if read.has_percent_sign:
        raise EntryError(
            "not-a-count", _("This asks for a number of things, not for a share: leave the percent sign out.")
        )
    if read.value != read.value.to_integral_value():
        raise EntryError("not-whole", _("“%(text)s” is no whole number: write it without decimals.") % _said(entry))
    if read.value < 0:
        raise EntryError("negative-count", _("There cannot be fewer than none: write the number without minus."))
    if read.value >= 10**12:
        raise EntryError("number-too-large", _("“%(text)s” is more than can be counted here.") % _said(entry))
    return Read(int(read.value), read.notes)


def _said(entry: Any) -> dict[str, str]:
    return {"text": shorten(str(entry), 40)}


def _written(text: str, decimal_mark: str) -> Read:
    """A number in a text that is not plain digits."""
    if is_nothing(text):
        return NOTHING
    if alike(text) in SHEET_ERRORS or text.startswith("#"):
        raise EntryError(
            "sheet-error",
            _("The sheet shows the error “%(text)s” here: mend its formula, or type the number itself.") % _said(text),
        )
    if len(text) > LONGEST_NUMBER:
        raise EntryError("not-a-number", _("This is a text where a number is asked for: write the number alone."))
    plain = "".join(str(unicodedata.decimal(letter, letter)) for letter in text).translate(_SIGNS)
    plain = _MINUS_WORDS.sub("-", plain.strip())
    bare = _PERCENT.sub("", plain)
    has_percent_sign, bare = bare != plain, bare.strip()
    sign, bare = _sign(bare)
    if match := _SCIENTIFIC.fullmatch(bare):
        digits, exponent = match[1].replace(",", "."), int(match[2])
        if abs(exponent) > 18:
            raise _too_large(text)
        return Read(_fitting(sign * Decimal(digits).scaleb(exponent), text), (), has_percent_sign)
    digits, notes = _digits(bare, text, decimal_mark, sign)
    return Read(_fitting(sign * digits, text), notes, has_percent_sign)


def _sign(text: str) -> tuple[int, str]:
    """+1 or -1, and the rest. Brackets are the accountants' minus; some sheets put the sign last."""
    if text.startswith("(") and text.endswith(")") and len(text) > 2:
        return -1, text[1:-1].strip()
    if text[:1] in ("-", "+"):
        return (-1 if text[0] == "-" else 1), text[1:].strip()
    if text[-1:] == "-" and text[:1].isdigit():
        return -1, text[:-1].strip()
    return 1, text


def _digits(bare: str, text: str, decimal_mark: str, sign: int) -> tuple[Decimal, tuple[Note, ...]]:
    """The number that digits and the marks between them make."""
    if not re.fullmatch(r"[\d.,' ]+", bare) or not any(letter.isdigit() for letter in bare):
        raise _no_number(bare, text)
    whole, fraction = bare, ""
    marks = [letter for letter in bare if letter in ".,"]
    grouping = "space" if " " in bare else "'" if "'" in bare else ""
    notes: tuple[Note, ...] = ()
    last = marks[-1] if marks else ""
    if last and marks.count(last) == 1 and (grouping or len(set(marks)) == 2 or not _may_group(bare, last)):
        whole, _mark, fraction = bare.rpartition(last)
        grouping = grouping or next((mark for mark in marks if mark != last), "")
    elif last and len(marks) == 1:
        is_decimal, notes = _one_mark(bare, last, text, decimal_mark, "-" if sign < 0 else "")
        if is_decimal:
            whole, _mark, fraction = bare.rpartition(last)
        else:
            grouping = last
    elif last:
        grouping = last
    if (grouping and not _GROUPED[grouping].fullmatch(whole)) or (not grouping and not whole.isdigit() and whole):
        raise EntryError(
            "number-unclear",
            _("“%(text)s” can be read in more than one way: write digits, and a point before the decimals.")
            % _said(text),
        )
    if fraction and not fraction.isdigit():
        raise _no_number(bare, text)
    whole = re.sub(r"\D", "", whole) or "0"
    try:
        return Decimal(f"{whole}.{fraction}" if fraction else whole), notes
    except InvalidOperation as error:
        raise _no_number(bare, text) from error


def _may_group(bare: str, mark: str) -> bool:
    """Whether one mark may be a thousands separator: three digits follow, and one to three others come before."""
    before, _mark, after = bare.partition(mark)
    return len(after) == 3 and 1 <= len(before) <= 3 and not before.startswith("0")


def _is_unclear(text: str, decimal_mark: str) -> bool:
    return decimal_mark != "." and "." in text and _may_group(text.lstrip("+-"), ".")


def _one_mark(bare: str, mark: str, text: str, decimal_mark: str, sign: str) -> tuple[bool, tuple[Note, ...]]:
    """Whether the one mark of `1,234` is that of decimals. Where nothing tells, English is assumed, and asked about."""
    if decimal_mark:
        return mark == decimal_mark, ()
    thousand, small = sign + bare.replace(mark, ""), sign + bare.replace(mark, ".")
    is_decimal = mark == "."
    taken, other = (small, thousand) if is_decimal else (thousand, small)
    question = _("“%(text)s” was read as %(taken)s. Is that right? If you mean %(other)s, write it so.") % {
        "text": shorten(text, 40),
        "taken": taken,
        # Another digit makes it a decimal number without doubt.
        "other": other if other == thousand else f"{other}0",
    }
    return is_decimal, (Note("ambiguous-number", question),)


def _fitting(value: Decimal, text: str) -> Decimal:
    """The number as the database can keep it. Raises: EntryError."""
    if not value.is_finite():
        raise EntryError("not-a-number", _("“%(text)s” is no number.") % _said(text))
    if abs(value) >= LARGEST:
        raise _too_large(text)
    value = Decimal(format(value, "f"))
    kept = value.quantize(DECIMALS) if value.as_tuple().exponent < -6 else value  # type: ignore[operator]
    if value and not kept:
        raise EntryError(
            "number-too-small",
            _("“%(text)s” has more decimals than can be kept (six): choose a smaller unit.") % _said(text),
        )
    return kept


def _too_large(text: str) -> EntryError:
    return EntryError(
        "number-too-large",
        _("“%(text)s” is larger than can be kept (18 digits): check it, or choose a larger unit.") % _said(text),
    )


def _no_number(bare: str, text: str) -> EntryError:
    """What to do about a text that is no number, by what it looks like."""
    said = _said(text)
    if alike(bare) in _YES_NO:
        return EntryError("not-a-number", _("“%(text)s” is no number: write 1 for yes and 0 for no.") % said)
    if text.startswith(("=", "@")):
        return EntryError("formula", _("“%(text)s” is a formula: type the number that it gives.") % said)
    if re.search(r"\d\s*(?:-|–|\.\.|to|a|bis|hasta|/)\s*\d", bare) or re.search(r"[±]", bare):
        return EntryError(
            "number-range",
            _("“%(text)s” names more than one number: give one, and tell the range in the note.") % said,
        )
    if re.match(
        r"(?:~|≈|<|>|≤|≥|±|about|approx|ca\b|circa|around|nearly|over|under|some|cerca|unos|aprox)", bare, re.I
    ):
        return EntryError(
            "number-approximate",
            _("“%(text)s”: write the number alone, and choose “Personal estimate” for where the figures come from.")
            % said,
        )
    if re.search(r"\d", bare):
        return EntryError(
            "number-with-words",
            _("“%(text)s”: write the number alone, all its digits; unit and currency have fields of their own.") % said,
        )
    return EntryError("not-a-number", _("“%(text)s” is no number: write it in digits, such as 1234.5.") % said)
