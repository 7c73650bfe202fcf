"""Chunks: what a prompt has in common with others, not as its beginning but at another place.

A document that stands behind another system prompt, or after other documents, is another prefix. Its tokens are the
same, so the KV that was computed of them elsewhere is nearly what would be computed here. Nearly: see ``engine.shift``.

A chunk is found by a block of the tree with the very tokens that stand somewhere in the prompt, and goes on from there
as the tree does. Each namespace has its own blocks (``Root.blocks``), so no look-up can find another's. The first block
of a prompt is not among them: a model leans on its first tokens in a way that makes no sense anywhere else.
"""

from __future__ import annotations

from typing import NamedTuple

from everwarm.core.prefix import WIDTH, Node, Root
from everwarm.core.radix import Radix


class Chunk(NamedTuple):
    """Tokens of a prompt that were seen at another place."""

    start: int  # tokens of the prompt before it
    at: int  # tokens before it where it was seen
    length: int  # tokens
    node: Node  # in which it ends there; that and its ancestors have blocks

    @property
    def end(self) -> int:
        """Tokens of the prompt up to its last one."""
        return self.start + self.length


def find(tree: Radix, root: Root, prompt: bytes, begin: int, least: int, skip: int = 0) -> list[Chunk]:
    """Chunks of a packed ``prompt`` behind its first ``begin`` tokens, in order; of each at least ``least`` tokens.

    Of the tokens that were seen elsewhere the first ``skip`` are left out. Costs one look-up a token.
    """
    chunks: list[Chunk] = []
    at, last = begin, len(prompt) // WIDTH - tree.size
    while at <= last:
        chunk = _at(tree, root, prompt, at, skip)
        if chunk is not None and chunk.length >= least:
            chunks.append(chunk)
            at = chunk.end
        else:
            at += 1
    return chunks


def _at(tree: Radix, root: Root, prompt: bytes, start: int, skip: int) -> Chunk | None:
    """The chunk that a block of the tree begins with, and that begins in the prompt at ``start``."""
    behind = (start + tree.size) * WIDTH
    first = root.blocks.get(prompt[start * WIDTH : behind])
    if first is None:
        return None
    match = tree.follow(first, prompt, behind)
    if match.tail is not None and match.tail.block is not None:
        node, end = match.tail, match.length
    else:
        node = next(node for node in reversed(match.node.path()) if node.block is not None)  # not on disk alone
        end = node.end
    return Chunk(start + skip, first.start + skip, end - first.start - skip, node)
