"""The facts of a folder of OpenVINO files, as Optimum or OpenVINO's tools export a model from Hugging Face.

    openvino_model.xml, .bin           the model
    openvino_tokenizer.xml, .bin       its tokenizer: the vocabulary is read from it, byte for byte
    config.json                        how long its context is
    tokenizer_config.json, generation_config.json, chat_template.jinja, chat_template.json     what they are there for

What JSON does not say may stand in the ``rt_info`` of the tokenizer's model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from everwarm.engine import runtime
from everwarm.engine.facts import CONTROL, END_NAMES, NORMAL, UNUSED, USER_DEFINED, Facts, within_window
from everwarm.engine.network import read_network
from everwarm.engine.tokens import spelled
from everwarm.errors import ModelError

DESCRIBING = (
    "config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "chat_template.json",
)
"""Files that may be there beside the model's own."""

SAID = ("bos_token_id", "eos_token_id", "chat_template")
"""What is taken from ``rt_info``."""

Json = Mapping[str, Any]


def read_folder(folder: Path, files: Mapping[str, str], *, digest: str, build: str) -> Facts:
    """The facts of a model. ``files``: digests of what is there. ``ModelError`` if the engine cannot run it."""
    config, generation, tokenizer = (_json(folder / name) for name in DESCRIBING[:3])
    model = _tokenizer_model(folder)
    info = {name: model.rt_info[name].astype(str) for name in SAID if name in model.rt_info}
    tokens, types = _vocabulary(folder, model, tokenizer, read_network(folder).vocabulary)
    sources = (generation, config, info)
    eos = _ids(sources, "eos_token_id", len(tokens))
    known = (i for i, kind in enumerate(types) if kind == CONTROL and tokens[i] in END_NAMES)
    context, window = within_window(_context(folder, config, tokenizer), _window(config))
    return Facts(
        name=folder.resolve().name,
        architecture=str(config.get("model_type", "unknown")),
        context=context,
        window=window,
        chat_template=_template(folder, tokenizer, info),
        tokenizer="gpt2",
        tokens=tokens,
        token_types=types,
        bos=next(iter(_ids(sources, "bos_token_id", len(tokens))), None),
        eos=next(iter(eos), None),
        ends=_ends(folder, {*eos, *known}),
        add_bos=bool(tokenizer.get("add_bos_token", False)),
        created=int((folder / "openvino_model.bin").stat().st_mtime),
        gguf=digest,
        build=build,
        files=files,
    )


def _json(path: Path) -> Json:
    """The object in a file; an empty one if the file is not there."""
    try:
        value = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, orjson.JSONDecodeError) as error:
        raise ModelError(f"{path} cannot be read ({error}); make the folder anew") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} holds no JSON object; make the folder anew")
    return value


def _tokenizer_model(folder: Path) -> Any:
    runtime.openvino_tokenizers()
    try:
        return runtime.openvino().Core().read_model(folder / "openvino_tokenizer.xml")
    except RuntimeError as error:
        raise ModelError(f"{folder}/openvino_tokenizer.xml cannot be read by OpenVINO; make the folder anew") from error


