"""Flags that more than one command has."""

from __future__ import annotations

import argparse
from collections.abc import Callable

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
