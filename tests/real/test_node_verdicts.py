"""Nodes on wireguard-go whose control plane says something else than their data path."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.control_planes.answers import HEADSCALE_NODE_0_29, TAILSCALED_PEER, TAILSCALED_STATUS
from tests.control_planes.check_harness import WHOLE
from tests.control_planes.responder import Answer, Responder, responding
from tests.real.namespaces import entered, firewall, no_firewall
from tests.real.test_local_interfaces import Bastion
from tests.real.test_system_path import bastion_with_vpn, verdict_beside_writer
from tests.real.wireguard_go import WireguardGo

pytestmark = [pytest.mark.thorough, pytest.mark.repeated_if_starved]  # interfaces in namespaces of their own

PLANE = """
[[control_plane]]
name = "office"
type = "headscale"
url = "{url}"
token = "hskey"
interval = "1s"
"""
FLEET = f"""{PLANE}
[[server]]
name = "gateway"
protocol = "system-path"
endpoint = "10.7.0.1:9"
interval = "1s"
timeout = "500ms"

[server.system-path]
tcp = false
"""
RULE = f"""{PLANE}
watch_names = ["db*"]
timeout = "500ms"
"""
PATIENCE_S = 60.0


def nodes(*, online: bool) -> Answer:
    return Answer({"nodes": [{**HEADSCALE_NODE_0_29, "ipAddresses": ["10.7.0.1"], "online": online}]})


@asynccontextmanager
async def office(
    wireguard_go: WireguardGo, home: Path, fleet: str = FLEET
) -> AsyncIterator[tuple[Bastion, Responder]]:
    """A machine with an interface to a node, and a control plane that reports this node as online."""
    with bastion_with_vpn(wireguard_go, home) as bastion:
        with entered(wireguard_go.path.client):
            serving = responding({**WHOLE, "/api/v1/node": nodes(online=True)})
            responder = await serving.__aenter__()
        try:
            file = home / "servers.toml"
            file.write_text(fleet.format(url=responder.url))
            await bastion.connected()
            yield bastion, responder
        finally:
            await serving.__aexit__(None, None, None)


async def test_a_node_that_is_online_and_drops_everything_says_connected(
    wireguard_go: WireguardGo, tmp_path: Path
) -> None:
    async with office(wireguard_go, tmp_path) as (bastion, _):
        firewall(wireguard_go.path.server, "input", f'iifname "{wireguard_go.interface}" drop')
        try:
            found = await asyncio.to_thread(verdict_beside_writer, bastion, "says-connected")
        finally:
            no_firewall(wireguard_go.path.server)
    assert found["summary"].startswith("office reports db1 as online, but no data reaches it.")
    assert "on the node: nft list ruleset" in [cause["fix"] for cause in found["causes"]]
    listed = await asyncio.to_thread(bastion.wgmon, "nodes")
    assert listed.out.splitlines()[2].split()[:4] == ["db1", "yes", "says-connected", "gateway"]


async def test_a_node_that_answers_and_is_offline_is_forgotten_until_it_is_online(
    wireguard_go: WireguardGo, tmp_path: Path
) -> None:
    async with office(wireguard_go, tmp_path) as (bastion, responder):
        responder.answers["/api/v1/node"] = nodes(online=False)
        began = time.monotonic()
        found = await asyncio.to_thread(verdict_beside_writer, bastion, "forgotten")
        assert found["causes"][0]["fix"] == "on the node: journalctl -u tailscaled"
        responder.answers["/api/v1/node"] = nodes(online=True)
        await asyncio.to_thread(verdict_beside_writer, bastion, "healthy")
        assert time.monotonic() - began < PATIENCE_S


def verdict_of_watched_node(bastion: Bastion, wanted: str) -> dict[str, Any]:
    """What the writer says of the node that the rule selects, once its verdict is the wanted one."""
    said = ""
    with bastion.running():
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE_S:
            said = bastion.wgmon("probe", "office/db1", "--quick", "--json").out
            if said and json.loads(said)["verdict"] == wanted:
                return dict(json.loads(said))
    raise AssertionError(f"it stays {said!r}")


async def test_a_node_that_a_rule_selects_is_watched_beside_its_control_plane(
    wireguard_go: WireguardGo, tmp_path: Path
) -> None:
    async with office(wireguard_go, tmp_path, RULE) as (bastion, responder):
        await asyncio.to_thread(verdict_of_watched_node, bastion, "healthy")
        firewall(wireguard_go.path.server, "input", f'iifname "{wireguard_go.interface}" drop')
        try:
            found = await asyncio.to_thread(verdict_of_watched_node, bastion, "says-connected")
        finally:
            no_firewall(wireguard_go.path.server)
        assert found["summary"].startswith("office reports db1 as online, but no data reaches it.")
        responder.answers["/api/v1/node"] = nodes(online=False)
        await asyncio.to_thread(verdict_of_watched_node, bastion, "forgotten")
        listed = await asyncio.to_thread(bastion.wgmon, "nodes")
        assert listed.out.splitlines()[2].split()[:3] == ["db1", "no", "forgotten"]


TAILSCALE = """#!/bin/sh
case "$1" in
status) cat {directory}/status.json ;;
ping) echo "pong from gateway (10.7.0.1) via TSMP in 3ms" ;;
esac
"""


async def test_a_ping_of_the_mesh_leaves_only_what_comes_after_it_as_causes(
    wireguard_go: WireguardGo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program is a stand-in: tailscale is in no registry. Its status has the form of the real one."""
    programs = tmp_path / "programs"
    programs.mkdir()
    peer = {**TAILSCALED_PEER, "TailscaleIPs": ["10.7.0.1"]}
    (programs / "status.json").write_text(json.dumps({**TAILSCALED_STATUS, "Peer": {"k": peer}}))
    (programs / "tailscale").write_text(TAILSCALE.format(directory=programs))
    (programs / "tailscale").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    async with office(wireguard_go, tmp_path) as (bastion, _):
        file = tmp_path / "servers.toml"
        file.write_text(file.read_text() + 'client = "tailscale"\n')
        firewall(wireguard_go.path.server, "input", f'iifname "{wireguard_go.interface}" drop')
        try:
            found = await asyncio.to_thread(verdict_beside_writer, bastion, "says-connected")
        finally:
            no_firewall(wireguard_go.path.server)
    assert [cause["fix"] for cause in found["causes"]] == [
        "on the node: nft list ruleset",
        "on the control plane: headscale policy get",
    ]
    assert "a ping through WireGuard was answered" in " ".join(found["evidence"])
