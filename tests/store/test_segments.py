from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everwarm.core import key
from everwarm.core.segments import NAME_BYTES, Seals, Segment, SegmentStore
from everwarm.errors import StoreError
from everwarm.store import segment_file
from everwarm.store.segments import Segments
from kv_blocks import SIZES, empty, file_of, line, pieces, read, segments, write


@contextmanager
def opened(folder: Path, **more: object) -> Iterator[tuple[Segments, list[Segment]]]:
    """A store and what it held; checked and closed at the end."""
    store = segments(folder, **more)  # type: ignore[arg-type]
    with closing(store):
        found = store.open()
        yield store, found
        store.check_integrity()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*/*")}


def test_what_is_written_is_read_now_and_after_a_start(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, found):
        assert found == []
        made = line(store, 3)
        assert all(read(store, segment) for segment in made)
    with opened(tmp_path) as (store, found):
        assert found == made
        assert all(read(store, segment) for segment in found)
        assert store.held == sum(path.stat().st_size for path in tmp_path.glob("*/*")) > 0
        assert (store.dropped, store.unwritten) == (0, 0)


def test_it_is_what_the_engine_asks_for(tmp_path: Path) -> None:
    store: SegmentStore = segments(tmp_path)
    for name in ("capacity", "held", "open", "write", "read", "read_many", "touch", "remove", "close"):
        assert hasattr(store, name)


CUTS = st.lists(st.integers(0, 40), min_size=1, max_size=30)


@settings(max_examples=40)
@given(tokens=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=600), sizes=CUTS)
def test_any_tokens_in_any_pieces(
    tmp_path_factory: pytest.TempPathFactory, tokens: list[int], sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    with opened(folder) as (store, _):
        segment = write(store, tokens, sizes=sizes)
    with opened(folder) as (store, found):
        assert found == [segment]
        assert read(store, found[0], sizes)
        assert read(store, found[0], [sum(sizes)]) or sum(sizes) == 0  # the same bytes in one piece


def test_more_tokens_than_a_glance_shows(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, _):
        segment = write(store, range(65_535))
    with opened(tmp_path) as (store, found):
        assert found == [segment]
        assert read(store, found[0])


@pytest.mark.parametrize("most", [1, 5, 100])
def test_a_system_that_moves_less_than_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    def some(buffers: list[memoryview]) -> list[memoryview]:
        return [buffers[0][:most]]

    preadv, pwritev = os.preadv, os.pwritev
    monkeypatch.setattr(os, "preadv", lambda file, buffers, at: preadv(file, some(buffers), at))
    monkeypatch.setattr(os, "pwritev", lambda file, buffers, at: pwritev(file, some(buffers), at))
    with opened(tmp_path) as (store, _):
        segment = write(store, (1, 2))
        assert segment is not None
        assert read(store, segment)


def test_more_pieces_than_one_call_takes(tmp_path: Path) -> None:
    sizes = [3] * 3000
    with opened(tmp_path) as (store, _):
        segment = write(store, (1,), sizes=sizes)
        assert segment is not None
        assert read(store, segment, sizes)


def test_pieces_of_numbers_in_several_dimensions(tmp_path: Path) -> None:
    """As the runtime's tensors come."""
    payload = memoryview(bytes(range(48))).cast("d", [2, 3])
    into = memoryview(bytearray(48)).cast("h", [4, 6])
    with opened(tmp_path) as (store, _):
        segment = store.write("public", b"", 0, (1,), [payload])
        assert segment is not None
        assert store.read(segment, [into])
    assert into.tobytes() == payload.tobytes()


def test_several_are_read_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, _):
        made = line(store, 12)
        assert store.read_many([]) == []
        wanted = [(segment, empty()) for segment in made]
        file_of(tmp_path, made[4]).write_bytes(b"damaged")
        assert store.read_many(wanted) == [i != 4 for i in range(12)]
        assert all(into == pieces(segment.tokens) for i, (segment, into) in enumerate(wanted) if i != 4)
        assert store.read_many(wanted[:1]) == [True]
        assert store.dropped == 1


def test_buffers_of_another_length_are_a_mistake_and_cost_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, _):
        segment = write(store, (1,))
        assert segment is not None
        with pytest.raises(ValueError, match=f"{sum(SIZES) - 1} bytes of buffers for a payload of {sum(SIZES)}"):
            store.read(segment, [memoryview(bytearray(sum(SIZES) - 1))])
        assert read(store, segment)


