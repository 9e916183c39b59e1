"""Forms of editors: what is chosen in the queue, where a new city lies, which records are one, how one was checked."""

from typing import Any, cast

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alliance.core.verticals import VerticalCode
from alliance.members.models import Organisation
from kpis.models import Verification
from reporting.models import Kind
from reporting.publishing import Place
from usecases.models import Region, UseCase


class QueueForm(forms.Form):
    """What the queue shows; whatever is not known is left out."""

    WHOSE = (("", _("Everybody's")), ("mine", _("Mine")), ("nobody", _("Nobody's")))
    WAITING = (("", _("For an editor")), ("member", _("For the member")))

    whose = forms.ChoiceField(label=_("Whose"), choices=WHOSE, required=False)
    waiting = forms.ChoiceField(label=_("Waits"), choices=WAITING, required=False)
    kind = forms.ChoiceField(label=_("Kind"), choices=[("", _("Both"))], required=False)
    topic = forms.ChoiceField(label=_("Field"), choices=[("", _("All fields"))], required=False)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["kind"]).choices = [("", _("Both")), *Kind.choices]
        cast(forms.ChoiceField, self.fields["topic"]).choices = [("", _("All fields")), *VerticalCode.choices]

    def chosen(self, name: str) -> str:
        """A choice; empty for none or an unknown one."""
        self.is_valid()
        return self.cleaned_data.get(name, "")


class PlaceForm(forms.Form):
    """Where a city lies that is not on the map yet."""

    latitude = forms.DecimalField(
        label=_("Latitude"),
        max_digits=8,
        decimal_places=5,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
        help_text=_("Degrees, north positive, such as -2.90055."),
    )
    longitude = forms.DecimalField(
        label=_("Longitude"),
        max_digits=8,
        decimal_places=5,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
        help_text=_("Degrees, east positive, such as -79.00453."),
    )
    population = forms.IntegerField(label=_("Population"), min_value=0, max_value=2**31 - 1, required=False)
    region = forms.ModelChoiceField(label=_("Region"), queryset=Region.objects.order_by("name"))

    def __init__(self, *args: Any, needs_region: bool, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if not needs_region:
            del self.fields["region"]

    def place(self) -> Place:
        """Of a form that is valid."""
        values = self.cleaned_data
        return Place(values["latitude"], values["longitude"], values["population"], values.get("region"))


class MergeForm(forms.Form):
    """Two published use cases, by their slugs."""

    kept = forms.CharField(
        label=_("The one that stays"), max_length=200, help_text=_("Its address, or the last part of it.")
    )
    merged = forms.CharField(
        label=_("The one that is merged into it"),
        max_length=200,
        help_text=_("Its address will lead to the other one."),
    )
    reason = forms.CharField(label=_("Why they are one"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 2}))

    def clean_kept(self) -> UseCase:
        return self._found("kept")

    def clean_merged(self) -> UseCase:
        return self._found("merged")

    def _found(self, name: str) -> UseCase:
        slug = self.cleaned_data[name].partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2]
        row = UseCase.objects.visible_to(None).select_related("city").filter(slug=slug).first()
        if row is None:
            raise forms.ValidationError(_("No published use case has this address."))
        return row


class CheckForm(forms.Form):
    """How a result was checked."""

    level = forms.TypedChoiceField(label=_("Level"), coerce=int, widget=forms.RadioSelect)
    organisation = forms.ModelChoiceField(label=_("For"), queryset=Organisation.objects.none(), required=False)
    what = forms.CharField(
        label=_("What you checked"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Which figures, against which source, and what you found. It is public."),
    )
    checked_on = forms.DateField(
        label=_("When"), initial=timezone.localdate, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, levels: list[int], organisations: list[Organisation], **kwargs: Any):
        super().__init__(*args, **kwargs)
        level = cast(forms.TypedChoiceField, self.fields["level"])
        level.choices = [(one, Verification(one).label) for one in levels]
        place = cast(forms.ModelChoiceField, self.fields["organisation"])
        place.queryset = Organisation.objects.filter(pk__in=[one.pk for one in organisations])
        if len(levels) == 1:
            self.fields["level"].initial = levels[0]
        if not organisations or levels == [Verification.EVIDENCE_ATTACHED]:
            del self.fields["organisation"]
        else:
            self.fields["organisation"].required = Verification.EVIDENCE_ATTACHED not in levels
            self.fields["organisation"].initial = organisations[0]
