"""OpenVINO GenAI's ContinuousBatchingPipeline with prefix caching, behind the least of HTTP: chat requests, streamed.

One thread makes the steps and hands out what is new of each request after each. It does not report home:
``everwarm.engine.runtime`` sees to that. ``python -m benchmarks.engine.genai_server GGUF [drafts]``: prints its URL,
serves until told to stop.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

from everwarm.engine import runtime

THREADS = 2
CACHE_GB = 2
STEP_TOKENS = 512
DRAFT_TOKENS, DRAFT_NGRAM = 5, 3

genai = runtime.openvino_genai()


class Pipeline:
    """The pipeline and the thread that drives it."""

    def __init__(self, gguf: str, drafts: bool) -> None:
        scheduling = genai.SchedulerConfig()
        scheduling.enable_prefix_caching, scheduling.cache_size = True, CACHE_GB
        scheduling.max_num_batched_tokens = STEP_TOKENS
        more = {"prompt_lookup": True} if drafts else {}
        self._drafts = drafts
        self._pipeline = genai.ContinuousBatchingPipeline(
            gguf, scheduling, "CPU", {"INFERENCE_NUM_THREADS": THREADS, **more}
        )
        self._tokenizer = self._pipeline.get_tokenizer()
        self._numbers = count()
        self._new: queue.Queue[tuple[Any, queue.Queue[list[int]]]] = queue.Queue()
        threading.Thread(target=self._drive, daemon=True).start()

    def answer(self, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The chunks of a stream: one for each piece of text, then one with the counts of tokens."""
        text = self._tokenizer.apply_chat_template(asked["messages"], add_generation_prompt=True)
        ids = self._tokenizer.encode(text, add_special_tokens=False).input_ids
        inbox: queue.Queue[list[int]] = queue.Queue()
        self._new.put(((next(self._numbers), ids, self._config(asked)), inbox))
        tokens: list[int] = []
        said = ""
        while new := inbox.get():
            tokens += new
            whole = self._tokenizer.decode(tokens)
            if not whole.endswith("\ufffd"):  # half a character
                yield {"choices": [{"index": 0, "delta": {"content": whole[len(said) :]}}]}
                said = whole
        yield {"choices": [], "usage": {"prompt_tokens": ids.shape[1], "completion_tokens": len(tokens)}}

    def _config(self, asked: dict[str, Any]) -> Any:
        config = self._pipeline.get_config()
        config.max_new_tokens, config.do_sample = asked["max_tokens"], False
        config.ignore_eos = asked.get("ignore_eos", False)
        if self._drafts:
            config.num_assistant_tokens, config.max_ngram_size = DRAFT_TOKENS, DRAFT_NGRAM
        return config

    def _drive(self) -> None:
        under_way: list[tuple[Any, queue.Queue[list[int]]]] = []
        while True:
            while not under_way or not self._new.empty():
                request, inbox = self._new.get()
                under_way.append((self._pipeline.add_request(*request), inbox))
            self._pipeline.step()
            under_way = [one for one in under_way if _handed_out(*one)]


def _handed_out(handle: Any, inbox: queue.Queue[list[int]]) -> bool:
    """Pass on what a step has brought; whether there is more to come."""
    while handle.can_read():
        for output in handle.read().values():
            inbox.put(list(output.generated_ids))
    if handle.get_status() == genai.GenerationStatus.RUNNING:
        return True
    inbox.put([])
    return False


class Handler(BaseHTTPRequestHandler):
    """Reads a request, writes events."""

    pipeline: Pipeline

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for chunk in self.pipeline.answer(asked):
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *args: Any) -> None:
        """Nothing is logged."""


def main() -> None:
    """Serve until told to stop."""
    Handler.pipeline = Pipeline(sys.argv[1], "drafts" in sys.argv)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"listening  http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
