"""Tests of the agent daemon and its stdio bridges, as processes that are disconnected and killed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.daemon.harness import CLIENT, healthy, quick_server, until, write_config
from tests.vantages.harness import (
    FakeWriter,
    agent_command,
    agent_pid,
    ending_agent,
    read_log,
    stdio_bridges_of,
)
from wgmon_tui import __version__
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import SecretForm, SecretSource
from wgmon_tui.lab.models import LabMode
from wgmon_tui.vantages.agent.runtime_dir import connect
from wgmon_tui.vantages.messages import AgentHello, AgentStatus, Bye, WriterHello
from wgmon_tui.vantages.protocol import PROTOCOL, encode_message, parse_to_writer


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The agent's servers.toml: an identity, and no server."""
    write_config(tmp_path / "config")
    return tmp_path / "config"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    with ending_agent(tmp_path / "state"):
        yield tmp_path / "state"


def in_order_and_once(listening: FakeWriter) -> bool:
    return listening.numbers == sorted(set(listening.numbers))


async def test_servers_are_checked_from_there_with_the_identity_that_is_there(
    config: Path, state: Path
) -> None:
    async with healthy("fra1") as (_, server):
        # The writer's identity has another name, and its preshared key stays on the writer.
        secret = SecretSource(SecretForm.INLINE, "never sent")
        listening = FakeWriter(replace(server, identity="bastion of the writer", preshared_key=secret))
        async with listening.to(agent_command(config, state)):
            # The status before the first assignment has no key.
            await until(lambda: listening.reports and listening.status.public_key)
            [(_, _, _, name, outcome), *_] = listening.reports
            assert name == "fra1"
            assert outcome.check.handshake
            assert outcome.check.probed_as
            assert outcome.check.probed_as.public_key == CLIENT.public
            assert listening.status.public_key == str(CLIENT.public)
            assert listening.status.version == __version__


@pytest.mark.thorough
async def test_a_routine_round_comes_without_its_packets_and_a_change_with_them(
    config: Path, state: Path
) -> None:
    async with healthy("fra1") as (lab, server):
        listening = FakeWriter(server)
        async with listening.to(agent_command(config, state)):
            await until(lambda: len(listening.reports) >= 3)
            lab.mode = LabMode.SILENT
            await until(lambda: listening.reports[-1][4].diagnosis.verdict is Verdict.SILENT)
        outcomes = [outcome for *_, outcome in listening.reports]
        assert outcomes[0].check.exchange
        assert outcomes[1].check.exchange == ()
        assert outcomes[-1].check.exchange


@pytest.mark.thorough
async def test_a_line_that_is_cut_and_restored_loses_nothing_and_repeats_nothing(
    config: Path, state: Path
) -> None:
    async with healthy("fra1") as (_, server):
        listening = FakeWriter(server)
        command = agent_command(config, state)
        async with listening.to(command):
            await until(lambda: listening.reports)
            daemon = agent_pid(state)
            [bridge] = stdio_bridges_of(os.getpid(), state)
            os.kill(bridge, signal.SIGKILL)
            await until(lambda: listening.lost)
            before = len(listening.reports)
            await until(lambda: len(listening.reports) > before + 1)
            assert listening.numbers == list(range(1, len(listening.reports) + 1))
            assert agent_pid(state) == daemon


@pytest.mark.thorough
async def test_checks_go_on_without_a_line_and_are_told_when_it_is_back(config: Path, state: Path) -> None:
    async with healthy("fra1") as (_, server):
        listening = FakeWriter(server)
        command = agent_command(config, state)
        async with listening.to(command):
            await until(lambda: listening.reports)
        told = len(listening.reports)
        again = FakeWriter(server)
        # The first check after the disconnect ended long before the next session reports it.
        await until(lambda: _waiting(state) >= 3)
        async with again.to(command):
            await until(lambda: len(again.reports) >= 3)
        assert in_order_and_once(again)
        assert set(range(told + 1, told + 3)) <= {*listening.numbers, *again.numbers}


@pytest.mark.thorough
async def test_an_agent_daemon_that_was_killed_is_started_again_and_its_numbers_go_on(
    config: Path, state: Path
) -> None:
    async with healthy("fra1") as (_, server):
        listening = FakeWriter(server)
        async with listening.to(agent_command(config, state)):
            await until(lambda: listening.reports)
            first = agent_pid(state)
            assert first
            os.kill(first, signal.SIGKILL)
            await until(lambda: listening.lost)
            before = len(listening.reports)
            await until(lambda: len(listening.reports) > before)
            assert agent_pid(state) not in (None, first)
            assert in_order_and_once(listening)
            assert len({epoch for _, epoch, *_ in listening.reports}) == 1


