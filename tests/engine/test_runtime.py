from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from everwarm.engine import runtime
from everwarm.errors import ModelError

WATCH = """
import sys, threading
seen = []
def hook(event, arguments):
    if event.split(".")[0] in ("socket", "urllib", "http", "subprocess", "webbrowser"):
        seen.append(event)
sys.addaudithook(hook)
from everwarm.engine import runtime
runtime.openvino(); runtime.openvino_tokenizers(); runtime.openvino_genai()
import openvino.tools.ovc
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join(5)
print([m for m in sys.modules if m.startswith("openvino_telemetry.")], [e for e in seen if e != "socket.__new__"])
"""


@pytest.mark.skipif(find_spec("openvino_genai") is None, reason="openvino_genai is not installed")
def test_the_runtime_is_imported_without_a_word_to_the_network() -> None:
    done = subprocess.run([sys.executable, "-c", WATCH], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModelError, match=r"needs the Python package openvino.*pip install 'everwarm\[local\]'"):
        runtime.openvino()


def test_cpus_are_counted() -> None:
    assert runtime.available_cpus() >= 1
