"""What works where the package `cryptography` is missing. Imports it neither."""

from __future__ import annotations

from ipaddress import ip_address

from wgmon_tui.checks.check import Check, Direction, Packet
from wgmon_tui.checks.evidence import Silence
from wgmon_tui.config.models import Server
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.ikev2.protocol import PROTOCOL
from wgmon_tui.protocols.ikev2.settings import Ikev2Settings
from wgmon_tui.protocols.ikev2.targets import join_servers

_ENDPOINT = Endpoint("fra1", 500)
_SERVER = Server("fra1", _ENDPOINT, protocol="ikev2", protocol_settings=Ikev2Settings())
_SEALED = bytes.fromhex("0101010101010101020202020202020223202320000000010000002400000008") + bytes(4)


def problem() -> str:
    """The line of the only server."""
    return join_servers([_SERVER], {}).problems["fra1"]


def view() -> str:
    """A check as a viewer shows it: verdict, fields, values and remarks."""
    packets = (Packet(0.0, Direction.SENT, _SEALED), Packet(0.1, Direction.RECEIVED, bytes(range(1, 80))))
    check = Check(
        "fra1",
        "local",
        _ENDPOINT,
        ip_address("192.0.2.7"),
        0.0,
        None,
        evidence=(Silence(2.0),),
        exchange=packets,
        protocol="ikev2",
    )
    for number, packet in enumerate(packets):
        for field in PROTOCOL.fields_of(packet.data, check.framing):
            PROTOCOL.value_of(check, number, field)
        PROTOCOL.remark_on(check, packet)
        PROTOCOL.label_of(packet.data)
        PROTOCOL.transport_of(check, packet)
    PROTOCOL.find_decisive_field(check)
    return PROTOCOL.diagnose(check, _SERVER).verdict.slug
