"""The canonical form of a request: what two requests must share to be given one answer.

The whole body counts, known fields and unknown ones, except what ``VOLATILE`` names (requirement R1: a deny-list, never
an allow-list). On top of that only spellings of one meaning are made equal:

- the order of keys, white space and escapes (by parsing and writing sorted);
- ``0`` and ``0.0`` (whole numbers below 2**53; beyond, integers stay exact and floats stay floats);
- what one protocol lets a client write in two ways (``core.spellings``): a content that is one text part, and the same
  text as a string; ``n`` absent and ``n: 1``; ids of tool calls, which clients invent.

Where the order of keys is meaning it is kept: the ``properties`` of a JSON schema that constrains the answer (anywhere
but in messages and in tools that are not ``strict``) decide in which order the model writes. See docs/decisions/0002.

This form is for keys. It is never sent to anybody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import orjson

from everwarm.core.body import Body, read_exact
from everwarm.core.plain import DEPTH, Inexact, Plain, exact, ordered, plain
from everwarm.core.spellings import anthropic, openai_chat, openai_completions, openai_embeddings, openai_responses
from everwarm.core.spellings.spelling import Spelling
from everwarm.core.wire import Json

SPELLINGS: Final[Mapping[str, Spelling]] = {
    "openai_chat": openai_chat.SPELLING,
    "openai_completions": openai_completions.SPELLING,
    "openai_embeddings": openai_embeddings.SPELLING,
    "openai_responses": openai_responses.SPELLING,
    "anthropic_messages": anthropic.SPELLING,
}
"""By dialect."""

VOLATILE: Final[Mapping[str, Mapping[str, str]]] = {name: s.volatile for name, s in SPELLINGS.items()}
"""What a key leaves out, and why: dialect -> path -> reason. A path covers everything below it."""

RENAMED: Final[Mapping[str, tuple[str, ...]]] = {name: s.renamed for name, s in SPELLINGS.items()}
"""Ids that count only by which of them are equal: dialect -> paths."""

_LEFT_OUT: Final = {
    name: frozenset(p for p in s.volatile if "." not in p and "[" not in p) | s.members.keys() | {"model"}
    for name, s in SPELLINGS.items()
}
"""Top-level members that are not copied as they are. A path with a dot is of a member's member, and no name."""


_ONE_WAY: Final = frozenset((str, int, bool, type(None)))
"""Types of values that are their own canonical form."""


def canonical(dialect: str, body: Body, model: str) -> bytes:
    """The canonical form of ``body``: sorted JSON. ``model`` is the resolved name, in place of the client's alias.

    Raises ``BadRequest`` if the body is nested more than ``DEPTH`` deep.
    """
    try:
        return orjson.dumps(_normal(dialect, body.value, model, plain), option=orjson.OPT_SORT_KEYS)
    except (Inexact, orjson.JSONEncodeError):  # the latter: an integer beyond 64 bits, which it cannot write
        value = _normal(dialect, read_exact(body), model, exact)
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _normal(dialect: str, value: Mapping[str, Json], model: str, spell: Plain) -> dict[str, Json]:
    spelling, left_out = SPELLINGS[dialect], _LEFT_OUT[dialect]
    out = {k: v if type(v) in _ONE_WAY else ordered(spell(v, DEPTH)) for k, v in value.items() if k not in left_out}
    out["model"] = model
    for name, write in spelling.members.items():
        if name in value:
            out[name] = write(value[name], spell)
    for name, means_nothing in spelling.defaults.items():
        if name in out and means_nothing(out[name]):
            del out[name]
    return out
