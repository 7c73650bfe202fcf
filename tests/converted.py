"""Where the tests keep the models that they convert, from one run to the next, and what seals them there."""

from __future__ import annotations

import os
from pathlib import Path

DATA = Path(os.environ.get("EVERWARM_TEST_DATA") or Path(__file__).parents[1] / ".test-data")
"""A data folder, of which only the models are used."""

SECRET = bytes(range(32))
"""Always the same one: what is sealed with another would be converted anew."""


def share(home: Path) -> None:
    """Make these models those of the data folder ``home``, with what seals them."""
    models = DATA.resolve() / "models"
    models.mkdir(parents=True, exist_ok=True)
    (home / "models").symlink_to(models)
    (home / "secret.key").write_bytes(SECRET)
    (home / "secret.key").chmod(0o600)
