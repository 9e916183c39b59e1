"""The portal's addresses, and beside them what it is compared with inside the same Django."""

from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from alliance import urls as portal
from bench import naive, steps

handler400, handler403 = portal.handler400, portal.handler403
handler404, handler500 = portal.handler404, portal.handler500


class EmptyView(APIView):
    """What Django, its middleware and DRF cost by themselves."""

    permission_classes = []

    def get(self, request):
        return Response({"ok": True})


urlpatterns = [
    path("bench/empty/", EmptyView.as_view()),
    path("bench/naive/use-cases/", naive.UseCaseView.as_view()),
    *(path(steps.address(name)[1:], view.as_view()) for name, view in steps.STEPS.items()),
    *portal.urlpatterns,
]
