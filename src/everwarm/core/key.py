"""The only place where a cache key is made.

A key is (namespace, digest, proof). The digest is a hint that finds candidates fast; ``proof`` is what was digested,
and two keys are the same only if the proofs are equal. So nothing depends on the hash being good: the tests run once
more with a constant in its place (promise s09).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b, sha256

KEY_VERSION = 2
"""Part of every key. Raise it when the canonical form changes, and add a golden vector (docs/formats.md)."""

DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Namespace:
    """A tenant: a hard partition of everything that is remembered. Made from a credential, never from a request."""

    id: str  # "public", or 32 hexadecimal digits of a keyed digest
    name: str = field(default="", compare=False)  # what the operator calls it, for display


PUBLIC = Namespace("public", "public")


def hint(data: bytes) -> bytes:
    """The digest of anything looked up by content: 16 bytes. Replaceable by a constant (s09)."""
    return sha256(data).digest()[:DIGEST_BYTES]  # processors have instructions for it: twice as fast as BLAKE2b


@dataclass(frozen=True, slots=True)
class ExactKey:
    """Where the answer to one canonical request is stored. Make it with ``exact_key``."""

    namespace: Namespace
    digest: bytes  # DIGEST_BYTES
    proof: bytes  # what the digest is of; the proof of equality

    def __hash__(self) -> int:
        return hash(self.digest)  # the proof may be long

    @property
    def text(self) -> str:
        """The digest as ``x-everwarm-key`` shows it."""
        return self.digest.hex()


def exact_key(namespace: Namespace, dialect: str, target: str, canonical: bytes, context: bytes = b"") -> ExactKey:
    """The key of ``canonical``, asked in ``dialect`` of ``target`` (who answers, to the build of the model).

    ``context``: what else reaches who answers and may change the answer (headers, query). Injective: each part is
    framed by its length, so that no two different tuples give the same proof. The namespace is in the frame too: the
    same request of two tenants has two digests.
    """
    proof = b"%b%d:%b" % (_frame(namespace.id, dialect, target), len(canonical), canonical)
    if context:
        proof += b"%d:%b" % (len(context), context)
    return ExactKey(namespace, hint(proof), proof)


@lru_cache(maxsize=4096)
def _frame(namespace_id: str, dialect: str, target: str) -> bytes:
    parts = (b"exact", str(KEY_VERSION).encode(), namespace_id.encode(), dialect.encode(), target.encode())
    return b"".join(b"%d:%b" % (len(p), p) for p in parts)


def namespace_of(credential: bytes, secret: bytes) -> Namespace:
    """The namespace of a credential: a digest keyed with this installation's secret; so a stored id says nothing."""
    return Namespace(blake2b(credential, key=secret, digest_size=16, person=b"everwarm-tenant").hexdigest())
