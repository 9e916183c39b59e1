"""How to cite a use case: as a sentence, as BibTeX and as CSL-JSON."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from usecases.models import UseCase

PUBLISHER = "Alliance for Best Practices and Standards in Smart Cities"

#: What has a meaning in TeX. Braces stay balanced, because BibTeX counts them even behind a backslash.
_TEX = {
    "\\": r"{\textbackslash}",
    "{": r"{\textbraceleft}",
    "}": r"{\textbraceright}",
    "~": r"{\textasciitilde}",
    "^": r"{\textasciicircum}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
}
_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class Citation:
    """What one must know to cite a use case as it stands now."""

    slug: str
    title: str
    city: str
    address: str
    published: date | None
    changed: date
    version: int

    @classmethod
    def of(cls, use_case: UseCase) -> "Citation":
        """The use case's city must be loaded. The address is the same in every language."""
        with translation.override("en"):
            address = f"{settings.PORTAL_ORIGIN}{use_case.get_absolute_url()}"
        return cls(
            slug=use_case.slug,
            title=_one_line(use_case.title),
            city=_one_line(use_case.city.name),
            address=address,
            published=timezone.localdate(use_case.published_at) if use_case.published_at else None,
            changed=timezone.localdate(use_case.updated_at),
            version=use_case.version,
        )

    @property
    def plain(self) -> str:
        """One paragraph, in the reader's language."""
        return _(
            "%(title)s, %(city)s. Use case in: Alliance for Best Practices and Standards in Smart Cities. "
            "Version %(version)d of %(date)s. %(address)s"
        ) % {
            "title": self.title,
            "city": self.city,
            "version": self.version,
            "date": date_format(self.changed, "j F Y"),
            "address": self.address,
        }

    @property
    def bibtex(self) -> str:
        """One `@misc` entry, UTF-8, in English."""
        fields = {
            # Doubled braces keep the capitals, and the name from being read as a person's.
            "author": f"{{{_tex(PUBLISHER)}}}",
            "title": f"{{{_tex(f'{self.title}, {self.city}')}}}",
            "year": str(self.changed.year),
            "month": str(self.changed.month),
            "howpublished": _tex("Use case"),
            "note": _tex(f"Version {self.version} of {self.changed.isoformat()}"),
            "url": self.address,
        }
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
        return f"@misc{{{self.slug},\n{lines}\n}}\n"

    @property
    def csl(self) -> list[dict]:
        """The CSL-JSON of the entry, in English."""
        entry: dict = {
            "id": self.slug,
            "type": "webpage",
            "title": f"{self.title}, {self.city}",
            "author": [{"literal": PUBLISHER}],
            "container-title": PUBLISHER,
            "genre": "Use case",
            "version": str(self.version),
            "issued": {"date-parts": [[self.changed.year, self.changed.month, self.changed.day]]},
            "language": "en",
            "URL": self.address,
        }
        if self.published:
            date_parts = [self.published.year, self.published.month, self.published.day]
            entry["original-date"] = {"date-parts": [date_parts]}
        return [entry]


@dataclass(frozen=True)
class Format:
    """One way to hand out a citation."""

    content_type: str
    render: Callable[[Citation], str]
    is_download: bool = True


#: By the extension in the address.
FORMATS: dict[str, Format] = {
    "bib": Format("application/x-bibtex; charset=utf-8", lambda citation: citation.bibtex),
    "json": Format(
        "application/vnd.citationstyles.csl+json",
        lambda citation: json.dumps(citation.csl, ensure_ascii=False, indent=1) + "\n",
    ),
    "txt": Format("text/plain; charset=utf-8", lambda citation: citation.plain + "\n", is_download=False),
}


def _one_line(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in text)
