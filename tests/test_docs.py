"""The documents are true: tables made from code equal it, commands that are named exist, links lead somewhere."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import textwrap
from pathlib import Path

import pytest

from everwarm.cli import _parser
from everwarm.core.canonical import RENAMED, VOLATILE
from everwarm.gateway.upstreams import headers
from everwarm.ledger import tables
from everwarm.store import answers, note_table

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / n for n in ("README.md", "README.ja.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").rglob("*.md"))
SCHEMAS = {
    "cache.db": (answers.SCHEMA, "30626482431d5c1c2aae657e60bb9378d9866fbe0e18764664494a58e3d81328"),
    "ledger.db": (tables.SCHEMA, "11b80aaf2e6bd030fec5d3a8b122e1d0060f21e04e2c4d6e26ba41c004bbf596"),
    "layout.db": (note_table.SCHEMA, "271d31548c271542fa3e7333cfc2ba41296703b5fd776bd6102617a480a96402"),
}

pytestmark = pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="installed without the repository")


def volatile_table() -> str:
    """What each dialect's key leaves out, from the code."""
    parts = []
    for dialect, table in VOLATILE.items():
        rows = "\n".join(f"| `{path}` | {why} |" for path, why in table.items())
        renamed = ", ".join(f"`{path}`" for path in RENAMED[dialect])
        parts.append(f"#### `{dialect}`\n\n| left out | why |\n|---|---|\n{rows}\n")
        if renamed:
            parts.append(textwrap.fill(f"Renamed: {renamed}.", 118, break_on_hyphens=False) + "\n")
    return "\n".join(parts)


def header_table() -> str:
    """Which headers reach an upstream without being in the key, from the code."""
    rows = "\n".join(f"| `{name}` | {why} |" for name, why in sorted(headers.VOLATILE.items()))
    return f"| header | why it is not in the key |\n|---|---|\n{rows}\n"


GENERATED = {
    "formats.md": ("volatile", volatile_table),
    "gateway.md": ("headers", header_table),
}


@pytest.mark.parametrize("name", GENERATED)
def test_tables_are_those_of_the_code(name: str) -> None:
    """``EVERWARM_TEST_WRITE=1`` writes them."""
    path, (mark, make) = ROOT / "docs" / name, GENERATED[name]
    text = path.read_text("utf-8")
    found = re.search(rf"<!-- {mark}:begin.*?-->\n(.*?)<!-- {mark}:end -->", text, re.S)
    assert found
    if os.environ.get("EVERWARM_TEST_WRITE"):
        path.write_text(text[: found.start(1)] + make() + text[found.end(1) :], "utf-8")
    else:
        assert found[1] == make()


def code_lines(path: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", path.read_text("utf-8"), re.S)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [line.split("  #")[0].strip() for line in joined.splitlines() if line.strip()]


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_commands_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for line in code_lines(path):
        words = shlex.split(line)
        if words[0] == "make":
            assert words[1] in targets, line
        elif words[0] == "everwarm":
            _parser().parse_args(words[1:])
        else:
            assert words[0] in {"curl", "pip", "python", "printf"}, line


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
        if "://" not in link:
            assert (path.parent / link).exists(), link


def test_the_architecture_names_every_room_and_no_other() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    source = ROOT / "src/everwarm"
    rooms = {p.name for p in source.iterdir() if p.is_dir() and p.name != "__pycache__"}
    drawn = text.partition("## The rooms")[2].partition("## ")[0]
    assert rooms == set(re.findall(r"^[├└]── (\w+)/", drawn, re.M))
    for name in re.findall(r"\b(\w+\.py)\b", text):
        assert list(source.rglob(name)) or list((ROOT / "tests").rglob(name)), f"{name} is drawn, but is not there"


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_frozen(name: str) -> None:
    """If this fails a schema has changed: it needs a migration, a new version in docs/formats.md, a new digest here."""
    schema, frozen = SCHEMAS[name]
    assert hashlib.sha256(repr(schema).encode()).hexdigest() == frozen


def test_documents_are_no_wider_than_a_screen() -> None:
    for path in DOCS:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            assert len(line) <= 140 or line.startswith("|"), f"{path.name}:{number}"
