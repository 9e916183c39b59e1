"""What the tests of the whole portal share."""

import pytest


@pytest.fixture
def no_quota(settings):
    """As many requests as a test likes: the quota has tests of its own."""
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"client": None}}
