"""Which documents a request reads: all as of now, as far as the reader may see them."""

from typing import Any

from django.http import HttpRequest

from alliance.core.filters import DATA
from alliance.events.documents import DocumentQuerySet, Kind
from alliance.events.states import State, current_state


def state_of(request: HttpRequest) -> State:
    """The state of the documents, asked once a request, before anything else is read."""
    state = getattr(request, DATA, None)
    if state is None:
        state = current_state()
        setattr(request, DATA, state)
    return state


def sees_all(user: Any) -> bool:
    """Whether the reader sees drafts and withdrawn records too."""
    return user is not None and user.is_active and user.is_staff


def visible_documents(kind: Kind, user: Any, state: State | None = None) -> DocumentQuerySet:
    """The documents of a kind that the reader may see."""
    state = state or current_state()
    return kind.rows(state) if sees_all(user) else kind.public(state)
