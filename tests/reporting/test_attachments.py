"""Files of a report: taken by content, cleaned, private until the report is accepted, and inert."""

import io

import pytest
from django.contrib.messages import get_messages
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from alliance.members.models import Membership, Organisation, User
from alliance.settings.files import file_store
from reporting import attaching
from reporting.attaching import FileRefusedError, attach, examine
from reporting.models import Report
from reporting.states import State

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def photo(size=(400, 300), file_format="JPEG", **more) -> bytes:
    kept = io.BytesIO()
    image = Image.new("RGB", size, (200, 30, 30))
    if file_format == "JPEG":
        exif = Image.Exif()
        exif[0x0110] = "Secret camera"
        exif[0x8825] = {1: "N", 2: (48.0, 51.0, 29.0)}
        exif[0x0112] = 6
        more["exif"] = exif
    image.save(kept, file_format, **more)
    return kept.getvalue()


@pytest.fixture
def files_here(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def report(db, files_here) -> Report:
    organisation = Organisation.objects.create(name="City of Testing", slug="testing", member_since="2020-01-01")
    user = User.objects.create_user("ada@example.org")
    Membership.objects.create(user=user, organisation=organisation, role="contributor")
    return Report.objects.create(kind="use-case", organisation=organisation, author=user)


def accepted(report: Report) -> None:
    Report.objects.filter(pk=report.pk).update(state=State.SUBMITTED, submitted_at=timezone.now())
    Report.objects.filter(pk=report.pk).update(state=State.ACCEPTED)


def body(answer) -> bytes:
    """What a file's answer holds; its file is closed, which the test client does for answers in one piece alone."""
    content = b"".join(answer.streaming_content)
    for close in answer._resource_closers:
        close()
    return content


def test_a_photo_loses_place_and_camera_and_stands_upright():
    kept = examine(photo(), "here.jpg")
    image = Image.open(io.BytesIO(kept.content))
    assert (kept.content_type, image.size) == ("image/jpeg", (300, 400))
    assert not image.getexif()
    assert b"Secret camera" not in kept.content


def test_a_large_photo_becomes_smaller_and_a_drawing_keeps_its_clear_parts():
    assert max(Image.open(io.BytesIO(examine(photo((5_000, 100)), "a.jpg").content)).size) == attaching.LONGEST_SIDE
    kept = io.BytesIO()
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(kept, "PNG")
    assert Image.open(io.BytesIO(examine(kept.getvalue(), "a.png").content)).getpixel((4, 4))[3] == 0


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "a.pdf", "empty"),
        (b"%PDF-1.7" + bytes(attaching.MOST_BYTES), "a.pdf", "too-large"),
        (PDF[:-10], "a.pdf", "cut-off"),
        (PDF.replace(b"<</Type", b"<</Encrypt 2 0 R/Type"), "a.pdf", "encrypted"),
        (PDF.replace(b"<</Type", b"<</OpenAction<</S/JavaScript>>/Type"), "a.pdf", "active"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "a.png", "unknown-kind"),
        (b"<html><script>alert(1)</script></html>", "a.jpg", "unknown-kind"),
        (b"MZ\x90\x00", "a.pdf", "unknown-kind"),
        (photo()[:200], "a.jpg", "unknown-kind"),
        (b"\xd0\xcf\x11\xe0" + bytes(100), "a.xls", "old-format"),
        (photo((8_000, 8_000)), "a.jpg", "too-many-pixels"),
    ],
)
def test_what_is_not_taken_is_told_with_what_to_do(content, name, code):
    with pytest.raises(FileRefusedError) as refused:
        examine(content, name)
    assert refused.value.code == code
    assert len(str(refused.value)) > 20


def test_the_same_file_twice_is_one_and_its_name_is_harmless(report):
    first = attach(report=report, actor=report.author, content=PDF, name="../../e<vil>\x00.exe")
    second = attach(report=report, actor=report.author, content=PDF, name="again.pdf")
    assert first == second
    assert first.name == "evil.pdf"
    assert first.file.name == f"attachments/{first.key}.pdf"


def test_strangers_readers_and_late_members_attach_nothing(report):
    stranger = User.objects.create_user("eve@example.org")
    with pytest.raises(PermissionDenied):
        attach(report=report, actor=stranger, content=PDF, name="a.pdf")
    Membership.objects.create(user=stranger, organisation=report.organisation, role="reader")
    with pytest.raises(PermissionDenied):
        attach(report=report, actor=stranger, content=PDF, name="a.pdf")
    accepted(report)
    with pytest.raises(attaching.MoveRefusedError):
        attach(report=report, actor=report.author, content=PDF, name="a.pdf")


def test_a_file_is_given_out_to_those_who_may_see_the_report_and_to_all_once_it_is_accepted(report, client):
    one = attach(report=report, actor=report.author, content=PDF, name="measured.pdf")
    address = reverse("file", args=[one.key, one.name])
    assert client.get(address).status_code == 404
    client.force_login(User.objects.create_user("eve@example.org"))
    assert client.get(address).status_code == 404
    client.force_login(report.author)
    answer = client.get(address)
    assert body(answer) == PDF
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"].startswith("attachment")
    client.logout()
    accepted(report)
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"], body(answer)) == (200, "application/pdf", PDF)
    Report.objects.filter(pk=report.pk).update(state=State.WITHDRAWN)
    assert client.get(address).status_code == 404


def test_a_file_given_back_is_gone_from_the_store(report, client, django_capture_on_commit_callbacks):
    one = attach(report=report, actor=report.author, content=PDF, name="a.pdf")
    client.force_login(report.author)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("reporting:files", args=[report.key]), {"remove": one.key})
    assert not report.attachments.exists()
    assert not default_storage.exists(one.file.name)


def test_of_several_files_the_good_ones_are_kept_and_the_bad_ones_named(report, client):
    client.force_login(report.author)
    files = [SimpleUploadedFile("a.pdf", PDF), SimpleUploadedFile("b.exe", b"MZ")]
    address = reverse("reporting:files", args=[report.key])
    answer = client.post(address, {"files": files, "description": "How it was measured"})
    told = [str(message) for message in get_messages(answer.wsgi_request)]
    assert [one.name for one in report.attachments.all()] == ["a.pdf"]
    assert told[0].startswith("b.exe: ")
    assert told[1] == "1 file is attached."


def test_the_sweep_takes_away_what_no_row_names(report, monkeypatch):
    kept = attach(report=report, actor=report.author, content=PDF, name="a.pdf").file.name
    lost = default_storage.save("attachments/lost.pdf", io.BytesIO(PDF))
    assert attaching.sweep() == 0  # an upload may be under way
    monkeypatch.setattr(attaching, "_is_old", lambda path: True)
    assert attaching.sweep() == 1
    assert default_storage.exists(kept)
    assert not default_storage.exists(lost)


def test_an_s3_compatible_store_is_one_setting():
    options = file_store("s3://key:se%2Fcret@store.example:9000/files?region=eu-1")["OPTIONS"]
    assert options["endpoint_url"] == "https://store.example:9000"
    assert (options["bucket_name"], options["secret_key"], options["region_name"]) == ("files", "se/cret", "eu-1")
