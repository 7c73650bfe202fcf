"""Segments on a disk that fails, in a folder that others meddle with, in a process that is killed."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from everwarm.errors import StoreError
from everwarm.store import other_segments, segment_file
from everwarm.store import segments as module
from everwarm.store.segments import WARN_SECONDS, Segments
from kv_blocks import IDENTITY, SECRET, empty, file_of, line, read, segments, write

KILLS = 20
LARGE = (1_000_000,) * 5  # bytes of the pieces of a segment that takes a while to write


def test_a_full_disk_costs_what_is_not_written_and_one_line_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    with closing(Segments(tmp_path, SECRET, IDENTITY, 2**30, clock=lambda: now[0])) as store:
        store.open()
        before = write(store, (1,))
        assert before is not None
        with monkeypatch.context() as disk:
            disk.setattr(os, "pwritev", full(os.pwritev))
            for i in range(5):
                assert write(store, (2,)) is None
                assert (store.unwritten, len(caplog.records)) == (i + 1, 1)
            now[0] += WARN_SECONDS
            assert write(store, (2,)) is None
        assert len(caplog.records) == 2
        assert "cannot be written (No space left on device)" in caplog.text
        store.check_integrity()  # nor is half a file left
        after = write(store, (2,))
        assert after is not None, "it recovers by itself"
        assert read(store, before)
        assert read(store, after)


def full(pwritev: Callable[..., int]) -> Callable[..., int]:
    """A disk that has room for some bytes only."""

    def some(file: int, buffers: list[memoryview], at: int) -> int:
        if at > 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return pwritev(file, [buffers[0][:20]], at)

    return some


class Failing:
    """``os``, whose Nth call fails."""

    def __init__(self, nth: int, code: int) -> None:
        self.left = nth
        self.code = code

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if not callable(real) or name in {"strerror", "close", "stat_result"}:
            return real

        def call(*args: Any, **more: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                raise OSError(self.code, os.strerror(self.code))
            return real(*args, **more)

        return call


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES, errno.EMFILE, errno.ENOENT])
def test_any_call_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Nothing wrong is read, nothing is raised but at a start; and without a failure all is found (promise r07)."""
    for nth in count(1):
        failing = Failing(nth, code)
        with monkeypatch.context() as disk:
            for one in (module, segment_file, other_segments):
                disk.setattr(one, "os", failing)
            found = live(tmp_path / str(nth))
        with closing(segments(tmp_path / str(nth))) as store:
            after = sum(read(store, segment) for segment in store.open())
        if failing.left > 0:
            break
    assert nth > 40, "so few calls are no test"
    assert (found, after) == (0 + 3 + 2 + 3, 2)


def live(folder: Path) -> int:
    """Twice what a server does; how many segments could be read."""
    good = 0
    for _ in range(2):
        with suppress(StoreError), closing(segments(folder)) as store:  # a start that cannot be made is said
            good += sum(read(store, segment) for segment in store.open())
            made = [segment for segment in (write(store, (i,)) for i in range(3)) if segment]
            good += sum(read(store, segment) for segment in made)
            for segment in made[2:]:
                store.touch(segment)
                store.remove(segment)
    return good


# --- things in the place of files -------------------------------------------------------------------------------------


def plant_link(path: Path) -> None:
    target = path.parent.parent / "target"
    target.write_bytes(path.read_bytes() if path.is_file() else b"something of somebody's")
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def plant_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()
    (path / "full").write_bytes(b"of something")


def plant_pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def plant_nothing(path: Path) -> None:
    path.unlink()


PLANTS = [plant_link, plant_folder, plant_pipe]


