"""`wgmon-tui export`: one-line errors, and the confirmation before a key is written to a file."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.forked_program import run_program
from tests.output.sample_store import CHECKS, write_store
from tests.parameters import default_rows, default_run
from wgmon_tui.cli.export_run import check_arguments
from wgmon_tui.cli.parser import make_parser
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.lab.models import LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.store.store_version import STORE

OWN_KEY = PrivateKey.generate()
PCAPNG = ("--format", "pcapng")


@dataclass(frozen=True)
class Ran:
    code: int
    out: bytes
    err: str


async def export(*words: str, home: Path, stdin: int | None = None, stdout: int | None = None) -> Ran:
    places = ("--config", home / "config", "--state", home / "state")
    ran = await asyncio.to_thread(run_program, "export", *words, *places, stdin=stdin, stdout=stdout)
    return Ran(ran.code, ran.out, ran.err.decode())


# Values that cannot be read


def damage(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / "state" / STORE, isolation_level=None)) as store:
        assert store.execute(statement).rowcount > 0


@pytest.mark.parametrize(
    ("kind", "statement"),
    default_rows(
        (0, 5, 9),
        [
            ("incidents", "UPDATE incidents SET summary = CAST(x'ff41' AS TEXT) WHERE id = 'i1'"),
            ("incidents", "UPDATE incidents SET opened_at = 1e300 WHERE id = 'i1'"),
            ("incidents", "UPDATE notes SET at = -1e300 WHERE id = (SELECT min(id) FROM notes)"),
            ("checks", "UPDATE checks SET at = 1e14 WHERE id = 2"),
            ("checks", "UPDATE checks SET at = -5 WHERE id = 2"),
            ("checks", "UPDATE checks SET address = 'nonsense' WHERE id = 2"),
            ("checks", "UPDATE checks SET rtt = 9e999 WHERE id = 2"),
            ("exchange", "UPDATE exchanges SET at = 9e99 WHERE id = 1"),
            ("exchange", "UPDATE exchanges SET verdict = 'nonsense' WHERE id = 1"),
            ("exchange", "UPDATE exchanges SET round = x'01ff' WHERE id = 1"),
        ],
    ),
)
async def test_a_value_that_cannot_be_read_is_replaced_and_counted(
    tmp_path: Path, kind: str, statement: str
) -> None:
    write_store(tmp_path / "state")
    whole = await export(kind, home=tmp_path)
    damage(tmp_path, statement)
    for form in ("json", "csv"):
        ran = await export(kind, "--format", form, home=tmp_path)
        assert ran.code == 0, ran.err
        assert ran.err.startswith("wgmon-tui: export: "), ran.err
        assert ran.err.endswith("stored value could not be read: replaced or left out\n"), ran.err
    lines = (await export(kind, home=tmp_path)).out.splitlines()
    assert len(lines) >= len(whole.out.splitlines()) - (2 if kind == "exchange" else 0)
    assert all(json.loads(line) for line in lines)


# Invalid arguments


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("checks", *PCAPNG), "checks have no packets"),
        (("incidents", *PCAPNG), "incidents have no packets"),
        (("checks", "--with-keys"), "--with-keys is for packets"),
        (("exchange", "fra1", "--with-keys"), "--format pcapng --with-keys"),
        (("exchange", *PCAPNG, "--with-keys"), "add its name"),
        (("exchange", "a", "b", *PCAPNG, "--with-keys"), "exactly one server"),
        (("exchange", "a", *PCAPNG, "--with-keys", "--since", "24h"), "remove --since"),
        (("exchange", "a", "--yes-show-keys"), "needs --with-keys"),
        (("checks", "--since", "1h", "--until", "2h"), "before --until"),
        (("checks", "--format", "markdown"), "type: export incidents --format markdown"),
        (("checks", "--incident", "i1"), "export incidents --incident ID"),
    ],
)
def test_words_that_do_not_go_together_are_refused_in_one_line(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_arguments(make_parser().parse_args(["export", *words]))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["yesterday", "", "-1h", "2026-13-01", "9999999999"])
def test_a_time_that_is_none_is_refused_with_what_was_expected(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="64"):
        make_parser().parse_args(["export", "checks", f"--since={text}"])
    assert "expected an age, for example 24h, or a date" in capsys.readouterr().err


def test_a_time_is_how_long_ago_or_a_date() -> None:
    def since(text: str) -> float:
        moment: float = make_parser().parse_args(["export", "checks", "--since", text]).since
        return moment

    assert time.time() - since("24h") == pytest.approx(86400, abs=5)
    assert since("2023-11-14T22:13:20Z") == 1_700_000_000
    assert since("2023-11-14") == time.mktime((2023, 11, 14, 0, 0, 0, 0, 0, -1))


# Stored history


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_store(tmp_path / "state")
    return tmp_path


async def test_checks_are_lines_on_the_standard_output(home: Path) -> None:
    ran = await export("checks", home=home)
    assert (ran.code, ran.err) == (0, "")
    assert len([json.loads(line) for line in ran.out.splitlines()]) == len(CHECKS)


async def test_an_incident_is_a_report_in_markdown(home: Path) -> None:
    ran = await export("incidents", "--format", "markdown", "--incident", "i1", home=home)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.decode().startswith("### ")
    assert ran.out.decode().count("### ") == 1
    assert b"**incident:** i1, opened" in ran.out


async def test_an_open_incident_that_nobody_checks_is_told_as_past(home: Path) -> None:
    damage(home, "UPDATE incidents SET closed_at = NULL WHERE id = 'i1'")
    ran = await export("incidents", "--format", "markdown", "--incident", "i1", home=home)
    assert "nobody has checked since" in ran.out.decode()
    assert "fra1 is down" not in ran.out.decode()


async def test_a_file_is_written_for_its_owner_alone(home: Path) -> None:
    ran = await export("exchange", "fra1", *PCAPNG, "--output", str(home / "fra1.pcapng"), home=home)
    assert (ran.code, ran.out, ran.err) == (0, b"", "")
    assert (home / "fra1.pcapng").read_bytes().startswith(b"\x0a\x0d\x0d\x0a")
    assert (home / "fra1.pcapng").stat().st_mode & 0o777 == 0o600


async def test_pcapng_is_not_for_a_terminal(home: Path) -> None:
    with terminal() as (_, screen):
        ran = await export("exchange", *PCAPNG, home=home, stdout=screen)
    assert ran.code == 64
    assert "--output FILE.pcapng" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    default_rows(
        (0, 2),
        [
            (("checks", "fra"), 'no server "fra" in the history; did you mean "fra1"?'),
            (("checks", "--output", "/nonexistent/x"), "cannot write /nonexistent/x"),
            (("incidents", "--incident", "zz"), 'no incident "zz" in the history'),
        ],
    ),
)
async def test_what_cannot_be_done_is_one_line(home: Path, words: tuple[str, ...], said: str) -> None:
    ran = await export(*words, home=home)
    assert (ran.code, ran.out) == (64, b"")
    assert said in ran.err
    assert ran.err.count("\n") == 1


async def test_without_a_history_there_is_one_line(tmp_path: Path) -> None:
    ran = await export("checks", home=tmp_path)
    assert (ran.code, ran.out) == (64, b"")
    assert ran.err.count("\n") == 1
    assert str(tmp_path / "state") in ran.err


# With keys


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LabServer]:
    setup = LabSetup(PrivateKey.generate(), (LabPeer(OWN_KEY.public),))
    async with LabServer(setup) as running:
        config = tmp_path / "config"
        config.mkdir()
        (config / "bastion.key").write_text(OWN_KEY.to_text())
        (config / "bastion.key").chmod(0o600)
        (config / "servers.toml").write_text(
            '[[identity]]\nname = "bastion"\nprivate_key_file = "bastion.key"\n\n'
            f'[[server]]\nname = "fra1"\nendpoint = "{running.endpoint}"\nidentity = "bastion"\n'
            f'public_key = "{running.public_key}"\ntunnel = false\n'
        )
        yield running


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """Return both ends of a pseudo-terminal: the test's end and the program's end."""
    ours, programs = pty.openpty()
    try:
        yield ours, programs
    finally:
        os.close(ours)
        os.close(programs)


WITH_KEYS = ("exchange", "fra1", *PCAPNG, "--with-keys")


async def asked(typed: str, home: Path) -> tuple[Ran, Path]:
    output = home / "fra1.pcapng"
    with terminal() as (keyboard, stdin):
        os.write(keyboard, f"{typed}\n".encode())
        return await export(*WITH_KEYS, "--output", str(output), home=home, stdin=stdin), output


async def test_keys_are_written_once_the_identitys_name_is_typed(tmp_path: Path, server: LabServer) -> None:
    ran, output = await asked("bastion", tmp_path)
    assert ran.code == 0, ran.err
    assert 'the private key of the identity "bastion"' in ran.err
    assert f"LOCAL_STATIC_PRIVATE_KEY = {OWN_KEY.to_text()}\n".encode() in output.read_bytes()
    assert OWN_KEY.to_text() not in ran.err
    assert output.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("typed", default_run(["yes"], ["", "yes"]))
async def test_anything_else_sends_nothing_and_writes_nothing(
    tmp_path: Path, server: LabServer, typed: str
) -> None:
    ran, output = await asked(typed, tmp_path)
    assert ran.code == 64
    assert "nothing was checked or written" in ran.err
    assert not output.exists()
    assert list((tmp_path / "state" / "stamps").iterdir()) == []  # no initiation was created


async def test_a_script_that_does_not_say_yes_is_refused(tmp_path: Path, server: LabServer) -> None:
    ran = await export(*WITH_KEYS, home=tmp_path)
    assert (ran.code, ran.out) == (64, b"")
    assert "add --yes-show-keys" in ran.err


async def test_a_script_that_says_yes_may_pipe_it_on(tmp_path: Path, server: LabServer) -> None:
    ran = await export(*WITH_KEYS, "--yes-show-keys", home=tmp_path)
    assert ran.code == 0, ran.err
    assert OWN_KEY.to_text().encode() in ran.out


async def test_without_an_exchange_no_key_is_written(tmp_path: Path, server: LabServer) -> None:
    config = tmp_path / "config" / "servers.toml"
    config.write_text(config.read_text().replace(str(server.endpoint), "nothing.invalid:51820"))
    ran = await export(*WITH_KEYS, "--yes-show-keys", home=tmp_path)
    assert (ran.code, ran.out) == (64, b"")
    assert "no packet was sent, so no file was written" in ran.err


async def test_a_protocol_whose_keys_wireshark_cannot_use_is_refused(
    tmp_path: Path, server: LabServer
) -> None:
    config = tmp_path / "config" / "servers.toml"
    config.write_text('[[server]]\nname = "fra1"\nprotocol = "system-path"\nendpoint = "127.0.0.1:9"\n')
    ran = await export(*WITH_KEYS, "--yes-show-keys", home=tmp_path)
    assert (ran.code, ran.out) == (64, b"")
    assert "Wireshark has no use for keys of System path; remove --with-keys" in ran.err
