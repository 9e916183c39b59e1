"""Units of measured values: one pint registry, extended by `data/units.txt`.

Texts that people and files write are checked before pint evaluates them: pint reads a small calculator's language, in
which a short text can ask for a number with a billion digits.
"""

import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from difflib import get_close_matches
from fractions import Fraction
from functools import cache, lru_cache
from math import prod
from pathlib import Path
from typing import cast

from django.conf import settings
from django.utils.translation import gettext as _

from alliance.core.bare_pint import pint

MAXIMUM_LENGTH = 100
#: Of a converted value: as many as a decimal of 128 bits holds, far more than anybody measures.
DIGITS = 34
_TOKEN = re.compile(
    r"\s*(?:(?P<power>(?:\*\*|\^)\s*-?[1-9](?![\w.]))|(?P<name>[^\W\d]\w*|%)|(?P<number>\d{1,12}(?:\.\d{1,6})?(?![\w.]))"
    r"|(?P<operator>\*(?!\*)|/(?!/))|(?P<open>\()|(?P<close>\)))\s*"
)
#: What pint raises for a text that it cannot evaluate.
_PINT_ERRORS = (
    pint.PintError,
    tokenize.TokenError,
    SyntaxError,
    AssertionError,
    ArithmeticError,
    AttributeError,
    TypeError,
    ValueError,
)
_UNITS_LINE = re.compile(r"\s*(?P<name>[^\W\d]\w*)\s*=")


class UnitError(ValueError):
    """A unit that cannot be used; the message says why, `hint` what to write instead (it may be empty)."""

    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.hint = hint


class UnknownUnitError(UnitError):
    """A well-formed expression with a name that the registry does not know."""


class MalformedUnitError(UnitError):
    """A text that is no unit expression."""


class UnitsFileError(UnitError):
    """The file with our own units is missing or wrong."""


class IncompatibleUnitsError(UnitError):
    """Two units between which no value can be converted; the message names both."""


@dataclass(frozen=True)
class Line:
    """How values of one unit become values of another: value * factor + shift, without rounding."""

    factor: Fraction
    shift: Fraction = Fraction(0)

    def at(self, value: Decimal) -> Decimal:
        """The value in the other unit, rounded once, to `DIGITS` significant digits."""
        exact = Fraction(value) * self.factor + self.shift
        with localcontext(prec=DIGITS):
            return Decimal(exact.numerator) / Decimal(exact.denominator)


class Units:
    """The units of one definitions file, on top of pint's own.

    Raises: UnitsFileError.
    """

    def __init__(self, definitions: Path):
        # Decimals: measured values are converted without binary rounding.
        self.registry: pint.UnitRegistry = pint.UnitRegistry(non_int_type=Decimal)
        try:
            names = list(_defined_names(definitions))
            for line, name in names:
                if name in self.registry:
                    raise UnitsFileError(
                        _("line %(line)s: “%(name)s” is a unit already") % {"line": line, "name": name},
                        _("choose another name"),
                    )
            self.registry.load_definitions(definitions)
            for line, name in names:
                try:
                    self.registry.Quantity(Decimal(1), name).to_base_units()
                except _PINT_ERRORS as error:
                    raise UnitsFileError(f"line {line}: {error}") from error
        except OSError as error:
            raise UnitsFileError(error.strerror or str(error)) from error
        except UnitError:
            raise
        except _PINT_ERRORS as error:
            raise UnitsFileError(str(error).splitlines()[0]) from error
        self._parse = lru_cache(maxsize=1_000)(self._evaluate)
        self._line_of = lru_cache(maxsize=5_000)(self._find_line)
        # A count of things is not a share, and a score is neither, though all of them are without dimension.
        self._kinds = {"count"} | {
            name for _line, name in names if self.registry.Quantity(Decimal(1), name).dimensionless
        }

    def parse_unit(self, text: str) -> pint.Quantity:
        """One of the unit that `text` names: `count/(100000*person)` is 0.00001 count a person.

        Raises: UnknownUnitError, MalformedUnitError.
        """
        return self._parse(text)

    def _evaluate(self, text: str) -> pint.Quantity:
        _check_grammar(text)
        try:
            unit = self.registry.parse_expression(text)
        except pint.UndefinedUnitError as error:
            unknown = error.unit_names if isinstance(error.unit_names, str) else error.unit_names[0]
            closest = get_close_matches(unknown, list(self.registry), n=1)
            raise UnknownUnitError(
                _("no unit is called “%(name)s”") % {"name": unknown},
                _("did you mean “%(name)s”?") % {"name": closest[0]} if closest else "",
            ) from error
        except _PINT_ERRORS as error:
            raise MalformedUnitError(_("“%(text)s” is no unit") % {"text": text}, _how_to_write_units()) from error
        return self.registry.Quantity(unit)

    def compatible(self, one: str, other: str) -> bool:
        """Whether a value in the one unit can be converted into the other.

        Raises: UnknownUnitError, MalformedUnitError.
        """
        first, second = self.parse_unit(one), self.parse_unit(other)
        if self._is_point(first) != self._is_point(second) and (_is_difference(first) or _is_difference(second)):
            return False  # 20 °C and a difference of 20 °C
        return first.is_compatible_with(second) and self._kinds_of(first) == self._kinds_of(second)

    def line(self, unit: str, into: str) -> Line:
        """How values in `unit` become values in `into`.

        Raises: IncompatibleUnitsError (another dimension, another kind of count, another currency), UnknownUnitError,
            MalformedUnitError.
        """
        return self._line_of(unit, into)

    def convert(self, value: Decimal, unit: str, into: str) -> Decimal:
        """The value in another unit. Raises: as `line`."""
        return value if unit == into else self.line(unit, into).at(value)

    def _find_line(self, unit: str, into: str) -> Line:
        if not self.compatible(unit, into):
            raise IncompatibleUnitsError(
                _("%(unit)s cannot be converted into %(into)s") % {"unit": unit, "into": into},
                _("give the value in %(into)s, or the change in percent") % {"into": into},
            )
        one, other = self.parse_unit(unit), self.parse_unit(into)
        if self._is_point(one) or self._is_point(other):
            # A temperature: two values of it tell the line; pint has 5/9 with 28 digits.
            nought, first = (
                Fraction(self.registry.Quantity(number, one.units).to(other.units).magnitude).limit_denominator(10**9)
                for number in (Decimal(0), Decimal(1))
            )
            return Line(first - nought, nought)
        return Line(self._size(one) / self._size(other))

    def _size(self, unit: pint.Quantity) -> Fraction:
        """How many of its base units it is. Each name apart: pint's own way divides decimals, and rounds."""
        sizes = (
            Fraction(cast(Decimal, self.registry.get_root_units(name)[0])) ** int(cast(Decimal, exponent))
            for name, exponent in unit.unit_items()
        )
        return Fraction(Decimal(unit.magnitude)) * prod(sizes, start=Fraction(1))

    def _is_point(self, unit: pint.Quantity) -> bool:
        """Whether its zero is not none of it: degrees Celsius as a temperature."""
        return not unit._is_multiplicative

    def _kinds_of(self, unit: pint.Quantity) -> dict[str, object]:
        return {name: exponent for name, exponent in unit.unit_items() if name in self._kinds}


