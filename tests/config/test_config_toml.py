"""config.toml: valid settings, and the error line for invalid ones."""

from pathlib import Path

import pytest

from tests.config.error_line import without_line
from wgmon_tui.config.config_sections import parse_config
from wgmon_tui.config.config_toml import Config, Retention, read_config
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.net.addresses import Endpoint


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert read_config(tmp_path) == Config()
    assert Config().history == Retention(43200, 172800, 7776000, 34560000, 7776000, 34560000, 20)
    assert not Config().take_over


def test_what_is_written_holds_and_the_rest_stays_usual(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[history]\nraw = "1d"\nhours = "365d"\nexchanges_per_incident = 5\n[viewer]\ntake_over = true\n'
    )
    history = Retention(raw=86400, hours=31536000, exchanges_per_incident=5)
    assert read_config(tmp_path) == Config(history, take_over=True)


@pytest.mark.parametrize(
    ("written", "witness"),
    [
        ("192.0.2.53", Endpoint("192.0.2.53", 53)),
        ("192.0.2.53:443", Endpoint("192.0.2.53", 443)),
        ("2001:db8::53", Endpoint("2001:db8::53", 53)),
        ("[2001:db8::53]:443", Endpoint("2001:db8::53", 443)),
        ("ns1.example.net", Endpoint("ns1.example.net", 53)),
    ],
)
def test_a_witness_is_a_host_with_or_without_a_port(written: str, witness: Endpoint) -> None:
    assert parse_config(f'witness = "{written}"').witness == witness


def test_filters_are_lines_by_name(tmp_path: Path) -> None:
    found = parse_config('[filters]\noncall = "state:down  !is:muted"\n"far away" = "rtt>200"\n')
    assert found.face.filters == {"oncall": "state:down !is:muted", "far away": "rtt>200"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[histroy]", 'config.toml: unknown setting "histroy"; did you mean "history"?'),
        (
            '[history]\nraww = "1d"',
            'config.toml: history: unknown setting "raww"; did you mean "raw"?',
        ),
        ("[history]\nraw = 12", 'config.toml: history: key raw: expected a duration such as "10s", got 12'),
        (
            '[history]\nraw = "10s"',
            'config.toml: history: key raw: expected a duration of 1h to 3660d, got "10s"',
        ),
        (
            '[history]\nraw = "3d"',
            "config.toml: history: key raw: expected at most minutes, which is 2d",
        ),
        ('[viewer]\ntake_over = "yes"', "config.toml: viewer: key take_over: expected true or false"),
        ("[filters]\nx = 3", "config.toml: filters: key x: expected text in quotes, got 3"),
        (
            '[filters]\nx = " "',
            'config.toml: filters: key x: expected a filter line such as "state:down tag:eu"',
        ),
        ('witness = "192.0.2.300"', "config.toml: key witness: expected a host name or an address"),
        ('witness = "192.0.2.53:0"', "config.toml: key witness: expected a port from 1 to 65535, got 0"),
        ("history = 3", "config.toml: key history: expected a table, got 3"),
        ("[history\nraw", "config.toml: line 1, column 9:"),
    ],
)
def test_what_cannot_stand_is_refused_on_one_line(text: str, line: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_config(text)
    assert without_line(refused.value).startswith(line)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(ConfigurationError, match=r"config\.toml: cannot be read: Is a directory"):
        read_config(tmp_path)
    (tmp_path / "config.toml").rmdir()
    (tmp_path / "config.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="expected UTF-8 text; byte 1 is not valid"):
        read_config(tmp_path)
