"""The API's description (OpenAPI) laid out for reading: what the guide's template shows, section by section."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Parameter:
    """One parameter: what it takes, and the control that gives it."""

    name: str
    kind: str
    description: str
    values: list[str] = field(default_factory=list)
    default: str = ""
    is_repeatable: bool = False
    is_number: bool = False
    minimum: int | None = None
    maximum: int | None = None
    in_path: bool = False


@dataclass(frozen=True)
class FieldRow:
    """One entry of the public JSON, nested ones by their path: `city.country.code`, `lessons[].advice`."""

    name: str
    kind: str
    description: str
    values: list[str]


@dataclass(frozen=True)
class Operation:
    """A method at an address."""

    identifier: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Parameter]
    statuses: list[str]
    media_types: list[str]

    @property
    def is_list(self) -> bool:
        return self.identifier.endswith("_list")


@dataclass(frozen=True)
class Section:
    """A resource: what can be asked of it, and what a record of it holds."""

    name: str
    operations: list[Operation]
    fields: list[FieldRow]
    example: str


def sections(described: Schema) -> list[Section]:
    """The resources in the order of the description; what is no resource comes last, as `about`."""
    by_tag: dict[str, list[tuple[str, str, Schema]]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    names = [*(name for name in by_tag if name != "about"), *(name for name in by_tag if name == "about")]
    return [_section(described, name, by_tag[name]) for name in names]


def pretty(value: Any) -> str:
    """JSON for reading."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def problem_example(described: Schema, status: str) -> str:
    """The example of a refusal."""
    answer = described["components"]["responses"][f"Problem{status}"]
    return pretty(_first_example(answer["content"]["application/problem+json"]))


def _section(described: Schema, name: str, found: list[tuple[str, str, Schema]]) -> Section:
    fields: list[FieldRow] = []
    example = ""
    for _method, _path, operation in found:
        if operation["operationId"].endswith("_read"):
            content = operation["responses"]["200"]["content"]["application/json"]
            fields = list(_fields(described, content["schema"]))
            if (value := _first_example(content)) is not None:
                example = pretty(value)
    return Section(name, [_operation(described, *one) for one in found], fields, example)


def _first_example(content: Schema) -> Any:
    return next((one["value"] for one in content.get("examples", {}).values()), None)


def _operation(described: Schema, method: str, path: str, operation: Schema) -> Operation:
    parameters = [_resolved(described, one) for one in operation.get("parameters", ())]
    return Operation(
        identifier=operation["operationId"],
        method=method,
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=[_parameter(one) for one in parameters if one["in"] in ("query", "path")],
        statuses=sorted(operation["responses"]),
        media_types=list(_success(operation).get("content", {})),
    )


def _success(operation: Schema) -> Schema:
    """The first answer that is no refusal."""
    return next(answer for status, answer in sorted(operation["responses"].items()) if status < "300")


def _parameter(one: Schema) -> Parameter:
    schema = one["schema"]
    inner = schema.get("items", schema)
    return Parameter(
        name=one["name"],
        kind=_kind(schema),
        description=one.get("description", ""),
        values=[str(value) for value in inner.get("enum", ())],
        default=str(schema.get("default", "")),
        is_repeatable=schema.get("type") == "array",
        is_number=schema.get("type") == "integer",
        minimum=schema.get("minimum"),
        maximum=schema.get("maximum"),
        in_path=one["in"] == "path",
    )


def _resolved(described: Schema, value: Schema) -> Schema:
    while "$ref" in value:
        target: Any = described
        for step in value["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        value = target
    return value


def _kind(schema: Schema) -> str:
    kinds = schema.get("type", "")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    words = ["list" if kind == "array" else kind for kind in kinds if kind]
    if form := schema.get("format"):
        words = [f"{word} ({form})" if word in ("string", "number") else word for word in words]
    return " or ".join(words)


def _fields(described: Schema, schema: Schema, prefix: str = "") -> Iterable[FieldRow]:
    schema = _resolved(described, schema)
    for name, one in schema.get("properties", {}).items():
        inner, kind, mark = one, _kind(one), ""
        parts = one.get("oneOf") or one.get("allOf")
        if parts:
            inner = next(part for part in parts if part.get("type") != "null")
            kind = "object or null" if len(parts) > 1 else "object"
        if one.get("type") == "array":
            inner, mark = one["items"], "[]"
        inner = _resolved(described, inner)
        values = [str(value) for value in inner.get("enum", ()) if value is not None]
        text = "" if values and "* `" in one.get("description", "") else one.get("description", "")
        if values and not text:
            # The list of codes with their names follows the help text, if there is one.
            text = one.get("description", inner.get("description", "")).partition("* `")[0].strip()
        yield FieldRow(f"{prefix}{name}", kind or "object", text, values)
        if "properties" in inner:
            yield from _fields(described, inner, f"{prefix}{name}{mark}.")
