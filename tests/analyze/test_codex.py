"""Rollouts of Codex."""

from __future__ import annotations

from typing import Any

import orjson

from everwarm.analyze.formats.codex import FORMAT
from everwarm.analyze.reading.gather import Gather
from everwarm.analyze.reading.record import Unread
from everwarm.core.usage import Usage
from transcripts import calls, prompts, texts, told

ITEM = "response_item"


def line(second: int, kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": f"2026-03-01T10:00:{second:02}.000Z", "type": kind, "payload": payload}


def meta(name: str = "th-1", **others: Any) -> dict[str, Any]:
    return line(
        0,
        "session_meta",
        id=name,
        timestamp="2026-03-01T10:00:00.000Z",
        cwd="/home/ada/adder",
        originator="codex-tui",
        cli_version="0.125.0",
        source="cli",
        model_provider="openai",
        base_instructions={"text": "You code."},
        **others,
    )


def turn(second: int, effort: str = "high") -> dict[str, Any]:
    return line(second, "turn_context", cwd="/home/ada/adder", model="gpt-5.3-codex", effort=effort, summary="auto")


def said(second: int, role: str, text: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return line(second, ITEM, type="message", role=role, content=[{"type": kind, "text": text}])


def called(second: int, call: str) -> dict[str, Any]:
    return line(second, ITEM, type="function_call", name="exec", arguments='{"cmd":"ls"}', call_id=call)


def gave(second: int, call: str, output: str) -> dict[str, Any]:
    return line(second, ITEM, type="function_call_output", call_id=call, output=output)


def tokens(prompt: int, read: int, output: int, thought: int = 0) -> dict[str, int]:
    return {
        "input_tokens": prompt,
        "cached_input_tokens": read,
        "output_tokens": output,
        "reasoning_output_tokens": thought,
        "total_tokens": prompt + output,
    }


def counted(second: int, last: dict[str, int] | None, total: dict[str, int] | None) -> dict[str, Any]:
    info = {"total_token_usage": total, "last_token_usage": last, "model_context_window": 258400}
    return line(second, "event_msg", type="token_count", info=info if last or total else None, rate_limits={})


ONE, TWO = tokens(9000, 4096, 120, 64), tokens(9200, 9088, 30)
BOTH = tokens(18200, 13184, 150, 64)
SESSION = [
    meta(),
    said(1, "developer", "Sandboxed."),
    said(1, "user", "<environment_context>linux</environment_context>"),
    turn(2),
    said(2, "user", "List."),
    line(2, "event_msg", type="user_message", message="List."),
    counted(3, None, None),
    line(5, ITEM, type="reasoning", summary=[], content=None, encrypted_content="gAAA"),
    called(6, "c1"),
    counted(7, ONE, ONE),
    gave(8, "c1", "a.py"),
    counted(8, ONE, ONE),
    said(11, "assistant", "One file."),
    counted(12, TWO, BOTH),
    counted(13, TWO, BOTH),
]
FIRST = "\n<|system|>\nYou code.\n<|developer|>\nSandboxed." + (
    "\n<|user|>\n<environment_context>linux</environment_context>\n<|user|>\nList."
)
ANSWER = (
    '\n<|assistant|>\n{"type":"reasoning","summary":[],"content":null,"encrypted_content":"gAAA"}'
    '\n<|assistant|>\n"exec"{"cmd":"ls"}'
)
SECOND = FIRST + ANSWER + "\n<|tool|>\na.py"


def test_a_call_is_counted_once() -> None:
    """Counts that leave the total as it was are the same call again."""
    first, second = calls(FORMAT, SESSION)
    assert first.usage == Usage(uncached=4904, cache_read=4096, output=120, reasoning=64)
    assert second.usage == Usage(uncached=112, cache_read=9088, output=30)
    assert first.line == ("openai", "gpt-5.3-codex", "", "/home/ada/adder", "th-1")
    assert first.hides == "codex 0.125.0 codex-tui"
    assert first.settings == {"reasoning_effort": "high"}
    assert (first.place.line, second.place.line) == (10, 14)


def test_the_prompt_is_what_stood_before_the_answer() -> None:
    found = calls(FORMAT, SESSION)
    assert texts(found) == [FIRST, SECOND]
    assert [block.tier for block in prompts(found)[0]] == ["system", "system", "messages", "messages"]


def test_when_it_was_sent() -> None:
    first, second = calls(FORMAT, SESSION)
    start = first.at
    assert start is not None
    assert [(call.at, call.began, call.ended) for call in (first, second)] == [
        (start, start + 2, start + 4),
        (start + 5, start + 8, start + 9),
    ]


def done(second: int, began: float, what: str) -> dict[str, Any]:
    """How newer versions tell of what is complete: with when that began, seconds since ``line(0)``."""
    item = {"type": what, "id": "i"}
    return line(second, "event_msg", type="item_completed", item=item, started_at_ms=1_772_359_200_000 + began * 1000)


def test_events_that_tell_of_an_answer_are_not_before_it() -> None:
    """They stand before its items; of versions since 0.171 they say when it began."""
    new = [done(2, 2, "UserMessage"), done(8, 7.5, "Reasoning"), done(9, 8.5, "AgentMessage")]
    old = [line(8, "event_msg", type=what) for what in ("agent_reasoning", "agent_message")]
    for events, began in ((new, 7.5), (old, 8)):
        rows = [meta(), turn(1), said(2, "user", "Hi."), *events, said(9, "assistant", "Ho."), counted(10, ONE, ONE)]
        (call,) = calls(FORMAT, rows)
        assert [at and at - 1_772_359_200 for at in (call.at, call.began, call.ended)] == [2, began, 10]


def test_counts_before_their_answers() -> None:
    """As versions of 2025 write them."""
    rows = [
        meta(),
        turn(1),
        said(1, "user", "List."),
        counted(4, ONE, ONE),
        called(5, "c1"),
        gave(5, "c1", "a.py"),
        counted(8, TWO, BOTH),
        said(9, "assistant", "One file."),
    ]
    first, second = calls(FORMAT, rows)
    assert texts([first, second]) == [
        "\n<|system|>\nYou code.\n<|user|>\nList.",
        '\n<|system|>\nYou code.\n<|user|>\nList.\n<|assistant|>\n"exec"{"cmd":"ls"}\n<|tool|>\na.py',
    ]
    assert (second.usage, second.began) == (Usage(112, 9088, 30), None)


def test_totals_only() -> None:
    """What a total is more than the one before is the call's; one that is less begins anew."""
    rows = [meta(), turn(1), *(counted(n, None, total) for n, total in enumerate((ONE, BOTH, BOTH, TWO)))]
    assert [call.usage for call in calls(FORMAT, rows)] == [
        Usage(4904, 4096, 120, reasoning=64),
        Usage(112, 9088, 30),
        Usage(112, 9088, 30),
    ]
    written = [{**total, "cache_write_input_tokens": part} for total, part in ((ONE, 4000), (BOTH, 4100))]
    rows = [meta(), turn(1), *(counted(n, None, total) for n, total in enumerate(written))]
    assert [call.usage.cache_write for call in calls(FORMAT, rows) if call.usage] == [4000, 100]


def test_counts_of_calls_only() -> None:
    """Without totals no two of them are the same call, however alike they are."""
    rows = [meta(), turn(1)]
    for second in (2, 4, 6):
        rows += [said(second, "user", "Again."), counted(second + 1, TWO, None), said(second + 1, "assistant", "Yes.")]
    gather = Gather()
    for call in calls(FORMAT, rows):
        gather.add(call)
    assert [call.tokens for call in gather.finish()] == [9200, 9200, 9200]


def test_a_provider_whose_name_says_nothing() -> None:
    """A user may call his own proxy so."""
    for named, model, seller in (
        ("codex", "gpt-5.3-codex", "openai"),
        ("codex", "glm-4.7", "codex"),
        ("everwarm", "claude-sonnet-4-5", "anthropic"),
        ("everwarm", "smollm2", "everwarm"),
        ("openrouter", "gpt-5.2", "openrouter"),
    ):
        begin = meta()
        begin["payload"]["model_provider"] = named
        rows = [begin, line(1, "turn_context", model=model), said(1, "user", "Hi."), counted(2, ONE, ONE)]
        assert [call.line.provider for call in calls(FORMAT, rows)] == [seller]


def test_the_model_may_change_behind_a_gateway() -> None:
    begin = meta()
    begin["payload"]["model_provider"] = "everwarm"
    first = [line(1, "turn_context", model="gpt-5.2"), said(1, "user", "Hi."), counted(2, ONE, ONE)]
    second = [line(3, "turn_context", model="qwen3"), said(3, "user", "Hi."), counted(4, TWO, BOTH)]
    assert [call.line.provider for call in calls(FORMAT, [begin, *first, *second])] == ["openai", "qwen"]


def test_records_of_usage() -> None:
    """Newer versions write each answer's usage by its id; the event that says the same is not counted again."""
    usage = {**ONE, "cache_write_input_tokens": 4000}
    rows = [
        meta(),
        turn(1),
        said(1, "user", "Hi."),
        said(3, "assistant", "Hello."),
        line(3, "token_usage_record", response_id="resp_1", usage=usage, turn_token_usage=usage),
        counted(3, usage, usage),
    ]
    (call,) = calls(FORMAT, rows)
    assert call.usage == Usage(904, 4096, 120, cache_write=4000, reasoning=64)
    assert call.id == "resp_1"


def test_estimates_after_a_compaction_are_no_call() -> None:
    estimate = {**tokens(0, 0, 0), "total_tokens": 30000}
    assert len(calls(FORMAT, [*SESSION, counted(20, estimate, {**BOTH, "total_tokens": 40000})])) == 2


def test_a_compaction() -> None:
    """The history that replaces the other; of older versions the user's messages and the summary."""
    more = [said(21, "user", "Go on."), said(23, "assistant", "On."), counted(24, ONE, tokens(27200, 17280, 270, 128))]
    history = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "A summary."}]}]
    newer = calls(FORMAT, [*SESSION, line(20, "compacted", message="", replacement_history=history), *more])
    older = calls(FORMAT, [*SESSION, line(20, "compacted", message="A summary."), *more])
    assert texts(newer)[-1] == "\n<|user|>\nA summary.\n<|user|>\nGo on."
    assert texts(older)[-1] == "\n<|user|>\nList.\n<|user|>\nA summary.\n<|user|>\nGo on."
    assert newer[-1].keeps == 0