@pytest.mark.parametrize("plant", [*PLANTS, plant_nothing])
def test_it_is_not_read(tmp_path: Path, plant: Callable[[Path], None]) -> None:
    """Not even a link to the very file."""
    with closing(segments(tmp_path)) as store:
        store.open()
        segment = write(store, (1,))
        assert segment is not None
        plant(file_of(tmp_path, segment))
        assert not store.read(segment, empty())
        assert (store.dropped, store.held) == (1, 0)
        store.check_integrity()
        again = write(store, (1,))
        assert again == segment
        assert read(store, segment)
    assert not (tmp_path / "target").exists() or (tmp_path / "target").read_bytes(), "what it points to is left alone"


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("suffix", ["", segment_file.BESIDE])
def test_it_is_removed_at_a_start(tmp_path: Path, plant: Callable[[Path], None], suffix: str) -> None:
    with closing(segments(tmp_path)) as store:
        store.open()
        segment = write(store, (1,))
        assert segment is not None
    path = file_of(tmp_path, segment)
    plant(path.with_name(path.name + suffix))
    with closing(segments(tmp_path)) as store:
        assert store.open() == ([segment] if suffix else [])
        assert store.dropped == (0 if suffix else 1)
        store.check_integrity()
    assert not (tmp_path / "target").exists() or (tmp_path / "target").read_bytes(), "what it points to is left alone"


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("suffix", ["", segment_file.BESIDE])
def test_it_does_not_stop_a_write_for_long(tmp_path: Path, plant: Callable[[Path], None], suffix: str) -> None:
    with closing(segments(tmp_path)) as store:
        store.open()
        segment = write(store, (1,))
        assert segment is not None
        path = file_of(tmp_path, segment)
        store.remove(segment)
        plant(path.with_name(path.name + suffix))
        assert write(store, (1,)) or write(store, (1,))
        assert read(store, segment)
        store.check_integrity()


@pytest.mark.parametrize("plant", PLANTS)
def test_the_folder_itself(tmp_path: Path, plant: Callable[[Path], None]) -> None:
    with closing(segments(tmp_path)) as store:
        store.open()
        segment = write(store, (1,))
        assert segment is not None
    home = file_of(tmp_path, segment).parent
    if plant is plant_link:
        home.rename(tmp_path / "elsewhere")
        home.symlink_to(tmp_path / "elsewhere")
    else:
        shutil.rmtree(home)
        plant(home)
    with closing(segments(tmp_path)) as store:
        assert store.open() == []
        assert write(store, (1,)) == segment
        assert read(store, segment)
    assert not home.is_symlink()


def test_a_folder_that_is_emptied_is_made_again(tmp_path: Path) -> None:
    with closing(segments(tmp_path / "kv")) as store:
        store.open()
        made = line(store, 2)
        shutil.rmtree(tmp_path / "kv")
        assert not read(store, made[0])
        assert write(store, made[0].tokens) == made[0]
        assert read(store, made[0])


# --- kill -9 ----------------------------------------------------------------------------------------------------------

CHILD = f"""
import sys
from pathlib import Path
from kv_blocks import segments, write
store = segments(Path(sys.argv[1]))
store.open()
parent, first = None, int(sys.argv[2])
for i in range(1000):
    parent = write(store, (first, i), parent, {LARGE})
    print("written", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_twenty_kills_while_it_writes(tmp_path: Path) -> None:
    """Every segment is absent or as it was written (promise r05)."""
    chance = random.Random(5)
    interrupted = 0
    for round_ in range(KILLS):
        command = [sys.executable, "-c", CHILD, str(tmp_path), str(round_)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"written\n"
            time.sleep(0.05 * chance.random())
            while round_ % 2 and child.poll() is None and not halves(tmp_path):
                pass  # every second time in the midst of a file
            child.send_signal(signal.SIGKILL)
        interrupted += bool(halves(tmp_path))
        with closing(segments(tmp_path)) as store:
            found = store.open()
            assert found, "what was said to be written is there"
            assert all(read(store, segment, LARGE) for segment in found)
            assert store.dropped == 0
            assert not halves(tmp_path)
            store.check_integrity()
            for segment in found:
                store.remove(segment)
    assert interrupted > 0, "the test must interrupt a write, or it shows nothing"


def halves(folder: Path) -> list[Path]:
    """The files that are being written."""
    return list(folder.glob(f"*/*{segment_file.BESIDE}"))
