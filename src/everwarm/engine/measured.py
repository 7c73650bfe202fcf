"""What was measured of a model on this machine: a file beside it, so that it is measured once.

It holds for what it was measured with: processor, weights, build, settings (``Measured.of``); each has its file. What
is measured may decide how long something takes, and in mode "exact" nothing that an answer's bits depend on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from pathlib import Path

import orjson

from everwarm.core.trust import Costs, between
from everwarm.engine import sealed

_KIND = b"measured 1"


@dataclass(frozen=True, slots=True)
class Measured:
    """Times are in seconds, each the least of several."""

    of: str  # what it holds for
    threads: int
    chunk: int  # tokens of a prompt that are best computed at once
    token: float  # of a prompt, in a step of so many
    steps: Mapping[int, float]  # of decoding, by rows

    @property
    def costs(self) -> Costs:
        """What a decode step costs by its rows, in steps of one row. More rows never cost less, whatever was seen."""
        most, points = 0.0, {}
        for rows, seconds in sorted(self.steps.items()):
            most = points[rows] = max(most, seconds / self.steps[1])
        return between(points)

    def rate(self, rows: int) -> float:
        """Tokens a second that ``rows`` answers get together."""
        return rows / (self.costs(rows) * self.steps[1])


def dump(measured: Measured, folder: Path, secret: bytes) -> None:
    """Write it, sealed with the installation's secret. ``OSError`` if that cannot be."""
    body = orjson.dumps(asdict(measured), option=orjson.OPT_NON_STR_KEYS)
    sealed.write(_file(folder, measured.of), _KIND, body, secret)


def load(folder: Path, secret: bytes, of: str) -> Measured | None:
    """What was measured with all this; None if nothing was, or it is not as we wrote it."""
    body = sealed.read(_file(folder, of), _KIND, secret)
    if body is None:
        return None
    raw = orjson.loads(body)  # ours, whole: the seal says so
    raw["steps"] = {int(rows): seconds for rows, seconds in raw["steps"].items()}
    measured = Measured(**{f.name: raw[f.name] for f in fields(Measured)})
    return measured if measured.of == of else None


def _file(folder: Path, of: str) -> Path:
    return folder / f"measured-{blake2b(of.encode(), digest_size=4).hexdigest()}.json"
