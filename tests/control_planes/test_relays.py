"""Probes of relays against servers on loopback, and what their results mean."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.alerts.certificates import Certificates
from tests.control_planes.answers import TAILSCALED_STATUS
from tests.control_planes.responder import Answer, responding, responding_on
from tests.control_planes.test_check import TOKEN, WHOLE, check, der, prober_of, target
from wgmon_tui.checks.check import Check
from wgmon_tui.checks.control_plane_report import ControlPlaneReport, MeshRelay
from wgmon_tui.checks.evidence import ProtocolEvidence
from wgmon_tui.checks.expiry import Expires
from wgmon_tui.checks.protocol import ProbeServices
from wgmon_tui.checks.registry import find_protocol
from wgmon_tui.checks.targets import join
from wgmon_tui.checks.verdict import Diagnosis, Verdict
from wgmon_tui.config.models import ConfigurationError
from wgmon_tui.config.relay_addresses import RelayAddress, RelayKind, parse_relay
from wgmon_tui.config.secrets.keyring import Keyring
from wgmon_tui.config.servers_toml import parse, render
from wgmon_tui.config.value_parsers import InvalidValueError
from wgmon_tui.control_planes import stun
from wgmon_tui.control_planes.answers import BROKEN, UNKNOWN, WORKS
from wgmon_tui.control_planes.derp_map import missing_regions, read_derp_map
from wgmon_tui.control_planes.relay_probes import MOST_RELAYS, ProbedRelay, probe_relays, summarize
from wgmon_tui.control_planes.tailscale.local_api import STATUS_PATH
from wgmon_tui.net.resolver import Resolver

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
IPV4_RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
"""The response of RFC 5769 §2.2."""

IPV6_ADDRESS = bytes.fromhex("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9")
"""XOR-MAPPED-ADDRESS of RFC 5769 §2.3, of the same transaction."""

DERP = {"/derp/probe": Answer(b""), "/derp": Answer(b"", 101, {"Upgrade": "DERP", "Connection": "Upgrade"})}
NETBIRD = {"/relay": Answer(b"", 101, {"Upgrade": "websocket", "Connection": "Upgrade"})}
MAP = {
    "Regions": {
        "1": {
            "RegionID": 1,
            "RegionCode": "nyc",
            "RegionName": "New York City",
            "Nodes": [{"Name": "1a", "RegionID": 1, "HostName": "derp1.example.net"}],
        },
        "900": {
            "RegionID": 900,
            "RegionCode": "own",
            "Nodes": [
                {"Name": "900a", "HostName": "a.example.net", "DERPPort": 8443, "STUNPort": 3479},
                {"Name": "900b", "HostName": "b.example.net", "STUNPort": -1},
                {"Name": "900c", "HostName": "c.example.net", "STUNOnly": True},
            ],
        },
    }
}


# STUN


def test_a_request_has_the_software_and_the_fingerprint_that_derp_servers_ask_for() -> None:
    request = stun.make_request(TRANSACTION)
    assert request[:20] == bytes.fromhex("000100142112a442") + TRANSACTION
    assert request[20:32] == bytes.fromhex("80220008") + b"tailnode"
    assert request[32:36] == bytes.fromhex("80280004")
    assert struct.unpack(">I", request[36:]) == (stun.fingerprint(request[:32]),)


def test_a_fingerprint_is_that_of_the_rfc() -> None:
    assert stun.fingerprint(IPV4_RESPONSE[:-8]) == 0xC07D4C96


def test_the_address_of_an_answer_is_that_of_the_rfc() -> None:
    assert stun.is_answer(IPV4_RESPONSE, TRANSACTION)
    assert stun.mapped_address(IPV4_RESPONSE) == (ip_address("192.0.2.1"), 32853)
    version_6 = IPV4_RESPONSE[:20] + IPV6_ADDRESS
    assert stun.mapped_address(version_6) == (ip_address("2001:db8:1234:5678:11:2233:4455:6677"), 32853)


@pytest.mark.parametrize("cut", [0, 19, 20, 40, len(IPV4_RESPONSE) - 1])
def test_an_answer_that_is_cut_is_none(cut: int) -> None:
    assert not stun.is_answer(IPV4_RESPONSE[:cut], TRANSACTION)


def test_an_answer_to_another_request_is_none() -> None:
    assert not stun.is_answer(IPV4_RESPONSE, bytes(12))
    assert not stun.is_answer(stun.make_request(TRANSACTION), TRANSACTION)


@given(st.binary(max_size=120))
def test_no_bytes_raise(data: bytes) -> None:
    stun.is_answer(data, TRANSACTION)
    stun.mapped_address(IPV4_RESPONSE[:20] + data)


# Addresses and maps


@pytest.mark.parametrize(
    ("text", "relay"),
    [
        ("derps://derp.example.net", RelayAddress(RelayKind.DERP, "derp.example.net", 443)),
        ("https://derp.example.net/", RelayAddress(RelayKind.DERP, "derp.example.net", 443)),
        ("derp://[2001:db8::1]:8080", RelayAddress(RelayKind.PLAIN_DERP, "2001:db8::1", 8080)),
        ("stun:derp.example.net", RelayAddress(RelayKind.STUN, "derp.example.net", 3478)),
        ("rels://relay.example.net:33080", RelayAddress(RelayKind.NETBIRD, "relay.example.net", 33080)),
        ("tls://signal.example.net", RelayAddress(RelayKind.TLS, "signal.example.net", 443)),
    ],
)
def test_an_address_says_how_it_is_asked(text: str, relay: RelayAddress) -> None:
    assert parse_relay(text) == relay
    assert parse_relay(str(relay)) == relay


@pytest.mark.parametrize(
    "text", ["", "derp.example.net", "stun://a", "derps:a", "ftp://a", "tls://a:0", "a b"]
)
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        parse_relay(text)


def test_a_map_gives_the_relays_of_the_regions_that_are_asked_for() -> None:
    found = read_derp_map(MAP, ("own",))
    assert list(map(str, found)) == [
        "derps://a.example.net:8443",
        "stun:a.example.net:3479",
        "derps://b.example.net:443",
        "stun:c.example.net:3478",
    ]
    assert {each.name for each in found} == {"own"}
    assert str(read_derp_map(MAP, ("1",))[0]) == "derps://derp1.example.net:443"
    assert missing_regions(found, ("own", "fra")) == ("fra",)


@pytest.mark.parametrize("damaged", [None, [], {"Regions": 5}, {"Regions": {"1": None}}, {"Regions": None}])
def test_a_damaged_map_has_no_relays(damaged: object) -> None:
    assert read_derp_map(damaged, ("nyc", "1")) == ()


def test_a_region_is_down_only_if_each_of_its_relays_is_proven_to_be() -> None:
    first, second = (RelayAddress(RelayKind.DERP, host, 443, "own") for host in "ab")
    stun_address = RelayAddress(RelayKind.STUN, "a", 3478, "own")
    dead, alive = ProbedRelay(first, BROKEN, "the port refuses connections"), ProbedRelay(second, WORKS)
    assert summarize([dead, alive]) == (MeshRelay("own", True),)
    assert summarize([dead, ProbedRelay(second, UNKNOWN)]) == (
        MeshRelay("own", None, "the port refuses connections"),
    )
    assert summarize([dead, ProbedRelay(stun_address, WORKS)]) == (
        MeshRelay("own", False, "the port refuses connections"),
    )


# Probes


@asynccontextmanager
async def stun_server(answer: Callable[[bytes, tuple[str, int]], bytes | None]) -> AsyncIterator[int]:
    """A UDP server on loopback; `answer` makes its answer to each datagram."""

    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.DatagramTransport", transport)

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            if (sent := answer(data, addr)) is not None:
                self.transport.sendto(sent, addr)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Server, ("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def success(request: bytes, address: tuple[str, int]) -> bytes:
    port = address[1] ^ 0x2112
    value = struct.pack(">BBHI", 0, 1, port, int(ip_address(address[0])) ^ 0x2112A442)
    return struct.pack(">HH", 0x0101, 12) + request[4:20] + struct.pack(">HH", 0x0020, 8) + value


async def probe(text: str, timeout_s: float = 15.0, authorities: bytes = b"") -> ProbedRelay:
    [found] = await probe_relays([parse_relay(text)], authorities, Resolver(), timeout_s)
    return found


async def test_a_stun_server_says_where_the_request_came_from() -> None:
    async with stun_server(success) as port:
        found = await probe(f"stun:127.0.0.1:{port}")
    assert found.state == WORKS
    assert found.detail.startswith("it saw the request from 127.0.0.1 port ")


async def test_a_request_that_is_lost_is_sent_again() -> None:
    heard: list[bytes] = []

    def second(data: bytes, address: tuple[str, int]) -> bytes | None:
        heard.append(data)
        return success(data, address) if len(heard) == 2 else None

    async with stun_server(second) as port:
        found = await probe(f"stun:127.0.0.1:{port}")
    assert (found.state, heard[0]) == (WORKS, heard[1])


async def test_silence_of_stun_proves_nothing_and_neither_do_other_bytes() -> None:
    async with stun_server(lambda *_: b"no STUN") as port:
        found = await probe(f"stun:127.0.0.1:{port}", 0.3)
    assert (found.state, found.detail) == (UNKNOWN, "no answer in time")


async def test_a_stun_port_that_refuses_is_broken() -> None:
    async with stun_server(success) as port:
        pass
    assert (await probe(f"stun:127.0.0.1:{port}")).detail == "the port refuses connections"


async def test_a_derp_relay_switches_to_its_protocol() -> None:
    async with responding(DERP) as responder:
        found = await probe(f"derp://127.0.0.1:{responder.port}")
    assert found.state == WORKS
    assert found.detail == ""
    assert responder.paths == ["/derp", "/derp/probe"]
    assert "Upgrade: DERP\r\n" in responder.heard[0]


async def test_a_derp_relay_that_closes_after_each_answer_is_asked_again() -> None:
    async with responding(DERP, closes=True) as responder:
        found = await probe(f"derp://127.0.0.1:{responder.port}")
    assert (found.state, found.detail) == (WORKS, "")
    assert responder.paths == ["/derp", "/derp/probe"]


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({}, "it is no relay: HTTP 404 to /derp"),
        ({"/derp/probe": Answer(b""), "/derp": Answer(b"", 426)}, "it is no relay: HTTP 426 to /derp"),
        ({"/derp": Answer(b"x" * 100, cut=True)}, "it ends the connection"),
    ],
)
async def test_a_server_that_is_no_derp_relay_is_broken(answers: dict[str, Answer], words: str) -> None:
    async with responding(answers) as responder:
        found = await probe(f"derp://127.0.0.1:{responder.port}")
    assert found.state == BROKEN
    assert found.detail.startswith(words)


@pytest.mark.parametrize(
    ("page", "words"),
    [(Answer({}, 404), "answered with HTTP 404"), (Answer(b"x" * 100, cut=True), "not answered")],
)
async def test_a_derp_relay_without_the_page_that_measures_it_works_and_says_so(
    page: Answer, words: str
) -> None:
    async with responding({**DERP, "/derp/probe": page}) as responder:
        found = await probe(f"derp://127.0.0.1:{responder.port}")
    assert (found.state, found.detail) == (WORKS, f"but /derp/probe is {words}")


async def test_a_relay_of_netbird_upgrades_to_a_websocket() -> None:
    async with responding(NETBIRD) as responder:
        found = await probe(f"rel://127.0.0.1:{responder.port}")
    assert found.state == WORKS
    assert "Upgrade: websocket\r\n" in responder.heard[0]


async def test_a_relay_that_hangs_may_work_or_not() -> None:
    async with responding(DERP, deaf=True) as responder:
        found = await probe(f"derp://127.0.0.1:{responder.port}", 0.3)
    assert found.state == UNKNOWN


async def test_a_name_that_does_not_resolve_proves_nothing() -> None:
    found = await probe("derps://derp.invalid")
    assert found.state == UNKNOWN
    assert "its name does not resolve" in found.detail


async def test_tls_is_begun_and_its_end_is_known(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    async with responding(DERP, tls=certificates.server()) as responder:
        trusted = await probe(f"derps://127.0.0.1:{responder.port}", authorities=der(certificates.authority))
        signal = await probe(f"tls://127.0.0.1:{responder.port}", authorities=der(certificates.authority))
        untrusted = await probe(f"derps://127.0.0.1:{responder.port}")
    assert (trusted.state, signal.state, untrusted.state) == (WORKS, WORKS, BROKEN)
    assert trusted.certificate_end is not None
    assert untrusted.detail.startswith("its certificate is not trusted")


async def test_a_port_without_tls_is_broken() -> None:
    async with responding(DERP) as responder:
        found = await probe(f"derps://127.0.0.1:{responder.port}")
    assert (found.state, found.detail) == (BROKEN, "it does not speak TLS")


# In the check of a control plane


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


async def test_the_end_of_a_relays_certificate_that_has_expired_is_evidence(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    expired = certificates.server(starts_in=timedelta(hours=-100))
    async with responding(DERP, tls=expired) as responder:
        refused = await probe(f"derps://127.0.0.1:{responder.port}", authorities=der(certificates.authority))
    assert "expired" in refused.detail
    assert refused.certificate_end is not None
    assert refused.certificate_end < time.time()


@pytest.mark.parametrize("kind", ["innernet", "netmaker"])
def test_a_mesh_without_such_relays_has_no_key_for_them(kind: str) -> None:
    plane = f'[[control_plane]]\nname = "a"\ntype = "{kind}"\nurl = "https://a.example"\n'
    with pytest.raises(ConfigurationError, match="relays"):
        parse(f'{plane}relays = ["stun:a.example"]\n')
