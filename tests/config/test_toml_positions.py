"""The lines on which the tables and keys of a TOML text stand."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.toml_positions import TomlPath, find_positions
from wgmon_tui.config.toml_reader import DEEPEST, load_toml

_TEXT = """\
# a comment = 1
plain = 1.5 # [not.a.table]
"two words".below = '''
[[server]]
name = "a"'''
list = [1,
  2, { in = 1, deep.er = [
    3 ] } ]
[history]
raw = { at = 1, more = { deep = 2 } }
[[server]]
name = "1"
[[server]]
[server.labels] # ]
key = 'a'
[[ "server" ]]
at = 2026-01-01T00:00:00Z
[x . "y.z"]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("plain",), 2),
        (("two words", "below"), 3),
        (("list",), 6),
        (("list", 1), 7),
        (("list", 2, "in"), 7),
        (("list", 2, "deep", "er", 0), 8),
        (("history",), 9),
        (("history", "raw", "at"), 10),
        (("history", "raw", "more", "deep"), 10),
        (("server", 0), 11),
        (("server", 0, "name"), 12),
        (("server", 1), 13),
        (("server", 1, "labels", "key"), 15),
        (("server", 2, "at"), 17),
        (("x", "y.z"), 18),
    ],
)
def test_a_key_is_on_its_line(path: TomlPath, line: int) -> None:
    tomllib.loads(_TEXT)
    assert find_positions(_TEXT)[path] == line


def test_what_looks_like_a_key_inside_a_text_or_a_comment_is_none() -> None:
    first_parts = {path[0] for path in find_positions(_TEXT)}
    assert first_parts == {"plain", "two words", "list", "history", "server", "x"}


def test_lines_that_end_as_on_windows_count_once() -> None:
    assert find_positions("a = 1\r\n[b]\r\nc = 1\r\n")["b", "c"] == 3


_NAMES = st.text(max_size=6)
_VALUES = st.recursive(
    st.integers() | st.booleans() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(_NAMES, _VALUES, max_size=4), st.booleans())
def test_every_key_of_any_file_has_a_line(document: dict[str, object], multiline: bool) -> None:
    text = tomli_w.dumps(document, multiline_strings=multiline)
    assert set(_key_paths(tomllib.loads(text), ())) <= find_positions(text).keys()


def _key_paths(value: object, path: TomlPath) -> Iterator[TomlPath]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield (*path, key)
            yield from _key_paths(below, (*path, key))
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from _key_paths(below, (*path, number))


_MANY = 20_000
_LIMIT_S = 3.0
"""Processor time. These texts take 0.3 s, and took up to minutes where the cost was the square."""


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "{a = " * _MANY,
        "a = " + "[" * _MANY,
        ".".join(["a"] * _MANY) + " = 1",
        f"[{'.'.join(['a'] * _MANY)}]\n" + "k = 1\n" * _MANY,
        f"[[{'.'.join(['a'] * _MANY)}]]\n" * 2,
    ],
    ids=["inline tables", "lists", "a long key", "a long heading", "repeated tables"],
)
def test_no_text_costs_the_square_of_its_length(text: str) -> None:
    began = time.process_time()
    find_positions(text)
    with pytest.raises(ConfigurationError):
        load_toml(text, "servers.toml")
    assert time.process_time() - began < _LIMIT_S


def test_what_is_too_deep_is_on_the_line_of_its_ancestor() -> None:
    text = "a = " + "[\n" * 200 + "]" * 200
    positions = find_positions(text)
    assert max(map(len, positions)) == DEEPEST
    assert positions["a", *[0] * (DEEPEST - 1)] == DEEPEST


def test_a_key_with_too_many_parts_is_named_by_its_line() -> None:
    text = f"a = '''\n{'x.' * 99}'''\n# {'x.' * 99}\nb = [{'1.5, ' * 99}]\n{'c.' * DEEPEST}c = 1\n"
    with pytest.raises(ConfigurationError, match=r"^servers\.toml: line 5: a key with too many parts$"):
        load_toml(text, "servers.toml")
    assert load_toml(f"{'c.' * (DEEPEST - 1)}c = 1", "servers.toml")
