"""s06: with one shared upstream credential, tenants are kept apart in the provider's cache as far as it lets us: in
mode rewrite two tenants never share a ``prompt_cache_key``, and no key tells whose it is.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from gateway_upstreams import asks
from live import CHAT, gateway
from providers import provider

TENANTS = ("acme", "globex")


def tenant(name: str) -> str:
    return f'[[tenant]]\nname = "{name}"\nkeys = ["sha256:{sha256(f"sk-{name}".encode()).hexdigest()}"]\n'


def test_two_tenants_never_share_a_prompt_cache_key(tmp_path: Path) -> None:
    """Though they send the same bytes, all the time, with one and the same credential upstream."""
    settings = 'access = "tenants"\n[layout]\nmode = "rewrite"\n' + "".join(map(tenant, TENANTS))
    with provider() as fake:
        settings += asks(fake.url, more='key_env = "OURS"')
        with gateway(tmp_path, toml=settings, inside=False, env={"OURS": "sk-ours"}) as live:
            keys: dict[str, set[str]] = {name: set() for name in TENANTS}
            for number in range(3):
                system = {"role": "system", "content": "Be brief. " * 10 * (number + 1)}
                body = {"model": "gpt-5", "messages": [system, {"role": "user", "content": "hi"}]}
                for name in TENANTS:
                    answer = live.client.post(CHAT, json=body, headers={"authorization": f"Bearer sk-{name}"})
                    assert answer.headers["x-everwarm-cache"] == "miss"
                    keys[name].add(fake.asked[-1].json["prompt_cache_key"])
        assert {asked.header("authorization") for asked in fake.asked} == {"Bearer sk-ours"}
    assert all(keys.values())
    assert not keys["acme"] & keys["globex"]
    assert not any(name in key for name in TENANTS for key in keys["acme"] | keys["globex"])
