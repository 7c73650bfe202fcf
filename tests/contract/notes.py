"""What all notes of the layout engine must do: one class, run on each.

A subclass says how to make them: ``make(folder, limit)``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from everwarm.core.layout.notes import NoteKind, Notes

ROOMY = 2**22
KINDS: tuple[NoteKind, ...] = get_args(NoteKind)


def close(notes: Any) -> None:
    """Those that have something to close."""
    if hasattr(notes, "close"):
        notes.close()


class NotesContract:
    """Inherit, and say how to make them."""

    def make(self, folder: Path, limit: int) -> Notes:
        raise NotImplementedError

    @pytest.fixture
    def notes(self, tmp_path: Path) -> Iterator[Notes]:
        notes = self.make(tmp_path, ROOMY)
        yield notes
        close(notes)

    def test_what_was_put_is_found_at_once_and_whole(self, notes: Notes) -> None:
        value = bytes(range(256)) * 40
        assert notes.get("a", "turn", b"n") is None
        notes.put("a", "turn", b"n", value)
        assert notes.get("a", "turn", b"n") == value
        notes.put("a", "turn", b"n", b"")
        assert notes.get("a", "turn", b"n") == b""

    def test_the_first_one_is_kept(self, notes: Notes) -> None:
        assert notes.keep("a", "turn", b"n", b"first") == b"first"
        assert notes.keep("a", "turn", b"n", b"second") == b"first"
        assert notes.get("a", "turn", b"n") == b"first"
        notes.put("a", "turn", b"n", b"third")
        assert notes.keep("a", "turn", b"n", b"fourth") == b"third"

    def test_namespaces_kinds_and_names_are_apart(self, notes: Notes) -> None:
        for space in ("a", "b"):
            for kind in KINDS:
                for name in (b"", b"n"):
                    notes.put(space, kind, name, f"{space} {kind} ".encode() + name)
        for space in ("a", "b"):
            for kind in KINDS:
                both = {name: f"{space} {kind} ".encode() + name for name in (b"", b"n")}
                assert notes.all(space, kind) == both
                assert notes.get(space, kind, b"n") == both[b"n"]
        assert notes.all("c", "turn") == {}
        assert notes.get("c", "turn", b"n") is None

    def test_a_namespace_is_forgotten_and_no_other(self, notes: Notes) -> None:
        for space in ("a", "b"):
            for kind in KINDS:
                notes.put(space, kind, b"n", b"kept")
        notes.drop("a")
        for kind in KINDS:
            assert notes.get("a", kind, b"n") is None
            assert notes.all("a", kind) == {}
            assert notes.get("b", kind, b"n") == b"kept"
        assert notes.keep("a", "turn", b"n", b"new") == b"new"
        assert notes.get("a", "turn", b"n") == b"new"

    def test_they_are_what_a_dictionary_would_be(self) -> None:
        make, space, name = self.make, st.sampled_from("ab"), st.binary(max_size=2)
        kind = st.sampled_from(KINDS)

        class Machine(RuleBasedStateMachine):
            def __init__(self) -> None:
                super().__init__()
                self.folder = tempfile.TemporaryDirectory()
                self.notes = make(Path(self.folder.name), ROOMY)
                self.naive: dict[tuple[str, NoteKind, bytes], bytes] = {}

            @rule(space=space, kind=kind, name=name, value=st.binary(max_size=9))
            def put(self, space: str, kind: NoteKind, name: bytes, value: bytes) -> None:
                self.notes.put(space, kind, name, value)
                self.naive[space, kind, name] = value

            @rule(space=space, kind=kind, name=name, value=st.binary(max_size=9))
            def keep(self, space: str, kind: NoteKind, name: bytes, value: bytes) -> None:
                kept = self.naive.setdefault((space, kind, name), value)
                assert self.notes.keep(space, kind, name, value) == kept

            @rule(space=space, kind=kind, name=name)
            def get(self, space: str, kind: NoteKind, name: bytes) -> None:
                assert self.notes.get(space, kind, name) == self.naive.get((space, kind, name))

            @rule(space=space)
            def drop(self, space: str) -> None:
                self.notes.drop(space)
                self.naive = {place: value for place, value in self.naive.items() if place[0] != space}

            @invariant()
            def agrees(self) -> None:
                check = getattr(self.notes, "check_integrity", None)
                if check is not None:
                    check()
                found = {(s, k, n): v for s in "ab" for k in KINDS for n, v in self.notes.all(s, k).items()}
                assert found == self.naive

            def teardown(self) -> None:
                close(self.notes)
                self.folder.cleanup()

        few = settings(max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))
        run_state_machine_as_test(Machine, settings=few)
