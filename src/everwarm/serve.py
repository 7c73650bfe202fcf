"""``everwarm serve`` and ``everwarm model show``: where gateway, engine and ledger meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from everwarm import __version__, log
from everwarm.config import Config, UpstreamSettings
from everwarm.core.upstream import Upstream
from everwarm.errors import EverwarmError

if TYPE_CHECKING:
    from everwarm.engine.settings import Settings
    from everwarm.gateway.house import House


def serve(config: Config, reload: Callable[[], Config]) -> int:
    """Run the gateway until it is told to stop. ``reload`` reads the configuration anew."""
    log.begin(config.log.level, config.log.format)
    from everwarm.gateway import serve as gateway

    def reread() -> Config:
        wanted = reload()
        log.set_level(wanted.log.level)
        return wanted

    status = 0
    if config.workers == 1:
        gateway.run(config, lambda: _upstreams(config), announce, reread)
    else:
        status = _serve_with_workers(config, reread)
    print("Everwarm has stopped.", flush=True)
    return status


def _serve_with_workers(config: Config, reread: Callable[[], Config]) -> int:
    """In this process nothing is opened but the socket and the lock: what is open does not survive a fork well."""
    from everwarm.config import changes, merged
    from everwarm.gateway import serve as gateway
    from everwarm.gateway.watch import trace
    from everwarm.rules import load as load_rules
    from everwarm.workers import Seat, Workers, require

    in_force = config

    def take_up() -> bool:
        nonlocal in_force
        try:
            wanted = reread()
        except EverwarmError as e:
            gateway.log.error("The configuration stays as it was: %s", e.message)
            return False
        gateway.log_changes(changes(in_force, wanted))
        in_force = merged(in_force, wanted)
        return True

    def work(seat: Seat) -> None:
        upstreams = _upstreams(in_force, quiet=not seat.first)
        with gateway.shared(in_force, upstreams, seat.number) as house:
            gateway.work(sock, house, announce if seat.first else None, reread, seat.parent)

    require()
    trace.require(config.telemetry)
    load_rules(config.data / "rules")  # what is wrong with them is told once, before any worker starts
    with gateway.listening(config.host, config.port) as sock, gateway.alone(config):
        gateway.begin_boards(config)
        return Workers(config.workers, sock, work, take_up).run()


def _upstreams(config: Config, *, quiet: bool = False) -> list[Upstream]:
    """``quiet``: without showing how far the loading of the model is."""
    if config.model == "none":
        return []
    from everwarm import engine
    from everwarm.progress import Steps
    from everwarm.store.seal import load_secret
    from everwarm.store.segments import Segments

    secret = load_secret(config.data)
    gguf, settings, kv_disk_mb = _model_path(config), _engine_settings(config), config.engine.kv_disk_mb

    def keep(identity: str) -> Segments:
        return Segments(config.data / "kv", secret, identity, kv_disk_mb << 20)

    kept = keep if kv_disk_mb else None
    if quiet:
        return [engine.load(gguf, config.data, secret, settings, keep=kept)]
    with Steps() as steps:
        return [engine.load(gguf, config.data, secret, settings, steps, kept)]


def _model_path(config: Config) -> Path | None:
    """Where the model inside lies, None for the packaged one."""
    return None if config.model == "smollm2" else Path(config.model)


def _engine_settings(config: Config) -> Settings:
    from everwarm.engine.settings import Settings

    chosen = config.engine
    return Settings(
        threads=chosen.threads or None,
        context=chosen.context or None,
        waiting=config.limits.queue,
        max_tokens=chosen.max_tokens,
        temperature=chosen.temperature,
        mode=chosen.mode,
        parallel=chosen.parallel,
        drafts=chosen.drafts,
        draft=chosen.draft,
        kv_precision=chosen.kv_precision,
        kv_bytes=(chosen.kv_mb << 20) or None,
    )


def announce(url: str, house: House) -> None:
    """Where it listens, what it has, what to try, what to open."""
    config, cards = house.config, house.directory.cards
    lines = [f"Everwarm {__version__}", f"  listening  {url}"]
    if config.workers > 1:
        lines.append(f"  workers    {config.workers}")
    if cards or not config.upstreams:
        lines.append(f"  model      {cards[0].id if cards else 'none: requests get a 404'}")
    lines += (f"  upstream   {_upstream(u)}" for u in config.upstreams)
    lines += [f"  data       {config.data}", f"  page       {url}/", *_clients(url, config)]
    if cards:
        body = '{"model": "default", "temperature": 0, "messages": [{"role": "user", "content": "What is a cache?"}]}'
        lines += [
            "  try        (twice: the second answer comes from the cache)",
            f"    curl -i {url}/v1/chat/completions -H 'content-type: application/json' \\",
            f"      -d '{body}'",
        ]
    print("\n".join([*lines, *_tenancy(config)]), flush=True)


def _upstream(settings: UpstreamSettings) -> str:
    """One line about an upstream."""
    models = ", ".join(settings.models) or "every model"
    credential = f"our credential: {settings.key_env}" if settings.key_env else "the client's credential"
    return f"{settings.name} ({settings.dialect}) {settings.url}  {models}; {credential}"


def _clients(url: str, config: Config) -> list[str]:
    """How to point a client here, for each protocol that somebody answers."""
    spoken = {u.dialect for u in config.upstreams}
    if config.model != "none":
        spoken = {"openai", "anthropic"}
    ways = {"openai": f"OPENAI_BASE_URL={url}/v1", "anthropic": f"ANTHROPIC_BASE_URL={url}"}
    return [f"  clients    export {' '.join(ways[name] for name in ways if name in spoken)}"] if spoken else []


def _tenancy(config: Config) -> list[str]:
    """What an operator should know about who may ask."""
    told = []
    if config.tenants_only and not config.tenants:
        told.append("Only tenants may ask, and there are none yet. Make a key: everwarm keys add NAME")
    shared = [u for u in config.upstreams if u.key_env]
    if shared and (config.tenants_only or len(config.tenants) > 1):
        names = ", ".join(f"{u.name} ({u.key_env})" for u in shared)
        told.append(
            "Tenants are separated here, but share one credential at the provider, which sees one customer: its prompt "
            f"cache, rate limits and files are common to them. This is so at: {names}"
        )
    return told


def show_model(config: Config, *, as_json: bool) -> int:
    """The model inside, as it runs with these settings on this machine. It is not loaded."""
    import orjson

    from everwarm import engine
    from everwarm.store.seal import load_secret

    if config.model == "none":
        print("There is no model inside: the setting model is none.")
        return 0
    disk = config.engine.kv_disk_mb << 20
    told = engine.describe(_model_path(config), config.data, load_secret(config.data), _engine_settings(config), disk)
    if as_json:
        print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    else:
        print("\n".join(_model_lines(told)))
    return 0


def _model_lines(told: Mapping[str, Any]) -> list[str]:
    """One line about each thing, to read."""
    kv, measured = told["kv"], told["measured"]
    weights = max(told["weights"].items(), key=lambda pair: int(pair[1]))[0]
    rows = {
        "model": f"{told['model']} ({told['architecture']})",
        "files": told["folder"],
        "weights": f"mostly {weights}, {_mib(sum(told['weights'].values()))}",
        "context": f"{told['context']:,} tokens; vocabulary of {told['vocabulary']:,}",
        "mode": told["mode"],
        "KV a token": ", ".join(f"{precision} {size:,} bytes" for precision, size in kv["bytes_a_token"].items()),
        "KV in memory": f"{kv['precision']}, {_mib(kv['memory_bytes'])}: {kv['memory_tokens']:,} tokens",
        "KV on disk": f"{_mib(kv['disk_bytes'])}: {kv['disk_tokens']:,} tokens" if kv["disk_bytes"] else "none",
        "threads": told["threads"] or "chosen at the first start",
    }
    if draft := told["draft"]:
        rows["draft model"] = f"{draft['model']}, KV {_mib(draft['memory_bytes'])}: {draft['memory_tokens']:,} tokens"
    if measured is None:
        rows["speed"] = "not measured yet with these settings: start `everwarm serve` once, while little else computes"
    else:
        rows["measured on"] = measured["on"]
        at_once = f"{measured['prompt_tokens_at_once']} at once"
        rows["prompts"] = f"{measured['prompt_tokens_a_second']:,.0f} tokens a second, {at_once}"
        speeds = measured["answer_tokens_a_second"].items()
        rows["answers"] = ", ".join(f"{speed:,.0f} tokens a second for {n}" for n, speed in speeds)
    rows |= told["features"]
    width = max(map(len, rows))
    return [f"{name:<{width}}  {value}" for name, value in rows.items()]


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MiB"
