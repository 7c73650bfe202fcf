"""The tree that the lines of a Claude Code transcript are, and what each call was sent of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from everwarm.analyze.formats.steps import Step, after
from everwarm.core.analysis.block import Block
from everwarm.core.usage import Usage
from everwarm.core.wire import Json


class Home(NamedTuple):
    """What a line says of where it was written."""

    session: str
    agent: str  # the subagent's id
    aside: bool  # whether it is one of a subagent
    folder: str
    version: str

    @property
    def talk(self) -> tuple[str, str, bool]:
        """The conversation."""
        return self[:3]


class Node:
    """One line. It stands behind its parent; but lines of one answer, and the results of its calls, behind that of the
    answer's first line, all together."""

    __slots__ = (
        *("name", "parent", "at", "home", "blocks", "content", "thinking", "answer"),
        *("root", "clears", "kept", "seen", "step"),
    )

    def __init__(self, name: str, parent: str, at: float | None, home: Home) -> None:
        self.name = name
        self.parent: Node | str = parent  # its name, until all lines are there; "": none
        self.at = at
        self.home = home
        self.blocks: list[Block] = []  # that it adds to later prompts
        self.content: list[Json] = []  # of an answer's line
        self.thinking = ""  # how much the user had asked for, here or before
        self.answer: Answer | None = None
        self.root = False  # of a compaction: nothing before it is sent any more
        self.clears: frozenset[str] = frozenset()  # calls of tools whose results are not sent any more
        self.kept: list[Node] = []  # what a compaction has kept, behind its summary
        self.seen = False
        self.step: Step | None = None

    @property
    def order(self) -> tuple[float, str]:
        """In which lines were written, whatever their order in the file."""
        return (self.at if self.at is not None else 0.0, self.name)


class Answer:
    """What one call gave: the lines with its id, and the results of the tools that it called."""

    def __init__(self, name: str, number: int) -> None:
        self.id = name
        self.number = number  # of the line in the file
        self.nodes: list[Node] = []
        self.results: dict[str, Node] = {}  # by the id of the call of a tool
        self.blocks: list[Block] = []
        self.usage: Usage | None = None
        self.failed = False
        self.model = ""
        self.speed = ""
        self.step: Said | None = None

    @property
    def ended(self) -> float | None:
        """When its last line was written."""
        return max((node.at for node in self.nodes if node.at is not None), default=None)

    def sort(self) -> None:
        """Its lines as they follow each other; those that do not, as they were written."""
        self.nodes = sorted(self.nodes, key=lambda node: (self._depth(node), node.order))

    def said(self, cleared: frozenset[str]) -> list[Block]:
        """All that later calls are sent of it, the results last."""
        rows: dict[Node, bool] = {}
        for name, node in sorted(self.results.items(), key=lambda one: one[1].order):
            rows[node] = rows.get(node, False) or name in cleared
        results = (map(_emptied, node.blocks) if gone else node.blocks for node, gone in rows.items())
        return [*self.blocks, *(block for blocks in results for block in blocks)]

    def _depth(self, node: Node) -> int:
        for depth in range(len(self.nodes) + len(self.results)):  # a circle ends, too
            if not isinstance(node.parent, Node) or node.parent.answer is not self:
                return depth
            node = node.parent
        return 0


class Said(Step):
    """The end of a prompt that is an answer with its results: to be made again when some of them are cleared."""

    __slots__ = ("answer", "cleared")

    def __init__(self, before: Step | None, answer: Answer, cleared: frozenset[str]) -> None:
        super().__init__(before, answer.said(cleared))
        self.answer = answer
        self.cleared = cleared


