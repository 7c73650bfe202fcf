"""A gateway before a provider, and beside it a server and a file that nobody has any business with (promise s16).

Requests name them in every way that there is. Nobody ever connects to the one or opens the other: connections are
counted by the server itself, and what Python opens, imports or looks up is seen by an audit hook.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from behind import upstreams
from live import Live, gateway
from providers import Provider, provider

OURS = "sk-ours"
"""The credential that is for the provider alone: see ``KEYED`` and ``ENV``."""

KEYED, ENV = 'key_env = "OURS"', {"OURS": OURS}

FILE = "zqfile"
"""In the name of the file, and of a module that could be."""

_watching: list[list[str]] = []


class World(NamedTuple):
    live: Live
    fake: Provider
    evil: Provider
    file: Path

    @property
    def address(self) -> str:
        """Host and port of the bystander."""
        return self.evil.anthropic_url.removeprefix("http://")

    def filled(self, value: Any) -> Any:
        """With its address for EVIL, and the file's path for FILE, in all texts of a value."""
        if isinstance(value, str):
            return value.replace("EVIL", self.address).replace("FILE", str(self.file))
        if isinstance(value, list):
            return [self.filled(v) for v in value]
        return {k: self.filled(v) for k, v in value.items()} if isinstance(value, dict) else value

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Meanwhile nobody touches either."""
        seen: list[str] = []
        _watching.append(seen)
        try:
            yield
        finally:
            _watching.remove(seen)
        port = self.address.partition(":")[2]
        touched = [what for what in seen if FILE in what or port in what]
        assert not touched, touched
        assert self.evil.connections == 0

    def check(self) -> None:
        """What reached the provider was for it: its name, its paths, its credential."""
        assert self.evil.connections == 0
        for asked in self.fake.asked:
            assert asked.all("host") == [self.fake.anthropic_url.removeprefix("http://")]
            assert asked.target.startswith("/v1/")
            assert not {".", ".."} & set(re.split(r"[/\\;]", unquote(unquote(asked.path))))
            assert OURS in (asked.header("x-api-key") or asked.header("authorization") or ""), asked


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """The bystander's name is one that pages may come from: so ``Host`` and ``Origin`` may name it."""
    file = folder / f"{FILE}.gguf"
    file.write_bytes(b"GGUF")
    sys.addaudithook(_hear)
    with ExitStack() as stack:
        fake, evil = stack.enter_context(provider()), stack.enter_context(provider())
        name = evil.anthropic_url.removeprefix("http://")
        toml = f'trusted_origins = ["{name}"]\n' + upstreams(fake, f"{KEYED}\nretries = 0")
        live = stack.enter_context(gateway(folder / "data", toml=toml, env=ENV))
        yield World(live, fake, evil, file)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    """For as long as the process lives: a hook cannot be taken out."""
    for seen in _watching:
        seen.append(f"{event} {[a for a in arguments if isinstance(a, str | bytes | tuple | Path)]}")
