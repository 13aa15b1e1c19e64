"""Rows for names, for this machine's own uplink, and for another client of the same identity."""

from __future__ import annotations

from dataclasses import replace

from tests.real.fetching import Patience
from tests.real.matrix import faults
from tests.real.matrix.expectations import ANSWERED_FROM_ITS_FIRST, DROP, FIREWALL, UNKNOWN_PEER, healthy, row
from tests.real.matrix.faults import relayed, the_router
from tests.real.matrix.models import Look
from tests.real.matrix.servers import BORINGTUN, WIREGUARD_GO
from tests.real.relay_settings import both_ways
from wgmon_tui.checks.verdict import Severity, Verdict

_MOVED = "moved from 10.77.2.2 to 10.77.2.3"
_INITIATES = "the server itself initiated a handshake"

NAMED = (
    row(
        "its name moves to another address",
        healthy(faults.its_name_has_one_address),
        replace(
            healthy(faults.its_name_moves_to_its_second_address, says=_MOVED),
            if_roamed=ANSWERED_FROM_ITS_FIRST,
        ),
        timeout=1.0,
        on=(WIREGUARD_GO, BORINGTUN),
    ),
    row(
        "its name moves to another address, watched",
        Look(Verdict.HEALTHY, (faults.its_name_has_one_address,), seconds=3.0, is_calm=True),
        Look(
            Verdict.HEALTHY,
            (faults.its_name_moves_to_its_second_address,),
            seconds=12.0,
            is_calm=True,
            if_roamed=ANSWERED_FROM_ITS_FIRST,
        ),
        watched=1,
        on=(WIREGUARD_GO, BORINGTUN),
    ),
    row(
        "one of two addresses of its name is dead",
        Look(
            Severity.DEGRADED,
            (faults.its_name_has_two_addresses(), the_router("ip daddr 10.77.2.3 drop")),
            says=("10.77.2.3", "1 of 2 addresses"),
            never_says=(UNKNOWN_PEER,),
        ),
        timeout=1.0,
        on=(WIREGUARD_GO,),
    ),
    row(
        "its name has an IPv6 address too, which is dead",
        Look(
            Severity.DEGRADED,
            (
                faults.its_name_has_two_addresses(6),
                the_router("meta nfproto ipv6 udp dport {port} drop"),
            ),
            says=("fd77:2::2", "1 of 2 addresses"),
            never_says=(UNKNOWN_PEER,),
        ),
        timeout=1.0,
        on=(WIREGUARD_GO,),
    ),
)

UPLINK = (
    row(
        "our gateway is dead",
        Look(Verdict.LOCAL_FAULT, (faults.our_gateway_is_dead,), "", ("10.77.1.1",)),
        timeout=4.5,
        on=(WIREGUARD_GO,),
    ),
    row(
        "our packets do not get out, and four servers send to us",
        Look(Verdict.HEALTHY, (faults.the_server_sends_to_us,), seconds=5.0),
        Look(Verdict.LOCAL_FAULT, (DROP,), seconds=30.0, is_calm=True),
        watched=4,
        on=(WIREGUARD_GO,),
    ),
    row(
        "our packets do not get out, and the only server sends to us",
        Look(Verdict.HEALTHY, (faults.the_server_sends_to_us,), seconds=5.0),
        Look(
            Verdict.SILENT,
            (DROP,),
            "this machine's packets do not arrive at the server",
            seconds=30.0,
            says=(_INITIATES,),
            never_says=(UNKNOWN_PEER,),
        ),
        watched=1,
        on=(WIREGUARD_GO,),
    ),
    row(
        "our packets do not get out, and nothing else is watched",
        Look(Verdict.HEALTHY, seconds=3.0),
        Look(Verdict.SILENT, (DROP,), "uplink", seconds=12.0),
        watched=1,
        on=(WIREGUARD_GO,),
    ),
    row(
        "our IPv6 gateway is dead",
        Look(Verdict.LOCAL_FAULT, (faults.our_ipv6_gateway_is_dead,), "", ("fd77:1::1",)),
        version=6,
        timeout=4.5,
        on=(WIREGUARD_GO,),
    ),
    row(
        "our uplink is dead, and four servers are watched",
        Look(Verdict.HEALTHY, seconds=4.0),
        Look(Verdict.LOCAL_FAULT, (faults.our_uplink_is_dead,), seconds=25.0, is_calm=True),
        watched=4,
        on=(WIREGUARD_GO,),
    ),
    row(
        "our uplink is dead, and a witness is named",
        Look(Verdict.HEALTHY, seconds=3.0),
        Look(Verdict.LOCAL_FAULT, (faults.our_uplink_is_dead,), seconds=20.0, is_calm=True),
        watched=1,
        witness=True,
        on=(WIREGUARD_GO,),
    ),
    row(
        "the server is cut off, and the witness answers",
        Look(Verdict.HEALTHY, seconds=3.0),
        Look(Verdict.SILENT, (DROP,), FIREWALL, says=("the witness",), never_says=("uplink",), seconds=20.0),
        watched=1,
        witness=True,
        on=(WIREGUARD_GO,),
    ),
)

SHARED = (
    row(
        "a client uses our identity",
        Look(
            Severity.DEGRADED,
            (relayed(both_ways(delay_s=0.15)), faults.a_client_uses_our_identity),
            says=("another client that uses this identity",),
            # A client notices after 15 s that a check has cut it off, and leaves no trace if it does so in a
            # check. It tries ten times in this time; the first or second time is enough.
            seconds=180.0,
            until_met=True,
        ),
        patience=Patience(without_progress_s=180.0, altogether_s=180.0),
        watched=1,
        # Longer than a check, or the handshakes of the client fail in most of them and leave no session.
        interval_s=6.0,
        on=(WIREGUARD_GO,),
    ),
)
