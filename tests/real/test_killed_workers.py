"""Tests of killed worker processes on wireguard-go, which ignores an initiation without a later timestamp."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from tests.daemon.harness import CLIENT, quick_server
from tests.real.wireguard_go import WireguardGo
from tests.workers.harness import checking, kill
from wgmon_tui.checks import tai64n
from wgmon_tui.checks.check import Check
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.handshake import Initiator
from wgmon_tui.store.identity_lock import identity_digest

AHEAD_S = 600
"""How far the timestamps are ahead of the clock: one that forgets them is ignored until the test ends."""

KILLS = 3


def use_timestamp_ahead(server: WireguardGo, state: Path) -> None:
    """Shake hands with a timestamp that the clock reaches only after the test, and store it as used."""
    timestamp = tai64n.encode(time.time_ns() + AHEAD_S * 10**9)
    attempt = Initiator(CLIENT, server.public_key).initiate(1, timestamp)
    host, port = server.endpoint(4)
    with server.vantage(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.settimeout(30)
        sending.sendto(attempt.packet, (str(host), port))
        attempt.complete(sending.recv(2048))
    stamps = state / "stamps"
    stamps.mkdir(parents=True, mode=0o700)
    (stamps / identity_digest(CLIENT.public).hex()).write_bytes(timestamp)


async def test_the_first_handshake_of_a_restarted_worker_is_accepted(
    tmp_path: Path, wireguard_go: WireguardGo
) -> None:
    wireguard_go.device.configure(f"[Peer]\nPublicKey = {CLIENT.public}\nAllowedIPs = 10.7.0.250/32\n")
    use_timestamp_ahead(wireguard_go, tmp_path / "state")
    host, port = wireguard_go.endpoint(4)
    server = quick_server("office", Endpoint(str(host), port), key=wireguard_go.public_key)
    checks: list[Check] = []
    with wireguard_go.vantage():
        async with checking(tmp_path, [server]) as place:
            place.writer.engine.listen(
                lambda _, outcome, __: checks.extend(outcome.checks if outcome else ())
            )
            number = next(number for number, each in enumerate(place.workers) if each.servers)
            for _ in range(KILLS):
                before = place.workers[number].pid
                kill(before)
                await place.restarted(number, before)
                await place.each_checked(2)
    assert len(checks) >= 2 * KILLS
    # A refused initiation is sent again after half of the timeout, and that one may be accepted.
    assert [each for each in checks if each.handshake is None or each.handshake.retransmits] == []
