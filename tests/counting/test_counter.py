from __future__ import annotations

from importlib.util import find_spec

import pytest

from everwarm.core.extent import extent_of
from everwarm.core.layout.notes import MemoryNotes, NoteKind
from everwarm.counting import encodings
from everwarm.counting.counter import EAGER, MODELS, SELDOM, Count, Counter

TEXT = "Tokens are counted where that is possible. " * 40

needs_toktok = pytest.mark.skipif(find_spec("toktok") is None, reason="needs toktok-rs: pip install 'everwarm[tokens]'")


def teach(counter: Counter, space: str, model: str, tokens: int, times: int = 20) -> None:
    """Answers that say that ``TEXT`` has so many tokens."""
    for _ in range(times):
        counter.learn(space, model, extent_of([TEXT]), tokens)


@needs_toktok
def test_a_public_tokenizer_counts() -> None:
    counted = Counter().count("a", "gpt-5-mini", TEXT)
    assert counted == Count(321, True, "o200k_base", 0.0)


@needs_toktok
def test_a_text_that_is_counted_again_has_the_same_count_in_each_encoding() -> None:
    counter = Counter()
    text = "日本語の文章と" * 200
    first = [counter.count("a", model, text) for model in ("gpt-5", "gpt-4")]
    assert first[0].tokens != first[1].tokens
    assert [counter.count("a", model, text) for model in ("gpt-5", "gpt-4")] == first
    assert [counter.count("b", model, text) for model in ("gpt-5", "gpt-4")] == first


@needs_toktok
def test_a_long_text_is_counted_once_for_a_namespace() -> None:
    counter = Counter()
    counter.count("a", "gpt-5", TEXT)
    counter._counts.keep("a", f"o200k_base {TEXT}", (7).to_bytes(8, "big"))  # were it counted, this would not be seen
    assert counter.count("a", "gpt-5", TEXT).tokens == 7
    assert counter.count("b", "gpt-5", TEXT).tokens == 321


def test_other_models_are_estimated_and_the_estimate_says_so() -> None:
    counter = Counter()
    assert counter.count("a", "claude-x", TEXT) == Count(453, False, "estimated from no answer yet, ±30%", 0.3)
    teach(counter, "a", "claude-x", 600)
    counted = counter.count("a", "claude-x", TEXT)
    assert counted.tokens == pytest.approx(600, rel=0.02)
    assert (counted.exact, counted.how) == (False, "estimated from 20 answers, ±12%")
    assert counter.tokens_of("a", "claude-x", 2 * len(TEXT)).tokens == pytest.approx(1200, rel=0.02)


def test_without_the_package_public_tokenizers_are_estimated_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "_package", lambda: None)
    counted = Counter().count("a", "gpt-5", TEXT)
    assert not counted.exact
    assert counted.how.startswith("estimated")


def test_what_is_learned_for_one_namespace_and_model_is_for_no_other() -> None:
    counter = Counter()
    teach(counter, "a", "claude-x", 900)
    fresh = Counter().count("b", "claude-x", TEXT)
    assert counter.count("b", "claude-x", TEXT) == fresh
    assert counter.count("a", "claude-y", TEXT) == fresh
    assert counter.count("a", "claude-x", TEXT).tokens > 800


def test_of_a_model_that_is_known_only_some_answers_are_wanted() -> None:
    counter = Counter()
    assert all(counter.wants("a", "m") for _ in range(EAGER))
    assert sum(counter.wants("a", "m") for _ in range(10 * SELDOM)) == 10
    assert counter.wants("b", "m")


class Counted(MemoryNotes):
    """Notes that count how often they are read and written."""

    read = written = 0

    def get(self, space: str, kind: NoteKind, name: bytes) -> bytes | None:
        self.read += 1
        return super().get(space, kind, name)

    def put(self, space: str, kind: NoteKind, name: bytes, value: bytes) -> None:
        self.written += 1
        super().put(space, kind, name, value)


def test_what_was_learned_is_there_after_a_restart() -> None:
    notes = MemoryNotes()
    before = Counter(notes)
    teach(before, "a", "claude-x", 900, times=EAGER)
    assert all(before.wants("a", "claude-x") for _ in range(EAGER))
    after = Counter(notes)
    assert after.tokens_of("a", "claude-x", 5000) == before.tokens_of("a", "claude-x", 5000)
    assert after.tokens_of("a", "claude-x", 5000).answers == EAGER
    assert sum(after.wants("a", "claude-x") for _ in range(10 * SELDOM)) == 10, "it need not be taught again"
    for space, model in (("b", "claude-x"), ("a", "claude-y")):
        assert after.tokens_of(space, model, 5000).answers == 0


def test_notes_are_read_once_and_written_seldom() -> None:
    notes = Counted()
    counter = Counter(notes)
    teach(counter, "a", "m", 900, times=EAGER)
    assert (notes.read, notes.written) == (1, 7), "after 1, 2, 4 ... 64 answers"
    teach(counter, "a", "m", 900, times=2 * EAGER)
    assert (notes.read, notes.written) == (1, 9)
    teach(counter, "a", "m", 0, times=5)
    assert notes.written == 9, "nothing was learned"


def test_a_note_of_another_format_is_learned_again() -> None:
    notes = MemoryNotes()
    notes.put("a", "calibration", b"m", b'{"format": 0}')
    counter = Counter(notes)
    assert counter.tokens_of("a", "m", 5000).answers == 0
    teach(counter, "a", "m", 900, times=1)
    assert Counter(notes).tokens_of("a", "m", 5000).answers == 1


def test_what_is_to_be_forgotten_is() -> None:
    notes = MemoryNotes()
    counter = Counter(notes)
    for space in ("a", "b"):
        teach(counter, space, "m", 900, times=4)
    counter.forget("a")
    for one in (counter, Counter(notes)):
        assert [one.tokens_of(space, "m", 5000).answers for space in ("a", "b")] == [0, 4]
    Counter().forget("a")  # where there are no notes
    counter.unlearn("b")
    assert counter.tokens_of("b", "m", 5000).answers == 4, "its notes are there still"
    notes.drop("b")
    counter.unlearn("b")
    assert counter.tokens_of("b", "m", 5000).answers == 0


def test_only_so_many_models_are_remembered() -> None:
    counter = Counter()
    teach(counter, "a", "first", 900)
    teach(counter, "a", "second", 900)
    for number in range(MODELS - 1):
        counter.tokens_of("a", "first", 100)
        counter.tokens_of("a", f"m{number}", 100)
    assert counter.tokens_of("a", "first", 100).how.startswith("estimated from 20 answers")
    assert counter.tokens_of("a", "second", 100).how.startswith("estimated from no answer")
