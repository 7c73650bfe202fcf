from __future__ import annotations

import logging
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from everwarm.errors import StoreError
from everwarm.store.seal import SECRET_BYTES, load_secret


def test_the_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    secret = load_secret(data)
    assert len(secret) == SECRET_BYTES
    assert load_secret(data) == secret
    assert stat.S_IMODE((data / "secret.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == stat.S_IMODE(data.parent.stat().st_mode) == 0o700
    assert os.listdir(data) == ["secret.key"]


def test_a_first_start_warns_of_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load_secret(tmp_path)
    assert not caplog.records


@pytest.mark.parametrize("damage", [b"", b"short", bytes(33)])
def test_a_damaged_secret_is_made_anew_with_a_warning(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "secret.key").write_bytes(damage)
    secret = load_secret(tmp_path)
    assert len(secret) == SECRET_BYTES
    assert load_secret(tmp_path) == secret
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert "damaged" in caplog.text


def test_a_lost_secret_is_made_anew_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cache.db").touch()
    load_secret(tmp_path)
    assert "missing" in caplog.text


def test_a_secret_that_others_could_read_is_closed_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = load_secret(tmp_path)
    (tmp_path / "secret.key").chmod(0o644)
    assert load_secret(tmp_path) == secret
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert "600" in caplog.text


def test_a_folder_that_is_a_file_is_told_about(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"secret\.key cannot be read or made.*--data"):
        load_secret(tmp_path / "file")


@pytest.mark.parametrize("before", [None, b"short"])
def test_processes_that_start_together_get_the_same_secret(tmp_path: Path, before: bytes | None) -> None:
    if before is not None:
        (tmp_path / "secret.key").write_bytes(before)
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        secrets = pool.map(load_secret, [tmp_path] * 16, chunksize=1)
        pool.close()
        pool.join()
    assert len(set(secrets)) == 1
    assert os.listdir(tmp_path) == ["secret.key"]
