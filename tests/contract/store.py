"""What every store of answers must do: one class, run on each, with the true hash and with a constant in its place.

A subclass says how to make one: ``make(folder, max_bytes)``. Making it again in the same folder is a restart.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from everwarm.core import key as keys
from everwarm.core.eviction import Quota
from everwarm.core.key import ExactKey, Namespace
from everwarm.store.protocol import Entry, Store
from everwarm.store.rules import alive, moved
from everwarm.store.timeline import SKEW

A, B = Namespace("a" * 32, "a"), Namespace("b" * 32, "b")
NOW = 1_800_000_000.0
ROOMY = 2**24


def key(name: str = "x", namespace: Namespace = A) -> ExactKey:
    return keys.exact_key(namespace, "openai_chat", "model", name.encode())


def entry(payload: bytes = b"answer", *, at: float = NOW, ttl: float = 100.0, tags: tuple[str, ...] = ()) -> Entry:
    return Entry(payload, at, at + ttl, tags)


class StoreContract:
    """Inherit, and say how to make one."""

    survives = False  # a restart

    def make(self, folder: Path, max_bytes: int) -> Store:
        raise NotImplementedError

    @pytest.fixture(autouse=True, params=["hash", "constant hash"])
    def hashed(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        if request.param == "constant hash":
            monkeypatch.setattr(keys, "hint", lambda data: b"\0" * keys.DIGEST_BYTES)

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = self.make(tmp_path, ROOMY)
        yield store
        store.check_integrity()
        store.close()

    def test_what_was_put_is_found_at_once_and_whole(self, store: Store) -> None:
        kept = entry(bytes(range(256)) * 40, tags=("faq", "größe", "faq", "\ud800", ""))
        assert store.get(key(), NOW) is None
        store.put(key(), kept, NOW)
        assert store.get(key(), NOW) == kept
        store.flush()
        assert store.get(key(), NOW) == kept

    def test_an_empty_payload_is_an_answer(self, store: Store) -> None:
        store.put(key(), entry(b""), NOW)
        store.flush()
        assert store.get(key(), NOW) == entry(b"")

    def test_the_same_key_has_one_entry_the_last(self, store: Store) -> None:
        for payload in (b"old", b"new"):
            store.put(key(), entry(payload, tags=(payload.decode(),)), NOW)
        assert store.get(key(), NOW) == entry(b"new", tags=("new",))
        store.flush()
        assert store.get(key(), NOW) == entry(b"new", tags=("new",))
        assert store.held().entries == 1
        assert store.drop(A, tag="old") == 0

    def test_equality_is_the_proof(self, store: Store) -> None:
        """Two keys of one digest are two keys."""
        twin = ExactKey(A, key("one").digest, key("two").proof)
        store.put(key("one"), entry(b"one"), NOW)
        assert store.get(twin, NOW) is None
        store.put(twin, entry(b"two"), NOW)
        store.flush()
        assert store.get(key("one"), NOW) == entry(b"one")
        assert store.get(twin, NOW) == entry(b"two")
        assert store.held().entries == 2

    def test_a_namespace_finds_its_own_only(self, store: Store) -> None:
        """Paired: the same tenant hits, the other misses, also with the other's very digest and proof."""
        mine, stolen = key(), ExactKey(B, key().digest, key().proof)
        store.put(mine, entry(b"mine"), NOW)
        for _ in range(2):
            assert store.get(mine, NOW) == entry(b"mine")
            assert store.get(stolen, NOW) is None
            store.flush()
        store.put(stolen, entry(b"theirs"), NOW)
        store.flush()
        assert store.get(mine, NOW) == entry(b"mine")
        assert store.get(stolen, NOW) == entry(b"theirs")

    def test_accounts_are_per_namespace_and_add_up(self, store: Store) -> None:
        for number in range(5):
            store.put(key(str(number)), entry(b"x" * 1000), NOW)
        store.put(key("y", B), entry(b"y" * 100, tags=("t",)), NOW)
        store.flush()
        assert (store.held(A).entries, store.held(B).entries, store.held().entries) == (5, 1, 6)
        assert store.held(A).bytes > 5 * (1000 + len(key().proof))
        assert store.held(B).bytes > 100
        assert store.held().bytes == store.held(A).bytes + store.held(B).bytes
        store.drop(A)
        assert store.held(A) == (0, 0)
        assert store.held() == store.held(B)

    def test_from_its_expiry_on_it_is_not_found(self, store: Store) -> None:
        store.put(key(), entry(ttl=10), NOW)
        assert store.get(key(), NOW + 9.999) is not None
        assert store.get(key(), NOW + 10) is None
        store.flush()
        assert store.get(key(), NOW + 10) is None

    def test_what_never_lives_is_not_kept_and_still_replaces(self, store: Store) -> None:
        store.put(key(), entry(b"old"), NOW)
        store.put(key(), entry(b"dead", ttl=0), NOW)
        assert store.get(key(), NOW) is None
        store.flush()
        assert store.get(key(), NOW) is None
        assert store.held().entries == 0

    def test_no_age_is_negative_when_the_clock_is_set_back_a_little(self, store: Store) -> None:
        store.put(key(), entry(), NOW)
        assert store.get(key(), NOW - 1) is None
        assert store.get(key(), NOW + 1) == entry()

    @pytest.mark.parametrize("flushed", [True, False])
    def test_a_clock_that_is_set_back_a_day_makes_nothing_younger(self, store: Store, flushed: bool) -> None:
        store.put(key("before"), entry(at=NOW - 90_000, ttl=200_000), NOW)
        store.put(key(), entry(ttl=60), NOW)
        if flushed:
            store.flush()
        yesterday = NOW - 86_400
        found, before = store.get(key(), yesterday), store.get(key("before"), yesterday)
        assert found == entry(at=yesterday, ttl=60)
        assert before == entry(at=yesterday - 90_000, ttl=200_000)
        assert store.get(key(), yesterday + 59) is not None
        assert store.get(key(), yesterday + 60) is None
        store.put(key("after"), entry(at=yesterday + 60, ttl=60), yesterday + 60)
        assert store.get(key("after"), yesterday + 61) == entry(at=yesterday + 60, ttl=60)
        store.flush()
        # A day of true time later the clock shows NOW again.
        assert store.get(key(), NOW + 1) is None
        assert store.get(key("before"), NOW + 1) is not None
        assert store.get(key("before"), yesterday + 110_000) is None  # by the clock alone its time would not be over

    def test_a_clock_that_jumps_a_day_ahead_and_back_keeps_nothing_too_long(self, store: Store) -> None:
        store.put(key("before"), entry(ttl=100_000), NOW)
        tomorrow = NOW + 86_400
        store.put(key("meanwhile"), entry(at=tomorrow, ttl=60), tomorrow)
        store.flush()
        assert store.get(key("meanwhile"), NOW + 10) is not None
        assert store.get(key("before"), NOW + 10) is not None
        assert store.get(key("meanwhile"), NOW + 71) is None
        assert store.get(key("before"), NOW + 100_001) is None

    def test_quotas_hold_in_every_store(self, tmp_path: Path) -> None:
        """A flood pushes nobody below its share, and nobody passes its cap; also after the quotas are changed."""
        store = self.make(tmp_path, 100_000)
        store.set_quotas({A.id: Quota(30_000), B.id: Quota(0, 60_000)})
        for number in range(20):
            store.put(key(f"quiet{number}"), entry(bytes(1000), ttl=1e6), NOW)
        store.flush()
        quiet = store.held(A)
        for number in range(200):
            store.put(key(f"flood{number}", B), entry(bytes(1000), at=NOW + number, ttl=1e6), NOW + number)
        store.flush()
        assert store.held(A) == quiet
        assert 50_000 < store.held(B).bytes <= 60_000
        store.set_quotas({B.id: Quota(0, 10_000)})
        store.flush()
        assert store.held(A) == quiet
        assert 5000 < store.held(B).bytes <= 10_000
        store.put(key("large", B), entry(bytes(10_000), at=NOW + 200), NOW + 200)
        assert store.get(key("large", B), NOW + 200) is None
        store.check_integrity()
        store.close()

    def test_drop_by_digest_tag_and_all(self, store: Store) -> None:
        for number in range(4):
            tags = (("even", "odd")[number % 2], "all")
            store.put(key(str(number)), entry(str(number).encode(), tags=tags), NOW)
            store.put(key(str(number), B), entry(b"b", tags=tags), NOW)
            if number == 1:
                store.flush()
        assert store.drop(A, tag="even") == 2
        assert store.drop(A, tag="even") == 0
        assert [store.get(key(str(n)), NOW) is None for n in range(4)] == [True, False, True, False]
        same_digest = 2 if key("1").digest == key("3").digest else 1
        assert store.drop(A, digest=key("1").digest) == same_digest
        assert store.get(key("1"), NOW) is None
        assert store.drop(A) == 2 - same_digest
        assert store.get(key("3"), NOW) is None
        assert all(store.get(key(str(n), B), NOW) for n in range(4))
        assert store.drop(B) == 4

    def test_after_a_drop_it_can_be_put_again(self, store: Store) -> None:
        store.put(key(), entry(b"old"), NOW)
        store.drop(A)
        store.put(key(), entry(b"new"), NOW)
        store.flush()
        assert store.get(key(), NOW) == entry(b"new")

    def test_what_is_larger_than_the_bound_is_not_kept_and_still_replaces(self, tmp_path: Path) -> None:
        store = self.make(tmp_path, 10_000)
        store.put(key(), entry(b"small"), NOW)
        store.put(key(), entry(bytes(10_001)), NOW)
        assert store.get(key(), NOW) is None
        store.flush()
        assert store.get(key(), NOW) is None
        assert store.held() == (0, 0)
        store.check_integrity()
        store.close()

    def test_expired_ones_go_first_then_the_least_recently_used(self, tmp_path: Path) -> None:
        each = 2000 + 1500  # payload and about what a store counts besides
        store = self.make(tmp_path, 4 * each)
        for number, ttl in enumerate((1000, 1000, 1000, 10)):
            store.put(key(str(number)), entry(bytes(2000), at=NOW + number, ttl=ttl), NOW + number)
        store.flush()
        full = store.held()
        store.put(key("4"), entry(bytes(3000), at=NOW + 100), NOW + 100)  # number 3 has expired: its room is enough
        store.flush()
        assert full.entries == 4
        assert [store.get(key(str(n)), NOW + 100) is not None for n in range(5)] == [True, True, True, False, True]
        assert store.get(key("0"), NOW + 200) is not None  # used just now; number 1 is the oldest
        store.flush()
        store.put(key("5"), entry(bytes(6000), at=NOW + 201), NOW + 201)
        store.flush()
        assert store.get(key("0"), NOW + 202) is not None
        assert store.get(key("1"), NOW + 202) is None
        store.check_integrity()
        store.close()

    def test_the_bound_holds(self, tmp_path: Path) -> None:
        store = self.make(tmp_path, 50_000)
        for number in range(300):
            store.put(key(str(number), (A, B)[number % 2]), entry(bytes(number * 17 % 5000)), NOW + number / 1000)
            if number % 50 == 0:
                store.flush()
                assert store.held().bytes <= 50_000
        store.check_integrity()
        assert 40_000 < store.held().bytes <= 50_000
        store.close()

    def test_closed_it_finds_and_keeps_nothing(self, tmp_path: Path) -> None:
        store = self.make(tmp_path, ROOMY)
        store.put(key(), entry(), NOW)
        store.close()
        store.put(key("later"), entry(), NOW)
        assert store.get(key(), NOW) is None
        assert store.get(key("later"), NOW) is None
        assert store.drop(A) == 0
        store.flush()
        store.close()

    def test_a_restart(self, tmp_path: Path) -> None:
        kept = entry(b"kept", tags=("t",))
        store = self.make(tmp_path, ROOMY)
        store.put(key(), kept, NOW)
        store.put(key("dropped"), kept, NOW)
        store.drop(A, digest=key("dropped").digest) if key("dropped").digest != key().digest else None
        store.close()
        again = self.make(tmp_path, ROOMY)
        assert again.get(key(), NOW + 1) == (kept if self.survives else None)
        assert again.faults() == (0, 0, 0)
        again.check_integrity()
        again.close()

    def test_it_agrees_with_a_dict(self, hashed: None) -> None:
        """Whatever is done in whatever order."""
        profile = settings(
            max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        )
        run_state_machine_as_test(lambda: _Machine(self.make, self.survives), settings=profile)


