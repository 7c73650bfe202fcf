"""The log: lines to read, or one JSON object a line, on standard error.

A library's exception may quote what it choked on, and that may be a prompt. So of exceptions that are not ours only the
types and the places are told, never the message (promise s17).
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

from everwarm.errors import EverwarmError

Triple = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

FIELDS: Final = "fields"
"""``extra={FIELDS: {...}}`` of a log call: what JSON has as members of their own, and the text as part of its line."""

_TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def begin(level: str, form: str) -> None:
    """Log from now on, in this form ("text" or "json"). What others than we say counts from ``warning`` on."""
    handler = logging.StreamHandler()
    handler.setFormatter(FORMS[form](_TEXT))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    set_level(level)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # it starts, stops and refuses in our own words
    logging.raiseExceptions = False  # else a line that cannot be written is told with all that it was made of
    sys.excepthook = _unexpected
    threading.excepthook = lambda args: _unexpected(args.exc_type, args.exc_value, args.exc_traceback)


def set_level(level: str) -> None:
    """From now on, what is worth a line: "debug", "info", "warning" or "error"."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger("everwarm").setLevel(number)
    logging.getLogger().setLevel(max(number, logging.WARNING))


def _unexpected(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """What nobody caught, in place of Python's own account of it."""
    if error is not None and not issubclass(kind, KeyboardInterrupt | SystemExit):
        logging.getLogger("everwarm").critical("Everwarm failed.", exc_info=(kind, error, trace))


class Lines(logging.Formatter):
    """One line a record; below it the frames of its exception."""

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # another handler may have left the whole account of the exception here
        line = super().format(record)
        record.exc_text = None
        return line

    def formatException(self, ei: Triple) -> str:  # noqa: N802  the name is logging's
        return "\n".join(account(ei[1])) if ei[1] is not None else ""


class Objects(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message; trace, where there is an exception; and FIELDS."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            told["trace"] = list(account(record.exc_info[1]))
        return json.dumps(told, default=str)


FORMS: Final[dict[str, type[logging.Formatter]]] = {"text": Lines, "json": Objects}


def account(error: BaseException) -> Iterator[str]:
    """The frames of an exception and its type, those of what it came from first. The message only if it is ours."""
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    for one in reversed(chain):
        for frame in traceback.format_tb(one.__traceback__):
            yield from frame.rstrip().splitlines()
        name = f"{type(one).__module__}.{type(one).__qualname__}".removeprefix("builtins.")
        yield f"{name}: {one.message}" if isinstance(one, EverwarmError) else name
