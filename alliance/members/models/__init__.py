"""People, their organisations, how they join, ask and are told."""

from alliance.members.documents import OrganisationDocument as OrganisationDocument
from alliance.members.models.inquiries import Inquiry as Inquiry
from alliance.members.models.inquiries import InquiryMessage as InquiryMessage
from alliance.members.models.inquiries import InquiryState as InquiryState
from alliance.members.models.inquiries import InquiryTopic as InquiryTopic
from alliance.members.models.inquiries import TopicEditor as TopicEditor
from alliance.members.models.joining import Application as Application
from alliance.members.models.joining import ApplicationMessage as ApplicationMessage
from alliance.members.models.joining import ApplicationState as ApplicationState
from alliance.members.models.joining import Invitation as Invitation
from alliance.members.models.mails import Mail as Mail
from alliance.members.models.mails import MailState as MailState
from alliance.members.models.mails import Notification as Notification
from alliance.members.models.organisations import Interest as Interest
from alliance.members.models.organisations import InterestKind as InterestKind
from alliance.members.models.organisations import Membership as Membership
from alliance.members.models.organisations import Organisation as Organisation
from alliance.members.models.organisations import OrganisationKind as OrganisationKind
from alliance.members.models.organisations import Role as Role
from alliance.members.models.people import Digest as Digest
from alliance.members.models.people import User as User
from alliance.members.models.people import UserManager as UserManager
from alliance.members.models.tokens import ApiToken as ApiToken
from alliance.members.models.tokens import Scope as Scope
