"""What tailscaled on this machine answers on its socket. No test has it: the answers have its form."""

from __future__ import annotations

import asyncio
import os
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.control_planes.answers import (
    EXPIRY_AT,
    LAST_SEEN_AT,
    TAILSCALED_PEER,
    TAILSCALED_STATUS,
)
from tests.control_planes.responder import Answer, responding_on
from tests.daemon.harness import Program
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.control_plane_report import ControlPlaneReport, Node, Part
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.targets import join
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.config.servers_toml import parse, render
from wgmon_tui.control_planes.tailscale.local_api import STATUS_PATH, TailscaledApi

FLEET = """
[[control_plane]]
name = "here"
type = "tailscale"
socket = "{path}"
timeout = "10s"
slow = "10s"
"""


async def look(
    path: Path,
    noted: list[ControlPlaneReport] | None = None,
    wait: str = "10s",
) -> tuple[Check, Diagnosis]:
    fleet = parse(FLEET.format(path=path).replace('timeout = "10s"', f'timeout = "{wait}"'))
    target = join(fleet, Keyring()).ready["here"]
    services = ProbeServices(
        lambda _: b"", note_report=lambda _, report: noted.append(report) if noted is not None else None
    )
    protocol = find_protocol("tailscale")
    [found] = await protocol.make_prober(services).check_all(target)
    return found, protocol.diagnose(found, fleet.servers[0])


async def test_its_peers_and_warnings_are_reported_without_a_token(socket_path: Path) -> None:
    noted: list[ControlPlaneReport] = []
    async with responding_on(socket_path, {STATUS_PATH: Answer(TAILSCALED_STATUS)}) as responder:
        found, diagnosis = await look(socket_path, noted)
    assert diagnosis.verdict is Verdict.HEALTHY
    assert "1 node, 1 online" in diagnosis.summary
    assert "it warns: Some peers are advertising routes but --accept-routes is false" in diagnosis.evidence
    assert [stage.name for stage in found.stages] == ["reach", "api", "backend"]
    assert responder.paths == [STATUS_PATH, "/localapi/v0/derpmap"]
    assert all("Host: local-tailscaled.sock\r\n" in head for head in responder.heard)
    assert "authorization" not in "".join(responder.heard).lower()
    assert [node.name for node in noted[0].nodes] == ["web1.tail0000.ts.net"]


def test_a_peer_has_its_path_its_handshake_and_the_end_of_its_key() -> None:
    report = TailscaledApi().read({"status": TAILSCALED_STATUS})
    assert report.nodes == (
        Node(
            id="nTEST2",
            name="web1.tail0000.ts.net",
            addresses=(ip_address("100.101.102.103"), ip_address("fd7a:115c:a1e0::103")),
            online=True,
            last_handshake=LAST_SEEN_AT,
            key_expiry=EXPIRY_AT,
            tags=("tag:web",),
            routes=("10.0.0.0/16",),
            endpoint="192.0.2.7:41641",
            relay="fra",
        ),
    )
    assert (report.version, report.drift) == ("1.90.9", ())


def test_a_tailscaled_that_is_stopped_or_no_longer_known_is_a_broken_part() -> None:
    stopped = TailscaledApi().read({"status": {**TAILSCALED_STATUS, "BackendState": "NeedsLogin"}})
    assert stopped.parts == (Part("connection to the mesh", False, "NeedsLogin"),)
    unknown = {**TAILSCALED_STATUS, "Self": {"InNetworkMap": False}}
    assert Part("entry in the network map", False) in TailscaledApi().read({"status": unknown}).parts


def test_a_field_that_is_missing_is_named_and_an_unknown_one_changes_nothing() -> None:
    without = {key: value for key, value in TAILSCALED_PEER.items() if key != "Online"}
    status = {**TAILSCALED_STATUS, "Peer": {"nodekey:00": {**without, "New": {"deep": 1}}}, "Newer": 1}
    report = TailscaledApi().read({"status": status})
    assert (report.drift, report.nodes[0].online) == (("Peer.Online",), None)


def test_a_tailscaled_without_peers_reports_none() -> None:
    report = TailscaledApi().read({"status": {**TAILSCALED_STATUS, "Peer": None}})
    assert (report.nodes, report.drift) == ((), ())


async def test_a_socket_that_is_not_there_is_one_line_with_its_path(socket_path: Path) -> None:
    _, diagnosis = await look(socket_path)
    assert diagnosis.verdict is Verdict.PORT_CLOSED
    assert diagnosis.summary.startswith("There is no socket at the path of servers.toml")
    assert diagnosis.summary.endswith(f": {socket_path}.")
    assert diagnosis.causes[0].fix == "systemctl status tailscaled"


async def test_a_socket_that_this_account_may_not_open_is_one_line(
    socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr("asyncio.open_unix_connection", refuse)  # root may open every socket
    _, diagnosis = await look(socket_path)
    assert diagnosis.verdict is Verdict.MISCONFIGURED
    assert diagnosis.summary.startswith("This account may not open the socket")
    assert diagnosis.summary.endswith(f": {socket_path}.")
    assert diagnosis.causes[0].fix == f"ls -l {socket_path}"


async def test_a_refusal_of_tailscaled_names_the_account(socket_path: Path) -> None:
    async with responding_on(socket_path, {STATUS_PATH: Answer(b"status access denied", 403)}):
        _, diagnosis = await look(socket_path)
    assert diagnosis.verdict is Verdict.AUTH_FAILED
    assert diagnosis.causes[0].cause == "this account may not read from tailscaled"


async def test_a_tailscaled_that_hangs_is_silent(socket_path: Path) -> None:
    async with responding_on(socket_path, {STATUS_PATH: Answer(hang=True)}):
        _, diagnosis = await look(socket_path, wait="500ms")
    assert diagnosis.verdict is Verdict.SILENT
    assert diagnosis.causes[0].fix.startswith("curl --unix-socket")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('type = "tailscale"', "url: missing"),
        ('type = "tailscale"\nurl = "https://a.example"\nsocket = "/run/a"', "socket: it is instead of url"),
        ('type = "tailscale"\nsocket = "run/a"', "socket: expected an absolute path"),
        (f'type = "tailscale"\nsocket = "/{"a" * 100}"', "socket: expected an absolute path"),
        ('type = "headscale"\nsocket = "/run/a"', "socket: a control plane with"),
    ],
)
def test_a_control_plane_has_a_url_or_a_socket_of_tailscaled(lines: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse(f'[[control_plane]]\nname = "here"\n{lines}\n')


def test_its_table_is_read_and_written() -> None:
    fleet = parse(FLEET.format(path="/run/tailscale/tailscaled.sock"))
    assert parse(render(fleet)) == fleet
    assert "url" not in render(fleet)


async def test_a_probe_by_command_shows_it(socket_path: Path, tmp_path: Path) -> None:
    (tmp_path / "servers.toml").write_text(FLEET.format(path=socket_path))
    async with responding_on(socket_path, {STATUS_PATH: Answer(TAILSCALED_STATUS)}):
        program = Program("--config", tmp_path, "--state", tmp_path / "state", "probe")
        code, out, _ = await asyncio.to_thread(program.end)
    assert (code, "here  healthy" in out) == (0, True), out
