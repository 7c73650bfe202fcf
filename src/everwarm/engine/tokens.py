"""Text to tokens, and tokens back to text.

Encoding is the converted tokenizer model's. Decoding is ours, from the vocabulary: a stream needs the bytes of one
token at a time, and may hand out only whole characters.
"""

from __future__ import annotations

import codecs
import threading
from pathlib import Path
from typing import Any

import numpy as np

from everwarm.engine import runtime
from everwarm.engine.facts import CONTROL, UNKNOWN, UNUSED, USER_DEFINED, Facts
from everwarm.errors import ModelError

_NO_LIMIT = 2**31 - 1
_PROBE = 8200  # tokens; more than the 8,192 to which OpenVINO's converter limits a tokenizer


class Tokenizer:
    """The tokenizer of one model. ``encode`` may be called from any thread."""

    def __init__(self, folder: Path, facts: Facts) -> None:
        self._bytes = token_bytes(facts)
        self.longest = max(len(token.encode()) for token in facts.tokens)  # bytes of text that one token can stand for
        self._encoder = _compile(folder)
        self._lock = threading.Lock()  # one inference request, so one text at a time
        self._added = self._frame()
        self._bos = facts.bos if facts.add_bos or self._added[0] else None
        if len(self.encode(" a" * _PROBE)) < _PROBE:
            raise ModelError(f"the tokenizer in {folder} cuts long texts; this version of OpenVINO cannot be used")

    def encode(self, text: str) -> list[int]:
        """Tokens of a rendered prompt. Control tokens written in ``text`` become their one id, as Hugging Face does.

        The begin token is put in front if the model wants one and the template has not written it. Lone surrogates,
        which JSON can carry and UTF-8 cannot, are read as U+FFFD. NULs at the very end are lost in OpenVINO's Python
        binding; a rendered prompt does not end in them, and a raw one must not (``demands``).
        """
        return self.begun(self.bare(text))

    def bare(self, text: str) -> list[int]:
        """The same of a part of a prompt: without the begin token, unless it is written there."""
        clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        front, back = self._added
        ids = self._ids(clean)
        return ids[front : len(ids) - back]

    def begun(self, ids: list[int]) -> list[int]:
        """``ids`` of a whole prompt, with the begin token in front if the model wants one."""
        return ids if self._bos is None or ids[:1] == [self._bos] else [self._bos, *ids]

    def bytes_of(self, token: int) -> bytes:
        """What one token stands for: a piece of UTF-8, perhaps of half a character; nothing for a control token."""
        return self._bytes[token] if token < len(self._bytes) else b""

    def decode(self, ids: list[int]) -> str:
        """All of ``ids`` as text."""
        stream = TextStream()
        return "".join(stream.feed(self.bytes_of(i)) for i in ids)

    def _ids(self, text: str) -> list[int]:
        """As the converted tokenizer says."""
        if not text:
            return []
        with self._lock:
            self._encoder.set_input_tensor(runtime.openvino().Tensor([text]))
            self._encoder.infer()
            ids: list[int] = self._encoder.get_tensor("input_ids").data[0].tolist()
            return ids

    def _frame(self) -> tuple[int, int]:
        """Tokens that it puts in front of each text and behind it of its own accord: where templates write them too."""
        plain = [bool(self.bytes_of(i)) for i in self._ids("a")]
        return (plain.index(True), plain[::-1].index(True)) if True in plain else (0, 0)


class TextStream:
    """Bytes in pieces to text in pieces. The pieces of text, joined, are the text of the joined bytes.

    Bytes that can never become a character turn into U+FFFD at once. A character that is never finished, because the
    answer reached its limit inside it, is left out.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, piece: bytes) -> str:
        """The characters that ``piece`` completes."""
        return self._decoder.decode(piece)


def token_bytes(facts: Facts) -> list[bytes]:
    """What each token of a byte-level vocabulary stands for, by id."""
    return [_bytes(text, kind) for text, kind in zip(facts.tokens, facts.token_types, strict=True)]


def _bytes(text: str, kind: int) -> bytes:
    if kind in (CONTROL, UNKNOWN, UNUSED):
        return b""
    if kind == USER_DEFINED:
        return text.encode()
    return _gpt2_bytes(text)


def spelled(piece: bytes) -> str:
    """How a byte-level vocabulary spells ``piece``."""
    return "".join(_LETTERS[byte] for byte in piece)


def _gpt2_alphabet() -> dict[str, int]:
    """The character that stands for each byte in a byte-level vocabulary.

    Printable bytes of Latin-1 stand for themselves; the others, in order, are U+0100, U+0101, ... (GPT-2, 2019).
    """
    own = [b for b in range(256) if 0x21 <= b <= 0x7E or 0xA1 <= b <= 0xAC or b >= 0xAE]
    others = [b for b in range(256) if b not in own]
    return {chr(b): b for b in own} | {chr(0x100 + i): b for i, b in enumerate(others)}


_ALPHABET = _gpt2_alphabet()
_LETTERS = {byte: letter for letter, byte in _ALPHABET.items()}


def _gpt2_bytes(text: str) -> bytes:
    try:
        return bytes([_ALPHABET[c] for c in text])
    except KeyError:
        return text.encode()  # a token that was added later, spelled as itself


def _compile(folder: Path) -> Any:
    """The tokenizer as a request to a compiled model: one string in, ids out.

    One request that is used again, in one thread: with OpenVINO's defaults each text takes 0.2 ms more.
    """
    runtime.openvino_tokenizers()
    core = runtime.openvino().Core()
    try:
        model = core.read_model(folder / "openvino_tokenizer.xml")
        _lift_limit(model)
        compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1})
        return compiled.create_infer_request()
    except RuntimeError as error:
        raise ModelError(
            f"the tokenizer in {folder} cannot be loaded; if we made that folder, delete it and start again, "
            "else export the model anew"
        ) from error


def _lift_limit(model: Any) -> None:
    """Let it give all tokens of a text. The converter makes it keep the last 8,192 and drop the others in silence."""
    from openvino import opset13 as ops

    for node in model.get_ops():
        if node.get_type_name() == "Minimum":
            for place in node.inputs():
                if place.get_source_output().get_node().get_type_name() == "Constant":
                    place.replace_source_output(ops.constant(np.int32(_NO_LIMIT)).output(0))
