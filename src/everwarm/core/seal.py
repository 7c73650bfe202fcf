"""The seal that shows that what is stored is ours and whole: a keyed BLAKE2b over length-framed parts.

It is checked before anything of what it seals is parsed or used. Who can write our files but not read the secret can
forge no answer and slip in no model.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from hmac import compare_digest

SEAL_BYTES = 16


def seal(secret: bytes, parts: Iterable[bytes]) -> bytes:
    """The seal of ``parts`` in this order, SEAL_BYTES long. Each is framed by its length: no two lists look alike.

    The first part says what is sealed and in which form, so that no seal of one kind fits another.
    """
    digest = blake2b(key=secret, digest_size=SEAL_BYTES, person=b"everwarm-seal")
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def check(secret: bytes, parts: Iterable[bytes], mac: bytes) -> bool:
    """Whether ``mac`` is the seal of ``parts``; takes the same time wherever they differ."""
    return compare_digest(seal(secret, parts), mac)
