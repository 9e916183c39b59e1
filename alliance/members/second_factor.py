"""Editors and the chair need a second factor. Until they have one, their rights rest: they are members like others."""

import re
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from alliance.core.middleware import NextHandler
from alliance.members.policies import CHAIR

_LANGUAGES = "|".join(code for code, _name in settings.LANGUAGES)
#: Where editors and the chair work.
_ROOMS = re.compile(rf"(?:/(?:{_LANGUAGES}))?/(?:admin|review|membership|operations|history|contact/inquiries)/")


def hold_back(user: Any) -> Any:
    """Let the rights of a user rest for as long as a second factor is asked for and missing.

    Args: user: of the current request, by session or by token; changed in place, in memory alone.
    Returns: the same.
    """
    if settings.STAFF_SECOND_FACTOR and user.is_authenticated:
        user.needs_second_factor = True  # what groups permit is asked when somebody asks for a permission
        if (user.is_staff or user.is_superuser) and not user.has_second_factor:
            user.rights_rest, user.is_staff, user.is_superuser = True, False, False
    return user


def has_resting_rights(user: Any) -> bool:
    """Whether somebody would be an editor or the chair with a second factor."""
    if not user.is_authenticated or user.has_second_factor:
        return False
    if user.rights_rest:
        return True
    user.needs_second_factor = False
    try:
        return user.has_perm(CHAIR)
    finally:
        user.needs_second_factor = True


class StaffSecondFactorMiddleware:
    """Leads editors without a second factor from their rooms to where they set one up.

    Elsewhere, the API among it, they are answered like other members. Who reads without a session is not looked up.
    """

    def __init__(self, get_response: NextHandler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.STAFF_SECOND_FACTOR:
            signed_in = request.user
            request.user = SimpleLazyObject(lambda: hold_back(signed_in))  # type: ignore[assignment]
            if _ROOMS.match(request.path_info) and has_resting_rights(request.user):
                messages.warning(
                    request, _("Editors and the chair need a second factor. Set up an authenticator app or a passkey.")
                )
                return HttpResponseRedirect(reverse("mfa_index"))
        return self.get_response(request)
