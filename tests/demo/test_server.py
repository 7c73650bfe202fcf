from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import pytest

from everwarm.demo import server as room
from everwarm.demo.client import Client
from everwarm.demo.server import Server, command, environment, serving
from everwarm.errors import OperatorError
from everwarm.store.seal import load_secret

CHILD = """
import sys, http.server
class H(http.server.BaseHTTPRequestHandler):
    tries = 0
    def do_GET(self):
        H.tries += 1
        self.send_response(200 if H.tries > 1 else 503)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *a): pass
s = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 0), H)
print("loading the model", flush=True)
print(f"Everwarm listens on http://127.0.0.1:{s.server_address[1]}/v1", flush=True)
s.serve_forever()
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@contextmanager
def child(code: str) -> Iterator[Server]:
    server = Server(python(code), dict(os.environ))
    try:
        yield server
    finally:
        server.end()


def test_ready_once_healthy_and_gone_afterwards() -> None:
    with child(CHILD) as server:
        url = server.ready(lambda line: None)
        assert Client(url).get("/healthz")[0] == 200
    with pytest.raises(OperatorError, match="does not answer"):
        Client(url).get("/healthz")


def test_a_child_that_fails_is_quoted() -> None:
    with (
        child("import sys; print('The model cannot be read.'); sys.exit(3)") as server,
        pytest.raises(OperatorError, match=r"status 3\. It said:\n  The model cannot be read\."),
    ):
        server.ready(lambda line: None)


def test_a_child_that_does_not_listen_is_killed() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); "
    server = Server(python(code + "time.sleep(60)"), dict(os.environ))
    while not server.lines:
        sleep(0.01)
    server.end(patience=0.1)
    assert server.status == -9


def test_its_progress_is_shown(tmp_path: Path) -> None:
    gate = tmp_path / "seen"
    shown: list[str] = []
    waits = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"

    def say(line: str) -> None:
        shown.append(line)
        if line == "reading":
            gate.touch()

    with child("print('reading', flush=True)\n" + waits + CHILD) as server:
        server.ready(say)
    assert "reading" in shown
    assert set(shown) <= {"starting", "reading", "loading the model"}


def test_the_command_names_its_own_data_and_settings(tmp_path: Path) -> None:
    words = command(tmp_path, "m.gguf")
    assert words[1:4] == ["-m", "everwarm", "serve"]
    assert words[words.index("--port") + 1] == "0"
    assert words[words.index("--data") + 1] == str(tmp_path)
    assert words[words.index("--config") + 1] == str(tmp_path / "everwarm.toml")
    assert words[-2:] == ["--model", "m.gguf"]
    assert "--model" not in command(tmp_path, None)
    again = command(tmp_path, None, 8123)
    assert again[again.index("--port") + 1] == "8123"


def test_the_users_settings_do_not_reach_the_child() -> None:
    env = environment({"PATH": "p", "EVERWARM_PORT": "1"})
    assert env["PATH"] == "p"
    assert "EVERWARM_PORT" not in env


def test_the_users_models_are_the_childs_with_the_secret_that_seals_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []
    data = tmp_path / "data"
    secret = load_secret(data)

    def stand_in(home: Path, model: str | None, port: int) -> list[str]:
        seen.append(home)
        (home / "models" / "made.txt").write_text("x")
        assert load_secret(home) == secret
        return python(CHILD)

    monkeypatch.setattr(room, "command", stand_in)
    say: Callable[[str], object] = lambda line: None  # noqa: E731
    with serving(data, None, say) as gateway:
        assert gateway.url.startswith("http://127.0.0.1:")
        assert (seen[0] / "everwarm.toml").exists()
    assert (data / "models" / "made.txt").exists()
    assert load_secret(data) == secret
    assert not seen[0].exists()


def test_without_that_secret_the_child_has_models_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With another one it would seal the user's anew, and the user's gateway convert them again."""
    data = tmp_path / "data"
    (data / "models").mkdir(parents=True)

    def stand_in(home: Path, model: str | None, port: int) -> list[str]:
        assert not (home / "models").exists()
        return python(CHILD)

    monkeypatch.setattr(room, "command", stand_in)
    with serving(data, None, lambda line: None):
        pass


def test_a_restart_keeps_the_address_and_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stand_in(home: Path, model: str | None, port: int) -> list[str]:
        sign = f"import os; open({str(home / 'signed')!r}, 'a').write(f'{{os.getpid()}} ')"
        return [*python(sign + CHILD), str(port)]

    monkeypatch.setattr(room, "command", stand_in)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with serving(tmp_path / "data", None, lambda line: None) as gateway:
        before = gateway.url
        gateway.restart(lambda line: None)
        assert gateway.url == before
        assert Client(before).get("/healthz")[0] == 200
        (signed,) = tmp_path.glob("everwarm-demo-*/signed")
        first, second = signed.read_text().split()
        assert first != second
    with pytest.raises(OperatorError, match="does not answer"):
        Client(before).get("/healthz")
