"""What of a standard is searched, and with which weight."""

from alliance.core.search import Searchable

SEARCHABLE = Searchable({"A": ("designation",), "B": ("title", "body__name"), "C": ("summary", "rfp_use")})
