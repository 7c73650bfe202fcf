"""``everwarm warm``, against a real gateway before the tiny model."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from arranging import arranged
from everwarm.cli import main
from everwarm.gateway.reload import take_up
from live import Live, gateway

Run = Callable[..., tuple[int, str, str]]
TEXT = "You help.\n" + "h" * 100


@pytest.fixture
def live(tiny: Any, tmp_path: Path) -> Iterator[Live]:
    with gateway(tmp_path / "served", tiny) as running:
        yield running


@pytest.fixture
def run(live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run(words...)``: exit status, standard output, standard error of ``everwarm warm``, for this gateway."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVERWARM_DATA", str(tmp_path / "data"))
    host, _, port = live.url.removeprefix("http://").partition(":")
    monkeypatch.setenv("EVERWARM_HOST", host)
    monkeypatch.setenv("EVERWARM_PORT", port)

    def ran(*words: str) -> tuple[int, str, str]:
        status = main(["warm", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return ran


def pinned(live: Live, key: str | None = None) -> list[dict[str, Any]]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return [row for row in live.client.post("/v1/cache/prefixes", headers=headers).json()["data"] if row["pinned"]]


def test_a_text_is_a_system_prompt(run: Run, live: Live, tmp_path: Path) -> None:
    (tmp_path / "system.txt").write_text(TEXT)
    status, out, err = run("system.txt")
    assert (status, err) == (0, "")
    assert (found := re.fullmatch(r"(\d+) tokens are warm: \1 computed, 0 from cache; not pinned\n", out))
    status, out, _ = run("system.txt", "--pin")
    (row,) = pinned(live)
    assert out == f"{found[1]} tokens are warm: 1 computed, {int(found[1]) - 1} from cache; pinned as {row['id']}\n"
    assert row["begins"].startswith("system\n" + TEXT[:40])


def test_it_says_when_it_is_not_what_was_written(run: Run, live: Live, tmp_path: Path) -> None:
    layout = replace(live.house.config.layout, mode="rewrite")
    take_up(live.house, replace(live.house.config, layout=layout))
    (tmp_path / "system.txt").write_text("It is NOW.\n" + TEXT)
    with arranged(live):
        assert run("system.txt")[1].endswith("; not pinned; rewritten as requests are\n")


def test_json_is_a_body_and_standard_input_a_file(run: Run, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"messages": [{"role": "system", "content": TEXT}, {"role": "user", "content": "And so?"}], "pin": True}
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(body).encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert run("-")[0] == 0
    assert pinned(live)[0]["ends"].endswith("And so?\nassistant\n")


def test_it_is_warmed_for_whose_key_it_is(
    run: Run, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "system.txt").write_text(TEXT)
    assert run("system.txt", "--pin", "--key", "sk-a")[0] == 0
    monkeypatch.setenv("EVERWARM_KEY", "sk-b")
    assert run("system.txt", "--pin", "--url", live.url + "/v1")[0] == 0
    a, b = pinned(live, "sk-a"), pinned(live, "sk-b")
    assert len(a) == len(b) == 1
    assert a[0]["id"] != b[0]["id"]
    assert pinned(live) == []


WRONG = {
    "absent.txt": (None, "absent.txt cannot be read: No such file or directory."),
    "empty.txt": (b" \n", "empty.txt is empty"),
    "binary": (b"ab\xff", "binary is no text in UTF-8: see byte 2."),
    "model.json": (b'{"model": "gpt-x", "messages": []}', "has warmed nothing: The model 'gpt-x' does not exist here"),
    "nothing.json": (b'{"messages": []}', "has warmed nothing: There is nothing to warm"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(run: Run, tmp_path: Path, name: str) -> None:
    content, said = WRONG[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    status, out, err = run(name)
    assert (status, out) == (1, "")
    assert err.startswith("everwarm: ")
    assert said in err
    assert err.count("\n") == 1


def test_nobody_there_is_said_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "system.txt").write_text(TEXT)
    status, _, err = run("system.txt", "--url", "http://127.0.0.1:9")
    assert status == 1
    assert "does not answer" in err


def test_a_key_that_is_not_known_is_never_shown(tiny: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "system.txt").write_text(TEXT)
    with gateway(tmp_path / "served", tiny, 'access = "tenants"\n') as live:
        status = main(["warm", str(tmp_path / "system.txt"), "--url", live.url, "--key", "sk-secret"])
    err = capsys.readouterr().err
    assert status == 1
    assert "EVERWARM_KEY" in err
    assert "sk-secret" not in err
