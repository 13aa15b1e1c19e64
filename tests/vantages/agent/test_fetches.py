"""Fetches through the tunnel by an agent: the writer sends the URL, and gets what was found."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

from tests.daemon.harness import CLIENT, IDENTITY, quick_server, until, write_config
from tests.vantages.harness import FakeWriter, agent_command, ending_agent
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.http_targets import parse_http_target
from wgmon_tui.config.keys import PrivateKey
from wgmon_tui.config.servers_file import update
from wgmon_tui.lab.models import LabPeer, LabSetup
from wgmon_tui.lab.server import LabServer

INNER = ip_address("10.8.0.1")
PEER = LabPeer(CLIENT.public, (ip_network("10.8.0.2/32"),))


@pytest.mark.parametrize(
    ("expected", "verdict"),
    [("status=200 text=ready", Verdict.HEALTHY), ("status=204", Verdict.INNER_DEAD)],
    ids=["as-expected", "another-status"],
)
async def test_an_agent_fetches_the_urls_that_the_writer_sends(
    tmp_path: Path, expected: str, verdict: Verdict
) -> None:
    write_config(tmp_path / "config")
    addressed = replace(IDENTITY, addresses=(ip_interface("10.8.0.2/32"),))
    update(tmp_path / "config", lambda fleet: replace(fleet, identities=(addressed,)))
    setup = LabSetup(PrivateKey.generate(), (PEER,), (INNER,), serves_http=True)
    with ending_agent(tmp_path / "state"):
        async with LabServer(setup) as lab:
            server = replace(
                quick_server("fra1", lab.endpoint, key=lab.public_key),
                tunnel=True,
                tunnel_ping=(INNER,),
                tunnel_count=1,
                tunnel_mtu=0,
                tunnel_http=(parse_http_target(f"http://{INNER}/health {expected}"),),
            )
            listening = FakeWriter(server)
            async with listening.to(agent_command(tmp_path / "config", tmp_path / "state")):
                await until(lambda: listening.reports)
    outcome = listening.reports[0][4]
    [fetch] = all_of_kind(InnerFetch, outcome.check.evidence)
    assert (fetch.target.split()[0], fetch.status) == (f"http://{INNER}/health", 200)
    assert outcome.diagnosis.verdict is verdict
