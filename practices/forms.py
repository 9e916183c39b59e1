"""Weights of the ranking, challenges, proposals."""

from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from kpis.models import Kpi
from practices.models import Challenge, ChallengeState, Practice, Subject
from practices.ranking import CRITERIA
from usecases.models import Region, SizeBand, UseCase, Vertical

WEIGHT_LABELS = {
    "certainty": _("How sure one can be"),
    "effect": _("Size of the effect"),
    "cities": _("Number of cities"),
    "recency": _("How recent"),
    "fit": _("Cities like mine"),
    "cost": _("Cost is stated"),
}
MOST_WEIGHT = 10
#: Characters of what somebody writes.
LONGEST = 4_000


class WeightsForm(forms.Form):
    """Sliders of the ranking. They live in the address; nothing given is the stated rule."""

    region = forms.ModelChoiceField(
        Region.objects.all(), to_field_name="slug", required=False, label=_("My region"), empty_label=_("Any")
    )
    size = forms.ChoiceField(choices=[("", _("Any")), *SizeBand.choices], required=False, label=_("Size of my city"))

    def __init__(self, data: QueryDict) -> None:
        # A slider always has a place: a weight that is not given is 0.
        super().__init__({**dict.fromkeys(CRITERIA, "0"), **data.dict()})
        for name in CRITERIA:
            self.fields[name] = forms.IntegerField(
                min_value=0,
                max_value=MOST_WEIGHT,
                required=False,
                label=WEIGHT_LABELS[name],
                widget=forms.NumberInput(attrs={"type": "range", "min": 0, "max": MOST_WEIGHT, "step": 1}),
            )
        self.order_fields([*CRITERIA, "region", "size"])

    @property
    def weights(self) -> dict[str, float]:
        """Those above zero; empty for the stated rule."""
        given = getattr(self, "cleaned_data", {})
        return {name: float(given[name]) for name in CRITERIA if given.get(name)}


class ChallengeForm(forms.ModelForm):
    """A reasoned objection."""

    class Meta:
        model = Challenge
        fields = ["subject", "use_case", "reason"]
        widgets = {"reason": forms.Textarea(attrs={"rows": 6, "maxlength": LONGEST})}
        help_texts = {
            "reason": _("What is wrong, and how one can see it. It is public, with your name or organisation."),
        }

    def __init__(self, *args: Any, practice: Practice, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["use_case"].queryset = UseCase.objects.visible_to(None).filter(  # type: ignore[attr-defined]
            implementations__practice=practice
        )
        self.fields["use_case"].required = False
        self.fields["reason"].validators.append(MaxLengthValidator(LONGEST))

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("subject") in (Subject.RESULT, Subject.LINK) and not given.get("use_case"):
            self.add_error("use_case", _("Say of which use case."))
        return given


class AnswerForm(forms.Form):
    """The editors' answer to a challenge."""

    state = forms.ChoiceField(
        label=_("Outcome"), choices=[(ChallengeState.UPHELD, _("Upheld")), (ChallengeState.DECLINED, _("Declined"))]
    )
    answer = forms.CharField(label=_("Answer"), widget=forms.Textarea(attrs={"rows": 4}), max_length=LONGEST)


class ProposalForm(forms.ModelForm):
    """A practice that a member proposes."""

    use_case = forms.ModelChoiceField(
        UseCase.objects.filter(status="published"),
        to_field_name="slug",
        label=_("A use case that carries it out"),
        help_text=_("More can be linked once it is accepted."),
    )
    reason = forms.CharField(label=_("Why this use case"), widget=forms.Textarea(attrs={"rows": 2}), max_length=1_000)

    class Meta:
        model = Practice
        fields = ["name", "vertical", "summary", "primary_kpi", "mechanism", "conditions", "risks", "cost_note"]
        widgets = {
            name: forms.Textarea(attrs={"rows": 3, "maxlength": LONGEST})
            for name in ("summary", "mechanism", "conditions", "risks", "cost_note")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.Meta.widgets:
            self.fields[name].validators.append(MaxLengthValidator(LONGEST))
        self.fields["vertical"].queryset = Vertical.objects.all()  # type: ignore[attr-defined]
        self.fields["primary_kpi"].queryset = Kpi.objects.exclude(direction="none")  # type: ignore[attr-defined]
