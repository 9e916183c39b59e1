"""Files of a report: what they are is decided by their content, images are drawn anew, nothing is given out that was
not looked at."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath

from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from alliance.members.models import User
from reporting import policies
from reporting.models import Attachment, AttachmentKind, Import, Report
from reporting.services import MoveRefusedError, locked
from reporting.sheets.opening import SheetError, open_sheet
from reporting.states import EDITABLE, State

MOST_BYTES = 10 * 2**20
MOST_FILES = 20
#: More than the largest phone cameras make.
MOST_PIXELS = 60_000_000
#: The longer side of an image as it is kept: enough for print on a page.
LONGEST_SIDE = 2_400
_OLE2 = b"\xd0\xcf\x11\xe0"


class FileRefusedError(ValueError):
    """The file is not taken; the message says why and what to do. `code` is the same for the same mistake."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Examined:
    """A file as it will be kept."""

    kind: AttachmentKind
    content: bytes
    content_type: str
    ending: str


def examine(content: bytes, name: str) -> Examined:
    """What a file is by its content, and what is kept of it.

    Raises: FileRefusedError.
    """
    if not content:
        raise FileRefusedError("empty", _("The file is empty. Perhaps the upload was cut off: send it again."))
    if len(content) > MOST_BYTES:
        message = _("The file has %(size)s MB; at most %(most)s MB are kept. Make it smaller, or link to it.")
        raise FileRefusedError("too-large", message % {"size": len(content) // 2**20, "most": MOST_BYTES // 2**20})
    if content.startswith(b"%PDF-"):
        return _pdf(content)
    if content.startswith((b"PK", _OLE2)) or PurePath(name).suffix.lower() in (".csv", ".tsv"):
        return _sheet(content, name)
    return _image(content)


def _pdf(content: bytes) -> Examined:
    if b"%%EOF" not in content[-2_048:]:
        raise FileRefusedError("cut-off", _("The PDF has no end. Perhaps the upload was cut off: send it again."))
    if b"/Encrypt" in content:
        raise FileRefusedError("encrypted", _("The PDF is encrypted. Save it without a password."))
    if any(mark in content for mark in (b"/JavaScript", b"/JS ", b"/JS(", b"/Launch", b"/EmbeddedFile")):
        message = _("The PDF holds scripts or files. Print it to a PDF, and send that.")
        raise FileRefusedError("active", message)
    return Examined(AttachmentKind.PDF, content, "application/pdf", "pdf")


def _sheet(content: bytes, name: str) -> Examined:
    try:
        sheet = open_sheet(content, name, lambda header: False)
    except SheetError as error:
        raise FileRefusedError(error.code, str(error)) from error
    if sheet.format == "xlsx":
        media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return Examined(AttachmentKind.SHEET, content, media, "xlsx")
    return Examined(AttachmentKind.SHEET, content, "text/csv", "csv")


def _image(content: bytes) -> Examined:
    """The image drawn anew: upright, at most `LONGEST_SIDE`, without place, camera and comments."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=["JPEG", "PNG", "WEBP", "GIF"])
            if image.width * image.height > MOST_PIXELS:
                raise FileRefusedError(
                    "too-many-pixels",
                    _("The image is larger than any camera makes. Make it smaller, and send it again."),
                )
            image.load()
    except FileRefusedError:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as error:
        raise FileRefusedError(
            "unknown-kind",
            _("This is no PDF, image (JPEG, PNG, WebP, GIF) or sheet (XLSX, CSV), or it is damaged."),
        ) from error
    upright = ImageOps.exif_transpose(image)
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    is_drawing = image.format in ("PNG", "GIF")
    clean = upright.convert("RGBA" if is_drawing and upright.mode in ("RGBA", "LA", "P") else "RGB")
    kept = io.BytesIO()
    if is_drawing:
        Image.frombytes(clean.mode, clean.size, clean.tobytes()).save(kept, "PNG", optimize=True)
        return Examined(AttachmentKind.IMAGE, kept.getvalue(), "image/png", "png")
    Image.frombytes(clean.mode, clean.size, clean.tobytes()).save(kept, "JPEG", quality=85, progressive=True)
    return Examined(AttachmentKind.IMAGE, kept.getvalue(), "image/jpeg", "jpg")


# --- services --------------------------------------------------------------------------------------------------------
def attach(*, report: Report, actor: User, content: bytes, name: str, description: str = "") -> Attachment:
    """Keep a file with a report; the same file a second time is the one that is there.

    Raises: PermissionDenied; FileRefusedError; MoveRefusedError when the report cannot be changed now.
    """
    if not policies.may_edit(actor, report):
        raise PermissionDenied
    examined = examine(content, name)
    digest = hashlib.sha256(examined.content).hexdigest()
    with transaction.atomic():
        report = locked(report)
        _require_editable(report)
        if (there := report.attachments.filter(sha256=digest).first()) is not None:
            return there
        if report.attachments.count() >= MOST_FILES:
            message = _("A report has at most %(most)s files. Take one out first.") % {"most": MOST_FILES}
            raise FileRefusedError("too-many", message)
        one = Attachment(
            report=report,
            uploaded_by=actor,
            kind=examined.kind,
            name=_clean(name, examined.ending),
            description=description.strip()[:300],
            content_type=examined.content_type,
            size=len(examined.content),
            sha256=digest,
        )
        # The place says nothing and cannot be guessed. When the transaction fails, the sweep takes the file away.
        one.file.save(f"{one.key}.{examined.ending}", ContentFile(examined.content), save=False)
        one.save()
    return one


@transaction.atomic
def remove(*, attachment: Attachment, actor: User) -> None:
    """Take a file away. Raises: PermissionDenied; MoveRefusedError."""
    report = locked(attachment.report)
    if not policies.may_edit(actor, report):
        raise PermissionDenied
    _require_editable(report)
    path = str(attachment.file.name)
    attachment.delete()
    transaction.on_commit(lambda: default_storage.delete(path))


def _require_editable(report: Report) -> None:
    if report.state not in EDITABLE:
        raise MoveRefusedError(_("Files can be changed only while the report can."))


def _clean(name: str, ending: str) -> str:
    """The member's name of the file, with the ending that its content has."""
    stem = PurePath(name.replace("\\", "/")).stem
    kept = "".join(sign for sign in stem if sign.isprintable() and sign not in '<>:"/\\|?*').strip(" .")[:180]
    return f"{kept or 'file'}.{ending}"


def is_public(attachment: Attachment) -> bool:
    """Once its report is accepted, and as long as that holds."""
    return attachment.report.state in (State.ACCEPTED, State.SUPERSEDED)


def sweep() -> int:
    """Delete files that no row names, such as of uploads that failed. Returns: how many."""
    deleted = 0
    for folder in ("attachments", "imports"):
        try:
            _folders, names = default_storage.listdir(folder)
        except FileNotFoundError:
            continue
        model = Attachment if folder == "attachments" else Import
        known = set(model.objects.values_list("file", flat=True))
        for name in names:
            path = f"{folder}/{name}"
            if path not in known and _is_old(path):
                default_storage.delete(path)
                deleted += 1
    return deleted


def _is_old(path: str) -> bool:
    """Older than any upload takes: a younger one may belong to a transaction that has not ended."""
    return default_storage.get_modified_time(path) < timezone.now() - timedelta(days=1)
