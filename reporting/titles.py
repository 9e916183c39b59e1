"""What reports are called on pages: a use case by its title, a result by its indicator and its use case."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from reporting import kpi_search
from reporting.models import Kind, Report
from usecases.models import UseCase


def titles(reports: Iterable[Report]) -> dict[int, str]:
    """Primary key of each report -> its title. Three queries when there are results among them, else none."""
    reports = list(reports)
    found = {report.pk: str(report) for report in reports}
    results = [report for report in reports if report.kind == Kind.RESULT]
    if not results:
        return found
    index = kpi_search.index()
    named = {_use_case(report) for report in results} - {""}
    cases = dict(UseCase.objects.visible_to(None).filter(slug__in=named).values_list("slug", "title"))
    cases |= dict(Report.objects.filter(key__in=named, kind=Kind.USE_CASE).values_list("key", "entries__title"))
    for report in results:
        text = str(report.entries.get("kpi") or "")
        kpis = index.named(text)
        indicator = kpis[0].name if len(kpis) == 1 else text
        # Translators: a result by its indicator and its use case, "Average travel time, Green wave on Main Street".
        both = _("%(indicator)s, %(use_case)s")
        use_case = cases.get(_use_case(report)) or _use_case(report)
        if indicator and use_case:
            found[report.pk] = both % {"indicator": indicator, "use_case": use_case}
        elif indicator or use_case:
            found[report.pk] = indicator or use_case
    return found


def title_of(report: Report) -> str:
    """The title of one report."""
    return titles([report])[report.pk]


def _use_case(report: Report) -> str:
    return str(report.entries.get("use_case") or "").strip()
