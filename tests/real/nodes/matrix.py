"""The matrix of control plane and data path, on two nodes of wireguard-go, beside a ping.

Each row breaks the data path, checks it with the system path, and asks `ping`. Each column lets a responder
report the node, and a real check of the control plane reads that. Both reports together give the verdict.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.busy_machine import play_again_if_starved
from tests.control_planes.answers import HEADSCALE_NODE_0_29
from tests.control_planes.check_harness import WHOLE, target
from tests.control_planes.responder import Answer, responding
from tests.real.namespaces import entered, ip, routed_path
from tests.real.nodes.rows import COLUMNS, INNER, ROWS, SLOW_S, Column, Mesh, Row
from tests.real.server import poll_until_nonzero
from tests.real.test_export import tunnel_addresses
from tests.real.wireguard_go import Device, WireguardGo
from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.server_target import ServerTarget
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.models import Server
from wgmon_tui.config.servers_toml import parse
from wgmon_tui.monitor.check_round import CheckDepth, run_check_round
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.models import Round
from wgmon_tui.monitor.node_reports import NodeReport
from wgmon_tui.monitor.reported_nodes import ReportedNodes

HEADINGS = ("data path", "control plane", "verdict of wgmon-tui", "first cause", "a ping", "agree")

_NODE = """
[[server]]
name = "node"
protocol = "system-path"
endpoint = "{inner}:{port}"
timeout = "3s"
slow = "{slow}ms"

