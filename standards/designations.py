"""Full designations, taken apart: which standard, and which edition of it."""

import re
from typing import NamedTuple


class Designation(NamedTuple):
    """`ISO 37120` and `2018`. The edition is empty where the designation carries no mark of its own for it."""

    standard: str
    edition: str


_YEAR = r"(?:19|20)\d\d"
_SHAPES = [
    re.compile(shape)
    for shape in (
        # ISO, IEC, BSI: a colon and the year, and what follows the year (amendments).
        rf"(?P<standard>.+?):(?P<edition>{_YEAR}\b.*)",
        # ETSI: version, and month of publication.
        rf"(?P<standard>.+?) (?P<edition>V\d+(?:\.\d+)* \({_YEAR}-\d\d\))",
        # ITU-T: month and year of approval, and what follows (amendments).
        rf"(?P<standard>.+?) (?P<edition>\(\d\d/{_YEAR}\).*)",
        # ITU-T supplements: the year alone.
        rf"(?P<standard>.+?) (?P<edition>\({_YEAR}\))",
        # IEEE: a hyphen and the year.
        rf"(?P<standard>.+?)-(?P<edition>{_YEAR})",
    )
]


def split_designation(full: str) -> Designation:
    """Take a full designation apart.

    Where the mark of the edition cannot be told from the name (`OGC 18-088`, `W3C DCAT 3`, `OASC MIM1`), the whole is
    the standard's designation, and its edition bears the same one.
    """
    for shape in _SHAPES:
        if match := shape.fullmatch(full):
            return Designation(match["standard"], match["edition"])
    return Designation(full, "")