def test_turns_that_are_taken_back() -> None:
    rows = [
        *SESSION,
        said(20, "user", "Wrong."),
        said(22, "assistant", "Well."),
        counted(23, ONE, tokens(27200, 17280, 270, 128)),
        line(24, "event_msg", type="thread_rolled_back", num_turns=1),
        said(25, "user", "Right."),
        said(27, "assistant", "Good."),
        counted(28, TWO, tokens(36400, 26368, 300, 128)),
    ]
    last = calls(FORMAT, rows)[-1]
    assert texts(calls(FORMAT, rows))[-1] == SECOND + "\n<|assistant|>\nOne file.\n<|user|>\nRight."
    assert last.keeps == 8


def test_what_was_broken_off_is_a_call() -> None:
    """But not what was broken off when no model was asked."""
    stop = line(22, "event_msg", type="turn_aborted", reason="interrupted")
    lost = calls(FORMAT, [*SESSION, turn(20), said(20, "user", "Long."), stop, stop])[-1]
    assert (lost.failed, lost.usage) == (True, None)
    assert texts(calls(FORMAT, [*SESSION, turn(20), said(20, "user", "Long."), stop]))[-1].endswith("Long.")
    assert len(calls(FORMAT, [*SESSION, stop])) == 2


def test_files_without_counts() -> None:
    """The oldest have the items by themselves, and no times. Each answer is a call."""
    rows = [
        {"id": "old", "timestamp": "2025-06-01T10:00:00Z", "instructions": None},
        {"record_type": "state"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "List."}]},
        {"type": "reasoning", "summary": []},
        {"type": "local_shell_call", "call_id": "c", "action": {"type": "exec", "command": ["ls"]}},
        {"type": "function_call_output", "call_id": "c", "output": "a.py"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "One."}]},
    ]
    first, second = calls(FORMAT, rows)
    assert (first.usage, first.at, first.line.session) == (None, None, "old")
    assert texts([first, second])[0] == "\n<|user|>\nList."
    assert texts([first, second])[1].endswith("\n<|tool|>\na.py")


