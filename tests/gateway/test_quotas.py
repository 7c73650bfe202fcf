"""Tenants' shares of the store: from their settings to the namespaces of their answers."""

from __future__ import annotations

from hashlib import sha256

from everwarm.config import Config, Tenant, Tenants
from everwarm.core.eviction import Quota
from everwarm.gateway.auth import Auth

SECRET = bytes(32)
MIB = 2**20


def auth(*tenants: Tenant) -> Auth:
    return Auth(SECRET, Config(tenants=Tenants(tenants)))


def tenant(name: str, share: str | None = None, least: int | None = None, most: int | None = None) -> Tenant:
    digest = sha256(name.encode()).hexdigest()
    return Tenant(name=name, digests=(digest,), store_mb=least, store_max_mb=most, share=share)


def test_a_quota_is_that_of_the_namespace_where_answers_are_stored() -> None:
    made = auth(tenant("acme", least=2, most=5), tenant("globex"))
    acme = made._of(b"acme").space
    assert made.quotas()[acme.id] == Quota(2 * MIB, 5 * MIB)
    assert made.quotas()[made._of(b"globex").space.id] == Quota(0, None)
    assert len(made.quotas()) == 2


def test_tenants_that_share_answers_have_the_sum() -> None:
    made = auth(tenant("a", "group", 1, 3), tenant("b", "group", 2, 4), tenant("c", least=9))
    group = made._of(b"a").space
    assert made._of(b"b").space == group
    assert made.quotas()[group.id] == Quota(3 * MIB, 7 * MIB)


def test_where_one_that_shares_is_not_bounded_none_is() -> None:
    made = auth(tenant("a", "group", 1, 3), tenant("b", "group", 2))
    assert list(made.quotas().values()) == [Quota(3 * MIB, None)]


def test_a_namespace_is_the_same_after_a_reload() -> None:
    before = auth(tenant("acme"))
    after = before.renewed(Config(tenants=Tenants([tenant("acme"), tenant("globex")])))
    assert before._of(b"acme").space == after._of(b"acme").space
