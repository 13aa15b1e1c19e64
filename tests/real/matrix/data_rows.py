"""Rows for data after the handshake: its size, its speed, its loss, where it ends and where it comes from."""

from __future__ import annotations

from tests.real.fetching import Patience
from tests.real.matrix import faults
from tests.real.matrix.expectations import (
    ALLOWED_IPS,
    FULL,
    NO_SIZE,
    SMALL_MTU,
    UNKNOWN_PEER,
    healthy,
    row,
)
from tests.real.matrix.faults import relayed
from tests.real.matrix.models import Look, Row
from tests.real.matrix.servers import WIREGUARD_GO
from tests.real.relay_settings import AnswerFrom, Killer, OneWay, Per, RelaySettings, both_ways
from wgmon_tui.checks.verdict import Severity, Verdict

_SHORT = OneWay(largest_datagram=600)
_PATIENT = Patience(without_progress_s=20.0, altogether_s=60.0)


def _blackhole(settings: RelaySettings, *others: faults.Fault) -> Look:
    return Look(Verdict.MTU_BLACKHOLE, (*others, relayed(settings)), SMALL_MTU, never_says=(ALLOWED_IPS,))


def _too_small(size: int) -> Row:
    return row(f"packets over {size} bytes are lost", _blackhole(both_ways(largest_datagram=size)), ping=(4,))


SIZE = (
    *map(_too_small, (200, 600, 1300)),
    row("our packets over 600 bytes are lost", _blackhole(RelaySettings(to_server=_SHORT)), on=FULL),
    row("the server's packets over 600 bytes are lost", _blackhole(RelaySettings(to_client=_SHORT)), on=FULL),
    # The usual smallest MTU passes. Clients with a larger one than the note says are those that fail.
    row(
        "packets over 1400 bytes are lost",
        healthy(relayed(both_ways(largest_datagram=1400)), says="MTU"),
        on=FULL,
    ),
    row(
        "packets over 1400 bytes are lost, and 1420 must pass",
        Look(
            Verdict.MTU_BLACKHOLE,
            (relayed(both_ways(largest_datagram=1400)),),
            "the path's MTU is smaller than the tunnel's",
        ),
        mtu=1420,
        on=FULL,
    ),
    row(
        "packets over 600 bytes are lost, no inner address to ask",
        _blackhole(both_ways(largest_datagram=600)),
        ping=(),
        on=FULL,
    ),
    row(
        "packets over 600 bytes are lost, 1420 must pass, only a TCP port to ask",
        _blackhole(both_ways(largest_datagram=600), faults.we_ask_a_tcp_port(7000)),
        mtu=1420,
        ping=(),
        on=FULL,
    ),
    row(
        "nothing inside answers echoes, only a TCP port to ask",
        healthy(
            faults.inner_firewall(f"{faults.ICMP} drop"),
            faults.our_identity_has_an_ipv4_tunnel_address_only,
            faults.we_ask_a_tcp_port(7000),
            says=NO_SIZE,
        ),
        ping=(),
        on=FULL,
    ),
)


def _even_loss(share: float) -> tuple[faults.Fault, ...]:
    """Loss each way. By chance, all packets of several checks in a row would be lost now and then.

    An identity with IPv6 addresses would send one echo over IPv6 in each check. While that one is lost, the
    verdict is `unproven`.
    """
    ipv4_only = faults.our_identity_has_an_ipv4_tunnel_address_only
    return relayed(both_ways(even_loss=share, delay_s=0.1)), ipv4_only


SPEED = (
    row(
        "the way takes 650 ms, and we wait 1 s",
        Look(Verdict.SLOW, (relayed(both_ways(delay_s=0.325)),), "the path or the server is slow"),
        timeout=1.0,
    ),
    row(
        "the way takes 1.2 s, and we wait 2 s",
        Look(Verdict.SLOW, (relayed(both_ways(delay_s=0.6)),), "the path or the server is slow"),
        patience=_PATIENT,
        on=FULL,
    ),
    row(
        "the way takes 3 s, and we wait 10 s",
        Look(Verdict.SLOW, (relayed(both_ways(delay_s=1.5)),), "the path or the server is slow"),
        timeout=10.0,
        patience=_PATIENT,
        on=FULL,
    ),
    # The answer comes while the experiments run, of a check that is the only one.
    row(
        "the way takes 3 s, and we wait 2 s",
        Look(
            Verdict.SLOW,
            (relayed(both_ways(delay_s=1.5)),),
            "the path or the server is slow",
            ("later than the timeout of 2.00 s",),
            (UNKNOWN_PEER,),
        ),
        patience=_PATIENT,
        on=(WIREGUARD_GO,),
    ),
    row(
        "data takes 1.5 s, the handshake is fast",
        Look(Verdict.SLOW, (relayed(both_ways(data_delay_s=0.75)),), says=("through the tunnel",)),
        patience=_PATIENT,
    ),
    row(
        "data takes 2.5 s, the handshake is fast",
        Look(Verdict.SLOW, (relayed(both_ways(data_delay_s=1.25)),), says=("through the tunnel",)),
        patience=_PATIENT,
        on=FULL,
    ),
    row(
        "15 of 100 packets are lost each way",
        Look(
            Verdict.LOSSY,
            _even_loss(0.15),
            "packets are lost on the path",
            seconds=45.0,
        ),
        watched=1,
        on=(WIREGUARD_GO,),
    ),
    row(
        "30 of 100 packets are lost each way",
        Look(
            Verdict.LOSSY,
            _even_loss(0.3),
            "packets are lost on the path",
            seconds=45.0,
        ),
        watched=1,
        on=(WIREGUARD_GO,),
    ),
)


def _cut(what: str, killer: Killer, **settings: object) -> Row:
    return row(
        f"the path cuts a {killer.per.value} off after {what}",
        Look(Verdict.DIES_AFTER, (relayed(RelaySettings(killer=killer)),), soak=True),
        on=(WIREGUARD_GO,),
        **settings,
    )


CUT = (
    _cut("10 packets", Killer(packets=10)),
    _cut("20 packets", Killer(packets=20)),
    _cut("20 packets", Killer(packets=20, per=Per.SESSION)),
    _cut("16 kB", Killer(size=16_000)),
    _cut("1 s", Killer(seconds=1.0), patience=Patience(idle_s=2.0)),
    _cut("5 s", Killer(seconds=5.0), patience=Patience(idle_s=6.0)),
    _cut("5 s", Killer(seconds=5.0, per=Per.SESSION), patience=Patience(idle_s=6.0)),
    row("all well, with a soak", Look(Verdict.HEALTHY, soak=True)),
)

ELSEWHERE = (
    row(
        "the answers come from another address",
        Look(
            Severity.DEGRADED,
            (relayed(RelaySettings(answer_from=AnswerFrom.OTHER_ADDRESS)),),
            says=("answers came from 10.77.",),
        ),
    ),
    row(
        "the answers come from another port",
        Look(
            Severity.DEGRADED,
            (relayed(RelaySettings(answer_from=AnswerFrom.OTHER_PORT)),),
            says=("answers came from 10.77.",),
        ),
    ),
)
