"""A log of more text than is kept: its sums are the same, and there is a word in the report."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from everwarm.analyze import analysis
from everwarm.analyze.reading.gather import Gather
from everwarm.analyze.reading.log import read_all
from everwarm.core.analysis import prompts as module
from everwarm.core.analysis.block import CUTS

LONG = CUTS[0].long


def _body(*texts: str) -> dict[str, object]:
    return {"model": "m", "messages": [{"role": "user", "content": text} for text in texts]}


def _long(n: int, middle: str = "") -> str:
    return f"{n}".ljust(LONG, "x") + middle + "y" * LONG


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
