"""The versioned rule files, read once and kept."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from practices.effects import Imputation

FOLDER = Path(__file__).parent
NEWEST = "2026-1"


@dataclass(frozen=True, slots=True)
class Rule:
    """One version of the rule.

    Attributes:
        digest: SHA-256 of the file, as hexadecimal digits.
        sections: the file, section by section.
    """

    version: str
    digest: str
    sections: Mapping[str, Any]
    imputation: Imputation

    @property
    def correlation(self) -> float:
        return self.sections["synthesis"]["correlation"]

    @property
    def method(self):
        return self.sections["synthesis"]["method"]


def versions() -> list[str]:
    """All there are, the oldest first."""
    return sorted((path.stem for path in FOLDER.glob("*.toml")), key=lambda name: [int(n) for n in name.split("-")])


@cache
def rule(version: str = NEWEST) -> Rule:
    """Raises: KeyError for a version that there is not."""
    if version not in versions():
        raise KeyError(version)
    text = (FOLDER / f"{version}.toml").read_bytes()
    sections = tomllib.loads(text.decode())
    return Rule(version, sha256(text).hexdigest(), sections, Imputation(**sections["imputation"]))
