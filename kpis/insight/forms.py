"""What the pages and addresses of insight take, checked at the edge. The API answers with the same sentences."""

from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Q, TextChoices
from django.forms.utils import flatatt
from django.http import QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alliance.core.verticals import VerticalCode
from kpis.aggregate_models import Measure
from kpis.insight import listed
from kpis.insight.grouping import Chosen, GroupBy
from kpis.insight.peers import DEFAULT_WEIGHTS, HEAVIEST, Factor, Profile, profile_of
from kpis.insight.traits import ClimateZone, IncomeGroup
from kpis.measurement import Design
from kpis.models import Kpi
from kpis.standing import change_percent
from usecases.models import City, Region, SizeBand, Stage

LARGEST_POPULATION, LARGEST_DENSITY = 100_000_000, 100_000
LARGEST_CHANGE = Decimal(1_000_000)
MOST_PEERS, PEERS_SHOWN = 200, 20
FIRST_YEAR, LAST_YEAR = 1900, 2200
#: What narrows the results that count.
CHOICES = ("vertical", "region", "stage", "size", "design", "year_min", "year_max")


class KpiField(forms.CharField):
    """An indicator by its slug or its code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=60, **kwargs)

    def clean(self, value: Any) -> Kpi | None:
        text = super().clean(value)
        if not text:
            return None
        found = Kpi.objects.filter(Q(slug=text) | Q(code=text)).order_by("pk").first()
        if found is None:
            raise forms.ValidationError(_("There is no indicator “%(text)s”.") % {"text": text}, code="unknown_value")
        return found


class CityField(forms.CharField):
    """A city by its slug, or by its name where only one has it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=120, **kwargs)

    def clean(self, value: Any) -> City | None:
        text = super().clean(value)
        if not text:
            return None
        rows = City.objects.select_related("country__region")
        found = list(rows.filter(slug=text)[:1]) or list(rows.filter(name__iexact=text).order_by("slug")[:20])
        if not found:
            raise forms.ValidationError(
                _("There is no city “%(text)s” here. Leave it empty and describe your city instead.") % {"text": text},
                code="unknown_value",
            )
        if len(found) > 1:
            slugs = ", ".join(city.slug for city in found)
            raise forms.ValidationError(
                _("There are several of this name. Take one of: %(slugs)s.") % {"slugs": slugs}, code="ambiguous"
            )
        return found[0]


