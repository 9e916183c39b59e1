"""A browser that several tests use, one after the other."""

from typing import Any


def close_contexts(browser: Any) -> None:
    """Close every page, and hear what they had left to say."""
    for context in list(browser.contexts):
        context.close()
