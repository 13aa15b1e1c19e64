"""One-line summary of the data path: requests, answers, and carried evidence."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.tui import sample_exchanges
from wgmon_tui.checks.check import Tunnel
from wgmon_tui.checks.evidence import Evidence, InnerEcho, InnerHop, InnerService, PassiveKeepalive, PathMtu
from wgmon_tui.net.inner_packets import InnerIcmp
from wgmon_tui.tui.server.tunnel_line import tunnel_line

SERVER = sample_exchanges.server("fra1")
NEAR, FAR = InnerEcho("10.8.0.1", 3, 3, 0.0121), InnerEcho("10.8.0.9", 3, 0, None)
HOP, NO_HOP_V6 = InnerHop(4, ip_address("10.8.0.1"), 0.0121), InnerHop(6, None, None)
DEAD = InnerEcho("10.8.0.1", 3, 0, None)
PASSIVE = Tunnel(0, 0, None, None, passive=True)


def asked(received: int, rtt: float | None = 0.0121) -> Tunnel:
    return Tunnel(3, received, rtt, None, passive=False)


@pytest.mark.parametrize(
    ("tunnel", "evidence", "line"),
    [
        (asked(3), [NEAR, PathMtu(1420, 1420, None)], "3 of 3 echoes, 12.1 ms · mtu 1420"),
        (
            asked(3),
            [NEAR, PathMtu(1420, 1380, 1381)],
            "3 of 3 echoes, 12.1 ms · mtu 1380 passes, 1420 does not",
        ),
        (asked(3), [NEAR, FAR], "3 of 6 echoes, 12.1 ms · 10.8.0.9 silent"),
        (asked(0, None), [DEAD], "0 of 3 echoes"),
        (
            asked(0, None),
            [DEAD, PassiveKeepalive(10.1, 10.75)],
            "0 of 3 echoes · the server receives data",
        ),
        (
            asked(0, None),
            [DEAD, InnerIcmp(ip_address("10.8.0.1"), 4, 3, 1, None)],
            "0 of 3 echoes · 10.8.0.1 reports: host unreachable",
        ),
        (PASSIVE, [HOP, NO_HOP_V6], "10.8.0.1 answers, 12.1 ms · no answer over IPv6"),
        (PASSIVE, [PassiveKeepalive(10.1, 10.75)], "passive: the server receives data"),
        (PASSIVE, [PassiveKeepalive(None, 10.75)], "passive: data is not acknowledged"),
        (
            asked(1, None),
            [InnerService("dns", "10.8.0.1", "answered"), InnerService("tcp", "10.8.0.5:443", None)],
            "dns 10.8.0.1 answered · tcp 10.8.0.5:443 silent",
        ),
        (None, [], "not checked yet"),
    ],
)
def test_the_line_says_what_was_asked_and_what_came(
    tunnel: Tunnel | None, evidence: list[Evidence], line: str
) -> None:
    check = replace(sample_exchanges.check((), *evidence, rtt=0.01), tunnel=tunnel)
    assert tunnel_line(SERVER, check, (), "·") == line


def test_what_was_found_earlier_stands_until_it_is_looked_at_again() -> None:
    check = replace(sample_exchanges.check((), NEAR, rtt=0.01), tunnel=asked(3))
    assert tunnel_line(SERVER, check, [PathMtu(1420, 1400, 1401)], "-") == (
        "3 of 3 echoes, 12.1 ms - mtu 1400 passes, 1420 does not"
    )


def test_without_a_handshake_there_is_no_tunnel_to_tell_of() -> None:
    assert tunnel_line(SERVER, sample_exchanges.silent(), (), "·") is None


def test_where_the_file_forbids_it_the_line_says_so() -> None:
    quiet = replace(SERVER, tunnel=False)
    assert (
        tunnel_line(quiet, sample_exchanges.healthy(), (), "·")
        == "not checked: servers.toml has tunnel = false"
    )
