"""TUI settings of config.toml: valid ones, and the error line for invalid ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.config.error_line import without_line
from wgmon_tui.config.config_sections import parse_config
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.tui_settings import TuiSettings
from wgmon_tui.tui.fleet.column_layout import validate_columns
from wgmon_tui.tui.keys.actions import ACTIONS
from wgmon_tui.tui.keys.keymap import assign_keys

_PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_without_a_word_the_face_is_as_usual() -> None:
    assert parse_config("").face == TuiSettings()


def test_theme_keys_columns_and_bandwidth_are_read() -> None:
    face = parse_config(
        'theme = "paper"\nlow_bandwidth = true\n'
        '[keys]\npause = "f5"\nsort = ["o", ","]\n[columns]\nfleet = ["name", "state"]\n'
    ).face
    assert (face.theme, face.low_bandwidth, face.columns) == ("paper", True, ("name", "state"))
    assert dict(face.keys) == {"pause": ("f5",), "sort": ("o", ",")}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("theme = 3", "config.toml: key theme: expected text in quotes, got 3"),
        ("low_bandwidth = 1", "config.toml: key low_bandwidth: expected true or false, got 1"),
        ('keys = "x"', 'config.toml: key keys: expected a table, got "x"'),
        ("[keys]\npause = 5", "config.toml: keys: key pause: expected a list of texts in [ ], got 5"),
        ("[keys]\npause = []", 'config.toml: keys: key pause: expected a key such as "x" or a list such as'),
        ("[keys]\npause = [3]", "config.toml: keys: key pause: expected text in quotes, got 3"),
        ('[columns]\nflet = ["name"]', 'config.toml: columns: unknown setting "flet"; did you mean "fleet"?'),
        ("[columns]\nfleet = []", "config.toml: columns: key fleet: expected at least one column"),
    ],
)
def test_what_cannot_stand_is_refused_on_one_line(text: str, line: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_config(text)
    assert without_line(refused.value).startswith(line)


def test_the_example_in_the_docs_can_stand() -> None:
    example = re.search(r"```toml\n(.*?)```", _PAGE.read_text(), re.DOTALL)
    assert example is not None
    face = parse_config(example[1]).face
    assert len(assign_keys(ACTIONS, face.keys)) == len(ACTIONS)
    assert validate_columns(face.columns)
