"""Transcripts of Claude Code: ``~/.claude/projects/<folder>/<session>.jsonl``, and those of its subagents below.

The format is not documented by its vendor. Sources: microsoft/amplifier, ``claude_code_logging``; 23min/copilot-lens,
``docs/research/claude-code-sessions.md``; the issues on counting once, getagentseal/codeburn 201, junhoyeo/tokscale 563
and phuryn/claude-usage 28.

A line names its parent, so the lines are a tree. Each part of an answer is a line of its own, all with one
``message.id``; each repeats the usage, in which the output grows to its end. A compaction is a new root.

Assumed, as the file does not tell: a request was sent when the line before its answer was written (in truth a little
later); its answer began when the first part of it was complete, at the latest; thinking is sent again in all later
requests (for what a provider does with that of earlier turns see its rules); attachments are sent as they are written;
all subagents of one version share the part that is hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from everwarm.analyze.formats.claude_tree import Answer, Home, Node, Tree, origin, sent, upwards
from everwarm.analyze.formats.entries import broken, heads, objects, part, rows, seconds, text
from everwarm.analyze.formats.format import Format, Lines
from everwarm.analyze.formats.steps import Rows, digest
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.blocks import blocks_of
from everwarm.core.analysis.call import Line, Place
from everwarm.core.dialects.anthropic_usage import read_usage
from everwarm.core.layout.compact import compact
from everwarm.core.layout.outline import outline
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_SYNTHETIC: Final = "<synthetic>"
_STANDARD: Final = ("", "standard")
_MARKS: Final = {"summary": ("leafUuid",), "file-history-snapshot": ("messageId",)}
"""Kinds of lines without a session with which a file may begin, and what else they have."""


class ClaudeCode:
    """The format."""

    name = "Claude Code transcript"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        """By lines that have both a session and a parent, or a message of it. Other files of the agent, as its history
        of inputs, have sessions, too, but no types."""
        best = 0.0
        for entry in heads(head):
            kind = text(entry, "type")
            if "sessionId" in entry and ("parentUuid" in entry or "isSidechain" in entry):
                return 0.95
            if (kind and "sessionId" in entry) or any(mark in entry for mark in _MARKS.get(kind, ())):
                best = 0.6
        return best

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        """A record for each call, by the time at which it was made."""
        return _Transcript(lines.name).read(lines)


class _Transcript:
    def __init__(self, file: str) -> None:
        self._file = file
        self._tree = Tree()
        self._answers: dict[str, Answer] = {}
        self._calls: dict[str, Answer] = {}  # by the ids of calls of tools

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        for found in objects(lines):
            if isinstance(found, Unread):
                yield found
                continue
            number, entry = found
            kind, message = text(entry, "type"), part(entry, "message")
            if not kind or (kind in ("user", "assistant") and not message):
                yield broken(self._file, number, "it has no type, or it is a message without content", entry)
                continue
            node = self._node(number, entry)
            if node is None:
                continue
            if kind == "assistant":
                self._assistant(number, entry, message, node)
            elif kind == "user":
                self._user(entry, message, node)
            else:
                self._other(number, kind, entry, node)
        self._tree.link(self._answers.values(), self._calls)
        yield from self._records()

    def _node(self, number: int, entry: dict[str, Json]) -> Node | None:
        """None for a line that was there already."""
        name = text(entry, "uuid") or f"line {number}"
        if name in self._tree.nodes:
            return None
        session, agent, folder = text(entry, "sessionId"), text(entry, "agentId"), text(entry, "cwd")
        home = Home(session, agent, entry.get("isSidechain") is True, folder, text(entry, "version"))
        node = Node(name, text(entry, "parentUuid"), seconds(entry.get("timestamp")), home)
        self._tree.nodes[name] = node
        return node

    def _assistant(self, number: int, entry: dict[str, Json], message: dict[str, Json], node: Node) -> None:
        failed = entry.get("isApiErrorMessage") is True
        if text(message, "model") == _SYNTHETIC and not failed:  # written by the program: no call, but sent later
            node.blocks = _said("assistant", message.get("content"))
            return
        name = node.name if failed else text(message, "id") or text(entry, "requestId")
        answer = self._answer(number, node, name or node.name)
        answer.failed = failed
        if failed:
            return
        answer.model = text(message, "model")
        answer.usage = _fuller(answer.usage, read_usage(message.get("usage")))
        answer.speed = text(message.get("usage"), "speed") or answer.speed
        content = message.get("content")
        node.content = content if type(content) is list else [{"type": "text", "text": content}] if content else []
        for each in node.content:
            if name := text(each, "id"):
                self._calls[name] = answer

    def _answer(self, number: int, node: Node, name: str) -> Answer:
        answer = self._answers.get(name)
        if answer is None:
            answer = self._answers[name] = Answer(name, number)
        answer.nodes.append(node)
        node.answer = answer
        return answer

    def _user(self, entry: dict[str, Json], message: dict[str, Json], node: Node) -> None:
        asked = part(entry, "thinkingMetadata")
        level = text(asked, "level") or str(asked.get("maxThinkingTokens", ""))
        node.thinking = "none" if asked.get("disabled") is True else level
        if entry.get("isVisibleInTranscriptOnly") is True and entry.get("isCompactSummary") is not True:
            return
        node.blocks = _said("user", message.get("content"))
        self._tree.results += ((name, node) for each in rows(message, "content") if (name := text(each, "tool_use_id")))

    def _other(self, number: int, kind: str, entry: dict[str, Json], node: Node) -> None:
        """What is no message: many kinds of lines, of which the tree passes most."""
        what = text(entry, "subtype") if kind == "system" else kind
        if what == "compact_boundary":
            node.root = True
            self._keep(part(entry, "compactMetadata"), node)
        elif what == "microcompact_boundary":
            names = rows(part(entry, "microcompactMetadata"), "compactedToolIds")
            node.clears = frozenset(name for name in names if type(name) is str)
        elif what == "api_error":
            self._answer(number, node, node.name).failed = True
        elif what == "attachment" and "attachment" in entry:
            node.blocks = _said("user", [entry["attachment"]])

    def _keep(self, told: dict[str, Json], boundary: Node) -> None:
        """What a compaction has kept: a list of names, or the ends of a row of parents."""
        segment, names = part(told, "preservedSegment"), rows(part(told, "preservedMessages"), "uuids")
        anchor = text(part(told, "preservedMessages"), "anchorUuid") or text(segment, "anchorUuid")
        if names or segment:
            keeper = Node(f"{boundary.name} kept", anchor or boundary.name, boundary.at, boundary.home)
            listed = [name for name in names if type(name) is str]
            self._tree.keep(keeper, listed, (text(segment, "headUuid"), text(segment, "tailUuid")))

    def _records(self) -> Iterator[Record]:
        for answer in self._answers.values():
            answer.blocks = _said("assistant", _once(answer.nodes))
        told = Rows()
        times = {answer: sent(answer) for answer in self._answers.values()}
        for answer in sorted(times, key=lambda one: (times[one] or 0.0, one.ended or 0.0, one.id)):
            keeps, blocks = told.tell(self._tree.before(answer))
            yield self._record(answer, times[answer], keeps, blocks)

    def _record(self, answer: Answer, at: float | None, keeps: int, blocks: tuple[Block, ...]) -> Record:
        home, behind = answer.nodes[0].home, origin(answer.nodes[0])
        thinking = behind.thinking if behind else ""
        return Record(
            Place(self._file, answer.number),
            _line(answer, home),
            blocks=blocks,
            keeps=keeps,
            hides=f"claude-code {home.version}{' subagent' if home.aside else ''}",
            at=at,
            began=None if answer.failed else answer.nodes[0].at,
            ended=answer.ended,
            usage=answer.usage,
            failed=answer.failed,
            settings={
                **({"thinking": thinking} if thinking else {}),
                **({"speed": answer.speed} if answer.speed not in _STANDARD else {}),
            },
            answer=digest(answer.blocks),
            id=answer.id,
        )


def _line(answer: Answer, home: Home) -> Line:
    """The model of a call that failed is that of the one before."""
    near = (node.answer.model for node in upwards(answer.nodes[0]) if node.answer and node.answer.model)
    model = answer.model or next(near, "")
    bedrock = answer.id.startswith("msg_bdrk")
    seller = "bedrock" if bedrock else "anthropic" if "claude" in model else ""
    session = home.session + ("/" + (home.agent or "subagent") if home.aside else "")
    return Line(seller, model, "", home.folder, session)


def _fuller(one: Usage | None, other: Usage | None) -> Usage | None:
    """Of the counts of one answer those that were written last: the output only grows. None where there are none."""
    found = [usage for usage in (one, other) if usage is not None and usage.total]
    return max(found, key=lambda usage: (usage.output, usage)) if found else None


def _once(nodes: Iterable[Node]) -> list[Json]:
    """The parts of an answer. Some versions repeat those that were complete."""
    contents = [node.content for node in nodes]
    if len(contents) == 1:
        return contents[0]
    return list({compact(each): each for content in contents for each in content}.values())


def _said(role: str, content: Json) -> list[Block]:
    return blocks_of(outline("anthropic_messages", {"messages": [{"role": role, "content": content}]}))


FORMAT: Final[Format] = ClaudeCode()
