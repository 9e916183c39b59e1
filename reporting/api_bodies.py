"""What programs send and get of reports: bodies as the API description tells them, made of the list of fields."""

from functools import cache
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from reporting.batches import Outcome
from reporting.fields import FORMS, Field, Type
from reporting.models import Kind
from reporting.states import State

_NUMBERS = (Type.NUMBER, Type.PERCENT, Type.COUNT, Type.YEAR)


@extend_schema_field({"type": ["string", "number", "null"]})
class NumberOrText(serializers.Field):
    """A number, or a text that is read as a person would write it."""


@extend_schema_field({"type": ["boolean", "string", "null"]})
class YesNoOrText(serializers.Field):
    """True, false, or yes and no in a language of the portal."""


@extend_schema_field({"type": ["string", "array", "null"], "items": {"type": "string"}})
class NamesOrText(serializers.Field):
    """A list of names, or a text with semicolons between them."""


def _described(one: Field, *, required: bool | None = None) -> serializers.Field:
    about: dict[str, Any] = {"required": one.required if required is None else required, "help_text": _help(one)}
    if one.is_repeated:
        return _once(one.name, one.parts)(many=True, **about)
    if one.type in _NUMBERS:
        return NumberOrText(**about)
    if one.type == Type.YES_NO:
        return YesNoOrText(**about)
    if one.type == Type.TECHNOLOGIES:
        return NamesOrText(**about)
    return serializers.CharField(max_length=one.maximum_length, allow_null=not one.required, **about)


@cache
def _once(name: str, parts: tuple[Field, ...]) -> type[serializers.Serializer]:
    """One time of what can be given several times."""
    return type(f"Reported{name.title()}", (serializers.Serializer,), {part.name: _described(part) for part in parts})


def _help(one: Field) -> str:
    parts = [f"{one.label}.", str(one.help)]
    if one.choices is not None:
        parts.append("One of " + ", ".join(f"`{code}`" for code in one.choices.values) + ", or its words.")
    return " ".join(filter(None, parts))


def _answers() -> serializers.Field:
    return serializers.DictField(
        child=serializers.CharField(), required=False, help_text="Your answers to warnings, by their `answer_as`."
    )


@cache
def body_serializer(kind: str) -> type[serializers.Serializer]:
    """One report of a kind, or a batch: `items` in place of the entries."""
    word = "".join(part.title() for part in kind.split("-"))
    about: dict[str, serializers.Field] = {
        "organisation": serializers.SlugField(
            required=False, help_text="For which of your organisations; needed when there are several."
        ),
        "answers": _answers(),
    }
    entries = {one.name: _described(one) for one in FORMS[kind].fields}
    reported = type(f"Reported{word}", (serializers.Serializer,), {**entries, **about})
    items = reported(many=True, required=False, help_text="A batch of 1 to 1,000; then no entries beside it.")
    single = {one.name: _described(one, required=False) for one in FORMS[kind].fields}
    return type(f"Reported{word}OrBatch", (serializers.Serializer,), {**single, **about, "items": items})


@cache
def change_serializer() -> type[serializers.Serializer]:
    """The entries of a report that change, of either kind."""
    entries = {one.name: _described(one, required=False) for form in FORMS.values() for one in form.fields}
    submit = serializers.BooleanField(required=False, help_text="Hand it to the editors as well.")
    return type("ChangedReport", (serializers.Serializer,), {**entries, "answers": _answers(), "submit": submit})


class FindingSerializer(serializers.Serializer):
    """What is wrong with an entry, or unusual."""

    pointer = serializers.CharField(help_text="The place in the body, a JSON pointer.")
    field = serializers.CharField(help_text="Such as `standards.0.standard`; empty: the report as a whole.")
    code = serializers.CharField(help_text="Stable; docs/reporting.md lists all of them.")
    detail = serializers.CharField(help_text="What is wrong and how to mend it; of a warning a question.")


class WarningSerializer(FindingSerializer):
    """Something unusual."""

    answer_as = serializers.CharField(help_text="Under which an answer goes into `answers`.")
    answered = serializers.BooleanField()


class ReportSerializer(serializers.Serializer):
    """What a member reports, until it is evidence. Private to its organisation and the editors."""

    key = serializers.CharField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    state = serializers.ChoiceField(choices=State.choices)
    organisation = serializers.SlugField()
    url = serializers.URLField(help_text="The page of the report.")
    api_url = serializers.URLField()
    entries = serializers.DictField(help_text="As they were given.")
    answers = serializers.DictField(child=serializers.CharField(), help_text="Answers to warnings.")
    use_case = serializers.SlugField(allow_null=True, help_text="The public use case that came of it.")
    result = serializers.SlugField(allow_null=True, help_text="The public result that came of it.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    submitted_at = serializers.DateTimeField(allow_null=True, help_text="First handed to the editors.")
    version = serializers.IntegerField(min_value=1)


class ToldReportSerializer(ReportSerializer):
    """A report as it was written just now, with what was found about it."""

    errors = FindingSerializer(  # type: ignore[assignment]
        many=True, help_text="Of a draft: what must be mended before it can be submitted."
    )
    warnings = WarningSerializer(many=True)


class ItemSerializer(serializers.Serializer):
    """What became of one report of a batch."""

    index = serializers.IntegerField(min_value=0)
    outcome = serializers.ChoiceField(choices=[one.value for one in Outcome])
    report = ReportSerializer(allow_null=True)
    errors = FindingSerializer(many=True)  # type: ignore[assignment]
    warnings = WarningSerializer(many=True)


class BatchSerializer(serializers.Serializer):
    """What became of a batch, or of a dry run."""

    dry_run = serializers.BooleanField()
    created = serializers.IntegerField(min_value=0)
    refused = serializers.IntegerField(min_value=0)
    items = ItemSerializer(many=True)
