"""A gateway in a process of its own, before a scripted upstream whose answer is a function of the question.

As a module it starts one and ends it; as a program (``python served.py DATA TOML``) it is one.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def expected(question: str) -> str:
    """What the upstream answers: the same for the same question, of a length that varies."""
    digest = hashlib.sha256(question.encode()).hexdigest()
    return " ".join([digest] * (1 + len(question) % 7))


@contextmanager
def served(data: Path, toml: str = "") -> Iterator[tuple[str, subprocess.Popen[str], list[str]]]:
    """(url, process, what it says on standard error), with these settings. Killed at the end, if it still runs."""
    said: list[str] = []
    log = data.parent / f"{data.name}.log"
    with log.open("a+") as errors:
        start = errors.tell()
        command = [sys.executable, __file__, str(data), toml]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert process.stdout is not None
            found = re.search(r"listening (http://\S+)", process.stdout.readline())
            assert found, f"it did not start: {log.read_text()[start:]}"
            yield found[1], process, said
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
            said += log.read_text()[start:].splitlines()


def main() -> None:
    """Serve until killed."""
    import logging

    from everwarm.gateway.serve import run
    from live import settings_of
    from scripted import Scripted

    logging.basicConfig(level=logging.INFO)
    upstream = Scripted()
    upstream.text = lambda n, request: expected(request.messages[-1].text)
    config = settings_of(Path(sys.argv[1]), "port = 0\n" + sys.argv[2])
    run(config, lambda: [upstream], lambda url, _: print(f"listening {url}", flush=True))


if __name__ == "__main__":
    main()
