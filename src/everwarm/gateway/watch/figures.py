"""Figures of one process as plain values, which those of several processes add up to.

A figure has a name: its family, then the values of its labels. A counter or gauge is one number; a histogram is one
number for each bucket, one for what is beyond the last, and the sum of what was measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

Name = tuple[str, ...]
Figures = dict[Name, list[float]]

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper bounds in seconds: from a hit in memory to a long answer of a slow model."""


class Family(NamedTuple):
    """What one kind of figure is called, and what it says."""

    kind: str  # "counter" | "gauge" | "histogram"
    labels: tuple[str, ...]
    help: str


FAMILIES: Final[Mapping[str, Family]] = {
    "everwarm_requests": Family(
        "counter", ("dialect", "cache", "status_class"), "Requests for an answer, by how they were answered."
    ),
    "everwarm_tokens": Family(
        "counter",
        ("kind",),
        "Tokens: prompt and output of all answers; of them, saved_ by the response cache and joined calls, and "
        "prefix_cached in a model's own prefix cache.",
    ),
    "everwarm_saved_seconds": Family(
        "counter", (), "What the originals of answers took that were served again, less what serving them took."
    ),
    "everwarm_ttft_seconds": Family("histogram", ("dialect", "cache"), "Until the first byte of an answer's body."),
    "everwarm_request_seconds": Family("histogram", ("dialect", "cache"), "Until the last byte of an answer."),
    "everwarm_in_flight": Family("gauge", (), "Calls to models under way."),
    "everwarm_layout_findings": Family(
        "counter",
        ("cure", "done"),
        "What was found in prompts that keeps them out of a provider's cache, by what repairs it, and whether that was "
        "done.",
    ),
    "everwarm_layout_rewritten": Family("counter", (), "Requests that went out otherwise than they came."),
    "everwarm_store_bytes": Family("gauge", (), "What all stored answers take."),
    "everwarm_store_entries": Family("gauge", (), "Stored answers."),
    "everwarm_store_faults": Family("counter", ("kind",), "What went wrong in the store and was survived."),
    "everwarm_engine_answers": Family("gauge", ("state",), "Answers of the model inside: running, or waiting."),
    "everwarm_engine_blocks": Family(
        "gauge", ("state",), "Blocks of the KV pool: free, cached (nobody needs them just now), or in use."
    ),
    "everwarm_engine_disk_bytes": Family("gauge", ("state",), "What KV takes on disk."),
    "everwarm_engine_tokens": Family(
        "counter",
        ("kind",),
        "Tokens: of prompts computed, and read from disk; drafted, and of these accepted, in all and by a draft model.",
    ),
    "everwarm_upstream_state": Family(
        "gauge", ("upstream", "state"), "Processes that see the upstream so. Open: it failed, and is left alone."
    ),
    "everwarm_upstream_requests": Family(
        "counter", ("upstream", "status_class"), "Requests sent to the upstream; class none got no answer."
    ),
    "everwarm_upstream_retries": Family("counter", ("upstream",), "Requests sent to the same upstream once more."),
}
"""Every figure there is. Values of labels come from small fixed sets and the configuration, never from a request."""


def add(into: Figures, more: Figures) -> None:
    """Add up, figure by figure."""
    for name, values in more.items():
        known = into.get(name)
        into[name] = list(values) if known is None else [a + b for a, b in zip(known, values, strict=True)]


def lasting(figures: Figures) -> Figures:
    """Those that outlive the process that counted them: all but what was so at one moment."""
    return {name: values for name, values in figures.items() if FAMILIES[name[0]].kind != "gauge"}


def written(figures: Figures) -> list[list[list[str] | list[float]]]:
    """As JSON has it."""
    return [[list(name), values] for name, values in figures.items()]


def read(rows: Iterable[tuple[list[str], list[float]]]) -> Figures:
    """What ``written`` wrote."""
    return {tuple(name): values for name, values in rows}
