"""Locating the line of servers.toml that an error refers to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.sample_fleets import SERVER_KEY
from wgmon_tui.config.error_location import find_line, redact_keys
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.servers_toml import parse

_KEY = f'public_key = "{SERVER_KEY}"'
_HEAD = '[[identity]]\nname = "a"\nprivate_key_file = "a.key"\n'


def server(name: str, *lines: str) -> str:
    return "\n".join(("[[server]]", f'name = "{name}"', _KEY, 'endpoint = "a:1"', *lines, ""))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a = 1\nb = = 2\n", "b = = 2"),
        (_HEAD + server("x", 'interval = "soon"'), 'interval = "soon"'),
        (_HEAD + server("x") + server("y", "tunnel_count = 0"), "tunnel_count = 0"),
        (_HEAD + server("x", 'interval = "1s"') + server("y", 'interval = "2"'), 'interval = "2"'),
        (_HEAD + server("x", "colour = 1"), "colour = 1"),
        (_HEAD + server("x") + server("x"), 'name = "x"'),
        (_HEAD + f"[[server]]\n{_KEY}\n", "[[server]]"),
        (_HEAD + '[defaults]\nslow = "0"\n', 'slow = "0"'),
        ('[[identity]]\nname = "a"\n', "[[identity]]"),
        ("[[server]]\n" + server("x"), "[[server]]"),
        ("identity = 1\n", "identity = 1"),
        ("colour = 1\n", "colour = 1"),
    ],
)
def test_an_error_is_found_in_the_text(text: str, shown: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse(text)
    line = find_line(refused.value, text)
    assert line is not None
    assert text.split("\n")[line - 1] == shown


def test_of_two_with_one_name_the_second_is_shown() -> None:
    text = _HEAD + server("x") + server("x")
    with pytest.raises(ConfigurationError) as refused:
        parse(text)
    assert find_line(refused.value, text) == text.split("\n").index('name = "x"', 7) + 1


def test_an_error_without_a_place_has_no_line() -> None:
    assert find_line(ConfigurationError("servers.toml: not readable as TOML"), "x") is None


@given(st.text())
def test_every_refusal_has_a_line_of_the_text_or_none(text: str) -> None:
    try:
        parse(text)
    except ConfigurationError as error:
        line = find_line(error, text)
        assert line is None or 1 <= line <= text.count("\n") + 1


def test_keys_in_a_line_are_blotted_out_but_public_ones() -> None:
    assert redact_keys(_KEY) == _KEY
    assert redact_keys(f'private_key = "{SERVER_KEY}"') == 'private_key = "(hidden)"'
    assert redact_keys(f'private_key_file = "{SERVER_KEY}"') == 'private_key_file = "(hidden)"'
