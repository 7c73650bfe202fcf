"""What the engine's tests share: a tiny model with random weights, and the real one where its weights are.

Both are real: converted, compiled and run by OpenVINO. Converted models are kept between runs, in the folder that
EVERWARM_TEST_DATA names or in .test-data.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from everwarm.core.key import PUBLIC, Namespace
from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Event, Finish, Message, Part, Prefilled, Request, Sampling
from everwarm.errors import ModelError

CONTEXT = 1024
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


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


def _needs_runtime() -> None:
    for package in ("openvino", "openvino_genai", "gguf"):
        if find_spec(package) is None:
            pytest.skip(f"the package {package} is not installed: pip install 'everwarm[local]'")


@pytest.fixture(scope="session")
def data() -> Path:
    """The data folder of the tests, kept between runs."""
    folder = os.environ.get("EVERWARM_TEST_DATA") or Path(__file__).parents[2] / ".test-data"
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    return path


def write_tiny(path: Path, *, metadata: dict[str, Any] | None = None, kind: str = "Q4_1", seed: int = 1) -> Path:
    """A GGUF of one layer with random weights over a byte-level vocabulary. ``metadata`` replaces; None leaves out."""
    from gguf import GGMLQuantizationType, GGUFWriter, quants

    from everwarm.engine.tokens import _ALPHABET

    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *sorted(_ALPHABET), "he", "\u0120t"]
    values: dict[str, Any] = {
        "general.name": "Tiny Test",
        "general.file_type": 7,
        "llama.context_length": CONTEXT,
        "llama.embedding_length": 64,
        "llama.block_count": 1,
        "llama.feed_forward_length": 64,
        "llama.attention.head_count": 2,
        "llama.attention.head_count_kv": 1,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.freq_base": 1e4,
        "llama.rope.dimension_count": 32,
        "llama.vocab_size": len(tokens),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3] * 3 + [1] * (len(tokens) - 3),
        "tokenizer.ggml.merges": ["h e", "\u0120 t"],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.padding_token_id": 2,
        "tokenizer.chat_template": TEMPLATE,
        **(metadata or {}),
    }
    writer = GGUFWriter(path, values.pop("general.architecture", "llama"))
    for key, value in values.items():
        _add(writer, key, value)
    random = np.random.default_rng(seed)
    shapes = {"attn_q": (64, 64), "attn_k": (32, 64), "attn_v": (32, 64), "attn_output": (64, 64)}
    shapes |= {"ffn_gate": (64, 64), "ffn_up": (64, 64), "ffn_down": (64, 64)}
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(64, np.float32))
    for name, shape in {"token_embd": (len(tokens), 64), **{f"blk.0.{n}": s for n, s in shapes.items()}}.items():
        quantised = GGMLQuantizationType.Q8_0 if name == "token_embd" else GGMLQuantizationType[kind]
        weights = random.standard_normal(shape).astype(np.float32) * 0.3
        writer.add_tensor(f"{name}.weight", quants.quantize(weights, quantised), raw_dtype=quantised)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: Any, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    elif isinstance(value, list):
        writer.add_array(key, value)


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

    return prepare(tiny_gguf, data, lambda what, done: None)


@pytest.fixture
def tiny(tiny_gguf: Path, data: Path) -> Iterator[Any]:
    """An engine over the tiny model, with nothing in its cache and room for three to wait."""
    from everwarm.engine.engine import Engine
    from everwarm.engine.settings import Settings

    engine = Engine.load(tiny_gguf, data, Settings(threads=1, waiting=3))
    yield engine
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
    return prepare(None, data, lambda what, done: None)


@pytest.fixture(scope="session")
def engine(weights: Any, data: Path) -> Iterator[Any]:
    """One engine over the packaged model, shared by all tests. Its cache holds the prompt of the test before."""
    from everwarm.engine.engine import Engine
    from everwarm.engine.settings import Settings

    engine = Engine.load(None, data, Settings(context=CONTEXT))
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