@cache
def units() -> Units:
    """The portal's units, read once, when they are first asked for. Raises: UnitsFileError."""
    return Units(settings.DATA_DIR / "units.txt")


def parse_unit(text: str) -> pint.Quantity:
    """One of the unit that `text` names. Raises: UnknownUnitError, MalformedUnitError."""
    return units().parse_unit(text)


def compatible(one: str, other: str) -> bool:
    """Whether a value in the one unit can be converted into the other. Raises: UnknownUnitError, MalformedUnitError."""
    return units().compatible(one, other)


def convert(value: Decimal, unit: str, into: str) -> Decimal:
    """The value in another unit, rounded once to `DIGITS` digits.

    Raises: IncompatibleUnitsError, which names both units; UnknownUnitError, MalformedUnitError.
    """
    return units().convert(value, unit, into)


def _is_difference(unit: pint.Quantity) -> bool:
    return any(name.startswith("delta_") for name, _exponent in unit.unit_items())


def _defined_names(definitions: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(definitions.read_text(encoding="utf-8").splitlines(), start=1):
        if match := _UNITS_LINE.match(line):
            yield number, match["name"]


def _how_to_write_units() -> str:
    return _("join unit names with * and /, such as kWh/m**2/year")


def _check_grammar(text: str) -> None:
    """Names and plain numbers, joined by ``*`` and ``/``; a power of one digit after a name; parentheses."""
    if not text.strip():
        raise MalformedUnitError(_("the unit is empty"), _("write “dimensionless” for a bare number"))
    if len(text) > MAXIMUM_LENGTH:
        raise MalformedUnitError(_("the unit is longer than %(maximum)s characters") % {"maximum": MAXIMUM_LENGTH})
    if not any(letter.isalpha() or letter == "%" for letter in text):
        raise MalformedUnitError(_("“%(text)s” names no unit") % {"text": text}, _how_to_write_units())
    depth, position, before = 0, 0, "operator"
    while position < len(text):
        match = _TOKEN.match(text, position)
        kind = str(match.lastgroup) if match else ""
        starts = before in ("operator", "open")
        fits = {
            "name": starts,
            "number": starts,
            "open": starts,
            "power": before == "name",
            "operator": not starts,
            "close": not starts and depth > 0,
        }
        if match is None or not fits[kind]:
            raise MalformedUnitError(_("“%(text)s” is no unit") % {"text": text}, _how_to_write_units())
        depth += {"open": 1, "close": -1}.get(kind, 0)
        position, before = match.end(), kind
    if depth or before in ("operator", "open"):
        raise MalformedUnitError(
            _("“%(text)s” is no complete unit") % {"text": text},
            _("close each parenthesis, and end with a unit"),
        )
