"""The one door to OpenVINO.

Importing ``openvino`` with the package ``openvino_telemetry`` present sends an event to an analytics service on the
internet, on every import (seen with an audit hook on 2026.4.1). OpenVINO falls back to a stub of its own where that
package cannot be imported, so it is made unimportable here before the first import. Everything in this package that
needs OpenVINO asks here for it before it imports anything of it.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from everwarm.errors import ModelError

INSTALL = "install the runtime with: pip install 'everwarm[local]'"


def _without_telemetry(name: str) -> Any:
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None makes an import of it fail
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModelError(
            f"the model inside needs the Python package {name}, which cannot be imported; {INSTALL}"
        ) from error


def openvino() -> Any:
    """The module ``openvino``. ``ModelError`` if it is not installed."""
    return _without_telemetry("openvino")


def openvino_tokenizers() -> Any:
    """The module ``openvino_tokenizers``. Its import teaches every later ``openvino.Core`` the tokenizer operations."""
    openvino()
    return _without_telemetry("openvino_tokenizers")


def openvino_genai() -> Any:
    """The module ``openvino_genai``: needed only while a GGUF is converted."""
    openvino()
    return _without_telemetry("openvino_genai")


def version() -> str:
    """OpenVINO's version and build, as it names itself."""
    return str(openvino().get_version())


def processor() -> str:
    """The processor's name, as OpenVINO reads it."""
    return str(openvino().Core().get_property("CPU", "FULL_DEVICE_NAME"))


def available_cpus() -> int:
    """CPUs that this process may use: its affinity, and on Linux the quota of its control group."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(count, _cgroup_cpus() or count))


def _cgroup_cpus() -> int | None:
    """Whole CPUs of the version 2 quota, None if there is none."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, int(quota) // int(period))
