"""What a set of links between indicators may say without contradicting itself. No database.

A trigger (migration 0005) holds the same rules under concurrent writers; here they have words.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from alliance.core.units_registry import UnitError, compatible

EXACT, CLOSE, BROADER, NARROWER, CONFLICTING = "exact", "close", "broader", "narrower", "conflicting"


@dataclass(frozen=True)
class Link:
    """`kpi` is `relation` `other`: both are keys of indicators, primary keys or codes."""

    kpi: Hashable
    other: Hashable
    relation: str


def families(links: Iterable[Link]) -> dict[Hashable, frozenset[Hashable]]:
    """Indicator -> all that are the same as it, itself among them; those without an exact link are left out."""
    groups: dict[Hashable, set[Hashable]] = {}
    for link in links:
        if link.relation == EXACT:
            merged = groups.get(link.kpi, {link.kpi}) | groups.get(link.other, {link.other})
            groups |= dict.fromkeys(merged, merged)
    return {key: frozenset(group) for key, group in groups.items()}


def contradiction(
    links: Iterable[Link], new: Link, directions: Mapping[Hashable, str], units: Mapping[Hashable, str]
) -> str:
    """What speaks against one more link, in words; empty: nothing.

    Args:
        links: those that stand, without the new one.
        directions, units: of both indicators of the new link, by key.
    """
    standing = list(links)
    if new.kpi == new.other:
        return _("An indicator is not linked to itself.")
    if any({one.kpi, one.other} == {new.kpi, new.other} for one in standing):
        return _("These two are linked already.")
    if new.relation == EXACT and directions[new.kpi] != directions[new.other]:
        return _("Two indicators that are the same have the same better direction.")
    if new.relation == EXACT and not _convertible(units[new.kpi], units[new.other]):
        return _("%(one)s cannot be converted into %(other)s: two indicators that are the same can be.") % {
            "one": units[new.kpi],
            "other": units[new.other],
        }
    together = [*standing, new]
    family = families(together)
    if any(one.relation in (CLOSE, CONFLICTING) and one.other in family.get(one.kpi, ()) for one in together):
        return _("By other links these two are the same, so they cannot be nearly the same, or not comparable.")
    if _is_in_circle(together, new.kpi):
        return _("By other links the narrower indicator would be broader than itself.")
    return ""


def _convertible(one: str, other: str) -> bool:
    try:
        return compatible(one, other)
    except UnitError:
        return False


def _is_in_circle(links: Iterable[Link], start: Hashable) -> bool:
    """Whether a way from narrower to broader leads back to where it began, over at least one such step."""
    wider: dict[Hashable, list[tuple[Hashable, bool]]] = defaultdict(list)
    for link in links:
        if link.relation == EXACT:
            wider[link.kpi].append((link.other, False))
            wider[link.other].append((link.kpi, False))
        elif link.relation == NARROWER:
            wider[link.kpi].append((link.other, True))
        elif link.relation == BROADER:
            wider[link.other].append((link.kpi, True))
    seen, open_ones = {(start, False)}, [(start, False)]
    while open_ones:
        here, strictly = open_ones.pop()
        for there, step in wider[here]:
            place = (there, strictly or step)
            if place == (start, True):
                return True
            if place not in seen:
                seen.add(place)
                open_ones.append(place)
    return False
