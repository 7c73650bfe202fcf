"""s09: nothing depends on a hash being good: the tests of keys, hits, isolation and storing pass with a constant in its
place (those of the stores run with one in any case: tests/contract/store.py). Equality is the proof.

``make test HASH=constant`` runs all of them so; here, those in which a hash decides what is found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROOMS = [
    "core/test_flight.py",
    "core/test_reasons.py",
    "core/test_embeddings.py",
    "store/test_memory.py",
    "store/test_segments.py",
    "store/test_tiered.py",
    "gateway/test_cache.py",
    "gateway/test_dialects.py",
    "gateway/test_embeddings.py",
    "gateway/test_flights.py",
    "gateway/test_quotas.py",
    "gateway/test_tenants.py",
    "gateway/test_upstream.py",
    "gateway/test_variants.py",
    "promises/test_s01_no_byte_for_another_tenant.py",
    "promises/test_r03_one_call_for_a_herd.py",
    "promises/test_s03_namespace_only_from_the_key.py",
    "promises/test_s05_figures_and_errors_are_ones_own.py",
    "promises/test_s07_a_flood_pushes_nobody.py",
    "promises/test_s11_equal_meaning_equal_key.py",
    "promises/test_s12_headers_are_keyed_or_dropped.py",
    "promises/test_s13_only_clean_answers_are_stored.py",
]


@pytest.mark.skipif(bool(os.environ.get("EVERWARM_TEST_CONSTANT_HASH")), reason="this is the run with a constant hash")
def test_the_suite_passes_with_a_constant_hash() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(TESTS / r) for r in ROOMS)],
        env={**os.environ, "EVERWARM_TEST_CONSTANT_HASH": "1", "COVERAGE_PROCESS_START": ""},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert "passed" in run.stdout
