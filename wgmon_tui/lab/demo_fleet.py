"""The demo fleet on loopback: sixteen servers, healthy and with every kind of fault.

Some fail and recover during the demo. Round-trip times fit the regions in the names. Keys are new in every
run.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv6Address, ip_interface

from wgmon_tui.config.http_targets import parse_http_target
from wgmon_tui.config.keys import NO_PRESHARED_KEY, PresharedKey, PrivateKey, PublicKey
from wgmon_tui.config.models import (
    AMNEZIAWG,
    WIREGUARD,
    Fleet,
    Identity,
    SecretForm,
    SecretSource,
    Server,
)
from wgmon_tui.lab.models import LabBehaviour, LabMode, LabPeer, LabSetup, ModeStep
from wgmon_tui.lab.server import LabServer
from wgmon_tui.net.addresses import Interface
from wgmon_tui.protocols.amneziawg.parameters import HeaderRange, Parameters
from wgmon_tui.protocols.amneziawg.settings import AmneziaWgSettings
from wgmon_tui.protocols.amneziawg.signature_packets import SignaturePacket

_IDENTITY = "bastion"
_ADDRESSES = (ip_interface("10.8.0.250/32"), ip_interface("fd00::250/128"))
_OLD_IDENTITY = "nagios-old"
_OLD_ADDRESSES = (ip_interface("10.8.0.240/32"), ip_interface("fd00::240/128"))
_INNER = (IPv4Address("10.8.0.1"), IPv6Address("fd00::1"))
_URLS = (parse_http_target(f"http://{_INNER[0]}/health status=200 text=ready"),)
"""Fetched where h11 is installed: the demo runs without it too."""
_INTERVAL_S = 2.0
_TIMEOUT_S = 1.5


_AMNEZIAWG_PARAMETERS = Parameters(
    jc=4,
    jmin=40,
    jmax=70,
    s1=64,
    s2=32,
    s3=24,
    s4=16,
    h1=HeaderRange(1020325451, 1020329451),
    h2=HeaderRange(1766607858, 1766611858),
    h3=HeaderRange(2528465083, 2528469083),
    h4=HeaderRange(3288052141, 3288056141),
    i1=SignaturePacket.parse("<b 0xc70000000108><r 8><b 0x0000449e><r 64>"),
)


@dataclass(frozen=True, slots=True)
class DemoServer:
    """A demo server: its name, behaviour, tags and note."""

    name: str
    behaviour: LabBehaviour
    tags: tuple[str, ...]
    preshared: bool = False
    lists_next_key: bool = False
    """Whether servers.toml already lists the server's next key in `known_keys`."""
    knows_old_identity: bool = False
    """Whether the server still lists the previous monitoring key, which experiments may try."""
    note: str = ""
    amneziawg: Parameters | None = None
    serves_http: bool = False
    """Whether a URL is fetched through its tunnel."""


@dataclass(frozen=True, slots=True)
class DemoVantage:
    """Another vantage of the demo, with its own key, which some servers may not know."""

    public_key: PublicKey
    addresses: tuple[Interface, ...]
    unknown_to: tuple[str, ...] = ()


def _behaviour_at(milliseconds: float, *script: ModeStep, mode: LabMode = LabMode.HEALTHY) -> LabBehaviour:
    """A server at this latency, with a jitter of one twentieth.

    In lossy mode its loss is so high that checks fail despite retransmission.
    """
    latency_s = milliseconds / 1000
    return LabBehaviour(mode, latency=latency_s, jitter=latency_s / 20, loss=0.6, script=script)


def _failing_at_times(healthy_s: float, fault_s: float, fault: LabMode) -> tuple[ModeStep, ModeStep]:
    return ModeStep(healthy_s, LabMode.HEALTHY), ModeStep(fault_s, fault)


DEMO_SERVERS = (
    DemoServer("fra1-edge", _behaviour_at(11), ("eu", "edge"), preshared=True),
    DemoServer("fra2-edge", _behaviour_at(12), ("eu", "edge"), preshared=True),
    DemoServer("ams3-gw", _behaviour_at(4), ("eu", "gateway"), serves_http=True),
    DemoServer("lon1-gw", _behaviour_at(17, *_failing_at_times(45, 14, LabMode.CLOSED)), ("eu", "gateway")),
    DemoServer("waw1-branch", _behaviour_at(26, mode=LabMode.WRONG_PSK), ("eu", "branch"), preshared=True),
    DemoServer(
        "mad1-branch",
        _behaviour_at(31, mode=LabMode.ROTATED_KEY),
        ("eu", "branch"),
        lists_next_key=True,
        note="new server key from the 1st on",
    ),
    DemoServer(
        "sto1-office", _behaviour_at(24, mode=LabMode.UNKNOWN_PEER), ("eu", "office"), knows_old_identity=True
    ),
    DemoServer("nyc3-gw", _behaviour_at(84), ("us", "gateway"), preshared=True),
    DemoServer(
        "tor1-edge", _behaviour_at(96, *_failing_at_times(30, 20, LabMode.UNDER_LOAD)), ("us", "edge")
    ),
    DemoServer("sfo2-gw", _behaviour_at(147, *_failing_at_times(38, 16, LabMode.SLOW)), ("us", "gateway")),
    DemoServer(
        "gru1-relay",
        _behaviour_at(198),
        ("sa", "relay"),
        note="AmneziaWG",
        amneziawg=_AMNEZIAWG_PARAMETERS,
    ),
    DemoServer("blr1-core", _behaviour_at(128, *_failing_at_times(24, 18, LabMode.SILENT)), ("ap", "core")),
    DemoServer("sin2-relay", _behaviour_at(171), ("ap", "relay"), preshared=True),
    DemoServer("syd1-relay", _behaviour_at(238, *_failing_at_times(30, 60, LabMode.LOSSY)), ("ap", "relay")),
    DemoServer("mum1-relay", _behaviour_at(121, mode=LabMode.DATA_DROPPED), ("ap", "relay")),
    DemoServer("jnb1-edge", _behaviour_at(162, mode=LabMode.NOT_WIREGUARD), ("af", "edge")),
)
"""The demo servers. Six are always healthy, five start healthy and fail at times, five stay broken."""


