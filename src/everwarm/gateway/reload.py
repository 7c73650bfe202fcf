"""Takes up a changed configuration in a gateway that runs, without dropping what is under way."""

from __future__ import annotations

import os

from everwarm.config import Changes, Config, UpstreamSettings, changes, merged
from everwarm.gateway.allowed import Allowed
from everwarm.gateway.door.origin import Origins
from everwarm.gateway.door.patience import Patience
from everwarm.gateway.house import House
from everwarm.gateway.upstreams.directory import Directory
from everwarm.gateway.upstreams.headers import Keyed
from everwarm.gateway.upstreams.provider import Provider

MIB = 2**20


def take_up(house: House, wanted: Config) -> Changes:
    """From the next request on. Raises ``ConfigError``, and then nothing has changed.

    The caller sees to it that what ``house.retired`` has got is closed when its calls are done (``Provider.retire``).
    """
    told = changes(house.config, wanted)
    config = merged(house.config, wanted)
    house.rulebook.check(config.upstreams)
    known = {p.settings: p for p in house.directory.providers}
    providers = [known.get(settings) or _successor(house, settings) for settings in config.upstreams]
    directory = Directory(house.directory.upstreams, config.aliases, config.cache.models, providers)
    house.retired += (p for p in known.values() if p not in providers)
    house.config, house.directory = config, directory
    house.auth = house.auth.renewed(config)
    house.allowed = Allowed(config, house.rulebook)
    house.keyed = Keyed(config.cache.ignore_headers)
    house.origins = Origins(config.host, config.trusted_origins)
    house.patience = Patience(config.limits.body_seconds)
    house.tower.limit = config.cache.entry_mb * MIB
    house.questions.clear()
    if house.store is not None:
        house.store.set_quotas(house.auth.quotas())
    return told


def _successor(house: House, settings: UpstreamSettings) -> Provider:
    """A new upstream. One that had the same name before hands on its counts: a sum must not fall."""
    made = Provider(settings, settings.credential(os.environ))
    for before in house.directory.providers:
        if before.name == made.name:
            made.answered, made.again = before.answered, before.again
    return made
