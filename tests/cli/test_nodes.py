"""The command `nodes`: what control planes reported last of their nodes."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import pytest

from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node
from wgmon_tui.cli.main import main
from wgmon_tui.config.alerting import DAY_S
from wgmon_tui.output.styled_text import TextFormat
from wgmon_tui.store.schema import create_or_migrate
from wgmon_tui.store.store_version import STORE
from wgmon_tui.store.write.node_reports import write_node_reports, write_report_times

PLANE = '[[control_plane]]\nname = "{}"\ntype = "headscale"\nurl = "https://127.0.0.1:9"\ntoken = "t"\n'
ONLINE = Node("1", "web1", (ip_address("100.64.0.1"),), online=True, last_seen=1.0, version="1.86.2")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Two control planes, and a state directory without a history."""
    made = tmp_path / "config"
    made.mkdir()
    file = made / "servers.toml"
    file.touch(0o600)
    file.write_text(PLANE.format("office") + PLANE.format("lab"))
    (tmp_path / "state").mkdir()
    return made


def know(config: Path, *nodes: Node, age: float = 12.0, drift: tuple[str, ...] = ()) -> None:
    """Write a history in which `office` reported these."""
    with closing(sqlite3.connect(config.parent / "state" / STORE, isolation_level=None)) as connection:
        create_or_migrate(connection)
        connection.execute("INSERT INTO servers (id, name, entry, holds) VALUES (1, 'office', '{}', 0)")
        write_node_reports(connection, {1: ControlPlaneReport(nodes, drift=drift)})
        write_report_times(connection, {1: time.time() - age})


def know_too(config: Path, node: Node) -> None:
    """Let `office` report one more node beside the first."""
    with closing(sqlite3.connect(config.parent / "state" / STORE, isolation_level=None)) as connection:
        write_node_reports(connection, {1: ControlPlaneReport((ONLINE, node))})


def call(config: Path, *words: str) -> int:
    return main(["nodes", "--config", str(config), "--state", str(config.parent / "state"), *words])


def rows(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_the_report_has_its_age_and_each_node_a_line(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    know(config, ONLINE, age=7230.0)
    assert call(config, "office") == 0
    assert rows(capsys) == [
        "office: 1 node, as reported 2 h 00 min ago",
        "NODE  ONLINE  ADDRESS     VERSION",
        "web1  yes     100.64.0.1  1.86.2",
    ]


def test_nodes_with_trouble_and_those_that_are_offline_come_first(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = Node("2", "web2", online=False, last_seen=time.time() - 3 * DAY_S)
    expired = Node("3", "web3", online=True, key_expiry=time.time() - 7300.0, trouble="its key has expired")
    know(config, ONLINE, gone, expired, Node("4", "web4"))
    call(config, "office")
    _, heading, *lines = rows(capsys)
    assert heading.split("  ")[0] == "NODE"
    assert [line.split()[:2] for line in lines] == [
        ["web3", "yes"],
        ["web2", "no"],
        ["web1", "yes"],
        ["web4", "?"],
    ]
    assert "its key has expired" in lines[0]
    assert "ended 2 h 01 min ago" in lines[0]
    assert "3 d 00 h ago" in lines[1]


def test_a_control_plane_without_a_report_says_so(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    know(config, ONLINE)
    assert call(config) == 0
    out = capsys.readouterr().out
    assert "office: 1 node" in out
    assert "lab: no report yet\n\nTo ask for a report now, and from now on:" in out


def test_without_a_history_every_control_plane_has_no_report(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(config) == 0
    assert capsys.readouterr().out.count("no report yet") == 2


def test_beside_a_writer_nothing_is_advised_to_be_started(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wgmon_tui.cli.node_list.is_writer_running", lambda _: True)
    know(config, ONLINE)
    assert call(config) == 0
    [*_, heading, blank, command] = rows(capsys)
    assert (heading, blank) == ("wgmon-tui is running. To see what its last check found:", "")
    assert command.startswith("wgmon-tui --config")
    assert command.endswith(" show lab")


def test_json_has_an_object_for_each_node_and_null_for_what_is_unknown(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    know(config, ONLINE, Node("2", "web2"))
    assert call(config, "--json") == 0
    found = [json.loads(line) for line in rows(capsys)]
    assert [(each["control_plane"], each["name"], each["online"]) for each in found] == [
        ("office", "web1", True),
        ("office", "web2", None),
    ]
    assert found[0]["addresses"] == ["100.64.0.1"]
    assert 11 <= found[0]["reported_age_s"] <= 20
    assert found[1]["last_seen"] is None


def test_names_of_nodes_reach_the_terminal_without_control_characters(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = "a\x1b]0;b\x07"
    know(config, Node("2", bad, version=bad, tags=(bad,), routes=(bad,), trouble=bad), drift=(bad,))
    call(config)
    call(config, "--json")
    assert "\x1b" not in capsys.readouterr().out


def test_an_unknown_name_is_bad_usage(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(config, "offices") == 64
    assert 'no control plane "offices" in servers.toml; did you mean "office"?' in capsys.readouterr().err


def test_a_fleet_without_control_planes_says_where_to_read_on(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config / "servers.toml").write_text("")
    assert call(config) == 0
    assert "docs/control-planes.md" in capsys.readouterr().out


def test_a_narrow_terminal_gets_the_columns_that_fit(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    know(config, Node("1", "web1", online=True, version="1.86.2", tags=("tag:" + "x" * 70,)))
    monkeypatch.setattr("wgmon_tui.cli.node_list.text_format", lambda _: TextFormat(width=40))
    call(config, "office")
    assert rows(capsys)[1:] == ["NODE  ONLINE", "web1  yes"]


def test_a_long_name_takes_no_other_column_and_wraps_no_line(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    know(config, Node("1", "x" * 300, online=True), Node("2", "web2", online=True, version="1.86.2"))
    monkeypatch.setattr("wgmon_tui.cli.node_list.text_format", lambda _: TextFormat(width=80))
    call(config, "office")
    lines = rows(capsys)[1:]
    assert [line.split()[-1] for line in lines] == ["VERSION", "1.86.2", "yes"]
    assert all(len(line) <= 80 for line in lines)


def test_a_node_that_a_server_checks_shows_its_last_verdict_and_its_age(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = '[[server]]\nname = "web"\nprotocol = "system-path"\nendpoint = "100.64.0.1:22"\n'
    with (config / "servers.toml").open("a") as file:
        file.write(server)
    know(config, ONLINE, Node("2", "web2"))
    call(config, "office")
    assert rows(capsys)[2].startswith("web1  yes     not checked yet  web ")
    with closing(sqlite3.connect(config.parent / "state" / STORE, isolation_level=None)) as connection:
        connection.execute("INSERT INTO servers (id, name, entry, holds) VALUES (2, 'web', '{}', 60)")
        connection.execute(
            """INSERT INTO current (series, as_of, accounted_to, state, since, verdict, damping, samples)
            VALUES (2, 0, ?, 'down', ?, 'says-connected', '{}', x'')""",
            (time.time() - 7300.0, time.time() - 7300.0),
        )
    call(config, "office")
    [_, _, line, other] = rows(capsys)
    assert line.startswith("web1  yes     says-connected, 2 h 01 min ago  web ")
    assert other.split() == ["web2", "?"]
    know_too(config, Node("3", "a1", online=False))
    call(config, "office")
    assert [each.split()[0] for each in rows(capsys)[2:]] == ["web1", "a1"]
    call(config, "office", "--json")
    found = json.loads(rows(capsys)[0])
    assert (found["server"], found["verdict"]) == ("web", "says-connected")
