"""The command `expiry`: what ends when, as the history knows it."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.daemon.harness import quick_server, write_config
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.cli.main import main
from wgmon_tui.config.alerting import DAY_S
from wgmon_tui.store.schema import create_or_migrate
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.write.expiries import write_expiries
from wgmon_tui.subscriptions.quota import Quota
from wgmon_tui.subscriptions.state_file import SubscriptionState, write_state


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Two servers, and a state directory without a history."""
    made = tmp_path / "config"
    write_config(made, quick_server("fra1"), quick_server("ams1"))
    (tmp_path / "state").mkdir()
    return made


def know(config: Path, **expiries: tuple[Expires, ...]) -> None:
    """Write a history that knows these, by server."""
    with closing(sqlite3.connect(config.parent / "state" / STORE, isolation_level=None)) as connection:
        create_or_migrate(connection)
        for number, (name, each) in enumerate(expiries.items(), 1):
            connection.execute(
                "INSERT INTO servers (id, name, entry, holds) VALUES (?, ?, '{}', 0)", (number, name)
            )
            write_expiries(connection, number, each)


def call(config: Path, *words: str) -> int:
    return main(["expiry", "--config", str(config), "--state", str(config.parent / "state"), *words])


def ending(days: float, what: str = "server certificate", name: str = "vpn.example.net") -> Expires:
    return Expires(what, name, time.time() + days * DAY_S + 30.0)


def test_the_first_to_end_is_on_top(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    know(config, fra1=(ending(90), ending(40, "API key", "abc")), ams1=(ending(60, name=""),))
    assert call(config) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["LEFT", "ENDS", "SERVER", "WHAT", "NAME"]
    assert [" ".join(row.split()).split(" UTC ")[1] for row in rows] == [
        "fra1 API key abc",
        "ams1 server certificate -",
        "fra1 server certificate vpn.example.net",
    ]
    assert [" ".join(row.split()[:2]) for row in rows] == ["40 d", "60 d", "90 d"]


@pytest.mark.parametrize(("days", "code"), [(31, 0), (29, 1), (8, 1), (6, 2), (-1, 2)])
def test_the_exit_code_says_how_soon_the_first_one_ends(config: Path, days: float, code: int) -> None:
    know(config, fra1=(ending(400), ending(days, "API key")))
    assert call(config) == code


def test_what_has_ended_says_for_how_long(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    know(config, fra1=(Expires("API key", "abc", time.time() - 3 * 3600.0 - 61.0),))
    call(config)
    assert "ended 3 h 01 min ago" in capsys.readouterr().out


def test_only_named_servers_and_only_within_a_time(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    know(config, fra1=(ending(5, "API key"), ending(50)), ams1=(ending(1),))
    assert call(config, "fra1", "--within", "10d") == 2
    assert capsys.readouterr().out.count("API key") == 1
    assert call(config, "fra1", "--within", "1d") == 0
    assert "Nothing expires within that time, as far as checks know." in capsys.readouterr().out


def test_json_has_an_object_for_each(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    know(config, fra1=(ending(5, "API key", "abc"),))
    call(config, "--json")
    [line] = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["server"], found["what"], found["name"]) == ("fra1", "API key", "abc")
    assert 4.9 * DAY_S < found["left_s"] < 5.1 * DAY_S


@pytest.mark.parametrize("has_history", [False, True])
def test_without_any_it_says_what_would_have_one(
    config: Path, capsys: pytest.CaptureFixture[str], has_history: bool
) -> None:
    if has_history:
        know(config)
    assert call(config) == 0
    assert "WireGuard keys do not expire" in capsys.readouterr().out


def test_beside_a_writer_nothing_is_advised_to_be_started(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(config) == 0
    assert "wgmon-tui --config" in capsys.readouterr().out
    monkeypatch.setattr("wgmon_tui.cli.expiry_list.is_writer_running", lambda _: True)
    assert call(config) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "wgmon-tui is running, and lists each one here when a check sees it."
    ]


def test_an_unknown_name_is_bad_usage(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(config, "fra2") == 64
    assert 'no server "fra2" in servers.toml; did you mean "fra1"?' in capsys.readouterr().err


def test_a_name_from_a_certificate_reaches_the_terminal_without_control_characters(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    know(config, fra1=(ending(5, name="a\x1b]0;b\x07"),))
    call(config)
    assert "\x1b" not in capsys.readouterr().out


def test_show_lists_what_ends_of_a_server(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    know(config, fra1=(ending(12, "API key", "abc"), ending(90)), ams1=(ending(3),))
    directories = ["--config", str(config), "--state", str(config.parent / "state")]
    assert main(["show", *directories, "fra1"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ends ")]
    assert [line.split(":")[0].split(maxsplit=1)[1] for line in lines] == [
        "API key abc",
        "server certificate vpn.example.net",
    ]
    assert lines[0].endswith(" UTC, in 12 d")
    assert main(["show", *directories, "fra1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["expiries"]
    assert [(each["what"], each["name"], each["left_s"] // int(DAY_S)) for each in found] == [
        ("API key", "abc", 12),
        ("server certificate", "vpn.example.net", 90),
    ]


def test_a_subscription_is_listed_with_the_traffic_that_is_left(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    know(config, fra1=(ending(60, "subscription", "p"), ending(90, "API key", "p")))
    write_state(config.parent / "state", "p", SubscriptionState(quota=Quota(None, 60 << 30, 100 << 30)))
    assert call(config) == 0
    _, first, second = capsys.readouterr().out.splitlines()
    assert " ".join(first.split()).endswith("fra1 subscription p: 40 GiB of 100 GiB left")
    assert " ".join(second.split()).endswith("fra1 API key p")
    assert call(config, "--json") == 0
    first, second = capsys.readouterr().out.splitlines()
    assert (json.loads(first)["used_bytes"], json.loads(first)["name"]) == (60 << 30, "p")
    assert "used_bytes" not in json.loads(second)
