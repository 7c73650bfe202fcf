"""llama.cpp's own HTTP server, run inside the environment of ``xllamacpp``; it knows nothing of ours.

``python llamacpp_server.py GGUF SLOTS [tuned] [drafts]``: prints its URL, serves until told to stop.
"""

from __future__ import annotations

import signal
import sys

CONTEXT = 8_192
THREADS = 2


def main() -> None:
    """Serve until told to stop."""
    import xllamacpp  # type: ignore[import-not-found]

    params = xllamacpp.CommonParams()
    params.model.path, params.n_parallel = sys.argv[1], int(sys.argv[2])
    params.n_ctx = CONTEXT * params.n_parallel  # of all slots together
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    params.verbosity = 1  # errors only
    if "tuned" in sys.argv:
        params.kv_unified, params.cache_ram_mib, params.n_cache_reuse = True, 8_192, 256
    if "drafts" in sys.argv:
        params.speculative.types = [xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE]
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    server = xllamacpp.Server(params)
    print(f"listening  {server.listening_address}", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
