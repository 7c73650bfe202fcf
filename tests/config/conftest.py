"""A folder with a configuration file in it, and the configuration that comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from everwarm.config import Config, load
from everwarm.errors import ConfigError

Load = Callable[..., Config]


@pytest.fixture
def configure(tmp_path: Path) -> Load:
    """``configure(toml, flags, **environment)``."""

    def made(toml: str | None = None, flags: Mapping[str, str | None] | None = None, **env: str) -> Config:
        if toml is not None:
            (tmp_path / "everwarm.toml").write_text(toml, "utf-8")
        return load(flags or {}, {"HOME": str(tmp_path / "home"), **env}, tmp_path, platform="linux")

    return made


@pytest.fixture
def complaint(configure: Load) -> Callable[..., str]:
    """The message of the ``ConfigError`` that must come."""

    def made(*args: object, **env: str) -> str:
        with pytest.raises(ConfigError) as caught:
            configure(*args, **env)
        return caught.value.message

    return made