class DemoFleet:
    """The demo servers and the fleet configuration that monitors them.

    The constructor binds the ports, so `fleet` is complete before `start`. `stop` must always be called.
    Servers admit `vantages` as well as the fleet's identity, with the same preshared keys. Raises OSError if
    loopback has no free port.
    """

    def __init__(
        self, demo_servers: tuple[DemoServer, ...] = DEMO_SERVERS, vantages: tuple[DemoVantage, ...] = ()
    ) -> None:
        self._vantages = vantages
        self.private_keys = {name: PrivateKey.generate() for name in (_IDENTITY, _OLD_IDENTITY)}
        self.preshared_keys: dict[str, PresharedKey] = {
            demo_server.name: PresharedKey(PrivateKey.generate().raw)
            for demo_server in demo_servers
            if demo_server.preshared
        }
        self.servers: dict[str, LabServer] = {}
        """By name, for tests that make one fail."""
        entries = []
        for demo_server in demo_servers:
            setup = self._setup(demo_server)
            server = LabServer(setup, demo_server.behaviour)
            self.servers[demo_server.name] = server
            entries.append(self._server_entry(demo_server, setup, server))
        self.fleet = Fleet(
            servers=tuple(entries),
            identities=(
                Identity(_IDENTITY, _inline(self.private_keys[_IDENTITY]), _ADDRESSES),
                Identity(_OLD_IDENTITY, _inline(self.private_keys[_OLD_IDENTITY]), _OLD_ADDRESSES),
            ),
        )

    async def start(self) -> None:
        """Start to answer and to follow the fault scripts."""
        for server in self.servers.values():
            await server.start()

    async def stop(self) -> None:
        """Stop answering and close the ports."""
        for server in self.servers.values():
            await server.stop()

    def _setup(self, demo_server: DemoServer) -> LabSetup:
        peer = self._peer(demo_server, self.private_keys[_IDENTITY].public, _ADDRESSES)
        old = self._peer(demo_server, self.private_keys[_OLD_IDENTITY].public, _OLD_ADDRESSES)
        vantages = (
            self._peer(demo_server, vantage.public_key, vantage.addresses)
            for vantage in self._vantages
            if demo_server.name not in vantage.unknown_to
        )
        return LabSetup(
            PrivateKey.generate(),
            (peer, *vantages),
            _INNER,
            rotated_to=PrivateKey.generate(),
            remaining_peers=(old,) if demo_server.knows_old_identity else (),
            amneziawg=demo_server.amneziawg,
            serves_http=demo_server.serves_http,
        )

    def _peer(self, demo_server: DemoServer, key: PublicKey, addresses: tuple[Interface, ...]) -> LabPeer:
        return LabPeer(
            key,
            tuple(address.network for address in addresses),
            self.preshared_keys.get(demo_server.name, NO_PRESHARED_KEY),
        )

    def _server_entry(self, demo_server: DemoServer, setup: LabSetup, server: LabServer) -> Server:
        preshared = self.preshared_keys.get(demo_server.name)
        rotated = setup.rotated_to
        return Server(
            name=demo_server.name,
            endpoint=server.endpoint,
            public_key=server.public_key,
            identity=_IDENTITY,
            known_keys=(rotated.public,) if rotated and demo_server.lists_next_key else (),
            preshared_key=_inline(preshared) if preshared else None,
            tunnel_ping=_INNER,
            tunnel_http=_URLS if demo_server.serves_http and find_spec("h11") else (),
            try_identities=demo_server.knows_old_identity,
            tags=demo_server.tags,
            interval=_INTERVAL_S,
            timeout=_TIMEOUT_S,
            note=demo_server.note,
            protocol=AMNEZIAWG if demo_server.amneziawg else WIREGUARD,
            protocol_settings=demo_server.amneziawg and AmneziaWgSettings.of(demo_server.amneziawg),
        )


def _inline(key: PrivateKey | PresharedKey) -> SecretSource:
    return SecretSource(SecretForm.INLINE, key.to_text())
