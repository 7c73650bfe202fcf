"""The prompt builder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from everwarm.errors import PromptError
from everwarm.prompt.converse import in_blocks, pointed
from everwarm.prompt.drift import Drift
from everwarm.prompt.marks import marked
from everwarm.prompt.part import Part, added, joined, part, refuse_volatile
from everwarm.prompt.plain import refuse_unordered, row_of, text_of
from everwarm.prompt.tools import Tool, read_tools
from everwarm.prompt.turn import with_blocks, with_newest

_OURS: Final = frozenset({"tools", "messages", "system", "instructions", "input", "modelId"})
_RENDERED: Final = Drift()
_DEPTH: Final = 4  # frames from the warning up to who called chat(), responses(), anthropic() or converse()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is told, by how often it changes. Never altered: each method gives a new one, so that a base can be
    shared by all conversations, and each can add to it.

    However the methods are called, a request holds tools, static texts, session texts, the conversation, and at its end
    what is dynamic; in each of them the order of the calls counts. A part replaces an earlier one of its name.

    ``name``: static texts and tools are expected to be the same in all prompts of this name in the process; where they
    are not, there is a ``PromptWarning`` at the place that renders, once, or with ``strict`` each time a
    ``PromptError``. Prompts without a name are not compared.

    Every method raises ``PromptError`` for what it cannot take.
    """

    name: str = ""
    strict: bool = False
    _tools: tuple[Tool, ...] = field(default=(), kw_only=True)
    _static: tuple[Part, ...] = field(default=(), kw_only=True)
    _session: tuple[Part, ...] = field(default=(), kw_only=True)
    _dynamic: tuple[Part, ...] = field(default=(), kw_only=True)

    def tools(self, more: Iterable[Mapping[str, Any]]) -> Prompt:
        """Tools, in this order: ``{name, description, parameters}``, or the form of Chat, Responses or Messages. Hosted
        ones (web search and others of a ``type`` of their own) go out as they are, and are only for the dialect they
        belong to. A function is ``strict`` only if it says so.
        """
        return replace(self, _tools=read_tools(more, self._tools))

    def static(self, text: str, *, name: str = "", allow: Iterable[str] = ()) -> Prompt:
        """What is the same for everybody. Raises ``PromptError`` if a stretch of it is such as changes by nature: a
        clock, a date, a UUID ... ``allow`` names the kinds that stand in it on purpose and never change.
        """
        where = f"static({name!r})" if name else "static()"
        new = part(where, text, name)
        refuse_volatile(where, text, allow)
        return replace(self, _static=added(self._static, new))

    def session(self, text: str, *, name: str = "") -> Prompt:
        """What stays the same within one conversation."""
        return replace(self, _session=added(self._session, part("session()", text, name)))

    def dynamic(self, text: str, *, name: str) -> Prompt:
        """What may differ in each request: stands as ``<context name="...">`` at the end of the newest user turn."""
        if not text_of(name, "dynamic() name"):
            raise PromptError('dynamic() needs a name: it stands in <context name="...">, where the model finds it.')
        return replace(self, _dynamic=added(self._dynamic, part(f"dynamic({name!r})", text, name)))

    def turn(self, content: str | Iterable[Any]) -> dict[str, Any]:
        """A user message with the dynamic parts at its end, for every dialect. Keep it in the conversation: then what
        was sent stays as it was, and a later request, whose dynamic parts are others, begins with all of it.

        ``content``: a text, or parts in the form of the dialect.
        """
        given = content if isinstance(content, str) else row_of(content, "turn()")
        return with_blocks({"role": "user", "content": given}, self._dynamic)

    def chat(self, messages: Iterable[Any], *, model: str, **members: Any) -> dict[str, Any]:
        """A body for Chat Completions. ``messages``: the conversation, without a system message. ``members``: whatever
        else the request says.

        The newest user turn gets those dynamic parts that it does not have (see ``turn``); nothing else is changed.
        """
        self._check(members)
        rest = with_newest(messages, self._dynamic).messages
        system = joined((*self._static, *self._session))
        rest = [{"role": "system", "content": system}, *rest] if system else rest
        return {"model": model, **self._listed([t.chat() for t in self._tools]), "messages": rest, **members}

    def responses(self, items: str | Iterable[Any], *, model: str, **members: Any) -> dict[str, Any]:
        """A body for Responses. ``items``: its ``input``, a text or the conversation. Otherwise as ``chat``."""
        row = [{"role": "user", "content": items}] if isinstance(items, str) else items
        self._check(members)
        rest = with_newest(row, self._dynamic).messages
        system = joined((*self._static, *self._session))
        said = {"instructions": system} if system else {}
        given = rest[0]["content"] if isinstance(items, str) else rest
        return {"model": model, **self._listed([t.responses() for t in self._tools]), **said, "input": given, **members}

    def anthropic(self, messages: Iterable[Any], *, model: str, max_tokens: int, **members: Any) -> dict[str, Any]:
        """A body for Messages, with ``cache_control`` at the ends of the conversation, of the static and the session
        texts and of the tools: at most four with those that the caller has set, which all stay. Otherwise as ``chat``.
        """
        self._check(members)
        rest, spare = with_newest(messages, self._dynamic, parts=True)
        texts = [text for text in (joined(self._static), joined(self._session)) if text]
        said = {"system": [{"type": "text", "text": text} for text in texts]} if texts else {}
        listed = self._listed([t.anthropic() for t in self._tools])
        body = {"model": model, "max_tokens": max_tokens, **listed, **said, "messages": rest, **members}
        return marked(body, spare)

    def converse(self, messages: Iterable[Any], *, model: str, **members: Any) -> dict[str, Any]:
        """What boto3's ``converse`` takes by name, for Bedrock: with a ``cachePoint`` behind each of what ``anthropic``
        marks, at most four with those that stand in ``messages``. Content that is a text goes out as a block.
        ``members``: whatever else; ``toolConfig`` without tools, for a choice among them. Otherwise as ``chat``.

        A model that caches nothing refuses points.
        """
        self._check(members)
        rest, spare = with_newest(map(in_blocks, row_of(messages, "messages")), self._dynamic, parts=True)
        config = {**self._listed([t.converse() for t in self._tools]), **members.pop("toolConfig", {})}
        texts = [text for text in (joined(self._static), joined(self._session)) if text]
        said = {"system": [{"text": text} for text in texts]} if texts else {}
        wanted = {"toolConfig": config} if config else {}
        body = {"modelId": model, **wanted, **said, "messages": [in_blocks(m) for m in rest], **members}
        return pointed(body, spare)

    def _listed(self, written: list[dict[str, Any]]) -> dict[str, Any]:
        return {"tools": written} if written else {}

    def _check(self, members: Mapping[str, Any]) -> None:
        """What all dialects have to be sure of before they write."""
        for key in members:
            if key in _OURS:
                raise PromptError(
                    f"{key} is written by the prompt: give it what belongs there, not the request.", param=key
                )
        refuse_unordered(dict(members), "request")
        config = members.get("toolConfig", {})
        if not isinstance(config, Mapping) or "tools" in config:
            raise PromptError(
                "toolConfig must be a dict without tools: those are written by the prompt, give them to .tools().",
                param="toolConfig",
            )
        if self.name:
            listed = ", ".join(t.json for t in self._tools)
            complaint = _RENDERED.note(self.name, listed, joined(self._static))
            if complaint and self.strict:
                raise PromptError(complaint)
            if complaint:
                _RENDERED.tell(self.name, complaint, _DEPTH)
