"""A model inside, driven through OpenVINO's PagedAttention.

Importing this package is cheap and needs nothing that is not always installed; ``load`` brings in the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from everwarm.engine.settings import DEFAULTS, Settings
from everwarm.errors import ModelError

if TYPE_CHECKING:
    from everwarm.engine.assemble import Keep
    from everwarm.engine.engine import Engine
    from everwarm.engine.packaged import Progress


def load(
    source: Path | None,
    data: Path,
    secret: bytes,
    settings: Settings = DEFAULTS,
    progress: Progress = lambda what, done: None,
    keep: Keep | None = None,
) -> Engine:
    """``Engine.load``, with a ``ModelError`` that says what to install where the packages for it are absent."""
    with _packages():
        from everwarm.engine.engine import Engine
    return Engine.load(source, data, secret, settings, progress, keep)


def describe(source: Path | None, data: Path, secret: bytes, settings: Settings, disk: int) -> dict[str, Any]:
    """``about.about``, likewise."""
    with _packages():
        from everwarm.engine.about import about
    return about(source, data, secret, settings, disk)


@contextmanager
def _packages() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModelError(
            f"the model inside needs the Python package {error.name}, which is not there; "
            "install it with: pip install 'everwarm[local]'"
        ) from error
