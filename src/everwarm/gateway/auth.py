"""From a request's credential to its namespace. Nothing else of a request can move it (promise s03)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from everwarm.config import Config, Tenant
from everwarm.core.eviction import Quota
from everwarm.core.key import PUBLIC, Namespace, namespace_of
from everwarm.errors import Forbidden, Unauthorized
from everwarm.gateway.door.exchange import Exchange
from everwarm.gateway.upstreams.headers import CREDENTIALS, Headers

MIB: Final = 2**20
REMEMBERED: Final = 4096
"""So many credentials' callers are kept, in memory only, instead of being derived for each request."""

OWN: Final = b"ew-"
"""How credentials begin that ``everwarm keys add`` made. They are never sent to an upstream."""


class Caller(NamedTuple):
    """Who asks. ``namespace`` owns the ledger's rows; ``space`` is where answers are stored: the same, or that of the
    group of tenants which have agreed to share them."""

    namespace: Namespace
    space: Namespace
    tenant: Tenant | None

    def may_use(self, model: str) -> bool:
        """Whether it may ask this model, and be told that it is there."""
        return self.tenant is None or self.tenant.may_use(model)


ANYBODY: Final = Caller(PUBLIC, PUBLIC, None)


class Auth:
    """Gives each credential a namespace of its own, or that of the tenant to which the configuration maps it."""

    def __init__(self, secret: bytes, config: Config) -> None:
        self._secret = secret
        self._tenants = config.tenants
        self._tenants_only = config.tenants_only
        self._known: dict[bytes, Caller] = {}

    def caller(self, x: Exchange) -> Caller:
        """``public`` without a credential. Raises ``Unauthorized`` where only known tenants may ask."""
        caller = x.made(self._named)
        if self._tenants_only and caller.tenant is None:
            raise Unauthorized(
                "This gateway serves its tenants only. Send a key that its operator gave you (everwarm keys add), as "
                "a bearer token or as x-api-key."
            )
        return caller

    def _named(self, headers: Headers) -> Caller:
        credential = _credential(headers)
        return self._of(credential) if credential else ANYBODY

    def _of(self, credential: bytes) -> Caller:
        digest = sha256(credential).digest()  # what is compared is nothing that a caller can steer (s15)
        caller = self._known.get(digest)
        if caller is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            caller = self._known[digest] = self._derive(credential)
        return caller

    def require_model(self, caller: Caller, model: str) -> None:
        """Raises ``Forbidden`` if this caller may not use the model."""
        tenant = caller.tenant
        if tenant is not None and not tenant.may_use(model):
            raise Forbidden(f"The tenant {tenant.name} may use: {', '.join(tenant.models)}.", param="model")

    def renewed(self, config: Config) -> Auth:
        """For a changed configuration. A tenant's namespace stays the same."""
        return Auth(self._secret, config)

    def quotas(self) -> dict[str, Quota]:
        """What tenants are guaranteed in the store and what they may hold, by the id of the namespace of their answers.

        Tenants that share one have the sum; where one of them is not bounded, none is.
        """
        shares: dict[str, list[Tenant]] = {}
        for tenant in self._tenants:
            shares.setdefault(self._space(tenant).id, []).append(tenant)
        return {space: _quota(tenants) for space, tenants in shares.items()}

    def _derive(self, credential: bytes) -> Caller:
        name = self._tenants.of(credential)
        if name is None:
            namespace = namespace_of(credential, self._secret)
            return Caller(namespace, namespace, None)
        tenant = self._tenants.named(name)
        return Caller(self._own(tenant), self._space(tenant), tenant)

    def _own(self, tenant: Tenant) -> Namespace:
        # A header cannot hold a zero byte: no credential is ever taken for a tenant's name, nor a name for a group's.
        return Namespace(namespace_of(b"\0" + tenant.name.encode(), self._secret).id, tenant.name)

    def _space(self, tenant: Tenant) -> Namespace:
        """Where its answers are stored."""
        if tenant.share is None:
            return self._own(tenant)
        return Namespace(namespace_of(b"\0\0" + tenant.share.encode(), self._secret).id, tenant.share)


def _quota(tenants: Sequence[Tenant]) -> Quota:
    """Of one namespace in the store."""
    caps = [t.store_max_mb for t in tenants if t.store_max_mb is not None]
    floor = sum(t.store_mb or 0 for t in tenants)
    return Quota(floor * MIB, sum(caps) * MIB if len(caps) == len(tenants) else None)


def is_own(value: bytes) -> bool:
    """Whether the value of a credential header is a key of this gateway's own."""
    return _bare(value).startswith(OWN)


def _credential(headers: Headers) -> bytes:
    """All that says who asks: mostly one header; with several, all of them, since all of them reach the upstream."""
    values = [_bare(value) for name, value in headers if name in CREDENTIALS and value]
    return values[0] if len(values) == 1 else b"\n".join(dict.fromkeys(values))


def _bare(value: bytes) -> bytes:
    return (value[7:] if value[:7].lower() == b"bearer " else value).strip()
