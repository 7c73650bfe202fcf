"""What the engine needs to know of a model beside its weights: ``facts.json`` in the folder of the converted model.

Written once, at conversion, so that the GGUF's metadata need not be parsed at each start. It is sealed
(``sealed``), for it holds a template that is run, and the digests of the files that are handed to OpenVINO.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import orjson

from everwarm.engine import sealed
from everwarm.engine.ggufile import GgufHeader
from everwarm.errors import ModelError

FACTS_VERSION = 3
"""Version of ``facts.json``. A folder with another one is converted anew."""

FACTS_FILE = "facts.json"

MIN_CONTEXT = 256

ARCHITECTURES = ("llama", "qwen2", "qwen3")
"""``general.architecture`` of the models that OpenVINO 2026.4's GGUF reader builds."""

TOKENIZERS = ("gpt2",)
"""``tokenizer.ggml.model`` of the tokenizers that it builds: byte-level BPE. SentencePiece models are refused by it."""

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
"""``tokenizer.ggml.token_type``."""

END_NAMES = frozenset(
    ["<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|end|>", "<end_of_turn>", "</s>"]
)
"""Tokens that end an answer even where the metadata names only another: models are trained with both."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One model, as its GGUF or its folder describes it."""

    name: str  # general.name
    architecture: str
    context: int  # tokens, prompt and answer together
    window: int | None  # tokens that a position attends to, where these are fewer: the context ends there
    chat_template: str
    tokenizer: str  # one of TOKENIZERS
    tokens: tuple[str, ...]  # by id, in the vocabulary's own spelling
    token_types: tuple[int, ...]  # by id
    bos: int | None
    eos: int | None
    ends: tuple[int, ...]  # ids that end an answer
    add_bos: bool
    created: int  # seconds since 1970: when the GGUF was last written
    gguf: str  # digest of the GGUF's content, or of all the folder's
    build: str  # requantisation and OpenVINO versions
    files: Mapping[str, str]  # digest of each file of the folder


def read_facts(header: GgufHeader, *, gguf: str, build: str) -> Facts:
    """Take the facts from a GGUF's metadata. ``ModelError`` if the engine cannot run such a model."""
    meta, path = header.meta, header.path
    architecture = str(meta.get("general.architecture", ""))
    if any(".ssm." in key for key in meta):
        raise ModelError(
            f"{path}: {architecture!r} keeps a recurrent state, of which no prefix can be shared; "
            f"use {_or(ARCHITECTURES)}"
        )
    if architecture not in ARCHITECTURES:
        raise ModelError(f"{path}: models of the architecture {architecture!r} cannot be run; use {_or(ARCHITECTURES)}")
    tokenizer = str(meta.get("tokenizer.ggml.model", ""))
    if tokenizer not in TOKENIZERS:
        raise ModelError(f"{path}: its tokenizer {tokenizer!r} cannot be run; use a model with {_or(TOKENIZERS)}")
    template = meta.get("tokenizer.chat_template")
    if not isinstance(template, str) or not template:
        raise ModelError(f"{path} has no chat template, so it is no chat model; use an instruct or chat model")
    tokens = tuple(meta.get("tokenizer.ggml.tokens", ()))
    types = tuple(meta.get("tokenizer.ggml.token_type", (NORMAL,) * len(tokens)))
    context = meta.get(f"{architecture}.context_length")
    if not tokens or len(types) != len(tokens) or not isinstance(context, int) or context < 1:
        raise ModelError(f"{path} lacks its vocabulary or its context length; fetch it again or use another")
    context, window = within_window(context, meta.get(f"{architecture}.attention.sliding_window"))
    return Facts(
        name=str(meta.get("general.name") or path.stem),
        architecture=architecture,
        context=context,
        window=window,
        chat_template=template,
        tokenizer=tokenizer,
        tokens=tokens,
        token_types=types,
        bos=_token(meta, "bos", tokens),
        eos=_token(meta, "eos", tokens),
        ends=_ends(meta, tokens, types),
        add_bos=bool(meta.get("tokenizer.ggml.add_bos_token", False)),
        created=int(path.stat().st_mtime),
        gguf=gguf,
        build=build,
        files={},
    )


def within_window(context: int, window: int | None) -> tuple[int, int | None]:
    """The context of a model with a sliding window of attention, and the window if it cuts the context.

    Up to there each position attends to all before it, as in any other model: so far prefixes are shared and the
    kernels are right. Beyond it is not gone.
    """
    return (window, window) if window and window < context else (context, None)


def room(facts: Facts, wanted: int | None) -> int:
    """Tokens of the context that is used: the model's own, or what an operator has set. ``ModelError`` if it cannot."""
    if wanted is None:
        return facts.context
    if not MIN_CONTEXT <= wanted <= facts.context:
        raise ModelError(f"engine.context is {wanted} tokens, but this model takes {MIN_CONTEXT} to {facts.context}")
    return wanted


def require_same_vocabulary(model: Facts, draft: Facts) -> None:
    """``ModelError`` if a token of ``draft`` is not the same token of ``model``. Unused ones may differ."""
    ours, theirs = _used(model), _used(draft)
    differ = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
    if differ is not None:
        what = f"its token {differ} is {theirs[differ]!r}, and the model's is {ours[differ]!r}"
    elif len(ours) != len(theirs):
        what = f"it has {len(theirs)} tokens, and the model has {len(ours)}"
    elif (model.bos, model.eos) != (draft.bos, draft.eos):
        what = f"its begin and end tokens are {draft.bos} and {draft.eos}, the model's {model.bos} and {model.eos}"
    else:
        return
    raise ModelError(f"the draft model has another vocabulary: {what}; use a smaller model of the same family")


def _used(facts: Facts) -> list[str]:
    """Tokens by id; what is not used is empty, and left out at the end, where models are padded."""
    tokens = ["" if kind == UNUSED else text for text, kind in zip(facts.tokens, facts.token_types, strict=True)]
    while tokens and not tokens[-1]:
        tokens.pop()
    return tokens


def dump(facts: Facts, folder: Path, secret: bytes) -> None:
    """Write ``facts.json``, sealed with the installation's secret."""
    sealed.write(folder / FACTS_FILE, _kind(), orjson.dumps(asdict(facts)), secret)


def load(folder: Path, secret: bytes) -> Facts | None:
    """Read ``facts.json``; None if it is absent, of another version, or not as it was sealed with this secret."""
    body = sealed.read(folder / FACTS_FILE, _kind(), secret)
    if body is None:
        return None
    try:
        raw = orjson.loads(body)
        values = {f.name: raw[f.name] for f in fields(Facts)}
        for name in ("tokens", "token_types", "ends"):
            values[name] = tuple(values[name])
        return Facts(**values)
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None


def _kind() -> bytes:
    return b"facts %d" % FACTS_VERSION


def _token(meta: Mapping[str, Any], name: str, tokens: tuple[str, ...]) -> int | None:
    value = meta.get(f"tokenizer.ggml.{name}_token_id")
    return value if isinstance(value, int) and 0 <= value < len(tokens) else None


def _ends(meta: Mapping[str, Any], tokens: tuple[str, ...], types: tuple[int, ...]) -> tuple[int, ...]:
    named = (_token(meta, name, tokens) for name in ("eos", "eot", "eom"))
    known = (i for i, kind in enumerate(types) if kind == CONTROL and tokens[i] in END_NAMES)
    return tuple(sorted({i for i in (*named, *known) if i is not None}))


def _or(names: tuple[str, ...]) -> str:
    return " or ".join(names)
