"""s16: no member of a body chooses a host, a file or a module, and no name of a model does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import everwarm
from behind import CHAT, MESSAGES, PATHS, RESPONSES, body, headers
from bystander import FILE, World, world

SOURCE = Path(everwarm.__file__).parent


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("s16")) as running:
        yield running
        running.check()


URL: Any = "http://EVIL/v1"
MEMBERS: dict[str, Any] = {
    **dict.fromkeys(("base_url", "api_base", "endpoint", "url", "host", "proxy", "upstream", "webhook_url"), URL),
    "extra_body": {"base_url": URL},
    "extra_headers": {"host": "EVIL", "x-base-url": URL},
    "litellm_params": {"api_base": URL, "custom_llm_provider": FILE},
    "metadata": {"base_url": URL},
    "provider": {"order": [FILE], "url": URL},
    "tools": [{"type": "mcp", "server_label": "x", "server_url": URL, "name": "x", "input_schema": {"$ref": URL}}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$id": URL}}},
    "template": "{% include 'FILE' %}",
    "chat_template": "{% import 'FILE' as x %}",
    "grammar": "FILE",
    "lora": "FILE",
    "plugin": f"{FILE}:run",
}
PARTS: dict[str, list[dict[str, Any]]] = {
    CHAT: [
        {"type": "image_url", "image_url": {"url": URL}},
        {"type": "image_url", "image_url": {"url": "file://FILE"}},
        {"type": "file", "file": {"file_id": "../../FILE"}},
    ],
    RESPONSES: [
        {"type": "input_image", "image_url": URL},
        {"type": "input_file", "file_url": URL},
        {"type": "input_file", "filename": "FILE", "file_data": "data:,x"},
    ],
    MESSAGES: [
        {"type": "image", "source": {"type": "url", "url": URL}},
        {"type": "document", "source": {"type": "file", "file_id": "../FILE"}},
    ],
}
MODELS = [
    "http://EVIL/v1",
    "EVIL",
    "gpt-x@EVIL",
    "openai/http://EVIL",
    "../../etc/passwd",
    "FILE",
    "file://FILE",
    f"./{FILE}",
    f"{FILE}:run",
    f"everwarm.{FILE}",
    "gpt-x\x00FILE",
    "gpt-x\r\nHost: EVIL",
]


def asking(both: World, path: str, part: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A request whose only message is that part."""
    message = {"role": "user", "content": [both.filled(part)]}
    return body(path, "", **{"input" if path == RESPONSES else "messages": [message]}, **more)


def passed_on(both: World, path: str, sent: dict[str, Any]) -> None:
    """To the provider, as it is, whatever that says to it; and to nobody else."""
    before = len(both.fake.asked)
    with both.untouched():
        answer = both.live.client.post(path, json=sent, headers=headers(path))
    assert answer.status_code in (200, 400)
    assert [asked.json for asked in both.fake.asked[before:]] == [sent]


@pytest.mark.parametrize("path", PATHS)
def test_no_member_of_a_body_does(both: World, path: str) -> None:
    for name, value in MEMBERS.items():
        passed_on(both, path, body(path, f"with {name}", **both.filled({name: value})))
    for part in PARTS[path]:
        passed_on(both, path, asking(both, path, part))


OTHERS: dict[str, dict[str, Any]] = {
    "/v1/embeddings": {"input": "x", "dimensions": 4},
    "/v1/completions": {"prompt": "x"},
    "/v1/messages/count_tokens": {"messages": [{"role": "user", "content": "hi"}]},
}


@pytest.mark.parametrize("path", [*PATHS, *OTHERS])
def test_no_name_of_a_model_does(both: World, path: str) -> None:
    for name in MODELS:
        sent = {"model": "", **OTHERS[path]} if path in OTHERS else body(path, name)
        passed_on(both, path, {**sent, "model": both.filled(name)})


@pytest.mark.parametrize("path", PATHS)
def test_the_model_inside_fetches_and_opens_nothing(both: World, path: str) -> None:
    before = len(both.fake.asked)
    for part in PARTS[path]:
        with both.untouched():
            sent = asking(both, path, part, model="default")
            both.live.client.post(path, json=sent, headers=headers(path))
    assert len(both.fake.asked) == before
    assert both.live.upstream.asked


def test_what_would_be_touched_would_be_seen(both: World) -> None:
    """The power of the tests above."""
    with pytest.raises(AssertionError, match="open"), both.untouched():
        both.file.read_bytes()
    with pytest.raises(AssertionError, match="import"), both.untouched(), pytest.raises(ImportError):
        __import__(FILE)


# --- modules ----------------------------------------------------------------------------------------------------------

IMPORTERS = {"import_module", "__import__", "run_module", "run_path", "spec_from_file_location", "entry_points"}
BY_NAME = ("engine/runtime.py", "_without_telemetry")
"""The one function that imports what it is told: each call of it names a module in the source."""


def calls(path: Path, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in names:
                yield node


def test_modules_are_named_in_the_source() -> None:
    chosen = {
        path.relative_to(SOURCE).as_posix(): call
        for path in SOURCE.rglob("*.py")
        for call in calls(path, IMPORTERS)
        if not (call.args and isinstance(call.args[0], ast.Constant))
    }
    assert set(chosen) == {BY_NAME[0]}
    told = list(calls(SOURCE / BY_NAME[0], {BY_NAME[1]}))
    assert len(told) >= 3
    assert all(isinstance(call.args[0], ast.Constant) for call in told)
