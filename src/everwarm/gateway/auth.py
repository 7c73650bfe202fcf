"""From a request's credential to its namespace. Nothing else of a request can move it (promise s03)."""

from __future__ import annotations

from typing import Final, Protocol

from everwarm.core.key import PUBLIC, Namespace, namespace_of
from everwarm.gateway.exchange import Exchange

REMEMBERED: Final = 4096
"""So many credentials' namespaces are kept, in memory only, instead of being derived for each request."""


class Tenants(Protocol):
    """What the configuration knows of tenants."""

    def tenant_of(self, credential: bytes) -> str | None:
        """The name of the tenant whose credential this is."""
        ...


class Auth:
    """Gives each credential a namespace of its own, or that of the tenant to which the configuration maps it."""

    def __init__(self, secret: bytes, tenants: Tenants) -> None:
        self._secret = secret
        self._tenants = tenants
        self._known: dict[bytes, Namespace] = {}

    def namespace(self, x: Exchange) -> Namespace:
        """``public`` without a credential. A credential is a bearer token, or the value of ``x-api-key``."""
        credential = _credential(x)
        if not credential:
            return PUBLIC
        known = self._known.get(credential)
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = self._known[credential] = self._derive(credential)
        return known

    def _derive(self, credential: bytes) -> Namespace:
        tenant = self._tenants.tenant_of(credential)
        if tenant is None:
            return namespace_of(credential, self._secret)
        # A header cannot hold a zero byte: no credential is ever taken for a tenant's name.
        return Namespace(namespace_of(b"\0" + tenant.encode(), self._secret).id, tenant)


def _credential(x: Exchange) -> bytes:
    authorization = x.header(b"authorization")
    if authorization[:7].lower() == b"bearer ":
        authorization = authorization[7:]
    return authorization.strip() or x.header(b"x-api-key").strip()
