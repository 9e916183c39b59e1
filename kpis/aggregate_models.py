"""What all published results of an indicator say together, the inputs that this is computed from, and what is stale.

Kept by `kpis/aggregating.py`. None of these rows is a record: the change log does not tell of them. Keys to records are
not enforced by the database, so that a record can go before the worker has looked.
"""

from typing import Any
from urllib.parse import urlencode

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from kpis.measurement import Design
from kpis.statistics import MeanInterval, MedianInterval

#: With fewer values a cell shows these alone.
FEWEST = 3
#: Asks for, and names, cells of an indicator together with those that are exactly the same.
EXACT = "exact"


class Measure(models.TextChoices):
    """What of the results is summarised."""

    CHANGE = "change", _("Relative change, percent")
    VALUE = "value", _("Value after, in the unit of the indicator")


def _key(to: str, **more) -> models.ForeignKey:
    return models.ForeignKey(to, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False, **more)


class AggregateInput(models.Model):
    """A result that counts: accepted, of a published use case. One row a result."""

    result = models.OneToOneField(
        "kpis.Result", models.DO_NOTHING, primary_key=True, related_name="+", db_constraint=False
    )
    kpi = _key("kpis.Kpi")
    vertical = _key("usecases.Vertical")
    region = _key("usecases.Region")
    design = models.CharField(max_length=12, choices=Design)
    use_case_id = models.BigIntegerField()
    city_id = models.BigIntegerField()
    year = models.PositiveSmallIntegerField(null=True)
    #: The indicator says which way is better.
    is_directed = models.BooleanField()
    #: Relative change, percent, better is positive; with its own sign where no way is better. Null: not defined.
    change = models.FloatField(null=True)
    #: After, in the unit of the indicator. Null: not reported, or in a unit that cannot be converted.
    value = models.FloatField(null=True)
    #: The newer of the result's and its use case's last change.
    changed_at = models.DateTimeField()
    #: The first and the second eight bytes of its fingerprint (docs/kpis.md): the hash of a cell is made of their sums.
    print_high = models.BigIntegerField(default=0)
    print_low = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("input of an aggregate")
        verbose_name_plural = _("inputs of aggregates")
        ordering = ["result_id"]
        indexes = [
            models.Index(
                # The finest cells are added up in this order.
                fields=["kpi", "vertical", "region", "design", "result"],
                include=[
                    *("use_case_id", "city_id", "year", "is_directed", "change", "value", "changed_at"),
                    *("print_high", "print_low"),
                ],
                name="aggregate_input_cell",
            ),
            # Whether a cell still has another result of a use case, or of a city.
            *(
                models.Index(
                    fields=["kpi", party],
                    include=["vertical", "region", "design", "result"],
                    name=f"aggregate_input_{party.removesuffix('_id')}",
                )
                for party in ("use_case_id", "city_id")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kpi_id} {self.result_id}"


class UncountedInput(models.Model):
    """An input that came, went or changed since the cells of an indicator counted it, and how they count it.

    What it is now, the inputs say. A result that moved to another indicator is one of each.
    """

    #: The newest is counted first.
    id = models.BigAutoField(primary_key=True)
    kpi_id = models.BigIntegerField()
    #: Null: every input of the indicator is to be counted anew.
    result_id = models.BigIntegerField(null=True)
    #: The cells count it, with what follows.
    is_counted = models.BooleanField(default=False)
    vertical_id = models.BigIntegerField(null=True)
    region_id = models.BigIntegerField(null=True)
    design = models.CharField(max_length=12, blank=True)
    use_case_id = models.BigIntegerField(null=True)
    city_id = models.BigIntegerField(null=True)
    year = models.PositiveSmallIntegerField(null=True)
    is_directed = models.BooleanField(null=True)
    change = models.FloatField(null=True)
    value = models.FloatField(null=True)
    changed_at = models.DateTimeField(null=True)
    print_high = models.BigIntegerField(null=True)
    print_low = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("uncounted input")
        verbose_name_plural = _("uncounted inputs")
        constraints = [
            models.UniqueConstraint(
                fields=["kpi_id", "result_id"], nulls_distinct=False, name="%(app_label)s_%(class)s_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kpi_id} {self.result_id}"


class ExactNumber(models.Field):
    """A number with as many digits as it needs: sums come to the same in any order, and can be taken back."""

    def db_type(self, connection: Any) -> str:
        return "numeric"


class CellSums(models.Model):
    """What the inputs of a cell add up to: a new result is added, one that goes is taken away.

    Nought, or an empty design: all. Changes and values are added up with the 15 digits that PostgreSQL gives of them.
    """

    id = models.BigAutoField(primary_key=True)
    kpi_id = models.BigIntegerField()
    vertical_id = models.BigIntegerField()
    region_id = models.BigIntegerField()
    design = models.CharField(max_length=12, blank=True)
    results = models.IntegerField()
    use_cases = models.IntegerField()
    cities = models.IntegerField()
    #: Results of an indicator that says which way is better.
    directed = models.IntegerField()
    oldest_year = models.PositiveSmallIntegerField(null=True)
    newest_year = models.PositiveSmallIntegerField(null=True)
    as_of = models.DateTimeField()
    print_high = ExactNumber()
    print_low = ExactNumber()
    #: Those that have one; their sum and that of their squares; above and below zero.
    changes = models.IntegerField()
    change_total = ExactNumber()
    change_squares = ExactNumber()
    above = models.IntegerField()
    below = models.IntegerField()
    amounts = models.IntegerField()
    value_total = ExactNumber()
    value_squares = ExactNumber()

    class Meta:
        verbose_name = _("sums of a cell")
        verbose_name_plural = _("sums of cells")
        constraints = [
            models.UniqueConstraint(
                fields=["kpi_id", "vertical_id", "region_id", "design"], name="%(app_label)s_%(class)s_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kpi_id} {self.vertical_id} {self.region_id} {self.design}"


class SortedValues(models.Model):
    """Some neighbours among the ascending values of a cell: any quantile is found by counting pieces.

    No value is in two pieces, so that a value has one place.
    """

    id = models.BigAutoField(primary_key=True)
    kpi_id = models.BigIntegerField()
    vertical_id = models.BigIntegerField()
    region_id = models.BigIntegerField()
    design = models.CharField(max_length=12, blank=True)
    measure = models.CharField(max_length=8, choices=Measure)
    #: The smallest of them.
    bound = models.FloatField()
    n = models.IntegerField()
    sorted = ArrayField(models.FloatField())

    class Meta:
        verbose_name = _("piece of the values of a cell")
        verbose_name_plural = _("pieces of the values of cells")
        indexes = [
            models.Index(
                fields=["kpi_id", "vertical_id", "region_id", "design", "measure", "bound"],
                include=["n", "id"],
                name="sorted_values_of_cell",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kpi_id} {self.vertical_id} {self.region_id} {self.design} {self.measure} {self.bound}"


class SampleSize(models.Model):
    """What both intervals need to know of n values: from `kpis.statistics`, filled as far as it is needed."""

    n = models.BigIntegerField(primary_key=True)
    #: 0: no two values enclose the median with 95 %.
    low = models.BigIntegerField()
    high = models.BigIntegerField()
    coverage = models.FloatField()
    #: Of n - 1 degrees of freedom; null for one value.
    t_quantile = models.FloatField(null=True)

    class Meta:
        verbose_name = _("sample size")
        verbose_name_plural = _("sample sizes")

    def __str__(self) -> str:
        return str(self.n)


class AggregateQuerySet(models.QuerySet):
    """Cells. All of them are public: they are made of public results alone."""

    def for_display(self):
        """Rows with all that their names need: no further query per row."""
        return self.select_related("kpi__vertical", "vertical", "region")


class Aggregate(models.Model):
    """One measure of one cell: an indicator x a field or all x a region or all x a comparison design or all.

    Statistics are in percent (better is positive) or in the unit of the indicator, by `measure`; null below 3 values.
    """

    id = models.BigAutoField(primary_key=True)
    kpi = _key("kpis.Kpi", verbose_name=_("indicator"))
    vertical = _key("usecases.Vertical", null=True, verbose_name=_("field"), help_text=_("Empty: all."))
    region = _key("usecases.Region", null=True, verbose_name=_("region"), help_text=_("Empty: all."))
    design = models.CharField(_("design"), max_length=12, choices=Design, blank=True, help_text=_("Empty: all."))
    measure = models.CharField(_("measure"), max_length=8, choices=Measure)
    #: Of the cell, whether or not they have a value of this measure.
    results = models.IntegerField(_("results"))
    use_cases = models.IntegerField(_("use cases"))
    cities = models.IntegerField(_("cities"))
    #: Those that have one.
    n = models.IntegerField(_("values"))
    #: Below 3 values these alone are given, ascending.
    points = ArrayField(models.FloatField(), default=list)
    mean = models.FloatField(null=True)
    mean_low = models.FloatField(null=True)
    mean_high = models.FloatField(null=True)
    median = models.FloatField(null=True)
    median_low = models.FloatField(null=True)
    median_high = models.FloatField(null=True)
    median_coverage = models.FloatField(null=True)
    lower_quartile = models.FloatField(null=True)
    upper_quartile = models.FloatField(null=True)
    minimum = models.FloatField(null=True)
    maximum = models.FloatField(null=True)
    #: Of a change where the indicator says which way is better.
    improved = models.IntegerField(null=True)
    unchanged = models.IntegerField(null=True)
    worsened = models.IntegerField(null=True)
    oldest_year = models.PositiveSmallIntegerField(null=True)
    newest_year = models.PositiveSmallIntegerField(null=True)
    #: SHA-256 of the inputs (see docs/kpis.md), hexadecimal.
    inputs_hash = models.CharField(max_length=64)
    rule = models.CharField(_("rule"), max_length=12)
    #: The newest change among the inputs. Not a clock: the same inputs have the same date.
    as_of = models.DateTimeField(_("as of"))

    objects = AggregateQuerySet.as_manager()

    #: The indicators whose results are in the cell, where they are several (`kpis.aggregate_families`).
    members: tuple[Any, ...] = ()

    class Meta:
        verbose_name = _("aggregate")
        verbose_name_plural = _("aggregates")
        ordering = ["kpi_id", "measure", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kpi", "vertical", "region", "design", "measure"],
                nulls_distinct=False,
                name="%(app_label)s_%(class)s_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kpi_id} {self.vertical_id} {self.region_id} {self.design} {self.measure}"

    def get_absolute_url(self) -> str:
        """How it was computed."""
        told = {name: value for name, value in self.filters.items() if name != "kpi"}
        family = {"family": EXACT} if self.members else {}
        query = urlencode({**told, **family, "measure": self.measure})
        return f"{reverse('kpis:computed', args=[self.kpi.slug])}?{query}"

    @property
    def counted(self) -> tuple[Any, ...]:
        """The indicators whose results are in the cell."""
        return self.members or (self.kpi,)

    @property
    def results_query(self) -> str:
        """The cell as query string of the list of results."""
        return urlencode({**self.filters, "kpi": [one.slug for one in self.counted]}, doseq=True)

    @property
    def filters(self) -> dict[str, str]:
        """The cell as parameters: what is not named is all of it."""
        told = {"kpi": self.kpi.slug}
        if self.vertical is not None:
            told["vertical"] = self.vertical.code
        if self.region is not None:
            told["region"] = self.region.slug
        if self.design:
            told["design"] = self.design
        return told

    @property
    def filters_or_all(self) -> dict[str, str]:
        """The cell and its measure as parameters of the list of aggregates."""
        return {"vertical": "all", "region": "all", "design": "all", **self.filters, "measure": str(self.measure)}

    @property
    def key(self) -> str:
        """Names the cell and its measure."""
        told = self.filters_or_all
        parts = [told[name] for name in ("kpi", "vertical", "region", "design", "measure")]
        return ".".join([*parts, EXACT] if self.members else parts)

    @property
    def unit(self) -> str:
        """Of all its numbers."""
        return "percent" if self.measure == Measure.CHANGE else self.kpi.unit

    @property
    def is_summarised(self) -> bool:
        """There are enough values for statistics; else the points are all that is shown."""
        return self.n >= FEWEST

    @property
    def undefined(self) -> int:
        """Results of the cell without a value of this measure."""
        return self.results - self.n

    @property
    def median_interval(self) -> MedianInterval | None:
        if self.median_low is None or self.median_high is None or self.median_coverage is None:
            return None
        return MedianInterval(self.median_low, self.median_high, self.median_coverage)

    @property
    def mean_interval(self) -> MeanInterval | None:
        return None if self.mean_low is None or self.mean_high is None else MeanInterval(self.mean_low, self.mean_high)

    @property
    def improved_share(self) -> float | None:
        """0 to 1."""
        return None if self.improved is None or not self.n else self.improved / self.n

    @property
    def unchanged_share(self) -> float | None:
        """0 to 1."""
        return None if self.unchanged is None or not self.n else self.unchanged / self.n

    @property
    def worsened_share(self) -> float | None:
        """0 to 1."""
        return None if self.worsened is None or not self.n else self.worsened / self.n
