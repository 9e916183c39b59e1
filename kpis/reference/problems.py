"""What is wrong with the files, collected until all of it is known."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

#: Looking for the closest word takes time in proportion to the words; a file that is wrong everywhere gets this many.
MOST_SUGGESTIONS = 200
#: From so many characters on, a word that begins another one is taken for its start (a designation without its year).
SHORTEST_PREFIX = 4


@dataclass(frozen=True, order=True, slots=True)
class Problem:
    """One thing that is wrong. `row` is the line of the file as an editor shows it; 0: the file as a whole."""

    file: str
    row: int
    column: str
    what: str
    mend: str

    def __str__(self) -> str:
        """As `file:row:column: what is wrong: how to mend it`."""
        return f"{self.file}:{self.row or '-'}:{self.column or '-'}: {self.what}: {self.mend}"


@dataclass
class Problems:
    """Errors stop the load; warnings are told, and the value is kept as reported."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    _suggestions: int = 0

    def error(self, file: str, row: int, column: str, what: str, mend: str) -> None:
        self.errors.append(Problem(file, row, column, what, mend))

    def warn(self, file: str, row: int, column: str, what: str, mend: str) -> None:
        self.warnings.append(Problem(file, row, column, what, mend))

    def did_you_mean(self, word: str, known: Iterable[str], otherwise: str) -> str:
        """How to mend an unknown word: the closest known one, or `otherwise`."""
        self._suggestions += 1
        if self._suggestions > MOST_SUGGESTIONS:
            return otherwise
        by_folded = {candidate.casefold(): candidate for candidate in known}
        folded = word.casefold()
        longer = [
            candidate for candidate in by_folded if len(folded) >= SHORTEST_PREFIX and candidate.startswith(folded)
        ]
        closest = [min(longer, key=len)] if longer else get_close_matches(folded, by_folded, n=1)
        return f"did you mean “{by_folded[closest[0]]}”? Otherwise {otherwise}" if closest else otherwise
