"""Everything that is held about a person, as one ZIP archive of JSON files, files and an explanation."""

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from alliance.events.models import Change
from alliance.members.models import User
from alliance.members.personal_data import rows_about

#: Columns that would let whoever finds the archive act for the person, or that only mean something to this portal.
HIDDEN = frozenset({"password", "secret_digest", "token_digest", "session_key", "data", "key"})
#: Files above this size in all are named and not enclosed; they can be fetched one by one.
LARGEST_FILES_BYTES = 100_000_000
#: Rows that are read at once.
PORTION = 500
_IN_MEMORY_BYTES = 4_000_000


def write(user: User) -> IO[bytes]:
    """The archive, open at its beginning. Rows are read and written in portions: it takes time by their number, and no
    more memory for many than for few."""
    target = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  (the answer closes it)
    counts: dict[str, int] = {}
    files: dict[str, Any] = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        tables = {model._meta.label: _rows(model, found, files) for model, found in _found(user).items()}
        for name, rows in sorted({**tables, "what you changed": _changes(user)}.items()):
            counts[name] = _write_table(archive, f"{name}.json", rows)
        left_out = _write_files(archive, files)
        archive.writestr("README.txt", _explanation(user, counts, left_out))
    target.seek(0)
    return target


def _found(user: User) -> dict[type[models.Model], dict[Any, list[str]]]:
    """Model -> primary key of each row about the person -> the fields by which it is found."""
    found: dict[type[models.Model], dict[Any, list[str]]] = {User: {user.pk: []}}
    for model, by, rows in rows_about(user):
        for key in rows.values_list("pk", flat=True).iterator():
            found.setdefault(model, {}).setdefault(key, []).append(by)
    return found


def _rows(model: type[models.Model], found: Mapping[Any, list[str]], files: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows, told in portions; their files are added to `files`."""
    keys = sorted(found)
    for start in range(0, len(keys), PORTION):
        for instance in model._default_manager.filter(pk__in=keys[start : start + PORTION]).order_by("pk"):
            yield _row(instance, found[instance.pk])
            for field in instance._meta.concrete_fields:
                if isinstance(field, models.FileField) and (file := getattr(instance, field.name)):
                    name = PurePosixPath(getattr(instance, "name", "") or file.name).name.replace("\\", "_")
                    files[f"files/{model._meta.label}-{instance.pk}-{name}"] = file


def _changes(user: User) -> Iterator[dict[str, Any]]:
    changes = Change.objects.filter(actor=f"user {user.pk}").order_by("position")
    for row in changes.values("at", "table", "record_id", "operation").iterator(PORTION):
        yield dict(row)


def _write_table(archive: zipfile.ZipFile, name: str, rows: Iterable[dict[str, Any]]) -> int:
    """Enclose rows as a JSON array, one by one. Returns: how many."""
    count = 0
    with archive.open(name, "w") as target:
        target.write(b"[")
        for row in rows:
            text = json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
            target.write(f"{',' if count else ''}\n{text}".encode())
            count += 1
        target.write(b"\n]\n")
    return count


def _row(instance: models.Model, found_by: list[str]) -> dict[str, Any]:
    told: dict[str, Any] = {"found by": found_by} if found_by else {}
    for field in instance._meta.concrete_fields:
        if field.name in HIDDEN:
            continue
        value = field.value_from_object(instance)
        told[field.name] = str(value) if isinstance(field, models.FileField) else value
    return told


def _write_files(archive: zipfile.ZipFile, files: dict[str, Any]) -> list[str]:
    """Enclose the files. Returns: those that are left out, because they are too large together or gone."""
    left_out, room = [], LARGEST_FILES_BYTES
    for name, file in sorted(files.items()):
        try:
            if file.size > room:
                left_out.append(name)
                continue
            room -= file.size
            with file.open("rb") as source, archive.open(name, "w") as target:
                for chunk in source.chunks():
                    target.write(chunk)
        except OSError:
            left_out.append(name)
    return left_out


def _explanation(user: User, counts: Mapping[str, int], left_out: list[str]) -> str:
    lines = [
        _("What %(portal)s holds about %(address)s, on %(day)s.")
        % {"portal": settings.PORTAL_ORIGIN, "address": user.email, "day": timezone.now().date().isoformat()},
        "",
        _("Each file holds the rows of one table in which you are named, with all their fields."),
        _("“found by” tells which field names you. Passwords, keys and the secrets of second factors are left out:"),
        _("they are stored as hashes or encrypted, and whoever found this archive could act as you with them."),
        _("Numbers in fields such as “report” or “organisation” are the numbers of rows in other tables."),
        "",
        *(f"{name}.json: {count}" for name, count in sorted(counts.items())),
    ]
    if left_out:
        lines += ["", _("Files that are too large to enclose, or no longer there:"), *left_out]
    return "\n".join(lines) + "\n"
