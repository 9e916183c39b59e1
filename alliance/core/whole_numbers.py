"""Whole numbers that come from outside: of rows, versions and pages."""

#: As many digits as PostgreSQL's bigint holds, whatever they are.
MOST_DIGITS = 18


def whole_number(text: str) -> int | None:
    """The number that at most `MOST_DIGITS` ASCII digits write; None for anything else, such as 5,000 digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None
