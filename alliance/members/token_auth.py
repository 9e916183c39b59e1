"""A program shows its token: `Authorization: Bearer alliance_<key>.<secret>` (RFC 6750)."""

from typing import TYPE_CHECKING

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from alliance.core import request_id

if TYPE_CHECKING:
    from alliance.members.models import ApiToken, User


class TokenAuthentication(BaseAuthentication):
    """`request.user` is the token's owner, `request.auth` the token itself."""

    def authenticate(self, request: Request) -> "tuple[User, ApiToken] | None":
        """Raises: AuthenticationFailed (401); PermissionDenied (403) where the token may not do this."""
        # The framework reads its settings, which name this class, before there are models.
        from alliance.members import tokens
        from alliance.members.models import Scope
        from alliance.members.second_factor import hold_back

        kind, _space, text = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        token = tokens.recognise(text.strip())
        if token is None:
            raise exceptions.AuthenticationFailed("This token is not valid: it is wrong, has ended, or was taken back.")
        needed = Scope.READ if request.method in SAFE_METHODS else Scope.REPORT
        if needed not in token.scopes:
            raise exceptions.PermissionDenied(f"This token lacks the scope “{needed}”. Make another one that has it.")
        if needed == Scope.REPORT:
            request_id.act_as(f"user {token.user_id}")
        return hold_back(token.user), token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Alliance portal"'
