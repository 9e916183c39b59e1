"""The change log, how far its readers have come, and what is to be made anew."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from alliance.core.models import Versioned


class CurrentTransaction(models.Func):
    """The id of the running transaction: 64 bits wide, it never comes round again."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = models.BigIntegerField()


class Operation(models.TextChoices):
    """What a statement did to a row; emptying a table is one entry for all its rows."""

    INSERT = "I", _("Added")
    UPDATE = "U", _("Changed")
    DELETE = "D", _("Deleted")
    TRUNCATE = "T", _("Table emptied")


class Change(models.Model):
    """One row of a public table changed. Written by the database's own triggers (`log.py`), by nobody else.

    `before` is the row as it was; what it became is the next change's `before`, or the row itself. Entries are settled
    once `transaction` is below the oldest transaction that still runs: readers take them in the order of
    (transaction, position), which is complete; position alone would miss what commits late.
    """

    position = models.BigAutoField(primary_key=True)
    transaction = models.BigIntegerField(_("transaction"), db_default=CurrentTransaction())
    table = models.CharField(_("table"), max_length=63)
    record_id = models.BigIntegerField(_("row"), null=True)
    operation = models.CharField(_("operation"), max_length=1, choices=Operation)
    before = models.JSONField(_("before"), null=True)
    actor = models.CharField(_("by"), max_length=100)
    request = models.CharField(_("request"), max_length=63)
    at = models.DateTimeField(_("at"), db_default=Now())

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        ordering = ["transaction", "position"]
        indexes = [
            models.Index(fields=["transaction", "position"], name="change_in_order"),
            models.Index(fields=["record_id", "table"], name="change_of_record"),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.table} {self.record_id} {self.operation}"


class Cursor(models.Model):
    """How far a reader of the log has come: everything up to (transaction, position) has had its effect.

    `rows` and `total` count the entries read and add up their positions: should an entry be taken out of the log, a
    recount differs.
    """

    reader = models.CharField(_("reader"), max_length=40, primary_key=True)
    transaction = models.BigIntegerField(_("transaction"), default=0)
    position = models.BigIntegerField(_("position"), default=0)
    rows = models.BigIntegerField(_("entries read"), default=0)
    total = models.DecimalField(_("sum of positions"), max_digits=40, decimal_places=0, default=0)
    #: Of the reader that keeps the ready documents: kind -> the schema that all its documents have.
    schemas = models.JSONField(_("schemas"), default=dict)
    advanced_at = models.DateTimeField(_("moved"), auto_now=True)

    class Meta:
        verbose_name = _("reader of the log")
        verbose_name_plural = _("readers of the log")

    def __str__(self) -> str:
        return self.reader


class StaleDocument(models.Model):
    """A ready document that is to be made anew; until then readers get it built live."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(_("kind"), max_length=24)
    record_id = models.BigIntegerField(_("record"))
    #: More than its body is to be made anew: lists may filter or sort by what has changed.
    narrow = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("stale document")
        verbose_name_plural = _("stale documents")
        constraints = [models.UniqueConstraint(fields=["kind", "record_id"], name="%(app_label)s_%(class)s_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.record_id}"


class RunState(models.TextChoices):
    """How a piece of background work stands."""

    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class Run(models.Model):
    """One piece of background work, as `/operations/` tells of it."""

    task = models.CharField(_("task"), max_length=60)
    state = models.CharField(_("state"), max_length=8, choices=RunState, default=RunState.RUNNING)
    started_at = models.DateTimeField(_("started"), db_default=Now())
    #: Last sign of life: progress is written as it is made.
    seen_at = models.DateTimeField(_("last seen"), db_default=Now())
    ended_at = models.DateTimeField(_("ended"), null=True)
    done = models.BigIntegerField(_("done"), default=0)
    expected = models.BigIntegerField(_("of"), null=True)
    #: What was found, in English, one sentence each.
    findings = ArrayField(models.TextField(), verbose_name=_("findings"), default=list)
    #: The same in numbers, for metrics: name -> count.
    figures = models.JSONField(_("figures"), default=dict)
    error = models.TextField(_("error"), blank=True)
    request = models.CharField(_("request"), max_length=63, blank=True)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ["-started_at", "-pk"]
        indexes = [models.Index(fields=["task", "-started_at"], name="run_latest")]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_ended_or_running",
                condition=Q(state=RunState.RUNNING, ended_at=None)
                | (~Q(state=RunState.RUNNING) & Q(ended_at__isnull=False)),
            )
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.started_at:%Y-%m-%d %H:%M}"


class Word(models.Model):
    """A word that public documents of a kind use: typing errors are read as one of these."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(_("kind"), max_length=24)
    word = models.TextField(_("word"))

    class Meta:
        verbose_name = _("word")
        verbose_name_plural = _("words")
        constraints = [models.UniqueConstraint(fields=["kind", "word"], name="%(app_label)s_%(class)s_once")]
        indexes = [GinIndex(OpClass("word", name="gin_trgm_ops"), name="word_similar")]

    def __str__(self) -> str:
        return self.word


class Cell(models.Model):
    """How many public documents of a kind have these values in common (see `cube.py`)."""

    id = models.BigAutoField(primary_key=True)
    kind = models.TextField(_("kind"))
    #: A column with many values and one of them; both empty where the dimensions alone are counted.
    facet = models.TextField()
    value = models.TextField()
    #: How many dimensions are named.
    extent = models.SmallIntegerField()
    d1 = models.TextField()
    d2 = models.TextField()
    d3 = models.TextField()
    d4 = models.TextField()
    d5 = models.TextField()
    d6 = models.TextField()
    d7 = models.TextField()
    n = models.IntegerField(_("documents"))

    class Meta:
        verbose_name = _("count of documents")
        verbose_name_plural = _("counts of documents")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "facet", "extent", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "value"],
                name="%(app_label)s_%(class)s_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.facet} {self.value}: {self.n}"


class JobState(models.TextChoices):
    """How a job stands."""

    WAITING = "waiting", _("Waits")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class Job(Versioned):
    """Long work that a person waits for, such as checking a sheet: begun by `alliance.events.jobs.start`."""

    work = models.CharField(_("work"), max_length=60)
    #: Whom it is for: the only one who sees it, besides editors.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="jobs")
    #: What it is about, as its work understands it: ids and plain values.
    arguments = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=8, choices=JobState, default=JobState.WAITING)
    done = models.BigIntegerField(_("done"), default=0)
    expected = models.BigIntegerField(_("of"), null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    #: Why it failed, as a sentence for its owner.
    error = models.TextField(_("error"), blank=True)
    started_at = models.DateTimeField(_("started"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    request = models.CharField(_("request"), max_length=63, blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["id"], name="job_unfinished", condition=Q(state__in=["waiting", "running"])),
            models.Index(fields=["owner", "-created_at"], name="job_of_owner"),
        ]
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_ended_or_not",
                condition=Q(state__in=["waiting", "running"], ended_at=None)
                | Q(state__in=["done", "failed"], ended_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"{self.work} {self.pk}"

    @property
    def is_ended(self) -> bool:
        return self.state in (JobState.DONE, JobState.FAILED)

    @property
    def percent(self) -> int | None:
        """Of the work; None while nobody knows how much there is."""
        return min(100, self.done * 100 // self.expected) if self.expected else None