def test_what_is_held_is_not_written_again(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, _):
        segment = write(store, (1,))
        assert segment is not None
        before = file_of(tmp_path, segment).stat().st_ino
        held = store.held
        assert write(store, (1,)) == segment
        assert file_of(tmp_path, segment).stat().st_ino == before
        assert store.held == held


def test_another_namespace_has_its_own(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, _):
        ours, theirs = write(store, (1,), space="a" * 32), write(store, (1,), space="b" * 32)
        assert ours is not None
        assert theirs is not None
        assert ours.name != theirs.name
        assert read(store, ours)
        assert read(store, theirs)
        for wrong in (ours._replace(namespace=theirs.namespace), theirs._replace(name=ours.name)):
            assert not store.read(wrong, empty())
        store.remove(ours._replace(namespace=theirs.namespace))
        assert read(store, ours), "nobody's mistake costs another one's segment"


@pytest.mark.parametrize("change", [{"tokens": (2,)}, {"start": 1}, {"parent": bytes(NAME_BYTES)}])
def test_a_name_alone_reads_nothing(tmp_path: Path, change: dict[str, object]) -> None:
    with opened(tmp_path) as (store, _):
        segment = write(store, (1,))
        assert segment is not None
        wrong = segment._replace(**change)  # type: ignore[arg-type]
        wrong = wrong._replace(size=wrong.overhead + sum(SIZES))
        assert not store.read(wrong, empty())
        assert read(store, segment)


def test_another_secret_finds_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, _):
        line(store, 3)
    with opened(tmp_path, secret=bytes(32)) as (store, found):
        assert (found, store.dropped, store.held) == ([], 3, 0)
    assert names(tmp_path) == set()


def test_another_identity_shares_nothing_even_if_its_digest_were_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key, "hint", lambda data: bytes(key.DIGEST_BYTES))
    with opened(tmp_path) as (store, _):
        line(store, 3)
    with opened(tmp_path, identity="another") as (store, found):
        assert (found, store.dropped, store.held) == ([], 3, 0)
        segment = write(store, (0, 0))
        assert segment is not None
        assert read(store, segment)
    with opened(tmp_path) as (_, found):
        assert found == []


