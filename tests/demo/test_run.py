from __future__ import annotations

import os
import signal
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from everwarm.demo import run
from everwarm.demo.client import Client
from everwarm.demo.run import Stage, demo, main
from everwarm.demo.script import AFTER, DAY, SCRIPT, rounds


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "picture.html"


def joiners() -> dict[str, int]:
    """How many join whom."""
    return {group[0].question: len(group) - 1 for group in rounds(DAY) if len(group) > 1}


@pytest.fixture
def whole(gateway: Any) -> Any:
    """A gateway whose joins do not depend on the machine's speed."""
    gateway.hold_for = joiners()
    return gateway


def test_the_whole_demo(whole: Any, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(whole.url, out, None, None) == 0
    said = capsys.readouterr().out
    assert f"{len(SCRIPT)} of {len(SCRIPT)} requests answered" in said
    assert "The gateway's own count (GET /stats) is the same." in said
    assert f"{whole.counts['asked']:,}" in said
    assert f"{whole.counts['computed']:,}" in said
    assert out.name in said
    title = f"Of {whole.counts['asked']:,} prompt tokens asked, {whole.counts['computed']:,} were computed"
    assert ElementTree.fromstring(out.read_bytes()).findtext(".//h1") == title
    assert whole.counts["joined"] == sum(joiners().values())
    assert whole.counts["hit"] >= 20


def test_the_last_act_is_played_after_a_restart(whole: Any, out: Path) -> None:
    restarted: list[int] = []
    console = Console(file=StringIO(), width=100)
    stage = Stage(Client(whole.url), lambda: restarted.append(whole.counts["requests"]))
    assert demo(console, stage, "default", out) == 0
    assert restarted == [len(SCRIPT)]
    assert whole.counts["requests"] == len(SCRIPT) + len(AFTER)
    assert isinstance(console.file, StringIO)
    assert "After the restart" in console.file.getvalue()
    page = ElementTree.fromstring(out.read_bytes())
    assert [h.text for h in page.findall(".//h2")][:2] == [
        "Eight people ask at the same moment, and share one handbook",
        "Then the gateway is stopped, and started again",
    ]


def test_a_gateway_that_is_not_ours_is_not_restarted(whole: Any, out: Path) -> None:
    assert main(whole.url, out, None, None) == 0
    assert whole.counts["requests"] == len(SCRIPT)
    assert "stopped" not in out.read_text()


def test_two_runs_give_the_same_counts(whole: Any, out: Path) -> None:
    assert main(whole.url, out, None, None) == 0
    first = dict(whole.counts)
    whole.stored.clear()
    whole.known.clear()
    whole.hold_for = joiners()
    assert main(whole.url, out, None, None) == 0
    assert {k: v - first[k] for k, v in whole.counts.items()} == first


def test_a_running_gateway_is_asked_with_a_new_key_each_time(gateway: Any, out: Path) -> None:
    main(gateway.url, out, None, None)
    main(gateway.url, out, None, None)
    assert len(gateway.credentials) == 2
    assert all(c and c.startswith("Bearer everwarm-demo-") for c in gateway.credentials)


def test_a_gateway_that_counts_otherwise(gateway: Any, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    honest = gateway.stats
    calls: list[int] = []

    def stats() -> Any:
        calls.append(1)
        gateway.miscount = len(calls) - 1
        return honest()

    gateway.stats = stats
    assert main(gateway.url, out, None, None) == 1
    said = capsys.readouterr().out
    assert "counts otherwise" in said
    assert "asked_prompt: counted here" in said
    assert out.exists()


def test_what_goes_wrong_is_one_message_and_status_1(
    gateway: Any, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.refuse = (500, "the model is [bold]broken[/bold]")
    assert main(gateway.url, out, None, None) == 1
    assert "500: the model is [bold]broken[/bold]" in capsys.readouterr().err
    assert main("nowhere", out, None, None) == 1
    assert "not the address" in capsys.readouterr().err
    assert main(gateway.url, tmp_path, None, None) == 1
    assert "--out names a file" in capsys.readouterr().err
    assert main(gateway.url, tmp_path / "no" / "p.html", None, None) == 1
    assert "--out names a file" in capsys.readouterr().err
    assert not out.exists()


def test_sigterm_stops_it_as_ctrl_c_does(
    gateway: Any, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def killed(*args: object) -> list[object]:
        os.kill(os.getpid(), signal.SIGTERM)
        return []

    monkeypatch.setattr(run, "_play", killed)
    assert main(gateway.url, out, None, None) == 130
    assert "stopped" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == before