class _Machine(RuleBasedStateMachine):
    """A store beside a dict. What is dated in the dict is dated on a line that never goes back by more than SKEW."""

    names = st.sampled_from([key(name, space) for space in (A, B) for name in "pqr"])
    tags = st.lists(st.sampled_from(["s", "t"]), max_size=2).map(tuple)

    def __init__(self, make: Callable[[Path, int], Store], survives: bool) -> None:
        super().__init__()
        self.make, self.survives = make, survives
        self.folder = Path(tempfile.mkdtemp(prefix="everwarm-store-"))
        self.store = make(self.folder, ROOMY)
        self.now = self.latest = NOW
        self.ahead = 0.0
        self.kept: dict[ExactKey, Entry] = {}
        self.unsure: dict[ExactKey, Entry] = {}  # it was over once, and is not now: the clock was set back a little
        self.clock_turned()

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def fresh(self, name: ExactKey) -> ExactKey:
        """As the monkeypatched hash makes it: the sampled ones were made when this file was read."""
        return ExactKey(name.namespace, keys.hint(name.proof), name.proof)

    def clock_turned(self) -> None:
        """The store sees it, and so do we."""
        self.store.get(key("probe"), self.now)
        if self.now + self.ahead < self.latest - SKEW:
            self.ahead = self.latest - self.now
        self.latest = max(self.latest, self.now + self.ahead)
        for name, made in list(self.kept.items()):
            if made.expires <= self.latest:
                self.unsure[name] = self.kept.pop(name)

    @rule(name=names, payload=st.binary(max_size=2000), ttl=st.sampled_from([0.0, 5.0, 50.0, float("inf")]), tags=tags)
    def put(self, name: ExactKey, payload: bytes, ttl: float, tags: tuple[str, ...]) -> None:
        name, made = self.fresh(name), Entry(payload, self.now, self.now + ttl, tags)
        self.store.put(name, made, self.now)
        self.unsure.pop(name, None)
        self.kept[name] = moved(made, self.ahead)

    @rule(name=names)
    def get(self, name: ExactKey) -> None:
        name = self.fresh(name)
        found = self.store.get(name, self.now)
        at = self.now + self.ahead
        expected = self.kept.get(name)
        if expected is not None and not alive(expected, at):
            expected = None
        if found is not None:
            expected = expected or self.unsure[name]
            assert found.created <= self.now + 1e-6
            assert self.now < found.expires + 1e-6
            assert (found.payload, found.tags) == (expected.payload, expected.tags)
            assert found.created + self.ahead == pytest.approx(expected.created, abs=1e-3)
            assert found.expires + self.ahead == pytest.approx(expected.expires, abs=1e-3)
        else:
            assert expected is None

    @rule(name=names)
    def drop_digest(self, name: ExactKey) -> None:
        name = self.fresh(name)
        self.drop(lambda k, e: k.digest == name.digest, name.namespace, digest=name.digest)

    @rule(space=st.sampled_from([A, B]), tag=st.sampled_from(["s", "t"]))
    def drop_tag(self, space: Namespace, tag: str) -> None:
        self.drop(lambda k, e: tag in e.tags, space, tag=tag)

    @rule(space=st.sampled_from([A, B]))
    def drop_all(self, space: Namespace) -> None:
        self.drop(lambda k, e: True, space)

    def drop(self, doomed: Callable[[ExactKey, Entry], bool], space: Namespace, **which: object) -> None:
        count = self.store.drop(space, **which)  # type: ignore[arg-type]
        gone = {k for k, e in self.kept.items() if k.namespace == space and doomed(k, e)}
        sure = sum(self.kept[k].expires > self.latest for k in gone)
        perhaps = sum(k.namespace == space and doomed(k, e) for k, e in self.unsure.items())
        assert sure <= count <= len(gone) + perhaps  # the expired may be counted or not
        self.kept = {k: e for k, e in self.kept.items() if k not in gone}
        self.unsure = {k: e for k, e in self.unsure.items() if k.namespace != space or not doomed(k, e)}

    @rule(by=st.sampled_from([0.001, 1.0, 20.0, 100.0, 86_400.0]))
    def tick(self, by: float) -> None:
        self.now += by
        self.clock_turned()

    @rule(by=st.sampled_from([0.5, 30.0, 86_400.0]))
    def set_clock_back(self, by: float) -> None:
        self.now -= by
        self.clock_turned()

    @rule()
    def flush(self) -> None:
        self.store.flush()

    @precondition(lambda self: self.survives)
    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = self.make(self.folder, ROOMY)
        self.clock_turned()

    @invariant()
    def sound(self) -> None:
        self.store.check_integrity()
        assert self.store.held() == tuple(map(sum, zip(self.store.held(A), self.store.held(B), strict=True)))
        assert self.store.faults() == (0, 0, 0)
