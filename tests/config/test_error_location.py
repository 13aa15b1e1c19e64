"""Locating the lines of servers.toml that its errors refer to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.sample_fleets import SERVER_KEY
from wgmon_tui.config.error_location import find_lines, redact_keys
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.servers_toml import parse

_KEY = f'public_key = "{SERVER_KEY}"'
_HEAD = '[[identity]]\nname = "a"\nprivate_key_file = "a.key"\n'


def server(name: str, *lines: str) -> str:
    return "\n".join(("[[server]]", f'name = "{name}"', _KEY, 'endpoint = "a:1"', *lines, ""))


def rejection(text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as refused:
        parse(text)
    return refused.value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a = 1\nb = = 2\n", "b = = 2"),
        ('a = 1\nb = ["x",\n\n', 'b = ["x",'),
        (_HEAD + server("x", 'interval = "soon"'), 'interval = "soon"'),
        (_HEAD + server("x") + server("y", "tunnel_count = 0"), "tunnel_count = 0"),
        (_HEAD + server("x", 'interval = "1s"') + server("y", 'interval = "2"'), 'interval = "2"'),
        (_HEAD + server("x", "colour = 1"), "colour = 1"),
        (_HEAD + server("x", '"colour" = 1'), '"colour" = 1'),
        (_HEAD + server("x") + server("x"), 'name = "x"'),
        (_HEAD + '[defaults]\nslow = "0"\n', 'slow = "0"'),
        ('[[identity]]\nname = "a"\n', "[[identity]]"),
        ("identity = 1\n", "identity = 1"),
        ("colour = 1\n", "colour = 1"),
        ('defaults.slow = "0"\n', 'defaults.slow = "0"'),
        ('defaults = { slow = "0" }\n', 'defaults = { slow = "0" }'),
        (_HEAD + server("x", "tags = [", '"slow = 1",', "]", "slow = 2"), "slow = 2"),
    ],
)
def test_an_error_is_found_in_the_text(text: str, shown: str) -> None:
    [line] = find_lines(rejection(text))
    assert text.split("\n")[line - 1] == shown


def test_a_missing_key_is_at_the_heading_of_its_table() -> None:
    text = _HEAD + server("x") + f'[[server]]\nname = "y"\n{_KEY}\n'
    [line] = find_lines(rejection(text))
    assert line == text.split("\n").index('name = "y"')


def test_of_two_with_one_name_the_second_is_shown() -> None:
    text = _HEAD + server("x") + server("x")
    assert find_lines(rejection(text)) == (text.split("\n").index('name = "x"', 7) + 1,)


def test_every_line_with_an_error_is_found_once() -> None:
    text = "\n".join(("colour = 1", _HEAD, server("x", "paused = 1", 'slow = "0"'), '[[server]]\nname = "y"'))
    lines = text.split("\n")
    wrong = [lines[line - 1] for line in find_lines(rejection(text))]
    assert wrong == ["colour = 1", "paused = 1", 'slow = "0"', "[[server]]"]


def test_an_error_without_a_place_has_no_line() -> None:
    assert find_lines(ConfigurationError("servers.toml: not readable as TOML")) == ()


@given(st.text())
def test_every_refusal_has_lines_of_the_text_or_none(text: str) -> None:
    lines: tuple[int, ...] = ()
    try:
        parse(text)
    except ConfigurationError as error:
        lines = find_lines(error)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines)


def test_keys_in_a_line_are_blotted_out_but_public_ones() -> None:
    assert redact_keys(_KEY) == _KEY
    assert redact_keys(f'private_key = "{SERVER_KEY}"') == 'private_key = "(hidden)"'
    assert redact_keys(f'private_key_file = "{SERVER_KEY}"') == 'private_key_file = "(hidden)"'
