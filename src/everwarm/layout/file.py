"""``everwarm layout show``: what rewriting makes of the requests of a log."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from time import time
from typing import Any, NamedTuple

import orjson
from rich.console import Console
from rich.text import Text

from everwarm.config import Config
from everwarm.core.body import read
from everwarm.core.calibration import Calibration
from everwarm.core.dialects.dialect import Dialect
from everwarm.core.dialects.guess import dialect_of, wrapped
from everwarm.core.dialects.registry import CONVERSING
from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.finding import Arranged, Cost, Finding
from everwarm.core.layout.lines import lines_of
from everwarm.core.layout.notes import MemoryNotes
from everwarm.core.layout.words import lasting, sentence
from everwarm.errors import BadRequest, ConfigError
from everwarm.packing import PackingError, unpacked

CONTEXT = 3
"""Lines around a change that are shown."""

LEARNED = 3
"""The first request that may be rewritten: what changes is known by those before it."""

TOO_FEW = f"It takes a log with {LEARNED} requests of a kind to see what changes."

ESTIMATED = "Tokens are estimated from characters."

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


class Logged(NamedTuple):
    """One request of a file."""

    data: bytes
    value: dict[str, Any]
    dialect: Dialect
    where: str  # for messages


def show(config: Config, file: str, number: int | None, dialect: str | None, out: Path | None) -> int:
    """Arrange the requests of a file one after another, and print what that made of one, the last if none is named."""
    logged = list(requests(file, dialect))
    if not logged:
        raise ConfigError(f"{_name(file)} holds no requests.")
    number = len(logged) if number is None else number
    if not 1 <= number <= len(logged):
        raise ConfigError(f"--request {number}: {_name(file)} holds requests 1 to {len(logged)}.")
    layout, arranged = Layout(MemoryNotes()), Arranged(b"")
    wishes, begun = config.layout.wishes("rewrite"), time()
    for index, one in enumerate(logged[:number]):
        model = str(one.value.get("model", ""))
        arranged = layout.arrange("public", one.dialect.name, model, one.data, wishes, begun + index)
    if out is not None:
        _write(out, arranged.data)
    _print(Console(), number, logged, arranged)
    return 0


def requests(file: str, dialect: str | None) -> Iterator[Logged]:
    """The requests of a file: one body, a list of them, or one on each line; bare, or in a ``body`` or ``request``.

    Raises ``ConfigError`` that names the first one that is none. ``dialect``: of all; None: as each looks.
    """
    named = {d.name: d for d in CONVERSING}
    for where, data, value in _bodies(file):
        found = dialect_of(value) if dialect is None else named[dialect]
        if found is None:
            raise ConfigError(f"{where} is no request: it has neither messages, nor input, nor prompt.")
        yield Logged(data, value, found, where)


def _bodies(file: str) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    data, name = _content(file), _name(file)
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError:
        whole = None
    if isinstance(whole, list):
        parts = [(f"{name}, element {n}", orjson.dumps(each)) for n, each in enumerate(whole, 1)]
    elif whole is not None:
        parts = [(name, data)]
    else:
        parts = [(f"{name}, line {n}", line) for n, line in enumerate(data.splitlines(), 1) if line.strip()]
    for where, part in parts:
        yield where, *_unwrapped(where, part)


def _unwrapped(where: str, data: bytes) -> tuple[bytes, dict[str, Any]]:
    """The body itself: the very bytes, where it is not inside of something."""
    try:
        value = read(data).value
        inner = wrapped(value)
        if inner is not None:
            return _unwrapped(where, inner.encode() if isinstance(inner, str) else orjson.dumps(inner))
    except BadRequest as error:
        raise ConfigError(f"{where} is no JSON object: {error.message}") from None
    return data, value


def _content(file: str) -> bytes:
    try:
        stream = sys.stdin.buffer if file == "-" else BytesIO(Path(file).read_bytes())
        data = b"".join(unpacked(stream))
    except (OSError, PackingError) as error:
        raise ConfigError(f"{_name(file)} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if not data.strip():
        raise ConfigError(f"{_name(file)} is empty, but must hold requests: JSON bodies, one a line or one in all.")
    return data


def _name(file: str) -> str:
    return "standard input" if file == "-" else file


def _write(out: Path, data: bytes) -> None:
    try:
        out.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"--out {out} cannot be written: {error.strerror}.") from None


def _print(console: Console, number: int, logged: Sequence[Logged], arranged: Arranged) -> None:
    before = logged[number - 1]
    console.print(Text(f"request {number} of {len(logged)}, {before.dialect.name}", style="bold"))
    for finding in sorted(arranged.findings, key=lambda f: -f.lost):
        console.print(_finding(finding), soft_wrap=True)
    if arranged.findings:
        console.print(Text(f"  {ESTIMATED}", style="dim"))
    if arranged.data == before.data:
        console.print(Text("Nothing of it is changed."))
        if number < LEARNED:
            console.print(Text(TOO_FEW, style="dim"))
        return
    changes = list(_diff(lines_of(before.value), lines_of(read(arranged.data).value)))
    if not changes:
        console.print(Text("It is spelt otherwise, and reads the same."))
    for line in changes:
        console.print(line, soft_wrap=True)


def _finding(finding: Finding) -> Text:
    told = "; ".join(filter(None, (sentence(finding, _cost(finding)), lasting(finding))))
    return Text(f"  {told}", style="green" if finding.done else "yellow")


def _cost(finding: Finding) -> Cost:
    """A file does not say what its requests were counted for, so it is what is common."""
    lost, total = (Calibration().tokens_of(characters).tokens for characters in (finding.lost, finding.total))
    return Cost(lost, total, calibrated=False)


def _diff(before: Sequence[str], after: Sequence[str]) -> Iterator[Text]:
    lines = difflib.unified_diff(before, after, "as it came", "as it goes out", lineterm="", n=CONTEXT)
    for line in lines:
        yield Text(line, style=_STYLES.get(line[0], ""))
