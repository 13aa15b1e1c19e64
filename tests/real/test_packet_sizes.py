"""Tests of paths that drop large packets, before real wireguard-go servers."""

from __future__ import annotations

import asyncio

import pytest

from tests.parameters import default_run
from tests.protocols.wireguard.forged_packets import TOO_BIG, IcmpForger
from tests.real.matrix import faults
from tests.real.matrix.faults import Fault, the_router
from tests.real.matrix.servers import WIREGUARD_GO, column
from tests.real.matrix.topology import Scene, scene
from tests.real.namespaces import CLIENT_V4, entered, ip
from wgmon_tui.checks.evidence import PathMtu
from wgmon_tui.checks.evidence_selection import first_of_kind
from wgmon_tui.checks.verdict import Verdict
from wgmon_tui.monitor.fleet_state import Round

IP_AND_UDP = 28
INNER_TO_UDP = 32
"""Header and tag of a transport packet. The server also pads its answers to multiples of 16 bytes."""


def drop_above(udp_bytes: int, *, to_server: bool = True, to_client: bool = True) -> tuple[Fault, ...]:
    """Drop data with more bytes of UDP payload than this, on the way there, back, or both."""
    too_long = f"ip length > {udp_bytes + IP_AND_UDP} drop"
    there = (the_router("udp dport {port} " + too_long),) if to_server else ()
    return there + ((the_router("udp sport {port} " + too_long),) if to_client else ())


def look(*applied: Fault, version: int = 4, ping: tuple[int, ...] = (4,), mtu: int | None = None) -> Round:
    """The result of a deep check of a healthy server behind such a path."""

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
        scene(path, server, version=version, ping=ping, tunnel_mtu=mtu) as made,
        entered(path.client),
    ):
        return asyncio.run(check(made))


BOTH_WAYS = pytest.mark.parametrize(
    "ways",
    [{}, {"to_client": False}, {"to_server": False}],
    ids=["both ways", "to the server", "to the client"],
)


def largest_inner(udp_bytes: int, *, to_client: bool = True, to_server: bool = True) -> int:
    """The largest inner packet that passes `drop_above` with the same arguments."""
    inner = udp_bytes - INNER_TO_UDP
    return inner // 16 * 16 if to_client else inner


@BOTH_WAYS
@pytest.mark.thorough
@pytest.mark.parametrize("ping", [(4,), ()], ids=["tunnel_ping", "first hop"])
def test_a_path_that_drops_more_than_600_bytes_is_a_blackhole(
    ways: dict[str, bool], ping: tuple[int, ...]
) -> None:
    outcome = look(*drop_above(600, **ways), ping=ping)
    assert outcome.diagnosis.verdict is Verdict.MTU_BLACKHOLE
    assert (
        outcome.diagnosis.causes[0].cause == f"the path drops packets over {largest_inner(600, **ways)} bytes"
    )


@BOTH_WAYS
@pytest.mark.thorough
def test_a_path_that_drops_more_than_1300_bytes_is_a_blackhole(ways: dict[str, bool]) -> None:
    assert look(*drop_above(1300, **ways)).diagnosis.verdict is Verdict.MTU_BLACKHOLE


@BOTH_WAYS
@pytest.mark.thorough
def test_a_path_that_passes_1280_bytes_inside_but_not_1420_is_healthy_with_a_note(
    ways: dict[str, bool],
) -> None:
    outcome = look(*drop_above(1400, **ways))
    assert outcome.diagnosis.verdict is Verdict.HEALTHY
    needed = largest_inner(1400, **ways)
    assert outcome.diagnosis.summary.endswith(f"clients need MTU = {needed}.")


def test_a_required_size_that_the_path_drops_is_a_blackhole_without_a_target() -> None:
    outcome = look(*drop_above(1400), ping=(), mtu=1420)
    assert outcome.diagnosis.verdict is Verdict.MTU_BLACKHOLE


@pytest.mark.thorough
def test_a_path_without_a_fault_passes_both_sizes() -> None:
    outcome = look()
    assert outcome.diagnosis.verdict is Verdict.HEALTHY
    assert first_of_kind(PathMtu, outcome.checks[0].evidence) == PathMtu(1420, 1420, None)


def this_machines_link_has_1400_bytes(made: Scene) -> None:
    ip(made.path.client, "link set dev uplink mtu 1400")
    ip(made.path.router, "link set dev to-client mtu 1400")


def a_hop_reports_1400_bytes(made: Scene) -> None:
    """A hop on the way there. The server's answers come another way."""
    ip(made.path.router, "link set dev to-server mtu 1400")


def somebody_reports_false_mtus(made: Scene) -> None:
    """ICMP errors about packets of the prober, without a look at any of them."""
    here = (str(CLIENT_V4), made.prober.ports[0])
    there = (made.entry.endpoint.host, made.entry.endpoint.port)
    with entered(made.path.router):
        forger = made.cleanup.enter_context(IcmpForger())

    async def report() -> None:
        while True:
            for mtu in (0, 552, 700, 1279):
                forger.send(TOO_BIG[4], here, there, mtu=mtu)
            await asyncio.sleep(0.02)

    made.cleanup.callback(asyncio.get_running_loop().create_task(report()).cancel)


@pytest.mark.parametrize("version", default_run([4], [4, 6]))
def test_what_this_machines_own_link_makes_it_fragment_passes_as_it_does_for_clients(version: int) -> None:
    outcome = look(this_machines_link_has_1400_bytes, version=version)
    assert outcome.diagnosis.verdict is Verdict.HEALTHY
    assert first_of_kind(PathMtu, outcome.checks[0].evidence) == PathMtu(1420, 1420, None)


@pytest.mark.parametrize("version", default_run([4], [4, 6]))
def test_a_true_report_makes_this_machine_fragment_as_clients_do(version: int) -> None:
    outcome = look(a_hop_reports_1400_bytes, version=version)
    found = first_of_kind(PathMtu, outcome.checks[0].evidence)
    assert found
    assert found.reported == 1400


@pytest.mark.thorough
@pytest.mark.parametrize(
    "limit", [1500, *(pytest.param(each, marks=pytest.mark.thorough) for each in (1300, 600))]
)
def test_false_reports_do_not_change_the_sizes_that_are_found(limit: int) -> None:
    sizes = [
        first_of_kind(PathMtu, look(*drop_above(limit), *faults).checks[0].evidence)
        for faults in ((), (somebody_reports_false_mtus,))
    ]
    assert sizes[0] == sizes[1]
    assert sizes[0]


@pytest.mark.thorough
def test_where_only_echoes_are_filtered_inside_the_tunnel_is_fine() -> None:
    no_echo = faults.inner_firewall("icmp type echo-request drop")
    outcome = look(faults.the_server_forwards, no_echo)
    assert outcome.diagnosis.verdict is Verdict.INNER_DEAD
    assert "10.7.0.1 does not answer echoes, the tunnel is fine" in outcome.diagnosis.summary
    assert not any("AllowedIPs" in each.cause for each in outcome.diagnosis.causes[:1])


@pytest.mark.thorough
def test_without_a_target_that_echoes_a_required_size_is_not_proven() -> None:
    no_echo = faults.inner_firewall("meta l4proto icmp icmp type echo-request drop")
    no_echo_v6 = faults.inner_firewall("icmpv6 type echo-request drop")
    outcome = look(faults.the_server_forwards_in_both_versions, no_echo, no_echo_v6, ping=(), mtu=1420)
    assert outcome.diagnosis.verdict is Verdict.UNPROVEN
    assert "size not tested" in outcome.diagnosis.summary
