"""Nodes that rules select are servers of the writer, of viewers, and of commands, while reports change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface
from pathlib import Path

import pytest

from tests.control_planes.answers import HEADSCALE_NODE_0_29, NETMAKER_HOST, NETMAKER_NODE, NETMAKER_STATUS
from tests.control_planes.check_harness import WHOLE
from tests.control_planes.responder import Answer, Responder, responding
from tests.daemon.harness import CLIENT, running_writer, until
from wgmon_tui.checks.verdict import Severity, Verdict
from wgmon_tui.cli.main import main
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.daemon.config_watcher import load_config
from wgmon_tui.daemon.viewer import Viewer
from wgmon_tui.daemon.writer import Writer
from wgmon_tui.daemon.writer_assembly import build_writer
from wgmon_tui.daemon.writer_lock import WriterLock
from wgmon_tui.lab.models import LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer
from wgmon_tui.monitor.fleet_state import FleetState
from wgmon_tui.monitor.watched_nodes import MISSED_REPORTS
from wgmon_tui.store.history import History
from wgmon_tui.store.store_version import STORE

NODES = "/api/v1/node"
PLANE = """
[[control_plane]]
name = "office"
type = "headscale"
url = "{url}"
token = "hskey"
interval = "1s"
{rules}
"""
ALL = 'watch_names = ["*"]\nnode_interval = "60s"'


def node(number: int, name: str, **more: object) -> dict[str, object]:
    address = f"127.0.0.{number}"
    return {
        **HEADSCALE_NODE_0_29,
        "id": str(number),
        "name": name,
        "givenName": name,
        "ipAddresses": [address],
        **more,
    }


def listing(*nodes: Mapping[str, object]) -> Answer:
    return Answer({"nodes": list(nodes)})


@dataclass
class Office:
    """A control plane that answers, and where its configuration and the history are."""

    responder: Responder
    config: Path
    state: Path
    log: list[str]

    def report(self, *nodes: Mapping[str, object]) -> None:
        self.responder.answers[NODES] = listing(*nodes)

    def write(self, rules: str, servers: str = "") -> None:
        file = self.config / "servers.toml"
        file.touch(0o600)
        file.write_text(PLANE.format(url=self.responder.url, rules=rules) + servers)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writer]:
        loaded = await asyncio.to_thread(load_config, self.config, state_dir=self.state)
        writer = build_writer(
            self.state,
            loaded,
            WriterLock.acquire(self.state),
            config_dir=self.config,
            log_request=self.log.append,
        )
        async with running_writer(writer):
            yield writer


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    config = tmp_path / "config"
    config.mkdir()
    async with responding(dict(WHOLE)) as responder:
        made = Office(responder, config, tmp_path / "state", [])
        made.report(node(1, "web1"), node(2, "web2"))
        made.write(ALL)
        yield made


def names(writer: Writer) -> list[str]:
    return list(writer.fleet_state.states)


async def test_selected_nodes_become_servers_with_the_first_report_and_are_not_in_the_file(
    office: Office,
) -> None:
    before = (office.config / "servers.toml").read_text()
    async with office.writing() as writer:
        await until(lambda: names(writer) == ["office", "office/web1", "office/web2"])
        await until(lambda: writer.fleet_state.states["office/web1"].last)
        assert writer.loaded.targets.problems == {}
    assert (office.config / "servers.toml").read_text() == before


async def test_a_changed_rule_takes_effect_without_a_restart(office: Office) -> None:
    async with office.writing() as writer:
        await until(lambda: len(names(writer)) == 3)
        office.write('watch_names = ["web1"]\nnode_interval = "60s"')
        await until(lambda: names(writer) == ["office", "office/web1"])
        office.write("")
        await until(lambda: names(writer) == ["office"])


async def test_a_node_that_left_goes_after_some_reports_with_one_line(office: Office) -> None:
    async with office.writing() as writer:
        await until(lambda: len(names(writer)) == 3)
        heard = len(office.responder.paths)
        office.report(node(2, "web2"))
        await until(lambda: names(writer) == ["office", "office/web2"])
        assert office.responder.paths[heard:].count(NODES) >= MISSED_REPORTS
    assert [line for line in office.log if "no longer watched" in line] == [
        '1 node no longer watched: "office/web1"'
    ]


async def test_an_incident_of_a_node_that_left_says_so(office: Office) -> None:
    office.write(ALL + "\nnode_port = 9\nfail_after = 1")  # nothing listens there
    async with office.writing() as writer:
        await until(lambda: names(writer)[1:] and writer.fleet_state.states["office/web1"].incident)
        office.report(node(2, "web2"))
        await until(lambda: names(writer) == ["office", "office/web2"])
    with History(office.state / STORE) as history:
        [incident] = [each for each in history.incidents(limit=None) if each.server == "office/web1"]
        assert incident.closed_at is not None
        assert [each.text for each in history.notes(incident.id)] == ["no longer a watched node"]


async def test_a_renamed_node_keeps_its_state_its_incident_and_its_history(office: Office) -> None:
    office.write(ALL + "\nnode_port = 9\nfail_after = 1")
    async with office.writing() as writer:
        await until(lambda: names(writer)[1:] and writer.fleet_state.states["office/web1"].incident)
        severity = writer.fleet_state.states["office/web1"].severity
        before = writer.fleet_state.states["office/web1"].incident
        assert before is not None
        office.report(node(1, "front"), node(2, "web2"))
        await until(lambda: "office/front" in names(writer))
        state = writer.fleet_state.states["office/front"]
        assert state.severity is severity is not Severity.UP
        assert state.incident is not None
        assert (state.incident.id, state.incident.server) == (before.id, "office/front")
        await until(lambda: state.last)
        await asyncio.wrap_future(writer._recorder.flush())
    with History(office.state / STORE) as history:
        assert {each.server for each in history.incidents(limit=None)} == {"office/front", "office/web2"}
        assert "office/web1" not in history.names()
        assert history.checks("office/front", 0.0, 9e9)


async def test_two_nodes_that_exchange_their_names_stay_two_servers(office: Office) -> None:
    async with office.writing() as writer:
        await until(lambda: len(names(writer)) == 3)
        office.report(node(1, "web2"), node(2, "web1"))
        states = writer.fleet_state.states
        await until(lambda: states["office/web1"].server.node_id == "2")
        assert sorted(names(writer)) == ["office", "office/web1", "office/web2"]


async def test_after_a_restart_the_nodes_are_there_before_the_first_report(office: Office) -> None:
    async with office.writing() as writer:
        await until(lambda: len(names(writer)) == 3)
        await until(lambda: writer.fleet_state.states["office/web1"].last)
    office.responder.deaf = True
    async with office.writing() as writer:
        assert names(writer) == ["office", "office/web1", "office/web2"]
        assert writer.fleet_state.states["office/web1"].since is not None


async def test_a_viewer_has_the_nodes_and_commands_know_them(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    async with office.writing() as writer:
        await until(lambda: names(writer)[1:] and writer.fleet_state.states["office/web1"].last)
        viewing = FleetState()
        viewer = Viewer(office.state, viewing)
        running = asyncio.create_task(viewer.run())
        await until(lambda: "office/web1" in viewing.states)
        assert viewing.states["office/web1"].server.control_plane == "office"
        await until(lambda: viewing.states["office/web1"].presence)
        presence = writer.fleet_state.states["office/web1"].presence
        assert presence is not None
        assert presence.online is False
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    directories = ["--config", str(office.config), "--state", str(office.state)]
    await asyncio.to_thread(main, ["probe", "office/web1", "--json", *directories])
    assert json.loads(capsys.readouterr().out)["server"] == "office/web1"
    assert await asyncio.to_thread(main, ["export", "targets", *directories]) == 0
    assert [each["targets"] for each in json.loads(capsys.readouterr().out)] == [
        ["office"],
        ["office/web1"],
        ["office/web2"],
    ]
    assert await asyncio.to_thread(main, ["pause", "office/web1", *directories]) == 0
    with History(office.state / STORE) as history:
        assert {each.server for each in history.entries() if each.removed_at is None} >= {"office/web2"}
    assert await asyncio.to_thread(main, ["remove", "--yes", "office/web1", *directories]) == 64
    assert 'a rule of the control plane "office" watches' in capsys.readouterr().err


async def test_why_a_node_is_not_watched_is_a_warning_of_the_writer(office: Office) -> None:
    office.write(
        ALL, '[[server]]\nname = "office/web1"\nprotocol = "system-path"\nendpoint = "192.0.2.1:9"\n'
    )
    async with office.writing() as writer:
        await until(lambda: "office/web2" in names(writer))
        assert any('servers.toml has a server named "office/web1"' in line for line in writer.warnings)


async def test_a_probe_without_a_writer_hears_the_control_plane_first(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    port = office.responder.port
    server = f'[[server]]\nname = "front"\nprotocol = "system-path"\nendpoint = "127.0.0.1:{port}"\n'
    office.write("", f"{server}[server.system-path]\necho = false\n")
    directories = ["--config", str(office.config), "--state", str(office.state)]
    assert await asyncio.to_thread(main, ["probe", "--json", *directories]) == 1
    found = {each["server"]: each for each in map(json.loads, capsys.readouterr().out.splitlines())}
    assert found["office"]["verdict"] == "healthy"
    assert found["front"]["verdict"] == "forgotten"


NETMAKER = """
[[identity]]
name = "bastion"
private_key = "{key}"
addresses = ["10.8.0.2/32"]

