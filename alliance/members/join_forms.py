"""Forms of joining: the application, what the chair decides, and who belongs to an organisation."""

import re
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from alliance.core.countries import country_choices
from alliance.core.verticals import VerticalCode
from alliance.members import joining
from alliance.members.forms import validate_person_name
from alliance.members.member_kinds import CHOICE, NUMBER, MemberKind, Question
from alliance.members.models import Application, Organisation, Role
from alliance.members.spam import GuardedForm

LONGEST_REASON, LONGEST_ANSWER, LONGEST_DECISION = 4_000, 1_000, 4_000
#: Stands for "none of these" among known organisations.
NEW = "-"
_CONTROL = re.compile(r"[\x00-\x1f\x7f<>{}]|://")
_NOT_CHOSEN = ("", _("Choose a country"))


#: What to do about a field that is empty.
_MISSING = {
    "person_name": _("Enter your name."),
    "email": _("Enter your e-mail address."),
    "organisation_name": _("Enter the name."),
    "country": _("Choose a country."),
    "reason": _("Say in a sentence or two why you want to join."),
}


def validate_organisation_name(name: str) -> None:
    """Refuse names that carry links, markup or line breaks. Raises: ValidationError."""
    if _CONTROL.search(name):
        raise ValidationError(_("A name has no addresses and no line breaks in it."), code="link")


def _offer_countries(form: forms.Form) -> None:
    cast(forms.ChoiceField, form.fields["country"]).choices = [_NOT_CHOSEN, *country_choices()]


def _text(rows: int, **attributes: str) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, **attributes})


def _field_for(question: Question) -> forms.Field:
    settings: dict[str, Any] = {"label": question.label, "help_text": question.help, "required": question.required}
    if question.form == NUMBER:
        widget = forms.TextInput(attrs={"inputmode": "numeric"})
        return forms.IntegerField(min_value=1, max_value=99_999_999, localize=True, widget=widget, **settings)
    if question.form == CHOICE:
        return forms.ChoiceField(choices=question.choices, widget=forms.RadioSelect, **settings)
    return forms.CharField(max_length=LONGEST_ANSWER, widget=_text(3), **settings)


class ApplicationForm(GuardedForm):
    """An application of one kind. Its own questions come last, named `about_<question>`."""

    purpose = "application"

    person_name = forms.CharField(
        label=_("Your name"),
        max_length=150,
        validators=[validate_person_name],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("You get a link to confirm it, and the decision. It is never shown to others."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    organisation_name = forms.CharField(
        max_length=200,
        validators=[validate_organisation_name],
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    organisation = forms.ChoiceField(
        label=_("Is it one of these, which the portal knows already?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one, or say that it is new.")},
    )
    country = forms.ChoiceField(label=_("Country"))
    place = forms.CharField(
        label=_("City"),
        max_length=120,
        required=False,
        validators=[validate_organisation_name],
        help_text=_("Leave it empty when you work in the whole country."),
    )
    website = forms.URLField(
        label=_("Website"), max_length=500, required=False, assume_scheme="https", widget=forms.URLInput
    )
    reason = forms.CharField(
        label=_("Why do you want to join?"),
        max_length=LONGEST_REASON,
        help_text=_("Two or three sentences. What could you report, and what do you need from others?"),
        widget=_text(5),
    )
    topics = forms.MultipleChoiceField(
        label=_("Which topics?"), choices=VerticalCode, required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, kind: MemberKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        _offer_countries(self)
        if kind.is_person:
            del self.fields["organisation_name"]
        else:
            self.fields["organisation_name"].label = str(kind.name_label)
        for question in kind.questions:
            self.fields[f"about_{question.name}"] = _field_for(question)
        for name, sentence in _MISSING.items():
            if name in self.fields:
                self.fields[name].error_messages["required"] = sentence
        self._offer_organisations()

    def _offer_organisations(self) -> None:
        """Known organisations with a similar name stand beside the name, once one is entered."""
        name = str(self.data.get(self.add_prefix("organisation_name"), "")).strip()[:200] if self.is_bound else ""
        self.offered: list[Organisation] = []
        if name and not self.kind.is_person and not _CONTROL.search(name):
            self.offered = list(joining.similar_organisations(name))
        if not self.offered:
            del self.fields["organisation"]
            return
        choices = cast(forms.ChoiceField, self.fields["organisation"])
        choices.choices = [
            *((one.slug, one.name) for one in self.offered),
            (NEW, _("None of these: it is new here")),
        ]

    def clean(self) -> dict[str, Any]:
        chosen = self._chosen()
        if chosen is not None and chosen.member_since is not None:
            self.add_error(
                "organisation",
                _("It is a member already. Its owners can invite you: ask a colleague, or write to us."),
            )
        return super().clean()

    def _chosen(self) -> Organisation | None:
        return next((one for one in self.offered if one.slug == self.cleaned_data.get("organisation")), None)

    def application_fields(self) -> dict[str, Any]:
        """What `joining.apply` needs beside key, user and language."""
        cleaned, chosen = self.cleaned_data, self._chosen()
        answers = {one.name: cleaned.get(f"about_{one.name}") for one in self.kind.questions}
        return {
            "kind": self.kind.code,
            "person_name": cleaned["person_name"],
            "email": cleaned["email"],
            "organisation": chosen,
            "organisation_name": chosen.name if chosen else cleaned.get("organisation_name") or cleaned["person_name"],
            "country": cleaned["country"],
            "place": cleaned["place"],
            "website": cleaned["website"],
            "reason": cleaned["reason"],
            "topics": cleaned["topics"],
            "details": {name: str(value) for name, value in answers.items() if value not in (None, "")},
        }


class MessageForm(forms.Form):
    """A message between applicant and chair."""

    text = forms.CharField(label=_("Your message"), max_length=LONGEST_REASON, widget=_text(4))


class DecisionForm(forms.Form):
    """The chair's decision. The reason is always there; the name only of a new organisation."""

    name = forms.CharField(
        label=_("Name of the organisation"),
        max_length=200,
        validators=[validate_organisation_name],
        help_text=_("As everybody will read it. Mend it here if needed."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=LONGEST_DECISION,
        help_text=_("The applicant reads it, whichever way you decide."),
        widget=_text(4),
    )

    def __init__(self, *args: Any, application: Application, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["name"] = application.organisation_name
        if application.organisation_id:
            del self.fields["name"]


class InvitationForm(forms.Form):
    """Whom to invite."""

    email = forms.EmailField(label=_("E-mail address"), max_length=254)
    role = forms.ChoiceField(label=_("Role"), choices=Role, initial=Role.CONTRIBUTOR, widget=forms.RadioSelect)


class RoleForm(forms.Form):
    """Another role."""

    role = forms.ChoiceField(label=_("Role"), choices=Role)


class WordsForm(forms.Form):
    """An organisation's own words."""

    about = forms.CharField(
        label=_("About"),
        max_length=4_000,
        required=False,
        help_text=_("In your own words; everybody reads it on the page of the organisation."),
        widget=_text(6),
    )
    url = forms.URLField(label=_("Website"), max_length=500, required=False, assume_scheme="https")
    country = forms.ChoiceField(label=_("Country"), required=False)
    place = forms.CharField(label=_("City"), max_length=120, required=False, validators=[validate_organisation_name])
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_countries(self)
