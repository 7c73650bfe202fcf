"""How much memory KV may take."""

from __future__ import annotations

import os

from everwarm.engine.settings import MOST_KV, Settings

DRAFT_PART = 8
"""One part in so many is the draft model's, if there is one."""


def pool_memory(settings: Settings) -> int:
    """Bytes of the model's KV pool."""
    return _whole(settings) - draft_memory(settings)


def draft_memory(settings: Settings) -> int:
    """Bytes of the draft model's KV pool."""
    return _whole(settings) // DRAFT_PART if settings.draft else 0


def _whole(settings: Settings) -> int:
    return settings.kv_bytes or min(MOST_KV, _machine() // 8)


def _machine() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