[[control_plane]]
name = "net"
type = "netmaker"
url = "{url}"
token = "t"
interval = "1s"
watch_names = ["*"]
"""


async def test_a_node_with_key_and_endpoint_is_checked_by_a_handshake_of_the_monitoring_identity(
    tmp_path: Path,
) -> None:
    own, inner = ip_interface("10.8.0.2/32"), ip_address("10.8.0.1")
    setup = LabSetup(PrivateKey.generate(), (LabPeer(CLIENT.public, (own.network,)),), (inner,))
    async with LabServer(setup) as lab, responding({}) as responder:
        host = {
            **NETMAKER_HOST,
            "endpointip": lab.endpoint.host,
            "wg_public_listen_port": lab.endpoint.port,
            "publickey": str(lab.public_key),
        }
        responder.answers = {
            "/api/server/status": Answer(NETMAKER_STATUS),
            "/api/hosts": Answer([host]),
            "/api/nodes": Answer([{**NETMAKER_NODE, "address": "10.8.0.1/24", "status": "offline"}]),
        }
        config = tmp_path / "config"
        config.mkdir()
        (config / "servers.toml").touch(0o600)
        (config / "servers.toml").write_text(NETMAKER.format(key=CLIENT.to_text(), url=responder.url))
        async with Office(responder, config, tmp_path / "state", []).writing() as writer:
            await until(lambda: len(names(writer)) == 2 and writer.fleet_state.states["net/web1"].last)
            state = writer.fleet_state.states["net/web1"]
            assert state.server.protocol == "wireguard"
            await until(lambda: state.last and state.last.check.handshake)
            assert state.last is not None
            assert state.last.check.tunnel is not None
            assert state.last.diagnosis.verdict is Verdict.FORGOTTEN
