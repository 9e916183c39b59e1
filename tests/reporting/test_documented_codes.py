"""Every finding has a stable code, docs/reporting.md explains each, and each is provoked by a test."""

import ast
import re
from pathlib import Path

from django.conf import settings

#: What notes a finding, and which of its arguments is the code.
MAKERS = {"EntryError": 0, "Note": 0, "error": 1, "warning": 1}
GUIDE = Path(settings.BASE_DIR) / "docs" / "reporting.md"
TESTS = Path(__file__).parent


def codes_of_the_software() -> set[str]:
    found = set()
    for file in (Path(settings.BASE_DIR) / "reporting").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            place = MAKERS.get(getattr(getattr(node, "func", None), "id", ""))
            if place is not None and len(node.args) > place + 1 and isinstance(node.args[place], ast.Constant):
                found.add(node.args[place].value)
    return found


def codes_of_the_guide() -> list[str]:
    return re.findall(r"^\| `([a-z-]+)` \| (?:error|question) \|", GUIDE.read_text(encoding="utf-8"), re.M)


def test_the_guide_lists_every_code_once():
    listed = codes_of_the_guide()
    assert len(listed) == len(set(listed))
    assert set(listed) == codes_of_the_software()
    assert len(listed) > 80


def test_every_code_is_provoked_by_a_test():
    here = Path(__file__).name
    texts = [
        file.read_text(encoding="utf-8")
        for file in (*TESTS.glob("*.py"), *TESTS.glob("corpus/*.json"))
        if file.name != here
    ]
    missing = {code for code in codes_of_the_software() if not any(f'"{code}"' in text for text in texts)}
    assert missing == set()
