"""KV at another place: what it is, who gets it, and what it never gets into."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from converted import SECRET
from engines import balanced
from everwarm.core.key import PUBLIC, Namespace
from everwarm.core.wire import Message, Part, Request
from everwarm.engine import shift as shifting
from everwarm.engine.cache import TO_THE_TOKEN, KvCache
from everwarm.engine.engine import Engine
from everwarm.engine.lease import Lease
from everwarm.engine.model import PagedModel, Span
from everwarm.engine.pool import BlockPool
from everwarm.engine.settings import Settings
from everwarm.engine.shift import Shift, shift_of
from everwarm.errors import Unsupported
from everwarm.store.segments import Segments

np = pytest.importorskip("numpy", reason="the package numpy is not installed: pip install 'everwarm[local]'")

OTHER = Namespace("1" * 32)
NEVER_END = {0: -100.0, 2: -100.0}
SHIFTED = {"everwarm": {"reuse": "shifted"}}
DOCUMENT = "".join(chr(33 + i * i % 89) for i in range(300))  # in the tiny model's vocabulary one token a character
SECOND = "".join(chr(33 + i * 7 % 83) for i in range(200))

Ask = Callable[..., Any]
Make = Callable[..., Request]


@pytest.fixture
def about(request_of: Make) -> Callable[..., Request]:
    """``about(system, text)``: a greedy request with a system prompt of its own."""

    def make(system: str, text: str, **more: Any) -> Request:
        said = [Message(role, (Part("text", what),)) for role, what in (("system", system), ("user", text))]
        return request_of(*said, temperature=0, max_tokens=12, logit_bias=NEVER_END, **more)

    return make


@pytest.fixture
def deep(make_gguf: Callable[..., Path], data: Path, tmp_path: Path) -> Iterator[tuple[Engine, Engine]]:
    """Two engines over a tiny model of three layers. With one alone shifted KV would be exact."""
    gguf = make_gguf(tmp_path / "deep.gguf", layers=3)
    engines = [Engine.load(gguf, data, SECRET, Settings(threads=1)) for _ in range(2)]
    yield engines[0], engines[1]
    for engine in engines:
        asyncio.run(engine.close())


ROUNDINGS = 3 * 2**-11
"""Of f16: of the key that was stored, of the one that it was moved to, and of the one that was computed there."""


@pytest.mark.parametrize("delta", [(0, 1), (5, 900), (900, 5), (31, 33)])
def test_a_key_of_the_first_layer_is_what_computing_gives(tiny: Engine, delta: tuple[int, int]) -> None:
    check_first_layer(tiny.inside.model, tiny.inside.cache.shift, *delta, error=ROUNDINGS)


@pytest.mark.model
@pytest.mark.parametrize("delta", [(0, 800), (800, 77)])
def test_so_it_is_in_the_real_model(engine: Engine, delta: tuple[int, int]) -> None:
    check_first_layer(engine.inside.model, engine.inside.cache.shift, *delta, error=ROUNDINGS)


def check_first_layer(model: PagedModel, shift: Shift | None, at: int, to: int, error: float) -> None:
    """``error``: of the length of a pair of numbers."""
    assert shift is not None
    pool, count = model.pool, 40
    blocks = [[pool.take() for _ in range(max(at, to) // pool.size + 3)] for _ in range(3)]
    tokens = [3 + 7 * i % 250 for i in range(count)]
    there, here, moved = blocks
    for row, start in ((there, at), (here, to)):
        model.step([Span(tokens, start, row, ())])
    before = [array[there].copy() for array in (*pool.keys, *pool.values)]
    shift.move(there, at, moved, to, count)
    ours, theirs = (shift.keys(row, to, count) for row in (moved, here))
    half = ours.shape[-1] // 2
    length = np.hypot(theirs[..., :half], theirs[..., half:])
    off = np.hypot((ours - theirs)[..., :half], (ours - theirs)[..., half:])
    assert (off <= error * np.maximum(length, 2**-10)).all()
    places = shift._places(moved, to, count), shift._places(there, at, count)
    assert all((values[places[0]] == values[places[1]]).all() for values in pool.values)
    assert all((array[there] == old).all() for array, old in zip((*pool.keys, *pool.values), before, strict=True))
    pool.give([block for row in blocks for block in row])


def test_numbers_are_converted_as_numpy_does_it() -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    every = every[np.isfinite(every)]
    assert (shifting._wide(every) == every.astype(np.float32)).all()
    assert (shifting._narrow(every.astype(np.float32)).view(np.uint16) == every.view(np.uint16)).all()
    between = np.random.default_rng(1).standard_normal(100_000).astype(np.float32)
    between = between[abs(between) >= 2**-14]
    assert (shifting._narrow(between) == between.astype(np.float16)).all()


def test_a_model_that_turns_its_keys_otherwise_has_no_shift(tiny: Engine) -> None:
    model = tiny.inside.model
    assert model.frequencies is not None
    model.frequencies = model.frequencies * 1.01
    assert shift_of(model) is None
    model.frequencies = None
    assert shift_of(model) is None


def test_a_document_at_another_place_is_moved(tiny: Engine, ask: Ask, about: Make) -> None:
    ask(tiny, about("be brief", DOCUMENT + "what?"))
    answer = ask(tiny, about("be patient and kind", DOCUMENT + "why?", rest=SHIFTED))
    assert answer.prefilled.shifted > len(DOCUMENT) - 64
    assert answer.prefilled.cached >= answer.prefilled.shifted
    assert answer.usage.cache_read == answer.prefilled.cached
    assert answer.usage.output == 12
    balanced(tiny)


def test_two_documents_change_places(tiny: Engine, ask: Ask, about: Make) -> None:
    ask(tiny, about("be brief", DOCUMENT + SECOND))
    answer = ask(tiny, about("be brief", SECOND + DOCUMENT, rest=SHIFTED))
    assert answer.prefilled.shifted > len(DOCUMENT) + len(SECOND) - 128
    balanced(tiny)


def test_what_is_not_asked_for_is_not_done(tiny: Engine, ask: Ask, about: Make) -> None:
    ask(tiny, about("be brief", DOCUMENT + "what?"))
    answer = ask(tiny, about("be patient and kind", DOCUMENT + "why?"))
    assert answer.prefilled.shifted == 0
    assert answer.prefilled.cached < 32


def test_a_short_chunk_is_computed(tiny: Engine, ask: Ask, about: Make) -> None:
    ask(tiny, about("be brief", DOCUMENT[:140] + "what?"))
    assert ask(tiny, about("be kind", DOCUMENT[:140] + "why?", rest=SHIFTED)).prefilled.shifted == 0


def test_another_namespaces_chunks_are_not_there(tiny: Engine, ask: Ask, about: Make) -> None:
    ask(tiny, about("be brief", DOCUMENT + "what?"), OTHER)
    assert ask(tiny, about("be kind", DOCUMENT + "why?", rest=SHIFTED), PUBLIC).prefilled.shifted == 0


def test_nothing_of_it_is_ever_taken_for_exact(deep: tuple[Engine, Engine], ask: Ask, about: Make) -> None:
    engine, fresh = deep
    asked = about("be patient and kind", DOCUMENT + "why?")
    cold = ask(fresh, asked)
    ask(engine, about("be brief", DOCUMENT + "what?"))
    approximate = ask(engine, about("be patient and kind", DOCUMENT + "why?", rest=SHIFTED))
    exact = ask(engine, asked)
    assert approximate.prefilled.shifted > 0
    assert exact.prefilled.shifted == 0
    assert exact.prefilled.cached < exact.prefilled.prompt - approximate.prefilled.shifted
    assert exact.text == cold.text
    ours, theirs = (lease_of(which, asked) for which in (engine, fresh))
    assert ours.known == theirs.known == exact.prefilled.prompt - 1
    assert farthest(kv(engine, ours, 0, ours.known), kv(fresh, theirs, 0, ours.known)) < 0.05
    ours.close()
    balanced(engine)


def test_it_is_not_exact(deep: tuple[Engine, Engine], ask: Ask, about: Make) -> None:
    """Else nothing would have to be kept apart, and the test above could not fail."""
    engine, fresh = deep
    asked = about("be patient and kind", DOCUMENT + "why?")
    ask(engine, about("be brief", DOCUMENT + "what?"))
    ask(fresh, asked)
    ours, theirs = (lease_of(which, asked) for which in (engine, fresh))
    engine.inside.cache.borrow(ours, 0)
    place = ours.shares, ours.shares + ours.shifted
    assert farthest(kv(engine, ours, *place), kv(fresh, theirs, *place)) > 0.5
    ours.close()


def lease_of(engine: Engine, request: Request) -> Lease:
    tokens = engine.tokens_of(request)
    lease = engine.inside.cache.lease(PUBLIC, tokens, len(tokens))
    assert lease is not None
    return lease


def kv(engine: Engine, lease: Lease, first: int, last: int) -> list[Any]:
    """All of some positions; for each layer two arrays: [positions, heads, head size], f32."""
    pool, shift = engine.inside.model.pool, engine.inside.cache.shift
    assert shift is not None
    places = shift._places(lease.blocks, first, last - first)
    return [array[places].astype(np.float32) for array in (*pool.keys, *pool.values)]


def farthest(ours: list[Any], theirs: list[Any]) -> float:
    """The largest difference."""
    return max(float(abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


def test_several_at_once_and_several_choices(tiny: Engine, collect: Ask, ask: Ask, about: Make) -> None:
    ask(tiny, about("be brief", DOCUMENT + "what?"))

    async def main() -> list[Any]:
        asked = [about(f"be kind {i}", DOCUMENT + "why?", rest=SHIFTED, n=2) for i in range(3)]
        return await asyncio.gather(*(collect(tiny, request) for request in asked))

    for answer in asyncio.run(main()):
        assert answer.prefilled.shifted > 0
        assert sorted(answer.texts) == [0, 1]
        assert answer.texts[0] == answer.texts[1], "greedy, of the same KV"
    balanced(tiny)


class Small:
    """A cache of 16 blocks of four tokens, in which a token's KV is the token."""

    def __init__(self) -> None:
        self.data = np.zeros((17, 1, 4, 1), np.int32)  # as a tensor of OpenVINO has it
        self.cache = KvCache(BlockPool({"value": self}), TO_THE_TOKEN, lambda: 0.0)
        self.cache.shift = Shift(self.cache.pool, np.zeros(0))

    def lease(self, tokens: list[int]) -> Lease:
        lease = self.cache.lease(PUBLIC, tokens, len(tokens))
        assert lease is not None
        return lease

    def compute(self, lease: Lease) -> None:
        while lease.pending:
            place = lease.computed
            lease.reach(place + 1)
            self.data[lease.blocks[place // 4], 0, place % 4, 0] = lease.tokens[place]
            lease.advance(1)

    def cached(self, tokens: list[int]) -> None:
        lease = self.lease(tokens)
        self.compute(lease)
        lease.close()

    def read(self, lease: Lease) -> list[int]:
        return [int(self.data[lease.blocks[at // 4], 0, at % 4, 0]) for at in range(lease.computed)]


def test_what_is_moved_stays_while_room_is_made_for_it() -> None:
    small, document = Small(), list(range(100, 120))
    small.cached([1, 2, 3, 4, *document])  # six blocks, the coldest
    small.cached(list(range(200, 236)))  # nine
    lease = small.lease([7, *document, 9])
    small.cache.borrow(lease, 0, least=8)
    assert lease.shifted == len(document)
    small.compute(lease)
    assert small.read(lease) == lease.tokens
    small.cache.check_integrity([lease])


def test_blocks_that_are_promised_to_others_are_not_held_for_it() -> None:
    small, document = Small(), list(range(100, 120))
    small.cached([1, 2, 3, 4, *document])  # six blocks
    other = small.lease(list(range(200, 232)))  # nine are promised
    lease = small.lease([7, *document, 9])  # seven: all that there are
    small.cache.borrow(lease, 0, least=8)
    assert lease.shifted == 0
    for each in (other, lease):
        small.compute(each)
        assert small.read(each) == each.tokens
    small.cache.check_integrity([other, lease])


def test_what_is_exact_refuses_it(engine_in: Callable[..., Engine], ask: Ask, about: Make) -> None:
    with pytest.raises(Unsupported, match=r"answers exactly \(engine.mode = 'exact'\); leave it out") as caught:
        ask(engine_in("exact"), about("be kind", "why?", rest=SHIFTED))
    assert caught.value.param == "everwarm.reuse"


def test_a_model_without_a_shift_refuses_it(tiny: Engine, about: Make) -> None:
    tiny.inside.cache.shift = None
    with pytest.raises(Unsupported, match="the KV of this model cannot be shifted; leave it out"):
        tiny.check(about("be kind", "why?", rest=SHIFTED))


def test_it_does_not_reach_the_disk(tiny_gguf: Path, data: Path, tmp_path: Path, ask: Ask, about: Make) -> None:
    def start() -> Engine:
        keep = partial(Segments, tmp_path / "kv", SECRET, capacity=64 << 20)
        return Engine.load(tiny_gguf, data, SECRET, Settings(threads=1), keep=lambda identity: keep(identity=identity))

    engine = start()
    ask(engine, about("be brief", DOCUMENT + "what?"))
    answer = ask(engine, about("be patient and kind", DOCUMENT + "why?", rest=SHIFTED))
    asyncio.run(engine.close())
    engine = start()
    again = ask(engine, about("be patient and kind", DOCUMENT + "why?"))
    asyncio.run(engine.close())
    assert answer.prefilled.shifted > 0
    assert again.prefilled.cached <= answer.prefilled.prompt - answer.prefilled.shifted
