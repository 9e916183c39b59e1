"""Forms of the editors: what they decide about a practice, and about what the search suggests."""

from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

from kpis.models import Kpi
from practices.forms import LONGEST
from practices.models import Practice, PracticeState
from practices.suggestion_models import Suggestion
from usecases.models import UseCase, Vertical


def _text(label: Any, rows: int = 2, **more: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=LONGEST, widget=forms.Textarea(attrs={"rows": rows, "maxlength": LONGEST}), **more
    )


class DeedForm(forms.Form):
    """A decision about a practice. It carries the version that the editor saw."""

    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)
    #: What it does, as the form says; and the words of its button.
    deed = ""
    button: Any = ""

    def __init__(self, data: Any = None, *, practice: Practice) -> None:
        super().__init__(data, initial={"seen": practice.version}, auto_id=f"{self.deed}-%s")
        self.practice = practice


class StateForm(DeedForm):
    """Accept, call emerging, withdraw."""

    deed, button = "state", _("Decide")
    state = forms.ChoiceField(
        label=_("New state"),
        choices=[
            (state.value, state.label)
            for state in (PracticeState.ACCEPTED, PracticeState.EMERGING, PracticeState.WITHDRAWN)
        ],
    )
    reason = _text(_("Reason"), help_text=_("It is public, on the page of the practice."))


class HarmForm(DeedForm):
    """Confirm harm, or take it back."""

    deed, button = "harm", _("Confirm")
    harm = _text(
        _("Harm that is confirmed"),
        rows=3,
        required=False,
        help_text=_(
            "What happened, where, and by which source. It is shown beside the effect and caps the certainty at low. "
            "Empty: none is confirmed."
        ),
    )

    def __init__(self, data: Any = None, *, practice: Practice) -> None:
        super().__init__(data, practice=practice)
        self.initial["harm"] = practice.harm_confirmed


class MergeForm(DeedForm):
    """Let another practice stand for this one as well."""

    deed, button = "merge", _("Merge")
    into = forms.ModelChoiceField(
        Practice.objects.none(),
        to_field_name="slug",
        label=_("Merge into"),
        help_text=_("Its use cases come along, and its address leads there. It cannot be undone."),
    )
    reason = _text(_("Reason"))

    def __init__(self, data: Any = None, *, practice: Practice) -> None:
        super().__init__(data, practice=practice)
        self.fields["into"].queryset = Practice.objects.public().exclude(pk=practice.pk)  # type: ignore[attr-defined]


class SplitForm(DeedForm):
    """Make a practice of its own of some of the use cases."""

    deed, button = "split", _("Split")
    name = forms.CharField(label=_("Name of the new practice"), max_length=160)
    summary = _text(_("What it is"), required=False, help_text=_("Empty: as of this practice."))
    use_cases = forms.ModelMultipleChoiceField(
        UseCase.objects.none(),
        to_field_name="slug",
        label=_("Use cases that go with it"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("This practice keeps its address, its history and the others."),
    )
    reason = _text(_("Reason"))

    def __init__(self, data: Any = None, *, practice: Practice) -> None:
        super().__init__(data, practice=practice)
        cases = UseCase.objects.filter(implementations__practice=practice).order_by("title", "pk")
        self.fields["use_cases"].queryset = cases  # type: ignore[attr-defined]

    @property
    def is_possible(self) -> bool:
        """There are two use cases to part."""
        return self.fields["use_cases"].queryset.count() > 1  # type: ignore[attr-defined]


DEEDS: dict[str, type[DeedForm]] = {form.deed: form for form in (StateForm, HarmForm, SplitForm, MergeForm)}


class AcceptForm(forms.ModelForm):
    """A suggestion made a practice, as the editor words it."""

    reason = _text(_("Why it is a practice"), help_text=_("It is public, on the page of the practice."))

    class Meta:
        model = Practice
        fields = ["name", "summary", "vertical", "primary_kpi", "mechanism", "conditions", "risks", "cost_note"]
        widgets = {
            name: forms.Textarea(attrs={"rows": 2, "maxlength": LONGEST})
            for name in ("summary", "mechanism", "conditions", "risks", "cost_note")
        }

    def __init__(self, *args: Any, suggestion: Suggestion, reasons: dict[str, str], **kwargs: Any) -> None:
        """`reasons`: slug of each use case -> the link's reason as the search words it."""
        super().__init__(*args, **kwargs)
        for name in self.Meta.widgets:
            self.fields[name].validators.append(MaxLengthValidator(LONGEST))
        self.fields["vertical"].queryset = Vertical.objects.all()  # type: ignore[attr-defined]
        self.fields["primary_kpi"].queryset = Kpi.objects.exclude(direction="none")  # type: ignore[attr-defined]
        self.titles = dict(UseCase.objects.filter(slug__in=suggestion.slugs).values_list("slug", "title"))
        self.slugs = [slug for slug in suggestion.slugs if slug in self.titles]
        for at, slug in enumerate(self.slugs):
            self.fields[f"reason_{at}"] = _text(
                self.titles[slug],
                required=False,
                initial=reasons.get(slug, ""),
                help_text=_("Why this use case carries it out. Empty: it is left out."),
            )

    @property
    def reasons(self) -> dict[str, str]:
        """Slug of each use case that is kept -> the reason."""
        given = {slug: self.cleaned_data[f"reason_{at}"] for at, slug in enumerate(self.slugs)}
        return {slug: reason for slug, reason in given.items() if reason}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and not self.reasons:
            self.add_error(None, _("A practice needs a use case."))
        return given


class RejectForm(forms.Form):
    """No practice."""

    reason = _text(_("Why it is none"), help_text=_("The same use cases are not suggested again."))
