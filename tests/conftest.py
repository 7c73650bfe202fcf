"""For the whole suite: with EVERWARM_TEST_CONSTANT_HASH set, the hash of every look-up is a constant (promise s09)."""

from __future__ import annotations

import os

import pytest

from everwarm.core import key

CONSTANT = "EVERWARM_TEST_CONSTANT_HASH"

if os.environ.get(CONSTANT):
    key.hint = lambda data: b"\0" * key.DIGEST_BYTES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What names an entry by its digest, or compares digests, says nothing when all are equal."""
    if os.environ.get(CONSTANT):
        for item in items:
            if item.get_closest_marker("digest"):
                item.add_marker(pytest.mark.skip(reason="it is about the digest, which is a constant in this run"))