class PlainSelect(forms.Select):
    """A choice of one among many: written here, because Django renders a template for each of hundreds."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = "" if value is None else str(value)
        found = self.build_attrs(self.attrs, {**(attrs or {}), "name": name})
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            ((key, mark_safe(" selected") if str(key) == chosen else "", label) for key, label in self.choices),
        )
        return format_html("<select{}>{}</select>", flatatt(found), options)


def _any(choices: type[TextChoices]) -> list[tuple[str, Any]]:
    return [("", gettext_lazy("All")), *choices.choices]


class DistributionForm(forms.Form):
    """What of an indicator is shown: grouped by what, which measure, which results."""

    group_by = forms.ChoiceField(label=gettext_lazy("Group by"), choices=GroupBy, required=False, widget=PlainSelect)
    measure = forms.ChoiceField(label=gettext_lazy("Measure"), choices=Measure, required=False, widget=PlainSelect)
    vertical = forms.ChoiceField(
        label=gettext_lazy("Field"), choices=_any(VerticalCode), required=False, widget=PlainSelect
    )
    region = forms.CharField(label=gettext_lazy("Region"), max_length=60, required=False)
    stage = forms.ChoiceField(
        label=gettext_lazy("Stage of the use case"), choices=_any(Stage), required=False, widget=PlainSelect
    )
    size = forms.ChoiceField(
        label=gettext_lazy("City size"), choices=_any(SizeBand), required=False, widget=PlainSelect
    )
    design = forms.ChoiceField(
        label=gettext_lazy("How it was compared"), choices=_any(Design), required=False, widget=PlainSelect
    )
    year_min = forms.IntegerField(
        label=gettext_lazy("Measured in or after"), min_value=FIRST_YEAR, max_value=LAST_YEAR, required=False
    )
    year_max = forms.IntegerField(
        label=gettext_lazy("Measured in or before"), min_value=FIRST_YEAR, max_value=LAST_YEAR, required=False
    )

    def __init__(self, data: Any = None, *, stamp: str = "") -> None:
        """Args: stamp: of the data, under which what is listed may be kept; empty: it is looked up where it is read."""
        super().__init__(data)
        self.stamp = stamp
        self.fields["region"].widget = PlainSelect(choices=self._listed_regions)  # type: ignore[arg-type]  # looked up when it is read

    def _listed_regions(self) -> list[tuple[str, Any]]:
        return [("", _("All")), *listed.regions(self.stamp).items()]

    def clean_group_by(self) -> GroupBy:
        return GroupBy(self.cleaned_data["group_by"] or GroupBy.NONE)

    def clean_measure(self) -> Measure:
        return Measure(self.cleaned_data["measure"] or Measure.CHANGE)

    def clean_region(self) -> str:
        region = self.cleaned_data["region"]
        if region and region not in listed.regions(self.stamp):
            raise forms.ValidationError(_("There is no region “%(text)s”.") % {"text": region}, code="unknown_value")
        return region

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        first, last = data.get("year_min"), data.get("year_max")
        if first is not None and last is not None and first > last:
            self.add_error("year_max", forms.ValidationError(_("This year lies before the first one."), code="invalid"))
        return data

    @property
    def chosen(self) -> Chosen:
        return Chosen(**{name: self.cleaned_data[name] for name in CHOICES})

    @property
    def choices(self) -> list[SafeString]:
        """The fields that narrow the results, with their labels."""
        return [self.group(name) for name in CHOICES]

    def group(self, name: str) -> SafeString:
        """A field with its label."""
        return listed.field_group(self[name], self.stamp)

    @property
    def is_narrowed(self) -> bool:
        return any(self.data.get(name) for name in CHOICES)


class ExploreForm(DistributionForm):
    """`/kpis/explore/`: which indicator, and what of it."""

    kpi = KpiField(label=gettext_lazy("Indicator"), required=False)

    def __init__(self, data: Any = None, *, stamp: str = "") -> None:
        super().__init__(data, stamp=stamp)
        self.fields["kpi"].widget = PlainSelect(choices=self._listed_indicators)  # type: ignore[arg-type]  # looked up when it is read

    def _listed_indicators(self) -> list[tuple[str, str]]:
        found, chosen = listed.indicators(self.stamp), self.data.get("kpi", "")
        return [*found.items()] if not chosen or chosen in found else [*found.items(), (chosen, chosen)]

    def group(self, name: str) -> SafeString:
        chosen = self.data.get("kpi", "")
        if name == "kpi" and chosen and chosen not in listed.indicators(self.stamp):
            return self[name].as_field_group()  # it has a choice more than usual
        return super().group(name)

    @property
    def first(self) -> list[SafeString]:
        """The fields that say what is shown, with their labels."""
        return [self.group(name) for name in ("kpi", "group_by", "measure")]


class PeersForm(forms.Form):
    """A city on record, or one described by its reader, and the weights of the five factors.

    What is typed stands for what is on record.
    """

    city = CityField(
        label=gettext_lazy("City"),
        required=False,
        widget=forms.TextInput(attrs={"list": "cities", "autocomplete": "off"}),
    )
    population = forms.IntegerField(
        label=gettext_lazy("Population"), min_value=1, max_value=LARGEST_POPULATION, required=False
    )
    density = forms.DecimalField(
        label=gettext_lazy("Inhabitants a square kilometre"),
        min_value=Decimal("0.01"),
        max_value=LARGEST_DENSITY,
        required=False,
    )
    climate = forms.ChoiceField(
        label=gettext_lazy("Climate zone (Köppen-Geiger)"),
        choices=[("", gettext_lazy("As on record")), *ClimateZone.choices],
        required=False,
    )
    income = forms.ChoiceField(
        label=gettext_lazy("Income group of the country (World Bank)"),
        choices=[("", gettext_lazy("As on record")), *IncomeGroup.choices],
        required=False,
    )
    region = forms.CharField(label=gettext_lazy("Region"), max_length=60, required=False)

    def __init__(self, data: QueryDict) -> None:
        asked = data.copy()
        for name, weight in DEFAULT_WEIGHTS.items():
            if not asked.get(f"weight_{name}"):
                asked[f"weight_{name}"] = str(weight)  # so that the form shows what is in force
        super().__init__(asked)
        for factor in Factor:
            self.fields[f"weight_{factor.value}"] = forms.IntegerField(
                label=factor.label, min_value=0, max_value=HEAVIEST
            )
        regions = [(region.slug, str(region)) for region in Region.objects.order_by("name")]
        self.fields["region"].widget = forms.Select(choices=[("", _("As on record")), *regions])
        self._regions = {slug for slug, _name in regions}

    def clean_region(self) -> str:
        region = self.cleaned_data["region"]
        if region and region not in self._regions:
            raise forms.ValidationError(_("There is no region “%(text)s”.") % {"text": region}, code="unknown_value")
        return region

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and sum(self.weights.values()) == 0:
            raise forms.ValidationError(_("Give at least one factor a weight above zero."), code="no_weight")
        return data

    @property
    def weights(self) -> dict[str, int]:
        """Factor -> weight, as asked or as the page opens."""
        return {factor.value: self.cleaned_data[f"weight_{factor.value}"] for factor in Factor}

    @property
    def own_city(self) -> City | None:
        return self.cleaned_data.get("city")

    @property
    def mine(self) -> Profile | None:
        """What is compared: as typed, else as on record. None: neither city nor anything typed."""
        city, data = self.own_city, self.cleaned_data
        known = profile_of(city) if city else Profile()
        density = data.get("density")
        found = Profile(
            data.get("population") or known.population,
            known.density if density is None else float(density),
            data.get("climate") or known.climate,
            data.get("income") or known.income,
            data.get("region") or known.region,
        )
        return found if city or found.known else None

    @property
    def weight_fields(self) -> list[forms.BoundField]:
        return [self[f"weight_{factor.value}"] for factor in Factor]

    @property
    def described(self) -> list[forms.BoundField]:
        return [self[name] for name in ("population", "density", "climate", "income", "region")]


class OwnChangeForm(forms.Form):
    """The reader's own change: in percent, or from the values before and after. Sent by POST, kept nowhere."""

    change = forms.DecimalField(
        label=gettext_lazy("Your change in percent"),
        help_text=gettext_lazy("Negative for less, such as -12.5."),
        min_value=-LARGEST_CHANGE,
        max_value=LARGEST_CHANGE,
        max_digits=20,
        required=False,
    )
    before = forms.DecimalField(label=gettext_lazy("Or: value before"), max_digits=24, required=False)
    after = forms.DecimalField(label=gettext_lazy("and value after"), max_digits=24, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        change, before, after = (data.get(name) for name in ("change", "before", "after"))
        if change is None and (before is None or after is None):
            raise forms.ValidationError(_("Give a change in percent, or the values before and after."))
        if change is None and before is not None and before <= 0:
            self.add_error(
                "before",
                _("From zero or below there is no change in percent: a division by it has no meaning."),
            )
            return data
        data["change"] = change_percent(before, after, change)
        return data
