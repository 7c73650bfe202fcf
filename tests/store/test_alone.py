"""One process at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from everwarm.errors import StoreError
from everwarm.store import alone as room
from everwarm.store.alone import alone

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked on Windows")

HOLD = "import sys, pathlib; from everwarm.store.alone import alone\nwith alone(pathlib.Path(sys.argv[1])): {}"


def test_one_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(5):
            with alone(tmp_path):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 20


def test_who_waits_for_too_long_is_told_what_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "WAIT_SECONDS", 0.05)
    code = HOLD.format("print('in', flush=True); sys.stdin.read()")
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(StoreError, match=rf"{tmp_path}.*end it if it hangs"), alone(tmp_path):
            pass
        other.kill()
    with alone(tmp_path):
        pass


def test_without_locks_we_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "fcntl", None)
    with alone(tmp_path), alone(tmp_path):
        pass
