"""Reads what names a record: cities, indicators, use cases, standards, organisations. Close names are told."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kpis.models import Kpi
from reporting import kpi_search
from reporting.entries import NOTHING, EntryError, Note, Read
from reporting.known import Known, NamedStandard, NewCity
from reporting.models import Report
from reporting.words import alike, is_nothing, listed, shorten, tokens
from standards.designations import split_designation
from usecases.models import City, UseCase
from usecases.places import country_name

_CITY_AND_COUNTRY = re.compile(r"(?P<city>[^,;(]+?)\s*(?:[,;]\s*(?P<country>[^,;]+)|\((?P<inside>[^()]+)\))")


# --- cities ----------------------------------------------------------------------------------------------------------
def city(text: str, known: Known) -> Read:
    """A `City`, or a `NewCity` with a question. Raises: EntryError."""
    found = known.cities.get(alike(text))
    if found is None and is_nothing(text):
        return NOTHING
    name, country = text, ""
    if found is None and (match := _CITY_AND_COUNTRY.fullmatch(text)):
        name, country = match["city"], (match["country"] or match["inside"]).strip()
        code = known.countries.get(alike(country))
        if code is None:
            raise EntryError("country-unknown", _no_country(country, known))
        found = [one for one in known.cities.get(alike(name), ()) if one.country.code == code]
        if not found:
            return _new_city(name.strip(), code, known)
    if not found:
        raise EntryError("city-unknown", _no_city(text, known))
    if len(found) > 1:
        raise EntryError(
            "city-ambiguous",
            _("Several cities are called “%(name)s”: %(cities)s. Write it with its country.")
            % {"name": shorten(name), "cities": listed(_told(one) for one in found[:5])},
        )
    return Read(found[0])


def _told(one: City) -> str:
    return f"{one.name}, {one.country}"


def _new_city(name: str, code: str, known: Known) -> Read:
    if not any(letter.isalpha() for letter in name) or len(name) > 120:
        raise EntryError("city-unknown", _no_city(name, known))
    country = country_name(code)
    close = [_told(one) for one in _close_cities(name, known) if one.country.code == code]
    if close:
        question = _("“%(name)s” in %(country)s is not on our map yet. Do you mean %(close)s, or is it a new one?")
    else:
        question = _("“%(name)s” in %(country)s is not on our map yet; an editor will place it there. Is it spelt so?")
    values = {"name": shorten(name), "country": country, "close": listed(close[:3])}
    return Read(NewCity(name, code), (Note("new-city", question % values),))


def _close_cities(name: str, known: Known) -> list[City]:
    if not known.may_suggest():
        return []
    close = get_close_matches(alike(name), list(known.cities), n=4, cutoff=0.75)
    return list({one.pk: one for key in close for one in known.cities[key]}.values())


def _no_city(text: str, known: Known) -> str:
    parts = [_("No city on our map is called “%(name)s”.") % {"name": shorten(text)}]
    if close := _close_cities(text, known):
        parts.append(_("Did you mean %(close)s?") % {"close": listed(_told(one) for one in close[:3])})
    parts.append(
        _("If it is new here, write it with its country, such as “%(example)s”.") % {"example": "Cuenca, Ecuador"}
    )
    return " ".join(parts)


def _no_country(text: str, known: Known) -> str:
    close = get_close_matches(alike(text), list(known.countries), n=1, cutoff=0.75)
    sentence = _("No country is called “%(name)s”.") % {"name": shorten(text)}
    if close:
        hint = _("Did you mean “%(name)s”?") % {"name": country_name(known.countries[close[0]])}
    else:
        hint = _("Write its name, or its two letters, such as CO.")
    return f"{sentence} {hint}"


# --- indicators ------------------------------------------------------------------------------------------------------
def kpi(text: str, known: Known) -> Read:
    """A `Kpi`; with a question where plain words were taken for one. Raises: EntryError."""
    named = known.kpis.named(text.rstrip("/").rpartition("/kpis/")[2] or text)
    if len(named) == 1:
        return Read(named[0])
    if len(named) > 1:
        raise EntryError(
            "kpi-ambiguous",
            _("Several indicators are called “%(name)s”: %(kpis)s. Write the code of the one that you mean.")
            % {"name": shorten(text), "kpis": _kpis(named[:5])},
        )
    if is_nothing(text):
        return NOTHING
    hits = known.kpis.search(text, limit=4)
    if meant := kpi_search.clearly_meant(hits):
        question = _("“%(text)s” was read as %(kpi)s. Is that what you measured?")
        return Read(meant, (Note("kpi-guessed", question % {"text": shorten(text), "kpi": _kpis([meant])}),))
    sentence = _("No indicator is called “%(name)s”.") % {"name": shorten(text)}
    if hits:
        hint = _("Did you mean %(kpis)s? Write its code.") % {"kpis": _kpis(hit.kpi for hit in hits[:3])}
    else:
        hint = _("Write what was counted in other words, or a code from the list of indicators, such as ALL-TRV-TIME.")
    raise EntryError("kpi-unknown", f"{sentence} {hint}")


def _kpis(found: Iterable[Kpi]) -> str:
    return ", ".join(f"“{one.name}” ({one.code})" for one in found)


# --- use cases -------------------------------------------------------------------------------------------------------
def use_case(text: str, known: Known) -> Read:
    """A public `UseCase`, or the organisation's own `Report` of one. Raises: EntryError."""
    found = known.use_cases(text)
    public = [one for one in found if isinstance(one, UseCase)]
    if len(found) == 1:
        return Read(found[0])
    if len(public) > 1:
        names = listed(f"{one.title}, {one.city}: {one.slug}" for one in public[:4])
        raise EntryError(
            "use-case-ambiguous",
            _("Several use cases are called “%(name)s”: %(found)s. Write the last part of the address of yours.")
            % {"name": shorten(text), "found": names},
        )
    if public:
        return Read(public[0])
    if found:
        keys = listed(one.key for one in found[:4] if isinstance(one, Report))
        raise EntryError(
            "use-case-ambiguous",
            _("You report several use cases called “%(name)s”. Write the key of the one that you mean: %(keys)s.")
            % {"name": shorten(text), "keys": keys},
        )
    if is_nothing(text):
        return NOTHING
    sentence = _("There is no use case “%(name)s”, neither a public one nor one that you report.") % {
        "name": shorten(text)
    }
    if close := known.similar_use_case(text):
        hint = _("Did you mean “%(title)s” (%(slug)s)?") % {"title": close.title, "slug": close.slug}
    else:
        hint = _("Report it first, or write the last part of its address, such as sfpark-san-francisco.")
    raise EntryError("use-case-unknown", f"{sentence} {hint}")


