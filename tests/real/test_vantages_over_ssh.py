"""Tests of two vantages over OpenSSH, with different faults on their paths to one wireguard-go."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.daemon.harness import Program, running_writer, until
from tests.real.namespaces import (
    RoutedPath,
    entered,
    firewall,
    forward,
    join,
    namespace,
    no_firewall,
)
from tests.real.prerequisites import require
from tests.real.sshd import PORT, Sshd
from tests.real.wireguard_go import WireguardGo
from tests.vantages.harness import agent_command, agent_pid, ending_agent
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.config.config_toml import Config
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.models import Fleet, Identity, SecretForm, SecretSource, Server
from wgmon_tui.config.servers_file import update
from wgmon_tui.config.vantages import Vantage
from wgmon_tui.daemon.config_watcher import load_from_fleet
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.monitor.server_state import ServerState
from wgmon_tui.monitor.vantage_status import VantageStatus
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.store.history import History
from wgmon_tui.vantages.messages import Ack, Bye
from wgmon_tui.vantages.protocol import encode_message

PATIENCE_S = 60.0
NETS = {"home": 1, "a": 3, "b": 4}


@dataclass(frozen=True, slots=True)
class Place:
    """A vantage: its namespace, its sshd, and its agent's directory for undelivered reports."""

    name: str
    namespace: str
    sshd: Sshd
    state: Path
    key: PrivateKey

    @property
    def silent_way(self) -> str:
        """The nftables rule that drops packets from the vantage to the server."""
        return f"ip saddr 10.77.{NETS[self.name]}.0/24 udp dport 51820 drop"

    @property
    def cut_line(self) -> str:
        """The rule that drops packets of its connection in both directions."""
        net = f"10.77.{NETS[self.name]}.0/24"
        return f"ip saddr {net} tcp sport {PORT} drop\nip daddr {net} tcp dport {PORT} drop"


@dataclass(frozen=True, slots=True)
class Scene:
    """The writer's machine, two vantages and the server, each in its own namespace around a router."""

    home: str
    router: str
    places: tuple[Place, Place]
    server: Server
    key: PrivateKey

    @contextmanager
    def filtered(self, *rules: str) -> Iterator[None]:
        firewall(self.router, "forward", "\n".join(rules))
        try:
            yield
        finally:
            no_firewall(self.router)

    def vantages(self, alive_s: int = 15) -> tuple[Vantage, ...]:
        return tuple(Vantage(place.name, place.sshd.client(alive_s)) for place in self.places)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    require("ip", "nft", "wireguard-go", "wg", "sshd", "ssh", root=True)
    with ExitStack() as stack:
        names = {role: stack.enter_context(namespace(role[0])) for role in (*NETS, "router", "server")}
        router = names["router"]
        for role, net in {**NETS, "server": 2}.items():
            join(names[role], router, f"to-{role}", net=net)
        forward(router)
        real = WireguardGo(RoutedPath(names["home"], router, names["server"]))
        stack.callback(real.stop)
        address, port = real.endpoint(4)
        server = Server(
            "fra1",
            Endpoint(str(address), port),
            real.public_key,
            "bastion",
            interval=1.0,
            timeout=1.0,
            slow=1.0,
            tunnel=False,
            explain=False,
            fail_after=1,
            recover_after=1,
        )
        first, second = (_place(stack, real, names[name], name, tmp_path) for name in ("a", "b"))
        yield Scene(names["home"], router, (first, second), server, real.new_peer())


def _place(stack: ExitStack, real: WireguardGo, name_of_namespace: str, name: str, tmp_path: Path) -> Place:
    """Make its private key on the vantage, where it stays."""
    config, state, key = tmp_path / f"{name}-config", tmp_path / f"{name}-state", real.new_peer()
    _write_identity(config, key)
    sshd = Sshd(
        name_of_namespace, f"10.77.{NETS[name]}.2", tmp_path / f"{name}-sshd", agent_command(config, state)
    )
    stack.callback(sshd.stop)
    stack.enter_context(ending_agent(state))
    return Place(name, name_of_namespace, sshd, state, key)


def _write_identity(config: Path, key: PrivateKey, *servers: Server) -> None:
    config.mkdir(exist_ok=True)
    file = config / "bastion.key"
    file.touch(0o600)
    file.write_text(key.to_text())
    ours = Identity("bastion", SecretSource(SecretForm.FILE, "bastion.key"))
    update(config, lambda _: Fleet(servers, (ours,)))


@asynccontextmanager
async def writing(scene: Scene, state: Path, quorum: int = 1, alive_s: int = 15) -> AsyncIterator[Writer]:
    """A writer that has received reports from both vantages."""
    ours = Identity("bastion", SecretSource(SecretForm.INLINE, scene.key.to_text()))
    loaded = load_from_fleet(Fleet((scene.server,), (ours,)))
    config = Config(vantages=scene.vantages(alive_s), quorum=quorum)
    with entered(scene.home):
        writer = build_writer(state, replace(loaded, config=config), None)
        async with running_writer(writer):
            server_state = writer.fleet_state.states["fra1"]
            await until(lambda: len(server_state.vantage_states) == 2 and server_state.last, PATIENCE_S)
            yield writer


def seen(server_state: ServerState) -> dict[str, str]:
    return {name: vantage_state.verdict.slug for name, vantage_state in server_state.vantage_states.items()}


