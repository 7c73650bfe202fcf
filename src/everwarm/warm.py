"""``everwarm warm``: have a gateway that runs compute a prompt before anybody asks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from everwarm.demo.client import Client
from everwarm.errors import Broken, ConfigError

PATH = "/v1/cache/prefixes/warm"


def warm(client: Client, file: str, *, pin: bool) -> str:
    """What came of it, in one line. ``file``: a JSON body, or the text of a system prompt; "-" is standard input."""
    body = {"model": "default", **_body(_read(file)), **({"pin": True} if pin else {})}
    status, told = client.post(PATH, json.dumps(body).encode())
    if status != 200 or not isinstance(told, dict):
        raise _refused(client.url, status, told)
    line = f"{told['tokens']} tokens are warm: {told['computed']} computed, {told['cached']} from cache"
    line += f"; pinned as {told['id']}" if told["pinned"] else "; not pinned"
    return f"{line}; rewritten as requests are" if told["rewritten"] else line


def _read(file: str) -> str:
    name = "standard input" if file == "-" else file
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} is no text in UTF-8: see byte {error.start}.") from None
    if not text.strip():
        raise ConfigError(f"{name} is empty, but must hold a prompt: a JSON body, or the text of a system prompt.")
    return text


def _body(text: str) -> dict[str, Any]:
    """A JSON object is a body; anything else is a system prompt, to the last character."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"messages": [{"role": "system", "content": text}]}


def _refused(url: str, status: int, told: Any) -> Broken | ConfigError:
    error = told.get("error") if isinstance(told, dict) else None
    said = error.get("message") if isinstance(error, dict) else None
    if status in (401, 403):
        return ConfigError(f"{url} wants another key, with --key or in EVERWARM_KEY: {said or status}")
    return Broken(f"{url} has warmed nothing: {said or f'it answered with status {status}'}")
