"""Rows for inner addresses and services that the file names."""

from __future__ import annotations

from tests.real.matrix import faults
from tests.real.matrix.expectations import FULL, healthy, row
from tests.real.matrix.faults import ICMP, inner_firewall
from tests.real.matrix.models import Look
from tests.real.matrix.name_server import NO_ERROR, REFUSED, SERVFAIL
from tests.real.matrix.servers import WIREGUARD_GO
from wgmon_tui.checks.verdict import Verdict

SERVICES = (
    row("all well, and a TCP port is open", healthy(faults.we_ask_a_tcp_port(7000)), ping=(), on=FULL),
    row(
        "a TCP port is closed",
        Look(
            Verdict.INNER_DEAD,
            (faults.we_ask_a_tcp_port(8443),),
            "nothing listens on this port",
            ("8443", "refuses connections"),
        ),
        on=FULL,
    ),
    row(
        "a TCP port is closed, no inner address to ask",
        Look(
            Verdict.INNER_DEAD,
            (faults.we_ask_a_tcp_port(8443),),
            "nothing listens on this port",
            ("8443", "refuses connections"),
        ),
        ping=(),
        on=FULL,
    ),
    row(
        "all well, and a name server answers",
        healthy(faults.we_ask_a_name_server(NO_ERROR)),
        on=(WIREGUARD_GO,),
    ),
    row(
        "a name server answers SERVFAIL",
        Look(Verdict.INNER_DEAD, (faults.we_ask_a_name_server(SERVFAIL),), says=("SERVFAIL",)),
        on=(WIREGUARD_GO,),
    ),
    row(
        "a name server answers REFUSED, no inner address to ask",
        Look(Verdict.INNER_DEAD, (faults.we_ask_a_name_server(REFUSED),), says=("REFUSED",)),
        ping=(),
        on=(WIREGUARD_GO,),
    ),
)

NOT_PROBED = (
    row(
        "an inner address of IPv6, and our identity has only IPv4",
        Look(
            Verdict.UNPROVEN,
            (faults.our_identity_has_an_ipv4_tunnel_address_only,),
            says=("no tunnel address of that IP version",),
        ),
        ping=(6,),
    ),
    row(
        "an inner address of each version, and our identity has only IPv4",
        Look(
            Verdict.UNPROVEN,
            (faults.our_identity_has_an_ipv4_tunnel_address_only,),
            says=("no tunnel address of that IP version",),
        ),
        ping=(4, 6),
    ),
)

ECHOES = (
    row(
        "an inner firewall drops echoes only, and the server forwards",
        Look(
            Verdict.INNER_DEAD,
            (inner_firewall(f"{ICMP} drop"), faults.the_server_forwards_in_both_versions),
            says=("echoes",),
            never_says=("AllowedIPs for this peer lack",),
        ),
        on=FULL,
    ),
)