@pytest.mark.thorough
async def test_an_agent_daemon_without_a_writer_ends_after_its_linger_time(config: Path, state: Path) -> None:
    listening = FakeWriter()
    async with listening.to(agent_command(config, state, "1s")):
        await until(lambda: listening.status.connected)
        pid = agent_pid(state)
        assert pid
    await until(lambda: not Path(f"/proc/{pid}").exists())
    assert read_log(state)[-1].endswith("no writer connected within 1 s")


def test_an_agent_daemon_does_not_end_while_a_silent_writer_is_connected(config: Path, state: Path) -> None:
    bridge = subprocess.Popen(
        agent_command(config, state, "500ms"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert bridge.stdin
    assert bridge.stdout
    bridge.stdin.write(encode_message(WriterHello(PROTOCOL, __version__, "a")))
    bridge.stdin.flush()
    assert isinstance(parse_to_writer(bridge.stdout.readline()), AgentHello)
    # The agent sends a status every two seconds: four times the time after which it would end.
    for _ in range(2):
        assert isinstance(parse_to_writer(bridge.stdout.readline()), AgentStatus)
    assert agent_pid(state)
    bridge.stdin.close()
    assert bridge.wait(30) == 0
    bridge.stdout.close()


async def test_under_any_umask_nobody_else_can_read_the_files_of_an_agent(
    config: Path, tmp_path: Path
) -> None:
    state = tmp_path / "parent" / "state"
    before = os.umask(0)
    try:
        with ending_agent(state):
            async with healthy("fra1") as (_, server):
                listening = FakeWriter(server)
                async with listening.to(agent_command(config, state)):
                    await until(lambda: listening.reports)
            for path in (state.parent, state, *state.rglob("*")):
                assert path.stat().st_mode & 0o077 == 0, path
    finally:
        os.umask(before)


@pytest.fixture
def open_log(state: Path) -> Path:
    """A log of an earlier version, which everybody can read and write."""
    state.mkdir(0o700)
    (state / "agent.log").touch()
    (state / "agent.log").chmod(0o666)
    return state / "agent.log"


async def test_a_log_that_others_could_read_is_closed_to_them(
    config: Path, state: Path, open_log: Path
) -> None:
    listening = FakeWriter()
    async with listening.to(agent_command(config, state)):
        await until(lambda: listening.status.connected)
    assert open_log.stat().st_mode & 0o777 == 0o600  # noqa: ASYNC240


async def test_a_second_writer_replaces_the_first_which_is_told_so(config: Path, state: Path) -> None:
    first, second = FakeWriter(), FakeWriter()
    command = agent_command(config, state)
    async with first.to(command):
        await until(lambda: first.status.connected)
        async with second.to(command):
            await until(lambda: second.status.connected)
            await first.heard("another writer has connected to this vantage")
            assert not first.status.connected


@pytest.mark.thorough
async def test_without_an_identity_it_says_what_to_type_and_works_once_that_is_done(
    tmp_path: Path, state: Path
) -> None:
    (tmp_path / "config").mkdir()
    async with healthy("fra1") as (_, server):
        listening = FakeWriter(server)
        async with listening.to(agent_command(tmp_path / "config", state)):
            await listening.heard("no identity here: run wgmon-tui keygen NAME on this machine")
            await until(lambda: listening.reports)
            assert listening.reports[-1][4].diagnosis.verdict is Verdict.MISCONFIGURED
            write_config(tmp_path / "config")
            await until(lambda: listening.reports[-1][4].diagnosis.verdict is Verdict.HEALTHY)
            await until(lambda: listening.status.trouble == "")


@pytest.mark.thorough
async def test_a_preshared_key_is_found_under_the_server_s_name_on_the_machine_that_asks(
    config: Path, state: Path
) -> None:
    there = replace(quick_server("fra1"), preshared_key=SecretSource(SecretForm.FILE, "absent.psk"))
    write_config(config, there)
    async with healthy("fra1") as (_, server):
        listening = FakeWriter(server)
        async with listening.to(agent_command(config, state)):
            await listening.heard("key preshared_key_file: there is no file")
            assert listening.status.trouble.startswith("cannot check fra1: ")


@pytest.mark.thorough
async def test_a_server_that_no_servers_toml_could_say_is_refused_alone(config: Path, state: Path) -> None:
    async with healthy("fra1") as (_, server):
        listening = FakeWriter(replace(server, name="mad", interval=0.0001), server)
        async with listening.to(agent_command(config, state)):
            await listening.heard("cannot check mad: ")
            await until(lambda: listening.reports)
            assert set(listening.names) == {"fra1"}


@pytest.mark.thorough
async def test_an_agent_daemon_of_another_version_is_replaced_as_after_an_upgrade(
    config: Path, state: Path
) -> None:
    listening = FakeWriter()
    async with listening.to(agent_command(config, state)):
        await until(lambda: listening.status.connected)
    old = agent_pid(state)
    (state / "agent.lock").write_text('{"pid": 1, "version": "0.0.1"}')
    again = FakeWriter()
    async with again.to(agent_command(config, state)):
        await until(lambda: again.status.connected)
        assert agent_pid(state) not in (None, old)


async def test_a_writer_of_another_protocol_is_told_so_in_one_line(config: Path, state: Path) -> None:
    listening = FakeWriter()
    async with listening.to(agent_command(config, state)):
        await until(lambda: listening.status.connected)
    with connect(state) as daemon, daemon.makefile("rb") as lines:
        daemon.sendall(encode_message(WriterHello(2, "9.9.0", "fra")))
        hello, bye = parse_to_writer(lines.readline()), parse_to_writer(lines.readline())
    assert isinstance(hello, AgentHello)
    assert hello.protocol == PROTOCOL
    assert isinstance(bye, Bye)
    assert bye.line.startswith("the writer uses protocol 2 (wgmon-tui 9.9.0), this machine 1 (")


NONSENSE = {
    "zeros": b"\x00" * 100 + b"\n",
    "no hello": b'{"ack":{"number":1}}\n',
    "a line without an end": b"x" * (2**20 + 10),
}


@pytest.mark.thorough
@pytest.mark.parametrize("what", NONSENSE)
async def test_a_client_that_sends_invalid_lines_is_disconnected_and_replaces_no_session(
    what: str, config: Path, state: Path
) -> None:
    listening = FakeWriter()
    async with listening.to(agent_command(config, state)):
        await until(lambda: listening.status.connected)
        with connect(state) as daemon, daemon.makefile("rb") as lines:
            daemon.settimeout(30)
            with suppress(ConnectionError):  # unread data is lost, including its last line
                daemon.sendall(NONSENSE[what])
                assert isinstance(parse_to_writer(lines.readline()), Bye)
                assert lines.readline() == b""
        assert listening.status.connected
        assert listening.lost == []


def test_the_socket_is_for_this_account_only(config: Path, state: Path) -> None:
    talk(config, state, WriterHello(PROTOCOL, __version__))
    assert (state / "agent.sock").stat().st_mode & 0o077 == 0
    assert state.stat().st_mode & 0o077 == 0


@pytest.mark.thorough
def test_a_state_directory_that_cannot_be_is_told_over_the_line(config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = talk(config, tmp_path / "file" / "state", WriterHello(PROTOCOL, __version__))
    said = parse_to_writer(out)
    assert isinstance(said, Bye)
    assert said.line.endswith("Not a directory; choose another: --state DIR")


@pytest.mark.thorough
def test_a_socket_path_longer_than_the_kernel_takes_does_not_matter(config: Path, tmp_path: Path) -> None:
    state = tmp_path / ("long" * 25) / "state"
    with ending_agent(state):
        out = talk(config, state, WriterHello(PROTOCOL, __version__))
        assert isinstance(parse_to_writer(out.split(b"\n")[0]), AgentHello)


def talk(config: Path, state: Path, hello: WriterHello) -> bytes:
    """The output of a stdio bridge up to its hello or its exit."""
    with subprocess.Popen(
        agent_command(config, state, "5s"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as bridge:
        assert bridge.stdin
        assert bridge.stdout
        bridge.stdin.write(encode_message(hello))
        bridge.stdin.flush()
        line = bridge.stdout.readline()
        bridge.stdin.close()
        bridge.wait(30)
        bridge.stdout.read()
    return line


def _waiting(state: Path) -> int:
    """The number of reports that a disconnected agent daemon has queued, from its status."""
    with connect(state) as daemon, daemon.makefile("rb") as lines:
        daemon.settimeout(30)
        daemon.sendall(encode_message(WriterHello(PROTOCOL, __version__)))
        while True:
            said = parse_to_writer(lines.readline())
            if hasattr(said, "waiting"):
                return int(said.waiting)


async def test_an_agent_whose_state_directory_is_moved_ends(config: Path, state: Path) -> None:
    listening = FakeWriter(quick_server("fra1"))
    async with listening.to(agent_command(config, state)):
        await until(lambda: listening.reports)
        state.rename(state.with_name("moved"))  # noqa: ASYNC240  at once
        await until(lambda: agent_pid(state.with_name("moved")) is None)
