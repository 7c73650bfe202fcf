"""One program: what is in its prompts that should not be there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final, NamedTuple

from everwarm.core.layout.volatile import label
from everwarm.lint.finding import Finding, tokens
from everwarm.lint.python.edits import Editor
from everwarm.lint.python.flow import Flow
from everwarm.lint.python.later import Later
from everwarm.lint.python.program import Function, Program
from everwarm.lint.python.sinks import Sink, sinks
from everwarm.lint.python.spots import Source
from everwarm.lint.python.text import ENVIRONMENT, KEYS, SET, Bit, Text, literal

MUCH: Final = 400
"""Literal characters behind something that would do no harm at the end: in a user message, or known by name only."""

_SHOWN: Final = 60  # characters of an expression that a message repeats

_EACH: Final = {
    "a clock": "It changes with each request",
    "a date": "It changes each day",
    "a UUID": "It is another each time",
    "a random value": "It is another each time",
    "a number of this process": "It is another in each process",
    "a path": "It differs between machines and folders",
    ENVIRONMENT: "It differs between machines and deployments",
    "a user": "It differs between users",
    "a machine's name": "It differs between machines",
    "git state": "It changes with each commit and branch",
    "a command's output": "It may be another each time",
    SET: "The order differs between processes",
    KEYS: "The keys stand in the order in which somebody put them in",
    "an id": "By its name it differs between users or requests",
}
_KEPT: Final = {"a clock", "a date", "a UUID", "a random value"}
_REST: Final = {
    "tools": "the tools behind it, the system prompt and the conversation",
    "system": "the conversation",
    "user": "what follows",
}


class _Found(NamedTuple):
    bit: Bit
    sink: Sink
    behind: int  # literal characters
    before: str  # the literal text in front of it


def check(text: str, file: str) -> list[Finding]:
    """What is found in the program ``text``, in the order of its lines. Raises ``SyntaxError`` if it is none."""
    program = Program(ast.parse(text))
    flow = Flow(program)
    later = Later(program, flow)
    source = Source(text, program)
    editor = Editor(source, program, file)
    worst: dict[tuple[int, int, str], _Found] = {}
    for sink in sinks(program):
        for found in _in_sink(sink, flow, later):
            assert found.bit.node is not None
            place = (*source.begin(found.bit.node), found.bit.kind)
            if place not in worst or found.behind > worst[place].behind:
                worst[place] = found
    return [_finding(found, source, program, editor, file) for _, found in sorted(worst.items(), key=lambda i: i[0])]


def _in_sink(sink: Sink, flow: Flow, later: Later) -> Iterator[_Found]:
    text = flow.returns_of(sink.value) if isinstance(sink.value, Function) else flow.text_at(sink.value)
    if sink.filled_later:
        text = later.fill(text)
    for index, bit in enumerate(text):
        behind = literal(text[index + 1 :])
        if bit.kind and bit.node is not None and _matters(bit, sink, text, behind):
            yield _Found(bit, sink, behind, "".join(b.text for b in text[:index]))


def _matters(bit: Bit, sink: Sink, text: Text, behind: int) -> bool:
    if bit.kind == ENVIRONMENT and not literal(text):  # a prompt that is configured
        return False
    if bit.raw and (sink.tier != "tools" or "frozenset" in ast.dump(bit.node or sink.value)):  # no list of tools
        return False
    return behind >= MUCH or not (bit.weak or sink.tier == "user")


def _finding(found: _Found, source: Source, program: Program, editor: Editor, file: str) -> Finding:
    bit, node = found.bit, found.bit.node
    assert node is not None
    line, column = source.begin(node)
    shown = source.written(node)
    name = label(found.before, len(found.before), len(found.before)) or bit.kind.split(" ", 1)[-1]
    return Finding(
        file,
        line,
        column,
        found.sink.name,
        bit.kind,
        shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "...",
        _story(found, node, program),
        tokens(found.behind),
        *editor.propose(bit, name),
    )


def _story(found: _Found, node: ast.expr, program: Program) -> str:
    at_import = isinstance(program.scope_of(node).node, ast.Module) and found.bit.kind in _KEPT
    when = "It is read once in each process" if at_import else _EACH[found.bit.kind]
    behind = f"the {found.behind:,} characters of text behind it and " if found.behind else ""
    return f"{when}: {behind}{_REST[found.sink.tier]} cannot be reused."
