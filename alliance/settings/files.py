"""Where files are kept, from one address."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def file_store(address: str) -> dict[str, Any]:
    """An entry of Django's STORAGES.

    Args:
        address: empty for the file system, else `s3://key:secret@host[:port]/bucket[?region=...&insecure=1]`.
    Raises: ImproperlyConfigured.
    """
    if not address:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    parts = urlsplit(address)
    bucket = parts.path.strip("/")
    if parts.scheme != "s3" or not (parts.hostname and bucket and parts.username and parts.password):
        raise ImproperlyConfigured("FILES_URL is s3://key:secret@host/bucket, or empty for the file system.")
    query = parse_qs(parts.query)
    scheme = "http" if query.get("insecure") == ["1"] else "https"
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "access_key": unquote(parts.username),
            "secret_key": unquote(parts.password),
            "bucket_name": bucket,
            "endpoint_url": f"{scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}",
            "region_name": query.get("region", ["us-east-1"])[0],
            # Everything is private: views decide who gets a file and hand it out themselves.
            "default_acl": None,
            "querystring_auth": True,
            "file_overwrite": False,
        },
    }
