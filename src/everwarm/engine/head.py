"""The head of a prompt: what the model reads of it first, whatever comes after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from everwarm.core.prefix import common, pack
from everwarm.core.wire import Message, Part, Request, Sampling

NEXT = ("x", "7", "\n\n", " y", "!", "日")
"""What may come next: one of each kind of character that tokenizers and templates treat in a way of its own. Where a
token could take in what follows it, or a template trims, one of these shows it."""


def head_of(request: Request, tokens_of: Callable[[Request], list[int]]) -> tuple[int, ...]:
    """Tokens that begin all prompts which go on from ``request``: those that any two kinds of going on have in common.

    ``tokens_of`` renders a request and gives its tokens.
    """
    first, *others = (tokens_of(going_on(request, text)) for text in NEXT)
    packed = pack(first)
    return tuple(first[: min(common(packed, pack(other)) for other in others)])


def going_on(request: Request, text: str) -> Request:
    """``request`` with ``text`` after it: of its raw prompt, or as the next turn of whose turn it is.

    Only what the model reads is left of it.
    """
    bare = replace(request, sampling=Sampling(), rest={}, format=None)
    if request.prompt is not None:
        return replace(bare, prompt=request.prompt + text)
    answers = bool(request.messages) and request.messages[-1].role == "user"
    message = Message("assistant" if answers else "user", (Part("text", text),))
    return replace(bare, messages=(*request.messages, message))