@pytest.mark.thorough
async def test_two_vantages_with_different_faults_on_their_ways_agree_by_quorum(
    scene: Scene, tmp_path: Path
) -> None:
    a, b = scene.places
    async with writing(scene, tmp_path / "state", quorum=2) as writer:
        server_state = writer.fleet_state.states["fra1"]
        assert seen(server_state) == {"a": "healthy", "b": "healthy"}
        with scene.filtered(b.silent_way):
            await until(lambda: seen(server_state) == {"a": "healthy", "b": "silent"}, PATIENCE_S)
            assert server_state.severity.word == "up"
            assert server_state.incident is None
        with scene.filtered(a.silent_way, b.silent_way):
            await until(lambda: server_state.incident, PATIENCE_S)
            assert server_state.severity.word == "down"
            assert server_state.status_word == Verdict.REGIONAL.slug
        await until(
            lambda: server_state.incident is None and server_state.severity is Severity.UP, PATIENCE_S
        )
        keys = {
            vantage_state.last.check.probed_as.public_key
            for vantage_state in server_state.vantage_states.values()
            if vantage_state.last.check.probed_as
        }
        assert keys == {a.key.public, b.key.public}


@pytest.mark.thorough
def test_the_key_starts_the_agent_whatever_it_asks_for(scene: Scene) -> None:
    place, _ = scene.places
    command = [*place.sshd.client()[:-1], "cat /etc/passwd"]
    with (
        entered(scene.home),
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as asking,
    ):
        assert asking.stdin
        assert asking.stdout
        asking.stdin.write(encode_message(Ack(1)))
        asking.stdin.flush()
        assert asking.stdout.read() == encode_message(Bye("expected a hello first"))


@pytest.mark.thorough
async def test_a_line_cut_in_mid_stream_is_noticed_and_what_was_missed_comes_once_and_in_order(
    scene: Scene, tmp_path: Path
) -> None:
    a, _ = scene.places
    async with writing(scene, tmp_path / "state", alive_s=1) as writer:
        with scene.filtered(a.cut_line):
            await until(lambda: not _status(writer, "a").connected, PATIENCE_S)
            assert _status(writer, "b").connected
            assert _status(writer, "a").trouble
            await asyncio.sleep(3)  # some checks there, with nobody to tell them to
        await until(lambda: _status(writer, "a").connected, PATIENCE_S)
        await caught_up(writer, "a")
    assert nothing_is_missing_and_nothing_twice(tmp_path / "state")


@pytest.mark.thorough
async def test_kill_9_of_the_keeper_and_of_the_relay_repeats_nothing(scene: Scene, tmp_path: Path) -> None:
    a, b = scene.places
    async with writing(scene, tmp_path / "state") as writer:
        keeper = agent_pid(a.state)
        assert keeper
        os.kill(keeper, signal.SIGKILL)
        os.kill(relay_of(b), signal.SIGKILL)
        for place in (a, b):
            await caught_up(writer, place.name)
        assert agent_pid(a.state) not in (None, keeper)
    assert nothing_is_missing_and_nothing_twice(tmp_path / "state")


@pytest.mark.thorough
async def test_kill_9_of_the_writer_loses_no_report(scene: Scene, tmp_path: Path) -> None:
    config, state = tmp_path / "config", tmp_path / "state"
    _write_identity(config, scene.key, scene.server)
    lines = [
        f'[[vantage]]\nname = "{each.name}"\ncommand = {list(each.command)}' for each in scene.vantages()
    ]
    (config / "config.toml").write_text("\n".join(lines).replace("'", '"'))
    for _ in range(3):
        with entered(scene.home):
            program = Program("--config", config, "--state", state, "run")
        try:
            program.line_with("started")
            await reported_more(state, "a")
        finally:
            program.process.kill()
            program.process.communicate()
        # Each ssh finds its stdin closed and ends, and the relay there with it.
        await until(
            lambda: not any(processes_with(place.sshd.known_hosts) for place in scene.places), PATIENCE_S
        )
    assert nothing_is_missing_and_nothing_twice(state)


def _status(writer: Writer, name: str) -> VantageStatus:
    return next(status for status in writer.vantages if status.name == name)


async def caught_up(writer: Writer, name: str) -> None:
    """Wait for a report of a check after this call: all earlier reports have then arrived."""
    server_state, now = writer.fleet_state.states["fra1"], time.time()
    await until(lambda: server_state.vantage_states[name].at > now, PATIENCE_S)


async def reported_more(state: Path, vantage: str) -> None:
    """Wait until the store has a few more reports."""
    before = last_taken(state, vantage)
    await until(lambda: last_taken(state, vantage) > before + 2, PATIENCE_S)


def last_taken(state: Path, vantage: str) -> int:
    """The number of the last report in the store; 0 if there is none."""
    try:
        with closing(sqlite3.connect(f"file:{state / 'history.db'}?mode=ro", uri=True)) as connection:
            query = "SELECT number FROM reported WHERE vantage = ?"
            return next((number for (number,) in connection.execute(query, (vantage,))), 0)
    except sqlite3.OperationalError:
        return 0


def nothing_is_missing_and_nothing_twice(state: Path) -> bool:
    """Reports are numbered from 1, without gaps unless an agent daemon was killed."""
    history = History(state / "history.db")
    try:
        for vantage in ("a", "b"):
            checks = history.checks("fra1", 0.0, time.time() + 60, vantage)
            began = [check.at for check in checks]
            assert began == sorted(set(began))
            assert len(checks) == last_taken(state, vantage) > 0
    finally:
        history.close()
    return True


def relay_of(place: Place) -> int:
    """The process that sshd has started there."""
    [relay] = [pid for pid in processes_with(place.state) if b"agent.daemon" not in _command_of(pid)]
    return relay


def processes_with(path: Path) -> list[int]:
    """The processes with this path in their command line."""
    pids = [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]
    return [pid for pid in pids if str(path).encode() in _command_of(pid)]


def _command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
