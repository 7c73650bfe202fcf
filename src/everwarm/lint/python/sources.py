"""Which calls and names bring something else each time, by user, by machine or by process."""

from __future__ import annotations

import ast
import re
from typing import Final

from everwarm.lint.python.text import ENVIRONMENT, Text

CLOCK: Final = "a clock"
DATE: Final = "a date"

_RANDOM: Final = "a random value"
_PROCESS: Final = "a number of this process"

EXACT: Final = {
    "datetime.datetime.now": CLOCK,
    "datetime.datetime.utcnow": CLOCK,
    "datetime.datetime.today": CLOCK,
    "datetime.date.today": DATE,
    "time.time": CLOCK,
    "time.time_ns": CLOCK,
    "time.ctime": CLOCK,
    "time.asctime": CLOCK,
    "time.localtime": CLOCK,
    "time.gmtime": CLOCK,
    "time.strftime": CLOCK,
    "time.monotonic": CLOCK,
    "time.perf_counter": CLOCK,
    "django.utils.timezone.now": CLOCK,
    "arrow.now": CLOCK,
    "arrow.utcnow": CLOCK,
    "pendulum.now": CLOCK,
    "pendulum.today": DATE,
    "pandas.Timestamp.now": CLOCK,
    "uuid.uuid1": "a UUID",
    "uuid.uuid4": "a UUID",
    "uuid.uuid6": "a UUID",
    "uuid.uuid7": "a UUID",
    "os.urandom": _RANDOM,
    "os.getpid": _PROCESS,
    "id": _PROCESS,
    "hash": _PROCESS,
    "os.getcwd": "a path",
    "pathlib.Path.cwd": "a path",
    "pathlib.Path.home": "a path",
    "os.environ": ENVIRONMENT,
    "os.getenv": ENVIRONMENT,
    "getpass.getuser": "a user",
    "os.getlogin": "a user",
    "socket.gethostname": "a machine's name",
    "socket.getfqdn": "a machine's name",
    "platform.node": "a machine's name",
}
_BELOW: Final = {"random.": _RANDOM, "secrets.": _RANDOM, "numpy.random.": _RANDOM, "os.environ.": ENVIRONMENT}
_FIXED_WHEN_SEEDED: Final = {"random.Random", "numpy.random.default_rng", "numpy.random.RandomState"}
_NOTHING: Final = {"random.seed", "numpy.random.seed"}
_COMMANDS: Final = re.compile(r"(?:subprocess\.\w+|os\.popen)")
_TIME_OF_DAY: Final = re.compile(r"%-?[HIMSpfcXTRrsDZz]")
_SOUNDS_LIKE_ONE: Final = re.compile(
    r"(?:user|customer|session|request|trace|conversation|thread|run|correlation|account|tenant|message)_?(?:id|uuid|name)"
    r"|timestamp|current_(?:time|date)|now|today|username"
)


def of_call(dotted: str, call: ast.Call) -> str:
    """What a call of this name brings, "" if nothing that changes."""
    if dotted in _NOTHING or (dotted in _FIXED_WHEN_SEEDED and (call.args or call.keywords)):
        return ""
    if dotted == "time.strftime" and len(call.args) > 1:  # of a time that is given
        return ""
    if dotted in {"time.localtime", "time.gmtime", "time.ctime"} and call.args:
        return ""
    if _COMMANDS.fullmatch(dotted):
        return "git state" if _mentions_git(call) else "a command's output"
    return of_name(dotted)


def of_name(dotted: str) -> str:
    """What a name stands for, "" if nothing that changes."""
    below = (kind for start, kind in _BELOW.items() if dotted.startswith(start))
    return EXACT.get(dotted) or next(below, "")


def as_formatted(text: Text, form: list[ast.expr]) -> Text:
    """A clock that is written in a form without a time of day is a date."""
    match form:
        case [ast.Constant(value=str(written))] if not _TIME_OF_DAY.search(written):
            return tuple(bit._replace(kind=DATE) if bit.kind == CLOCK else bit for bit in text)
    return text


def sounds_like_one(name: str) -> bool:
    """Whether a variable of this name holds, as a rule, something of one user or one request."""
    return _SOUNDS_LIKE_ONE.fullmatch(name.lower()) is not None


def _mentions_git(call: ast.Call) -> bool:
    words = (n.value for n in ast.walk(call) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return any(re.match(r"git\b", word) for word in words)
