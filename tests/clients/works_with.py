"""The table "works with" of the README: what it says of a client, and what a provider saw of that client."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from providers.asked import Asked

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
IN_JAPANESE = ROOT / "README.ja.md"

APIS = {
    "/v1/chat/completions": "Chat Completions",
    "/v1/responses": "Responses",
    "/v1/messages": "Messages",
    "/v1/completions": "Completions",
    "/v1/embeddings": "Embeddings",
}

SIGNS = {
    "streams": (b'"stream":true',),
    "tools": (b'"role":"tool"', b'"type":"function_call_output"', b'"type":"tool_result"'),  # it was told a result
    "structured output": (b'"type":"json_schema"',),
}
"""What a request has in it that is one of these. What is no stream is JSON."""

COLUMNS = ("JSON", *SIGNS)

TABLE = re.compile(r"^\|[^|\n]+\|[^|\n]+\| JSON \|.*\n\|[-:|]+\|\n((?:\|.*\n)+)", re.M)
"""Known by its third column, in any language."""


@dataclass(frozen=True)
class Row:
    """What a client does, as the columns of the table have it."""

    apis: frozenset[str]
    does: frozenset[str]


def seen(asked: Iterable[Asked]) -> Row:
    """What these requests are."""
    apis, does = set(), set()
    for each in asked:
        body = each.body.replace(b'": ', b'":')
        apis.add(APIS[each.path])
        found = {name for name, signs in SIGNS.items() if any(sign in body for sign in signs)}
        does |= found if "streams" in found else {"JSON", *found}
    return Row(frozenset(apis), frozenset(does))


def table(readme: Path) -> dict[str, Row]:
    """Client -> what the file says that it does. A client is named with where it comes from: ``openai (npm)``."""
    (found,) = TABLE.findall(readme.read_text("utf-8"))
    rows = {}
    for line in found.splitlines():
        name, apis, *marks = (cell.strip() for cell in line.strip("|").split("|"))
        assert set(marks) <= {"✓", ""}, line
        does = frozenset(column for column, mark in zip(COLUMNS, marks, strict=True) if mark)
        rows[name.replace("`", "")] = Row(frozenset(apis.split(", ")), does)
    return rows
