"""Forms of accounts."""

import re

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from alliance.members.models import User

#: The name stands in mails to an address that is not confirmed yet: it must not be somebody's advertisement.
_LINK = re.compile(r"://|www\.|\.(?:com|org|net|info|biz|ru|xyz|top)\b|[\x00-\x1f<>{}]", re.IGNORECASE)


def validate_person_name(name: str) -> None:
    """Refuse names that carry links or control characters. Raises: ValidationError."""
    if _LINK.search(name):
        raise ValidationError(_("A name has no addresses and no line breaks in it."), code="link")


class SignupForm(forms.Form):
    """What signing up asks besides e-mail address and password."""

    name = forms.CharField(
        label=_("Name"),
        max_length=User._meta.get_field("name").max_length,
        required=False,
        validators=[validate_person_name],
        help_text=_("As others should read it. You may leave it empty."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    field_order = ["email", "name", "password1", "password2"]

    def signup(self, request: HttpRequest, user: User) -> None:
        """allauth calls this when the account is made."""
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])
