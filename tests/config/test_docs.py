"""Docs: the page has the table of settings as it is, and its examples are configurations."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from everwarm.config import SETTINGS, Config
from everwarm.config.docs import PARTS, filled, settings

PAGE = Path(__file__).parents[2] / "docs/configuration.md"
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text("utf-8")
    assert filled(text) == text, "run: python -m everwarm.config.docs docs/configuration.md"


def test_the_page_has_every_part() -> None:
    assert re.findall(r"<!-- (\w+): begin -->", PAGE.read_text("utf-8")) == list(PARTS)


def test_every_setting_has_a_row_of_five_cells() -> None:
    rows = settings().splitlines()
    assert len(rows) == len(SETTINGS) + 2
    assert all(len(re.split(r"(?<!\\)\|", row)) == 7 for row in rows)


def test_the_command_writes_the_table(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- settings: begin -->\nold\n<!-- settings: end -->\nb\n", "utf-8")
    subprocess.run([sys.executable, "-m", "everwarm.config.docs", str(page)], check=True)
    assert page.read_text("utf-8") == f"a\n<!-- settings: begin -->\n{settings()}<!-- settings: end -->\nb\n"


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_configuration(configure: Callable[..., Config], example: str) -> None:
    env = dict.fromkeys(re.findall(r'key_env = "(\w+)"', example), "a-credential")
    assert "everwarm.toml" in " ".join(configure(example, **env).sources.values())


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8
