"""Forms of tickets."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from alliance.members import inquiries
from alliance.members.forms import validate_person_name
from alliance.members.models import Inquiry, User
from alliance.members.spam import GuardedForm


class TextField(forms.CharField):
    """What somebody writes at length."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 8}))
        super().__init__(max_length=inquiries.LONGEST_TEXT, **kwargs)


class AskForm(GuardedForm):
    """What everybody who asks tells."""

    purpose = "contact"

    subject = forms.CharField(label=_("In one line"), max_length=200)
    text = TextField(label=_("Your question"))
    name = forms.CharField(
        label=_("Your name"),
        max_length=150,
        required=False,
        validators=[validate_person_name],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=_("Your e-mail address"),
        help_text=_("We send you a link to confirm it. Only then is your question passed on; nobody else sees it."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        user = self.request.user
        if user.is_authenticated and not self.is_bound:
            self.initial.update(name=user.name, email=user.email)


class ContactForm(AskForm):
    """A question to the Alliance."""

    topic = forms.ChoiceField(label=_("What is it about?"), choices=inquiries.topics)
    field_order = ["topic", "subject", "text", "name", "email"]


class CityForm(AskForm):
    """A question to whoever runs a use case."""

    purpose = "ask-city"

    consent = forms.BooleanField(
        label=_("Pass my name and my question on"),
        error_messages={"required": _("Without your consent the question cannot be passed on.")},
        help_text=_("Your address is not. The answer comes through this portal."),
    )
    may_be_published = forms.BooleanField(
        label=_("Question and answer may stand on the page of the use case"),
        required=False,
        help_text=_("Without your name, and only if the city agrees too. You can take this back at any time."),
    )
    field_order = ["subject", "text", "name", "email", "consent", "may_be_published"]


class FollowUpForm(forms.Form):
    """Who asked writes again."""

    text = TextField(label=_("Write again"), widget=forms.Textarea(attrs={"rows": 5}))


class AnswerForm(forms.Form):
    """An answer, or a note among editors."""

    text = TextField(label=_("Your answer"))
    is_public_note = forms.BooleanField(
        label=_("May stand on the page that was asked about"),
        required=False,
        help_text=_("Who asked has agreed. The name of your organisation stands beside it. You can take this back."),
    )
    is_internal = forms.BooleanField(label=_("Only a note among editors"), required=False)
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, inquiry: Inquiry, is_editor: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["version"] = inquiry.version
        if not (inquiry.about_path and inquiry.may_be_published):
            del self.fields["is_public_note"]
        if not is_editor:
            del self.fields["is_internal"]


class PersonField(forms.ModelChoiceField):
    """A choice of people, by their names: the address is shown to nobody else."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.shown_name)


class AssignForm(forms.Form):
    """Another editor takes over."""

    editor = PersonField(label=_("Editor"), queryset=User.objects.filter(is_staff=True, is_active=True))
