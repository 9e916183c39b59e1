"""What may go wrong on somebody's machine, told in one sentence that names the cure."""

from collections.abc import Iterable


class Problem(Exception):  # noqa: N818 - it tells a person, not a programmer, what is wrong
    """Ends the command with one sentence and a non-zero code; never with a traceback.

    Args:
        sentence: what is wrong and what to do about it.
        lines: what the failing program said last, shown above the sentence.
    """

    def __init__(self, sentence: str, *, lines: Iterable[str] = (), code: int = 1) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.lines = list(lines)
        self.code = code
