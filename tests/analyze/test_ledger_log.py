"""The ledger as a log: read as it lies there, also while it is written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from everwarm.analyze.formats import ledger
from everwarm.analyze.formats.registry import format_of
from everwarm.analyze.reading.files import LogFile
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.analysis.call import Line, Place
from everwarm.core.usage import Usage
from everwarm.ledger.book import Ledger
from ledger_rows import NOW, row
from logged import all_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of five rows."""
    path = tmp_path / "ledger 1?.db"
    book = Ledger(path, clock=lambda: NOW)
    for what in (
        {"via": "upstream:a", "model": "gpt-5.1", "prompt": 2000, "prefix_cached": 1536},
        {"via": "engine"},
        {"cache": "hit", "via": "exact"},
        {"status": 529, "via": "upstream:a", "prompt": 0, "output": 0},
        {"dialect": "anthropic_messages", "via": "upstream:b", "ttft_ms": 0.0},
    ):
        book.add(row(**what))
    book.flush()
    rows = all_of(path)  # while it is open
    assert len(rows) == 5
    book.close()
    return path


def test_rows_of_the_ledger(path: Path) -> None:
    assert format_of(LogFile(str(path))) is ledger.FORMAT
    got = [each for each in all_of(path) if isinstance(each, Record)]
    first, inside, hit, failed, other = got
    assert first.place == Place(str(path), 1)
    assert first.line == Line("openai", "gpt-5.1", "public")
    assert (first.at, first.began, first.ended) == (NOW, NOW + 0.05, NOW + 0.25)
    assert (first.body, first.dialect, first.usage) == (None, "", Usage(464, 1536, 20))
    assert (inside.line.provider, inside.usage) == ("", Usage(100, 0, 20))
    assert (hit.usage, hit.failed) == (None, False), "no model was asked"
    assert (failed.usage, failed.failed) == (None, True)
    assert (other.line.provider, other.began) == ("anthropic", None)


def test_rows_that_tell_no_tokens_or_are_no_calls(tmp_path: Path) -> None:
    """Streams whose upstream told none, calls that were broken off; and embeddings."""
    book = Ledger(tmp_path / "ledger.db", clock=lambda: NOW)
    book.add(row(via="upstream:a", prompt=0, output=0))
    book.add(row(via="upstream:a", dialect="openai_embeddings", output=0))
    book.close()
    untold, other = all_of(tmp_path / "ledger.db")
    assert isinstance(untold, Record)
    assert (untold.usage, untold.failed) == (None, False)
    assert isinstance(other, Unread)
    assert other.why == "it asked for embeddings, of which no prompt cache has any"


def test_a_database_of_another_program_is_no_ledger(tmp_path: Path) -> None:
    """Coding agents keep such ones beside their transcripts."""
    path = tmp_path / "goals.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE goals (id)")
    connection.close()
    assert ledger.FORMAT.fits([path.read_bytes()], str(path)) == 0


def test_a_ledger_is_left_as_it_is(path: Path) -> None:
    before = path.read_bytes()
    all_of(path)
    assert path.read_bytes() == before


def test_a_ledger_that_is_damaged(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE rows SET prompt = 'many' WHERE id = 2")
    connection.close()
    rows = all_of(path)
    assert [each.why for each in rows if isinstance(each, Unread)] == ["the row is damaged"]
    assert len(rows) == 5
    path.write_bytes(path.read_bytes()[:4096])
    last = all_of(path)[-1]
    assert isinstance(last, Unread)
    assert last.why.startswith("the ledger cannot be read: ")


def test_a_ledger_cannot_be_piped() -> None:
    (only,) = ledger.FORMAT.read(LogFile("-"))
    assert isinstance(only, Unread)
    assert only.why == "a ledger is read from a file, and not from standard input"