def _vocabulary(folder: Path, model: Any, config: Json, width: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Tokens and their types by id, ``width`` of each: models know of more than their tokenizers do.

    The tokenizer's one operation for BPE has the vocabulary in its inputs 5 to 7, as bytes, and added tokens in its
    last four.
    """
    found = [node for node in model.get_ops() if node.get_type_name() == "BPETokenizer"]
    if len(found) != 1:
        raise _unknown_tokenizer(folder)
    inputs = [place.get_source_output().get_node() for place in found[0].inputs()]
    pieces = _strings(folder, inputs[5:8])
    if b" " not in pieces or b"<0x0A>" in pieces or len(pieces) > width:  # others write a blank and bytes in words
        raise _unknown_tokenizer(folder)
    tokens = [spelled(piece) for piece in pieces] + [""] * (width - len(pieces))
    types = [NORMAL if piece else UNUSED for piece in tokens]
    for token, text, kind in _added(folder, inputs, pieces, config):
        if not 0 <= token < width:
            raise ModelError(f"{folder}: the tokenizer knows the token {token}, and the model {width}; make it anew")
        tokens[token], types[token] = text, kind
    return tuple(tokens), tuple(types)


def _added(folder: Path, inputs: list[Any], pieces: list[bytes], config: Json) -> list[tuple[int, str, int]]:
    """Tokens that are no text of the vocabulary: id, text, type. Those of whom nothing is said are control tokens."""
    described = config.get("added_tokens_decoder") or {}
    found = {int(i): (said["content"], said.get("special", True)) for i, said in described.items()}
    if len(inputs) in (15, 18):  # merges are one list, or one for the left sides and one for the right ones
        ids = [int(i) for i in inputs[-1].data.reshape(-1)]
        texts = _strings(folder, inputs[-4:-1]) if inputs[-2].get_type_name() == "Constant" else []
        for place, token in enumerate(ids):
            text = texts[place] if texts else pieces[token] if token < len(pieces) else b""
            found.setdefault(token, (text.decode("utf-8", "replace"), True))
    return [(i, text, CONTROL if special else USER_DEFINED) for i, (text, special) in found.items()]


def _strings(folder: Path, nodes: list[Any]) -> list[bytes]:
    """A list of strings, kept as where each begins, where it ends, and the bytes of all."""
    if len(nodes) != 3 or any(node.get_type_name() != "Constant" for node in nodes):
        raise _unknown_tokenizer(folder)
    begins, ends, chars = (node.data.reshape(-1) for node in nodes)
    text = chars.tobytes()
    return [text[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]


def _unknown_tokenizer(folder: Path) -> ModelError:
    return ModelError(
        f"{folder}: its tokenizer cannot be run, for it is no byte-level BPE; use a model with such a one, as those of "
        "Qwen, Llama 3 and SmolLM are"
    )


def _ids(sources: tuple[Json, ...], name: str, width: int) -> list[int]:
    """The token or tokens that the first source names that names any."""
    for source in sources:
        value = source.get(name)
        many = value if isinstance(value, list) else [value]
        ids = [int(i) for i in many if isinstance(i, int) or (isinstance(i, str) and i.isdecimal())]
        if known := [i for i in ids if 0 <= i < width]:
            return known
    return []


def _ends(folder: Path, ends: set[int]) -> tuple[int, ...]:
    if not ends:
        raise ModelError(f"{folder} does not say which token ends an answer; write eos_token_id into config.json")
    return tuple(sorted(ends))


def _context(folder: Path, config: Json, tokenizer: Json) -> int:
    values = (config.get("max_position_embeddings"), tokenizer.get("model_max_length"))
    for value in values:
        if isinstance(value, int) and 0 < value < 1 << 24:  # of an unknown length, model_max_length says 10 ** 30
            return value
    raise ModelError(
        f"{folder} does not say how long the model's context is; write max_position_embeddings into config.json"
    )


def _window(config: Json) -> int | None:
    window = config.get("sliding_window")
    return window if isinstance(window, int) and config.get("use_sliding_window", True) else None


def _template(folder: Path, tokenizer: Json, info: Mapping[str, str]) -> str:
    try:
        return (folder / "chat_template.jinja").read_text("utf-8")
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder}/chat_template.jinja cannot be read ({error}); make the folder anew") from error
    said = _json(folder / "chat_template.json").get("chat_template") or tokenizer.get("chat_template")
    if isinstance(said, list):  # several, by name
        said = next((one.get("template") for one in said if one.get("name") == "default"), None)
    template = said or info.get("chat_template")
    if not isinstance(template, str) or not template:
        raise ModelError(f"{folder} has no chat template, so it is no chat model; use an instruct or chat model")
    return template
