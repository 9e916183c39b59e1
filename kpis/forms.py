"""What the page of an indicator takes."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kpis.formulas import LONGEST, Calculated, FormulaError, calculate
from kpis.models import Kpi


class PartsForm(forms.Form):
    """Numerator and denominator of one indicator; `calculated` is what they give."""

    numerator = forms.CharField(label=_("Numerator"), required=False, max_length=LONGEST)
    denominator = forms.CharField(label=_("Denominator"), required=False, max_length=LONGEST)
    calculated: Calculated | None = None

    def __init__(self, *args: Any, kpi: Kpi, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kpi = kpi
        for name in ("numerator", "denominator"):
            self.fields[name].label = getattr(kpi, name)
            self.fields[name].widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    def clean(self) -> None:
        super().clean()
        if self.errors:
            return
        try:
            self.calculated = calculate(self.kpi, self.cleaned_data["numerator"], self.cleaned_data["denominator"])
        except FormulaError as error:
            self.add_error(error.part or None, forms.ValidationError(str(error), code=error.code))
