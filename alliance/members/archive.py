"""Everything that is held about a person, as one ZIP archive of JSON files, files and an explanation."""

import json
import zipfile
from collections import defaultdict
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
_IN_MEMORY_BYTES = 4_000_000


def write(user: User) -> IO[bytes]:
    """The archive, open at its beginning."""
    target = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115  (the answer closes it)
    tables, files = _collect(user)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        left_out = _write_files(archive, files)
        for name, rows in sorted(tables.items()):
            text = json.dumps(rows, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
            archive.writestr(f"{name}.json", text)
        archive.writestr("README.txt", _explanation(user, tables, left_out))
    target.seek(0)
    return target


def _collect(user: User) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
    files: dict[str, Any] = {}
    tables[User._meta.label] = [_row(user, [])]
    found: dict[tuple[str, Any], dict[str, Any]] = {}
    for model, by, rows in rows_about(user):
        for instance in rows.iterator():
            place = (model._meta.label, instance.pk)
            if place in found:
                found[place]["found by"].append(by)
                continue
            found[place] = _row(instance, [by])
            tables[model._meta.label].append(found[place])
            for field in instance._meta.concrete_fields:
                if isinstance(field, models.FileField) and (file := getattr(instance, field.name)):
                    name = PurePosixPath(getattr(instance, "name", "") or file.name).name.replace("\\", "_")
                    files[f"files/{model._meta.label}-{instance.pk}-{name}"] = file
    changes = Change.objects.filter(actor=f"user {user.pk}").order_by("position")
    tables["what you changed"] = [dict(row) for row in changes.values("at", "table", "record_id", "operation")]
    return dict(tables), files


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


def _explanation(user: User, tables: dict[str, list[dict[str, Any]]], left_out: list[str]) -> str:
    lines = [
        _("What %(portal)s holds about %(address)s, on %(day)s.")
        % {"portal": settings.PORTAL_ORIGIN, "address": user.email, "day": timezone.now().date().isoformat()},
        "",
        _("Each file holds the rows of one table in which you are named, with all their fields."),
        _("“found by” tells which field names you. Passwords, keys and the secrets of second factors are left out:"),
        _("they are stored as hashes or encrypted, and whoever found this archive could act as you with them."),
        _("Numbers in fields such as “report” or “organisation” are the numbers of rows in other tables."),
        "",
        *(f"{name}.json: {len(rows)}" for name, rows in sorted(tables.items())),
    ]
    if left_out:
        lines += ["", _("Files that are too large to enclose, or no longer there:"), *left_out]
    return "\n".join(lines) + "\n"
