"""The least that is valid; a test states what matters to it."""

from itertools import count

from kpis.models import Kpi, Result
from tests.usecases import recipes as use_case_recipes
from usecases.models import Vertical

_number = count(1)


def kpi(**fields) -> Kpi:
    n = next(_number)
    values = {
        "code": f"TEST-{n}",
        "slug": f"test-{n}",
        "name": f"Indicator {n}",
        "kpi_set": "ALL",
        "dimension": "Test",
        "vertical": Vertical.objects.get_or_create(code="mobility")[0],
        "unit": "minute",
        "direction": "decrease",
        "kind": "pilot",
        "definition": "Counts something.",
        "source": "https://example.org/kpi",
    }
    return Kpi.objects.create(**values | fields)


def result(**fields) -> Result:
    """An accepted result with a change of -10 percent, reloaded with what the database computes."""
    n = next(_number)
    values = {
        "slug": f"result-{n}",
        "state": "accepted",
        "relative_change_percent": -10,
        "method": "before-after",
        "source": "https://example.org/result",
    } | fields
    values["use_case"] = values.get("use_case") or use_case_recipes.use_case()
    values["kpi"] = values.get("kpi") or kpi()
    row = Result.objects.create(**values)
    return Result.objects.select_related("kpi", "use_case__city").get(pk=row.pk)
