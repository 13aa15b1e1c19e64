"""Tests of the keymap of config.toml: validation, effect and display."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.app_harness import face
from tests.tui.key_presses import settle
from wgmon_tui.config.config_sections import parse_config
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.setting_problems import raise_problems
from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.tui.keys.actions import ACTIONS
from wgmon_tui.tui.keys.keymap import assign_keys, keymap_problems, textual_keymap


def keys(**chosen: str | tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    return {action: (names,) if isinstance(names, str) else names for action, names in chosen.items()}


def settings(**chosen: str | tuple[str, ...]) -> TuiSettings:
    return TuiSettings(keys=MappingProxyType(dict(keys(**chosen))))


def of(action: str, **chosen: str | tuple[str, ...]) -> tuple[str, ...]:
    return next(each.keys for each in assign_keys(ACTIONS, keys(**chosen)) if each.id == action)


def test_without_a_word_of_them_the_keys_are_those_of_the_table() -> None:
    assert assign_keys(ACTIONS, {}) == ACTIONS


@pytest.mark.parametrize(
    ("written", "meant"),
    [("o", "o"), ("O", "O"), ("f5", "f5"), ("Ctrl+O", "ctrl+o"), ("esc", "escape"), ("pgup", "pageup"),
     (" ", "space"), ("?", "?"), (",", ","), ("+", "+"), ("alt+x", "alt+x"), ("shift+tab", "shift+tab")],
)  # fmt: skip
def test_a_key_may_be_written_as_it_is_shown(written: str, meant: str) -> None:
    [alone] = assign_keys(ACTIONS[:1], {ACTIONS[0].id: (written,)})
    assert alone.keys == (meant,)


def test_several_keys_do_the_same() -> None:
    assert of("sort", sort=("o", "f5")) == ("o", "f5")
    assert textual_keymap(assign_keys(ACTIONS, keys(sort=(",", "f5"))), keys(sort=(",", "f5"))) == {
        "sort": "comma,f5"
    }


@pytest.mark.parametrize(
    ("chosen", "lines"),
    [
        (keys(srot="o"), ['config.toml: keys: unknown action "srot"; did you mean "sort"?']),
        (keys(zzzz="o"), ['config.toml: keys: unknown action "zzzz"; docs/keys.md']),
        (
            keys(sort="hyper+o", pause="f99"),
            [
                'config.toml: keys: sort: unknown key "hyper+o"; expected one character, or a name',
                'config.toml: keys: pause: unknown key "f99"; expected one character, or a name',
            ],
        ),
        (keys(sort="p"), ['config.toml: keys: "p" is assigned to both sort and pause on the fleet screen;']),
        (
            keys(sort="t"),
            ['config.toml: keys: "t" is assigned to both sort and choose_theme on the fleet screen;'],
        ),
        (keys(quit="L"), ['config.toml: keys: "L" is assigned to both low_bandwidth and quit everywhere;']),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_line_by_line(
    chosen: Mapping[str, tuple[str, ...]], lines: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        assign_keys(ACTIONS, chosen)
    said = str(refused.value).splitlines()
    assert len(said) == len(lines)
    for line, expected in zip(said, lines, strict=True):
        assert line.startswith(expected)


def test_the_check_names_all_problems_with_their_lines() -> None:
    text = '[keys]\nsrot = "o"\n\n' + "".join(
        f'[[action]]\nkey = "{key}"\nlabel = "{label}"\ncommand = ["true"]\n'
        for key, label in (("s", "one"), ("f99", "two"), ("o", "three"), ("o", "four"))
    )
    config = parse_config(text, Path())
    with pytest.raises(ConfigurationError) as refused:
        raise_problems(keymap_problems(ACTIONS, config.face.keys, config.face.user_actions), text)
    assert [line.partition(";")[0] for line in refused.value.lines] == [
        'config.toml: line 2: keys: unknown action "srot"',
        'config.toml: line 5: action "one": key "s" is assigned to sort on the fleet screen',
        'config.toml: line 9: action "two": unknown key "f99"',
        'config.toml: line 17: action "four": key "o" is assigned to three on the fleet screen',
    ]


def test_two_actions_may_change_their_keys_with_each_other() -> None:
    assert of("pause", sort="p", pause="s", cancel="escape") == ("s",)


@given(
    st.dictionaries(
        st.sampled_from([each.id for each in ACTIONS]), st.tuples(st.text(min_size=1)), max_size=3
    )
)
def test_whatever_is_written_is_taken_or_refused(chosen: dict[str, tuple[str, ...]]) -> None:
    try:
        laid = assign_keys(ACTIONS, chosen)
    except ConfigurationError:
        return
    assert len(laid) == len(ACTIONS)


async def test_a_chosen_key_works_and_the_one_before_does_not() -> None:
    async with face(settings=settings(pause="f7", help="f8", sort=("%", "f9"))) as it:
        it.table.pin_cursor()
        await it.press("p")
        assert it.notices() == ["p does nothing here. Press f8 for the keys."]
        await it.press("f7")
        assert it.notices()[0].startswith("Paused ")
        for key in ("%", "f9"):
            await it.press(key)
            assert not it.at_home
            await it.press("escape")
            assert it.at_home


async def test_a_chosen_key_is_shown_wherever_keys_are() -> None:
    async with face(size=(120, 66), settings=settings(help=("f7", "f9"), filter=",")) as it:
        assert " f7 help " in it.hints()
        assert " , filter " in it.hints()
        commands = {each.title: each for each in it.app.get_system_commands(it.fleet)}
        assert commands["Filter"].help.endswith("(,)")
        await it.press("f9")
        assert any(line.split()[:2] == ["f7,", "f9"] for line in it.lines())


@pytest.mark.thorough
async def test_a_click_on_a_chosen_key_presses_it() -> None:
    async with face(size=(120, 24), settings=settings(incidents=",")) as it:
        await it.pilot.click("KeyHints", offset=(it.hints().index(", incidents"), 0))
        await settle(it.pilot)
        assert not it.at_home
