"""Real engines, and what is asked of them: a tiny model with random weights, and the real one where its weights are.

Both are real: converted, compiled and run by OpenVINO. Converted models are kept between runs, in the folder that
EVERWARM_TEST_DATA names or in .test-data, under a secret that is always the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from converted import DATA, SECRET
from everwarm.core.key import PUBLIC, Namespace
from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Event, Finish, Message, Part, Prefilled, Request, Sampling
from everwarm.errors import ModelError
from tiny import CONTEXT, write_tiny


@dataclass
class Answer:
    """Everything that came of one request."""

    events: list[Event] = field(default_factory=list)

    @property
    def texts(self) -> dict[int, str]:
        made: dict[int, str] = {e.choice: "" for e in self.events if isinstance(e, Finish)}
        for event in self.events:
            if isinstance(event, Delta):
                made[event.choice] = made.get(event.choice, "") + event.text
        return made

    @property
    def text(self) -> str:
        return self.texts[0]

    @property
    def usage(self) -> Usage:
        (done,) = (e for e in self.events if isinstance(e, Done))
        return done.usage

    @property
    def reasons(self) -> list[str]:
        return [e.reason for e in self.events if isinstance(e, Finish)]

    @property
    def prefilled(self) -> Prefilled:
        assert isinstance(self.events[0], Prefilled)
        return self.events[0]


def balanced(engine: Any) -> None:
    """Every block is somewhere (r16), once nobody is being answered: an answer ends before its last step does."""
    until = time.monotonic() + 30
    while engine._scheduler.busy and time.monotonic() < until:
        time.sleep(0.001)
    engine.inside.cache.check_integrity()
    if (drafts := getattr(engine.inside.proposer, "cache", None)) is not None:
        drafts.check_integrity()


def count_steps(engine: Any) -> list[int]:
    """From now on, the tokens of every step that the model begins."""
    from everwarm.engine.steps import PADDING

    steps: list[int] = []
    original = engine.inside.model.step

    def step(spans: Any) -> Any:
        steps.append(sum(len(span.tokens) for span in spans if span is not PADDING))
        return original(spans)

    engine.inside.model.step = step
    return steps


async def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread or task brings about."""
    async with asyncio.timeout(30):
        while not true():  # there is no event to wait for, and none needed beside this test
            await asyncio.sleep(0.001)


def _needs_runtime() -> None:
    for package in ("openvino", "openvino_genai", "gguf"):
        if find_spec(package) is None:
            pytest.skip(f"the package {package} is not installed: pip install 'everwarm[local]'")


@pytest.fixture(scope="session", autouse=True)
def unmeasured() -> Iterator[None]:
    """Engines run on figures that fit most machines: what a test sees does not depend on what else computes here."""
    with pytest.MonkeyPatch.context() as patch:
        if find_spec("numpy") is not None:
            from everwarm.engine import measure

            patch.setattr(measure, "crowded", lambda cpus: True)
        yield


@pytest.fixture(scope="session")
def data() -> Path:
    """The data folder of the tests, kept between runs."""
    DATA.mkdir(parents=True, exist_ok=True)
    return DATA


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's GGUF."""
    _needs_runtime()
    return write_tiny(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="session")
def make_gguf() -> Callable[..., Path]:
    """``write_tiny``, for tests that need another GGUF."""
    _needs_runtime()
    return write_tiny


@pytest.fixture(scope="session")
def tiny_weights(tiny_gguf: Path, data: Path) -> Any:
    """The tiny model, converted."""
    from everwarm.engine.weights import prepare

    return prepare(tiny_gguf, data, SECRET, lambda what, done: None)


@pytest.fixture
def tiny(tiny_gguf: Path, data: Path) -> Iterator[Any]:
    """An engine over the tiny model, with nothing in its cache and room for three to wait."""
    from everwarm.engine.engine import Engine
    from everwarm.engine.settings import Settings

    engine = Engine.load(tiny_gguf, data, SECRET, Settings(threads=1, waiting=3))
    yield engine
    asyncio.run(engine.close())


@pytest.fixture
def engine_in(tiny_gguf: Path, data: Path) -> Iterator[Callable[..., Any]]:
    """``engine_in(mode, **settings)``: an engine over the tiny model in that mode, with nothing in its cache."""
    from everwarm.engine.engine import Engine
    from everwarm.engine.settings import Settings

    made: list[Engine] = []

    def make(mode: str, **settings: Any) -> Engine:
        made.append(Engine.load(tiny_gguf, data, SECRET, Settings(threads=1, mode=mode, **settings)))
        return made[-1]

    yield make
    for engine in made:
        asyncio.run(engine.close())


@pytest.fixture(scope="session")
def weights(data: Path) -> Any:
    """The packaged model, converted. Skips where its weights are absent."""
    _needs_runtime()
    from everwarm.engine.packaged import find_packaged
    from everwarm.engine.weights import prepare

    try:
        find_packaged(data)
    except ModelError as error:
        pytest.skip(str(error))
    return prepare(None, data, SECRET, lambda what, done: None)


@pytest.fixture(scope="session")
def engine(weights: Any, data: Path) -> Iterator[Any]:
    """One engine over the packaged model, shared by all tests. Its cache holds the prompts of the tests before."""
    yield from _packaged(data, "fast")


@pytest.fixture(scope="session")
def exact(weights: Any, data: Path) -> Iterator[Any]:
    """The same in mode "exact"."""
    yield from _packaged(data, "exact")


def _packaged(data: Path, mode: str) -> Iterator[Any]:
    from everwarm.engine.engine import Engine
    from everwarm.engine.settings import Settings

    engine = Engine.load(None, data, SECRET, Settings(context=CONTEXT, mode=mode))
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(scope="session")
def request_of() -> Callable[..., Request]:
    """Make a request from one user text, or from messages; keywords are sampling."""

    def make(*messages: str | Message, rest: dict[str, Any] | None = None, **sampling: Any) -> Request:
        made = tuple(m if isinstance(m, Message) else Message("user", (Part("text", m),)) for m in messages)
        return Request("openai_chat", "default", made, sampling=Sampling(**sampling), rest=rest or {})

    return make


@pytest.fixture(scope="session")
def collect() -> Callable[..., Any]:
    """``await collect(engine, request)``: ask and wait for everything."""

    async def run(engine: Any, request: Request, namespace: Namespace = PUBLIC) -> Answer:
        answer = Answer()
        events: AsyncIterator[Event] = engine.ask(request, namespace)
        async for event in events:
            answer.events.append(event)
        return answer

    return run


@pytest.fixture(scope="session")
def ask(collect: Callable[..., Any]) -> Callable[..., Answer]:
    """``ask(engine, request)``: the same from a test that is not async, in an event loop of its own."""
    return lambda *args: asyncio.run(collect(*args))
