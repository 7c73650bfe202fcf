"""The peers: other gateways with a response cache, each in an environment of its own, before the same provider.

Each runs as its documentation says, as one process, with its own response cache on and its reports home off. Portkey's
gateway is left out: it listens on every address of the machine, and has no setting for that.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.asking import Gateway
from benchmarks.servers import NotStartedError, Running, announced, launched

PATIENCE = 180  # seconds until a peer must answer: LiteLLM's imports alone take twenty

LITELLM = """
model_list:
  - model_name: default
    litellm_params: {{model: openai/default, api_base: "{url}/v1", api_key: sk-bench}}
litellm_settings:
  cache: true
  cache_params: {{type: local, supported_call_types: [acompletion], max_messages: 1000}}
  telemetry: false
"""
"""By default its cache is for requests of at most four messages; ours here have eight."""


class Peer(NamedTuple):
    """What is installed, and how it is begun: from its environment's programs, before the provider of that URL."""

    name: str
    lock: str
    begun: Callable[[Path, str], AbstractContextManager[Gateway]]


@contextmanager
def litellm(programs: Path, url: str) -> Iterator[Gateway]:
    """LiteLLM's proxy with its cache in memory, one worker, without a database."""
    key, port = f"sk-{secrets.token_urlsafe(32)}", _free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(LITELLM.format(url=url))
        where = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
        mode = {"LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        env = {**os.environ, **mode, "LITELLM_MASTER_KEY": key}
        with launched([programs / "litellm", "--config", config, *where], env, Path(folder) / "log") as process:
            _wait(process, f"http://127.0.0.1:{port}/health/liveliness", Path(folder) / "log")
            yield Gateway("LiteLLM", Running(port, process.pid), key=key)


@contextmanager
def tensorzero(programs: Path, url: str) -> Iterator[Gateway]:
    """TensorZero's gateway, as its Python package carries it, with its cache in a Valkey of its own. It is one process
    of many threads, and uses as many cores as there are."""
    script = Path(__file__).with_name("tensorzero_gateway.py")
    members = {"tensorzero::cache_options": {"enabled": "on"}}
    with (
        tempfile.TemporaryDirectory() as folder,
        launched([programs / "python", script, url, folder], dict(os.environ)) as process,
    ):
        server = Running(announced(process), process.pid)
        model = "tensorzero::model_name::default"
        yield Gateway("TensorZero", server, "/openai/v1/chat/completions", model=model, members=members)


PEERS = [Peer("LiteLLM", "litellm", litellm), Peer("TensorZero", "tensorzero", tensorzero)]


def _free_port() -> int:
    """For a server that must be told one. Another program may take it before; then the server does not start."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[str], url: str, log: Path) -> None:
    """Until a GET there is answered. Raises ``NotStartedError`` with the last line of the log."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    said = log.read_text("utf-8", "replace").split("\n")
    raise NotStartedError(next((line for line in reversed(said) if line.strip()), "it said nothing"))