def test_were_every_name_the_same_nothing_wrong_would_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise s09: equality is the proof. (The folder then holds one segment at a time.)"""
    monkeypatch.setattr(Seals, "name", lambda self, head: bytes(NAME_BYTES))
    with opened(tmp_path) as (store, _):
        first = write(store, (1,))
        assert first is not None
        assert write(store, (2,)) is None
        assert write(store, (3,), first) is None
        assert read(store, first)
        store.remove(first)
        second = write(store, (2,))
        assert second is not None
        assert not store.read(first, empty())
        store.remove(first)
        assert read(store, second), "what is not held costs nothing of what is"
        store.remove(second)
        assert write(store, (3,), first) is not None  # an orphan, of the name of its parent
    with opened(tmp_path) as (store, found):
        assert (found, store.dropped) == ([], 1)


def test_what_lost_its_parent_goes(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, _):
        made, other = line(store, 4), line(store, 2, first=9)
        store.remove(made[1])
        assert read(store, made[3])
        store.check_integrity()
    with opened(tmp_path) as (store, found):
        assert {s.name for s in found} == {s.name for s in (made[0], *other)}
        assert store.dropped == 2
    assert names(tmp_path) == {s.name.hex() for s in (made[0], *other)}


def test_what_was_used_last_comes_last(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, _):
        made = [write(store, (i,)) for i in range(4)]
        assert None not in made
        roots = [segment for segment in made if segment is not None]
        for segment in roots:
            os.utime(file_of(tmp_path, segment), (1, 1))
        os.utime(file_of(tmp_path, roots[2]), (2, 2))
        store.touch(roots[1])
        assert read(store, roots[0])
        os.utime(file_of(tmp_path, roots[1]), (3, 3))
    with opened(tmp_path) as (store, found):
        assert found == [roots[3], roots[2], roots[1], roots[0]]


def test_touching_makes_it_used_now(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, _):
        segment = write(store, (1,))
        assert segment is not None
        os.utime(file_of(tmp_path, segment), (1, 1))
        store.touch(segment)
        assert file_of(tmp_path, segment).stat().st_mtime > 1e9
        store.remove(segment)
        store.touch(segment)  # no matter


# --- whose folder it is -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_folders_and_files_are_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with opened(tmp_path / "deep" / "kv") as (store, _):
            line(store, 2)
    finally:
        os.umask(before)
    for path in (tmp_path / "deep").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_one_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, _):
        segment = write(store, (1,))
        with pytest.raises(StoreError, match=r"Another process keeps its KV segments in .*this one keeps none"):
            segments(tmp_path).open()
        with pytest.raises(StoreError, match="Another process"):
            segments(tmp_path, identity="another").open()
    with opened(tmp_path) as (_, found):
        assert found == [segment]


def test_a_place_that_is_no_folder_is_told_about(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be kept in .*file: .*--data"):
        segments(tmp_path / "file").open()
    with pytest.raises(StoreError, match=r"cannot be kept in .*kv: .*--data"):
        segments(tmp_path / "file" / "kv").open()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do anything")
def test_a_folder_that_may_not_be_written_is_told_about(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match=r"cannot be kept in .*--data"):
        segments(tmp_path).open()
    tmp_path.chmod(0o700)


def test_a_system_that_cannot_is_told_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_file, "POSSIBLE", False)
    with pytest.raises(StoreError, match="cannot be kept on this system"):
        segments(tmp_path).open()


def test_closed_it_finds_and_keeps_nothing(tmp_path: Path) -> None:
    store = segments(tmp_path)
    assert write(store, (1,)) is None, "not open yet"
    store.open()
    segment = write(store, (1,))
    assert segment is not None
    store.close()
    store.close()
    assert not read(store, segment)
    assert store.read_many([(segment, empty()), (segment, empty())]) == [False, False]
    assert write(store, (2,)) is None
    store.remove(segment)
    assert (store.held, store.dropped, store.unwritten) == (0, 0, 0)
    with opened(tmp_path) as (_, found):
        assert found == [segment]


def test_threads_that_read_write_and_remove(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, _):
        wrong: list[BaseException] = []

        def work(first: int) -> None:
            try:
                for turn in range(15):
                    made = line(store, 3, first=first % 2)  # two threads each have the same ones
                    for segment in made:
                        read(store, segment)
                    if turn % 3 == first % 3:
                        store.remove(made[turn % 3])
            except BaseException as error:
                wrong.append(error)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        store.check_integrity()
        assert (store.dropped, store.unwritten) == (0, 0)


# --- other identities -------------------------------------------------------------------------------------------------


def sizes_of(folder: Path) -> dict[str, int]:
    """Files by subfolder."""
    return {path.name: len(list(path.iterdir())) for path in folder.iterdir() if path.is_dir()}


@pytest.mark.digest
def test_other_identities_stay_while_all_fit_then_the_oldest_goes(tmp_path: Path) -> None:
    one = 0
    for age, identity in enumerate(("old", "older", "new")):
        with opened(tmp_path, identity=identity) as (store, _):
            line(store, 4)
            one = store.held
        (home,) = (path for path in tmp_path.iterdir() if path.is_dir() and path.stat().st_mtime > 1000)
        os.utime(home, ((2, 1, 0)[age],) * 2)
    with opened(tmp_path, identity="new") as (_, found):
        assert len(found) == 4, "and thereby is the one that was used last"
    with opened(tmp_path, capacity=3 * one) as (store, found):
        assert found == []
        assert len(sizes_of(tmp_path)) == 4
        assert write(store, (1,)) is not None, "there is no room for another one now"
        assert len(sizes_of(tmp_path)) == 3
    with opened(tmp_path, identity="older") as (_, found):
        assert found == [], "it was used longest ago"
    with opened(tmp_path, identity="new") as (_, found):
        assert len(found) == 4
    with opened(tmp_path, identity="new", capacity=one) as (_, found):
        assert len(found) == 4
    assert [n for n in sizes_of(tmp_path).values() if n] == [4]


def test_what_is_named_otherwise_is_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as (store, _):
        segment = write(store, (1,))
        assert segment is not None
        home = file_of(tmp_path, segment).parent
    strangers = [tmp_path / "notes.txt", home / "notes.txt", home / segment.name.hex().upper(), home / ("0" * 30)]
    for path in strangers:
        path.touch()
    (tmp_path / "elsewhere").mkdir()
    with closing(segments(tmp_path, capacity=1)) as store:
        assert store.open() == [segment]
        assert store.dropped == 0
    assert all(path.exists() for path in strangers)
    assert (tmp_path / "elsewhere").exists()
