"""A report as tables: one row a call, one a loss, for questions that nobody foresaw."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Final

from everwarm.analyze.report import Report
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.loss import Account
from everwarm.errors import StoreError

_TABLES: Final = """
PRAGMA user_version = 1;
CREATE TABLE calls (
    number INTEGER PRIMARY KEY, file TEXT, line INTEGER, at REAL, provider TEXT, model TEXT, app TEXT, session TEXT,
    prompt INTEGER, read INTEGER, written INTEGER, written_long INTEGER, output INTEGER, reported INTEGER,
    ideal INTEGER, rules INTEGER, continues INTEGER
);
CREATE TABLE losses (
    call INTEGER REFERENCES calls, cause TEXT, what TEXT, tokens INTEGER, tier TEXT, path TEXT,
    first INTEGER, last INTEGER, was TEXT, became TEXT, evidence TEXT, pair INTEGER
);
CREATE TABLE repairs (
    name TEXT, label TEXT, calls INTEGER, prompt INTEGER, read INTEGER, written INTEGER, cost REAL,
    before_prompt INTEGER, before_read INTEGER, before_written INTEGER, before_cost REAL, note TEXT
);
CREATE TABLE sources (name TEXT, format TEXT, calls INTEGER, bytes INTEGER, unread INTEGER, repeated INTEGER);
CREATE TABLE notes (note TEXT);
"""

_ROWS: Final = 10_000
"""Calls and losses that wait to be written together."""


class Tables:
    """A new database; a file that is there already is written anew. ``redacted``: without texts of prompts."""

    def __init__(self, path: Path, *, redacted: bool) -> None:
        self._path = path
        self._redacted = redacted
        self._calls: list[tuple[object, ...]] = []
        self._losses: list[tuple[object, ...]] = []
        self._database: sqlite3.Connection | None = None

    def add(self, number: int, call: Call, account: Account) -> None:
        """One call. Raises ``StoreError`` if the file cannot be written."""
        line, usage = call.line, call.usage
        tokens = account.total, account.read, account.written, account.written_long
        said = usage.output if usage else None, usage is not None
        model = line.provider, line.model, line.app, line.session
        row = (number, *call.place, call.at, *model, *tokens, *said, account.ideal, account.rules, account.after)
        self._calls.append(row)
        for loss in account.losses:
            change = tuple(loss.change) if loss.change else ("", "", "", 0, 0, "", "")
            _, what, path, start, end, was, became = change
            shown = (was, became) if not self._redacted else ("", "")
            self._losses.append(
                (number, loss.cause, what, loss.tokens, loss.tier, path, start, end, *shown, loss.evidence, loss.pair)
            )
        if len(self._calls) + len(self._losses) >= _ROWS:
            with self._written() as database:
                self._fill(database)

    def write(self, report: Report) -> None:
        """All of it. Raises ``StoreError`` if the file cannot be written."""
        repairs = [astuple(repair) for repair in report.repairs]
        sources = [(s.name, s.format, s.calls, s.bytes, s.unread, s.repeated) for s in report.sources]
        with self._written() as opened, closing(opened), opened as database:
            self._fill(database)
            database.executemany("INSERT INTO repairs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", repairs)
            database.executemany("INSERT INTO sources VALUES (?, ?, ?, ?, ?, ?)", sources)
            database.executemany("INSERT INTO notes VALUES (?)", zip(report.notes, strict=True))

    @contextmanager
    def _written(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._database is None:
                self._path.unlink(missing_ok=True)
                self._database = sqlite3.connect(self._path)
                self._database.executescript(_TABLES)
            yield self._database
        except (OSError, sqlite3.Error) as e:
            raise StoreError(f"{self._path} cannot be written: {e}.") from None

    def _fill(self, database: sqlite3.Connection) -> None:
        database.executemany(
            "INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._calls
        )
        database.executemany("INSERT INTO losses VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._losses)
        self._calls.clear()
        self._losses.clear()
