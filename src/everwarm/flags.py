"""Flags that more than one command has, and the settings that they are a part of."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from everwarm.config import Config

Command = Callable[[argparse.Namespace], int]
"""What a command does; its exit status."""


def command_of(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: Command, text: str
) -> argparse.ArgumentParser:
    """A command among others. ``text``: what it does, in a few words."""
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(command=run)
    return parser


def add_files(parser: argparse.ArgumentParser) -> None:
    """Where data and settings are."""
    parser.add_argument("--data", metavar="DIR", help="folder for everything that is remembered")
    parser.add_argument("--config", metavar="FILE", help="settings file (default ./everwarm.toml, if there is one)")


def add_model(parser: argparse.ArgumentParser, *, draft: bool = True) -> None:
    """Which model is inside. ``draft``: and which smaller one helps it."""
    text = "the model inside: smollm2, a path to a .gguf file or a folder, or none"
    parser.add_argument("--model", metavar="M", help=text)
    if draft:
        parser.add_argument("--draft", metavar="M", help="a smaller model that guesses what the model inside says next")


_SETTINGS: Final = ("host", "port", "data", "model", "draft", "workers", "config", "prices_of", "layout")
"""Flags that are settings."""


def load(args: argparse.Namespace, *, credentials: bool = False) -> Config:
    """The settings. ``credentials``: those of upstreams must be there, for they will be asked."""
    from everwarm.config import load as read

    names: Mapping[str, str] = {"prices_of": "stats.prices_of", "layout": "layout.mode", "draft": "engine.draft"}
    given = {names.get(k, k): v for k, v in vars(args).items() if k in _SETTINGS}
    upstreams = getattr(args, "upstream", ())
    return read(given, os.environ, Path.cwd(), upstreams=upstreams, credentials=credentials)
