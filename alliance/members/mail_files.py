"""Mail into files, as local mode does: one file a mail, named after its Message-ID."""

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from email.message import Message
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class EmailBackend(BaseEmailBackend):
    """Writes into EMAIL_FILE_PATH. The same mail handed over again is the same file; a file is there whole or not."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for email in email_messages:
            message = email.message()
            handle, name = tempfile.mkstemp(prefix=".", dir=folder)
            with os.fdopen(handle, "wb") as file:
                file.write(message.as_bytes(linesep="\n"))  # type: ignore[call-arg]
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(folder / file_name(message))
        return len(email_messages)


def file_name(message: Message) -> str:
    """Readable, and one for each Message-ID."""
    identifier = str(message["Message-ID"])
    digest = hashlib.sha256(identifier.encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9-]+', '-', identifier.strip('<>').split('@')[0])[:60]}-{digest}.eml"
