"""For the whole suite: with EVERWARM_TEST_CONSTANT_HASH set, the hash of every look-up is a constant (promise s09)."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from everwarm.core import key

pytest_plugins = ["engines", "providers.fixture"]  # real engines, and a provider, for whoever asks for one

CONSTANT = "EVERWARM_TEST_CONSTANT_HASH"

settings.register_profile("here", deadline=None)  # how long a machine takes is asserted nowhere
settings.register_profile("ci", derandomize=True, max_examples=50, deadline=None)
# What a change is judged by is no matter of luck; elsewhere each run looks further.
settings.load_profile("ci" if os.environ.get("CI") else "here")

if os.environ.get(CONSTANT):
    key.hint = lambda data: b"\0" * key.DIGEST_BYTES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test first: two processes share the tests, and none shall wait for it at the end. What names an entry
    by its digest, or compares digests, says nothing when all are equal."""
    items.sort(key=lambda item: "test_s09" not in item.nodeid)
    if os.environ.get(CONSTANT):
        for item in items:
            if item.get_closest_marker("digest"):
                item.add_marker(pytest.mark.skip(reason="it is about the digest, which is a constant in this run"))
