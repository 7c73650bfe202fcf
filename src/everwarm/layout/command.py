"""``everwarm layout`` and its actions. What they need is imported when they run: ``everwarm --help`` is quick."""

from __future__ import annotations

import argparse
from pathlib import Path

from everwarm.flags import add_files, command_of, load

DIALECTS = ("openai_chat", "openai_completions", "openai_responses", "anthropic_messages")


def add_actions(layout: argparse.ArgumentParser) -> None:
    """What comes behind ``everwarm layout``, if anything does."""
    actions = layout.add_subparsers(title="actions", metavar="ACTION")

    show = command_of(actions, "show", _show, "what rewriting makes of a request, as a diff")
    show.add_argument(
        "file",
        metavar="FILE",
        help="a JSON body, or a log with one a line (also gzip, zstd); - is standard input",
    )
    show.add_argument("--request", type=int, metavar="N", help="which of them, from 1 (default: the last)")
    show.add_argument(
        "--dialect", choices=DIALECTS, metavar="D", help=f"{', '.join(DIALECTS)} (default: as each looks)"
    )
    show.add_argument("--out", type=Path, metavar="FILE", help="where the rewritten body goes")
    add_files(show)

    stream = command_of(actions, "stream", _stream, "what is known of one stream of requests, and its prompt")
    stream.add_argument("id", metavar="ID", help="as everwarm layout lists it")
    stream.add_argument("--json", action="store_true", help="print JSON")
    add_files(stream)


def _show(args: argparse.Namespace) -> int:
    from everwarm.layout.file import show

    return show(load(args), args.file, args.request, args.dialect, args.out)


def _stream(args: argparse.Namespace) -> int:
    from everwarm.layout.stream import show

    return show(load(args), args.id, as_json=args.json)
