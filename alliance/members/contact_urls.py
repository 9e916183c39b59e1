"""Addresses below /contact/."""

from django.urls import path

from alliance.members import contact_views, inquiry_views

app_name = "contact"
urlpatterns = [
    path("", contact_views.ContactView.as_view(), name="ask"),
    path("sent/", contact_views.SentView.as_view(), name="sent"),
    path("ticket/<str:key>/", contact_views.TicketView.as_view(), name="ticket"),
    path("inquiries/", inquiry_views.InquiryListView.as_view(), name="inquiries"),
    path("inquiries/<int:number>/", inquiry_views.InquiryView.as_view(), name="inquiry"),
]
