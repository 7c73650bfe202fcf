"""A browser for the page."""

from __future__ import annotations

import pytest
from browsing import Browser, found_browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return found_browser(tmp_path_factory.mktemp("profile"))
