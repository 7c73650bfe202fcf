"""Two coding agents: one turn each, without a terminal, in a home of its own, and with nobody but us to talk to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from clients.turn import CLAUDE, GPT, KEY, Place

HERE = Path(__file__).parent
OPENCODE = HERE / "node" / "node_modules" / "opencode-linux-x64-baseline" / "bin" / "opencode"
CODEX = HERE / "agents" / "node_modules" / ".bin" / "codex"

PATIENCE = 300.0
"""Seconds after which an agent hangs."""

PROVIDERS = {
    "chat": ("@ai-sdk/openai-compatible", GPT),
    "responses": ("@ai-sdk/openai", GPT),
    "messages": ("@ai-sdk/anthropic", CLAUDE),
}
"""Protocol -> the package through which opencode speaks it (all are inside the program), and a model's name."""

SPOKEN = list(PROVIDERS) if os.environ.get("EVERWARM_TEST_AGENTS") == "all" else ["chat"]
"""Protocols that are tested with it: a turn of it takes 5 s of a processor, just to start."""

AGENTS = {"opencode": len(PROVIDERS), "codex": 1}
"""Agent -> how many protocols it is asked to speak."""

QUIET = {
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_PURE": "1",
}
"""Keeps opencode from asking anybody else."""

PLUGIN = {"packages": {"": {"dependencies": {"@opencode-ai/plugin": "*"}}}}
"""Beside an empty ``node_modules`` this tells opencode that it has installed its plugins."""

CONFIG = """
model = "{model}"
model_provider = "everwarm"
check_for_update_on_startup = false
web_search = "disabled"

[analytics]
enabled = false

[features]
plugins = false  # it would fetch a catalogue

[model_providers.everwarm]
name = "Everwarm"
base_url = "{place.openai}"
env_key = "EVERWARM_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""


def needs(program: Path) -> pytest.MarkDecorator:
    """Skips where the agents are not installed."""
    return pytest.mark.skipif(
        shutil.which(program) is None, reason="this coding agent is not installed: `make agents` does it where npm is"
    )


def opencode(home: Path, place: Place, protocol: str, question: str, model: str = "") -> str:
    """The text of one turn."""
    package, fake = PROVIDERS[protocol]
    model = model or fake
    plugins = home / ".config" / "opencode"
    (plugins / "node_modules").mkdir(parents=True, exist_ok=True)
    (plugins / "package-lock.json").write_text(json.dumps(PLUGIN))
    settings: dict[str, Any] = {
        "autoupdate": False,
        "share": "disabled",
        "enabled_providers": ["everwarm"],
        "small_model": f"everwarm/{model}",
        "provider": {
            "everwarm": {
                "npm": package,
                "options": {"baseURL": place.openai, "apiKey": KEY},
                "models": {model: {"limit": {"context": 8192, "output": 256}}},
            }
        },
    }
    # A title is given, else it asks the model for one first.
    arguments = ["run", "--title", "test", "--format", "json", "-m", f"everwarm/{model}", question]
    out = run([OPENCODE, *arguments], home, {**QUIET, "OPENCODE_CONFIG_CONTENT": json.dumps(settings)})
    events = [json.loads(line) for line in out.splitlines()]
    return "".join(e["part"]["text"] for e in events if e["type"] == "text")


def codex(home: Path, place: Place, question: str, model: str = GPT) -> str:
    """The text of one turn."""
    (home / ".codex").mkdir(exist_ok=True)
    (home / ".codex" / "config.toml").write_text(CONFIG.format(place=place, model=model))
    arguments = ["exec", "--skip-git-repo-check", "--ephemeral", "--sandbox", "read-only", "--color", "never", question]
    return run([CODEX, *arguments], home, {"EVERWARM_KEY": KEY}).strip()


def run(command: list[Any], home: Path, environment: dict[str, str]) -> str:
    """What it prints. It works in a folder with one file, and finds no other server than ours."""
    work = home / "work"
    work.mkdir(exist_ok=True)
    (work / "hello.py").write_text('print("hello")\n')
    nobody = "http://127.0.0.1:9"
    closed = {"HTTP_PROXY": nobody, "HTTPS_PROXY": nobody, "NO_PROXY": "127.0.0.1"}
    given = {"PATH": os.environ["PATH"], "HOME": str(home), **closed, **environment}
    ended = subprocess.run(
        command, cwd=work, env=given, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
