"""Bodies that programs send: JSON, of a bounded size and depth."""

import json
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

from alliance.core.errors import ProblemError

#: Bytes: a batch of 1,000 reports with all their texts has some two million.
LARGEST_BODY = 5_000_000


class BoundedJSONParser(BaseParser):
    """Reads a body of at most `LARGEST_BODY` bytes. Raises: ParseError (400), ProblemError (413)."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise ProblemError(413, f"The body is longer than {LARGEST_BODY:,} bytes. Send it in several batches.")
        try:
            return json.loads(body.decode("utf-8"), parse_constant=_refuse)
        except UnicodeDecodeError as error:
            raise ParseError("The body is not UTF-8.") from error
        except ValueError as error:
            raise ParseError(f"The body is no JSON: {str(error)[:200]}.") from error
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")
