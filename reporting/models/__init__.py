"""Reports and what belongs to them."""

from reporting.models.attachments import Attachment as Attachment
from reporting.models.attachments import AttachmentKind as AttachmentKind
from reporting.models.imports import ColumnMapping as ColumnMapping
from reporting.models.imports import Import as Import
from reporting.models.imports import ImportState as ImportState
from reporting.models.registrations import Registration as Registration
from reporting.models.reports import Kind as Kind
from reporting.models.reports import Move as Move
from reporting.models.reports import Report as Report
from reporting.models.reports import Round as Round
from reporting.models.requests import IdempotentRequest as IdempotentRequest
from reporting.models.review import Comment as Comment
from reporting.models.review import Mandate as Mandate
from reporting.models.review import Merge as Merge
from reporting.models.review import VerificationCheck as VerificationCheck
