"""The documents are true: tables made from code equal it, commands that are named exist, links lead somewhere."""

from __future__ import annotations

import hashlib
import re
import shlex
from pathlib import Path

import pytest

from everwarm.cli import _parser
from everwarm.core.canonical import RENAMED, VOLATILE
from everwarm.ledger import tables
from everwarm.store import answers

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / n for n in ("README.md", "README.ja.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").rglob("*.md"))
SCHEMAS = {
    "cache.db": (answers.SCHEMA, "0ae6f1f753ba75aac851f3f3280d0b8ee0d6544b0be137bfd0646094c38c055f"),
    "ledger.db": (tables.SCHEMA, "3261da078788c7d636d15b3aaa900b9abc0a2da6aaac75c9190f597341499d71"),
}

pytestmark = pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="installed without the repository")


def volatile_table() -> str:
    """The table in docs/formats.md, from the code."""
    rows = "\n".join(f"| `{path}` | {why} |" for path, why in VOLATILE["openai_chat"].items())
    renamed = " and ".join(f"`{path}`" for path in RENAMED["openai_chat"])
    return f"| left out | why |\n|---|---|\n{rows}\n\nRenamed: {renamed}."


def test_the_volatile_table_is_that_of_the_code() -> None:
    text = (ROOT / "docs/formats.md").read_text("utf-8")
    found = re.search(r"<!-- volatile:begin.*?-->\n(.*?)<!-- volatile:end -->", text, re.S)
    assert found
    assert found[1].strip() == volatile_table(), "write the expected table into docs/formats.md"


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
