"""Requests that are read without their form, and SQL that is written once for all requests of one shape.

Most requests give a few values that are known. Their filters read them in a few steps (`plain`); what they do not know
for certain is left to the form, which also finds the words for what is wrong.

Requests that give the same parameters, as many values each, differ in these values alone. Their SQL is written once,
with marks in place of the values, and the values are put in for each request.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

Made = TypeVar("Made")

#: What `plain` of a filter answers when only the form can tell.
UNSURE = object()
#: Begins a mark for a text: a private-use character, which no text of the portal's own holds.
_TEXT_MARK = "\ue0f0"
#: The first mark for a number, and those that follow below it: integers of PostgreSQL that nobody asks for.
_NUMBER_MARK = -2_000_000_001
#: The first mark for a moment.
_MOMENT_MARK = datetime(1, 2, 3, tzinfo=UTC)

Shape = tuple[tuple[str, Hashable], ...]


class Marks:
    """Marks for values, in the order in which they are made."""

    def __init__(self) -> None:
        self.places: dict[int | str | datetime, _Place] = {}

    def of(self, value: Any) -> Any:
        """A mark of the value's type; of a list a list of marks. Raises: TypeError for a type without marks."""
        if isinstance(value, list):
            return [self.of(one) for one in value]
        number = len(self.places)
        mark: int | str | datetime
        if isinstance(value, int):
            mark = _NUMBER_MARK - number
        elif isinstance(value, str):
            mark = f"{_TEXT_MARK}{number}"
        elif isinstance(value, datetime):
            mark = _MOMENT_MARK + timedelta(seconds=number)
        else:
            raise TypeError(type(value).__name__)
        self.places[mark] = _Place(number)
        return mark


class _Place(int):
    """Where in the list of values one of them stands."""


@dataclass(frozen=True)
class Written:
    """SQL, and its parameters with places instead of the values that a request gives."""

    sql: str
    parameters: tuple[Any, ...]

    @classmethod
    def of(cls, part: tuple[str, Iterable[Any]], marks: Marks) -> "Written":
        """From SQL and parameters that hold marks."""
        sql, parameters = part

        def placed(one: Any) -> Any:
            if isinstance(one, list):
                return [placed(each) for each in one]
            return marks.places.get(one, one) if isinstance(one, str | int | datetime) else one

        return cls(sql, tuple(placed(one) for one in parameters))

    def filled(self, values: Sequence[Any]) -> list[Any]:
        """The parameters of a request. Args: values: in the order in which their marks were made."""

        def given(one: Any) -> Any:
            if type(one) is _Place:
                return values[one]
            return [given(each) for each in one] if type(one) is list else one

        return [given(one) for one in self.parameters]


def shape_of(values: Mapping[str, Any]) -> Shape:
    """What requests must have in common to share their SQL: the parameters, of lists how many values, and the order."""
    return tuple(
        (name, len(value) if isinstance(value, list) else value if name == "sort" else type(value).__name__)
        for name, value in sorted(values.items())
    )


def flat(values: Iterable[Any]) -> list[Any]:
    """The values one by one, as `Marks` numbers them."""
    return [one for value in values for one in (value if isinstance(value, list) else [value])]


class Kept(Generic[Made]):
    """What was made for the keys that were asked for last, by this process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: dict[Hashable, Made] = {}

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """As kept, or made now."""
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = make()
            while len(self._made) > self._most:
                self._made.pop(next(iter(self._made)), None)
        return found

    def __contains__(self, key: Hashable) -> bool:
        return key in self._made

    def forget(self) -> None:
        self._made.clear()
