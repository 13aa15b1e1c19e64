"""Hostile datagrams at the IKEv2 client, in memory: `python -m tests.harm.ikev2_datagrams [COUNT]`.

An attacker first speaks alone, knowing every request: nothing may raise, last past the deadline or prove a
server. Then he speaks blindly beside an honest server: each session must complete. Then he reads along.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from tests.harm.datagram_attacker import DatagramAttacker
from wgmon_tui.lab.ikev2.responder import LabIkeResponder, LabIkeSetup
from wgmon_tui.protocols.ikev2.child_tunnel import ChildTunnel
from wgmon_tui.protocols.ikev2.client import IkeClient
from wgmon_tui.protocols.ikev2.client_options import AuthenticationOptions, ClientOptions, PathEnds
from wgmon_tui.protocols.ikev2.credentials import SharedSecret
from wgmon_tui.protocols.ikev2.esp import EspError
from wgmon_tui.protocols.ikev2.events import Established, ServerProven
from wgmon_tui.protocols.ikev2.identities import parse_identity
from wgmon_tui.protocols.ikev2.message_fields import fields_of, label_of
from wgmon_tui.protocols.ikev2.offers import child_request
from wgmon_tui.protocols.ikev2.proposals import parse_proposal
from wgmon_tui.protocols.ikev2.security_association import offer
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings
from wgmon_tui.protocols.ikev2.tunnel_stage import open_esp

USUAL_COUNT = 1_000_000
_SESSION_DATAGRAMS = 500
_TIMEOUT_S = 5.0
_ALLOWED_GROWTH_MB = 32
_SECRET = b"correct horse"
_SERVER, _CLIENT = ("127.0.0.1", 4711), ("127.0.0.1", 5555)
_PROPOSALS = (parse_proposal("aes128gcm16-prfsha256-curve25519"), parse_proposal("aes256-sha256-ecp256"))
_SPI_OFFSETS, _HEADER = range(16), 28


@dataclass(slots=True)
class Figures:
    """What the datagrams did. All but the first three must stay 0."""

    datagrams: int = 0
    sessions: int = 0
    completed: int = 0
    raised: Counter[str] = field(default_factory=Counter)
    fooled: int = 0
    """Servers that an attacker proved without the secret, and ESP packets of his that were accepted."""
    broken: int = 0
    """Sessions beside a blind attacker that did not complete."""
    endless: int = 0
    """Sessions that still waited after their deadlines."""


def _as_answer(source: random.Random, message: bytearray) -> bytes:
    """A message with the flag of a response, its length corrected, and some bytes changed."""
    if len(message) >= _HEADER:
        for _ in range(source.randrange(4)):
            at = source.randrange(_HEADER, len(message) + 1) % len(message)
            if at not in _SPI_OFFSETS:
                message[at] = source.randrange(256)
        message[19] = 0x20
        message[24:28] = len(message).to_bytes(4, "big")
    return bytes(message)


def make_attacker(seed: int) -> DatagramAttacker:
    """An attacker who knows an empty message."""
    return DatagramAttacker(seed, bytes(_HEADER), _as_answer)


def make_client(secret: bytes = _SECRET) -> IkeClient:
    """A client of the server that has this secret."""
    authentication = AuthenticationOptions(
        SharedSecret(secret),
        parse_identity("monitor.example.net"),
        parse_identity("gw.example.net"),
        (),
        time.time(),
        child_request(Ikev2Settings()),
    )
    local, remote = IPv4Address(_CLIENT[0]), IPv4Address(_SERVER[0])
    path = PathEnds(local, _CLIENT[1], remote, _SERVER[1])
    return IkeClient(ClientOptions(offer(_PROPOSALS), _TIMEOUT_S, authentication), path)


def run(count: int, seed: int = 1) -> Figures:
    """Send so many datagrams to clients, alone and beside an honest server."""
    figures, attacker = Figures(), make_attacker(seed)
    attacker.seen += _complete(figures, make_client(), lambda *_: None)
    figures.completed = 0
    each = min(_SESSION_DATAGRAMS, count)
    while figures.datagrams < count:
        for runs in (_run_alone, _run_blind, _run_reading):
            runs(attacker, figures, each)
            figures.sessions += 1
    return figures


def _hit(client: IkeClient, packet: bytes, figures: Figures, now: float) -> list[object]:
    figures.datagrams += 1
    try:
        client.receive(packet, now)
        client.advance(now)
        fields_of(packet)
        label_of(packet)
        return [*client.take_events()]
    except Exception as error:  # noqa: BLE001  any of them breaks the promise
        figures.raised[type(error).__name__] += 1
        return []


def _run_alone(attacker: DatagramAttacker, figures: Figures, count: int) -> None:
    client = make_client()
    client.begin(0.0)
    earlier = attacker.seen
    attacker.seen = [*earlier[-20:], *(each.data for each in client.take_datagrams())]
    for number in range(count):
        events = _hit(client, attacker.make(), figures, number / 1000)
        figures.fooled += any(isinstance(each, ServerProven | Established) for each in events)
        attacker.seen += [each.data for each in client.take_datagrams()][:4]
        attacker.seen = attacker.seen[-200:]
    attacker.seen = earlier
    _end(client, figures)


def _run_blind(attacker: DatagramAttacker, figures: Figures, count: int) -> None:
    def between(client: IkeClient, _: list[bytes]) -> None:
        for _number in range(count // 8):
            _hit_beside(client, attacker.make(), figures)

    completed = figures.completed
    _complete(figures, make_client(), between)
    figures.broken += figures.completed == completed


def _run_reading(attacker: DatagramAttacker, figures: Figures, count: int) -> None:
    earlier = attacker.seen

    def between(client: IkeClient, packets: list[bytes]) -> None:
        attacker.seen = [*earlier[-20:], *packets]
        for _number in range(count // 8):
            _hit_beside(client, attacker.make(), figures)

    completed = figures.completed
    _complete(figures, make_client(b"not the secret of the server"), between)
    figures.fooled += figures.completed - completed
    attacker.seen = earlier


def _hit_beside(client: IkeClient, packet: bytes, figures: Figures) -> None:
    """A datagram beside an honest server, whose own answers cause the events that count."""
    figures.datagrams += 1
    try:
        client.receive(packet, 0.0)
        fields_of(packet)
    except Exception as error:  # noqa: BLE001  any of them breaks the promise
        figures.raised[type(error).__name__] += 1


def _complete(
    figures: Figures, client: IkeClient, between: Callable[[IkeClient, list[bytes]], None]
) -> list[bytes]:
    """A session with an honest server, and its packets. `between` gets the client before each answer."""
    server = LabIkeResponder(LabIkeSetup("gw.example.net", _SECRET), _SERVER)
    packets: list[bytes] = []
    client.begin(0.0)
    established: Established | None = None
    for _ in range(8):
        sent = [each.data for each in client.take_datagrams()]
        packets += sent
        between(client, packets)
        for packet in sent:
            answer = server.receive(packet, _CLIENT)
            if answer is not None:
                packets.append(answer)
                client.receive(answer, 0.0)
        for event in client.take_events():
            established = event if isinstance(event, Established) else established
        if established is not None or not client.is_waiting:
            break
    if established is not None and established.child is not None:
        figures.completed += 1
        tunnel = ChildTunnel(open_esp(established.child), {4: IPv4Address("10.9.0.2")}, ())
        _attack_tunnel(tunnel, packets, figures)
    _end(client, figures)
    return packets


def _attack_tunnel(tunnel: ChildTunnel, packets: list[bytes], figures: Figures) -> None:
    attacker = make_attacker(len(packets))
    attacker.seen = [*packets, *tunnel.send(0)]
    for _ in range(20):
        figures.datagrams += 1
        try:
            tunnel.receive(attacker.make(), 1)
            figures.fooled += 1
        except EspError:
            continue
        except Exception as error:  # noqa: BLE001  as above
            figures.raised[type(error).__name__] += 1


def _end(client: IkeClient, figures: Figures) -> None:
    client.advance(1_000.0)
    client.end(1_000.0)
    client.take_datagrams()
    client.advance(2_000.0)
    figures.endless += client.is_waiting


def main() -> int:
    """Print the figures; 1 if a promise does not hold."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else USUAL_COUNT
    run(20_000)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    found = run(count)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    took = time.monotonic() - began
    print(
        f"{found.datagrams} datagrams in {found.sessions} sessions, "
        f"{took / found.datagrams * 1e6:.0f} µs each: "
        f"{sum(found.raised.values())} exceptions {dict(found.raised)}, {found.fooled} fooled, "
        f"{found.broken} sessions beside a blind attacker broken, {found.completed} completed, "
        f"{found.endless} endless, memory grew by {grown:.1f} MB"
    )
    held = not found.raised and not found.fooled and not found.broken and not found.endless
    return int(not held or grown > _ALLOWED_GROWTH_MB)


if __name__ == "__main__":
    sys.exit(main())
