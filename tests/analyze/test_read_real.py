"""Real conversations as a log of requests: every line is a call, and its body is the one that was written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from everwarm.analyze.formats import bodies
from logged import records
from shared import unpacked


def test_agent_trajectories(tmp_path: Path) -> None:
    asked = []
    for number, task in enumerate(json.loads(unpacked("tau-bench/gpt-4o-airline.json.gz"))[:40]):
        said = task["traj"]
        turns = [at for at, message in enumerate(said) if message["role"] == "assistant"]
        asked += [(f"conversation {number}", {"model": "gpt-4o", "messages": said[:at]}, said[at]) for at in turns]
    rows = (
        {"session": session, "request": body, "response": {"choices": [{"message": answer}]}}
        for session, body, answer in asked
    )
    log = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
    got = records(tmp_path, log, "log.jsonl.gz", bodies.FORMAT)
    assert [(each.line.session, each.body) for each in got] == [(session, body) for session, body, _ in asked]
    assert {(each.dialect, each.line.provider, len(each.answer)) for each in got} == {("openai_chat", "openai", 16)}
    distinct = {json.dumps(answer.get("content")) for _, _, answer in asked}
    assert len({each.answer for each in got}) >= len(distinct)
