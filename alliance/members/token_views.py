"""The page on which people make tokens for their programs, and take them back."""

from typing import Any, cast

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.generic import View

from alliance.members import tokens
from alliance.members.models import ApiToken, Organisation, Role, Scope, User

#: What the form offers; the service takes any number up to a year.
DAYS = ((30, gettext_lazy("30 days")), (90, gettext_lazy("90 days")), (365, gettext_lazy("One year")))


class TokenForm(forms.Form):
    """What a token is for, what it may do, and until when."""

    name = forms.CharField(
        label=gettext_lazy("What it is for"),
        max_length=100,
        help_text=gettext_lazy("Such as “monthly figures of the parking system”."),
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may"), choices=Scope, initial=[Scope.READ], widget=forms.CheckboxSelectMultiple
    )
    organisation = forms.ModelChoiceField(
        label=gettext_lazy("For which organisation"),
        queryset=Organisation.objects.none(),
        required=False,
        empty_label=gettext_lazy("any of mine"),
        to_field_name="slug",
    )
    days = forms.TypedChoiceField(label=gettext_lazy("It is valid for"), choices=DAYS, coerce=int, initial=90)

    def __init__(self, *args: Any, user: User, **kwargs: Any):
        super().__init__(*args, **kwargs)
        organisation = cast(forms.ModelChoiceField, self.fields["organisation"])
        organisation.queryset = Organisation.objects.of(user, Role.OWNER, Role.CONTRIBUTOR)


@method_decorator([never_cache, login_required, reauthentication_required(allow_get=True)], name="dispatch")
class TokensView(View):
    """All tokens of a person. A POST makes one and shows it: this once.

    Context: form, tokens (newest first), now; made: the new token; text: what the program must be given.
    """

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(TokenForm(user=cast(User, request.user)))

    @method_decorator(sensitive_variables("text"))
    def post(self, request: HttpRequest) -> HttpResponse:
        user = cast(User, request.user)
        form = TokenForm(request.POST, user=user)
        if not form.is_valid():
            return self.show(form)
        try:
            made, text = tokens.make_token(actor=user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
            return self.show(form)
        return self.show(TokenForm(user=user), made=made, text=text)

    def show(self, form: TokenForm, **more: Any) -> HttpResponse:
        found = ApiToken.objects.filter(user=cast(User, self.request.user)).select_related("organisation")
        context = {"form": form, "tokens": found, "now": timezone.now(), **more}
        return render(self.request, "members/tokens.html", context)


@method_decorator([never_cache, login_required, reauthentication_required], name="dispatch")
class RevokeView(View):
    """Takes a token back."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        token = ApiToken.objects.filter(key=key, user=cast(User, request.user)).first()
        if token is None:
            raise Http404
        tokens.revoke_token(token=token, actor=cast(User, request.user))
        messages.success(request, _("The token “%(name)s” no longer works.") % {"name": token.name})
        return HttpResponseRedirect(reverse("tokens:list"))
