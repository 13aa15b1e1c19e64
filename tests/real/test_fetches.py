"""Tests of fetches through the tunnel, from HTTP servers behind real wireguard-go servers."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from cryptography import x509

from tests.alerts.certificates import Certificates
from tests.busy_machine import play_again_if_starved
from tests.real.http_services import LARGE, PORT, http_service
from tests.real.matrix.faults import Fault, the_router
from tests.real.matrix.servers import WIREGUARD_GO, column
from tests.real.matrix.topology import Scene, scene
from tests.real.namespaces import entered, firewall
from wgmon_tui.checks.evidence_selection import all_of_kind
from wgmon_tui.checks.fetch_evidence import InnerFetch
from wgmon_tui.checks.stage import FETCH, StageOutcome
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.config.http_targets import parse_http_target, read_certificates
from wgmon_tui.monitor.fleet_state import Round
from wgmon_tui.net.addresses import NameServer


def look(
    *urls: str,
    applied: tuple[Fault, ...] = (),
    certificates: Certificates | None = None,
    version: int = 4,
    ping: tuple[int, ...] = (4,),
) -> Round:
    """The result of a deep check; in `urls`, {at} is where the service is."""

    async def check(made: Scene) -> Round:
        await made.prober.open()
        try:
            for fault in applied:
                fault(made)
            return await made.look()
        finally:
            await made.prober.close()

    with (
        column(WIREGUARD_GO) as servers,
        servers.place() as (path, server),
        scene(path, server, version=version, ping=ping) as made,
    ):
        address = made.inner(version)
        at = f"[{address}]:{PORT}" if version == 6 else f"{address}:{PORT}"
        made.change(tunnel_http=tuple(parse_http_target(each.format(at=at)) for each in urls))
        if certificates:
            made.change(tunnel_ca=read_certificates([certificates.authority.read_text()]))
        context = certificates.server(x509.IPAddress(address)) if certificates else None
        with http_service(path.server, address, context), entered(path.client):
            return asyncio.run(check(made))


def fetches_of(outcome: Round) -> list[InnerFetch]:
    return all_of_kind(InnerFetch, outcome.checks[0].evidence)


def the_inner_server(rule: str) -> Fault:
    """A rule for the packets that the inner server sends."""
    return lambda made: firewall(made.path.server, "output", rule.format(port=PORT))


def test_a_whole_answer_is_healthy_and_tells_its_phases() -> None:
    outcome = look("http://{at}/health status=200 text=systems ready", "http://{at}/large")
    assert outcome.diagnosis.verdict is Verdict.HEALTHY
    small, large = fetches_of(outcome)
    assert (small.status, small.size, small.fault, small.rate) == (200, 17, None, None)
    assert small.connected is not None
    assert small.responded is not None
    assert small.ended is not None
    assert 0 < small.connected < small.responded <= small.ended
    assert (large.size, large.fault) == (LARGE, None)
    assert large.rate is not None
    stage = outcome.checks[0].stages[-1]
    assert (stage.name, stage.outcome) == (FETCH, StageOutcome.PASSED)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("url", "fault", "words"),
    [
        ("http://{at}/500", "status", "answers 500, expected 200 to 399"),
        ("http://{at}/health status=401", "status", "answers 200, expected 401"),
        ("http://{at}/health text=not this", "text", "answers 200, but without the expected text"),
        ("http://{at}/early", "closed", "closes the connection before the response is whole after 11 bytes"),
        ("http://{at}/reset", "reset", "resets the connection"),
        ("http://{at}/hang", "no-response", "accepts the connection, then sends nothing"),
        ("https://{at}/health", "tls", "has a TLS problem"),
    ],
)
def test_a_service_that_fails_is_inner_dead(url: str, fault: str, words: str) -> None:
    outcome = look(url)
    (found,) = fetches_of(outcome)
    assert (found.fault, outcome.diagnosis.verdict) == (fault, Verdict.INNER_DEAD)
    assert words in outcome.diagnosis.summary
    assert outcome.checks[0].stages[-1].outcome is StageOutcome.FAILED


@pytest.mark.thorough
def test_a_service_that_stops_in_the_middle_stalls_while_echoes_pass() -> None:
    outcome = look("http://{at}/stall")
    (found,) = fetches_of(outcome)
    assert (found.fault, found.size, found.small_pass) == ("stalled", 30_000, False)
    assert found.echoes_pass is True
    assert outcome.diagnosis.verdict is Verdict.TCP_STALLS
    assert "stalls after 29.3 KiB, while echoes pass" in outcome.diagnosis.summary
    assert [each.hypothesis for each in outcome.diagnosis.causes] == ["service-hung", "tcp-dropped"]


@pytest.mark.thorough
def test_a_path_that_lets_tcp_begin_and_then_drops_its_data_stalls() -> None:
    drop = the_inner_server("tcp sport {port} quota over 60000 bytes drop")
    outcome = look("http://{at}/large", applied=(drop,))
    (found,) = fetches_of(outcome)
    assert (found.fault, found.echoes_pass, found.small_pass) == ("stalled", True, False)
    assert outcome.diagnosis.verdict is Verdict.TCP_STALLS


@pytest.mark.thorough
def test_a_link_behind_the_server_that_drops_large_packets_is_an_mtu_blackhole() -> None:
    drop = the_inner_server("tcp sport {port} ip length > 1300 drop")
    outcome = look("http://{at}/large", applied=(drop,))
    (found,) = fetches_of(outcome)
    assert (found.fault, found.small_pass) == ("stalled", True)
    assert outcome.diagnosis.verdict is Verdict.MTU_BLACKHOLE
    assert outcome.diagnosis.causes[0].proven
    assert "large TCP segments are lost" in outcome.diagnosis.summary


@pytest.mark.thorough
def test_a_path_that_passes_1280_bytes_fetches_with_the_mtu_that_it_needs() -> None:
    limits = tuple(the_router(f"udp {each} {{port}} ip length > 1400 drop") for each in ("dport", "sport"))
    outcome = look("http://{at}/large", applied=limits)
    assert fetches_of(outcome)[0].fault is None
    assert outcome.diagnosis.verdict is Verdict.HEALTHY


@pytest.mark.thorough
def test_a_lossy_path_only_slows_a_fetch_down() -> None:
    lossy = tuple(
        the_router(f"udp {each} {{port}} numgen inc mod 25 == 24 drop") for each in ("dport", "sport")
    )
    outcome = play_again_if_starved(
        lambda: look("http://{at}/large", applied=lossy),
        lambda played: fetches_of(played)[0].fault is not None,
        lambda played: played.checks[0].evidence,
    )
    (found,) = fetches_of(outcome)
    assert (found.fault, found.size) == (None, LARGE)


@pytest.mark.thorough
@pytest.mark.parametrize("version", [4, 6])
def test_https_with_a_certificate_of_the_named_authority_is_healthy(tmp_path: Path, version: int) -> None:
    outcome = look(
        "https://{at}/large", certificates=Certificates(tmp_path), version=version, ping=(version,)
    )
    assert outcome.diagnosis.verdict is Verdict.HEALTHY
    (found,) = fetches_of(outcome)
    assert found.connected is not None
    assert found.encrypted is not None
    assert found.connected < found.encrypted


@pytest.mark.thorough
def test_a_url_is_enough_to_prove_a_tunnel_without_an_address_to_ping() -> None:
    outcome = look("http://{at}/health", ping=())
    assert outcome.diagnosis.verdict is Verdict.HEALTHY


def name_server(rcode: int = 0) -> Fault:
    """A name server at the inner address, which has that address for every name, or this error."""

    def fault(made: Scene) -> None:
        address = made.inner(4)
        with entered(made.path.server):
            serving = socket.socket(type=socket.SOCK_DGRAM)
            serving.bind((str(address), 53))
        loop = asyncio.get_running_loop()

        def answer() -> None:
            query, client = serving.recvfrom(512)
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + address.packed
            counts = b"\0\1\0\0\0\0\0\0" if rcode else b"\0\1\0\1\0\0\0\0"
            head = query[:2] + bytes((0x81, 0x80 | rcode)) + counts
            serving.sendto(head + query[12:] + (b"" if rcode else record), client)

        loop.add_reader(serving, answer)
        made.cleanup.callback(serving.close)
        made.cleanup.callback(loop.remove_reader, serving)
        made.change(tunnel_dns=(NameServer(address),))

    return fault


@pytest.mark.thorough
def test_a_name_is_looked_up_inside_the_tunnel() -> None:
    outcome = look(f"http://www.example.net:{PORT}/health", applied=(name_server(),))
    assert outcome.diagnosis.verdict is Verdict.HEALTHY
    (found,) = fetches_of(outcome)
    assert found.resolved is not None
    assert found.resolved < 1.0


@pytest.mark.thorough
def test_a_name_that_nobody_inside_knows_is_named() -> None:
    (found,) = fetches_of(look(f"http://www.example.net:{PORT}/health", applied=(name_server(3),)))
    assert (found.fault, found.reason) == ("unresolved", "the name does not exist")
