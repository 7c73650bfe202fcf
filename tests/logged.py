"""Logs for tests: what a reader of logs makes of bytes in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from everwarm.analyze.formats.format import Format
from everwarm.analyze.formats.registry import format_of
from everwarm.analyze.reading.file import read
from everwarm.analyze.reading.files import LogFile
from everwarm.analyze.reading.record import Record, Unread

CHAT: dict[str, Any] = {
    "model": "gpt-5.1",
    "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}],
}
CLAUDE: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 100,
    "system": "Be kind.",
    "messages": [{"role": "user", "content": "Hello"}],
}
CHAT_ANSWER: dict[str, Any] = {
    "id": "chatcmpl-0123456789",
    "object": "chat.completion",
    "created": 1_760_000_000,
    "model": "gpt-5.1-2025-11-13",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 2000,
        "completion_tokens": 10,
        "total_tokens": 2010,
        "prompt_tokens_details": {"cached_tokens": 1536},
        "completion_tokens_details": {"reasoning_tokens": 4},
    },
}
CLAUDE_ANSWER: dict[str, Any] = {
    "id": "msg_0123456789",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 12,
        "cache_read_input_tokens": 3000,
        "cache_creation_input_tokens": 500,
        "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 200},
        "output_tokens": 7,
    },
}


def json_lines(*values: Any) -> bytes:
    return b"".join((v if isinstance(v, bytes) else json.dumps(v).encode()) + b"\n" for v in values)


def all_of(path: Path) -> list[Record | Unread]:
    """Everything that is found in a file, in the format that it seems to have."""
    lines = LogFile(str(path))
    return list(read(lines, format_of(lines)))


def found(folder: Path, data: bytes, name: str = "calls.jsonl", form: Format | None = None) -> list[Record | Unread]:
    """Everything that is found in these bytes; they must seem to be of the format ``form``, if that is given."""
    path = folder / name
    path.write_bytes(data)
    lines = LogFile(str(path))
    seems = format_of(lines)
    assert form is None or seems is form
    return list(read(lines, seems))


def records(folder: Path, data: bytes, name: str = "calls.jsonl", form: Format | None = None) -> list[Record]:
    """The same, where all of it must be calls."""
    got = found(folder, data, name, form)
    assert all(isinstance(each, Record) for each in got), got
    return [each for each in got if isinstance(each, Record)]


def one(folder: Path, value: Any, form: Format | None = None) -> Record:
    """The only call of a line."""
    (record,) = records(folder, json_lines(value), form=form)
    return record


def unread(folder: Path, data: bytes, name: str = "calls.jsonl") -> Unread:
    """The only thing that is found, which is no call."""
    (only,) = found(folder, data, name)
    assert isinstance(only, Unread), only
    return only