[server.system-path]
tcp = {tcp}
"""
_PING_GROUPS = Path("/proc/sys/net/ipv4/ping_group_range")


@dataclass(frozen=True, slots=True)
class PlayedCell:
    """A row and a column, and what came of them."""

    row: Row
    column: Column
    verdict: Verdict
    first_cause: str
    got_through: bool

    @property
    def wrong(self) -> list[str]:
        """What is wrong: another verdict than expected, or one that disagrees with the ping."""
        found = []
        expected = self.column.expects(self.row.verdict)
        if self.verdict is not expected:
            found.append(f"{self.verdict.slug}, not {expected.slug}")
        if not self.agrees:
            found.append(
                f"{self.verdict.slug}, but a ping {'gets' if self.got_through else 'gets not'} through"
            )
        if self.verdict is Verdict.SAYS_CONNECTED and self.first_cause != self.column.first_cause:
            found.append(f"the first cause is {self.first_cause}, not {self.column.first_cause}")
        return found

    @property
    def agrees(self) -> bool:
        """Whether a node that gets data is never called dead, nor the other way round."""
        is_dead = self.verdict in (Verdict.SILENT, Verdict.SAYS_CONNECTED, Verdict.UNREACHABLE)
        return is_dead is not self.got_through


@contextmanager
def running_mesh() -> Iterator[Mesh]:
    """A node, and this machine as a second one with a route to it; the rows change the path between them."""
    with routed_path() as path:
        node = WireguardGo(path)
        try:
            with _joined_by_us(node) as mesh:
                yield mesh
        finally:
            node.stop()


@contextmanager
def _joined_by_us(node: WireguardGo) -> Iterator[Mesh]:
    private_key = node.new_peer()
    own = Device(node.path.client, private_key)
    try:
        (address, *_) = tunnel_addresses(node, private_key.public)
        ip(
            node.path.client,
            f"address add {address.ip}/32 dev {own.name}\nroute add {INNER}/32 dev {own.name}",
        )
        host, port = node.endpoint(4)
        own.configure(
            f"[Peer]\nPublicKey = {node.public_key}\nEndpoint = {host}:{port}\nAllowedIPs = {INNER}/32\n"
            "PersistentKeepalive = 1\n"
        )
        with entered(node.path.client):
            _PING_GROUPS.write_text("0 2147483647")
        yield Mesh(node, own)
    finally:
        own.stop()


def play(mesh: Mesh, row: Row, columns: Sequence[Column] = COLUMNS) -> list[PlayedCell]:
    """Break the data path, check it once, and judge it by each report. Repeat what this machine spoiled."""
    cells, _ = play_again_if_starved(
        lambda: _play_once(mesh, row, columns),
        lambda played: any(cell.wrong for cell in played[0]),
        lambda played: played[1].check.evidence,
    )
    return cells


def _play_once(mesh: Mesh, row: Row, columns: Sequence[Column]) -> tuple[list[PlayedCell], Round]:
    _await_handshake(mesh)
    with row.fault(mesh), entered(mesh.node.path.client):
        if row.gets_through:
            _await_ping()
        outcome, server = asyncio.run(_check_data(row.port))
        got_through = _ping()
        return [_judge(row, column, outcome, server, got_through) for column in columns], outcome


def _judge(row: Row, column: Column, outcome: Round, server: Server, got_through: bool) -> PlayedCell:
    now = time.time()
    plane, report = asyncio.run(_check_control(column))
    state = FleetState((plane, server))
    state.record_node_report("hs", NodeReport(now - column.age_s, report))
    judged = ReportedNodes(state).judge(state.states["node"], outcome, now).diagnosis
    first = judged.causes[0].hypothesis or judged.causes[0].cause if judged.causes else "-"
    return PlayedCell(row, column, judged.verdict, first, got_through)


async def _check_data(port: int) -> tuple[Round, Server]:
    text = _NODE.format(
        inner=INNER, port=port or 9, slow=round(SLOW_S * 1000), tcp="true" if port else "false"
    )
    (server,) = parse(text).servers
    prober = find_protocol("system-path").make_prober(ProbeServices(lambda _: b""))
    await prober.open()
    try:
        return await run_check_round(prober, server, ServerTarget(server, {}), CheckDepth(deep=True)), server
    finally:
        await prober.close()


async def _check_control(column: Column) -> tuple[Server, ControlPlaneReport]:
    """The report of a real check; where the API failed, none but an empty one."""
    node = {**HEADSCALE_NODE_0_29, "ipAddresses": [INNER], "online": True, **column.fields}
    listed = {key: value for key, value in node.items() if value is not None}
    noted: list[ControlPlaneReport] = []
    services = ProbeServices(lambda _: b"", note_report=lambda _, report: noted.append(report))
    async with responding(
        {**WHOLE, "/api/v1/node": Answer({"nodes": [listed]}, column.status)}, closes=True
    ) as responder:
        checked = target(responder)
        await find_protocol("headscale").make_prober(services).check_all(checked)
    return replace(checked.server, name="hs"), noted[0] if noted else ControlPlaneReport()


def _ping() -> bool:
    command = ["ping", "-c", "1", "-W", "3", INNER]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _await_ping() -> None:
    """A relay or a handshake needs a moment until data passes."""
    deadline = time.monotonic() + 20.0
    while not _ping():
        assert time.monotonic() < deadline, "the data path does not recover"


def _await_handshake(mesh: Mesh) -> None:
    asyncio.run(poll_until_nonzero(lambda: mesh.own.latest_handshake(mesh.node.public_key)))
    with entered(mesh.node.path.client):
        _await_ping()


def table(words: str = "") -> tuple[list[Sequence[str]], list[str]]:
    """The lines of the table for rows with these words, and what is wrong in them."""
    lines: list[Sequence[str]] = [HEADINGS]
    complaints: list[str] = []
    with running_mesh() as mesh:
        for cell in (cell for row in ROWS if words in row.data for cell in play(mesh, row)):
            got = "gets through" if cell.got_through else "does not"
            agrees = "yes" if cell.agrees else "no"
            shown = (cell.row.data, cell.column.control, cell.verdict.slug, cell.first_cause)
            lines.append((*shown, got, agrees))
            complaints += [f"{cell.row.data}, {cell.column.control}: {line}" for line in cell.wrong]
    return lines, complaints