def test_a_fork_has_the_calls_of_its_parent() -> None:
    """By their ids: the history is written into the new file, too, with its beginning."""
    fork = [meta("th-2", forked_from_id="th-1"), *SESSION, said(30, "user", "Else."), said(33, "assistant", "Yes.")]
    found = calls(FORMAT, [*fork, counted(34, ONE, tokens(27200, 17280, 270, 128))])
    assert [call.id for call in found[:2]] == [call.id for call in calls(FORMAT, SESSION)]
    assert len({call.id for call in found}) == 3
    assert {call.line.session for call in found} == {"th-2"}
    assert [call.id for call in calls(FORMAT, [fork[0], *SESSION[1:]])] == [call.id for call in found[:2]]


def test_a_spawned_thread_may_repeat_its_parents_calls() -> None:
    """They are its parent's; its own are not those of another thread that counted as much."""
    source = {"subagent": {"thread_spawn": {"parent_thread_id": "th-1", "depth": 1}}}
    begin = [meta("th-2"), meta("th-2", parent_thread_id="th-1"), meta("th-3")]
    begin[0]["payload"]["source"] = begin[2]["payload"]["source"] = source
    for each in begin:
        each["timestamp"] = "2026-03-01T10:00:20.000Z"
    own = [said(30, "user", "Else."), said(33, "assistant", "Yes."), counted(34, ONE, tokens(27200, 17280, 270, 128))]
    first, second, other = ([call.id for call in calls(FORMAT, [each, *SESSION[1:], *own])] for each in begin)
    assert first[:2] == other[:2] == [call.id for call in calls(FORMAT, SESSION)]
    assert first == second
    assert len({first[2], other[2]} - set(first[:2])) == 2


def test_what_cannot_be_read() -> None:
    found = told(FORMAT, [*SESSION, b'{"timestamp":"2026', {"payload": 3}])
    assert [one.place.line for one in found if isinstance(one, Unread)] == [16, 17]


def test_what_it_is() -> None:
    assert FORMAT.fits([orjson.dumps(each) for each in SESSION], "rollout-1.jsonl") > 0.9
    old = orjson.dumps({"id": "x", "timestamp": "y", "instructions": None})
    assert 0.5 < FORMAT.fits([old], "x.jsonl") < FORMAT.fits([old], "rollout-x.jsonl")
    assert FORMAT.fits([b'{"type":"session","id":"1"}', b"-"], "x.jsonl") == 0
