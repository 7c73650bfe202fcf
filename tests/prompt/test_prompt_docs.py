"""docs/prompt.md tells the truth: its programs run, and print what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from everwarm.cli import main

PAGE = Path(__file__).parents[2] / "docs/prompt.md"
BLOCK = re.compile(r"```(python|text)\n(.*?)```", re.S)

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="installed without the repository")


def blocks() -> list[tuple[str, str]]:
    return BLOCK.findall(PAGE.read_text("utf-8"))


def test_the_examples_run_and_print_what_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    sent: list[dict[str, Any]] = []

    def complete(body: dict[str, Any]) -> str:
        sent.append({**body, "messages": list(body["messages"])})
        return "Out for delivery."

    names: dict[str, Any] = {"complete": complete}
    for language, text in blocks()[:-2]:
        if language == "python":
            exec(compile(text, "prompt.md", "exec"), names)
        else:
            assert capsys.readouterr().out.split() == text.split()
    first, second = (body["messages"] for body in sent)
    assert second[: len(first)] == first
    assert first[0]["content"].endswith("The customer is Ada.")


def test_what_lint_says_of_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (_, program), (_, said) = blocks()[-2:]
    (tmp_path / "app.py").write_text(program)
    monkeypatch.chdir(tmp_path)
    assert main(["lint", "app.py"]) == 1
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == said.splitlines()
