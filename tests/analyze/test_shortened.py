"""Of more text than is kept: the ends, a digest, and a word in the report."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from everwarm.analyze import analysis
from everwarm.analyze.reading.gather import Gather
from everwarm.analyze.reading.log import read_all
from everwarm.core.analysis import prompts as module
from everwarm.core.analysis.block import EDGE, LONG
from everwarm.core.analysis.prompts import Prompts


def _body(*texts: str) -> dict[str, object]:
    return {"model": "m", "messages": [{"role": "user", "content": text} for text in texts]}


def _long(n: int, middle: str = "") -> str:
    return f"{n}".ljust(LONG, "x") + middle + "y" * LONG


def test_what_is_kept_whole_stays_so() -> None:
    prompts = Prompts(kept=100)
    first = prompts.read("openai_chat", _body(_long(1)))
    prompts.read("openai_chat", _body(_long(2)))
    assert prompts.shortened == 1
    assert prompts.row(first)[0].text.endswith(_long(1))
    assert orjson.loads(prompts.body(first, {})) == {"messages": _body(_long(1))["messages"]}
    assert prompts.read("openai_chat", _body(_long(1))) == first


def test_what_is_shortened_is_told_apart_and_known_again() -> None:
    prompts = Prompts(kept=0)
    one, other, again = (prompts.read("openai_chat", _body(_long(1, middle))) for middle in ("a", "b", "a"))
    assert one == again
    assert one.blocks != other.blocks
    text = prompts.row(one)[0].text
    assert len(text) < LONG
    assert text.endswith("y" * EDGE)
    assert prompts.size(one.blocks) == prompts.size(other.blocks) == len("\n<|user|>\n") + len(_long(1, "a"))
    assert prompts.body(one, {}) == b""
    assert prompts.shortened == 2


def test_short_texts_are_kept_always() -> None:
    prompts = Prompts(kept=0)
    prompt = prompts.read("openai_chat", _body("short", "and short"))
    assert prompts.shortened == 0
    assert orjson.loads(prompts.body(prompt, {})) == {"messages": _body("short", "and short")["messages"]}


def test_the_sums_are_the_same_and_the_report_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, said = [], list[str]()
    for n in range(12):
        said.append(_long(n % 5))
        rows.append(orjson.dumps({"timestamp": 1.7e9 + n, "request": {**_body(*said), "model": "gpt-5-mini"}}))
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(rows))
    whole = _analysed(path)
    monkeypatch.setattr(module.Prompts.__init__, "__defaults__", (0,))
    short = _analysed(path)
    assert (short.total.read, short.total.ideal) == (whole.total.read, whole.total.ideal)
    assert not any("characters are, and a digest" in note for note in whole.notes)
    assert any("of 5 long texts in it only the first and last 1,000 characters are" in note for note in short.notes)


def _analysed(path: Path) -> analysis.Report:
    logs = read_all([str(path)], lambda _: None)
    assert isinstance(logs.gather, Gather)
    return analysis.analyse(logs, lambda *_: None, lambda *_: None)
