"""What was sent by somebody whose session had ended: kept until they have signed in again.

It waits in the session that the visitor gets with the answer; signing in takes it along. What is too large for that
goes back to the browser, in the answer itself.
"""

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest, QueryDict

_KEY = "parked"
LONGEST_CHARACTERS = 200_000
#: How often one address may leave something in an hour: nobody is signed in here.
MOST_AN_HOUR = 120
_LEFT_OUT = ("csrfmiddlewaretoken",)


def park(request: HttpRequest) -> bool:
    """Keep what was sent to this address; False when it is too much."""
    data = request.POST.copy()
    for name in _LEFT_OUT:
        data.pop(name, None)
    text = data.urlencode()
    made = cache.count(f"parked:{get_adapter().get_client_ip(request)}", 3_600)  # type: ignore[attr-defined]
    if len(text) > LONGEST_CHARACTERS or (made or 0) > MOST_AN_HOUR:
        return False
    request.session[_KEY] = {"path": request.path, "data": text}
    return True


def parked(request: HttpRequest) -> QueryDict | None:
    """What waits for this address; it stays until `forget`."""
    kept = request.session.get(_KEY)
    return QueryDict(kept["data"]) if kept and kept["path"] == request.path else None


def forget(request: HttpRequest) -> None:
    """It is saved, or not wanted."""
    request.session.pop(_KEY, None)
