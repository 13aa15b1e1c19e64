"""`wgmon-tui subscriptions`: what differs, exit codes, and no token in any output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.subscriptions.list_server import ListServer, list_server
from wgmon_tui.cli.main import main
from wgmon_tui.config.servers_file import read
from wgmon_tui.subscriptions.state_file import read_states

LINKS = b"trojan://SECRET1@a.example:443#a\nss://YWVzLTI1Ni1nY206U0VDUkVU@b.example:1#b\nssr://SECRET\n"


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[ListServer]:
    with list_server() as server:
        server.body = LINKS
        (tmp_path / "p.url").write_text(server.url)
        (tmp_path / "p.url").chmod(0o600)
        (tmp_path / "config.toml").write_text('[[subscription]]\nname = "p"\nurl_file = "p.url"\n')
        yield server


def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["--config", str(tmp_path), "--state", str(tmp_path / "state"), "subscriptions", *words])
    said = capsys.readouterr()
    assert "SECRET" not in said.out + said.err
    return code, said.out, said.err


def test_what_differs_is_shown_and_nothing_is_written(
    provider: ListServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(tmp_path, capsys)
    assert code == 1
    assert out.splitlines()[:4] == [
        "p: 2 new; 0 unchanged",
        "  + a  trojan  a.example:443",
        "  + b  shadowsocks  b.example:1",
        '  ? not read: "link 3": wgmon-tui cannot check a link of ssr://',
    ]
    assert "subscriptions --apply p" in out
    assert not (tmp_path / "servers.toml").exists()


def test_what_differs_is_applied_on_request(
    provider: ListServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, capsys, "--apply", "p")[0] == 0
    assert [each.name for each in read(tmp_path).fleet.servers] == ["a", "b"]
    provider.body = LINKS.splitlines(keepends=True)[0]
    code, out, _ = run(tmp_path, capsys, "--json")
    assert code == 1
    assert json.loads(out) == {
        "subscription": "p",
        "new": [],
        "changed": [],
        "removed": [{"name": "b", "protocol": "shadowsocks", "endpoint": "b.example:1"}],
        "unchanged": 1,
        "unread": [],
        "applied": False,
    }


def test_a_list_that_cannot_be_fetched_is_code_3(
    provider: ListServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.status = 403
    code, out, err = run(tmp_path, capsys)
    assert (code, out) == (3, "")
    assert err == 'wgmon-tui: subscription "p": HTTP 403; check the token in the address\n'


@pytest.mark.parametrize(
    ("config", "words", "message"),
    [
        ("", (), "config.toml has no [[subscription]]"),
        ('[[subscription]]\nname = "p"\nurl_file = "p.url"\n', ("q",), 'no [[subscription]] is named "q"'),
        ('[[subscription]]\nname = "p"\n', (), "url_file: missing; name the file that holds the address"),
        ('[[subscription]]\nname = "p"\nurl = "SECRET"\nevery = "1s"\n', (), "key every"),
    ],
)
def test_bad_usage_is_code_64(
    config: str,
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "config.toml").write_text(config)
    code, _, err = run(tmp_path, capsys, *words)
    assert code == 64
    assert message in err


def test_what_was_found_is_kept_for_screens_without_a_secret(
    provider: ListServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    run(tmp_path, capsys)
    assert [each[:3] for each in read_states(state_dir)["p"].lines] == ["+ a", "+ b"]
    assert all("SECRET" not in each.read_text() for each in state_dir.iterdir())
    run(tmp_path, capsys, "--apply")
    assert read_states(state_dir)["p"].lines == ()
