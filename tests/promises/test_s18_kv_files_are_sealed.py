"""s18, of the KV cache's files: what is read of one is what was written, by us, in that very place, or nothing is.

Every byte is flipped and every length cut of a small segment, while a store is open, and before it is opened. (What
else may lie in a file's place, and disks that fail: tests/store/test_segments_faults.py.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everwarm.core.segments import MAC_BYTES, Segment
from everwarm.store.segments import Segments
from kv_blocks import empty, file_of, line, read, segments, write

Changed = list[bytes]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Segments]:
    store = segments(tmp_path)
    with closing(store):
        store.open()
        yield store


def kept(store: Segments) -> Segment:
    segment = write(store, (1, 2, 3))
    assert segment is not None
    return segment


def flipped(whole: bytes) -> Changed:
    return [whole[:i] + bytes([whole[i] ^ 1 << i % 8]) + whole[i + 1 :] for i in range(len(whole))]


def cut(whole: bytes) -> Changed:
    return [*(whole[:length] for length in range(len(whole))), whole + b"\0", whole + whole]


@pytest.mark.parametrize("change", [flipped, cut])
def test_nothing_is_read_of_a_file_that_was_changed(tmp_path: Path, store: Segments, change: object) -> None:
    path = file_of(tmp_path, kept(store))
    changed: Changed = change(path.read_bytes())  # type: ignore[operator]
    for number, content in enumerate(changed, 1):
        segment = kept(store)
        path.write_bytes(content)
        assert not store.read(segment, empty())
        assert not path.exists()
        assert (store.dropped, store.held) == (number, 0)
        store.check_integrity()
    assert number > 200
    assert read(store, kept(store))


@pytest.mark.parametrize("change", [flipped, cut])
def test_nor_at_a_start(tmp_path: Path, change: object) -> None:
    """The start itself looks at head and length; the payload is looked at when it is read."""
    with closing(segments(tmp_path)) as store:
        store.open()
        segment = kept(store)
    path = file_of(tmp_path, segment)
    whole = path.read_bytes()
    head = segment.size - segment.payload - MAC_BYTES
    changed: Changed = change(whole)  # type: ignore[operator]
    for content in changed:
        path.write_bytes(content)
        with closing(segments(tmp_path)) as store:
            found = store.open()
            assert found == ([segment] if len(content) == len(whole) and content[:head] == whole[:head] else [])
            assert not any(store.read(segment, empty()) for segment in found)
            assert store.dropped == 1
            assert not path.exists()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=99), begun=st.integers(0, 60))
def test_no_content_makes_a_start_fail(tmp_path: Path, junk: bytes, begun: int) -> None:
    """Also one that begins as a segment does, and then says that its head is very long."""
    with closing(segments(tmp_path)) as store:
        store.open()
        segment = kept(store)
    path = file_of(tmp_path, segment)
    path.write_bytes(path.read_bytes()[:begun] + junk)
    with closing(segments(tmp_path)) as store:
        assert store.open() == []
        assert store.dropped == 1


def test_a_file_of_ours_in_the_place_of_another(tmp_path: Path, store: Segments) -> None:
    """Both are sealed; each is read in its own place only."""
    one, other, third = line(store, 3)
    a, b, c = (file_of(tmp_path, segment) for segment in (one, other, third))
    stolen = b.read_bytes()
    b.write_bytes(c.read_bytes())
    a.write_bytes(stolen)
    assert not store.read(one, empty())
    assert not store.read(other, empty())
    assert read(store, third)
    c.with_name(a.name).write_bytes(c.read_bytes())
    store.close()
    with closing(segments(tmp_path)) as again:
        assert again.open() == []
        assert again.dropped == 2


def test_a_payload_of_ours_under_the_head_of_another(tmp_path: Path, store: Segments) -> None:
    one, other = line(store, 1)[0], line(store, 1, first=7)[0]
    a, b = (file_of(tmp_path, segment) for segment in (one, other))
    head = one.size - one.payload - MAC_BYTES
    a.write_bytes(a.read_bytes()[:head] + b.read_bytes()[head:])
    assert not store.read(one, empty())
    assert read(store, other)
