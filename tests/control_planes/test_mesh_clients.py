"""The programs of meshes on this machine. They are in no registry: stand-ins print what they print."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from threading import Semaphore

import pytest

from tests.control_planes.answers import TAILSCALED_PEER, TAILSCALED_STATUS
from tests.daemon.harness import PATIENCE_S
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.mesh_client import MESH_CLIENTS, MeshPeer, describe_peer
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.registry import control_plane_names, find_protocol
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.control_planes.local_program import Answer, LocalProgram, ProgramFailedError, ProgramStatus
from wgmon_tui.control_planes.netbird.client import NetbirdClient
from wgmon_tui.control_planes.tailscale.client import TailscaleClient
from wgmon_tui.text import format_iso_time

pytestmark = pytest.mark.repeated_if_starved

NODE = ip_address("100.101.102.103")
PONG = "pong from web1 (100.101.102.103) via TSMP in 12ms"

NETBIRD_PEER = {
    "fqdn": "web1.netbird.cloud",
    "netbirdIp": "100.101.102.103",
    "publicKey": "",
    "status": "Connected",
    "connectionType": "Relayed",
    "relayAddress": "rels://relay.example.net:443",
    "lastWireguardHandshake": "2026-11-29T09:30:00Z",
    "transferReceived": 1,
    "transferSent": 2,
    "latency": 1000,
}
NETBIRD_STATUS = {
    "peers": {
        "total": 1,
        "connected": 1,
        "details": [NETBIRD_PEER],
    },
    "daemonStatus": "Connected",
    "management": {"url": "https://api.netbird.io:443", "connected": True, "error": ""},
    "signal": {"url": "https://signal.netbird.io:443", "connected": True, "error": ""},
    "relays": {"total": 0, "available": 0, "details": []},
}

StandIn = Callable[..., None]


def no_peers(_: object) -> ProgramStatus[object]:
    return ProgramStatus({})


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Puts a shell script on the PATH; `status` is what it prints for `status --json`."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def write(name: str, status: object, ping: str = "") -> None:
        (tmp_path / "status").write_text(status if isinstance(status, str) else json.dumps(status))
        script = f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n'
        script += f'case "$1" in status) cat {tmp_path}/status;; ping) {ping};; esac\n'
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)

    return write


def asked(tmp_path: Path) -> list[str]:
    return (tmp_path / "asked").read_text().splitlines()


async def test_a_pong_through_wireguard_is_an_answer_with_its_time(stand_in: StandIn, tmp_path: Path) -> None:
    peer = {**TAILSCALED_PEER, "LastHandshake": format_iso_time(time.time() - 30)}
    stand_in("tailscale", {**TAILSCALED_STATUS, "Peer": {"k": peer}}, f'echo "{PONG}"')
    found = await TailscaleClient().query_peer(NODE, 2.0)
    assert (found.is_known, found.is_direct, found.is_answered, found.rtt) == (True, True, True, 0.012)
    assert found.handshake_age is not None
    assert 29 < found.handshake_age < 60
    assert asked(tmp_path) == ["status --json", "ping --tsmp --c 1 --timeout 2.000s 100.101.102.103"]


@pytest.mark.parametrize(
    ("ping", "answered", "is_known"),
    [
        ('echo "ping \\"100.101.102.103\\" timed out"; echo "no reply" >&2; exit 1', False, True),
        ('echo "no matching peer" >&2; exit 1', None, False),
        ('echo "something new" >&2; exit 1', None, True),
        ('echo "something new"', None, True),
        (f'echo "{PONG}"; exit 1', None, True),
    ],
)
async def test_a_ping_without_a_pong_is_what_the_program_says(
    stand_in: StandIn, ping: str, answered: bool | None, is_known: bool
) -> None:
    stand_in("tailscale", TAILSCALED_STATUS, ping)
    found = await TailscaleClient().query_peer(NODE, 2.0)
    assert (found.is_answered, found.is_known) == (answered, is_known)


async def test_a_path_by_a_relay_is_named(stand_in: StandIn) -> None:
    relayed = {**TAILSCALED_PEER, "CurAddr": ""}
    stand_in("tailscale", {**TAILSCALED_STATUS, "Peer": {"k": relayed}}, f'echo "{PONG}"')
    found = await TailscaleClient().query_peer(NODE, 2.0)
    assert (found.is_direct, found.relay) == (False, "fra")


async def test_a_node_that_is_not_in_the_list_of_peers_is_not_pinged(
    stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in("tailscale", TAILSCALED_STATUS, f'echo "{PONG}"')
    found = await TailscaleClient().query_peer(ip_address("100.64.0.99"), 2.0)
    assert found == MeshPeer("tailscale", is_known=False)
    assert asked(tmp_path) == ["status --json"]


async def test_one_status_serves_several_nodes(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in("tailscale", TAILSCALED_STATUS, f'echo "{PONG}"')
    client = TailscaleClient()
    await client.query_peer(NODE, 2.0)
    await client.query_peer(NODE, 2.0)
    assert asked(tmp_path).count("status --json") == 1


async def test_a_status_is_asked_again_after_some_seconds(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in("tailscale", TAILSCALED_STATUS)
    program, clock = LocalProgram("tailscale", no_peers), iter([0.0, 4.9, 5.1, 5.1])
    for _ in range(3):
        await program.read_status(("status", "--json"), 2.0, lambda: next(clock))
    assert len(asked(tmp_path)) == 2


async def test_only_a_few_programs_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name)
    started, gate = Semaphore(0), threading.Event()

    def run_here(*_: object) -> Answer:
        started.release()
        gate.wait(PATIENCE_S)
        return Answer(True, b"", "")

    monkeypatch.setattr(LocalProgram, "_run_here", run_here)
    program = LocalProgram("tailscale", no_peers)
    asking = [asyncio.create_task(program.ask((), 2.0)) for _ in range(6)]
    for _ in range(4):
        assert await asyncio.to_thread(started.acquire, timeout=PATIENCE_S)
    assert program._turns.locked()
    gate.set()
    assert len(await asyncio.gather(*asking)) == 6


async def test_a_client_that_is_logged_out_says_so(stand_in: StandIn) -> None:
    stand_in("tailscale", {**TAILSCALED_STATUS, "BackendState": "NeedsLogin"})
    found = await TailscaleClient().query_peer(NODE, 2.0)
    assert found.trouble == "connection to the mesh: NeedsLogin"


async def test_a_program_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = await NetbirdClient().query_peer(NODE, 2.0)
    assert found.trouble == "netbird is not installed here, or not on the PATH"


@pytest.mark.parametrize("client", [TailscaleClient, NetbirdClient])
@pytest.mark.parametrize(
    "printed",
    ["", "{", '{"Peer": {"k": ', "[1, 2]", "null", "[" * 100_000, "\x1b]0;owned\x07", '{"peers": 5}', "{}"],
    ids=["nothing", "cut", "cut deeper", "a list", "null", "deep", "escapes", "wrong type", "empty"],
)
async def test_hostile_output_is_trouble_and_never_an_answer(
    stand_in: StandIn, printed: str, client: type[TailscaleClient | NetbirdClient]
) -> None:
    for name in ("tailscale", "netbird"):
        stand_in(name, printed, "true")
    found = await client().query_peer(NODE, 2.0)
    assert found.trouble
    assert found.trouble.isprintable()
    assert found.is_known is None


async def test_names_and_messages_with_escapes_are_shown_without_them(stand_in: StandIn) -> None:
    hostile = {**TAILSCALED_PEER, "CurAddr": "", "Relay": "fra\x1b[2J\x07"}
    stand_in("tailscale", {**TAILSCALED_STATUS, "Peer": {"k": hostile}}, "true")
    found = await TailscaleClient().query_peer(NODE, 2.0)
    assert describe_peer(found).isprintable()
    stand_in("tailscale", "", "true")


async def test_a_program_that_hangs_or_prints_without_end_is_ended(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in("tailscale", "")
    (tmp_path / "tailscale").write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(ProgramFailedError, match="did not end in time"):
        await LocalProgram("tailscale", no_peers).ask((), 0.2)
    (tmp_path / "tailscale").write_text("#!/bin/sh\nexec yes\n")
    with pytest.raises(ProgramFailedError, match="printed more than is read"):
        await LocalProgram("tailscale", no_peers).ask((), 20.0)


async def test_a_program_gets_no_secrets_of_this_process(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
    stand_in("tailscale", "")
    (tmp_path / "tailscale").write_text("#!/bin/sh\nenv\n")
    answer = await LocalProgram("tailscale", no_peers).ask((), 5.0)
    assert b"CREDENTIALS_DIRECTORY" not in answer.output


# NetBird


async def test_a_peer_of_netbird_has_its_path_and_its_handshake(stand_in: StandIn) -> None:
    recent = {**NETBIRD_PEER, "lastWireguardHandshake": format_iso_time(time.time() - 60)}
    stand_in("netbird", {**NETBIRD_STATUS, "peers": {"details": [recent]}})
    found = await NetbirdClient().query_peer(NODE, 2.0)
    assert found.handshake_age is not None
    assert 59 < found.handshake_age < 90
    relay = "rels://relay.example.net:443"
    assert replace(found, handshake_age=60.0) == MeshPeer("netbird", "", True, False, relay, 60.0)
    assert describe_peer(replace(found, handshake_age=60.0)) == (
        f"netbird on this machine says: its path goes by the relay {relay} and "
        "its last handshake was 60 s ago"
    )


async def test_a_peer_that_netbird_does_not_list_is_not_known(stand_in: StandIn) -> None:
    stand_in("netbird", NETBIRD_STATUS)
    found = await NetbirdClient().query_peer(ip_address("100.64.0.99"), 2.0)
    assert found == MeshPeer("netbird", is_known=False)


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        ({"daemonStatus": "NeedsLogin"}, "it is not connected to its mesh: NeedsLogin"),
        (
            {"daemonStatus": "Connected", "nodes": {}},
            "fields are missing or changed: peers, peers.details",
        ),
    ],
)
async def test_a_netbird_without_a_connection_or_with_missing_fields_is_trouble(
    stand_in: StandIn, status: object, trouble: str
) -> None:
    stand_in("netbird", status)
    assert (await NetbirdClient().query_peer(NODE, 2.0)).trouble == trouble


async def test_netbird_is_asked_for_its_status(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in("netbird", NETBIRD_STATUS)
    assert (await NetbirdClient().query_peer(NODE, 2.0)).is_known is True
    assert asked(tmp_path) == ["status --json"]


def test_every_client_of_a_mesh_is_made_by_the_protocol_of_its_name() -> None:
    assert set(MESH_CLIENTS) <= set(control_plane_names())
    for name in MESH_CLIENTS.values():
        assert find_protocol(name).make_mesh_client() is not None
    assert find_protocol("wireguard").make_mesh_client() is None


# As the check of a node

ENTRY = """
[[server]]
name = "node"
protocol = "system-path"
endpoint = "127.0.0.1:9"
timeout = "10s"
slow = "10s"

