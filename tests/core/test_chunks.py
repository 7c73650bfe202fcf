"""Chunks of a prompt that are somewhere in the tree, against a search that looks everywhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.chunks import Chunk, find
from everwarm.core.key import PUBLIC, Namespace
from everwarm.core.prefix import Node, Root, pack, unpack
from everwarm.core.radix import Radix
from everwarm.core.segments import Segment

SIZE = 3
OTHER = Namespace("1" * 32)
HERE = Segment("public", b"name", b"", 0, (1,), 100)

rows = st.lists(st.integers(0, 1), max_size=16)


def grow(tree: Radix, namespace: Namespace, tokens: list[int]) -> Node:
    """Put ``tokens`` in, and use them. A number of a block does not matter here."""
    node: Node = tree.match(namespace, b"").node
    tree.use(node)
    for at in range(0, len(tokens), SIZE):
        following, _ = tree.insert(node, pack(tokens[at : at + SIZE]), at, 0.0)
        if following.length < SIZE:
            break
        tree.hold(following)
        node = following
    return node


def whole(node: Node) -> list[int]:
    """All tokens of a prefix."""
    return unpack(b"".join(step.tokens for step in node.path()))


def shared(ours: list[int], theirs: list[int]) -> int:
    return next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))


def longest(tree: Radix, first: Node, prompt: list[int]) -> int:
    """Tokens of ``prompt`` that are in the pool from ``first`` on."""
    behind = [node for node in tree.nodes() if node.block is not None and first in node.path()]
    return max(shared(whole(node)[first.start :], prompt) for node in behind)


@given(
    known=st.lists(rows, max_size=6),
    gone=st.integers(0, 4),
    prompt=rows,
    begin=st.integers(0, 4),
    least=st.integers(1, 6),
    skip=st.integers(0, 4),
)
def test_every_chunk_is_one_and_none_is_missed(
    known: list[list[int]], gone: int, prompt: list[int], begin: int, least: int, skip: int
) -> None:
    tree = Radix(SIZE)
    ends = [grow(tree, PUBLIC, tokens) for tokens in known]
    root = tree.match(PUBLIC, b"").node.root
    for node in list(tree.nodes()):
        assert node.parent is not None
        tree.store(node.parent, node.tokens, HERE)  # so that it stays in the tree when its block is gone
    for end in ends:
        tree.release(end)
    tree.evict(gone)
    tree.check_integrity()
    chunks = find(tree, root, pack(prompt), begin, least, skip)
    for chunk in chunks:
        sound(chunk, prompt, least, skip)
    starts = [begin, *(chunk.end for chunk in chunks)]
    assert all(start + skip <= chunk.start for start, chunk in zip(starts, chunks, strict=False)), "in order, apart"
    covered = {at for chunk in chunks for at in range(chunk.start - skip, chunk.end)}
    for at in set(range(begin, len(prompt))) - covered:
        first = root.blocks.get(pack(prompt[at : at + SIZE]))
        assert first is None or longest(tree, first, prompt[at:]) < least + skip


def sound(chunk: Chunk, prompt: list[int], least: int, skip: int) -> None:
    theirs = whole(chunk.node)[chunk.at : chunk.at + chunk.length]
    assert theirs == prompt[chunk.start : chunk.end]
    assert len(theirs) == chunk.length >= least
    assert chunk.node.end - chunk.node.length < chunk.at + chunk.length <= chunk.node.end, "it ends in this node"
    assert all(node.block is not None for node in chunk.node.path())
    assert chunk.at - skip >= SIZE, "a model leans on its first tokens"


def test_a_document_is_found_behind_another_beginning() -> None:
    tree, document = Radix(SIZE), list(range(10, 22))
    root = grow(tree, PUBLIC, [1, 2, 3, 4, *document, 8]).root
    (chunk,) = find(tree, root, pack([7, 7, *document, 9, 9]), 0, 6)
    assert (chunk.start, chunk.at, chunk.length) == (4, 6, 10), "from the first block that is all of the document's"
    (chunk,) = find(tree, root, pack([7, 7, *document, 9, 9]), 0, 6, skip=2)
    assert (chunk.start, chunk.at, chunk.length) == (6, 8, 8)


def test_two_documents_are_found_in_another_order() -> None:
    tree, one, two = Radix(SIZE), list(range(10, 19)), list(range(20, 29))
    root = grow(tree, PUBLIC, [1, 2, 3, *one, *two]).root
    chunks = find(tree, root, pack([1, 2, 3, *two, *one, 5]), 3, 6)
    assert [(chunk.start, chunk.at, chunk.length) for chunk in chunks] == [(3, 12, 9), (12, 3, 9)]


def test_the_beginning_of_a_prompt_is_no_chunk() -> None:
    tree, beginning = Radix(SIZE), [1, 2, 3]
    root = grow(tree, PUBLIC, beginning).root
    assert find(tree, root, pack([9, *beginning]), 0, 1) == []


def test_another_namespace_has_none() -> None:
    tree, document = Radix(SIZE), list(range(10, 22))
    grow(tree, OTHER, [1, 2, 3, *document])
    root = grow(tree, PUBLIC, [1, 2, 3]).root
    assert isinstance(root, Root)
    assert find(tree, root, pack([7, *document]), 0, 1) == []
