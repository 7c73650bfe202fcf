"""docs/analyze.md tells of all that there is: formats, causes, repairs, members of JSON, columns of SQL."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from everwarm.analyze.command import REPLAYED
from everwarm.analyze.formats.registry import FORMATS, TRACES
from everwarm.analyze.report import Answers, Repair, Report, Source, Step, Sums, Trace
from everwarm.analyze.showing import sql
from everwarm.analyze.sums import repairs
from everwarm.core.analysis import waterfall
from everwarm.core.analysis.loss import CAUSES, WORDS

VERSION_1 = {
    Report: """sources total models streams apps days repairs answers near flame timeline worst notes began ended traces
        version""",
    Source: "name format calls bytes unread sample repeated",
    Sums: "name calls failed reported prompt read written output ideal rules cost uncached steps",
    Step: "cause what tokens calls money label path start end was became where evidence cure",
    Repair: """name label calls prompt read written cost before_prompt before_read before_written before_cost note""",
    Answers: "ttl calls tokens cost",
    Trace: "name requests tokens size blocks unlimited curve needed ttl waits note",
}
"""Members that were published: more may come, and none may go without a new version."""

PAGE = Path(__file__).parents[2] / "docs/analyze.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="installed without the repository")


def part(heading: str) -> str:
    return PAGE.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> list[str]:
    """Of each row of a table, but for its head."""
    cells = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    return [cell for before, cell in zip(["", *cells], cells, strict=False) if before and cell.strip("-") and before]


def test_every_format_is_told() -> None:
    told = ", ".join(first_cells(part("What it reads"))).split(", ")
    assert sorted(told) == sorted(form.name for form in (*FORMATS, *TRACES))


def test_every_cause_is_told_in_its_words() -> None:
    assert sorted(first_cells(part("What became of each token"))) == sorted(f"{WORDS[c]} (`{c}`)" for c in CAUSES)


def test_the_picture_is_that_of_the_code() -> None:
    picture = re.findall(r"```text\n(.*?)```", part("What became of each token"), re.S)
    assert picture[0].strip() in (waterfall.__doc__ or "")


def test_every_repair_is_told() -> None:
    source = Path(repairs.__file__).read_text("utf-8")
    made = set(re.findall(r'(?:Repair|_repair)\("([a-z-]+)"', source))
    assert len(made) > 6
    assert {cell.strip("`") for cell in first_cells(part("Repairs"))} == made


def test_the_calls_that_repairs_are_replayed_with_are_told() -> None:
    assert f"Repairs run over the first {REPLAYED:,} calls" in " ".join(PAGE.read_text("utf-8").split())


def test_every_member_of_the_json_is_told() -> None:
    table = part("JSON and SQL")
    assert {field.name for field in fields(Report)} <= set(re.findall(r"`(\w+)`", table))
    total = next(line for line in table.splitlines() if line.startswith("| `total`"))
    members = {field.name for form in (Sums, Step) for field in fields(form)}
    assert members - {"name", "label"} <= set(re.findall(r"\w+", total))


@pytest.mark.parametrize("form", VERSION_1, ids=lambda form: form.__name__)
def test_what_version_1_has_stays(form: type[Any]) -> None:
    assert next(field.default for field in fields(Report) if field.name == "version") == 1
    assert set(VERSION_1[form].split()) <= {field.name for field in fields(form)}


def test_every_column_of_the_tables_is_told() -> None:
    rows = {
        name: columns.split()
        for name, columns in re.findall(r"^\| `(\w+)` \|.*\| (`.*`) \|$", part("JSON and SQL"), re.M)
    }
    assert "PRAGMA user_version = 1;" in sql._TABLES
    made = dict(re.findall(r"CREATE TABLE (\w+) \((.*?)\);", sql._TABLES, re.S))
    assert rows.keys() == made.keys()
    for name, text in made.items():
        columns = [column.split()[0] for column in text.split(",")]
        assert [column.strip("`") for column in rows[name]] == columns, name
