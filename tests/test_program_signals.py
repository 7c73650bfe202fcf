"""The program and its signals: SIGTERM ends it without breaking an answer, SIGHUP reloads it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from gateway_upstreams import asks
from live import CHAT
from program import PATIENCE, Program, program
from providers import Provider, provider

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals on Windows")

STREAM = {"model": "gpt-x", "messages": [{"role": "user", "content": "a story"}], "stream": True}


class Reading(threading.Thread):
    """A client that reads one stream to its end."""

    def __init__(self, url: str, key: str = "sk-a") -> None:
        super().__init__()
        self.url = url
        self.headers = {"authorization": f"Bearer {key}"}
        self.text = ""
        self.begun = threading.Event()

    def run(self) -> None:
        with httpx.stream("POST", self.url + CHAT, json=STREAM, headers=self.headers, timeout=PATIENCE) as response:
            for piece in response.iter_text():
                self.text += piece
                self.begun.set()

    @property
    def whole(self) -> bool:
        return self.text.rstrip().endswith("data: [DONE]")


def held_stream(running: Program, fake: Provider, key: str = "sk-a") -> Reading:
    """A stream that waits in its middle until ``fake.go`` is set."""
    fake.hold_at = 2
    reading = Reading(running.url, key)
    reading.start()
    assert fake.holding.wait(PATIENCE)
    assert reading.begun.wait(PATIENCE)
    fake.hold_at = None
    return reading


def refuses(url: str) -> bool:
    where = urlsplit(url)
    try:
        socket.create_connection((where.hostname, where.port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("flags", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_a_stream_under_way_is_finished_and_new_connections_are_refused(
    tmp_path: Path, fake: Provider, flags: tuple[str, ...]
) -> None:
    with program(tmp_path / "data", asks(fake.url), *flags) as running:
        assert running.get("/readyz").status_code == 200
        reading = held_stream(running, fake)
        running.tell(signal.SIGTERM)
        running.wait(lambda: refuses(running.url))
        assert running.process.poll() is None
        fake.go.set()
        reading.join(PATIENCE)
        assert reading.whole
        assert running.process.wait(PATIENCE) == 0
        assert "Traceback" not in running.said
        assert "ERROR" not in running.said


def test_from_the_signal_on_it_is_not_ready(tmp_path: Path, fake: Provider) -> None:
    with program(tmp_path / "data", asks(fake.url)) as running:
        reading = held_stream(running, fake)
        answers = []
        running.tell(signal.SIGTERM)
        time.sleep(0.01)  # for the signal to be handled; after that nobody may hear that it is ready
        for _ in range(100):
            try:
                answers.append(running.get("/readyz").status_code)
            except httpx.HTTPError:
                break
        assert set(answers) <= {503}
        assert refuses(running.url)
        fake.go.set()
        reading.join(PATIENCE)
        assert reading.whole


@pytest.mark.parametrize("flags", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_a_second_signal_ends_it_at_once_and_clients_are_told(
    tmp_path: Path, fake: Provider, flags: tuple[str, ...]
) -> None:
    with program(tmp_path / "data", asks(fake.url), *flags) as running:
        reading = held_stream(running, fake)
        running.tell(signal.SIGTERM)
        running.wait(lambda: refuses(running.url))
        running.tell(signal.SIGTERM)
        assert running.process.wait(6) == 0, "within less than it waits for answers after the first one"
        reading.join(PATIENCE)
        assert not reading.whole
        assert '"error"' in reading.text
        fake.go.set()


def test_a_reload_takes_up_keys_and_upstreams_and_drops_no_stream(tmp_path: Path, fake: Provider) -> None:
    data = tmp_path / "data"
    with provider() as other, program(data, 'access = "tenants"\n' + asks(fake.url)) as running:
        running.wait(lambda: "everwarm keys add NAME" in running.told)
        assert running.ask().status_code == 401
        key = new_key(data, "acme")
        assert running.ask(key=key).status_code == 401, "not before the reload"
        running.reload()
        assert running.ask(key=key).status_code == 200
        assert "tenant.acme" in running.said
        reading = held_stream(running, fake, key)
        running.file.write_text('access = "tenants"\n[limits]\nqueue = 3\n' + asks(other.url))
        running.reload()
        assert "upstream.u0" in running.said
        running.wait(lambda: "waits for a new start: limits.queue" in running.said)
        assert running.ask("another", key=key).status_code == 200
        assert len(other.asked) == 1
        fake.go.set()
        reading.join(PATIENCE)
        assert reading.whole
        fake.until(lambda p: not p.open)


def test_a_wrong_file_is_told_and_the_old_settings_stay(tmp_path: Path, fake: Provider) -> None:
    with program(tmp_path / "data", asks(fake.url)) as running:
        running.file.write_text("porto = 3\n")
        running.reload("The configuration stays as it was")
        assert "porto" in running.said
        assert running.ask().status_code == 200


def test_a_level_of_the_log_is_taken_up(tmp_path: Path, fake: Provider) -> None:
    with program(tmp_path / "data", asks(fake.url)) as running:
        running.ask()
        assert CHAT not in running.said
        running.file.write_text('[log]\nlevel = "debug"\n' + asks(fake.url))
        running.reload()
        running.ask()
        running.wait(lambda: f"POST {CHAT} 200 hit" in running.said)


def test_a_kept_upstream_keeps_its_connections(tmp_path: Path, fake: Provider) -> None:
    with program(tmp_path / "data", asks(fake.url)) as running:
        running.ask("one")
        running.file.write_text("[limits]\nbody_mb = 3\n" + asks(fake.url))
        running.reload()
        running.ask("two")
        assert fake.connections == 1


def new_key(data: Path, name: str) -> str:
    command = [sys.executable, "-m", "everwarm", "keys", "add", name, "--data", str(data)]
    made = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ})
    return made.stdout.strip()
