"""Pages of people who are signed in."""

from typing import cast

from django.contrib.auth.mixins import LoginRequiredMixin
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import View

from alliance.members.models import User


@method_decorator(never_cache, name="dispatch")
class MemberView(LoginRequiredMixin, View):
    """Whoever is not signed in is asked to; no cache keeps an answer."""

    @property
    def user(self) -> User:
        return cast(User, self.request.user)
