from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from everwarm.engine import crowd, runtime


def test_others_that_compute_are_noticed() -> None:
    cpus = runtime.available_cpus()
    spin = "print(flush=True)\nwhile True: pass"
    with ExitStack() as stack:
        for _ in range(2 * cpus):
            child = stack.enter_context(subprocess.Popen([sys.executable, "-c", spin], stdout=subprocess.PIPE))
            stack.callback(child.kill)
            assert child.stdout is not None
            child.stdout.readline()  # it has begun
        assert crowd.crowded(cpus)


@pytest.mark.parametrize(("share", "crowded"), [(1.0, False), (0.85, False), (0.75, True), (0.2, True)])
def test_a_cpu_for_each_thread_is_calm(monkeypatch: pytest.MonkeyPatch, share: float, crowded: bool) -> None:
    """One CPU whose clock goes on by 30 ms each time that it is read."""
    clock = SimpleNamespace(now=0.0)

    def perf_counter() -> float:
        clock.now += 0.03
        return clock.now

    made_up = SimpleNamespace(perf_counter=perf_counter, thread_time=lambda: clock.now * share)
    monkeypatch.setattr(crowd, "time", made_up)
    monkeypatch.setattr(crowd, "MOMENT", 30.0)
    monkeypatch.setattr(crowd, "_WORK", b"")
    assert crowd.crowded(1) is crowded
