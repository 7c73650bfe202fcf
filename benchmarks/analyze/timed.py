"""A program that is run to its end, and what it took."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple


class FailedError(Exception):
    """It ended with an error. Says the last line of what it wrote."""


class Took(NamedTuple):
    """Of one run."""

    seconds: float
    cpu: float  # seconds on all cores together
    peak_mb: float  # resident


def timed(
    command: Sequence[str | Path],
    env: Mapping[str, str],
    fed: Iterable[bytes] = (),
) -> Took:
    """``fed``: lines on its standard input. What it prints is thrown away. Raises ``FailedError``."""
    begun = perf_counter()
    process = subprocess.Popen(
        command, env=dict(env), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stderr is not None
    for line in fed:
        process.stdin.write(line)
    process.stdin.close()
    said = process.stderr.read().decode("utf-8", "replace")
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise FailedError(next(reversed(said.strip().splitlines()), "it said nothing"))
    return Took(perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1_000)
