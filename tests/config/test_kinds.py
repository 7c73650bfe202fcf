"""Kinds: what each reads from TOML, what from text, what it refuses, and that durations survive a round trip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.config.kinds import (
    Choice,
    DraftWeights,
    Duration,
    Folder,
    Kind,
    Number,
    Place,
    Switch,
    Text,
    Weights,
    Whole,
    Wrong,
    show_duration,
)

DURATION = Duration(1, 3650 * 86400)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Whole(0, 9), "7", 7),
        (Whole(-5, 9), " -5 ", -5),
        (Number(0, 9), "1.5", 1.5),
        (Switch(), "on", True),
        (Switch(), "False", False),
        (Switch(), "0", False),
        (DURATION, "30s", 30),
        (DURATION, "15m", 900),
        (DURATION, "2 h", 7200),
        (DURATION, "1d", 86400),
        (DURATION, "90", 90),
        (DURATION, "1.5h", 5400),
        (Choice("a", "b"), "b", "b"),
        (Weights(), "none", "none"),
        (Weights(), "x/y.GGUF", "x/y.GGUF"),
        (DraftWeights(), "", ""),
        (DraftWeights(), "smollm2", "smollm2"),
    ],
)
def test_text_is_read(kind: Kind[Any], text: str, value: object) -> None:
    assert kind.of_text(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Whole(0, 9), "10"),
        (Whole(0, 9), ""),
        (Whole(0, 9), "1.0"),
        (Whole(0, 9), "٣"),
        (Whole(0, 9), "9" * 5000),
        (Number(0, 9), "nan"),
        (Number(0, 9), "inf"),
        (Switch(), "maybe"),
        (DURATION, "0s"),
        (DURATION, "1w"),
        (DURATION, "-1d"),
        (DURATION, "1h30m"),
        (DURATION, "3651d"),
        (Choice("a", "b"), "A"),
        (Text(), ""),
        (Text(), " a"),
        (Text(), "a\nb"),
        (Text(), "a\x1b[31m"),
        (Weights(), "gpt-4"),
        (Weights(), ""),
        (DraftWeights(), "none"),
        (Folder(), "a\0b"),
    ],
)
def test_text_is_refused(kind: Kind[Any], text: str) -> None:
    with pytest.raises(Wrong):
        kind.of_text(text)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Whole(0, 9), "7"),
        (Whole(0, 9), True),
        (Whole(0, 9), 7.0),
        (Number(0, 9), True),
        (Number(0, 9), float("nan")),
        (Switch(), 1),
        (Switch(), "true"),
        (Text(), 1),
        (Folder(), []),
        (DURATION, False),
        (DURATION, {}),
        (DURATION, float("inf")),
    ],
)
def test_toml_types_are_not_bent(kind: Kind[Any], value: object) -> None:
    with pytest.raises(Wrong):
        kind.of_toml(value)


@given(st.one_of(st.integers(1, 3650 * 86400), st.floats(1, 3650 * 86400).map(lambda s: round(s, 6))))
def test_a_duration_shown_is_read_back(seconds: float) -> None:
    assert DURATION.of_text(show_duration(seconds)) == seconds
    assert DURATION.of_toml(DURATION.show(seconds)) == seconds


@pytest.mark.parametrize(("seconds", "shown"), [(86400, "1d"), (5400, "90m"), (3600, "1h"), (61, "61s"), (1.5, "1.5s")])
def test_durations_are_shown_short(seconds: float, shown: str) -> None:
    assert show_duration(seconds) == shown


def test_paths_start_where_they_were_written(tmp_path: Path) -> None:
    place = Place(tmp_path / "conf", tmp_path / "home")
    assert Folder().placed(Path("d"), place) == tmp_path / "conf" / "d"
    assert Folder().placed(Path("~/d"), place) == tmp_path / "home" / "d"
    assert Folder().placed(tmp_path / "d", place) == tmp_path / "d"
    assert Weights().placed("m.gguf", place) == str(tmp_path / "conf" / "m.gguf")
    assert Weights().placed("none", place) == "none"
    with pytest.raises(Wrong):
        Folder().placed(Path("~/d"), Place(tmp_path, None))
