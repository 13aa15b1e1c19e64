"""Hand-made rounds of an agent."""

from __future__ import annotations

import time
from dataclasses import replace
from ipaddress import IPv4Address

from wgmon_tui.checks.check import Check, Direction, Handshake, Packet
from wgmon_tui.checks.evidence import Silence
from wgmon_tui.config.keys import PublicKey
from wgmon_tui.config.models import Server
from wgmon_tui.monitor.models import Round
from wgmon_tui.net.addresses import Endpoint
from wgmon_tui.protocols.wireguard.diagnose import diagnose

FRA1 = Server("fra1", Endpoint("fra1.example.net", 51820), PublicKey(bytes(31) + b"\x09"), "bastion")
ADDRESS = IPv4Address("192.0.2.1")


def healthy(server: Server = FRA1, at: float | None = None) -> Round:
    handshake = Handshake(0.02)
    return _round(_check(server, at, handshake), replace(server, tunnel=False))


def silent(server: Server = FRA1, at: float | None = None) -> Round:
    check = _check(server, at, None)
    return _round(replace(check, evidence=(Silence(5.0),)), server)


def _check(server: Server, at: float | None, handshake: Handshake | None) -> Check:
    sent = Packet(0.0, Direction.SENT, bytes(148))
    began = time.time() if at is None else at
    return Check(server.name, "local", server.endpoint, ADDRESS, began, handshake, exchange=(sent,), sent=1)


def _round(check: Check, server: Server) -> Round:
    return Round((check,), (diagnose(check, server),))