[server.system-path]
client = "tailscale"
echo = false
"""


async def look(more: str = "") -> tuple[Check, Diagnosis]:
    [server] = parse(ENTRY + more).servers
    protocol = find_protocol("system-path")
    prober = protocol.make_prober(ProbeServices(lambda _: b""))
    [found] = await prober.check_all(ServerTarget(server, {}))
    return found, protocol.diagnose(found, server)


def status_of(address: str) -> object:
    return {**TAILSCALED_STATUS, "Peer": {"k": {**TAILSCALED_PEER, "TailscaleIPs": [address]}}}


async def test_a_ping_through_wireguard_alone_is_a_check(stand_in: StandIn) -> None:
    stand_in("tailscale", status_of("127.0.0.1"), f'echo "{PONG}"')
    found, diagnosis = await look("tcp = false\n")
    assert diagnosis.verdict is Verdict.HEALTHY
    assert found.handshake is not None
    assert [(stage.name, stage.outcome.slug) for stage in found.stages][1:] == [("tunnel", "passed")]


async def test_a_ping_through_wireguard_without_an_answer_is_silent(stand_in: StandIn) -> None:
    stand_in("tailscale", status_of("127.0.0.1"), 'echo "no reply" >&2; exit 1')
    _, diagnosis = await look("tcp = false\n")
    assert diagnosis.verdict is Verdict.SILENT
    assert "a ping through WireGuard was not answered" in " ".join(diagnosis.evidence)


async def test_a_node_that_the_client_does_not_list_is_unreachable(stand_in: StandIn) -> None:
    stand_in("tailscale", status_of("100.64.0.1"))
    _, diagnosis = await look("tcp = false\n")
    assert diagnosis.verdict is Verdict.UNREACHABLE
    assert diagnosis.causes[0].cause.startswith("an access rule of the mesh")


async def test_without_the_program_a_ping_alone_is_misconfigured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    _, diagnosis = await look("tcp = false\n")
    assert diagnosis.verdict is Verdict.MISCONFIGURED
    assert "tailscale is not installed here" in diagnosis.summary


async def test_a_client_is_not_asked_of_a_host_that_answers(stand_in: StandIn, tmp_path: Path) -> None:
    stand_in("tailscale", status_of("127.0.0.1"))
    await look()  # the port refuses, which is an answer of the host
    assert not (tmp_path / "asked").exists()


def test_netbird_alone_is_no_check() -> None:
    with pytest.raises(ConfigurationError, match="nothing is left to check"):
        parse(ENTRY.replace("tailscale", "netbird") + "tcp = false\n")
