"""Sessions of opencode, exported and as files."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from everwarm.analyze.formats.opencode import FORMAT
from everwarm.analyze.formats.opencode_db import FORMAT as OPENCODE_DB
from everwarm.analyze.reading.log import read_all
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.usage import Usage
from transcripts import Lines, texts

START = 1_770_000_000_000
SESSION = {
    "id": "ses_1",
    "version": "1.1.20",
    "projectID": "p1",
    "directory": "/home/ada/adder",
    "title": "Adder",
    "time": {"created": START, "updated": START},
}


def ms(second: float) -> int:
    return START + round(second * 1000)


def user(name: str, second: float, *parts: dict[str, Any]) -> dict[str, Any]:
    model = {"providerID": "anthropic", "modelID": "claude-sonnet-4-5", "variant": "high"}
    info = {"role": "user", "time": {"created": ms(second)}, "agent": "build", "model": model}
    return {"info": {"id": name, "sessionID": "ses_1", **info}, "parts": list(parts)}


def assistant(name: str, second: float, *parts: dict[str, Any], **others: Any) -> dict[str, Any]:
    info = {
        "id": name,
        "sessionID": "ses_1",
        "role": "assistant",
        "time": {"created": ms(second), "completed": ms(second + 9)},
        "parentID": "msg_1",
        "modelID": "claude-sonnet-4-5",
        "providerID": "anthropic",
        "mode": "build",
        "path": {"cwd": "/home/ada/adder/src", "root": "/home/ada/adder"},
        "cost": 0.1,
        "tokens": tokens(0, 0, 0, 0),
        **others,
    }
    return {"info": info, "parts": list(parts)}


def tokens(new: int, read: int, written: int, output: int, thought: int = 0, **others: int) -> dict[str, Any]:
    return {"input": new, "output": output, "reasoning": thought, "cache": {"read": read, "write": written}, **others}


def text(said: str, start: float | None = None, end: float | None = None) -> dict[str, Any]:
    time = {} if start is None or end is None else {"time": {"start": ms(start), "end": ms(end)}}
    return {"type": "text", "text": said, **time}


def tool(output: str, start: float, end: float, **times: int) -> dict[str, Any]:
    time = {"start": ms(start), "end": ms(end), **times}
    state = {"status": "completed", "input": {"path": "a.py"}, "output": output, "title": "", "time": time}
    return {"type": "tool", "callID": "c1", "tool": "read", "state": state}


def finish(name: str, counted: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "type": "step-finish", "reason": "stop", "cost": 0.1, "tokens": counted}


STEP = {"type": "step-start"}
MESSAGES = [
    user("msg_1", 0, text("Read."), {"type": "file", "mime": "text/plain", "url": "file:///a.py"}),
    assistant(
        "msg_2",
        1,
        STEP,
        {"type": "reasoning", "text": "hm", "time": {"start": ms(3), "end": ms(4)}},
        text("I look.", 4, 5),
        tool("x = 1", 6, 7),
        finish("prt_1", tokens(5, 0, 9000, 80)),
        STEP,
        text("It is 1.", 9, 10),
        finish("prt_2", tokens(7, 9000, 120, 20)),
        {"type": "patch", "hash": "h", "files": []},
    ),
    user("msg_3", 30, text("Thanks.")),
    assistant("msg_4", 31, STEP, text(".", 32, 33), finish("prt_3", tokens(9, 9120, 30, 40, 15))),
]
FIRST = "\n<|user|>\nRead."
SECOND = FIRST + '\n<|assistant|>\n"hm"I look."read"{"path":"a.py"}\n<|tool|>\nx = 1'


def exported(*messages: dict[str, Any]) -> bytes:
    return orjson.dumps({"info": SESSION, "messages": list(messages)}, option=orjson.OPT_INDENT_2)


def calls(*messages: dict[str, Any]) -> list[Record]:
    found = list(FORMAT.read(Lines("export.json", exported(*messages))))
    records = [one for one in found if isinstance(one, Record)]
    assert len(records) == len(found)
    return records


def test_each_step_is_a_call() -> None:
    first, second, third = calls(*MESSAGES)
    assert first.usage == Usage(5, 0, 80, cache_write=9000)
    assert second.usage == Usage(7, 9000, 20, cache_write=120)
    assert third.usage == Usage(9, 9120, 40, cache_write=30, reasoning=15)
    assert first.line == ("anthropic", "claude-sonnet-4-5", "", "/home/ada/adder/src", "ses_1")
    assert (first.hides, first.settings) == ("opencode 1.1.20 build", {"thinking": "high"})
    assert [call.id for call in (first, second, third)] == ["prt_1", "prt_2", "prt_3"]
    assert [call.place.line for call in (first, second, third)] == [1, 2, 3]


def test_a_provider_that_is_a_gateway() -> None:
    """What is behind it is most likely the maker of the model."""
    (asked, answer, *_), model = MESSAGES, ("everwarm", "gpt-5.1")
    info = {**answer["info"], **dict(zip(("providerID", "modelID"), model, strict=True))}
    assert {call.line.provider for call in calls(asked, {**answer, "info": info})} == {"openai"}


def test_the_prompt_is_all_that_was_sent() -> None:
    found = calls(*MESSAGES)
    assert texts(found) == [FIRST, SECOND, SECOND + "\n<|assistant|>\nIt is 1.\n<|user|>\nThanks."]
    assert [call.keeps for call in found] == [0, 1, 5]


def test_when_it_was_sent() -> None:
    """The first call of a message when that was made, a later one when the tools before it were done."""
    zero = START / 1000
    assert [(call.at, call.began, call.ended) for call in calls(*MESSAGES)] == [
        (zero + 1, zero + 3, zero + 6),
        (zero + 7, zero + 9, zero + 10),
        (zero + 31, zero + 32, zero + 33),
    ]


def test_output_with_and_without_reasoning() -> None:
    """Newer versions tell the total, and leave the reasoning out of the output."""
    apart = finish("prt_1", tokens(9, 100, 30, 40, 15, total=194))
    within = finish("prt_2", tokens(9, 100, 30, 40, 15, total=179))
    one, other = calls(user("msg_1", 0, text("Hi.")), assistant("msg_2", 1, text("."), apart, text("."), within))
    assert one.usage == Usage(9, 100, 55, cache_write=30, reasoning=15)
    assert other.usage == Usage(9, 100, 40, cache_write=30, reasoning=15)


def test_messages_without_steps() -> None:
    """Of the oldest versions: the tokens stand at the message."""
    (call,) = calls(MESSAGES[0], assistant("msg_2", 1, text("1."), tokens=tokens(5, 100, 0, 8)))
    assert (call.usage, call.id) == (Usage(5, 100, 8), "msg_2")


def test_calls_that_failed() -> None:
    """What the user broke off is sent again, if there is something to read; what the provider refused is not."""
    refused = assistant("msg_2", 1, error={"name": "APIError", "data": {"message": "overloaded"}})
    stopped = assistant("msg_3", 2, STEP, text("I was"), error={"name": "MessageAbortedError", "data": {}})
    found = calls(MESSAGES[0], refused, stopped, user("msg_4", 3, text("On.")), MESSAGES[3])
    assert [(call.failed, call.usage is None) for call in found] == [(True, True), (True, True), (False, False)]
    assert texts(found)[-1] == "\n<|user|>\nRead.\n<|assistant|>\nI was\n<|user|>\nOn."


def test_results_that_were_cleared() -> None:
    """Calls before it have them, calls after it do not."""
    reading = assistant("msg_2", 1, tool("x = 1", 2, 3, compacted=ms(40)), finish("prt_1", tokens(5, 0, 9000, 80)))
    late = assistant("msg_6", 50, text("."), finish("prt_9", tokens(1, 2, 3, 4)))
    found = calls(MESSAGES[0], reading, *MESSAGES[2:], user("msg_5", 49, text("More.")), late)
    assert [text.count("x = 1") for text in texts(found)] == [0, 1, 0]
    assert found[-1].keeps == 2
    assert texts(found)[-1].endswith("\n<|tool|>\n\n<|user|>\nThanks.\n<|assistant|>\n.\n<|user|>\nMore.")


def test_a_compaction() -> None:
    """From the message on that asked for it, and what it keeps."""
    asks = user("msg_5", 40, {"type": "compaction", "auto": True})
    keeps = user("msg_5", 40, {"type": "compaction", "auto": True, "tail_start_id": "msg_3"})
    summary = assistant(
        "msg_6",
        41,
        text("A summary."),
        finish("prt_4", tokens(1, 2, 3, 4)),
        parentID="msg_5",
        summary=True,
        finish="stop",
    )
    rest = [user("msg_7", 50, text("On.")), assistant("msg_8", 51, text("Yes."), finish("prt_5", tokens(1, 2, 3, 4)))]
    behind = "\n<|user|>\ncompaction\n<|assistant|>\nA summary.\n<|user|>\nOn."
    assert texts(calls(*MESSAGES, asks, summary, *rest))[-1] == behind
    assert texts(calls(*MESSAGES, keeps, summary, *rest))[-1] == "\n<|user|>\nThanks.\n<|assistant|>\n." + behind
    assert calls(*MESSAGES, asks, summary, *rest)[-1].keeps == 0


def stored(folder: Path) -> Path:
    """The same as files."""
    for message in MESSAGES:
        info = message["info"]
        write(folder / "message" / "ses_1" / f"{info['id']}.json", info)
        for number, part in enumerate(message["parts"]):
            name = f"prt_{number:03}"
            write(folder / "part" / info["id"] / f"{name}.json", {"id": name, "messageID": info["id"], **part})
    return write(folder / "session" / "p1" / "ses_1.json", SESSION)


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(value))
    return path


def test_the_storage_is_read_from_the_session(tmp_path: Path) -> None:
    path = stored(tmp_path / "storage")
    found = list(FORMAT.read(Lines(str(path), path.read_bytes())))
    assert texts(found) == texts(calls(*MESSAGES))
    for other in (tmp_path / "storage/message/ses_1/msg_2.json", tmp_path / "storage/part/msg_2/prt_000.json"):
        info = {"sessionID": "ses_1", **orjson.loads(other.read_bytes())}
        assert list(FORMAT.read(Lines(str(other), orjson.dumps(info)))) == []


def test_a_storage_with_broken_files(tmp_path: Path) -> None:
    path = stored(tmp_path)
    (tmp_path / "message/ses_1/msg_4.json").write_bytes(b"{")
    (tmp_path / "part/msg_3/prt_000.json").write_bytes(b"{")
    found = list(FORMAT.read(Lines(str(path), path.read_bytes())))
    assert [one.place.file for one in found if isinstance(one, Unread)] == [str(tmp_path / "message/ses_1/msg_4.json")]
    assert sum(isinstance(one, Record) for one in found) == 2


NUMBERED = [
    {**message, "parts": [{**part, "id": f"prt_{n:02}"} for n, part in enumerate(message["parts"])]}
    for message in MESSAGES
]


def database(path: Path, *sessions: tuple[str, list[dict[str, Any]]]) -> Path:
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE session (id TEXT, project_id TEXT, directory TEXT, version TEXT, time_created INT)")
        made.execute("CREATE TABLE message (id TEXT, session_id TEXT, time_created INT, data TEXT)")
        made.execute("CREATE TABLE part (id TEXT, message_id TEXT, session_id TEXT, time_created INT, data TEXT)")
        for at, (session, messages) in enumerate(sessions):
            made.execute("INSERT INTO session VALUES (?, 'p1', '/home/ada/adder', '1.2.0', ?)", (session, at))
            for message in messages:
                name = message["info"]["id"]
                data = orjson.dumps({k: v for k, v in message["info"].items() if k not in ("id", "sessionID")}).decode()
                made.execute("INSERT INTO message VALUES (?, ?, ?, ?)", (name, session, START, data))
                for part in message["parts"]:
                    row = (part.get("id", "prt_0"), name, session, START, orjson.dumps(part).decode())
                    made.execute("INSERT INTO part VALUES (?, ?, ?, ?, ?)", row)
    return path


def test_the_database_has_the_calls_of_the_export(tmp_path: Path) -> None:
    other = [user("msg_8", 50, text("Hi.")), assistant("msg_9", 51, text("Yes."), tokens=tokens(9, 0, 0, 1))]
    path = database(tmp_path / "opencode.db", ("ses_1", NUMBERED), ("ses_2", other))
    (source,) = (logs := read_all([str(tmp_path)], lambda _: None)).sources
    assert (source.format, source.calls, source.unread) == ("opencode database", 4, 0)
    found = [one for one in OPENCODE_DB.read(Lines(str(path), b"")) if isinstance(one, Record)]
    expected = calls(*NUMBERED)
    assert texts(found[:3]) == texts(expected)
    assert [one.usage for one in found[:3]] == [one.usage for one in expected]
    assert [(one.line.session, one.line.app) for one in found] == [
        *([("ses_1", "/home/ada/adder/src")] * 3),
        ("ses_2", "/home/ada/adder/src"),
    ]
    assert [one.place.line for one in found] == [1, 2, 3, 4]
    assert len(logs.gather.finish()) == 4


def test_databases_that_cannot_be_read(tmp_path: Path) -> None:
    path = database(tmp_path / "opencode.db", ("ses_1", NUMBERED[:2]))
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("UPDATE message SET data = '{' WHERE id = 'msg_1'")
        made.execute("UPDATE part SET data = '[]' WHERE id = 'prt_02'")
    found = list(OPENCODE_DB.read(Lines(str(path), b"")))
    assert [type(one) for one in found] == [Unread, Record, Record]
    path.write_bytes(path.read_bytes()[:5000])
    (cut,) = OPENCODE_DB.read(Lines(str(path), b""))
    assert isinstance(cut, Unread)
    assert cut.why.startswith("the database cannot be read: ")
    path.write_bytes(gzip.compress(b"SQLite format 3\0"))
    for name in (str(path), "-"):
        (packed,) = OPENCODE_DB.read(Lines(name, b""))
        assert isinstance(packed, Unread)
        assert packed.why.endswith("unpack it")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    for data in (b"{", b"[]", b'{"info":{"id":"ses_1"},"messages":[1,{"info":{}}]}', orjson.dumps(SESSION)):
        found = list(FORMAT.read(Lines(str(tmp_path / "x.json"), data)))
        assert found
        assert all(isinstance(one, Unread) for one in found)


def test_what_it_is() -> None:
    data = exported(*MESSAGES)
    assert FORMAT.fits(data.splitlines(), "x.json") > 0.9
    assert FORMAT.fits([data[:65536]], "x.json") > 0.9
    assert FORMAT.fits([orjson.dumps(SESSION)], "ses_1.json") > 0.8
    assert FORMAT.fits([orjson.dumps(MESSAGES[0]["info"])], "msg_1.json") > 0.8
    assert FORMAT.fits([b'{"messages":[]}'], "x.json") == 0
