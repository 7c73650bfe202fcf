"""The log: its forms, and what it does not say of exceptions that are not ours."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from everwarm import log
from everwarm.errors import Broken

SECRET = "what somebody asked"


def record(error: BaseException | None = None, message: str = "it failed: %s", **extra: object) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("everwarm.x", logging.ERROR, __file__, 1, message, ("badly",), info)
    made.__dict__.update(extra)
    return made


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as e:  # of a test
        return e


def text(made: logging.LogRecord) -> str:
    return log.Lines("%(levelname)s %(name)s: %(message)s").format(made)


def test_a_line_of_text() -> None:
    assert text(record()) == "ERROR everwarm.x: it failed: badly"


def test_a_json_object_a_line() -> None:
    line = log.Objects().format(record(message="it\nfailed: %s", fields={"status": 200}))
    assert "\n" not in line
    told = json.loads(line)
    assert told.pop("time").endswith("+00:00")
    assert told == {"level": "error", "logger": "everwarm.x", "message": "it\nfailed: badly", "status": 200}


@pytest.fixture(params=["text", "json"])
def form(request: pytest.FixtureRequest) -> Iterator[logging.Formatter]:
    return log.FORMS[request.param]("%(message)s")


def test_of_a_librarys_exception_only_the_type_and_the_places_are_told(form: logging.Formatter) -> None:
    inner = raised(KeyError(SECRET))
    error = raised(ValueError(f"cannot parse {SECRET!r}"), inner)
    line = form.format(record(error))
    assert SECRET not in line
    assert "ValueError" in line
    assert "KeyError" in line
    assert line.count("test_log.py") == 2


def test_what_another_handler_has_made_of_it_is_not_taken_over(form: logging.Formatter) -> None:
    made = record(raised(ValueError(SECRET)))
    assert SECRET in logging.Formatter().format(made)
    assert SECRET not in form.format(made)


def test_an_error_of_ours_is_told_with_its_message(form: logging.Formatter) -> None:
    assert "everwarm.errors.Broken: it broke off" in form.format(record(raised(Broken("it broke off"))))


def test_what_an_exception_was_raised_from_in_a_circle_is_told_once() -> None:
    one, two = ValueError(), KeyError()
    one.__cause__, two.__cause__ = two, one
    assert list(log.account(one)) == ["KeyError", "ValueError"]


def test_what_was_hidden_on_purpose_stays_so() -> None:
    error = ValueError()
    error.__context__ = KeyError(SECRET)
    assert list(log.account(error)) == ["KeyError", "ValueError"]
    error.__suppress_context__ = True
    assert list(log.account(error)) == ["ValueError"]


PROGRAM = """
import logging, threading
from everwarm import log
secret = "lenitnes"[::-1]  # traces show the lines of a program, from Python 3.13 on also of this one
log.begin("{level}", "{form}")
logging.getLogger("everwarm.a").debug("ours at debug")
logging.getLogger("everwarm.a").info("ours at info")
logging.getLogger("library").info("theirs at info")
logging.getLogger("library").warning("theirs at warning")
logging.getLogger("everwarm.a").error("%d", f"not a number: {{secret}}")
thread = threading.Thread(target=lambda: [].index(secret))
thread.start(); thread.join()
raise RuntimeError(secret)
"""


@pytest.mark.parametrize("form", log.FORMS)
@pytest.mark.parametrize("level", ["debug", "info", "error"])
def test_a_whole_program(level: str, form: str) -> None:
    code = PROGRAM.format(level=level, form=form)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr
    assert ("ours at debug" in said) == (level == "debug")
    assert ("ours at info" in said) == (level != "error")
    assert "theirs at info" not in said
    assert ("theirs at warning" in said) == (level != "error")
    assert "sentinel" not in said
    assert said.count("Everwarm failed.") == 2
    assert "RuntimeError" in said
    if form == "json":
        assert all(json.loads(line) for line in said.splitlines())
