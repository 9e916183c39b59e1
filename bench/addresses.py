"""What is asked of each server: long lists of different addresses, so that nothing is answered from a cache unasked."""

import http.client
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from urllib.parse import quote_plus, urlencode, urlsplit

from django.db import connection

from bench import limits, texts
from bench.load import Request

API = "/api/v1/use-cases/"
#: A page is full, and has a next one.
FULL_PAGE = 51


@dataclass
class Supply:
    """Requests in a fixed order; each window goes on where the one before has ended."""

    requests: Sequence[Request]
    at: int = 0

    def take(self, count: int) -> list[Request]:
        """The next `count`, or all there are, in turn."""
        size = len(self.requests)
        taken = [self.requests[(self.at + step) % size] for step in range(min(count, size))]
        self.at += count
        return taken


def supply(paths: Sequence[str]) -> Supply:
    return Supply([Request(path) for path in paths])


def _mixed(paths: list[str]) -> Supply:
    """In no order, which is the same for every server: each window meets large and small regions alike."""
    random.Random(len(paths)).shuffle(paths)
    return supply(paths)


def _query(**values: str | Sequence[str]) -> str:
    return urlencode({name: [many] if isinstance(many, str) else many for name, many in values.items()}, doseq=True)


class Addresses:
    """Built from what the loaded database holds."""

    def __init__(self, seed: int, scale: float):
        self.chance = random.Random(seed)
        self.scale = scale
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT vertical, region, stage FROM usecases_usecasedocument WHERE is_public "
                "GROUP BY vertical, region, stage ORDER BY least(count(*), %s) DESC, md5(vertical || region || stage)",
                [FULL_PAGE],
            )
            combinations = cursor.fetchall()
            cursor.execute(
                "SELECT count(*) FROM (SELECT FROM usecases_usecasedocument WHERE is_public "
                "GROUP BY vertical, region, stage HAVING count(*) >= %s) AS full_pages",
                [FULL_PAGE],
            )
            full = cursor.fetchone()[0]
            cursor.execute("SELECT DISTINCT region FROM usecases_usecasedocument ORDER BY region")
            self.regions = [region for (region,) in cursor.fetchall()]
            cursor.execute("SELECT DISTINCT size FROM usecases_usecasedocument ORDER BY size")
            self.sizes = [size for (size,) in cursor.fetchall()]
        self.combinations = combinations[: max(full, 8)]
        self.chance.shuffle(self.combinations)
        self.words, self.everyday = self._words(seed)

    def _words(self, seed: int) -> tuple[list[str], list[str]]:
        """Words with some 50 to 3,000 hits at scale 1, in no order; and those with over 20,000, most hits first."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT word, ndoc FROM ts_stat("
                "'SELECT search_vector FROM usecases_usecasedocument WHERE is_public') "
                "WHERE word = ANY(%s) AND numnode(plainto_tsquery('portal_en', word)) > 0 ORDER BY ndoc DESC, word",
                [texts.vocabulary(seed)],
            )
            found = cursor.fetchall()
        words = [word for word, hits in found if 50 * self.scale <= hits <= 3_000 * self.scale]
        self.chance.shuffle(words)
        return words, [word for word, hits in found if hits > 20_000 * self.scale]

    # --- pages
    def pages(self, base: str) -> Supply:
        """Vertical + region + stage, newest first: the order that all but the portal have anyway."""
        order = "&sort=newest" if base == API else ""
        return supply([f"{base}?{_query(vertical=v, region=r, stage=s)}{order}" for v, r, s in self.combinations])

    def html(self) -> Supply:
        """The list as a page, with filters that leave rows."""
        return supply(
            [
                f"/use-cases/?{_query(vertical=v, region=r, stage=s)}{more}"
                for more in ("", *(f"&year_min={year}" for year in range(1950, 1991)))
                for v, r, s in self.combinations
            ]
        )

    # --- facets and searches
    def facets(self, base: str) -> Supply:
        """Text and region."""
        asked = "".join(f"&facet={name}" for name in limits.FACETS) if base.startswith("/api") else ""
        return _mixed(
            [f"{base}?region={region}&q={quote_plus(word)}{asked}" for region in self.regions for word in self.words]
        )

    def facets_without_text(self, base: str) -> Supply:
        """Every choice of one or two regions, one or two sizes or none, one relevance to COVID-19."""
        asked = "".join(f"&facet={name}" for name in limits.FACETS) if base.startswith("/api") else ""
        regions = [*((one,) for one in self.regions), *_pairs(self.regions)]
        sizes = [(), *((one,) for one in self.sizes), *_pairs(self.sizes)]
        found = [
            f"{base}?{_query(region=region, covid=covid, size=size)}{asked}"
            for region, covid, size in product(regions, ("none", "direct", "indirect"), sizes)
        ]
        return _mixed(found)

    def searches(self, base: str) -> Supply:
        """Ranked, the best 50, in all regions or in one."""
        return _mixed(
            [
                f"{base}?q={quote_plus(word)}{region}"
                for region in ("", *(f"&region={one}" for one in self.regions))
                for word in self.words
            ]
        )

    def everyday_searches(self) -> Supply:
        return supply([f"{API}?q={quote_plus(word)}" for word in self.everyday])

    # --- what results add up to
    def explored(self, base: str) -> Supply:
        """Each measured indicator, few results or many, by everything; `{kpi}` in `base` is its place."""
        chosen = [(kpi, group_by) for kpi in self._measured() for group_by in limits.GROUPINGS]
        asked = "?group_by={1}" if "{kpi}" in base else "?kpi={0}&group_by={1}"
        return _mixed([base.replace("{kpi}", kpi) + asked.format(kpi, group_by) for kpi, group_by in chosen])

    def cells(self, base: str) -> Supply:
        """The aggregates of each measured indicator in each region, or in all together."""
        regions = ["all", *self.regions]
        return _mixed([f"{base}?kpi={kpi}&region={region}" for kpi in self._measured() for region in regions])

    @staticmethod
    def _measured() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT slug FROM kpis_kpi k WHERE EXISTS (SELECT FROM kpis_aggregateinput i WHERE i.kpi_id = k.id) "
                "ORDER BY slug"
            )
            return [slug for (slug,) in cursor.fetchall()]

    # --- depth
    def deep_page(self, origin: str, number: int) -> str:
        """The address of a page by its number, or of the last full one; found by following the links."""
        address, at = f"{API}?page_size=200&fields=slug", 200 // 50
        while at < number - 1:
            following = _next_link(origin, address)
            if following is None:
                break
            address, at = following, at + 200 // 50
        last = _next_link(origin, address) or address
        return last.replace("page_size=200&fields=slug", "page_size=50")


def _pairs(values: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((one, other) for index, one in enumerate(values) for other in values[index + 1 :])


def _next_link(origin: str, path: str) -> str | None:
    """From the header `Link`."""
    answer = fetch(origin, Request(path))
    for part in answer.headers.get("Link", "").split(", "):
        address, _, relation = part.partition("; ")
        if relation == 'rel="next"':
            parts = urlsplit(address.strip("<>"))
            return f"{parts.path}?{parts.query}"
    return None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def fetch(origin: str, request: Request) -> Answer:
    """One request over a connection of its own."""
    place = urlsplit(origin)
    line = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    try:
        line.request("GET", request.path, headers={"If-None-Match": request.etag} if request.etag else {})
        with line.getresponse() as got:
            return Answer(got.status, got.headers, got.read())
    finally:
        line.close()
