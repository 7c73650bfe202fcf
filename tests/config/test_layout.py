"""The settings of the layout engine: its mode, its words, and what they must hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from everwarm.config import Config
from everwarm.core.layout.finding import Wishes

Load = Callable[..., Config]

ID = "9f86d081884c7d65"


def test_by_default_it_advises_in_the_engines_own_words(configure: Load) -> None:
    layout = configure().layout
    assert layout.mode == "advise"
    assert layout.wishes("rewrite") == Wishes("rewrite")


def test_all_that_is_said_becomes_a_wish(configure: Load) -> None:
    layout = configure(
        "[layout]\nmode = 'rewrite'\nreference = '({name}: below)'\nblock = \"[{name}]\\n{value}\"\n"
        "keep = ['\\d{1,3} rooms', 'Acme']\nbreakpoints = false\n"
    ).layout
    assert layout.mode == "rewrite"
    assert layout.wishes("advise") == Wishes(
        "advise", "({name}: below)", "[{name}]\n{value}", (r"\d{1,3} rooms", "Acme"), False
    )


def test_the_mode_has_a_flag_and_a_variable(configure: Load) -> None:
    assert configure("[layout]\nmode = 'off'", {"layout.mode": "rewrite"}).layout.mode == "rewrite"
    assert configure(EVERWARM_LAYOUT_MODE="off").layout.mode == "off"
    assert configure(EVERWARM_LAYOUT_KEEP=r"a+, \d+").layout.keep == ("a+", r"\d+")


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("mode = 'on'", 'layout.mode: found "on"; allowed is one of off, advise, rewrite.'),
        ("reference = '(see below)'", "layout.reference: found no {name}; allowed is a text in which {name} stands"),
        ("reference = '{name} {name}'", "found 2 {name};"),
        ("reference = '{name} {value}'", "found a brace that belongs to no name;"),
        ("block = '<c>{name}</c>'", "layout.block: found no {value}; allowed is a text in which {name} and {value}"),
        ("block = '{name} {value} }'", "and no other braces."),
        ("block = '{name} {value}\\n'", 'layout.block: found "{name} {value}\\n"; allowed is'),
        ("block = '\\u0007{name} {value}'", "layout.block: found"),
        ("keep = ['(']", "layout.keep: found what is no regular expression (missing ), unterminated subpattern"),
        ("keep = ['x*']", "fits an empty text, so it would keep everything"),
        ("keep = 'x'", 'layout.keep: found "x"; allowed is a list, of which each is a regular expression.'),
        ("notes_mb = 0", "layout.notes_mb: found 0; allowed is a whole number from 1"),
    ],
)
def test_what_is_wrong_is_named(complaint: Callable[..., str], toml: str, says: str) -> None:
    assert says in complaint(f"[layout]\n{toml.translate({39: 34})}")


def test_an_upstream_and_a_model_may_say_otherwise(configure: Load) -> None:
    config = configure(
        "[models.a]\nlayout = 'off'\n[models.b]\nttl = 1\n"
        "[[upstream]]\nname = 'u'\ndialect = 'openai'\nurl = 'http://u'\nlayout = 'rewrite'\n"
    )
    assert [config.cache.layout_of(*names) for names in (["a"], ["b"], ["b", "a"], ["c"])] == ["off", None, "off", None]
    assert config.upstreams[0].layout == "rewrite"
    assert configure("[models.a]\nttl = 1").upstreams == ()


def test_a_stream_may_say_otherwise(configure: Load) -> None:
    config = configure(
        f'[layout]\nmode = "off"\n[layout.streams.{ID}]\nmode = "rewrite"\n[layout.streams."{"7" * 16}"]\n'
    )
    assert (config.layout.mode, config.layout.streams) == ("off", {ID: "rewrite"})
    assert config.sources[f"layout.streams.{ID}.mode"] == "everwarm.toml:4"
    assert configure("").layout.streams == {}
    assert configure(f"[layout]\nstreams.{ID}.mode = 'advise'").layout.streams == {ID: "advise"}


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (
            f"[layout.streams.{ID}]\nmode = 'on'",
            f'2, layout.streams.{ID}.mode: found "on"; allowed is one of off, advise',
        ),
        (f"[layout.streams.{ID}]\nmod = 'off'", ".mod: unknown; known here is mode. Did you mean mode?"),
        (f"[layout.streams.{ID}]\nlayout = 'off'", ".layout: unknown; known here is mode. Did you mean mode?"),
        (f"[layout.streams]\n{ID} = 'off'", f'{ID}: found "off"; allowed is a table: [layout.streams.{ID}].'),
        ("[layout]\nstreams = 3", "2, layout.streams: found 3; allowed is a table: [layout.streams]."),
        (f"[[layout.streams]]\nid = '{ID}'", "layout.streams: found a list; allowed is a table: [layout.streams]."),
        (
            "[layout.streams.support]\nmode = 'off'",
            "1, layout.streams.support: is not the id of a stream: 16 of 0-9 and",
        ),
        (f"[layout.streams.{ID.upper()}]\nmode = 'off'", f"as everwarm layout lists them. Did you mean {ID}?"),
        (f"[layout.streems.{ID}]\nmode = 'off'", "layout.streems: unknown setting. Did you mean layout.streams?"),
        (f"[streams.{ID}]\nmode = 'off'", "streams: unknown section. Did you mean [layout.streams]?"),
        ("layout = 'off'", 'layout: found "off"; allowed is a section: [layout], its settings below it.'),
    ],
)
def test_what_is_wrong_about_a_stream_is_named(complaint: Callable[..., str], toml: str, says: str) -> None:
    told = complaint(toml)
    assert says in told
    assert told.count("everwarm.toml") == 1, "each fault once"


def test_a_wrong_mode_of_one_of_them_is_named(complaint: Callable[..., str]) -> None:
    assert "models.a.layout: found true; allowed is one of off, advise, rewrite." in complaint(
        "[models.a]\nlayout = true"
    )
    upstream = "[[upstream]]\nname = 'u'\ndialect = 'openai'\nurl = 'http://u'\nlayout = 'no'\n"
    assert 'upstream[0].layout: found "no"; allowed is one of off, advise, rewrite.' in complaint(upstream)
