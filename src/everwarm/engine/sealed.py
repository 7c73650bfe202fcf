"""Small files of ours beside a model: a first line with a version and a seal, and then what is sealed.

Who can write into the folder, but does not know the installation's secret, gets nothing in (``core.seal``).
"""

from __future__ import annotations

import os
from hmac import compare_digest
from pathlib import Path

from everwarm.core.seal import seal


def write(path: Path, kind: bytes, body: bytes, secret: bytes) -> None:
    """``kind``: two words, what it is and in which version. ``OSError`` if it cannot be written.

    It is whole or not there: another process may write the same, or read it.
    """
    making = path.with_name(f".{path.name}.{os.getpid()}")
    making.write_bytes(_head(kind, body, secret) + body)
    making.replace(path)


def read(path: Path, kind: bytes, secret: bytes) -> bytes | None:
    """What was sealed; None if it is absent, of another kind or version, or not as it was sealed with this secret."""
    try:
        head, line, body = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return body if compare_digest(head + line, _head(kind, body, secret)) else None


def _head(kind: bytes, body: bytes, secret: bytes) -> bytes:
    """The first line: version, and seal of both the version and what follows."""
    return b"%b %b\n" % (kind, seal(secret, (kind, body)).hex().encode())
