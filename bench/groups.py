"""What `--only` chooses from."""

#: Group of rows -> the measures that they are made of.
GROUPS: dict[str, tuple[str, ...]] = {
    "page": ("page", "live", "documents", "naive"),
    "ladder": (
        "naive",
        "without count",
        "narrow table",
        "JSON in SQL",
        "ready documents",
        "page",
        "page 304",
        "empty view",
    ),
    "not-modified": ("page 304", "live", "empty view"),
    "repeated": ("facets", "facets again", "search", "search again"),
    "depth": ("page 1", "page 1,000"),
    "facets": ("facets", "facets limit", "counts", "counts limit"),
    "search": ("search", "search limit", "everyday search"),
    "html": ("html", "html again", "page"),
    "exports": (),
    "writes": (),
    "import": (),
    "aggregates": (),
    "synthesis": (),
    "memory": (),
    "together": (),
}
