"""A model inside, driven through OpenVINO's PagedAttention.

Importing this package is cheap and needs nothing that is not always installed; ``load`` brings in the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from everwarm.engine.settings import DEFAULTS, Settings
from everwarm.errors import ModelError

if TYPE_CHECKING:
    from everwarm.engine.assemble import Keep
    from everwarm.engine.engine import Engine
    from everwarm.engine.packaged import Progress


def load(
    gguf: Path | None,
    data: Path,
    secret: bytes,
    settings: Settings = DEFAULTS,
    progress: Progress = lambda what, done: None,
    keep: Keep | None = None,
) -> Engine:
    """``Engine.load``, with a ``ModelError`` that says what to install where the packages for it are absent."""
    try:
        from everwarm.engine.engine import Engine
    except ModuleNotFoundError as error:
        raise ModelError(
            f"the model inside needs the Python package {error.name}, which is not there; "
            "install it with: pip install 'everwarm[local]'"
        ) from error
    return Engine.load(gguf, data, secret, settings, progress, keep)
