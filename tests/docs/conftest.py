"""What the tests of the pages share."""

from __future__ import annotations

import os

import pytest

ENVIRONMENT = dict(os.environ)
"""As it is before a test moves the home folder: package managers have their settings there."""


@pytest.fixture
def outside() -> dict[str, str]:
    return dict(ENVIRONMENT)
