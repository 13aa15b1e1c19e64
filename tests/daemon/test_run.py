"""Tests of `wgmon-tui run` under systemd and a shell: processes, signals, sockets and exit codes."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.daemon.harness import (
    PATIENCE_S,
    Program,
    healthy,
    query_rows,
    quick_server,
    running,
    text_of,
    until,
    write_config,
)
from tests.parameters import default_run
from tests.store.test_migrations import fill_version_2
from wgmon_tui.daemon.writer_lock import WriterLock, WriterRunningError
from wgmon_tui.lab.models import LabMode
from wgmon_tui.store.store_file import open_store
from wgmon_tui.store.store_version import STORE


def supervisor(path: Path) -> socket.socket:
    received = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    received.settimeout(PATIENCE_S)
    received.bind(str(path))
    return received


def receive_until(received: socket.socket, words: str) -> list[str]:
    """The notifications to systemd, up to a message with this text."""
    messages: list[str] = []
    while not messages or words not in messages[-1]:
        messages.append(received.recv(4096).decode())
    return messages


def test_systemd_is_told_of_the_start_a_reload_its_health_and_the_end(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    with supervisor(tmp_path / "notify") as received:
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"}
        with running(tmp_path / "config", tmp_path / "state", env) as program:
            assert receive_until(received, "READY=1")[-1].startswith("READY=1\nSTATUS=1 server: ")
            receive_until(received, "WATCHDOG=1")
            receive_until(received, "WATCHDOG=1")
            (tmp_path / "config" / "servers.toml").write_text(
                text_of(quick_server("ams1"), quick_server("fra1"))
            )
            program.signal(signal.SIGHUP)
            told = receive_until(received, "RELOADING=1") + receive_until(received, "READY=1")
            assert "RELOADING=1\nMONOTONIC_USEC=" in "".join(told)
            assert "STATUS=2 servers" in told[-1]
            program.line_with("reloaded: 2 servers")
            program.signal(signal.SIGTERM)
            receive_until(received, "STOPPING=1")
            code, _, err = program.end()
            assert (code, err.strip().endswith("info: stopped")) == (0, True)


def test_an_upgrade_of_the_history_keeps_systemd_waiting(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    fill_version_2(tmp_path / "state", servers=2)
    with supervisor(tmp_path / "notify") as received:
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        with running(tmp_path / "config", tmp_path / "state", env) as program:
            [first, second, _] = receive_until(received, "READY=1")
            assert first == "EXTEND_TIMEOUT_USEC=60000000\nSTATUS=upgrading the history: 0 of 2 servers"
            assert second.endswith("1 of 2 servers")
            assert any(
                "info: upgrading the history from an earlier version" in each for each in program.lines
            )


def test_sigint_ends_it_with_0_and_the_history_is_whole(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    with running(tmp_path / "config", tmp_path / "state") as program:
        program.line_with("warning: ams1: down, port-closed: ")
        program.signal(signal.SIGINT)
        assert program.end()[0] == 0
    assert query_rows(tmp_path / "state", "SELECT verdict, closed_at FROM incidents") == [
        ("port-closed", None)
    ]
    assert not (tmp_path / "state" / "control.sock").exists()


@pytest.mark.thorough
def test_while_the_store_is_locked_the_log_says_that_people_are_told_from_memory(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    told = tmp_path / "told"
    (tmp_path / "config" / "config.toml").write_text(
        f'[[sink]]\nname = "file"\ntype = "command"\ncommand = ["tee", "{told}"]\n'
    )
    (tmp_path / "state").mkdir()
    open_store(tmp_path / "state").connection.close()
    with closing(sqlite3.connect(tmp_path / "state" / STORE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with running(tmp_path / "config", tmp_path / "state") as program:
            assert program.lines[-1].endswith(f"info: started: 1 server in {tmp_path / 'config'}")
            line = program.line_with("alerts are sent from memory until the store is writable")
            assert "history.db: another program has locked it" in line
            while not (told.exists() and told.read_text()):
                time.sleep(0.01)
            other.execute("ROLLBACK")
            program.line_with("notice: resolved: alerts: ")
            program.signal(signal.SIGTERM)
            assert program.end()[0] == 0
    assert query_rows(tmp_path / "state", "SELECT kind, state FROM deliveries") == [("opened", "sent")]


@pytest.mark.thorough
async def test_the_log_tells_of_incidents_and_never_of_checks(tmp_path: Path) -> None:
    async with healthy("fra1") as (lab, fra1):
        lab.set_mode(LabMode.CLOSED)
        write_config(tmp_path / "config", fra1)
        with running(tmp_path / "config", tmp_path / "state") as program:
            await until(lambda: query_rows(tmp_path / "state", "SELECT count(*) FROM incidents") == [(1,)])
            lab.set_mode(LabMode.HEALTHY)
            over = "SELECT count(*) FROM incidents WHERE closed_at IS NOT NULL"
            await until(lambda: query_rows(tmp_path / "state", over) == [(1,)])
            program.signal(signal.SIGTERM)
            err = program.end()[2]
    told = [line.split(" ", 2)[2] for line in err.splitlines()]
    assert told[0].startswith("warning: fra1: down, port-closed: ")
    assert told[1].startswith("notice: fra1: incident closed after ")
    assert told[2:] == ["info: stopped"]


@pytest.mark.thorough
def test_for_journald_each_line_has_its_priority(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    ours, theirs = socket.socketpair()
    status = os.fstat(theirs.fileno())
    env = {**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    process = Program(
        "--config", tmp_path / "config", "--state", tmp_path / "state", "run", env=env, err=theirs
    )
    theirs.close()
    with ours.makefile() as lines:
        assert next(lines).startswith("<6>started: 1 server in ")
        assert next(lines).startswith("<4>ams1: down, port-closed: ")
        process.signal(signal.SIGTERM)
        assert list(lines)[-1] == "<6>stopped\n"
    ours.close()
    assert process.end()[0] == 0


@pytest.mark.thorough
def test_what_is_started_beside_it_is_told_who_writes_or_shows_what_that_one_finds(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    with running(tmp_path / "config", tmp_path / "state") as program:
        program.line_with("ams1: down")
        second = Program("--config", tmp_path / "config", "--state", tmp_path / "state", "run")
        viewer = Program("--config", tmp_path / "nowhere", "--state", tmp_path / "state", "--ascii")
        code, _, err = second.end()
        assert code == 75
        assert f"{tmp_path / 'state'} is written by root, pid {program.process.pid}, since " in err
        code, out, err = viewer.end()
        assert code == 2
        assert "X down  ams1  port-closed" in out
        written = rf"written by root \(pid {program.process.pid}\); oldest result \d+ s ago"
        assert re.fullmatch(rf"wgmon-tui: viewer · {written}\n", err)


def test_a_file_that_cannot_stand_at_the_start_is_refused_with_64(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    (tmp_path / "config" / "servers.toml").write_text("nonsense")
    code, _, err = Program("--config", tmp_path / "config", "--state", tmp_path / "state", "run").end()
    assert code == 64
    assert "error: servers.toml: " in err
    assert err.count("\n") == 1


@pytest.mark.thorough
def test_every_error_at_the_start_is_logged(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    with (tmp_path / "config" / "servers.toml").open("a") as file:
        file.write("colour = 1\npaused = 1\n")
    code, _, err = Program("--config", tmp_path / "config", "--state", tmp_path / "state", "run").end()
    assert code == 64
    assert [line.count("error: servers.toml: line ") for line in err.splitlines()] == [1, 1]


@pytest.mark.thorough
def test_a_state_directory_that_cannot_be_made_is_refused_with_64(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    state = tmp_path / "config" / "servers.toml" / "state"
    code, _, err = Program("--config", tmp_path / "config", "--state", state, "run").end()
    assert code == 64
    assert f"error: {state}: Not a directory; choose another: --state DIR" in err


@pytest.mark.thorough
def test_nonsense_written_while_it_runs_is_logged_once_and_its_end_as_well(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    often = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "300000"}
    with running(tmp_path / "config", tmp_path / "state", often) as program:
        good = (tmp_path / "config" / "servers.toml").read_text()
        (tmp_path / "config" / "servers.toml").write_text("nonsense")
        line = program.line_with("error: servers.toml: ")
        assert line.endswith("; the last valid configuration stays in force")
        (tmp_path / "config" / "servers.toml").write_text(good)
        program.line_with("notice: resolved: servers.toml: ")
    assert sum("error" in line for line in program.lines) == 1


# A state directory that is moved


def move_away(state: Path) -> None:
    state.rename(state.with_name("moved"))


def delete_lock(state: Path) -> None:
    (state / "writer.lock").unlink()


@pytest.mark.thorough
@pytest.mark.parametrize("harm", default_run([move_away], [move_away, delete_lock]))
async def test_a_moved_state_directory_is_made_again_under_the_lock(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    state = tmp_path / "state"
    with running(tmp_path / "config", state) as program:
        harm(state)
        program.line_with(f"{state} or its writer.lock was moved or deleted while this process wrote it")
        program.line_with("started: 1 server")
        with pytest.raises(WriterRunningError, match=f"pid {program.process.pid}"):
            WriterLock.acquire(state)
        await until(lambda: query_rows(state, "SELECT count(*) FROM checks") > [(1,)])
        program.signal(signal.SIGTERM)
        assert program.end()[0] == 0


async def test_who_loses_the_state_directory_to_another_writer_stops(tmp_path: Path) -> None:
    write_config(tmp_path / "config", quick_server("ams1"))
    state = tmp_path / "state"
    with running(tmp_path / "config", state) as program:
        await until((state / "control.sock").exists)
        move_away(state)
        lock = WriterLock.acquire(state)
        (state / "control.sock").touch()
        code, _, err = program.end()
        assert (code, "starting again" in err, f"{state} is written by" in err) == (75, True, True)
        assert (state / "control.sock").exists()
        lock.release()
