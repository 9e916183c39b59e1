"""The form of a promise; its texts are read like those of a report."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from alliance.core.units_registry import UnitError, compatible
from alliance.core.verticals import VerticalCode
from alliance.members.models import Organisation
from kpis.models import Kpi
from reporting.entries import EntryError
from reporting.fields import Field, Type
from reporting.known import Known
from reporting.models import Registration
from reporting.reading import read
from usecases.models import City, Vertical

#: Read by `reporting.reading`, as entries of a report are.
_READ = {
    "city": Type.CITY,
    "kpi": Type.KPI,
    "unit": Type.UNIT,
    "baseline_value": Type.NUMBER,
    "baseline_on": Type.DATE,
    "expected_change_percent": Type.PERCENT,
    "starts_on": Type.DATE,
    "due_on": Type.DATE,
}


class PromiseForm(forms.Form):
    """What is expected of a pilot, before it starts."""

    organisation = forms.ModelChoiceField(
        Organisation.objects.none(), to_field_name="slug", label=_("For which organisation"), empty_label=None
    )
    title = forms.CharField(label=_("The pilot"), max_length=200, help_text=_("What will be tried, and where."))
    city = forms.CharField(label=_("City"), max_length=200, help_text=_("Such as “Cuenca, Ecuador”."))
    vertical = forms.ChoiceField(label=_("Field"), choices=VerticalCode)
    kpi = forms.CharField(
        label=_("Indicator"),
        max_length=200,
        help_text=_("The one by which you will judge the pilot: in your own words, or by its code."),
    )
    baseline_value = forms.CharField(label=_("Before"), max_length=40, required=False)
    unit = forms.CharField(label=_("Unit"), max_length=60, required=False, help_text=_("Empty: that of the indicator."))
    baseline_on = forms.CharField(label=_("Measured on"), max_length=40, required=False)
    expected_change_percent = forms.CharField(
        label=_("Expected change, in percent"), max_length=40, help_text=_("A minus sign for less than before.")
    )
    comparison = forms.CharField(
        label=_("How it will be compared"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2_000,
        help_text=_("With which places or times, and how much will be measured."),
    )
    stop_rule = forms.CharField(
        label=_("When it will be stopped"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2_000,
        help_text=_("What would make you end it early."),
    )
    starts_on = forms.CharField(label=_("Start"), max_length=40, help_text=_("Such as 2027-03-01."))
    due_on = forms.CharField(label=_("Result due"), max_length=40)

    def __init__(self, *args: Any, organisations: Any, registration: Registration | None = None, **kwargs: Any) -> None:
        self.registration = registration
        if registration is not None:
            kwargs["initial"] = _texts(registration)
        super().__init__(*args, **kwargs)
        field = self.fields["organisation"]
        field.queryset = organisations  # type: ignore[attr-defined]
        if len(organisations) == 1:
            field.initial = organisations[0].slug
            field.widget = forms.HiddenInput()
        for name in ("baseline_value", "expected_change_percent"):
            self.fields[name].widget.attrs["inputmode"] = "decimal"

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        known = Known(given.get("organisation"))
        for name, kind in _READ.items():
            if not given.get(name):
                given[name] = None
                continue
            try:
                found = read(Field(name, kind, "", ""), given[name], known)
            except EntryError as error:
                self.add_error(name, str(error))
            else:
                given[name] = found.value
        if given.get("city") is not None and not isinstance(given["city"], City):
            self.add_error("city", _("This city is not on our map yet. Ask the editors to place it there."))
        self._require_unit(given)
        start, due = given.get("starts_on"), given.get("due_on")
        if start and due and due <= start:
            self.add_error("due_on", _("The result is due after the start."))
        return given

    def _require_unit(self, given: dict[str, Any]) -> None:
        kpi = given.get("kpi")
        if not isinstance(kpi, Kpi):
            return
        given["unit"] = given.get("unit") or kpi.unit
        try:
            fits = compatible(given["unit"], kpi.unit)
        except UnitError:
            fits = False
        if not fits:
            sentence = _("“%(unit)s” cannot be converted into the unit of the indicator, “%(its)s”.")
            self.add_error("unit", sentence % {"unit": given["unit"], "its": kpi.unit})

    def fill(self, registration: Registration) -> Registration:
        """Put what was entered into a promise."""
        given = self.cleaned_data
        for name in (*_READ, "organisation", "title", "comparison", "stop_rule"):
            setattr(registration, name, given[name])
        registration.vertical = Vertical.objects.get(code=given["vertical"])
        return registration


def _texts(one: Registration) -> dict[str, Any]:
    """A promise as its form shows it."""

    def number(value: Any) -> str:
        return "" if value is None else format(value.normalize(), "f")

    return {
        "organisation": one.organisation.slug,
        "title": one.title,
        "city": f"{one.city.name}, {one.city.country.code}",
        "vertical": one.vertical.code,
        "kpi": one.kpi.code,
        "unit": one.unit,
        "baseline_value": number(one.baseline_value),
        "baseline_on": one.baseline_on.isoformat() if one.baseline_on else "",
        "expected_change_percent": number(one.expected_change_percent),
        "comparison": one.comparison,
        "stop_rule": one.stop_rule,
        "starts_on": one.starts_on.isoformat(),
        "due_on": one.due_on.isoformat(),
    }
