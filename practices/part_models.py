"""What the results of one use case by one indicator add up to, kept so that evidence is made of few rows.

Kept by `practices/parts.py`. None of these rows is a record: the change log does not tell of them. Keys to records are
not enforced by the database, so that a record can go before the worker has looked.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class Part(models.Model):
    """The public results of a use case by an indicator, as sums over those that have an effect.

    The sums over effects y with variances v are apart for reported and imputed variances, so that imputed ones can be
    scaled later: `weight` is the sum of 1/v, `product` that of y/v, `root` that of 1/sqrt(v).
    """

    id = models.BigAutoField(primary_key=True)
    use_case_id = models.BigIntegerField()
    kpi_id = models.BigIntegerField()
    #: With an effect, and without one.
    results = models.PositiveIntegerField()
    refused = models.PositiveIntegerField()
    weight_reported = models.FloatField()
    product_reported = models.FloatField()
    root_reported = models.FloatField()
    weight_imputed = models.FloatField()
    product_imputed = models.FloatField()
    root_imputed = models.FloatField()
    #: The smallest effect; null without any.
    least = models.FloatField(null=True)
    #: Sum and largest of the grades, 1 to 4, of how the results were compared.
    grades = models.PositiveIntegerField()
    best_grade = models.PositiveSmallIntegerField()
    #: Known years, ascending.
    years = ArrayField(models.PositiveSmallIntegerField())
    #: Organisation -> how many of the results it reported.
    reporters = models.JSONField(default=dict)
    verified = models.PositiveIntegerField()
    #: SHA-256 of all that the results say here, in hexadecimal digits.
    inputs_hash = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("sums of results")
        verbose_name_plural = _("sums of results")
        constraints = [models.UniqueConstraint(fields=["use_case_id", "kpi_id"], name="%(app_label)s_%(class)s_once")]

    def __str__(self) -> str:
        return f"{self.use_case_id} {self.kpi_id}"


class EffectSize(models.Model):
    """The size of a public result's effect, whichever way it goes. Medians of an indicator are read from its index."""

    result_id = models.BigIntegerField(primary_key=True)
    use_case_id = models.BigIntegerField(db_index=True)
    kpi_id = models.BigIntegerField()
    size = models.FloatField()

    class Meta:
        verbose_name = _("size of an effect")
        verbose_name_plural = _("sizes of effects")
        indexes = [models.Index(fields=["kpi_id", "size"], name="effect_size_kpi")]

    def __str__(self) -> str:
        return f"{self.result_id} {self.size}"


class UsualEffect(models.Model):
    """The median size of the effects of an indicator and all that are the same. A row goes when one of them changes."""

    kpi_id = models.BigIntegerField(primary_key=True)
    #: Null: no result has an effect.
    median = models.FloatField(null=True)

    class Meta:
        verbose_name = _("usual effect")
        verbose_name_plural = _("usual effects")

    def __str__(self) -> str:
        return f"{self.kpi_id} {self.median}"