class Tree:
    """All lines of a file."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.results: list[tuple[str, Node]] = []  # ids of calls of tools, and the lines that have their results
        self._keeps: list[tuple[Node, list[str], tuple[str, str]]] = []

    def keep(self, keeper: Node, names: list[str], ends: tuple[str, str]) -> None:
        """A compaction that keeps lines: these, or all from one to the other."""
        self.nodes[keeper.name] = keeper
        self._keeps.append((keeper, names, ends))

    def link(self, answers: Iterable[Answer], calls: dict[str, Answer]) -> None:
        """Once all lines are there. ``calls``: whose answer made the call of a tool, by its id."""
        for keeper, names, ends in self._keeps:
            keeper.kept = [self.nodes[name] for name in names or self._between(*ends) if name in self.nodes]
        keepers = sorted((keeper for keeper, *_ in self._keeps), key=lambda node: node.order)
        for node in self.nodes.values():
            node.parent = self._parent(node, keepers) or ""
        for name, node in sorted(self.results, key=lambda one: one[1].order):
            answer = calls.get(name)
            if answer is not None and node.answer in (None, answer):
                node.answer = answer
                answer.results.setdefault(name, node)
        for each in answers:
            each.sort()

    def before(self, answer: Answer) -> Step | None:
        """The prompt that it answers."""
        parent = origin(answer.nodes[0])
        return self._step(parent) if parent else None

    @cached_property
    def _orders(self) -> dict[tuple[str, str, bool], list[tuple[float, str]]]:
        """The lines of each conversation as they were written."""
        found: dict[tuple[str, str, bool], list[tuple[float, str]]] = {}
        for node in sorted(self.nodes.values(), key=lambda each: each.order):
            found.setdefault(node.home.talk, []).append(node.order)
        return found

    def _between(self, head: str, tail: str) -> list[str]:
        """The names of a row of parents, its head first; none if it does not lead there."""
        row: dict[str, None] = {}
        name: Node | str = tail
        while isinstance(name, str) and name in self.nodes and name not in row:
            row[name] = None
            if name == head:
                return list(row)[::-1]
            name = self.nodes[name].parent
        return []

    def _parent(self, node: Node, keepers: list[Node]) -> Node | None:
        """Of a line whose parent is not there, the one before it in time is the likeliest."""
        name = node.parent
        if not isinstance(name, str) or not name or node.root:
            return None
        parent = self.nodes.get(name)
        if parent is None:
            row = self._orders[node.home.talk]
            place = bisect_left(row, node.order)
            return self.nodes[row[place - 1][1]] if place else None
        for keeper in keepers:
            if parent in keeper.kept and node not in keeper.kept and keeper.order < node.order:
                parent = keeper
        return parent

    def _step(self, node: Node) -> Step | None:
        """All that is sent once this line is written. A loop: conversations are long."""
        row: list[Node] = []
        here: Node | None = node
        while here is not None and not here.seen:  # it is seen, too, where the lines go in a circle
            here.seen = True
            row.append(here)
            here = origin(here)
        while row:
            each = row.pop()
            each.step = _own(each, here.step if here else None)
            each.thinking = each.thinking or (here.thinking if here else "")
            here = each
        return node.step


def origin(node: Node) -> Node | None:
    """The line that it stands behind."""
    parent = node.answer.nodes[0].parent if node.answer else node.parent
    return parent if isinstance(parent, Node) else None


def upwards(node: Node) -> Iterator[Node]:
    """All lines that it stands behind, the nearest first."""
    seen = {node}
    here = origin(node)
    while here is not None and here not in seen:
        seen.add(here)
        yield here
        here = origin(here)


def sent(answer: Answer) -> float | None:
    """When the last of what it answers was written: the request went out then, or a little later."""
    first = answer.nodes[0]
    parent = origin(first)
    if parent is None:
        return first.at
    rows = (parent, *(parent.answer.results.values() if parent.answer else ()))
    last = max((node.at for node in rows if node.at is not None), default=first.at)
    return last if last is None or first.at is None else min(last, first.at)


def _own(node: Node, before: Step | None) -> Step | None:
    if node.answer is not None:
        return _answered(before, node.answer)
    if node.clears:
        return _cleared(before, node.clears)
    for each in dict.fromkeys(kept.answer or kept for kept in node.kept):
        before = _answered(before, each) if isinstance(each, Answer) else after(before, each.blocks)
    return after(before, node.blocks)


def _answered(before: Step | None, answer: Answer) -> Step | None:
    """One step for all that ask for it: it is known by its identity."""
    if answer.step is None or answer.step.before is not before:
        answer.step = Said(before, answer, frozenset())
    return answer.step


def _cleared(step: Step | None, names: frozenset[str]) -> Step | None:
    """The same prompt, made again from the first of these results on."""
    row: list[Step] = []
    changed = 0
    here = step
    while here is not None:
        row.append(here)
        if isinstance(here, Said) and not names.isdisjoint(here.answer.results):
            changed = len(row)
        here = here.before
    if not changed:
        return step
    made = row[changed - 1].before
    for each in reversed(row[:changed]):
        made = Said(made, each.answer, each.cleared | names) if isinstance(each, Said) else after(made, each.blocks)
    return made


def _emptied(block: Block) -> Block:
    """A result that is not sent any more."""
    head = f"\n<|{block.role}|>\n" if block.opens else ""
    return block._replace(text=head, pieces=(), size=len(head))
