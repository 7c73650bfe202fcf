"""A folder with a configuration file in it, and the configuration that comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from everwarm.config import Config, load
from everwarm.errors import ConfigError

Load = Callable[..., Config]


@pytest.fixture
def configure(tmp_path: Path) -> Load:
    """``configure(toml, flags, upstreams, credentials, **environment)``."""

    def made(
        toml: str | None = None,
        flags: Mapping[str, str | None] | None = None,
        upstreams: Sequence[str] = (),
        credentials: bool = True,
        **env: str,
    ) -> Config:
        if toml is not None:
            (tmp_path / "everwarm.toml").write_text(toml, "utf-8")
        home = {"HOME": str(tmp_path / "home"), **env}
        return load(flags or {}, home, tmp_path, upstreams=upstreams, credentials=credentials, platform="linux")

    return made


@pytest.fixture
def complaint(configure: Load) -> Callable[..., str]:
    """The message of the ``ConfigError`` that must come."""

    def made(*args: object, **more: object) -> str:
        with pytest.raises(ConfigError) as caught:
            configure(*args, **more)
        return caught.value.message

    return made
