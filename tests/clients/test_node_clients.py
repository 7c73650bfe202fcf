"""The clients for Node beside those for Python: one memory for both. Their own turns are in promise t01."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clients import node_sdk, openai_chat, openai_responses
from clients.lock import FOLDERS
from clients.through import between
from clients.turn import GPT, Place


def chat(place: Place, text: str) -> Any:
    with openai_chat.sdk(place) as client:
        return client.chat.completions.create(model=GPT, messages=openai_chat.messages(text))


def respond(place: Place, text: str) -> Any:
    with openai_responses.sdk(place) as client:
        return client.responses.create(model=GPT, input=text)


@node_sdk.needs_node
def test_what_python_asked_is_known_to_node(tmp_path: Path) -> None:
    with between(tmp_path) as (place, behind):
        asked = [chat(place, "chat answers"), chat(place, "chat streams"), respond(place, "responses answers")]
        seen = node_sdk.run("openai", place)
        assert len(behind.asked) == len(asked) + 12  # the other turns of that program
    assert seen["chat answers"]["id"] == asked[0].id
    assert {chunk["id"] for chunk in seen["chat streams"]} == {asked[1].id}
    assert seen["responses answers"]["id"] == asked[2].id


@node_sdk.needs_node
def test_what_node_asked_is_known_to_python(tmp_path: Path) -> None:
    with between(tmp_path) as (place, behind):
        seen = node_sdk.run("vercel", place)
        calls = len(behind.asked)
        # A stream of "compatible" does not ask for usage, and so cannot serve where usage is part of the answer.
        for name in ("openai chat answers", "openai chat streams", "compatible answers"):
            assert chat(place, name).id == seen[name]["id"]
        assert len(behind.asked) == calls


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_lock_has_hashes_and_names_no_address(folder: Path) -> None:
    text = (folder / "package-lock.json").read_text()
    assert "://" not in text
    assert '"resolved"' not in text
    packages = {name: p for name, p in json.loads(text)["packages"].items() if name}
    assert packages
    assert all(p["integrity"].startswith("sha512-") for p in packages.values())
