"""s18: what is kept of a model is read back only as somebody wrote it who knows the secret.

Its other files: tests/engine/test_weights.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import orjson
import pytest

from everwarm.core.seal import seal
from everwarm.engine import facts
from everwarm.engine.facts import Facts

SECRET = bytes(range(32))

WHOLE = Facts(
    name="Tiny",
    architecture="llama",
    context=1024,
    window=None,
    chat_template="{{ messages }}",
    tokenizer="gpt2",
    tokens=("a", "b"),
    token_types=(1, 3),
    bos=0,
    eos=1,
    ends=(1,),
    add_bos=False,
    created=1,
    gguf="0" * 32,
    build="1 2",
    files={"model.bin": "0" * 32},
)


def test_a_models_facts_are_dropped_if_any_byte_of_them_is_another(tmp_path: Path) -> None:
    """They hold a template that is run, in a sandbox, and the digests of what is handed to native code."""
    facts.dump(WHOLE, tmp_path, SECRET)
    assert facts.load(tmp_path, SECRET) == WHOLE
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 7
        file.write_bytes(damaged)
        assert facts.load(tmp_path, SECRET) is None, (
            f"byte {place}: {bytes(damaged[max(0, place - 20) : place + 20])!r}"
        )


def test_nor_are_those_of_another_version_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr(facts, "FACTS_VERSION", facts.FACTS_VERSION + 1)
        facts.dump(WHOLE, tmp_path, SECRET)
    assert facts.load(tmp_path, SECRET) is None


Mac = Callable[[bytes], bytes]
"""What somebody writes in the first line, over these facts."""

FORGED: dict[str, Mac] = {
    "a digest of the facts": lambda body: blake2b(body, digest_size=16).digest(),
    "a seal with no secret": lambda body: seal(b"", (b"facts 3", body)),
    "a seal with another secret": lambda body: seal(SECRET[::-1], (b"facts 3", body)),
    "our seal of something else": lambda body: seal(SECRET, (b"answer 1", body)),
    "our seal of another version": lambda body: seal(SECRET, (b"facts 2", body)),
    "our seal of other facts": lambda body: seal(SECRET, (b"facts 3", orjson.dumps(WHOLE))),
    "half a seal": lambda body: seal(SECRET, (b"facts 3", body))[:8],
    "nothing": lambda body: b"",
}
THEIRS = replace(WHOLE, files={"model.bin": "f" * 32}, chat_template="{{ theirs }}")


def put(folder: Path, mac: Mac) -> None:
    """Facts as somebody else would write them, who can write where ours are."""
    body = orjson.dumps(THEIRS)
    (folder / facts.FACTS_FILE).write_bytes(b"facts 3 %b\n%b" % (mac(body).hex().encode(), body))


@pytest.mark.parametrize("how", FORGED)
def test_who_does_not_know_the_secret_puts_no_model_in_place_of_ours(tmp_path: Path, how: str) -> None:
    put(tmp_path, FORGED[how])
    assert facts.load(tmp_path, SECRET) is None


def test_who_knows_it_does(tmp_path: Path) -> None:
    """Power: it is the seal alone that keeps the others out."""
    put(tmp_path, lambda body: seal(SECRET, (b"facts 3", body)))
    assert facts.load(tmp_path, SECRET) == THEIRS


def test_another_secret_reads_nothing(tmp_path: Path) -> None:
    facts.dump(WHOLE, tmp_path, SECRET)
    assert facts.load(tmp_path, SECRET[::-1]) is None


def test_nothing_is_parsed_before_the_seal_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    monkeypatch.setattr(facts.orjson, "loads", parsed.append)
    put(tmp_path, FORGED["a digest of the facts"])
    assert facts.load(tmp_path, SECRET) is None
    assert parsed == []
