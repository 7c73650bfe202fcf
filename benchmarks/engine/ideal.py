"""How few tokens of the prompts an engine must compute: those that no prompt or answer before has in the same place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.engine.play import Asked
from benchmarks.engine.reading import Reader

_Node = dict[int, "_Node"]


class Tree:
    """All token sequences so far, one node for each token that is not in a place that was there before."""

    def __init__(self) -> None:
        self._root: _Node = {}

    def add(self, tokens: Sequence[int]) -> int:
        """How many of them are new."""
        node, new = self._root, 0
        for token in tokens:
            if token not in node:
                node[token] = {}
                new += 1
            node = node[token]
        return new


def unique(reader: Reader, asked: Iterable[Asked]) -> int:
    """Tokens of all prompts that had to be computed. The last of a prompt is always computed, for its logits; the last
    token of an answer never is, so what follows it begins there."""
    tree, total = Tree(), 0
    for one in asked:
        total += max(1, tree.add(reader.prompt(one.messages)))
        tree.add(reader.prompt(one.messages, one.answer.text)[:-1])
    return total