# --- standards, organisations ----------------------------------------------------------------------------------------
def standard(text: str, known: Known) -> Read:
    """A `NamedStandard`; with a question where only the edition is not known. Raises: EntryError."""
    if found := known.standards.get(tokens(text)):
        return Read(found)
    if is_nothing(text):
        return NOTHING
    designation, edition = split_designation(text)
    if edition and (found := known.standards.get(tokens(designation))):
        question = _("We know %(name)s, but not its edition %(edition)s. Shall it be noted without an edition?")
        values = {"name": found.standard.designation, "edition": shorten(edition, 30)}
        return Read(NamedStandard(found.standard, None), (Note("edition-unknown", question % values),))
    sentence = _("The catalogue has no standard “%(name)s”.") % {"name": shorten(text)}
    names = {alike(one.standard.designation): one.standard.designation for one in known.standards.values()}
    if close := get_close_matches(alike(designation), list(names), n=3, cutoff=0.7):
        hint = _("Did you mean %(close)s?") % {"close": listed(names[one] for one in close)}
    else:
        hint = _("Write its designation, such as ISO 37120; leave out one that is missing and tell the editors.")
    raise EntryError("standard-unknown", f"{sentence} {hint}")


def organisation(text: str, known: Known) -> Read:
    """An `Organisation`, or the name of a new one; with a question where a known one is written nearly so."""
    if found := known.organisation_named(text):
        return Read(found)
    if is_nothing(text):
        return NOTHING
    if not any(letter.isalpha() for letter in text):
        raise EntryError(
            "organisation-unknown",
            _("“%(name)s” is no name of an organisation: write it in words.") % {"name": shorten(text)},
        )
    if close := known.similar_organisation(text):
        question = _("“%(name)s” is not on record, “%(close)s” is. Is yours another organisation?")
        return Read(text, (Note("organisation-similar", question % {"name": shorten(text), "close": close.name}),))
    return Read(text)


# --- technologies ----------------------------------------------------------------------------------------------------
MOST_TECHNOLOGIES, LONGEST_TECHNOLOGY = 30, 120


def technologies(text: str) -> Read:
    """A list of names, each once. Raises: EntryError."""
    names = [" ".join(part.split()) for part in re.split(r"[;\n؛]", text)]
    if len(names) == 1 and text.count(",") >= 1:
        names = [part.strip() for part in re.split(r"[,،]", text)]
    unique: dict[str, str] = {}
    for name in names:
        if not is_nothing(name):
            unique.setdefault(alike(name), name)
    kept = list(unique.values())
    if not kept:
        return NOTHING
    if len(kept) > MOST_TECHNOLOGIES:
        raise EntryError(
            "too-many",
            ngettext("Name at most %(most)s; there is %(n)s.", "Name at most %(most)s; there are %(n)s.", len(kept))
            % {"most": MOST_TECHNOLOGIES, "n": len(kept)},
        )
    if long := next((name for name in kept if len(name) > LONGEST_TECHNOLOGY), ""):
        raise EntryError(
            "too-long",
            _("“%(name)s” is longer than %(most)s characters: write semicolons between the names.")
            % {"name": shorten(long), "most": LONGEST_TECHNOLOGY},
        )
    return Read(kept)
