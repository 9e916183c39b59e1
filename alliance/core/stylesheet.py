"""Puts the sources of the design system into the one sheet that pages link, because each request costs a slow line.

Run ``python -m alliance.core.stylesheet`` after a change in ``static/css/``; a test compares the two.
"""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "static" / "css"
#: In the order of the layers; the print sheet is wrapped into its medium.
SOURCES = ("tokens.css", "base.css", "components.css", "charts.css", "print.css")
TARGET = FOLDER / "portal.css"


def compact(text: str) -> str:
    """Without comments, indentation and empty lines; one rule a line stays readable in a browser's inspector."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def build() -> str:
    """The text of the sheet."""
    parts = []
    for name in SOURCES:
        text = compact((FOLDER / name).read_text(encoding="utf-8"))
        parts.append(f"@media print {{\n{text}\n}}" if name == "print.css" else text)
    note = f"/* Made of {', '.join(SOURCES)}: change those, then run python -m alliance.core.stylesheet */"
    return "\n".join([note, *parts]) + "\n"


if __name__ == "__main__":
    TARGET.write_text(build(), encoding="utf-8")
