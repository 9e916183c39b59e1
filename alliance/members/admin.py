"""Users, organisations, and what allauth keeps about accounts."""

from allauth.account.admin import EmailAddressAdmin as AllauthEmailAddressAdmin
from allauth.account.models import EmailAddress
from allauth.mfa import admin as _allauth_mfa_admin  # noqa: F401 - registers what is replaced below
from allauth.mfa.models import Authenticator
from allauth.usersessions import admin as _allauth_usersessions_admin  # noqa: F401 - the same
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.forms import AdminUserCreationForm
from django.utils.translation import gettext_lazy as _

from alliance.core.admin import QuickAdmin, RecordAdmin
from alliance.members import policies
from alliance.members.models import Application, Interest, Membership, Organisation, TopicEditor, User

admin.site.unregister([EmailAddress, Authenticator, UserSession])


class UserCreationForm(AdminUserCreationForm):
    class Meta(AdminUserCreationForm.Meta):
        model = User
        fields = ("email", "name")
        field_classes = {}


@admin.register(User)
class UserAdmin(QuickAdmin, auth_admin.UserAdmin):
    add_form = UserCreationForm
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "name")
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {"classes": ("wide",), "fields": ("email", "name", "usable_password", "password1", "password2")},
        ),
    )


@admin.register(Organisation)
class OrganisationAdmin(RecordAdmin):
    list_display = ("name", "kind", "slug")
    list_filter = ("kind",)
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}

    def get_readonly_fields(self, request, obj=None):
        fields = super().get_readonly_fields(request, obj)
        return fields if policies.is_chair(getattr(request, "user", None)) else (*fields, "member_since")


class DecidedElsewhere(RecordAdmin):
    """Records that have pages of their own, where who decides is asked: here they are only looked at."""

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Application)
class ApplicationAdmin(DecidedElsewhere):
    list_display = ("organisation_name", "kind", "state", "created_at")
    list_filter = ("state", "kind")
    search_fields = ("organisation_name",)
    exclude = ("key",)


@admin.register(Membership)
class MembershipAdmin(DecidedElsewhere):
    list_display = ("organisation", "user", "role", "ended_at")
    list_filter = ("role",)
    list_select_related = ("organisation", "user")
    search_fields = ("organisation__name", "user__name")


@admin.register(Interest)
class InterestAdmin(DecidedElsewhere):
    list_display = ("user", "organisation", "kind", "about", "ended_on")
    list_filter = ("kind",)
    list_select_related = ("user", "organisation", "about")
    search_fields = ("organisation__name", "about__name")


@admin.register(EmailAddress)
class EmailAddressAdmin(QuickAdmin, AllauthEmailAddressAdmin):
    list_select_related = ("user",)
    autocomplete_fields = ("user",)
    raw_id_fields = ()

    def get_search_fields(self, request):
        return ["email", "user__name"]


class SeenNotEdited(QuickAdmin):
    """Rows that the program makes: an administrator looks at them, and may delete them."""

    list_select_related = ("user",)

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Authenticator)
class AuthenticatorAdmin(SeenNotEdited):
    """Second factors. Their secrets are not shown; deleting one helps a person who has lost the device."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__email",)
    fields = ("user", "type", "created_at", "last_used_at")


@admin.register(UserSession)
class UserSessionAdmin(SeenNotEdited):
    """Where people are signed in. Deleting a row signs the person out there."""

    list_display = ("user", "ip", "user_agent", "created_at", "last_seen_at")
    search_fields = ("user__email", "ip")
    fields = ("user", "ip", "user_agent", "created_at", "last_seen_at")

    def delete_model(self, request, obj: UserSession) -> None:
        obj.end()

    def delete_queryset(self, request, queryset) -> None:
        for session in queryset:
            session.end()


@admin.register(TopicEditor)
class TopicEditorAdmin(QuickAdmin):
    list_display = ("topic", "user")
    list_select_related = ("user",)
    list_filter = ("topic",)
    autocomplete_fields = ("user",)
