from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.segments import (
    MAC_BYTES,
    NAME_BYTES,
    Seals,
    Segment,
    head_length,
    in_order,
    pack_head,
    unpack_head,
)

SECRET = bytes(range(32))
SEALS = Seals(SECRET, "tiny q8_0 f16")

Parts = tuple[str, bytes, int, tuple[int, ...], int]
PARTS = st.tuples(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.binary(max_size=4),
    st.integers(0, 3),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3).map(tuple),
    st.integers(0, 4),
)
"""Namespace, parent, start, tokens, bytes of payload: of the longest with no more freedom than a shift would need."""


def test_a_head_is_what_it_was() -> None:
    """Frozen: stored segments depend on it."""
    root = SEALS.segment("public", b"", 0, (1, 2, 49151), 8)
    child = SEALS.segment("public", root.name, 3, (258,), 8)
    assert pack_head(root).hex() == (
        "45574b31" + "5000000000000000" + "00000000" + "0600" + "0000" + "0300"
        "7075626c6963" + "01000000" + "02000000" + "ffbf0000"
    )
    assert root.name.hex() == "d608257747fa28dbc4bf86561652ee86"
    assert child.name.hex() == "2b3b2296055b0839d9abc408fbdd957e"
    assert (
        SEALS.mac(pack_head(root), [memoryview(b"pay"), memoryview(b"load!")]).hex()
        == "26085aea71137cc1a263c637de27d33ec754efb0d9a725d07849a12747c10892"
    )


@given(PARTS)
def test_a_head_says_all_of_its_segment(parts: Parts) -> None:
    segment = SEALS.segment(*parts)
    head = pack_head(segment)
    assert unpack_head(head, segment.name) == segment
    assert (segment.namespace, segment.parent, segment.start, segment.tokens, segment.payload) == parts
    assert head_length(head) == len(head) == segment.size - segment.payload - MAC_BYTES
    assert head_length(head + b"junk") == len(head)
    assert len(segment.name) == NAME_BYTES
    assert segment.end == segment.start + len(segment.tokens)


@given(PARTS, PARTS)
def test_two_segments_share_a_name_only_if_they_are_equal(one: Parts, other: Parts) -> None:
    a, b = SEALS.segment(*one), SEALS.segment(*other)
    assert (pack_head(a) == pack_head(b)) == (a.name == b.name) == (one == other)


@pytest.mark.parametrize(("secret", "identity"), [(bytes(32), "tiny q8_0 f16"), (SECRET, "tiny q8_0 f32")])
def test_another_secret_or_identity_has_other_names_and_macs(secret: bytes, identity: str) -> None:
    segment = SEALS.segment("public", b"", 0, (1,), 8)
    head, payload = pack_head(segment), [memoryview(b"payload!")]
    assert Seals(secret, identity).name(head) != segment.name
    assert Seals(secret, identity).mac(head, payload) != SEALS.mac(head, payload)


def test_identity_and_head_do_not_run_into_each_other() -> None:
    assert Seals(SECRET, "ab").mac(b"c", []) != Seals(SECRET, "a").mac(b"bc", [])


def test_a_segment_has_a_token() -> None:
    with pytest.raises(ValueError, match="at least one token"):
        SEALS.segment("public", b"", 0, (), 8)


def test_what_begins_otherwise_is_none_of_ours() -> None:
    head = pack_head(SEALS.segment("public", b"", 0, (1,), 8))
    assert head_length(head[:21]) is None
    assert head_length(b"EWK0" + head[4:]) is None
    assert head_length(b"") is None


@st.composite
def forests(draw: st.DrawFn) -> list[Segment]:
    """Segments of which each continues one before it, or begins."""
    made: list[Segment] = []
    for i in range(draw(st.integers(0, 12))):
        above = draw(st.none() | st.sampled_from(made)) if made else None
        tokens = (i,) * draw(st.integers(1, 3))
        if above is None:
            made.append(SEALS.segment(draw(st.sampled_from("ab")), b"", 0, tokens, 1))
        else:
            made.append(SEALS.segment(above.namespace, above.name, above.end, tokens, 1))
    return made


@given(forests(), st.data())
def test_what_leads_back_to_a_beginning_is_in_order(forest: Sequence[Segment], data: st.DataObject) -> None:
    found = data.draw(st.lists(st.sampled_from(forest), unique=True)) if forest else []
    times = {s.name: data.draw(st.floats(0, 9)) for s in found}
    ordered = in_order({s.name: (s, times[s.name]) for s in found})
    names = [s.name for s in ordered]
    assert len(set(names)) == len(names)
    assert set(names) == {s.name for s in found if rooted(s, {f.name: f for f in found})}
    assert all(not s.parent or s.parent in names[:i] for i, s in enumerate(ordered))
    ends = [s for s in ordered if s.name not in {child.parent for child in ordered}]
    assert [times[s.name] for s in ends] == sorted(times[s.name] for s in ends)


def rooted(segment: Segment, found: dict[bytes, Segment]) -> bool:
    return not segment.parent or (segment.parent in found and rooted(found[segment.parent], found))


@pytest.mark.parametrize("change", [{"namespace": "b"}, {"start": 3}, {"start": 0}, {"parent": b""}])
def test_a_child_stands_behind_its_parent_alone(change: dict[str, object]) -> None:
    """Sealed heads say so of themselves; this holds even if a name were taken twice."""
    root = SEALS.segment("a", b"", 0, (1, 1), 1)
    child = SEALS.segment("a", root.name, 2, (2,), 1)
    assert in_order({root.name: (root, 0.0), child.name: (child, 0.0)}) == [root, child]
    inside = SEALS.segment("a", root.name, 1, (2,), 1)
    assert in_order({root.name: (root, 0.0), inside.name: (inside, 0.0)}) == [root, inside]
    wrong = child._replace(**change)  # type: ignore[arg-type]
    assert in_order({root.name: (root, 0.0), child.name: (wrong, 0.0)}) == [root]


def test_its_own_parent_is_nobodys_child() -> None:
    """What could be, were every name the same."""
    name = bytes(NAME_BYTES)
    for start in (0, 1):
        assert in_order({name: (Segment("a", name, name, start, (1,), 99), 0.0)}) == []
