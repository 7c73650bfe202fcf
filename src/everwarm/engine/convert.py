"""Convert one GGUF into OpenVINO's files: ``python -m everwarm.engine.convert SOURCE FOLDER``.

A process of its own, so that its memory (over half a gigabyte) goes away with it and a crash of native code is an
error message and not the end of the gateway. It prints one JSON object a line: {"what": words, "done": 0...1}. It ends
when its standard input is closed, so that it never outlives who started it.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from pathlib import Path

import orjson

from everwarm.engine import runtime
from everwarm.engine.ggufile import read_header
from everwarm.engine.requantise import needs_rewriting, rewrite
from everwarm.errors import EverwarmError

MADE = ("openvino_model.xml", "openvino_model.bin", "openvino_tokenizer.xml", "openvino_tokenizer.bin")
"""What a converted model consists of."""

FAILED = 3
"""Exit status after an error that is already in words on standard error."""


def say(what: str, done: float) -> None:
    """One line of progress."""
    sys.stdout.buffer.write(orjson.dumps({"what": what, "done": round(done, 3)}) + b"\n")
    sys.stdout.buffer.flush()


def convert(source: Path, folder: Path) -> None:
    """Make the files named in ``MADE`` in ``folder``, which exists and is empty."""
    header = read_header(source)
    ours = folder / "model.gguf"  # the reader writes its output beside the GGUF that it reads
    if needs_rewriting(header):
        rewrite(header, ours, lambda done: say("requantising the weights", done))
    else:
        _stand_in(ours, source)
    say("converting for OpenVINO", 0.0)
    runtime.openvino_genai().LLMPipeline(str(ours), "CPU", enable_save_ov_model=True)
    ours.unlink()
    for extra in set(folder.iterdir()) - {folder / name for name in MADE}:
        extra.unlink()
    say("converting for OpenVINO", 1.0)


def _stand_in(ours: Path, source: Path) -> None:
    try:
        ours.symlink_to(source.resolve())
    except OSError:  # not allowed to every user on Windows, nor on every file system
        shutil.copyfile(source, ours)


def _end_with_parent(folder: Path) -> None:
    """Wait until standard input is closed, then remove what was made and end."""
    sys.stdin.buffer.read()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(FAILED)  # from a thread, while native code runs: nothing softer ends it


def main() -> int:
    """Convert, or say in one line on standard error why not."""
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    try:
        convert(source, folder)
    except (EverwarmError, OSError, RuntimeError) as error:  # RuntimeError: what OpenVINO raises
        lines = str(error).strip().splitlines()
        print(lines[-1] if lines else type(error).__name__, file=sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # past the interpreter's shutdown, which would wait for the thread that reads standard input
