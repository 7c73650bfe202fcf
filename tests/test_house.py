"""The rules of the house: which room may know which, what the core may touch, how long a function may be."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import everwarm
from everwarm import errors

SOURCE = Path(everwarm.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

MAY_IMPORT = {
    "errors": set(),
    "core": {"errors"},
    "store": {"core", "errors", "lock"},
    "config": {"core", "errors", "lock"},
    "ledger": {"store", "core", "errors"},
    "counting": {"core", "errors"},
    "gateway": {"counting", "rules", "ledger", "store", "core", "config", "errors", "lock"},
    "engine": {"core", "errors", "lock"},
    "prompt": {"core", "errors"},
    "lint": {"ledger", "core", "config", "errors", "folders", "packing"},
    "analyze": {"ledger", "core", "config", "errors", "folders", "packing", "rules"},
    "log": {"errors"},
    "workers": {"errors"},
    "rules": {"core", "errors"},
    "rule_table": {"core", "rules"},
    "keys": {"config", "errors"},
    "progress": set(),
    "flags": {"config"},
    "folders": set(),
    "packing": set(),
    "lock": set(),
    "demo": {"errors"},
    "warm": {"demo", "errors"},
    "layout": {"gateway", "ledger", "store", "core", "config", "errors", "rules", "flags", "packing"},
    "stats": {"ledger", "config"},
    "dashboard": set(),
}
"""room -> the rooms that it may import. ``serve`` and ``cli``, where all meet, may import any."""

IMPURE = {
    "asyncio",
    "threading",
    "time",
    "random",
    "secrets",
    "uuid",
    "os",
    "io",
    "socket",
    "pathlib",
    "sqlite3",
    "datetime",
    "subprocess",
}
"""What the core must not import: clocks, chance, files, the network, tasks."""

LONGEST_FUNCTION = 50
LONGEST_FILE = 280


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the room"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_dependencies_point_one_way(path: Path) -> None:
    room = room_of(path)
    if room not in MAY_IMPORT:
        assert room in {"cli", "serve", "__init__", "__main__"}, f"{room} is a new room: say what it may import"
        return
    for name in imports(path):
        if name.startswith("everwarm."):
            other = name.split(".")[1]
            assert other == room or other in MAY_IMPORT[room] or other == "__version__", (
                f"{room} must not import {other}"
            )


@pytest.mark.parametrize("path", [p for p in FILES if room_of(p) == "core"], ids=lambda p: p.name)
def test_the_core_is_pure(path: Path) -> None:
    for name in imports(path):
        top = name.split(".")[0]
        assert top in sys.stdlib_module_names | {"everwarm", "orjson"}, f"{path.name} imports {name}"
        assert top not in IMPURE, f"{path.name} imports {name}"


def test_importing_the_core_loads_nothing_impure() -> None:
    import subprocess

    code = (
        "import sys; before = set(sys.modules)\n"
        "from everwarm.core import answer, body, canonical, flight, key, policy, reasons, seal, segments, sse\n"
        "from everwarm.core import upstream, usage, wire\n"
        "from everwarm.core.dialects import openai_chat, openai_chat_answer\n"
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    loaded = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert "everwarm" in loaded
    assert not loaded & {"asyncio", "threading", "sqlite3", "socket", "uvicorn", "rich", "numpy"}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_functions_are_short_or_say_why(path: Path) -> None:
    lines = path.read_text().splitlines()
    for f in functions(path):
        length = (f.end_lineno or f.lineno) - f.lineno + 1
        if length > LONGEST_FUNCTION:
            head = "\n".join(lines[f.lineno - 1 : f.lineno + 12])
            assert re.search(r"# long: \w+", head), (
                f"{path.name}:{f.lineno} {f.name} has {length} lines and does not say why"
            )
    assert len(lines) <= LONGEST_FILE, f"{path.name} has {len(lines)} lines: one noun a file"


def test_the_median_function_is_small() -> None:
    lengths = sorted((f.end_lineno or 0) - f.lineno + 1 for p in FILES for f in functions(p))
    assert lengths[len(lengths) // 2] <= 10


def test_every_error_is_drawn_in_the_tree() -> None:
    drawing = errors.__doc__ or ""
    stack, seen = [errors.EverwarmError], set()
    while stack:
        cls = stack.pop()
        if cls in seen or not cls.__module__.startswith("everwarm"):
            continue
        seen.add(cls)
        assert re.search(rf"\b{cls.__name__}\b", drawing), f"{cls.__name__} is not drawn"
        assert 400 <= cls.status < 600
        stack += cls.__subclasses__()
    assert len(seen) > 10
