"""The relays in the check of a control plane: stage, verdict and report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.alerts.certificates import Certificates
from tests.control_planes.answers import TAILSCALED_STATUS
from tests.control_planes.check_harness import TOKEN, WHOLE, check, der, prober_of, target
from tests.control_planes.relay_servers import DERP, stun_server, success
from tests.control_planes.responder import Answer, responding, responding_on
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.control_plane_report import ControlPlaneReport
from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.targets import join
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.relay_addresses import parse_relay
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.config.servers_toml import parse, render
from wgmon_tui.control_planes.relay_probes import MOST_RELAYS
from wgmon_tui.control_planes.tailscale.local_api import STATUS_PATH

pytestmark = pytest.mark.repeated_if_starved


async def look(
    relays: list[str], answers: dict[str, Answer] | None = None, more: str = "", timeout_s: float = 10.0
) -> tuple[Check, Diagnosis, ControlPlaneReport | None]:
    noted: list[ControlPlaneReport] = []
    async with responding(answers or WHOLE) as responder:
        plane = f'[[control_plane]]\nname = "hs"\ntype = "headscale"\nurl = "{responder.url}"\n'
        fleet = parse(f'{plane}token = "{TOKEN}"\nrelays = {relays}\n{more}'.replace("'", '"'))
        assert parse(render(fleet)) == fleet
        settings = fleet.servers[0].protocol_settings
        checked = target(responder)
        protocol = find_protocol("headscale")
        services = ProbeServices(lambda _: b"", note_report=lambda _, report: noted.append(report))
        server = replace(checked.server, protocol_settings=settings, timeout=timeout_s)
        [found] = await protocol.make_prober(services).check_all(replace(checked, server=server))
        assert all(TOKEN not in head for head in responder.heard if "/derp" in head)
    return found, protocol.diagnose(found, server), noted[0] if noted else None


def relay_stage(found: Check) -> str:
    [stage] = [each for each in found.stages if each.name == "relays"]
    return stage.outcome.slug


async def test_a_control_plane_whose_relays_work_is_healthy_with_the_stage_passed() -> None:
    async with responding(DERP) as derp, stun_server(success) as port:
        found, diagnosis, report = await look([f"derp://127.0.0.1:{derp.port}", f"stun:127.0.0.1:{port}"])
    assert (diagnosis.verdict, relay_stage(found)) == (Verdict.HEALTHY, "passed")
    assert report is not None
    assert [each.works for each in report.relays] == [True, True]


async def test_a_relay_that_is_down_is_named_with_what_to_type_and_blames_no_node() -> None:
    async with responding(DERP) as derp:
        port = derp.port
    found, diagnosis, report = await look([f"derp://127.0.0.1:{port}"])
    assert (diagnosis.verdict, relay_stage(found)) == (Verdict.UNPROVEN, "failed")
    assert diagnosis.summary == (
        f"Its API answers, but 1 of 1 relay does not work: derp://127.0.0.1:{port} "
        "(the port refuses connections)."
    )
    assert diagnosis.causes[0].fix == f"curl -v http://127.0.0.1:{port}/derp/probe"
    assert report is not None
    assert report.relays[0].works is False


async def test_a_relay_that_is_silent_is_not_called_down() -> None:
    async with stun_server(lambda *_: None) as port:
        found, diagnosis, report = await look([f"stun:127.0.0.1:{port}"], timeout_s=0.8)
    assert (diagnosis.verdict, relay_stage(found)) == (Verdict.UNPROVEN, "not-known")
    assert f"nothing shows whether stun:127.0.0.1:{port} (no answer in time) works" in diagnosis.summary
    assert diagnosis.causes == ()
    assert report is not None
    assert report.relays[0].works is None


async def test_relays_are_not_probed_where_the_api_failed() -> None:
    found, diagnosis, _ = await look(["derp://127.0.0.1:9"], {**WHOLE, "/api/v1/node": Answer({}, 500)})
    assert diagnosis.verdict is Verdict.API_FAILED
    assert "relays" not in [each.name for each in found.stages]


async def test_more_relays_than_are_probed_are_named_as_left_out() -> None:
    relays = [f"stun:127.0.0.1:{port}" for port in range(1, MOST_RELAYS + 3)]
    found, diagnosis, _ = await look(relays)
    lines = [each for each in found.evidence if isinstance(each, ProtocolEvidence) and each.kind == "relay"]
    assert len(lines) == MOST_RELAYS
    words = f"2 more relays of servers.toml not probed: a check probes at most {MOST_RELAYS}"
    assert words in diagnosis.evidence
    assert f"of {MOST_RELAYS} relays" in diagnosis.summary
    assert diagnosis.summary.endswith(f"; {words}.")


async def test_the_regions_of_a_derp_map_are_probed_and_missing_ones_named() -> None:
    async with responding(DERP) as derp:
        own = {"RegionID": 900, "RegionCode": "own", "Nodes": []}
        nodes = [{"HostName": "127.0.0.1", "DERPPort": derp.port, "STUNPort": -1}]
        derp.answers["/map"] = Answer({"Regions": {"900": {**own, "Nodes": nodes}}})
        more = f'derp_map = "{derp.url}/map"\nderp_regions = ["own", "fra"]\n'
        _, diagnosis, report = await look([], more=more)
        assert all("Authorization" not in head for head in derp.heard)
    # The relay of the map begins with TLS, which this server does not speak.
    assert "it does not speak TLS" in " ".join(diagnosis.evidence)
    words = "the relays of the region fra were not probed: no DERP map that could be read has it"
    assert words in diagnosis.evidence
    assert words in diagnosis.summary
    assert report is not None
    assert [(each.name, each.works) for each in report.relays] == [("own", False)]


async def test_the_map_of_tailscaled_serves_its_regions(socket_path: Path) -> None:
    plane = '[[control_plane]]\nname = "here"\ntype = "tailscale"\ntimeout = "10s"\n'
    fleet = parse(f'{plane}socket = "{socket_path}"\nderp_regions = ["gone"]\n')
    regions = {"5": {"RegionID": 5, "RegionCode": "gone", "Nodes": [{"HostName": "derp.invalid"}]}}
    answers = {STATUS_PATH: Answer(TAILSCALED_STATUS), "/localapi/v0/derpmap": Answer({"Regions": regions})}
    async with responding_on(socket_path, answers):
        checked = join(fleet, Keyring()).ready["here"]
        [found] = await prober_of(find_protocol("tailscale")).check_all(checked)
    lines = [each for each in found.evidence if isinstance(each, ProtocolEvidence) and each.kind == "relay"]
    assert [each.values[0] for each in lines] == [
        "gone derps://derp.invalid:443",
        "gone stun:derp.invalid:3478",
    ]


async def test_the_end_of_a_relays_certificate_is_evidence(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    async with responding(WHOLE, tls=certificates.server()) as plane:
        checked = target(plane, der(certificates.authority))
        relay = parse_relay(f"tls://127.0.0.1:{plane.port}")
        settings = replace(checked.server.protocol_settings, relays=(relay,))
        server = replace(checked.server, protocol_settings=settings)
        found, diagnosis = await check(replace(checked, server=server))
    assert diagnosis.verdict is Verdict.HEALTHY
    kinds = [each.what for each in found.evidence if isinstance(each, Expires)]
    assert kinds == ["server certificate", "relay certificate"]


@pytest.mark.parametrize("kind", ["innernet", "netmaker"])
def test_a_mesh_without_such_relays_has_no_key_for_them(kind: str) -> None:
    plane = f'[[control_plane]]\nname = "a"\ntype = "{kind}"\nurl = "https://a.example"\n'
    with pytest.raises(ConfigurationError, match="relays"):
        parse(f'{plane}relays = ["stun:a.example"]\n')
